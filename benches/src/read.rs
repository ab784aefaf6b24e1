//! GET of a workspace against a bare axum handler that serves the same bytes.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use crate::bare::BareServer;
use crate::http::Connection;
use crate::load::{Bounds, Timed, load};
use crate::report::Report;
use crate::server::{Server, expect, prepare};

const BOUNDS: Bounds = Bounds { connections: 16, requests: 2_000, time: Duration::MAX };

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
        bare.push(read_load(peer.address, BOUNDS, &request)?);
        ours.push(read_load(server.address, BOUNDS, &request)?);
    }
    let (ours, bare) = (Timed::joined(ours).rate(), Timed::joined(bare).rate());
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

/// Lets all connections send the same request.
pub(crate) fn read_load(address: SocketAddr, bounds: Bounds, request: &[u8]) -> Result<Timed> {
    load(bounds, |_| {
        let mut connection = Connection::open(address)?;
        Ok(move |_| expect(&connection.send(request)?, 200))
    })
}
