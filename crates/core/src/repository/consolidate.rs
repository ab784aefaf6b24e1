//! Many small packs become few.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use fs_err as fs;
use rustix::process::{Pid, Signal, kill_process_group};

use super::Repository;
use super::error::{Error, Result};

/// Packs from which on reading gets slower for having to look into each.
///
/// Each pack of an open repository is an open file, see [`MAX_OPEN`](super::store::MAX_OPEN).
pub(super) const MAX_PACKS: usize = 20;
/// Longest that writers are kept waiting.
const MAX_TIME: Duration = Duration::from_mins(10);
/// How long `git` may take to remove its temporary files when it is told to end.
const GRACE: Duration = Duration::from_secs(5);
/// Most bytes of what `git` complains of that are told.
const MAX_COMPLAINT_BYTES: u64 = 500;
/// How memory and processors are spared; large files are copied as they are.
const SETTINGS: &[&str] = &[
    "gc.auto=0",
    "core.fsync=all",
    "core.hooksPath=/dev/null",
    "core.attributesFile=/dev/null",
    "core.bigFileThreshold=32m",
    "pack.threads=1",
    "pack.windowMemory=128m",
];

impl Repository {
    /// Tells whether there are so many packs that [`consolidate`](Self::consolidate) is worth its while.
    pub fn needs_consolidation(&self) -> Result<bool> {
        let mut packs = 0;
        for entry in fs::read_dir(self.objects().directory().join("pack"))? {
            packs += usize::from(entry?.path().extension().is_some_and(|extension| extension == "pack"));
        }
        Ok(packs > MAX_PACKS)
    }

    /// Joins packs until each has at least twice the objects of the next smaller one.
    ///
    /// The work is `git repack`'s. Writers of this repository wait for it, if not for ever; readers
    /// don't: they keep what they have open, and look again for what they miss. No object is dropped,
    /// reachable or not.
    pub fn consolidate(&self) -> Result<()> {
        self.consolidate_within(MAX_TIME)
    }

    pub(super) fn consolidate_within(&self, limit: Duration) -> Result<()> {
        let writer = self.writer()?;
        // A file, not a pipe: whoever writes much to it need not wait for a reader.
        let mut complaints = tempfile::tempfile()?;
        let mut command = self.repack();
        let ended = command
            .stderr(complaints.try_clone()?)
            .spawn()
            .and_then(|mut child| wait_within(&mut child, limit));
        // Whatever git did, old handles may know packs that are gone.
        self.objects().renew();
        drop(writer);
        let Some(status) = ended? else { return Err(Error::ProgramTooSlow { command: "repack", limit }) };
        if status.success() {
            return Ok(());
        }
        let length = complaints.seek(SeekFrom::End(0))?;
        complaints.seek(SeekFrom::Start(length.saturating_sub(MAX_COMPLAINT_BYTES)))?;
        let mut output = Vec::new();
        complaints.take(MAX_COMPLAINT_BYTES).read_to_end(&mut output)?;
        let output = String::from_utf8_lossy(&output).trim().to_owned();
        Err(Error::Program { command: "repack", status, output })
    }

    fn repack(&self) -> Command {
        let mut command = Command::new(self.git_program());
        command
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", "/nonexistent")
            .env("LC_ALL", "C")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .args(SETTINGS.iter().flat_map(|setting| ["-c", setting]))
            .arg("--git-dir")
            .arg(self.directory())
            .args(["repack", "-d", "--geometric=2", "-q"])
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
