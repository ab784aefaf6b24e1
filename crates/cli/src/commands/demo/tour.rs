//! The tour, step by step; each step does for real what it shows.

use std::path::PathBuf;

use secrecy::SecretString;
use serde_json::{Value, json};
use ureq::http::Method;
use workstead_core::name::WorkspaceName;

use super::checkout::Checkout;
use super::content::{EDIT, EDITED_FILE, MISTAKE, WORKSPACE, write_first_build, write_second_build};
use super::guide::Guide;
use crate::client::{Client, Payload};
use crate::commands::upload::{Manner, Talk, Upload, Via, summary};
use crate::directory::WorkspaceDirectory;
use crate::error::CliError;
use crate::merge_args::{MergeArgs, MergeMode};
use crate::output::Printer;

/// Everything that the steps need.
pub(super) struct Tour {
    guide: Guide,
    client: Client,
    workspace: WorkspaceName,
    url: String,
    token: String,
    /// What the builder wrote.
    build: PathBuf,
    /// Where the clone is made.
    desk: Checkout,
    /// The clone.
    clone: Checkout,
    data: PathBuf,
}

impl Tour {
    /// Prepares the tour below a directory.
    pub(super) fn new(root: PathBuf, url: &str, token: &str, guide: Guide) -> Result<Self, CliError> {
        let workspace = WorkspaceName::parse(WORKSPACE)
            .map_err(|error| CliError::unexpected(error, "the demo's workspace has a bad name"))?;
        fs_err::create_dir_all(root.join("home"))
            .map_err(|error| CliError::unexpected(error, "failed to prepare the demo"))?;
        let home = root.join("home");
        Ok(Self {
            guide,
            client: Client::new(url, SecretString::from(token))?,
            url: url.to_owned(),
            token: token.to_owned(),
            build: root.join("builder-output"),
            clone: Checkout::new(root.join(workspace.as_str()), home.clone(), SecretString::from(token)),
            data: root.join("data"),
            desk: Checkout::new(root, home, SecretString::from(token)),
            workspace,
        })
    }

    /// Gives the whole tour.
    pub(super) fn guide(mut self) -> Result<(), CliError> {
        self.start()?;
        self.create()?;
        self.upload()?;
        self.clone_it()?;
        self.push_an_edit()?;
        self.push_a_mistake()?;
        self.upload_again()?;
        self.go_on_by_hand()
    }

    fn start(&mut self) -> Result<(), CliError> {
        self.guide.step(
            "Start a server",
            "One binary, one data directory, no other service. It made an admin token.",
        )?;
        let data = self.data.display();
        self.guide.command(format_args!("workstead serve --data-dir {data} --listen 127.0.0.1:0"))?;
        self.guide.result(format_args!("listening on {}", self.url))
    }

    fn create(&mut self) -> Result<(), CliError> {
        self.guide.step(
            "Create the workspace `demo`",
            "A workspace says what to watch and how. Each is a Git repository of its own.",
        )?;
        self.guide.command(concat!(
            r#"curl -X POST $WORKSTEAD_SERVER/api/v3/workspaces/ -H "Authorization: Bearer $WORKSTEAD_TOKEN" "#,
            r#"-H "Content-Type: application/json" -d '{"name": "demo"}'"#
        ))?;
        let body = json!({"name": WORKSPACE}).to_string();
        let payload = Payload {
            content_type: "application/json",
            length: body.len() as u64,
            reader: &mut body.as_bytes(),
        };
        let answer = self.client.call(Method::POST, &self.client.api(&["workspaces", ""]), Some(payload))?;
        let field = |name: &str| answer.get(name).and_then(Value::as_str).unwrap_or("?").to_owned();
        self.guide.result(format_args!(
            "created, owned by {}, its first commit is {}",
            field("owner"),
            short(&field("revision"))
        ))
    }

    fn upload(&mut self) -> Result<(), CliError> {
        write_first_build(&self.build)?;
        self.guide.step(
            "Upload a bundle",
            "A workspace builder looked at a cluster and wrote what it found. The server checks every file,
             merges them, and makes one commit.",
        )?;
        self.send_build()
    }

    /// Uploads what the builder wrote, and shows the answer.
    fn send_build(&self) -> Result<(), CliError> {
        let build = self.build.display();
        self.guide
            .command(format_args!("workstead upload {build} --workspace demo --merge-mode keepexisting"))?;
        let bundle = WorkspaceDirectory::read(&self.build)?.pack()?;
        let options = MergeArgs { merge_mode: Some(MergeMode::KeepExisting), ..MergeArgs::default() };
        let manner = Manner::plain(Talk::new(&Printer::new(), true));
        let upload = Upload::new(&self.client, &self.workspace, &options, &bundle, manner);
        let answer = upload.send(Via::Inline)?;
        self.guide.result(summary::describe(&self.workspace, &answer))
    }

    /// Returns the clone's address with whoever stands before the `@`.
    fn git_url(&self, who: &str) -> String {
        let host = self.url.trim_start_matches("http://");
        format!("http://{who}@{host}/git/{WORKSPACE}.git")
    }

    fn clone_it(&mut self) -> Result<(), CliError> {
        self.guide.step(
            "Clone it and see what was committed",
            "Any Git client will do: the token is the password.",
        )?;
        self.guide.command(format_args!("git clone {}", self.git_url("demo:$WORKSTEAD_TOKEN")))?;
        // In arguments every user of this machine could read the token, so it goes by the environment.
        self.desk.clone_into(&self.git_url("demo"), WORKSPACE)?;
        self.show_git(&["log", "--format=%h %an: %s"])?;
        self.guide.command("git show --stat")?;
        let stat = self.clone.git(&["show", "--stat=100", "--format="])?;
        self.guide.result(head(&stat, 8))
    }

