//! One `git` process: started, watched, stopped without leftovers.

use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group, setpriority_process};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;

/// Most bytes of a process's complaints that are kept for the log.
const MAX_STDERR_BYTES: usize = 8 << 10;
/// By how much a process that reads for a client stands back.
const NICENESS: i32 = 5;
/// How long a process may take to clean up after itself when it is told to end.
const GRACE: Duration = Duration::from_secs(5);

/// A running `git` with all that it started.
#[derive(Debug)]
pub(crate) struct GitProcess {
    child: Child,
    complaints: JoinHandle<String>,
}

/// The ends of the pipes.
pub(crate) struct Pipes {
    /// What the process reads.
    pub(crate) stdin: ChildStdin,
    /// What the process writes.
    pub(crate) stdout: ChildStdout,
}

impl GitProcess {
    /// Starts a command whose three streams are pipes.
    pub(crate) fn start(mut command: Command) -> std::io::Result<(Self, Pipes)> {
        let mut child = command.spawn()?;
        let missing = || std::io::Error::other("a pipe is missing");
        let stdin = child.stdin.take().ok_or_else(missing)?;
        let stdout = child.stdout.take().ok_or_else(missing)?;
        let stderr: ChildStderr = child.stderr.take().ok_or_else(missing)?;
        let complaints = tokio::spawn(collect(stderr));
        Ok((Self { child, complaints }, Pipes { stdin, stdout }))
    }

    /// Waits until the process has ended by itself.
    pub(crate) async fn wait(&mut self) -> std::io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Gives a process whose input has ended a moment to end by itself.
    ///
    /// `git receive-pack` then removes its quarantine directory; a signal lets it leave that behind
    /// (tmp-objdir.c). Its output is read, since writing to nobody would be a signal too.
    pub(crate) async fn let_end(&mut self, stdout: &mut ChildStdout) {
        let ending = async {
            // What can't be read needs no reader.
            let _ = tokio::io::copy(stdout, &mut tokio::io::sink()).await;
            self.child.wait().await
        };
        let _ = tokio::time::timeout(GRACE, ending).await;
    }

    /// Ends the process and all that it started: asks, then kills.
    pub(crate) async fn stop(&mut self) {
        self.signal(Signal::TERM);
        if tokio::time::timeout(GRACE, self.child.wait()).await.is_err() {
            self.signal(Signal::KILL);
            // Nothing outlives SIGKILL for long; an error means that there is nobody to wait for.
            let _ = self.child.wait().await;
        }
    }

    /// Returns what the ended process wrote to its standard error, cut to a bounded length.
    pub(crate) async fn complaints(self) -> String {
        // A grandchild may hold the pipe open for a moment longer.
        match tokio::time::timeout(GRACE, self.complaints).await {
            Ok(Ok(text)) => text,
            _ => String::new(),
        }
    }

    /// Lets everything else on the machine go first, with all that the process starts from now on.
    ///
    /// Many clones at once would else take the time of those who ask the API.
    pub(super) fn yield_to_others(&self) {
        // No id means that it has ended; to the system, no id would be this very process.
        let id = self.child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
        if let Some(id) = id
            && let Err(error) = setpriority_process(Some(id), NICENESS)
        {
            tracing::debug!(%error, "failed to lower the priority of a git process");
        }
    }

    fn signal(&self, signal: Signal) {
        // No id means that the process was waited for: its number may be another's by now.
        let group = self.child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
        if let Some(group) = group
            && let Err(error) = kill_process_group(group, signal)
        {
            tracing::debug!(%error, "failed to signal a git process");
        }
    }
}

/// Reads to the end, keeps the beginning.
async fn collect(mut from: impl AsyncRead + Unpin) -> String {
    let mut kept = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let room = MAX_STDERR_BYTES - kept.len();
        kept.extend_from_slice(&buffer[..count.min(room)]);
    }
    String::from_utf8_lossy(&kept).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use std::process::Stdio;

    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]).process_group(0).kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    #[tokio::test]
    async fn stopping_ends_the_children_too_and_lets_them_clean_up() {
        let directory = tempfile::tempdir().unwrap();
        let marker = directory.path().join("cleaned");
        let script = format!("trap 'touch {}; exit 1' TERM; sleep 100 & echo ready; wait", marker.display());
        let (mut process, mut pipes) = GitProcess::start(shell(&script)).unwrap();
        let mut ready = [0; 6];
        pipes.stdout.read_exact(&mut ready).await.unwrap();
        process.stop().await;
        assert!(marker.exists());
        // `sleep` held the other end too, so the end of the stream shows that it is gone.
        assert_eq!(pipes.stdout.read(&mut ready).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_process_that_stands_back_takes_its_children_along() {
        // Waits to be told, so that the child is surely started afterwards.
        let script = "read line; sh -c 'cut -d\" \" -f19 /proc/$$/stat'";
        let (mut process, mut pipes) = GitProcess::start(shell(script)).unwrap();
        let own = rustix::process::getpriority_process(None).unwrap();
        process.yield_to_others();
        tokio::io::AsyncWriteExt::write_all(&mut pipes.stdin, b"go\n").await.unwrap();
        let mut niceness = String::new();
        pipes.stdout.read_to_string(&mut niceness).await.unwrap();
        assert_eq!(niceness.trim(), NICENESS.to_string());
        assert_eq!(rustix::process::getpriority_process(None).unwrap(), own, "not this process");
        process.wait().await.unwrap();
    }

    #[tokio::test]
    async fn complaints_are_kept_up_to_a_limit() {
        let (mut process, pipes) =
            GitProcess::start(shell("printf 'first\\n' >&2; head -c 100000 /dev/zero >&2; exit 3")).unwrap();
        assert_eq!(process.wait().await.unwrap().code(), Some(3));
        drop(pipes);
        let text = process.complaints().await;
        assert!(text.starts_with("first\n") && text.len() == MAX_STDERR_BYTES, "{}", text.len());
    }
}
