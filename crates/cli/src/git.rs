//! The `git` program in a developer's own clone: what it would commit, and what a revision holds.
//!
//! The clone is theirs, so their configuration counts: line ends and filters decide what a commit holds. No hook
//! is run, nothing is written into the clone, and an index that Git hands to its hooks is the one that is read.

mod blobs;
mod revisions;
mod scratch;
mod tree;

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

pub(crate) use revisions::Span;
pub(crate) use tree::CommitTree;

use crate::error::CliError;

/// Variables that say where a repository is or how it is configured; all others that begin with `GIT_` are dropped.
const KEPT: [&str; 8] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_COMMON_DIR",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_CEILING_DIRECTORIES",
    "GIT_EXEC_PATH",
];

/// What must not depend on a person's taste, nor run anything.
const SETTINGS: [&str; 6] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.splitIndex=false",
    "core.safecrlf=false",
    "core.looseCompression=0",
    "advice.addEmbeddedRepo=false",
];

/// A work tree with its repository.
#[derive(Debug, Clone)]
pub(crate) struct WorkTree {
    top: PathBuf,
    /// Variables that replace or complete the environment's.
    variables: Vec<(&'static str, OsString)>,
}

impl WorkTree {
    /// Finds the work tree that a directory lies in.
    pub(crate) fn find(directory: &Path) -> Result<Self, CliError> {
        // A hook is told where its repository is, in words that count from where it runs.
        let here = if std::env::var_os("GIT_DIR").is_some() { Path::new(".") } else { directory };
        let finder = Self::anywhere(here);
        let output = finder.output(&["rev-parse", "--show-toplevel"], &[])?;
        if !output.status.success() {
            let told = complaint(&output);
            let message = format!("`{}` lies in no work tree of Git", directory.display());
            return Err(CliError::user_caused(told, message)
                .hint("--staged and --diff are for clones; without them a directory is checked as it is"));
        }
        let top = path_of(&output.stdout);
        let mut variables = Vec::new();
        if std::env::var_os("GIT_DIR").is_some() {
            let repository = path_of(&finder.ok(&["rev-parse", "--absolute-git-dir"])?);
            variables.push(("GIT_DIR", repository.into_os_string()));
            variables.push(("GIT_WORK_TREE", top.clone().into_os_string()));
        }
        Ok(Self { top, variables })
    }

    /// Runs `git` in a directory, whether or not it lies in a work tree.
    pub(crate) fn anywhere(directory: &Path) -> Self {
        Self { top: directory.to_owned(), variables: Vec::new() }
    }

    /// Returns the path of a directory below the top, `/`-separated, empty for the top itself.
    pub(crate) fn prefix_of(&self, directory: &Path) -> Result<String, CliError> {
        let failed =
            |error| CliError::user_caused(error, format!("failed to look at `{}`", directory.display()));
        let (top, inner) =
            (self.top.canonicalize().map_err(failed)?, directory.canonicalize().map_err(failed)?);
        let below = inner.strip_prefix(&top).map_err(|_| {
            CliError::user(format!("`{}` lies outside of the work tree `{}`", inner.display(), top.display()))
        })?;
        let below = below.to_str().ok_or_else(|| {
            CliError::user(format!("the path `{}` is not UTF-8", below.display()))
                .hint("rename the directory")
        })?;
        Ok(below.replace(std::path::MAIN_SEPARATOR, "/"))
    }

    /// Runs `git`, which must succeed, and returns what it wrote.
    pub(crate) fn ok(&self, arguments: &[&str]) -> Result<Vec<u8>, CliError> {
        self.ok_with(arguments, &[])
    }

    /// Runs `git` with an input, which must succeed, and returns what it wrote.
    fn ok_with(&self, arguments: &[&str], input: &[u8]) -> Result<Vec<u8>, CliError> {
        let output = self.output(arguments, input)?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let name = arguments.first().copied().unwrap_or_default();
        Err(CliError::user_caused(complaint(&output), format!("`git {name}` failed")))
    }

    fn output(&self, arguments: &[&str], input: &[u8]) -> Result<Output, CliError> {
        let mut child = self.spawn(arguments)?;
        let stdin = child.stdin.take();
        // A thread of its own: both sides may have more to say than a pipe holds.
        std::thread::scope(|scope| {
            scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(input)));
            child.wait_with_output()
        })
        .map_err(|error| CliError::unexpected(error, "failed to run `git`"))
    }

    fn spawn(&self, arguments: &[&str]) -> Result<std::process::Child, CliError> {
        self.command(arguments).spawn().map_err(|error| {
            CliError::user_caused(error, "failed to run `git`").hint("install git, and have it in PATH")
        })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("git");
        for (name, _) in std::env::vars_os().filter(|(name, _)| is_dropped(name)) {
            command.env_remove(name);
        }
        command
            .current_dir(&self.top)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .env("LC_ALL", "C")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_LITERAL_PATHSPECS", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .args(SETTINGS.iter().flat_map(|setting| ["-c", setting]))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

/// Tells whether a variable would change what `git` prints or does.
fn is_dropped(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name.starts_with("GIT_") && !name.starts_with("GIT_CONFIG") && !KEPT.contains(&name.as_ref())
}

/// Returns what `git` says is wrong, short.
fn complaint(output: &Output) -> String {
    let told: String = String::from_utf8_lossy(&output.stderr).trim().chars().take(500).collect();
    if told.is_empty() { output.status.to_string() } else { told }
}

/// Reads a path that `git` wrote as a line.
fn path_of(line: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt as _;
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    PathBuf::from(OsStr::from_bytes(line))
}
