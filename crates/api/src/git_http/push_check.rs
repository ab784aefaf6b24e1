//! The check of every push before any reference moves.
//!
//! `git receive-pack` runs our `pre-receive`, a script of one line in a directory of ours, which
//! runs this very program again as the hook's client ([`super::hook::run`]). The client asks the
//! server over a Unix socket in a directory that only the server's user can enter, and shows a
//! ticket that the server gave to this one push. What judges the push runs in the server, with the
//! server's caches, roles and validation; the hook carries words only.

mod content;
mod listener;
mod options;
mod report;
pub(crate) mod rules;
pub(crate) mod tickets;
pub(crate) mod wire;

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fs_err as fs;
use tokio::net::UnixListener;
use tokio::sync::OnceCell;
use tokio::task::JoinHandle;

use self::tickets::{Judge, Ticket, Tickets};
use self::wire::Verdict;
use super::command::TICKET_VARIABLE;

/// Most bytes of a Unix socket's path on every common system (`sun_path`, less its final zero).
const MAX_SOCKET_PATH_BYTES: usize = 103;

/// Why the push check can't be offered.
#[derive(Debug, thiserror::Error)]
pub enum PushCheckError {
    /// A directory, the script or the socket can't be made.
    #[error("failed to prepare the push check")]
    Prepare(#[source] std::io::Error),
    /// The script can't be run.
    #[error("failed to run the hook {hook:?}; is its file system mounted noexec?")]
    Run {
        /// The script.
        hook: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The script ran and did not come back to this server.
    #[error("the hook {hook:?} does not reach this server: {complaints}")]
    Unreached {
        /// The script.
        hook: PathBuf,
        /// What it said.
        complaints: String,
    },
}

/// The server's side of the push check.
#[derive(Debug)]
pub(super) struct PushCheck {
    hooks: PathBuf,
    tickets: Arc<Tickets>,
    listener: JoinHandle<()>,
    tried: OnceCell<()>,
    /// Holds the socket when the data directory's path is too long for one; gone with the server.
    _short_directory: Option<tempfile::TempDir>,
}

impl PushCheck {
    /// Makes `<run>/hooks/pre-receive` and listens on `<run>/push-check.sock`.
    ///
    /// `program` is run as `program pre-receive --socket <socket>`.
    pub(super) fn start(run: &Path, program: &Path) -> Result<Self, PushCheckError> {
        Self::prepare(run, program).map_err(PushCheckError::Prepare)
    }

    fn prepare(run: &Path, program: &Path) -> std::io::Result<Self> {
        private_directory(run)?;
        let run = fs::canonicalize(run)?;
        let hooks = run.join("hooks");
        if fs::symlink_metadata(&hooks).is_ok() {
            fs::remove_dir_all(&hooks)?;
        }
        private_directory(&hooks)?;
        let (socket, short_directory) = socket_path(&run)?;
        if fs::symlink_metadata(&socket).is_ok() {
            fs::remove_file(&socket)?;
        }
        let hook = hooks.join("pre-receive");
        fs::write(&hook, script(program, &socket))?;
        fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o700))?;
        let tickets = Arc::new(Tickets::default());
        let listener = tokio::spawn(listener::listen(UnixListener::bind(&socket)?, Arc::clone(&tickets)));
        Ok(Self { hooks, tickets, listener, tried: OnceCell::new(), _short_directory: short_directory })
    }

    /// Returns the directory for `core.hooksPath`, once it is known that its hook works.
    ///
    /// Git silently skips a hook that it may not execute, and a push would go unchecked.
    pub(crate) async fn hooks(&self) -> Result<OsString, PushCheckError> {
        self.tried.get_or_try_init(|| self.try_hook()).await?;
        let hook = self.hook();
        let executable = |meta: &std::fs::Metadata| meta.is_file() && meta.permissions().mode() & 0o100 != 0;
        match fs::symlink_metadata(&hook) {
            Ok(metadata) if executable(&metadata) => Ok(self.hooks.clone().into_os_string()),
            Ok(_) => Err(PushCheckError::Run { hook, source: std::io::ErrorKind::PermissionDenied.into() }),
            Err(source) => Err(PushCheckError::Run { hook, source }),
        }
    }

