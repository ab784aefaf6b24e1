//! What a commit does, case by case.

use super::stage::{Stage, assert_sound, commit, edits, git};
use crate::name::BranchName;
use crate::oid::{BlobId, CommitId};
use crate::path::RepoPath;
use crate::repository::{Error, Outcome, RecordName, RecordUpdate};
use crate::tree::{Edit, Edits, FileTree};

fn record(location: &str, list: &[(&str, Option<&str>)]) -> RecordUpdate {
    RecordUpdate { name: RecordName::for_location(location), edits: edits(list) }
}

fn paths(tree: &impl FileTree) -> Vec<&str> {
    tree.files().keys().map(RepoPath::as_str).collect()
}

#[test]
fn a_commit_is_what_git_reads() {
    let stage = Stage::new();
    let change = edits(&[("slxs/a/slx.yaml", Some("a")), ("b", Some("b"))]);
    let Outcome::Committed(id) = stage.commit(&change, &[]) else { panic!("no commit") };
    assert_eq!(stage.head(), id);
    let directory = stage.repository.directory();
    assert_sound(directory);
    let format = "--format=%an <%ae>|%cn|%at|%s|%(trailers:key=Request-Id,valueonly)";
    let shown = git(directory, &["log", format, "-1"]);
    assert_eq!(shown.trim(), "Ada <ada@example.com>|Ada|1700000001|Change|r1");
    let names = git(directory, &["ls-tree", "-r", "--name-only", "main"]);
    assert_eq!(names, "README.md\nb\nslxs/a/slx.yaml\n");
    assert_eq!(git(directory, &["show", "main:slxs/a/slx.yaml"]), "a");
}

#[test]
fn the_same_content_is_no_commit() {
    let stage = Stage::new();
    let head = stage.head();
    assert_eq!(
        stage.commit(&edits(&[("README.md", Some("hello\n")), ("none", None)]), &[]),
        Outcome::Unchanged
    );
    assert_eq!(stage.commit(&Edits::new(), &[]), Outcome::Unchanged);
    assert_eq!(stage.head(), head);
}

#[test]
fn a_branch_elsewhere_is_a_conflict_and_changes_nothing() {
    let stage = Stage::new();
    let first = stage.head();
    let Outcome::Committed(second) = stage.commit(&edits(&[("a", Some("1"))]), &[]) else {
        panic!("no commit")
    };
    let change = edits(&[("a", Some("2"))]);
    let late = [record("here", &[("a", Some("2"))])];
    assert_eq!(
        commit(&stage.repository, Some(first), &change, &late).unwrap(),
        Outcome::Conflict(Some(second))
    );
    assert_eq!(commit(&stage.repository, None, &change, &late).unwrap(), Outcome::Conflict(Some(second)));
    assert_eq!(stage.head(), second);
    assert!(stage.repository.record(&late[0].name).unwrap().files().is_empty());
}

#[test]
fn a_branch_moved_behind_our_back_is_a_conflict_and_is_seen_afterwards() {
    let stage = Stage::new();
    let first = stage.head();
    stage.commit(&edits(&[("a", Some("1"))]), &[]);
    let directory = stage.repository.directory();
    git(directory, &["update-ref", "refs/heads/main", &first.to_string()]);
    let outcome = stage.commit(&edits(&[("b", Some("1"))]), &[]);
    assert_eq!(outcome, Outcome::Conflict(Some(first)));
    assert!(matches!(stage.commit(&edits(&[("b", Some("1"))]), &[]), Outcome::Committed(_)));
    assert_sound(directory);
}

#[test]
fn packed_references_are_compared_and_moved() {
    let stage = Stage::new();
    stage.commit(&edits(&[("a", Some("1"))]), &[record("here", &[("a", Some("1"))])]);
    let directory = stage.repository.directory();
    git(directory, &["pack-refs", "--all", "--prune"]);
    assert!(!directory.join("refs/heads/main").exists());
    let moved = stage.commit(&edits(&[("a", Some("2"))]), &[record("here", &[("a", Some("2"))])]);
    let Outcome::Committed(second) = moved else { panic!("{moved:?}") };
    assert_eq!(git(directory, &["rev-parse", "main"]).trim(), second.to_string());
    stage.repository.refresh().unwrap();
    assert_eq!(stage.head(), second);
    assert_eq!(stage.repository.record(&RecordName::for_location("here")).unwrap().files().len(), 1);
    assert_sound(directory);
}

