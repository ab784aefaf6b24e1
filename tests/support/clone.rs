//! A developer's clone without a server: `git` and `workstead` in the same directory.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use super::{Content, cleaned, workstead};

/// A repository in a directory of its own.
pub(crate) struct Clone {
    root: TempDir,
    /// The work tree.
    pub(crate) directory: PathBuf,
}

/// What a run came to.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Run {
    /// Asserts how it ended, and goes on.
    #[track_caller]
    pub(crate) fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.stdout, self.stderr);
        self
    }
}

impl Clone {
    /// Makes an empty repository called `shop`.
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("shop");
        fs_err::create_dir_all(&directory).unwrap();
        let clone = Self { root, directory };
        clone.git(&["init", "--quiet", "--initial-branch", "main"]);
        clone
    }

    /// Makes a repository whose first commit holds these files.
    pub(crate) fn with(files: &Content) -> Self {
        let clone = Self::new();
        for (path, text) in files {
            clone.write(path, text);
        }
        clone.commit("first");
        clone
    }

    /// Runs a program in a directory of the work tree.
    pub(crate) fn run_in(&self, below: &str, program: &Path, arguments: &[&str]) -> Run {
        let mut command = Command::new(program);
        cleaned(&mut command, self.root.path())
            .args(arguments)
            .current_dir(self.directory.join(below))
            .env("GIT_AUTHOR_NAME", "Dev")
            .env("GIT_AUTHOR_EMAIL", "dev@example.com")
            .env("GIT_COMMITTER_NAME", "Dev")
            .env("GIT_COMMITTER_EMAIL", "dev@example.com");
        command.output().unwrap().into()
    }

    /// Runs `git`, which must succeed.
    #[track_caller]
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        self.run_in("", Path::new("git"), arguments).ends(0).stdout.trim_end().to_owned()
    }

    /// Runs `workstead` at the top.
    pub(crate) fn workstead(&self, arguments: &[&str]) -> Run {
        self.run_in("", workstead(), arguments)
    }

    /// Writes a file of the work tree.
    pub(crate) fn write(&self, path: &str, content: &str) {
        let path = self.directory.join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, content).unwrap();
    }

    /// Reads a file of the work tree.
    pub(crate) fn read(&self, path: &str) -> String {
        fs_err::read_to_string(self.directory.join(path)).unwrap()
    }

    /// Commits everything that changed, past any hook.
    pub(crate) fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--no-verify", "--message", message]);
        self.git(&["rev-parse", "HEAD"])
    }
}
