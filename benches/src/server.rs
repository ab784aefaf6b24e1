//! A real server as a child process.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::http::{Answer, Connection, request};
use crate::peers::run;

/// The token of the admin.
pub(crate) const ADMIN_TOKEN: &str = "bench-token-bench-token-bench-token-0123";

/// A running Workstead with its own data directory.
pub(crate) struct Server {
    binary: PathBuf,
    child: Child,
    pub(crate) address: SocketAddr,
    data: tempfile::TempDir,
}

impl Server {
    /// Starts the binary on a free port and waits until it is ready.
    pub(crate) fn start(binary: &Path) -> Result<Self> {
        let data = tempfile::tempdir()?;
        let address = free_address()?;
        let child = spawn(binary, data.path(), address)?;
        let server = Self { binary: binary.to_owned(), child, address, data };
        wait_until_ready(address, "/readyz")?;
        Ok(server)
    }

    /// Ends the process by a signal and starts it again; tells how long it takes from start to ready.
    pub(crate) fn restart(&mut self, signal: &str) -> Result<Duration> {
        run(Command::new("kill").args(["-s", signal, &self.child.id().to_string()]))?;
        self.child.wait()?;
        let start = Instant::now();
        self.child = spawn(&self.binary, self.data.path(), self.address)?;
        wait_until_ready(self.address, "/readyz")?;
        Ok(start.elapsed())
    }

    /// Opens a connection.
    pub(crate) fn connect(&self) -> Result<Connection> {
        Connection::open(self.address)
    }

    /// Creates a workspace.
    pub(crate) fn create(&self, name: &str) -> Result<()> {
        let body = format!("{{\"name\": \"{name}\"}}");
        let answer = self.connect()?.send(&prepare("POST", "/api/v3/workspaces/", body.as_bytes()))?;
        expect(&answer, 201)
    }

    /// Returns the bare repository of the only workspace.
    pub(crate) fn repository(&self) -> Result<PathBuf> {
        let repositories = self.data.path().join("data/repositories");
        let mut found = Vec::new();
        let mut open = vec![repositories];
        while let Some(directory) = open.pop() {
            if directory.join("HEAD").is_file() {
                found.push(directory);
                continue;
            }
            for entry in fs_err::read_dir(directory)? {
                let entry = entry?;
                if entry.file_type()?.is_dir() {
                    open.push(entry.path());
                }
            }
        }
        match <[PathBuf; 1]>::try_from(found) {
            Ok([one]) => Ok(one),
            Err(found) => bail!("{} repositories instead of one", found.len()),
        }
    }

    /// Returns the most memory the process has held so far, in bytes.
    pub(crate) fn peak_memory(&self) -> Result<u64> {
        let status = fs_err::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
        let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kibibytes * 1024)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(binary: &Path, data: &Path, address: SocketAddr) -> Result<Child> {
    Command::new(binary)
        .arg("serve")
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("WORKSTEAD_DATA_DIR", data.join("data"))
        .env("WORKSTEAD_LISTEN", address.to_string())
        .env("WORKSTEAD_ADMIN_TOKEN", ADMIN_TOKEN)
        .env("WORKSTEAD_LOG", "warn")
        .stdout(Stdio::null())
        .spawn()
        .context("failed to start the server")
}

/// Prepares a request with the server's token.
pub(crate) fn prepare(method: &str, path: &str, body: &[u8]) -> Vec<u8> {
    request(method, path, ADMIN_TOKEN, body)
}

/// Fails with the body when the status is another one.
pub(crate) fn expect(answer: &Answer, status: u16) -> Result<()> {
    if answer.status != status {
        bail!("{} instead of {status}: {}", answer.status, String::from_utf8_lossy(&answer.body));
    }
    Ok(())
}

/// Returns an address that nobody listens on.
pub(crate) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Polls until the path answers 200, at most 20 seconds.
pub(crate) fn wait_until_ready(address: SocketAddr, path: &str) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(20);
    while Instant::now() < deadline {
        let answer =
            Connection::open(address).and_then(|mut connection| connection.send(&prepare("GET", path, b"")));
        if answer.is_ok_and(|answer| answer.status == 200) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    bail!("nothing ready on {address} after 20 seconds")
}
