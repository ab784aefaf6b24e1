//! Reading history, names of revisions, quarantines, and trees with what should not be there.

use std::io::Write as _;
use std::process::Stdio;

use fs_err as fs;

use super::stage::{Stage, assert_sound, edits, git, git_command};
use crate::name::BranchName;
use crate::oid::{BlobId, CommitId, TreeId};
use crate::path::RepoPath;
use crate::repository::{
    Author, ChangeKind, CommitRequest, Error, IrregularKind, MeasuredCommits, Outcome, RecordName,
    RecordUpdate, RepositoryStore,
};
use crate::tree::FileTree;

fn committed(outcome: Outcome) -> CommitId {
    match outcome {
        Outcome::Committed(id) => id,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_log_goes_back_to_the_first_commit() {
    let stage = Stage::new();
    let first = stage.head();
    let second = committed(stage.commit(&edits(&[("a", Some("1")), ("b/c", Some("1"))]), &[]));
    let third = committed(stage.commit(&edits(&[("a", Some("2")), ("b/c", None), ("d", Some(""))]), &[]));
    let log = stage.repository.log(third, 0, 10).unwrap();
    assert_eq!(log.iter().map(|info| info.id).collect::<Vec<_>>(), [third, second, first]);
    assert_eq!(stage.repository.log(third, 1, 1).unwrap()[0].id, second);
    assert_eq!((log[0].subject.as_str(), log[0].body.as_str()), ("Change", ""));
    assert_eq!(log[0].trailers, [("Request-Id".to_owned(), "r1".to_owned())]);
    assert_eq!(log[0].parents, [second]);
    assert_eq!((log[0].author.name.as_str(), log[0].time.as_second()), ("Ada", 1_700_000_001));
    let changes = stage.repository.changed_paths(Some(second), third).unwrap();
    let changes: Vec<_> = changes.iter().map(|change| (change.path.as_str(), change.kind)).collect();
    assert_eq!(
        changes,
        [("a", ChangeKind::Modified), ("b/c", ChangeKind::Removed), ("d", ChangeKind::Added)]
    );
    assert_eq!(stage.repository.changed_paths(None, first).unwrap().len(), 1);
    assert!(stage.repository.is_descendant(first, third).unwrap());
    assert!(!stage.repository.is_descendant(third, first).unwrap());
}

#[test]
fn single_files_are_read_without_a_listing() {
    let stage = Stage::new();
    let head = committed(stage.commit(&edits(&[("a/b/c", Some("deep"))]), &[]));
    let read = |path: &str| stage.repository.read_file(head, path, 10).unwrap();
    assert_eq!(read("a/b/c").unwrap(), "deep");
    assert_eq!(read("README.md").unwrap(), "hello\n");
    for none in ["a", "a/b", "a/b/c/d", "a/x", "", "/", "a//b"] {
        assert!(read(none).is_none(), "{none}");
    }
    assert!(stage.repository.read_file(head, "README.md", 5).is_err());
}

#[test]
fn revisions_are_branches_tags_and_reachable_commits() {
    let stage = Stage::new();
    let first = stage.head();
    let hidden = RecordUpdate { name: RecordName::for_location("l"), edits: edits(&[("a", Some("secret"))]) };
    let second = committed(stage.commit(&edits(&[("a", Some("1"))]), &[hidden]));
    let directory = stage.repository.directory();
    git(directory, &["tag", "light", &first.to_string()]);
    git(directory, &["tag", "-a", "-m", "m", "heavy", &first.to_string()]);
    git(directory, &["tag", "tree", "main^{tree}"]);
    let orphan = git(directory, &["commit-tree", "-m", "loose", "main^{tree}"]).trim().to_owned();
    stage.repository.refresh().unwrap();
    let resolve = |text: &str| stage.repository.resolve(text);
    for (text, id) in [("main", second), ("light", first), ("heavy", first)] {
        assert_eq!(resolve(text).unwrap(), id, "{text}");
    }
    for id in [first, second] {
        assert_eq!(resolve(&id.to_string()).unwrap(), id);
        assert_eq!(resolve(&id.to_string()[..7].to_uppercase()).unwrap(), id);
    }
    let blob = BlobId::of(b"hello\n").to_string();
    let bad =
        ["", "none", "tree", "main^", "main~1", "@", "HEAD", "refs/workstead/uploads/l", "-x", "main:a"];
    for text in bad.into_iter().chain([orphan.as_str(), &orphan[..10], &blob, &first.to_string()[..6]]) {
        assert!(matches!(resolve(text), Err(Error::UnknownRevision(_))), "{text}");
    }
}

#[test]
fn what_is_remembered_of_a_commit_is_what_is_read_of_it() {
    let stage = Stage::new();
    let author = Author { name: " \"A\tda\" <x>, ".to_owned(), email: "a@b\n".to_owned() };
    let when = jiff::Timestamp::from_second(-5).unwrap();
    let outcome = stage.repository.commit(&CommitRequest {
        branch: &BranchName::main(),
        base: Some(stage.head()),
        edits: &edits(&[("a", Some("1"))]),
        executable: None,
        merged: &[],
        records: &[],
        author: &author,
        message: "  subject\n\nbody: of it\nmore\r\n",
        trailers: &[("K-1".to_owned(), " v\n ".to_owned())],
        when,
    });
    let id = committed(outcome.unwrap());
    let remembered = stage.repository.commit_info(id).unwrap();
    assert_sound(stage.repository.directory());
    let Stage { store, repository, root } = stage;
    drop((store, repository));
    let store = RepositoryStore::open(&root.path().join("repositories")).unwrap();
    assert_eq!(store.get(&super::stage::id("ws")).unwrap().commit_info(id).unwrap(), remembered);
}

/// Puts a tree into the repository that `git` itself would not make from files.
fn hostile_tree(stage: &Stage, listing: &str) -> TreeId {
    let mut child = git_command(stage.repository.directory())
        .args(["mktree", "--missing"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(listing.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    TreeId::parse(String::from_utf8(output.stdout).unwrap().trim()).unwrap()
}

fn commit_of(stage: &Stage, tree: TreeId) -> CommitId {
    let id = git(stage.repository.directory(), &["commit-tree", "-m", "x", &tree.to_string()]);
    CommitId::parse(id.trim()).unwrap()
}

#[test]
fn what_is_no_file_is_listed_apart() {
    let expected = [
        r"back\slash holds the character '\\'",
        "d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d is a directory more than 16 levels deep",
        "link is a symbolic link",
        "module is a submodule",
    ];
    // Once from nothing, once by the difference to a listing.
    for warm in [false, true] {
        let stage = Stage::new();
        let (blob, head) = (BlobId::of(b"hello\n"), stage.head());
        if warm {
            stage.repository.snapshot(head).unwrap();
        }
        let deep = (0..16).fold(hostile_tree(&stage, &format!("100644 blob {blob}\tf\n")), |tree, _| {
            hostile_tree(&stage, &format!("040000 tree {tree}\td\n"))
        });
        let listing = format!(
            "100755 blob {blob}\tgood\n120000 blob {blob}\tlink\n160000 commit {head}\tmodule\n\
             100644 blob {blob}\tback\\slash\n040000 tree {deep}\td\n"
        );
        let commit = commit_of(&stage, hostile_tree(&stage, &listing));
        let snapshot = stage.repository.snapshot(commit).unwrap();
        assert_eq!(snapshot.files().keys().map(RepoPath::as_str).collect::<Vec<_>>(), ["good"]);
        let mut seen: Vec<String> =
            snapshot.irregular().iter().map(|entry| format!("{} {}", entry.path, entry.kind)).collect();
        seen.sort();
        assert_eq!(seen, expected);
        assert!(snapshot.irregular().iter().any(|entry| entry.kind == IrregularKind::TooDeep));
    }
}

#[test]
fn a_file_that_becomes_a_link_leaves_the_files() {
    let stage = Stage::new();
    let blob = BlobId::of(b"hello\n");
    stage.repository.snapshot(stage.head()).unwrap();
    let tree = hostile_tree(&stage, &format!("120000 blob {blob}\tREADME.md\n"));
    let snapshot = stage.repository.snapshot(commit_of(&stage, tree)).unwrap();
    assert!(snapshot.files().is_empty());
    assert_eq!(snapshot.irregular().len(), 1);
}

#[test]
fn a_tree_that_repeats_itself_without_end_is_refused() {
    let stage = Stage::new();
    let blob = BlobId::of(b"hello\n");
    let mut tree = hostile_tree(&stage, &format!("100644 blob {blob}\tf\n"));
    for _ in 0..9 {
        let listing: Vec<String> = (0..10).map(|n| format!("040000 tree {tree}\td{n}\n")).collect();
        tree = hostile_tree(&stage, &listing.concat());
    }
    let error = stage.repository.snapshot(commit_of(&stage, tree)).unwrap_err();
    insta::assert_snapshot!(error, @"more than 1000000 files in one revision");
}

#[test]
fn a_quarantine_shows_a_push_before_it_is_accepted() {
    let stage = Stage::new();
    let directory = stage.repository.directory();
    let first = stage.head();
    let work = stage.root.path().join("work");
    git(stage.root.path(), &["clone", "-q", directory.to_str().unwrap(), "work"]);
    for number in 0..2 {
        fs::write(work.join("pushed"), format!("{number}")).unwrap();
        git(&work, &["add", "-A"]);
        git(&work, &["commit", "-qm", "by hand"]);
    }
    let pushed = CommitId::parse(git(&work, &["rev-parse", "HEAD"]).trim()).unwrap();
    let quarantine = directory.join("objects/tmp_objdir-incoming-test");
    fs::create_dir(&quarantine).unwrap();
    for entry in fs::read_dir(work.join(".git/objects")).unwrap() {
        let entry = entry.unwrap();
        fs::rename(entry.path(), quarantine.join(entry.file_name())).unwrap();
    }
    let seen = stage.repository.quarantined(&quarantine).unwrap();
    assert_eq!(seen.snapshot(pushed).unwrap().read_path("pushed").unwrap().unwrap(), "1");
    let mut measured = MeasuredCommits::default();
    assert_eq!(seen.measure_commits(pushed, &mut measured).unwrap(), 2);
    assert_eq!(seen.measure_commits(pushed, &mut measured).unwrap(), 0);
    assert_eq!(seen.changed_paths(Some(first), pushed).unwrap().len(), 1);
    assert!(seen.is_descendant(first, pushed).unwrap() && !seen.is_descendant(pushed, first).unwrap());
    assert!(matches!(seen.snapshot(CommitId::from_bytes([7; 20])), Err(Error::MissingObject { .. })));
    // Nothing of it is to be had without the quarantine, before and after.
    assert!(matches!(stage.repository.snapshot(pushed), Err(Error::MissingObject { .. })));
    fs::remove_dir_all(&quarantine).unwrap();
    assert!(stage.repository.commit_info(pushed).is_err());
    assert!(stage.repository.create_branch(&BranchName::parse("x").unwrap(), pushed).is_err());
    for bad in [directory.join("objects/pack"), directory.join("objects"), work, quarantine] {
        let error = stage.repository.quarantined(&bad).unwrap_err();
        assert!(matches!(error, Error::NotQuarantine(_)), "{error}");
    }
}

/// Moves the objects of a work tree into a quarantine, as a push would.
fn quarantine(stage: &Stage, work: &std::path::Path) -> std::path::PathBuf {
    let quarantine = stage.repository.directory().join("objects/tmp_objdir-incoming-bomb");
    fs::create_dir(&quarantine).unwrap();
    for entry in fs::read_dir(work.join(".git/objects")).unwrap() {
        let entry = entry.unwrap();
        fs::rename(entry.path(), quarantine.join(entry.file_name())).unwrap();
    }
    quarantine
}

#[test]
fn nothing_large_is_read_to_follow_a_pushed_reference() {
    let stage = Stage::new();
    let directory = stage.repository.directory();
    git(stage.root.path(), &["clone", "-q", directory.to_str().unwrap(), "work"]);
    let work = stage.root.path().join("work");
    fs::write(work.join("large"), "x".repeat(2 << 20)).unwrap();
    let blob = git(&work, &["hash-object", "-w", "large"]).trim().to_owned();
    git(&work, &["tag", "-a", "-m", "small", "small"]);
    git(&work, &["tag", "-a", "-F", "large", "wordy"]);
    git(&work, &["commit", "-q", "--allow-empty", "-F", "large"]);
    git(&work, &["commit", "-q", "--allow-empty", "-m", "small"]);
    let tree = git(&work, &["rev-parse", "HEAD^{tree}"]).trim().to_owned();
    let mut nested = git(&work, &["rev-parse", "small"]).trim().to_owned();
    for depth in 0..20 {
        git(&work, &["tag", "-a", "-m", "nested", &format!("n{depth}"), &nested]);
        nested = git(&work, &["rev-parse", &format!("n{depth}")]).trim().to_owned();
    }
    let id = |name: &str| git(&work, &["rev-parse", name]).trim().to_owned();
    let (small, wordy, head, long) = (id("small"), id("wordy"), id("HEAD"), id("HEAD~"));
    let seen = stage.repository.quarantined(&quarantine(&stage, &work)).unwrap();
    assert_eq!(seen.commit_of(&small).unwrap(), Some(stage.head()));
    for other in [blob, tree, nested] {
        assert_eq!(seen.commit_of(&other).unwrap(), None, "{other}");
    }
    for large in [&wordy, &long] {
        let error = seen.commit_of(large).unwrap_err();
        assert!(matches!(error, Error::TooLarge { size: 2_097_152.., .. }), "{error}");
    }
    // A large one below a small one is found before anything walks there.
    let head = seen.commit_of(&head).unwrap().unwrap();
    let error = seen.measure_commits(head, &mut MeasuredCommits::default()).unwrap_err();
    assert!(matches!(error, Error::TooLarge { kind: "commit", .. }), "{error}");
}
