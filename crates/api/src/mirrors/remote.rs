//! The `git` program with an upstream: its command line, its environment, its place and its bounds.
//!
//! It talks with the checked addresses of one host and nothing else: no other protocol, no redirect, no proxy, no
//! configuration but what stands on its command line. It runs in a Git directory of its own, so it sees no reference of the
//! workspace's and can move none; only objects are shared.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use tokio_util::sync::CancellationToken;
use workstead_core::name::BranchName;
use workstead_core::oid::CommitId;
use workstead_core::repository;

use super::askpass;
use super::failure::{Cure, Failure};
use super::place::{Place, THEIRS, take_smartness};
use crate::app::AppState;
use crate::egress::Destination;
use crate::error::ApiError;
use crate::git_http::GitProcess;
use crate::metrics::GitService;

/// Longest that the list of an upstream's references may take.
const LIST_TIME: Duration = Duration::from_mins(1);
/// Most bytes of a standard output that are read; lists name one branch.
const MAX_OUTPUT_BYTES: u64 = 64 << 10;
/// Most bytes of complaints that are looked at; they are cut short by what reads them, a little later than here.
const MAX_SAID_BYTES: usize = 7 << 10;
/// How often it is looked how much has come.
const LOOK: Duration = Duration::from_millis(250);
/// Most bytes of the list of an upstream's references.
const MAX_LIST_BYTES: u64 = 64 << 20;

/// Settings of every run; the repository's own files are not asked for anything.
const SETTINGS: &[&str] = &[
    "gc.auto=0",
    "maintenance.auto=false",
    "core.fsync=all",
    "core.hooksPath=/dev/null",
    "core.attributesFile=/dev/null",
    "core.bigFileThreshold=32m",
    "pack.windowMemory=128m",
    "pack.threads=1",
    "credential.helper=",
    "http.proxy=",
    "http.followRedirects=false",
    "http.sslVerify=true",
    "http.lowSpeedLimit=1000",
    "http.lowSpeedTime=60",
    "protocol.version=2",
    "transfer.fsckObjects=true",
    "transfer.credentialsInUrl=die",
    "transfer.bundleURI=false",
    "fetch.unpackLimit=1",
    "fetch.recurseSubmodules=false",
    "push.recurseSubmodules=no",
];
/// What passes from the server's environment: where to look for programs, and whom to trust.
const INHERITED: &[&str] = &["PATH", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH"];

/// An upstream as it is talked with, once its addresses were checked.
#[derive(Debug)]
pub(super) struct Remote {
    pub(super) destination: Destination,
    pub(super) branch: BranchName,
    pub(super) username: Option<String>,
    pub(super) password: Option<SecretString>,
}

/// What a run said, and whether it did what it was to do.
struct Said {
    ok: bool,
    output: String,
    complaints: String,
}

/// What became of a push.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    /// The upstream's branch is there now.
    Done,
    /// It would have lost commits.
    NotForward,
    /// The upstream says no, in these words.
    Refused(String),
}

impl Remote {
    /// Asks where the branch is; nothing when the upstream has none of this name.
    pub(super) async fn head(
        &self,
        app: &AppState,
        place: &Place,
        cancel: &CancellationToken,
    ) -> Result<Option<CommitId>, Failure> {
        let reference = self.branch.reference();
        let arguments = ["ls-remote", "--refs", "--", self.url(), &reference].map(OsString::from);
        let bound = (place.path(), MAX_LIST_BYTES);
        let said = self.run(app, place, &arguments, LIST_TIME, Some(bound), cancel).await?;
        if !said.ok {
            return Err(Failure::of_git(&said.complaints));
        }
        check_smart(app, place).await?;
        let found = said.output.lines().filter_map(|line| line.split_once('\t'));
        let found = found.filter(|(_, name)| *name == reference).map(|(id, _)| id).next();
        found.map(|id| CommitId::parse(id).map_err(|_| other_format())).transpose()
    }

    /// Fetches the branch into a place; `limit` is how many bytes may come.
    pub(super) async fn fetch(
        &self,
        app: &AppState,
        place: &Place,
        limit: u64,
        cancel: &CancellationToken,
    ) -> Result<(), Failure> {
        let refspec = format!("+{}:{THEIRS}", self.branch.reference());
        let arguments = [
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-auto-maintenance",
            "--no-recurse-submodules",
            "--",
            self.url(),
            &refspec,
        ];
        let time = app.git.limits().max_time;
        let bound = Some((place.objects.as_path(), limit));
        let said = self.run(app, place, &arguments.map(OsString::from), time, bound, cancel).await?;
        if !said.ok {
            return Err(Failure::of_git(&said.complaints));
        }
        // What comes by the dumb protocol is not looked through by `git` (fsck), and may be said to lie elsewhere.
        check_smart(app, place).await?;
        // It may have come between two looks.
        check_size(app, &place.objects, limit).await
    }

