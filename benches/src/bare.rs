//! A bare axum handler in a process of its own: the peer of reads.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::Result;

use crate::server::{free_address, wait_until_ready};

/// Serves the content of a file on one path from a handler that does nothing else, on `BENCH_LISTEN`.
pub(crate) fn serve_bare(path: &str, body: &Path) -> Result<()> {
    let body = bytes::Bytes::from(fs_err::read(body)?);
    let handler = move || {
        let body = body.clone();
        async move { ([("content-type", "application/json")], body) }
    };
    let router = axum::Router::new().route(path, axum::routing::get(handler));
    let address: SocketAddr = std::env::var("BENCH_LISTEN")?.parse()?;
    tokio::runtime::Runtime::new()?.block_on(async move {
        let listener = tokio::net::TcpListener::bind(address).await?;
        axum::serve(listener, router).await?;
        Ok(())
    })
}

/// The running handler.
pub(crate) struct BareServer {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl BareServer {
    /// Starts the handler and waits until it answers the body on the path.
    pub(crate) fn start(path: &str, body: &[u8]) -> Result<Self> {
        let file = tempfile::NamedTempFile::new()?;
        fs_err::write(file.path(), body)?;
        let address = free_address()?;
        let child = Command::new(std::env::current_exe()?)
            .args(["bare-handler".as_ref(), path.as_ref(), file.path().as_os_str()])
            .env("BENCH_LISTEN", address.to_string())
            .stdout(Stdio::null())
            .spawn()?;
        let server = Self { child, address };
        wait_until_ready(address, path)?;
        Ok(server)
    }
}

impl Drop for BareServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