#[test]
fn records_move_with_the_branch_or_alone() {
    let stage = Stage::new();
    let name = RecordName::for_location("here");
    let change = edits(&[("a", Some("1"))]);
    let Outcome::Committed(head) = stage.commit(&change, &[record("here", &[("a", Some("1"))])]) else {
        panic!("no commit")
    };
    assert_eq!(stage.commit(&change, &[record("here", &[("b", Some("2"))])]), Outcome::Unchanged);
    assert_eq!(stage.head(), head);
    let snapshot = stage.repository.record(&name).unwrap();
    assert_eq!(paths(&snapshot), ["a", "b"]);
    assert_eq!(snapshot.read_path("b").unwrap().unwrap(), "2");
    assert_eq!(stage.commit(&change, &[record("here", &[("a", None), ("b", None)])]), Outcome::Unchanged);
    assert!(stage.repository.record(&name).unwrap().files().is_empty());
    let twice = [record("here", &[("d/a", Some("1"))]), record("here", &[("d/b", Some("2"))])];
    assert_eq!(stage.commit(&change, &twice), Outcome::Unchanged);
    assert_eq!(paths(&stage.repository.record(&name).unwrap()), ["d/a", "d/b"]);
    assert_sound(stage.repository.directory());
}

#[test]
fn a_file_and_a_directory_can_not_share_a_path() {
    let stage = Stage::new();
    stage.commit(&edits(&[("a/b", Some("1")), ("c", Some("1"))]), &[]);
    let head = Some(stage.head());
    for (change, path) in [
        (edits(&[("a", Some("file"))]), "a"),
        (edits(&[("c/d", Some("below a file"))]), "c"),
        (edits(&[("x", Some("1")), ("x/y", Some("1"))]), "x"),
    ] {
        let error = commit(&stage.repository, head, &change, &[]).unwrap_err();
        assert!(matches!(&error, Error::PathConflict { path: at } if at == path), "{error}");
    }
    let error = commit(&stage.repository, head, &edits(&[("a/b/c", Some("1"))]), &[]).unwrap_err();
    insta::assert_snapshot!(error, @"`a/b` can't be a file and a directory at the same time");
    assert_eq!(Some(stage.head()), head);
    // Moving one out of the other's way in the same commit is fine.
    let change = edits(&[("a/b", None), ("a", Some("file")), ("c", None), ("c/d", Some("1"))]);
    assert!(matches!(stage.commit(&change, &[]), Outcome::Committed(_)));
    assert_eq!(paths(&stage.repository.snapshot(stage.head()).unwrap()), ["README.md", "a", "c/d"]);
    assert_sound(stage.repository.directory());
}

#[test]
fn modes_are_kept_and_links_become_files() {
    let stage = Stage::new();
    let directory = stage.repository.directory();
    let work = stage.root.path().join("work");
    git(stage.root.path(), &["clone", "-q", directory.to_str().unwrap(), "work"]);
    fs_err::write(work.join("run.sh"), "#!").unwrap();
    fs_err::os::unix::fs::symlink("README.md", work.join("link")).unwrap();
    git(&work, &["add", "-A"]);
    git(&work, &["update-index", "--chmod=+x", "run.sh"]);
    git(&work, &["commit", "-qm", "by hand"]);
    git(&work, &["push", "-q", "origin", "main"]);
    stage.repository.refresh().unwrap();
    stage.commit(&edits(&[("run.sh", Some("#!/bin/sh")), ("link", Some("text")), ("new", Some("n"))]), &[]);
    let listed = git(directory, &["ls-tree", "--format=%(objectmode) %(path)", "main"]);
    assert_eq!(listed, "100644 README.md\n100644 link\n100644 new\n100755 run.sh\n");
    assert_sound(directory);
}