    /// Runs `git` in the clone, shows the command and what it wrote.
    fn show_git(&self, arguments: &[&str]) -> Result<(), CliError> {
        self.guide.command(format_args!("git {}", quoted(arguments)))?;
        self.guide.result(self.clone.git(arguments)?)
    }

    fn push_an_edit(&mut self) -> Result<(), CliError> {
        self.guide
            .step("Edit a file and push", "People know better than a builder what matters to customers.")?;
        self.clone.edit(EDITED_FILE, EDIT)?;
        self.guide.command("git diff")?;
        let diff = self.clone.git(&["diff", "--unified=0"])?;
        self.guide.result(changed_lines(&diff))?;
        self.guide.command("git commit -am 'storefront: customers want it fast'")?;
        self.clone.git(&["commit", "--quiet", "-am", "storefront: customers want it fast"])?;
        self.guide.command("git push")?;
        self.clone.git(&["push", "--quiet"])?;
        let head = self.clone.git(&["rev-parse", "--short", "HEAD"])?;
        self.guide.result(format_args!("taken: main is at {head}"))
    }

    fn push_a_mistake(&mut self) -> Result<(), CliError> {
        self.guide.step(
            "Push a mistake: it is refused",
            "Every way in passes the same checks, and each problem names its line. Nothing of the push remains.",
        )?;
        self.clone.edit(EDITED_FILE, MISTAKE)?;
        self.guide.command("git diff")?;
        let diff = self.clone.git(&["diff", "--unified=0"])?;
        self.guide.result(changed_lines(&diff))?;
        self.clone.git(&["commit", "--quiet", "-am", "storefront: a slip of the hand"])?;
        self.guide.command("git commit -am 'storefront: a slip of the hand' && git push")?;
        let told = self.clone.git_refused(&["push", "--quiet"])?;
        let remote: Vec<&str> =
            told.lines().filter(|line| line.starts_with("remote:")).map(str::trim_end).collect();
        self.guide.result(if remote.is_empty() {
            told.replace(&self.token, "***")
        } else {
            remote.join("\n")
        })?;
        self.guide.result("refused: main is where it was")?;
        self.clone.git(&["reset", "--quiet", "--hard", "HEAD~1"]).map(drop)
    }

    fn upload_again(&mut self) -> Result<(), CliError> {
        write_second_build(&self.build)?;
        self.guide.step(
            "Upload again: the edit is kept",
            "The builder ran again and found one more service. It knows nothing of the edit, and does not undo it.",
        )?;
        self.send_build()?;
        self.guide.command("git pull")?;
        self.clone.git(&["pull", "--quiet", "--ff-only"])?;
        self.guide.command(format_args!("grep '{}' {EDITED_FILE}", EDIT.1))?;
        let kept = self.clone.grep(EDITED_FILE, EDIT.1)?;
        if kept.is_empty() {
            return Err(CliError::unexpected_message("the second upload has undone the edit"));
        }
        self.guide.result(format_args!("{kept}\nThe edit is still there."))?;
        self.show_git(&["log", "--format=%h %an: %s"])
    }

    fn go_on_by_hand(&mut self) -> Result<(), CliError> {
        self.guide.step("Go on by hand", "In another terminal:")?;
        let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("workstead"));
        let (program, build) = (program.display(), self.build.display());
        for line in [
            format!("export WORKSTEAD_SERVER={}", self.url),
            format!("export WORKSTEAD_TOKEN={}", self.token),
            String::new(),
            r#"curl -H "Authorization: Bearer $WORKSTEAD_TOKEN" $WORKSTEAD_SERVER/api/v3/workspaces/demo"#
                .to_owned(),
            format!("git clone {}", self.git_url("demo:$WORKSTEAD_TOKEN")),
            format!(
                "cd {}        # the clone of this tour: edit, commit, push",
                self.clone.directory().display()
            ),
            format!("{program} validate {build}"),
            format!("{program} upload {build} --workspace demo --merge-mode keepexisting"),
        ] {
            self.guide.line(line)?;
        }
        Ok(())
    }
}

/// Returns the first characters of a commit's id.
fn short(commit: &str) -> &str {
    commit.get(..7).unwrap_or(commit)
}

/// Returns the first and the last lines of a longer text.
fn head(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().map(str::trim).collect();
    match all.split_last() {
        Some((last, rest)) if rest.len() > lines => {
            format!("{}\n... {} more\n{last}", rest[..lines].join("\n"), rest.len() - lines)
        }
        _ => all.join("\n"),
    }
}

/// Returns the lines of a diff that go or come.
fn changed_lines(diff: &str) -> String {
    let changed = |line: &&str| {
        (line.starts_with('+') || line.starts_with('-'))
            && !line.starts_with("+++")
            && !line.starts_with("---")
    };
    diff.lines().filter(changed).collect::<Vec<_>>().join("\n")
}

/// Writes arguments as one would type them.
fn quoted(arguments: &[&str]) -> String {
    let quote = |argument: &&str| {
        if argument.contains([' ', '%']) { format!("'{argument}'") } else { (*argument).to_owned() }
    };
    arguments.iter().map(quote).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_keep_their_ends() {
        assert_eq!(head("a\nb\nc\nsum", 2), "a\nb\n... 1 more\nsum");
        assert_eq!(head("a\nsum", 2), "a\nsum");
        assert_eq!(head("", 2), "");
    }

    #[test]
    fn a_diff_is_cut_to_what_changed() {
        assert_eq!(changed_lines("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-old\n+new\n"), "-old\n+new");
    }
}
