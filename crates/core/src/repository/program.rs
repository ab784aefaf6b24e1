//! Runs of the `git` program in a repository, bounded in time and cut off from any configuration.

use std::ffi::OsStr;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::error::{Error, Result};

/// How long `git` may take to remove its temporary files when it is told to end.
const GRACE: Duration = Duration::from_secs(5);
/// Most bytes of what `git` complains of that are told.
const MAX_COMPLAINT_BYTES: u64 = 500;
/// How what it writes becomes durable, what it must not run, and how memory and processors are spared; large files
/// are copied as they are.
const SETTINGS: &[&str] = &[
    "gc.auto=0",
    "core.fsync=all",
    "fetch.fsckObjects=true",
    "core.hooksPath=/dev/null",
    "core.attributesFile=/dev/null",
    "core.bigFileThreshold=32m",
    "pack.threads=1",
    "pack.windowMemory=128m",
];

/// One run: `git <command> <arguments>` in a bare repository.
pub(super) struct Run<'a> {
    pub(super) program: &'a Path,
    pub(super) directory: &'a Path,
    pub(super) command: &'static str,
    pub(super) arguments: &'a [&'a OsStr],
    /// Longest that it may take.
    pub(super) limit: Duration,
}

impl Run<'_> {
    /// Runs it to its end.
    pub(super) fn run(&self) -> Result<()> {
        // A file, not a pipe: whoever writes much to it need not wait for a reader.
        let mut complaints = tempfile::tempfile()?;
        let mut child = self.command().stderr(complaints.try_clone()?).spawn()?;
        let (command, limit) = (self.command, self.limit);
        let Some(status) = wait_within(&mut child, limit)? else {
            return Err(Error::ProgramTooSlow { command, limit });
        };
        if status.success() {
            return Ok(());
        }
        let length = complaints.seek(SeekFrom::End(0))?;
        complaints.seek(SeekFrom::Start(length.saturating_sub(MAX_COMPLAINT_BYTES)))?;
        let mut output = Vec::new();
        complaints.take(MAX_COMPLAINT_BYTES).read_to_end(&mut output)?;
        let output = String::from_utf8_lossy(&output).trim().to_owned();
        Err(Error::Program { command, status, output })
    }

    fn command(&self) -> Command {
        let mut command = Command::new(self.program);
        command
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", "/nonexistent")
            .env("LC_ALL", "C")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .args(SETTINGS.iter().flat_map(|setting| ["-c", setting]))
            .arg("--git-dir")
            .arg(self.directory)
            .arg(self.command)
            .args(self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            // A group of its own, so that a signal reaches what it started too.
            .process_group(0);
        command
    }
}

/// Waits for a process; one that takes too long is ended with all that it started.
fn wait_within(child: &mut Child, limit: Duration) -> std::io::Result<Option<ExitStatus>> {
    if let Some(status) = poll(child, limit)? {
        return Ok(Some(status));
    }
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let signal = |signal| {
        // An error means that nobody is left.
        let _ = group.map(|group| kill_process_group(group, signal));
    };
    signal(Signal::TERM);
    poll(child, GRACE)?;
    // The first of the group may be gone and others not.
    signal(Signal::KILL);
    child.wait()?;
    Ok(None)
}

/// Waits for a process to end by itself.
fn poll(child: &mut Child, limit: Duration) -> std::io::Result<Option<ExitStatus>> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        let left = limit.saturating_sub(start.elapsed());
        if left.is_zero() {
            return Ok(None);
        }
        sleep(left.min(Duration::from_millis(10)));
    }
}
