//! Runs of the `git` program in a repository, bounded in time and cut off from any configuration.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
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

/// How much lower than the server's own the priority of work in the background is.
const NICE: i32 = 10;
/// Longest line of output that is told.
const MAX_LINE_BYTES: u64 = 64 << 10;

/// One run: `git <command> <arguments>` in a bare repository.
pub(super) struct Run<'a> {
    program: &'a Path,
    directory: &'a Path,
    command: &'static str,
    arguments: &'a [&'a OsStr],
    limit: Duration,
    input: Option<std::fs::File>,
    stop: &'a (dyn Fn() -> bool + Sync),
    niceness: Option<i32>,
}

impl<'a> Run<'a> {
    /// Makes a run that may take so long.
    pub(super) fn new(
        program: &'a Path,
        directory: &'a Path,
        command: &'static str,
        arguments: &'a [&'a OsStr],
        limit: Duration,
    ) -> Self {
        Self { program, directory, command, arguments, limit, input: None, stop: &|| false, niceness: None }
    }

    /// Gives it something to read from its standard input.
    ///
    /// It is also a way to have it hold a locked file as long as it lives, whatever becomes of this process.
    pub(super) fn reading(self, input: std::fs::File) -> Self {
        Self { input: Some(input), ..self }
    }

    /// Has it run at low priority, and end early when it is told to.
    pub(super) fn in_background(self, stop: &'a (dyn Fn() -> bool + Sync)) -> Self {
        Self { stop, niceness: Some(NICE), ..self }
    }

    /// Runs it to its end.
    pub(super) fn run(self) -> Result<()> {
        // A file, not a pipe: whoever writes much to it need not wait for a reader.
        let complaints = tempfile::tempfile()?;
        let mut child = self.spawn(Stdio::null(), complaints.try_clone()?)?;
        let status = self.wait(&mut child)?;
        self.judge(status, complaints)
    }

    /// Runs it to its end, with what it prints line by line.
    pub(super) fn lines(self, take: impl FnMut(&[u8]) + Send) -> Result<()> {
        let complaints = tempfile::tempfile()?;
        let mut child = self.spawn(Stdio::piped(), complaints.try_clone()?)?;
        let status = self.wait_reading(&mut child, take)?;
        self.judge(status, complaints)
    }

    /// Runs it to its end whatever it thinks of its success, with what it prints, complaints too, line by line.
    pub(super) fn report(self, mut take: impl FnMut(&[u8]) + Send) -> Result<ExitStatus> {
        let mut complaints = tempfile::tempfile()?;
        let mut child = self.spawn(Stdio::piped(), complaints.try_clone()?)?;
        let status = self.wait_reading(&mut child, &mut take)?;
        complaints.seek(SeekFrom::Start(0))?;
        for_each_line(complaints, take)?;
        Ok(status)
    }

    fn spawn(&self, stdout: Stdio, stderr: std::fs::File) -> Result<Child> {
        let mut command = self.command();
        if let Some(input) = &self.input {
            command.stdin(input.try_clone()?);
        }
        let child = command.stdout(stdout).stderr(stderr).spawn()?;
        if let Some(niceness) = self.niceness
            && let Some(pid) = pid(&child)
        {
            // What it starts takes it over; without it the work is done all the same.
            let _ = rustix::process::setpriority_process(Some(pid), niceness);
        }
        Ok(child)
    }

    fn wait_reading(&self, child: &mut Child, take: impl FnMut(&[u8]) + Send) -> Result<ExitStatus> {
        let stdout = child.stdout.take();
        std::thread::scope(|scope| {
            let reading = scope.spawn(move || stdout.map_or(Ok(()), |stdout| for_each_line(stdout, take)));
            // When it is ended, its end of the pipe closes, and so the reader ends too.
            let status = self.wait(child);
            match reading.join() {
                Ok(read) => status.and_then(|status| Ok(read.map(|()| status)?)),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }

    /// Waits for it; one that takes too long, or is to stop, is ended with all that it started.
    fn wait(&self, child: &mut Child) -> Result<ExitStatus> {
        let (command, limit) = (self.command, self.limit);
        if let Some(status) = poll(child, limit, self.stop)? {
            return Ok(status);
        }
        end(child)?;
        if (self.stop)() {
            return Err(Error::Stopped);
        }
        Err(Error::ProgramTooSlow { command, limit })
    }

    fn judge(&self, status: ExitStatus, mut complaints: std::fs::File) -> Result<()> {
        if status.success() {
            return Ok(());
        }
        let length = complaints.seek(SeekFrom::End(0))?;
        complaints.seek(SeekFrom::Start(length.saturating_sub(MAX_COMPLAINT_BYTES)))?;
        let mut output = Vec::new();
        complaints.take(MAX_COMPLAINT_BYTES).read_to_end(&mut output)?;
        let output = String::from_utf8_lossy(&output).trim().to_owned();
        Err(Error::Program { command: self.command, status, output })
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
            .env("GIT_NO_REPLACE_OBJECTS", "1")
            .env("GIT_NO_LAZY_FETCH", "1")
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

/// Returns a process's id.
fn pid(child: &Child) -> Option<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw)
}

/// Ends a process with all that it started: asks, then kills.
fn end(child: &mut Child) -> std::io::Result<()> {
    let group = pid(child);
    let signal = |signal| {
        // An error means that nobody is left.
        let _ = group.map(|group| kill_process_group(group, signal));
    };
    signal(Signal::TERM);
    poll(child, GRACE, &|| false)?;
    // The first of the group may be gone and others not.
    signal(Signal::KILL);
    child.wait()?;
    Ok(())
}

/// Waits for a process to end by itself; nothing is returned when the time is over, or it shall stop.
fn poll(
    child: &mut Child,
    limit: Duration,
    stop: &(dyn Fn() -> bool + Sync),
) -> std::io::Result<Option<ExitStatus>> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        let left = limit.saturating_sub(start.elapsed());
        if left.is_zero() || stop() {
            return Ok(None);
        }
        sleep(left.min(Duration::from_millis(10)));
    }
}

/// Hands on what is read, a line at a time, without its end; lines that are too long in parts.
fn for_each_line(from: impl std::io::Read, mut take: impl FnMut(&[u8])) -> std::io::Result<()> {
    let mut reader = BufReader::with_capacity(64 << 10, from);
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        take(line.strip_suffix(b"\n").unwrap_or(&line));
    }
}
