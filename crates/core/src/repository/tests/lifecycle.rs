//! Making, opening and removing repositories.

use fs_err as fs;

use super::stage::{Stage, assert_sound, commit, edits, first_commit, git, id};
use crate::name::BranchName;
use crate::repository::{Error, Outcome, RepositoryStore};

#[test]
fn a_new_repository_is_plain_and_sound() {
    let stage = Stage::new();
    let directory = stage.repository.directory();
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["HEAD", "config", "objects", "refs"]);
    assert_sound(directory);
    let work = stage.root.path().join("work");
    git(stage.root.path(), &["clone", "-q", directory.to_str().unwrap(), "work"]);
    assert_eq!(fs::read_to_string(work.join("README.md")).unwrap(), "hello\n");
}

#[test]
fn ids_are_taken_once() {
    let stage = Stage::new();
    let error = stage.store.create(&id("ws"), first_commit()).unwrap_err();
    insta::assert_snapshot!(error, @"repository `ws` exists already");
    stage.store.create(&id("other"), first_commit()).unwrap();
    assert_eq!(stage.store.ids().unwrap(), [id("other"), id("ws")]);
    let error = stage.store.get(&id("none")).unwrap_err();
    insta::assert_snapshot!(error, @"no repository `none`");
}

#[test]
fn removing_is_idempotent_and_turns_holders_away() {
    let stage = Stage::new();
    let holder = stage.repository.clone();
    let head = stage.head();
    stage.store.remove(&id("ws")).unwrap();
    stage.store.remove(&id("ws")).unwrap();
    assert!(matches!(stage.store.get(&id("ws")), Err(Error::NotFound(_))));
    let refused = commit(&holder, Some(head), &edits(&[("a", Some("1"))]), &[]);
    assert!(matches!(refused, Err(Error::NotFound(_))), "{refused:?}");
    assert!(!holder.directory().exists());
    // A new repository of the same id knows nothing of the old one.
    let mut first = first_commit();
    first.edits = edits(&[("other", Some("1"))]);
    let again = stage.store.create(&id("ws"), first).unwrap();
    assert!(matches!(again.snapshot(head), Err(Error::MissingObject { .. })));
    assert!(matches!(commit(&holder, Some(head), &edits(&[("a", None)]), &[]), Err(Error::NotFound(_))));
    assert_sound(again.directory());
}

#[test]
fn one_process_opens_a_directory_once() {
    let stage = Stage::new();
    let root = stage.root.path().join("repositories");
    let error = RepositoryStore::open(&root).unwrap_err();
    assert!(matches!(error, Error::InUse(_)), "{error}");
    let Stage { store, repository, root: _kept } = stage;
    drop(store);
    assert!(RepositoryStore::open(&root).is_err(), "a repository is still held");
    drop(repository);
    let store = RepositoryStore::open(&root).unwrap();
    assert!(store.get(&id("ws")).unwrap().head(&BranchName::main()).unwrap().is_some());
}

#[test]
fn what_crashes_leave_is_removed() {
    let Stage { store, repository, root } = Stage::new();
    let base = root.path().join("repositories");
    let directory = repository.directory().to_owned();
    drop((store, repository));
    for name in [".new-x-1", ".gone-x-1"] {
        fs::create_dir_all(base.join(name).join("objects/pack")).unwrap();
    }
    for name in ["tmp_objdir-workstead-1", "tmp_objdir-incoming-1"] {
        fs::create_dir(directory.join("objects").join(name)).unwrap();
        fs::write(directory.join("objects").join(name).join("pack"), "x").unwrap();
    }
    let locks = ["refs/heads/main.lock", "refs/heads/dead.lock", "packed-refs.lock"];
    for name in locks {
        let file = fs::File::create(directory.join(name)).unwrap();
        let old = std::time::SystemTime::now() - std::time::Duration::from_mins(1);
        file.file().set_modified(old).unwrap();
    }
    let store = RepositoryStore::open(&base).unwrap();
    assert!(!base.join(".new-x-1").exists() && !base.join(".gone-x-1").exists());
    let repository = store.get(&id("ws")).unwrap();
    for name in locks {
        assert!(!directory.join(name).exists(), "{name}");
    }
    assert_eq!(fs::read_dir(directory.join("objects")).unwrap().count(), 2, "info and pack remain");
    let head = repository.head(&BranchName::main()).unwrap();
    let outcome = commit(&repository, head, &edits(&[("a", Some("1"))]), &[]).unwrap();
    assert!(matches!(outcome, Outcome::Committed(_)));
}

#[test]
fn more_repositories_than_stay_open_keep_their_heads() {
    let stage = Stage::new();
    for number in 0..80 {
        stage.store.create(&id(&format!("w{number}")), first_commit()).unwrap();
    }
    for number in 0..80 {
        let repository = stage.store.get(&id(&format!("w{number}"))).unwrap();
        let head = repository.head(&BranchName::main()).unwrap();
        let same = stage.store.get(&id(&format!("w{number}"))).unwrap();
        let outcome = commit(&repository, head, &edits(&[("a", Some("1"))]), &[]).unwrap();
        assert_eq!(outcome, Outcome::Committed(same.head(&BranchName::main()).unwrap().unwrap()));
    }
}
