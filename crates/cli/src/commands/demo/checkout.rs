//! The tour's clone: the real `git`, without the visitor's configuration.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use secrecy::{ExposeSecret as _, SecretString};

use crate::error::CliError;

/// Name of the variable that carries the token; other processes can't see it, as they can arguments.
const TOKEN_VARIABLE: &str = "WORKSTEAD_TOKEN";
/// Answers `git` with the token of the environment, whoever's that is.
const CREDENTIAL_HELPER: &str =
    r#"!f() { test "$1" = get && echo "username=demo" && echo "password=$WORKSTEAD_TOKEN"; }; f"#;

/// A directory to run `git` in, as somebody without any configuration.
pub(super) struct Checkout {
    directory: PathBuf,
    home: PathBuf,
    token: SecretString,
}

impl Checkout {
    /// Takes the directory, one that stands for the home of whoever works in it, and their token.
    pub(super) fn new(directory: PathBuf, home: PathBuf, token: SecretString) -> Self {
        Self { directory, home, token }
    }

    /// Clones into a directory below; what is pushed from there later takes the token of `WORKSTEAD_TOKEN`.
    pub(super) fn clone_into(&self, url: &str, name: &str) -> Result<(), CliError> {
        let helper = format!("credential.helper={CREDENTIAL_HELPER}");
        // The empty one keeps the token from a visitor's own helpers, which may store it.
        let settings = ["-c", "credential.helper=", "-c", &helper];
        self.git(&[&["clone", "--quiet"][..], &settings, &["--", url, name]].concat()).map(drop)
    }

    /// Returns where it is.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Runs `git`, which must succeed, and returns what it wrote to standard output.
    pub(super) fn git(&self, arguments: &[&str]) -> Result<String, CliError> {
        let output = self.run(arguments)?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned());
        }
        let told = String::from_utf8_lossy(&output.stderr).trim_end().to_owned();
        Err(CliError::unexpected(told, format!("`git {}` failed", name(arguments))))
    }

    /// Runs `git`, which must be refused, and returns what it told people.
    pub(super) fn git_refused(&self, arguments: &[&str]) -> Result<String, CliError> {
        let output = self.run(arguments)?;
        if output.status.success() {
            let message = format!("`git {}` should have been refused", name(arguments));
            return Err(CliError::unexpected_message(message));
        }
        Ok(String::from_utf8_lossy(&output.stderr).trim_end().to_owned())
    }

    fn run(&self, arguments: &[&str]) -> Result<Output, CliError> {
        Command::new("git")
            .args(arguments)
            .current_dir(&self.directory)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &self.home)
            .env("LC_ALL", "C.UTF-8")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env(TOKEN_VARIABLE, self.token.expose_secret())
            .env("GIT_AUTHOR_NAME", "You")
            .env("GIT_AUTHOR_EMAIL", "you@example.com")
            .env("GIT_COMMITTER_NAME", "You")
            .env("GIT_COMMITTER_EMAIL", "you@example.com")
            .output()
            .map_err(|error| {
                CliError::user_caused(error, "failed to run `git`")
                    .hint("install git; clone and push are made by it")
            })
    }

    /// Replaces text in a file of the work tree; the text must be there.
    pub(super) fn edit(&self, path: &str, (from, to): (&str, &str)) -> Result<(), CliError> {
        let file = self.directory.join(path);
        let failed = |error| CliError::unexpected(error, "failed to edit the clone");
        let text = fs_err::read_to_string(&file).map_err(failed)?;
        if !text.contains(from) {
            return Err(CliError::unexpected_message(format!("`{path}` does not say {from:?}")));
        }
        fs_err::write(&file, text.replacen(from, to, 1)).map_err(failed)
    }

    /// Returns the lines of a file that hold a text.
    pub(super) fn grep(&self, path: &str, text: &str) -> Result<String, CliError> {
        let content = fs_err::read_to_string(self.directory.join(path))
            .map_err(|error| CliError::unexpected(error, "failed to read the clone"))?;
        let lines: Vec<&str> = content.lines().filter(|line| line.contains(text)).map(str::trim).collect();
        Ok(lines.join("\n"))
    }
}

/// Returns the subcommand.
fn name<'a>(arguments: &[&'a str]) -> &'a str {
    arguments.first().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clone_takes_the_token_from_the_environment_and_keeps_none() {
        let root = tempfile::tempdir().unwrap();
        let source = root.path().join("source");
        let desk = Checkout::new(root.path().to_owned(), root.path().join("home"), "s3cret".into());
        desk.git(&["init", "--quiet", "source"]).unwrap();
        desk.clone_into(source.to_str().unwrap(), "clone").unwrap();
        let clone = Checkout::new(root.path().join("clone"), root.path().join("home"), "s3cret".into());
        let config = fs_err::read_to_string(clone.directory().join(".git/config")).unwrap();
        assert!(!config.contains("s3cret"), "{config}");
        let helpers = clone.git(&["config", "--get-all", "credential.helper"]).unwrap();
        assert_eq!(helpers, format!("\n{CREDENTIAL_HELPER}"));
        let output = Command::new("sh")
            .args(["-c", &format!("{} get", &CREDENTIAL_HELPER[1..])])
            .env(TOKEN_VARIABLE, "s3cret")
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "username=demo\npassword=s3cret\n");
    }
}
