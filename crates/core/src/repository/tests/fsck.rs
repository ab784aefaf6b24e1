//! What an examination of a whole repository finds.

use fs_err as fs;

use super::stage::{Stage, edits, git, id};
use crate::name::BranchName;
use crate::repository::Severity;

impl Stage {
    fn findings(&self) -> Vec<String> {
        let found = self.store.fsck(&id("ws"), &BranchName::main()).unwrap();
        let word = |severity| if severity == Severity::Error { "error" } else { "warning" };
        found.into_iter().map(|it| format!("{}: {}; {}", word(it.severity), it.what, it.cure)).collect()
    }
}

#[test]
fn a_sound_repository_has_nothing_to_say() {
    let stage = Stage::new();
    stage.commit(&edits(&[("a", Some("1"))]), &[]);
    stage.abandon("gone");
    super::housekeeping::keep_house(&stage.repository, super::housekeeping::day(0));
    assert_eq!(stage.findings(), [""; 0]);
}

#[test]
fn each_kind_of_damage_is_told() {
    let stage = Stage::new();
    let directory = stage.repository.directory().to_owned();
    fs::write(directory.join("objects/pack/tmp_pack_1"), "x").unwrap();
    fs::create_dir(directory.join("objects/tmp_objdir-incoming-1")).unwrap();
    fs::write(directory.join("refs/heads/x.lock"), "").unwrap();
    git(&directory, &["update-ref", "refs/other/a", "main"]);
    let mut found = stage.findings();
    found.sort();
    insta::assert_snapshot!(found.join("\n"), @r"
    warning: objects/pack/tmp_pack_1 is left from a crash; nothing need be done: the server removes it when it runs
    warning: objects/tmp_objdir-incoming-1 is left from a crash; nothing need be done: the server removes it when it runs
    warning: refs/heads/x.lock is left from a crash; nothing need be done: the server removes it when it runs
    warning: the reference refs/other/a is none of ours; see who made it; with the server stopped, `git update-ref -d` removes it
    ");
    fs::remove_file(directory.join("refs/heads/x.lock")).unwrap();
    fs::remove_file(directory.join("objects/pack/tmp_pack_1")).unwrap();
    fs::remove_dir(directory.join("objects/tmp_objdir-incoming-1")).unwrap();
    git(&directory, &["update-ref", "-d", "refs/other/a"]);
    assert_eq!(stage.findings(), [""; 0]);

    fs::write(directory.join("HEAD"), "ref: refs/heads/other\n").unwrap();
    insta::assert_snapshot!(stage.findings().join("\n"), @r#"error: HEAD is "ref: refs/heads/other", not "ref: refs/heads/main"; write that into the file HEAD of the repository"#);
    fs::write(directory.join("HEAD"), "ref: refs/heads/main\n").unwrap();

    let lost = "1".repeat(40);
    fs::create_dir_all(directory.join("refs/workstead/uploads")).unwrap();
    fs::write(directory.join("refs/workstead/uploads/l"), format!("{lost}\n")).unwrap();
    insta::assert_snapshot!(stage.findings().join("\n"), @r"
    error: the reference refs/workstead/uploads/l does not lead to a tree: the reference 'refs/workstead/uploads/l' cannot be peeled - Cannot retrieve reference target; restore the repository from a backup
    error: git fsck: error: refs/workstead/uploads/l: invalid sha1 pointer 1111111111111111111111111111111111111111; restore the repository from a backup
    ");
    fs::remove_file(directory.join("refs/workstead/uploads/l")).unwrap();

    fs::rename(directory.join("refs/heads/main"), directory.join("refs/heads/other")).unwrap();
    insta::assert_snapshot!(stage.findings().join("\n"), @"error: it has no branch main; restore the repository from a backup");
    fs::rename(directory.join("refs/heads/other"), directory.join("refs/heads/main")).unwrap();

    let packs = fs::read_dir(directory.join("objects/pack")).unwrap().map(|entry| entry.unwrap().path());
    let pack = packs.into_iter().find(|path| path.extension().is_some_and(|it| it == "pack")).unwrap();
    let whole = fs::read(&pack).unwrap();
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    fs::remove_file(&pack).unwrap();
    fs::write(&pack, &damaged).unwrap();
    let found = stage.findings();
    assert!(found.iter().any(|it| it.starts_with("error: git fsck: ")), "{found:?}");
    fs::remove_file(&pack).unwrap();
    let found = stage.findings();
    assert!(found[0].starts_with("error: the repository is damaged: pack-"), "{found:?}");
    fs::write(&pack, &whole).unwrap();
    assert_eq!(stage.findings(), [""; 0]);

    fs::remove_dir_all(&directory).unwrap();
    insta::assert_snapshot!(stage.findings().join("\n"), @"error: its repository is missing; restore the repository from a backup, or delete the workspace");
}