    /// Pushes a commit to the branch, which only moves forward, and only from where the upstream says that it is.
    pub(super) async fn push(
        &self,
        app: &AppState,
        place: &Place,
        commit: CommitId,
        cancel: &CancellationToken,
    ) -> Result<Pushed, Failure> {
        let refspec = format!("{commit}:{}", self.branch.reference());
        let arguments =
            ["push", "--porcelain", "--no-verify", "--no-follow-tags", "--", self.url(), &refspec];
        let time = app.git.limits().max_time;
        let said = self.run(app, place, &arguments.map(OsString::from), time, None, cancel).await?;
        read_push(&said)
    }

    fn url(&self) -> &str {
        self.destination.target().url().as_str()
    }

    async fn run(
        &self,
        app: &AppState,
        place: &Place,
        arguments: &[OsString],
        time: Duration,
        bound: Option<(&Path, u64)>,
        cancel: &CancellationToken,
    ) -> Result<Said, Failure> {
        let mut measured = app.metrics.git.run(GitService::Mirror);
        let failed = |error: std::io::Error| {
            tracing::error!(%error, "git can't be run for a mirror");
            Failure::new(Cure::Time, "git_failed", "this server can't run git; its log has the cause")
        };
        let command = self.command(&app.mirrors.askpass, place, arguments);
        let (mut process, mut pipes) = GitProcess::start(command).map_err(failed)?;
        drop(pipes.stdin);
        let mut output = String::new();
        let mut reading = (&mut pipes.stdout).take(MAX_OUTPUT_BYTES);
        let ending = async {
            // What is no text is not understood, and what is too long is cut: either shows in what is read of it.
            let _ = reading.read_to_string(&mut output).await;
            process.wait().await
        };
        let stopped = tokio::select! {
            ended = tokio::time::timeout(time, ending) => {
                ended.map_err(|_| too_slow(time)).and_then(|ended| ended.map_err(failed))
            }
            too_large = watch(app, bound) => Err(too_large),
            () = cancel.cancelled() => Err(Failure::cancelled()),
        };
        let ok = match stopped {
            Ok(status) => status.success(),
            Err(failure) => {
                process.stop().await;
                return Err(failure);
            }
        };
        measured.ok = ok;
        let complaints = self.redacted(&process.complaints().await);
        Ok(Said { ok, output: self.redacted(&output), complaints })
    }

    fn command(&self, askpass: &Path, place: &Place, arguments: &[OsString]) -> Command {
        let mut command = Command::new("git");
        command.args(SETTINGS.iter().flat_map(|setting| ["-c", setting]));
        if let Some(pinned) = self.destination.curl_resolve() {
            command.args(["-c", &format!("http.curloptResolve={pinned}")]);
        }
        command.args(arguments);
        command.env_clear().envs(self.environment(askpass, place));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A group of its own: signals reach the helpers that do the talking too.
        command.process_group(0).kill_on_drop(true);
        command
    }

    fn environment(&self, askpass: &Path, place: &Place) -> Vec<(&'static str, OsString)> {
        let protocols = if self.destination.target().is_plain() { "http:https" } else { "https" };
        let mut variables: Vec<(&'static str, OsString)> = vec![
            ("HOME", "/nonexistent".into()),
            ("LC_ALL", "C".into()),
            ("GIT_CONFIG_NOSYSTEM", "1".into()),
            ("GIT_CONFIG_GLOBAL", "/dev/null".into()),
            ("GIT_ATTR_NOSYSTEM", "1".into()),
            ("GIT_ALLOW_PROTOCOL", protocols.into()),
            ("GIT_TERMINAL_PROMPT", "0".into()),
            ("GIT_DIR", place.path().into()),
            ("GIT_OBJECT_DIRECTORY", place.objects.clone().into()),
            ("GIT_TRACE_PACKET", place.notes().into()),
        ];
        let inherited = INHERITED.iter().filter_map(|name| Some((*name, std::env::var_os(name)?)));
        variables.extend(inherited);
        if let Some(alternate) = &place.alternate {
            variables.push(("GIT_ALTERNATE_OBJECT_DIRECTORIES", alternate.clone().into()));
        }
        if let Some(password) = &self.password {
            let username = self.username.as_deref().unwrap_or(super::setting::DEFAULT_USERNAME);
            variables.push(("GIT_ASKPASS", OsStr::new(askpass).into()));
            variables.push((askpass::USERNAME, username.into()));
            variables.push((askpass::PASSWORD, password.expose_secret().into()));
        }
        variables
    }

