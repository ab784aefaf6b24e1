//! A store in a temporary directory, and the real `git` to look at it.

use std::path::Path;
use std::process::Command;

use bytes::Bytes;
use jiff::Timestamp;

use crate::name::BranchName;
use crate::oid::CommitId;
use crate::path::RepoPath;
use crate::repository::{
    Author, CommitRequest, FirstCommit, Outcome, RecordUpdate, Repository, RepositoryId, RepositoryStore,
    Result,
};
use crate::tree::{Edit, Edits};

/// A store with one repository, `ws`, whose first commit has the file `README.md`.
pub(crate) struct Stage {
    pub(crate) store: RepositoryStore,
    pub(crate) repository: Repository,
    pub(crate) root: tempfile::TempDir,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let store = RepositoryStore::open(&root.path().join("repositories")).unwrap();
        let repository = store.create(&id("ws"), first_commit()).unwrap();
        Self { store, repository, root }
    }

    /// Commits to `main` on its present head.
    pub(crate) fn commit(&self, edits: &Edits, records: &[RecordUpdate]) -> Outcome {
        let base = self.repository.head(&BranchName::main()).unwrap();
        commit(&self.repository, base, edits, records).unwrap()
    }

    pub(crate) fn head(&self) -> CommitId {
        self.repository.head(&BranchName::main()).unwrap().unwrap()
    }
}

pub(crate) fn id(text: &str) -> RepositoryId {
    RepositoryId::parse(text).unwrap()
}

pub(crate) fn author() -> Author {
    Author { name: "Ada".to_owned(), email: "ada@example.com".to_owned() }
}

pub(crate) fn first_commit() -> FirstCommit {
    FirstCommit {
        branch: BranchName::main(),
        edits: edits(&[("README.md", Some("hello\n"))]),
        author: author(),
        message: "Create the workspace".to_owned(),
        trailers: Vec::new(),
        when: Timestamp::from_second(1_700_000_000).unwrap(),
    }
}

pub(crate) fn commit(
    repository: &Repository,
    base: Option<CommitId>,
    edits: &Edits,
    records: &[RecordUpdate],
) -> Result<Outcome> {
    repository.commit(&CommitRequest {
        branch: &BranchName::main(),
        base,
        edits,
        executable: None,
        merged: &[],
        records,
        author: &author(),
        message: "Change",
        trailers: &[("Request-Id".to_owned(), "r1".to_owned())],
        when: Timestamp::from_second(1_700_000_001).unwrap(),
    })
}

pub(crate) fn edits(list: &[(&str, Option<&str>)]) -> Edits {
    list.iter()
        .map(|(path, text)| {
            let edit = text.map_or(Edit::Remove, |text| Edit::Write(Bytes::copy_from_slice(text.as_bytes())));
            (RepoPath::parse(path).unwrap(), edit)
        })
        .collect()
}

/// Runs the real `git`, untouched by this machine's configuration, and returns what it prints.
pub(crate) fn git(directory: &Path, arguments: &[&str]) -> String {
    let output = git_command(directory).args(arguments).output().unwrap();
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "git {arguments:?}: {text}");
    text
}

pub(crate) fn git_command(directory: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", "/nonexistent")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_AUTHOR_NAME", "g")
        .env("GIT_AUTHOR_EMAIL", "g@example.com")
        .env("GIT_COMMITTER_NAME", "g")
        .env("GIT_COMMITTER_EMAIL", "g@example.com")
        .current_dir(directory);
    command
}

/// Asserts that `git fsck --strict` has nothing at all to say, but for unreachable objects.
pub(crate) fn assert_sound(repository: &Path) {
    let said = git(repository, &["fsck", "--strict", "--full", "--no-dangling", "--no-progress"]);
    assert_eq!(said, "", "git fsck");
}
