//! Damage on the disk, found while everything is still in memory.

use std::path::{Path, PathBuf};

use fs_err as fs;

use super::stage::{Stage, edits, git, id};
use crate::name::BranchName;
use crate::oid::CommitId;

/// A repository with a workspace in one pack, all of it in memory.
fn stage() -> Stage {
    let stage = Stage::new();
    let files =
        edits(&[("workspace.yaml", Some("kind: Workspace\n")), ("slxs/a/slx.yaml", Some("kind: X\n"))]);
    stage.commit(&files, &[]);
    stage.repository.snapshot(stage.head()).unwrap();
    stage
}

fn probe(stage: &Stage) -> Result<CommitId, String> {
    stage.store.probe(&id("ws"), &BranchName::main()).map_err(|error| error.to_string())
}

fn files(directory: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|found| found == extension)).collect()
}

/// Joins everything into one pack with the real `git`, and returns that pack.
fn packed(stage: &Stage) -> PathBuf {
    git(stage.repository.directory(), &["repack", "-a", "-d", "-q"]);
    git(stage.repository.directory(), &["prune-packed", "-q"]);
    let mut packs = files(&stage.repository.directory().join("objects/pack"), "pack");
    assert_eq!(packs.len(), 1);
    packs.remove(0)
}

/// Writes a file anew: Git's own are read-only, and a reader may have the old one open.
fn overwrite(path: &Path, content: &[u8]) {
    fs::remove_file(path).unwrap();
    fs::write(path, content).unwrap();
}

#[test]
fn a_sound_repository_tells_its_head() {
    let stage = stage();
    assert_eq!(probe(&stage), Ok(stage.head()));
    packed(&stage);
    assert_eq!(probe(&stage), Ok(stage.head()));
    assert!(stage.repository.disk_bytes().unwrap() > 500);
}

#[test]
fn a_missing_directory_is_found() {
    let stage = stage();
    fs::remove_dir_all(stage.repository.directory()).unwrap();
    insta::assert_snapshot!(probe(&stage).unwrap_err(), @"the repository is damaged: its directory is missing");
    assert_eq!(stage.repository.disk_bytes().unwrap(), 0);
}

#[test]
fn a_missing_branch_and_a_broken_one_are_found() {
    let stage = stage();
    let branch = stage.repository.directory().join("refs/heads/main");
    fs::write(&branch, "nonsense\n").unwrap();
    insta::assert_snapshot!(probe(&stage).unwrap_err(), @"failed to read the branch");
    fs::write(&branch, format!("{}\n", "1".repeat(40))).unwrap();
    insta::assert_snapshot!(probe(&stage).unwrap_err(), @"no commit `1111111111111111111111111111111111111111` in the repository");
    fs::remove_file(&branch).unwrap();
    insta::assert_snapshot!(probe(&stage).unwrap_err(), @"the repository is damaged: its branch main is missing");
}

#[test]
fn missing_objects_are_found() {
    let stage = stage();
    fs::remove_dir_all(stage.repository.directory().join("objects")).unwrap();
    insta::assert_snapshot!(probe(&stage).unwrap_err(), @"the repository is damaged: its objects are missing");
}

#[test]
fn a_damaged_pack_is_found() {
    for damage in ["missing", "empty", "cut", "overwritten", "end", "index"] {
        let stage = stage();
        let pack = packed(&stage);
        let mut content = fs::read(&pack).unwrap();
        match damage {
            "missing" => fs::remove_file(&pack).unwrap(),
            "empty" => overwrite(&pack, b""),
            "cut" => overwrite(&pack, &content[..content.len() - 1]),
            "overwritten" => {
                content[..4].copy_from_slice(b"KCAP");
                overwrite(&pack, &content);
            }
            "end" => {
                *content.last_mut().unwrap() ^= 1;
                overwrite(&pack, &content);
            }
            _ => overwrite(&pack.with_extension("idx"), b"short"),
        }
        let said = probe(&stage).unwrap_err();
        assert!(said.starts_with("the repository is damaged: pack-"), "{damage}: {said}");
    }
}

#[test]
fn another_content_under_an_objects_id_is_found() {
    let stage = stage();
    let directory = stage.repository.directory();
    packed(&stage);
    let pack = packed(&stage);
    let kept = pack.with_file_name("kept");
    fs::rename(&pack, &kept).unwrap();
    fs::remove_file(pack.with_extension("idx")).unwrap();
    let unpacked = git_stdin(directory, &["unpack-objects", "-q"], &kept);
    assert!(unpacked, "the objects lie in files of their own now");
    assert_eq!(probe(&stage), Ok(stage.head()));
    let blob = git(directory, &["rev-parse", "main:workspace.yaml"]);
    let other = git(directory, &["rev-parse", "main:README.md"]);
    let loose = |id: &str| directory.join("objects").join(&id[..2]).join(id[2..].trim());
    overwrite(&loose(&blob), &fs::read(loose(&other)).unwrap());
    insta::assert_snapshot!(probe(&stage).unwrap_err(), @"failed to read an object");
}

fn git_stdin(directory: &Path, arguments: &[&str], input: &Path) -> bool {
    let mut command = super::stage::git_command(directory);
    command.args(arguments).stdin(fs::File::open(input).unwrap().into_file());
    command.status().unwrap().success()
}

#[test]
fn commits_are_counted_from_an_earlier_count_on() {
    let stage = Stage::new();
    let first = stage.head();
    let count = |known| stage.repository.count_commits(stage.head(), known).unwrap();
    assert_eq!(count(None), 1);
    for number in 0..4 {
        stage.commit(&edits(&[("a", Some(&number.to_string()))]), &[]);
    }
    assert_eq!((count(None), count(Some((first, 1))), count(Some((stage.head(), 5)))), (5, 5, 5));
    // A count is taken up, not made again.
    assert_eq!(count(Some((first, 101))), 105);
    // What is no earlier commit counts for nothing.
    let stranger: CommitId = "1111111111111111111111111111111111111111".parse().unwrap();
    assert_eq!(count(Some((stranger, 100))), 5);
}
