//! Whole repositories as files.

use fs_err as fs;

use super::stage::{Stage, assert_sound, edits, git, id};
use crate::name::BranchName;
use crate::repository::{Error, RecordName, RecordUpdate};

#[test]
fn a_repository_comes_back_whole() {
    let stage = Stage::new();
    let record = RecordUpdate { name: RecordName::for_location("here"), edits: edits(&[("a", Some("1"))]) };
    stage.commit(&edits(&[("slxs/a/slx.yaml", Some("x: 1\n"))]), &[record]);
    stage.repository.create_branch(&BranchName::parse("other/one").unwrap(), stage.head()).unwrap();
    git(stage.repository.directory(), &["tag", "v1", "main"]);
    let bundle = stage.root.path().join("ws.bundle");
    stage.repository.write_bundle(&bundle).unwrap();
    let restored = stage.store.restore(&id("again"), &BranchName::main(), &bundle).unwrap();
    let refs = |directory| git(directory, &["for-each-ref"]);
    assert_eq!(refs(restored.directory()), refs(stage.repository.directory()));
    assert_eq!(refs(restored.directory()).lines().count(), 4);
    assert_sound(restored.directory());
    let mut taken = fs::read_dir(restored.directory()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(!taken.any(|name| name == "FETCH_HEAD"), "a fetch leaves its notes");
    let error = stage.store.restore(&id("again"), &BranchName::main(), &bundle).unwrap_err();
    insta::assert_snapshot!(error, @"repository `again` exists already");
}

#[test]
fn what_is_no_bundle_leaves_no_repository() {
    let stage = Stage::new();
    let bundle = stage.root.path().join("ws.bundle");
    stage.repository.write_bundle(&bundle).unwrap();
    let whole = fs::read(&bundle).unwrap();
    for damaged in [&b"nothing"[..], &whole[..whole.len() - 30]] {
        fs::write(&bundle, damaged).unwrap();
        let error = stage.store.restore(&id("again"), &BranchName::main(), &bundle).unwrap_err();
        assert!(matches!(error, Error::Program { command: "fetch", .. }), "{error}");
    }
    fs::write(&bundle, whole).unwrap();
    let other = BranchName::parse("trunk").unwrap();
    let error = stage.store.restore(&id("again"), &other, &bundle).unwrap_err();
    insta::assert_snapshot!(error, @"there is no branch `trunk` in it");
    assert_eq!(stage.store.ids().unwrap(), [id("ws")]);
    assert_eq!(fs::read_dir(stage.root.path().join("repositories")).unwrap().count(), 3);
}

#[test]
fn a_head_is_seen_without_opening() {
    let stage = Stage::new();
    let peek = |name: &str| stage.store.peek_head(&id("ws"), &BranchName::parse(name).unwrap()).unwrap();
    assert_eq!(peek("main"), Some(stage.head()));
    assert_eq!(peek("none"), None);
    git(stage.repository.directory(), &["pack-refs", "--all"]);
    stage.repository.refresh().unwrap();
    assert_eq!(peek("main"), Some(stage.head()));
}
