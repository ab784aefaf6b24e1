//! Consolidation, and what an administrator may do to a repository.

use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use fs_err as fs;

use super::stage::{Stage, assert_sound, edits, git};
use crate::repository::consolidate::MAX_PACKS;
use crate::repository::store::MAX_OPEN;
use crate::repository::{Error, RecordName, RecordUpdate, RepositoryStore, StoreOptions};
use crate::tree::FileTree;

#[test]
fn many_packs_become_few_and_records_survive() {
    let stage = Stage::new();
    let name = RecordName::for_location("l");
    let record = RecordUpdate { name: name.clone(), edits: edits(&[("only/in/record", Some("kept"))]) };
    stage.commit(&edits(&[("a", Some("0"))]), &[record]);
    assert!(!stage.repository.needs_consolidation().unwrap());
    let early = stage.repository.snapshot(stage.head()).unwrap();
    for number in 1..25 {
        stage.commit(&edits(&[("a", Some(&number.to_string()))]), &[]);
    }
    let directory = stage.repository.directory();
    assert!(stage.repository.needs_consolidation().unwrap());
    stage.repository.consolidate().unwrap();
    assert!(!stage.repository.needs_consolidation().unwrap());
    let counted = git(directory, &["count-objects", "-v"]);
    assert!(counted.contains("packs: 1\n") && counted.contains("garbage: 0\n"), "{counted}");
    assert_eq!(early.read_path("a").unwrap().unwrap(), "0");
    git(directory, &["gc", "-q", "--prune=now"]);
    assert_sound(directory);
    // Everything is read again, from what `git gc` has left.
    stage.repository.refresh().unwrap();
    let Stage { store, repository, root } = stage;
    drop((store, repository));
    let store = crate::repository::RepositoryStore::open(&root.path().join("repositories")).unwrap();
    let repository = store.get(&super::stage::id("ws")).unwrap();
    let record = repository.record(&name).unwrap();
    assert_eq!(record.read_path("only/in/record").unwrap().unwrap(), "kept");
    let head = repository.resolve("main").unwrap();
    assert_eq!(repository.snapshot(head).unwrap().read_path("a").unwrap().unwrap(), "24");
    assert_eq!(repository.log(head, 0, 100).unwrap().len(), 26);
}

fn with_git(git: std::path::PathBuf) -> StoreOptions {
    StoreOptions { git, ..StoreOptions::default() }
}

#[test]
fn a_missing_git_is_an_error_and_hurts_nothing() {
    let root = tempfile::tempdir().unwrap();
    let nowhere = root.path().join("no-git");
    let store = RepositoryStore::open_with(root.path(), with_git(nowhere)).unwrap();
    let repository = store.create(&super::stage::id("ws"), super::stage::first_commit()).unwrap();
    assert!(repository.consolidate().is_err());
    assert_sound(repository.directory());
}

#[test]
fn a_git_that_does_not_end_is_ended_with_its_children() {
    let root = tempfile::tempdir().unwrap();
    let (program, pids) = (root.path().join("slow-git"), root.path().join("pids"));
    let script = "#!/bin/sh\ntrap '' TERM\nsleep 1000 &\necho \"$$ $! $*\" > PIDS\nwait\nwait\nsleep 1000\n";
    fs::write(&program, script.replace("PIDS", pids.to_str().unwrap())).unwrap();
    fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
    let store = RepositoryStore::open_with(&root.path().join("r"), with_git(program)).unwrap();
    let repository = store.create(&super::stage::id("ws"), super::stage::first_commit()).unwrap();
    let error = repository.consolidate_within(Duration::from_secs(2)).unwrap_err();
    assert!(matches!(error, Error::ProgramTooSlow { .. }), "{error}");
    let said = fs::read_to_string(&pids).unwrap();
    for setting in ["core.bigFileThreshold=32m", "pack.windowMemory=128m", "pack.threads=1"] {
        assert!(said.contains(&format!("-c {setting} ")), "{said}");
    }
    for pid in said.split(' ').take(2) {
        // A zombie that nobody waits for yet runs no more. The kernel may take a moment to end a killed process.
        let status = || fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let has_ended = || status().is_empty() || status().contains(") Z ");
        let deadline = Instant::now() + Duration::from_secs(20);
        while !has_ended() && Instant::now() < deadline {
            std::thread::yield_now();
        }
        assert!(has_ended(), "{}", status());
    }
    // Writers go on.
    repository.refresh().unwrap();
}

/// Counts the open files below a directory.
fn open_files(directory: &std::path::Path) -> usize {
    let open = fs::read_dir("/proc/self/fd").unwrap();
    open.filter_map(|entry| fs::read_link(entry.unwrap().path()).ok())
        .filter(|path| path.starts_with(directory))
        .count()
}

#[test]
fn open_repositories_hold_few_files_however_many_handles_they_have() {
    let stage = Stage::new();
    while !stage.repository.needs_consolidation().unwrap() {
        let number = stage.repository.log(stage.head(), 0, 100).unwrap().len();
        stage.commit(&edits(&[("a", Some(&number.to_string()))]), &[]);
    }
    let objects = stage.repository.objects();
    let all = stage.repository.log(stage.head(), 0, 100).unwrap();
    let read = |handle: &git2::Repository| {
        for commit in &all {
            handle.odb()?.read(git2::Oid::from_bytes(commit.tree.as_bytes())?)?;
        }
        Ok(())
    };
    let directory = stage.repository.directory();
    // Four handles at once, and the writer's.
    objects
        .with(|one| {
            read(one)?;
            let single = open_files(directory);
            objects.with(|two| {
                read(two)?;
                objects.with(|three| {
                    read(three)?;
                    objects.with(read)
                })
            })?;
            assert!(single > MAX_PACKS / 2, "{single}");
            assert!(open_files(directory) <= MAX_PACKS + 2, "{} of {single}", open_files(directory));
            Ok(())
        })
        .unwrap();
    // The server remembers 28 more.
    const { assert!((MAX_OPEN + 28) * (MAX_PACKS + 2) <= 1000) };
}