    /// Takes the secrets out of what was said, should the other side have repeated them, and cuts it.
    fn redacted(&self, said: &str) -> String {
        let mut said = said.to_owned();
        if let Some(password) = self.password.as_ref().map(ExposeSecret::expose_secret) {
            let username = self.username.as_deref().unwrap_or(super::setting::DEFAULT_USERNAME);
            for secret in [STANDARD.encode(format!("{username}:{password}")).as_str(), password] {
                said = said.replace(secret, "[secret]");
            }
        }
        // A secret that the reader cut in two stands behind this.
        let end = said.floor_char_boundary(MAX_SAID_BYTES);
        said.truncate(end);
        said
    }
}

fn other_format() -> Failure {
    let detail = "the upstream names its commits by other than SHA-1, which workspaces can't hold";
    Failure::new(Cure::Somebody, "other_format", detail)
}

fn too_slow(limit: Duration) -> Failure {
    let detail = format!("the upstream did not come to an end within {} seconds", limit.as_secs());
    Failure::new(Cure::Time, "too_slow", detail)
}

/// Ends when more has come than may; never without a limit.
async fn watch(app: &AppState, bound: Option<(&Path, u64)>) -> Failure {
    let Some((directory, limit)) = bound else { return std::future::pending().await };
    loop {
        tokio::time::sleep(LOOK).await;
        if let Err(failure) = check_size(app, directory, limit).await {
            return failure;
        }
    }
}

/// Refuses an upstream that did not speak the smart protocol in the last run, and forgets that run.
async fn check_smart(app: &AppState, place: &Place) -> Result<(), Failure> {
    let notes = place.notes();
    let reading = app.work.blocking(move || take_smartness(&notes));
    // Who spoke otherwise left no notes.
    if reading.await?.unwrap_or(false) {
        return Ok(());
    }
    let detail = "the upstream speaks Git's dumb protocol, which is not taken; name one that speaks the smart protocol, as `git http-backend` does";
    Err(Failure::new(Cure::Somebody, "dumb_protocol", detail))
}

/// Refuses what is larger than may come.
async fn check_size(app: &AppState, directory: &Path, limit: u64) -> Result<(), Failure> {
    let directory = directory.to_owned();
    let bytes = app.work.blocking(move || repository::bytes_below(&directory)).await?;
    let bytes = bytes.map_err(ApiError::internal)?;
    if bytes <= limit {
        return Ok(());
    }
    let detail = format!(
        "the upstream sends {bytes} bytes or more, over the limit of {limit}; raise WORKSTEAD_GIT_MAX_PUSH_BYTES, or push its history here in parts before it is mirrored"
    );
    Err(Failure::new(Cure::Somebody, "too_large", detail))
}

/// Reads what `git push --porcelain` wrote (git-push, OUTPUT).
fn read_push(said: &Said) -> Result<Pushed, Failure> {
    let lines = said.output.lines().filter_map(|line| {
        let mut parts = line.splitn(3, '\t');
        Some((parts.next()?, parts.next()?, parts.next()?))
    });
    for (flag, _, summary) in lines {
        if flag != "!" {
            continue;
        }
        if summary.contains("(non-fast-forward)") || summary.contains("(fetch first)") {
            return Ok(Pushed::NotForward);
        }
        let remote = said.complaints.lines().filter_map(|line| line.strip_prefix("remote: "));
        let remote = remote.map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ");
        let why = if remote.is_empty() { summary.to_owned() } else { format!("{summary}: {remote}") };
        return Ok(Pushed::Refused(why));
    }
    if said.ok { Ok(Pushed::Done) } else { Err(Failure::of_git(&said.complaints)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_became_of_a_push_is_read() {
        let read = |ok, output: &str, complaints: &str| {
            read_push(&Said { ok, output: output.to_owned(), complaints: complaints.to_owned() })
        };
        let done = "To https://x/\n \tabc:refs/heads/main\t1..2\nDone";
        assert_eq!(read(true, done, ""), Ok(Pushed::Done));
        let late = "To https://x/\n!\tabc:refs/heads/main\t[rejected] (fetch first)\nDone";
        assert_eq!(read(false, late, "error: failed to push"), Ok(Pushed::NotForward));
        let no = "To https://x/\n!\tabc:refs/heads/main\t[remote rejected] (protected branch hook declined)";
        let said = "remote: GitLab: You are not allowed to push.        \nerror: failed";
        let refused =
            "[remote rejected] (protected branch hook declined): GitLab: You are not allowed to push.";
        assert_eq!(read(false, no, said), Ok(Pushed::Refused(refused.to_owned())));
        assert_eq!(read(false, "", "fatal: repository 'x' not found").unwrap_err().code, "not_found");
    }
}
