//! GET of a workspace against a bare axum handler that serves the same bytes.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::bare::BareServer;
use crate::http::Connection;
use crate::report::{Report, median};
use crate::server::{Server, expect, prepare};

const CONNECTIONS: usize = 16;
const REQUESTS_EACH: usize = 2_000;

/// Measures both servers in turns.
pub(crate) fn measure(binary: &Path, runs: usize, report: &mut Report) -> Result<()> {
    let server = Server::start(binary)?;
    server.create("bench")?;
    let request = prepare("GET", "/api/v3/workspaces/bench", b"");
    let answer = server.connect()?.send(&request)?;
    expect(&answer, 200)?;
    let peer = BareServer::start("/api/v3/workspaces/bench", &answer.body)?;
    let (mut ours, mut bare) = (vec![], vec![]);
    for _ in 0..runs {
        bare.push(load(peer.address, &request)?);
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
