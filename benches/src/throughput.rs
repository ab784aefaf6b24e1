//! Reads and writes with 64 connections, and whether the server still answers beside them.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Result, anyhow};

use crate::bare::BareServer;
use crate::http::Connection;
use crate::load::{Bounds, Timed, load};
use crate::peers::{Files, GitRepository};
use crate::report::Report;
use crate::server::{Server, expect, prepare};
use crate::upload::{bundle, sample, upload_request};

const CONNECTIONS: usize = 64;
/// As many as a page holds.
const WORKSPACES: usize = 100;
const READS: Bounds = Bounds { connections: CONNECTIONS, requests: 500, time: Duration::from_secs(10) };
const PATCHES: Bounds = Bounds { connections: CONNECTIONS, requests: 20, time: Duration::from_secs(10) };
const COMMITS: Bounds = Bounds { connections: CONNECTIONS, requests: 4, time: Duration::from_secs(15) };

/// Measures list page, GET and PATCH.
pub(crate) fn measure(binary: &Path, runs: usize, report: &mut Report) -> Result<()> {
    let server = Server::start(binary)?;
    for number in 0..WORKSPACES {
        server.create(&name(number))?;
    }
    reads(&server, "list page of 100", "/api/v3/workspaces?page_size=100", runs, report)?;
    reads(&server, "GET of a workspace", &format!("/api/v3/workspaces/{}", name(0)), runs, report)?;
    let files = sample(&name(0), 10)?;
    for number in 0..CONNECTIONS {
        let request = upload_request(&name(number), &bundle(&sample(&name(number), 10)?)?);
        expect(&server.connect()?.send(&request)?, 200)?;
    }
    let all = (0..CONNECTIONS).map(|_| GitRepository::of(&files)).collect::<Result<Vec<_>>>()?;
    let apart = || load(COMMITS, |number| Ok(|edit| all[number].commit_edit(edit)));
    writes(&server, "64 workspaces", name, apart, runs, report)?;
    let one = Mutex::new(GitRepository::of(&files)?);
    // `git` lets one writer at a time into a work tree, so they queue.
    let edit = |edit| one.lock().map_err(|_| anyhow!("a commit panicked"))?.commit_edit(edit);
    let together = || load(COMMITS, |_| Ok(edit));
    writes(&server, "the same workspace", |_| name(0), together, runs, report)
}

fn reads(server: &Server, what: &str, path: &str, runs: usize, report: &mut Report) -> Result<()> {
    let request = prepare("GET", path, b"");
    let answer = server.connect()?.send(&request)?;
    expect(&answer, 200)?;
    let route = path.split('?').next().unwrap_or(path);
    let peer = BareServer::start(route, &answer.body)?;
    let (mut ours, mut bare) = (vec![], vec![]);
    for _ in 0..runs {
        bare.push(read_load(peer.address, &request)?);
        ours.push(read_load(server.address, &request)?);
    }
    let what = format!("{what}, 64 connections / bare axum handler (rate)");
    row(report, &what, ours, bare, "0.33");
    Ok(())
}

fn read_load(address: SocketAddr, request: &[u8]) -> Result<Timed> {
    load(READS, |_| {
        let mut connection = Connection::open(address)?;
        Ok(move |_| expect(&connection.send(request)?, 200))
    })
}

fn writes(
    server: &Server,
    what: &str,
    target: impl Fn(usize) -> String + Sync,
    git: impl Fn() -> Result<Timed>,
    runs: usize,
    report: &mut Report,
) -> Result<()> {
    let (mut ours, mut peer) = (vec![], vec![]);
    for run in 0..runs {
        ours.push(patch_load(server, PATCHES, run, &target)?);
        peer.push(git()?);
    }
    let what = format!("PATCH by 64 writers to {what} / `git add` + `git commit` (rate)");
    row(report, &what, ours, peer, "3");
    Ok(())
}

/// Lets all connections PATCH, each the workspace that `target` names.
pub(crate) fn patch_load(
    server: &Server,
    bounds: Bounds,
    run: usize,
    target: impl Fn(usize) -> String + Sync,
) -> Result<Timed> {
    load(bounds, |number| {
        let mut connection = server.connect()?;
        let path = format!("/api/v3/workspaces/{}", target(number));
        Ok(move |edit| {
            let body = format!("{{\"displayName\": \"edit {run}.{number}.{edit}\"}}");
            expect(&connection.send(&prepare("PATCH", &path, body.as_bytes()))?, 200)
        })
    })
}

fn row(report: &mut Report, what: &str, ours: Vec<Timed>, peer: Vec<Timed>, bar: &str) {
    let (ours, peer) = (Timed::joined(ours), Timed::joined(peer));
    let ratio = format!("{:.2}", ours.rate() / peer.rate());
    report.row(what, ours.describe(), peer.describe(), ratio, bar);
}

/// Returns the name of a workspace.
pub(crate) fn name(number: usize) -> String {
    format!("bench-{number:05}")
}