#[test]
fn links_name_blobs_that_are_there() {
    let stage = Stage::new();
    let path = |text: &str| RepoPath::parse(text).unwrap();
    let (old, new) = (BlobId::of(b"hello\n"), BlobId::of(b"new"));
    let mut change = edits(&[("moved/README.md", None), ("written", Some("new"))]);
    change.insert(path("moved/README.md"), Edit::Link(old));
    change.insert(path("linked"), Edit::Link(new));
    assert!(matches!(stage.commit(&change, &[]), Outcome::Committed(_)));
    let snapshot = stage.repository.snapshot(stage.head()).unwrap();
    assert_eq!(snapshot.read_path("moved/README.md").unwrap().unwrap(), "hello\n");
    assert_eq!(snapshot.read_path("linked").unwrap().unwrap(), "new");
    let change = Edits::from([(path("bad"), Edit::Link(BlobId::of(b"nowhere")))]);
    let error = commit(&stage.repository, Some(stage.head()), &change, &[]).unwrap_err();
    insta::assert_snapshot!(error, @"no blob `5425ec0feb1edc20db0d742ffb8877b972b46134` in the repository");
    let commit_id = BlobId::from_bytes(*stage.head().as_bytes());
    let change = Edits::from([(path("bad"), Edit::Link(commit_id))]);
    let error = commit(&stage.repository, Some(stage.head()), &change, &[]).unwrap_err();
    assert!(matches!(error, Error::WrongKind { actual: "commit", expected: "blob", .. }), "{error}");
}

#[test]
fn content_that_the_branch_holds_is_not_written_again() {
    let stage = Stage::new();
    stage.commit(&edits(&[("a", Some("content"))]), &[]);
    stage.repository.snapshot(stage.head()).unwrap();
    stage.commit(&edits(&[("b", Some("content"))]), &[]);
    let counted = git(stage.repository.directory(), &["count-objects", "-v"]);
    // First commit: 3 objects; second: commit, tree, blob; third: commit and tree only.
    assert!(counted.contains("in-pack: 8\n"), "{counted}");
    assert!(counted.contains("garbage: 0\n") && counted.contains("count: 0\n"), "{counted}");
}

#[test]
fn branches_begin_at_commits() {
    let stage = Stage::new();
    let head = stage.head();
    let feature = BranchName::parse("feature/x").unwrap();
    stage.repository.create_branch(&feature, head).unwrap();
    assert_eq!(stage.repository.head(&feature).unwrap(), Some(head));
    let again = stage.repository.create_branch(&feature, head).unwrap_err();
    insta::assert_snapshot!(again, @"branch `feature/x` exists already");
    for name in ["feature", "feature/x/y"] {
        let error = stage.repository.create_branch(&BranchName::parse(name).unwrap(), head).unwrap_err();
        assert!(matches!(error, Error::BranchCollision { .. }), "{error}");
    }
    let nowhere = CommitId::from_bytes([7; 20]);
    let error = stage.repository.create_branch(&BranchName::parse("y").unwrap(), nowhere).unwrap_err();
    insta::assert_snapshot!(error, @r#"no branch, tag or commit "0707070707070707070707070707070707070707""#);
    assert_sound(stage.repository.directory());
}

#[test]
fn large_and_incompressible_content_is_kept_byte_for_byte() {
    let stage = Stage::new();
    let mut noise = 1_u64;
    let mut bytes = || {
        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (noise >> 56) as u8
    };
    let mut change = Edits::new();
    for (index, size) in [0, 1, 15, 16, 2047, 2048, 100_000, 3_000_000].into_iter().enumerate() {
        let content: Vec<u8> = (0..size).map(|_| bytes()).collect();
        change.insert(RepoPath::parse(&format!("f{index}")).unwrap(), Edit::Write(content.into()));
    }
    assert!(matches!(stage.commit(&change, &[]), Outcome::Committed(_)));
    let snapshot = stage.repository.snapshot(stage.head()).unwrap();
    for (path, edit) in &change {
        let Edit::Write(content) = edit else { panic!("not written") };
        assert!(snapshot.read_path(path.as_str()).unwrap().unwrap() == *content, "{path}");
    }
    let id = snapshot.files()["f7"];
    assert_eq!(snapshot.size(id).unwrap(), 3_000_000);
    let error = snapshot.read_at_most(id, 2_999_999).unwrap_err();
    assert!(error.to_string().ends_with("has 3000000 bytes, more than the 2999999 allowed"), "{error}");
    assert_sound(stage.repository.directory());
}
