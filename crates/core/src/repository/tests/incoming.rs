//! Objects from elsewhere, and the names at the root that they bring.

use std::path::{Path, PathBuf};

use fs_err as fs;

use super::stage::{Stage, assert_sound, edits, git, git_command};
use crate::name::BranchName;
use crate::oid::CommitId;
use crate::repository::Incoming;

/// Clones the stage's repository.
fn cloned(stage: &Stage) -> PathBuf {
    let clone = stage.root.path().join("clone");
    let source = stage.repository.directory().display().to_string();
    git(stage.root.path(), &["clone", "-q", &source, clone.to_str().unwrap()]);
    clone
}

fn commit(clone: &Path, files: &[(&str, Option<&str>)]) -> CommitId {
    for (path, text) in files {
        let path = clone.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        match text {
            Some(text) => fs::write(path, text).unwrap(),
            None => fs::remove_file(path).unwrap(),
        }
    }
    git(clone, &["add", "-A"]);
    git(clone, &["commit", "-q", "-m", "change"]);
    CommitId::parse(git(clone, &["rev-parse", "HEAD"]).trim()).unwrap()
}

/// Fetches a clone's branch into a directory of its own, past all references.
fn fetch(stage: &Stage, clone: &Path) -> Incoming {
    let incoming = stage.repository.incoming().unwrap();
    let fetched = git_command(stage.repository.directory())
        .env("GIT_OBJECT_DIRECTORY", incoming.path())
        .env("GIT_ALTERNATE_OBJECT_DIRECTORIES", stage.repository.objects_directory())
        .args(["-c", "fetch.unpackLimit=1", "fetch", "-q", "--no-write-fetch-head"])
        .args([clone.to_str().unwrap(), "refs/heads/main"])
        .output()
        .unwrap();
    assert!(fetched.status.success(), "{}", String::from_utf8_lossy(&fetched.stderr));
    incoming
}

#[test]
fn what_was_fetched_is_there_when_it_is_admitted_and_leaves_nothing_otherwise() {
    let stage = Stage::new();
    let (clone, old) = (cloned(&stage), stage.head());
    let new = commit(&clone, &[("slxs/a/slx.yaml", Some("x: 1\n"))]);
    let incoming = fetch(&stage, &clone);
    let place = incoming.path().to_owned();
    assert!(incoming.bytes().unwrap() > 100);
    let quarantine = stage.repository.quarantined(incoming.path()).unwrap();
    assert!(quarantine.is_descendant(old, new).unwrap());
    assert!(stage.repository.commit_info(new).is_err());
    drop(incoming);
    assert!(!place.exists() && stage.repository.commit_info(new).is_err());

    let incoming = fetch(&stage, &clone);
    let place = incoming.path().to_owned();
    stage.repository.admit(incoming).unwrap();
    assert!(!place.exists());
    assert!(stage.repository.hold().fast_forward(&BranchName::main(), old, new).unwrap());
    assert_eq!(stage.head(), new);
    assert_sound(stage.repository.directory());
}

#[test]
fn only_a_branch_with_nothing_but_its_first_commit_is_replaced() {
    let stage = Stage::new();
    let other = stage.root.path().join("other");
    git(stage.root.path(), &["init", "-q", "-b", "main", "other"]);
    let theirs = commit(&other, &[("workspace.yaml", Some("kind: Workspace\n"))]);
    stage.repository.admit(fetch(&stage, &other)).unwrap();
    let (main, first) = (BranchName::main(), stage.head());
    assert!(!stage.repository.hold().replace_first(&main, theirs, theirs).unwrap(), "it is not there");
    stage.commit(&edits(&[("a", Some("1"))]), &[]);
    let second = stage.head();
    assert!(!stage.repository.hold().replace_first(&main, first, theirs).unwrap());
    assert!(!stage.repository.hold().replace_first(&main, second, theirs).unwrap());
    assert_eq!(stage.head(), second);

    let stage = Stage::new();
    stage.repository.admit(fetch(&stage, &other)).unwrap();
    assert!(stage.repository.hold().replace_first(&main, stage.head(), theirs).unwrap());
    assert_eq!(stage.head(), theirs);
    assert_sound(stage.repository.directory());
}

#[test]
fn names_with_a_dot_are_found_in_every_commit_that_brings_them() {
    let stage = Stage::new();
    let (clone, base) = (cloned(&stage), stage.head());
    let hidden = commit(&clone, &[(".github/x.yml", Some("on: push\n"))]);
    commit(&clone, &[(".github/x.yml", None), ("docs/.hidden", Some("fine\n"))]);
    let visible = commit(&clone, &[(".gitattributes", Some("* text\n"))]);
    let head = commit(&clone, &[("README.md", Some("more\n"))]);
    let incoming = fetch(&stage, &clone);
    let quarantine = stage.repository.quarantined(incoming.path()).unwrap();
    let brought = quarantine.dot_names(head, &[base]).unwrap();
    let brought: Vec<_> = brought.iter().map(|it| (it.name.as_str(), it.commit)).collect();
    assert_eq!(brought, [(".gitattributes", visible), (".github", hidden)]);
    assert_eq!(quarantine.dot_names(head, &[hidden, visible]).unwrap(), []);

    stage.repository.admit(incoming).unwrap();
    let names = |old, new| Vec::from_iter(stage.repository.dot_names(old, new).unwrap());
    assert_eq!(names(Some(base), head), [".gitattributes", ".github"]);
    assert_eq!(names(Some(visible), head), [".gitattributes"]);
    assert_eq!(names(None, base), [""; 0]);
}
