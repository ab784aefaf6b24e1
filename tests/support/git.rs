//! The real `git`, without the machine's configuration.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::{TestServer, cleaned};

/// A place to run `git` in.
pub(crate) struct Git {
    /// The directory.
    pub(crate) directory: PathBuf,
    home: PathBuf,
    token: String,
}

impl TestServer {
    /// Returns `git` for a directory of the test, with the admin's token.
    pub(crate) fn git(&self, directory: &Path) -> Git {
        Git { directory: directory.to_owned(), home: self.root.path().to_owned(), token: self.token.clone() }
    }

    /// Returns a workspace's address for `git`.
    pub(crate) fn git_url(&self, workspace: &str) -> String {
        format!("{}/git/{workspace}.git", self.url)
    }

    /// Clones a workspace.
    pub(crate) fn clone_workspace(&self, workspace: &str, name: &str) -> Git {
        let target = self.root.path().join(name);
        let here = self.git(self.root.path());
        here.ok(&["clone", "--quiet", &self.git_url(workspace), &target.display().to_string()]);
        self.git(&target)
    }
}

impl Git {
    /// Uses another token.
    pub(crate) fn with_token(mut self, token: &str) -> Self {
        token.clone_into(&mut self.token);
        self
    }

    /// Runs `git` and returns what came of it.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new("git");
        cleaned(&mut command, &self.home)
            .args(arguments)
            .current_dir(&self.directory)
            .env("GIT_AUTHOR_NAME", "Dev")
            .env("GIT_AUTHOR_EMAIL", "dev@example.com")
            .env("GIT_COMMITTER_NAME", "Dev")
            .env("GIT_COMMITTER_EMAIL", "dev@example.com")
            .env("GIT_CONFIG_COUNT", "1")
            .env("GIT_CONFIG_KEY_0", "http.extraHeader")
            .env("GIT_CONFIG_VALUE_0", format!("Authorization: Bearer {}", self.token));
        command.output().unwrap()
    }

    /// Runs `git`, which must succeed, and returns its standard output.
    #[track_caller]
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {arguments:?} in {}:\n{errors}", self.directory.display());
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// Runs `git`, which must fail, and returns what it told people.
    #[track_caller]
    pub(crate) fn refused(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(!output.status.success(), "git {arguments:?} should have failed");
        String::from_utf8_lossy(&output.stderr).into_owned()
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

    /// Commits everything that changed.
    pub(crate) fn commit(&self, message: &str) -> String {
        self.ok(&["add", "--all"]);
        self.ok(&["commit", "--quiet", "--message", message]);
        self.ok(&["rev-parse", "HEAD"])
    }

    /// Asserts that the repository is whole.
    #[track_caller]
    pub(crate) fn fsck(&self) {
        self.ok(&["fsck", "--full", "--strict", "--no-dangling"]);
    }
}
