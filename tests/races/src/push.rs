//! Developers with the real `git`.

use std::path::PathBuf;
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};

use crate::api::slx_yaml;
use crate::{Acknowledged, Door, Outcome, Race, Writer};

/// What `git` says when somebody else was faster: fetch and try again.
const FASTER: [&str; 3] = ["(fetch first)", "(non-fast-forward)", "(failed to update ref)"];
/// What it says when the server asks to come back.
const BUSY: [&str; 2] = ["returned error: 503", "returned error: 429"];

/// A developer with a clone, who changes an SLX again and again.
pub(crate) struct Pusher {
    clone: PathBuf,
    home: PathBuf,
    token: String,
    workspace: String,
    slx: String,
}

impl Pusher {
    /// Clones the workspace.
    pub(crate) fn new(race: &Race, number: usize) -> Result<Self> {
        let pusher = Self {
            clone: race.scratch.join(format!("clone-{number}")),
            home: race.scratch.clone(),
            token: race.token.clone(),
            workspace: race.workspace.clone(),
            slx: format!("pushed-{number}"),
        };
        fs_err::create_dir_all(&pusher.clone)?;
        pusher.ok(&["clone", "--quiet", &race.git_url, "."])?;
        Ok(pusher)
    }

    fn run(&self, arguments: &[&str]) -> Result<Output> {
        let mut command = Command::new("git");
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        for (name, value) in [
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GIT_AUTHOR_NAME", "Dev"),
            ("GIT_AUTHOR_EMAIL", "dev@example.com"),
            ("GIT_COMMITTER_NAME", "Dev"),
            ("GIT_COMMITTER_EMAIL", "dev@example.com"),
            ("GIT_CONFIG_COUNT", "2"),
            ("GIT_CONFIG_KEY_0", "http.extraHeader"),
            // A housekeeper in the background would outlive the clone.
            ("GIT_CONFIG_KEY_1", "gc.auto"),
            ("GIT_CONFIG_VALUE_1", "0"),
            ("LC_ALL", "C"),
        ] {
            command.env(name, value);
        }
        command.env("HOME", &self.home).current_dir(&self.clone).args(arguments);
        command.env("GIT_CONFIG_VALUE_0", format!("Authorization: Bearer {}", self.token));
        command.output().context("git can't be run")
    }

    fn ok(&self, arguments: &[&str]) -> Result<String> {
        let output = self.run(arguments)?;
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(output.status.success(), "git {arguments:?}: {told}");
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    /// Takes over what the others wrote, under the own commit.
    fn catch_up(&self, outcome: &mut Outcome) -> Result<()> {
        let fetched = self.run(&["fetch", "--quiet", "origin"])?;
        if !fetched.status.success() {
            self.refused(&fetched, outcome);
            return Ok(());
        }
        self.ok(&["rebase", "--quiet", "origin/main"]).map(drop)
    }

    fn refused(&self, output: &Output, outcome: &mut Outcome) {
        let told = String::from_utf8_lossy(&output.stderr);
        let known = FASTER.iter().chain(&BUSY).find(|word| told.contains(**word));
        match known {
            Some(word) => outcome.refuse(Door::Push, word),
            None => outcome.unclean.push(format!("Push of {}: {told}", self.slx)),
        }
    }
}

impl Writer for Pusher {
    fn write(&mut self, number: usize, outcome: &mut Outcome) -> Result<()> {
        let statement = format!("push {number} stands");
        let path = format!("slxs/{}/slx.yaml", self.slx);
        let file = self.clone.join(&path);
        fs_err::create_dir_all(file.parent().context("a file lies in a directory")?)?;
        fs_err::write(&file, slx_yaml(&self.workspace, &self.slx, &statement))?;
        self.ok(&["add", "--all"])?;
        self.ok(&["commit", "--quiet", "--message", &statement])?;
        // Whoever was refused has the next change pushed together with this one.
        self.catch_up(outcome)?;
        let pushed = self.run(&["push", "--quiet", "origin", "HEAD:main"])?;
        if !pushed.status.success() {
            self.refused(&pushed, outcome);
            return Ok(());
        }
        let commit = self.ok(&["rev-parse", "HEAD"])?;
        let text = format!("statement: {statement}\n");
        outcome.acknowledged.push(Acknowledged { door: Door::Push, commit, path, text });
        Ok(())
    }
}
