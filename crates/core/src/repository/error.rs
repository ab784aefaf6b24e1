//! What can go wrong with repositories.

use std::path::PathBuf;

use super::names::RepositoryId;

/// The result of whatever touches a repository.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something could not be done with a repository.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No repository has this id.
    #[error("no repository `{0}`")]
    NotFound(RepositoryId),
    /// A repository with this id exists.
    #[error("repository `{0}` exists already")]
    AlreadyExists(RepositoryId),
    /// Another process, or another store of this one, has the directory open.
    #[error("the repositories in `{}` are in use by another process; stop it first", .0.display())]
    InUse(PathBuf),
    /// A text names no branch, tag or reachable commit.
    #[error("no branch, tag or commit {0:?}")]
    UnknownRevision(String),
    /// Several commits begin with these digits.
    #[error("more than one commit begins with {0:?}; give more digits")]
    AmbiguousRevision(String),
    /// The repository lacks an object.
    #[error("no {kind} `{id}` in the repository")]
    MissingObject {
        /// `blob`, `tree`, `commit`.
        kind: &'static str,
        /// The object's id.
        id: String,
    },
    /// An object is not of the kind that its place asks for.
    #[error("object `{id}` is a {actual}, not a {expected}")]
    WrongKind {
        /// The object's id.
        id: String,
        /// What it should be.
        expected: &'static str,
        /// What it is.
        actual: &'static str,
    },
    /// An object is larger than the reader allows; nothing of it was read.
    #[error("{kind} `{id}` has {size} bytes, more than the {limit} allowed")]
    TooLarge {
        /// `blob`, `tree`, `commit`.
        kind: &'static str,
        /// The object's id.
        id: String,
        /// How large it is.
        size: u64,
        /// How large it may be.
        limit: u64,
    },
    /// A revision has, or two revisions differ in, too many files.
    #[error("more than {limit} files in one revision")]
    TooManyFiles {
        /// How many there may be.
        limit: usize,
    },
    /// A push brings too many commits at once.
    #[error("more than {limit} new commits at once; push them in parts")]
    TooManyCommits {
        /// How many there may be.
        limit: usize,
    },
    /// The commits that a push brings are too large together.
    #[error("the new commits have more than {limit} bytes together; push them in parts")]
    CommitsTooLarge {
        /// How many bytes there may be.
        limit: u64,
    },
    /// A path would be a file and a directory at the same time.
    #[error("`{path}` can't be a file and a directory at the same time")]
    PathConflict {
        /// The path in question.
        path: String,
    },
    /// Git can't keep a branch `a` beside a branch `a/b`.
    #[error("branch `{branch}` can't exist beside branch `{other}`, because one name continues the other")]
    BranchCollision {
        /// The branch that was to be made.
        branch: String,
        /// The branch that exists.
        other: String,
    },
    /// A repository lacks the branch that all is read from.
    #[error("there is no branch `{0}` in it")]
    NoBranch(String),
    /// A branch exists that was to be made.
    #[error("branch `{0}` exists already")]
    BranchExists(String),
    /// Another program holds the lock of a reference.
    #[error("reference `{0}` is locked by another program; try again")]
    Busy(String),
    /// A tree object does not follow the format.
    #[error("tree `{id}` is malformed: {reason}")]
    MalformedTree {
        /// The tree's id.
        id: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A repository on the disk is not what it must be.
    #[error("the repository is damaged: {0}")]
    Damaged(String),
    /// A directory is no quarantine of a push into this repository.
    #[error("`{}` is no quarantine directory of this repository", .0.display())]
    NotQuarantine(PathBuf),
    /// libgit2 failed.
    #[error("failed to {action}")]
    Git {
        /// What was to be done.
        action: &'static str,
        /// What libgit2 says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The `git` program failed.
    #[error("`git {command}` ended with {status}: {output}")]
    Program {
        /// The subcommand.
        command: &'static str,
        /// How it ended.
        status: std::process::ExitStatus,
        /// The end of what it wrote to its error stream.
        output: String,
    },
    /// What was to be added would make the repository larger than it may be; nothing of it was kept.
    #[error("the repository has {bytes} bytes; with {adding} more it would exceed the limit of {limit}")]
    RepositoryTooLarge {
        /// How many bytes its objects have.
        bytes: u64,
        /// How many were to be added.
        adding: u64,
        /// How many it may have.
        limit: u64,
    },
    /// The housekeeping of an earlier process has not ended yet.
    #[error("the repository is being looked after by a `git` that an earlier server left; it ends by itself")]
    Housekeeping,
    /// Work in the background was told to end.
    #[error("it was told to stop")]
    Stopped,
    /// The `git` program took too long and was ended.
    #[error("`git {command}` was ended, as it took longer than {} seconds", .limit.as_secs())]
    ProgramTooSlow {
        /// The subcommand.
        command: &'static str,
        /// How long it might take.
        limit: std::time::Duration,
    },
    /// The file system failed; the message names the path.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl Error {
    /// Makes the error for a failed call of libgit2.
    pub(super) fn git(action: &'static str) -> impl FnOnce(git2::Error) -> Self {
        move |source| Self::Git { action, source: Box::new(source) }
    }
}