    /// Issues the ticket of one push.
    pub(crate) fn issue(&self, judge: Judge) -> Ticket {
        self.tickets.issue(judge)
    }

    fn hook(&self) -> PathBuf {
        self.hooks.join("pre-receive")
    }

    /// Runs the hook on a push of nothing.
    async fn try_hook(&self) -> Result<(), PushCheckError> {
        let ticket = self.issue(Box::new(|_| Verdict::accepted(Vec::new())));
        let mut command = tokio::process::Command::new(self.hook());
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env(TICKET_VARIABLE, ticket.secret()).stdin(std::process::Stdio::null()).kill_on_drop(true);
        let output =
            command.output().await.map_err(|source| PushCheckError::Run { hook: self.hook(), source })?;
        // Exit code 0 alone may be another program's; the ticket is redeemed by this server only.
        if output.status.success() && self.tickets.redeem(ticket.secret()).is_none() {
            return Ok(());
        }
        let complaints = String::from_utf8_lossy(&output.stderr).chars().take(500).collect();
        Err(PushCheckError::Unreached { hook: self.hook(), complaints })
    }
}

impl Drop for PushCheck {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

/// Makes a directory that only its owner can enter.
fn private_directory(path: &Path) -> std::io::Result<()> {
    fs::create_dir_all(path)?;
    fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))
}

/// Chooses where the socket lies: with the data if its path is short enough.
fn socket_path(run: &Path) -> std::io::Result<(PathBuf, Option<tempfile::TempDir>)> {
    let socket = run.join("push-check.sock");
    if socket.as_os_str().len() <= MAX_SOCKET_PATH_BYTES {
        return Ok((socket, None));
    }
    let private = std::fs::Permissions::from_mode(0o700);
    let directory = tempfile::Builder::new().prefix("workstead-").permissions(private).tempdir()?;
    Ok((directory.path().join("s"), Some(directory)))
}

/// Writes the hook: a script because a hook has no arguments of its own.
fn script(program: &Path, socket: &Path) -> Vec<u8> {
    let quoted = |path: &Path| {
        let inner = path.as_os_str().as_bytes().split(|byte| *byte == b'\'').collect::<Vec<_>>();
        [b"'", &inner.join(&br"'\''"[..])[..], b"'"].concat()
    };
    [&b"#!/bin/sh\nexec "[..], &quoted(program), b" pre-receive --socket ", &quoted(socket), b"\n"].concat()
}

impl std::fmt::Debug for Tickets {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Tickets")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_with_a_long_path_lies_elsewhere_in_private() {
        let root = tempfile::tempdir().unwrap();
        let (near, none) = socket_path(root.path()).unwrap();
        assert!(near.starts_with(root.path()) && none.is_none());
        let deep = root.path().join("d".repeat(100));
        let (far, directory) = socket_path(&deep).unwrap();
        assert!(far.as_os_str().len() <= MAX_SOCKET_PATH_BYTES, "{}", far.display());
        let mode = fs::metadata(directory.unwrap().path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[tokio::test]
    async fn what_runs_but_is_no_hook_of_ours_is_found_out() {
        let root = tempfile::tempdir().unwrap();
        let run = root.path().join("run");
        let check = PushCheck::start(&run, Path::new("/bin/true")).unwrap();
        assert!(matches!(check.hooks().await, Err(PushCheckError::Unreached { .. })));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&run), mode(&run.join("hooks"))), (0o700, 0o700));
        drop(check);
        // What an earlier run left is replaced.
        PushCheck::start(&run, Path::new("/bin/false")).unwrap();
    }

    #[test]
    fn the_script_quotes_what_a_shell_would_read() {
        let script = script(Path::new("/a b/it's $(x)"), Path::new("/s"));
        assert_eq!(
            String::from_utf8(script).unwrap(),
            "#!/bin/sh\nexec '/a b/it'\\''s $(x)' pre-receive --socket '/s'\n"
        );
    }
}
