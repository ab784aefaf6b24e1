//! A store as a child process with its log.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fs_err::OpenOptions;

/// How long anything may take before the test fails instead of hanging.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A process that is killed when it is dropped.
pub(crate) struct Process {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a command whose output goes to the end of a log.
    pub(crate) fn start(name: &'static str, command: &mut Command, log: PathBuf) -> Self {
        let open =
            || OpenOptions::new().create(true).append(true).open(&log).expect("the log opens").into_parts().0;
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::from(open()))
            .stderr(Stdio::from(open()))
            .spawn()
            .unwrap_or_else(|error| panic!("{name} can't be run: {error}"));
        Self { name, child, log }
    }

    /// Asks until it is ready; says why if it ends instead.
    pub(crate) fn wait_until(&mut self, mut ready: impl FnMut() -> bool) -> Result<(), String> {
        let since = Instant::now();
        loop {
            // The answer of another process on the port doesn't count: ours has ended then.
            let is_ready = ready();
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                return Err(format!("{} ended with {status}:\n{}", self.name, self.log()));
            }
            if is_ready {
                return Ok(());
            }
            if since.elapsed() > PATIENCE {
                return Err(format!("{} is not ready after {PATIENCE:?}:\n{}", self.name, self.log()));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Returns everything that it wrote.
    pub(crate) fn log(&self) -> String {
        fs_err::read(&self.log).map(|log| String::from_utf8_lossy(&log).into_owned()).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            #[expect(clippy::print_stderr, reason = "shown with the failure of the test")]
            {
                eprintln!("--- log of {} ---\n{}", self.name, self.log());
            }
        }
    }
}
