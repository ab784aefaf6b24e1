//! GET of a workspace against a bare axum handler that serves the same bytes.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::http::Connection;
use crate::report::{Report, median};
use crate::server::{Server, expect, free_address, prepare, wait_until_ready};

const CONNECTIONS: usize = 16;
const REQUESTS_EACH: usize = 2_000;

/// Serves the content of a file from a handler that does nothing else, on `BENCH_LISTEN`.
pub(crate) fn serve_bare(body: &Path) -> Result<()> {
    let body = bytes::Bytes::from(fs_err::read(body)?);
    let handler = move || {
        let body = body.clone();
        async move { ([("content-type", "application/json")], body) }
    };
    let router = axum::Router::new().route("/api/v3/workspaces/bench", axum::routing::get(handler));
    let address: SocketAddr = std::env::var("BENCH_LISTEN")?.parse()?;
    tokio::runtime::Runtime::new()?.block_on(async move {
        let listener = tokio::net::TcpListener::bind(address).await?;
        axum::serve(listener, router).await?;
        Ok(())
    })
}

struct Bare(Child);

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Measures both servers in turns.
pub(crate) fn measure(binary: &Path, runs: usize, report: &mut Report) -> Result<()> {
    let server = Server::start(binary)?;
    server.create("bench")?;
    let request = prepare("GET", "/api/v3/workspaces/bench", b"");
    let answer = server.connect()?.send(&request)?;
    expect(&answer, 200)?;
    let file = tempfile::NamedTempFile::new()?;
    fs_err::write(file.path(), &answer.body)?;
    let address = free_address()?;
    let child = Command::new(std::env::current_exe()?)
        .args(["bare-handler".as_ref(), file.path().as_os_str()])
        .env("BENCH_LISTEN", address.to_string())
        .stdout(Stdio::null())
        .spawn()?;
    let _bare = Bare(child);
    wait_until_ready(address, "/api/v3/workspaces/bench")?;
    let (mut ours, mut bare) = (vec![], vec![]);
    for _ in 0..runs {
        bare.push(load(address, &request)?);
        ours.push(load(server.address, &request)?);
    }
    let total = (CONNECTIONS * REQUESTS_EACH) as f64;
    let rate = |duration: Duration| total / duration.as_secs_f64();
    let (ours, bare) = (rate(median(ours)), rate(median(bare)));
    let ratio = format!("{:.2}", ours / bare);
    report.row(
        "GET of a workspace / bare axum handler (rate)",
        format!("{ours:.0}/s"),
        format!("{bare:.0}/s"),
        ratio,
        "0.33",
    );
    Ok(())
}

fn load(address: SocketAddr, request: &[u8]) -> Result<Duration> {
    let start = Instant::now();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..CONNECTIONS)
            .map(|_| {
                scope.spawn(|| -> Result<()> {
                    let mut connection = Connection::open(address)?;
                    for _ in 0..REQUESTS_EACH {
                        expect(&connection.send(request)?, 200)?;
                    }
                    Ok(())
                })
            })
            .collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().map_err(|_| anyhow::anyhow!("a worker panicked"))?)
    })?;
    Ok(start.elapsed())
}
