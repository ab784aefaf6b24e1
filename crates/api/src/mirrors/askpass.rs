//! How `git` is told the credentials of an upstream.
//!
//! It runs a program of ours and reads a line (gitcredentials, `GIT_ASKPASS`). The program knows nothing: it prints what
//! stands in the environment of that one `git`, so a secret is on no command line, in no URL and in no file.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use fs_err as fs;

/// Names of the variables that carry the credentials.
pub(super) const USERNAME: &str = "MIRROR_USERNAME";
pub(super) const PASSWORD: &str = "MIRROR_PASSWORD";

const SCRIPT: &str = r#"#!/bin/sh
case "$1" in
Username*) printf '%s\n' "$MIRROR_USERNAME" ;;
Password*) printf '%s\n' "$MIRROR_PASSWORD" ;;
*) exit 1 ;;
esac
"#;

/// Writes the program into a directory of ours, and returns where it lies.
pub(super) fn write(run: &Path) -> std::io::Result<PathBuf> {
    let directory = run.join("mirror");
    fs::create_dir_all(&directory)?;
    fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o700))?;
    let directory = fs::canonicalize(&directory)?;
    // Renamed into its place: a file that is open for writing can't be run.
    let new = directory.join("askpass.new");
    fs::write(&new, SCRIPT)?;
    fs::set_permissions(&new, std::fs::Permissions::from_mode(0o700))?;
    let path = directory.join("askpass");
    fs::rename(new, &path)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn it_answers_from_its_environment_and_no_other_question() {
        let run = tempfile::tempdir().unwrap();
        let path = write(run.path()).unwrap();
        assert_eq!(write(run.path()).unwrap(), path);
        let ask = |question: &str| {
            let mut command = Command::new(&path);
            command.arg(question).env_clear().env(USERNAME, "-n \\t").env(PASSWORD, "p$w 'x'");
            let output = command.output().unwrap();
            output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
        };
        assert_eq!(ask("Username for 'https://x': ").as_deref(), Some("-n \\t\n"));
        assert_eq!(ask("Password for 'https://u@x': ").as_deref(), Some("p$w 'x'\n"));
        assert_eq!(ask("Passphrase: "), None);
    }
}
