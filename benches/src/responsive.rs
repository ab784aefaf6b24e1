//! Whether anything blocks the async threads: GET /livez beside heavy work.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

use crate::bare::BareServer;
use crate::http::Connection;
use crate::load::{Bounds, Timed};
use crate::report::{Report, seconds};
use crate::server::{Server, expect, prepare};
use crate::throughput::{name, patch_load};
use crate::upload::{bundle, sample, upload_request};

const WRITERS: Bounds = Bounds { connections: 64, requests: 1_000, time: Duration::from_secs(5) };
const PAUSE: Duration = Duration::from_millis(2);

/// Measures beside an upload of 10,000 SLXs and beside 64 writers.
///
/// The bare handler is asked at the same times: it shows what the busy machine alone costs.
pub(crate) fn measure(binary: &Path, runs: usize, report: &mut Report) -> Result<()> {
    let bare = BareServer::start("/livez", br#"{"status":"ok"}"#)?;
    let upload = upload_request("bench", &bundle(&sample("bench", 10_000)?)?);
    let (mut ours, mut peer) = (vec![], vec![]);
    for _ in 0..runs {
        let server = Server::start(binary)?;
        server.create("bench")?;
        let work = || expect(&server.connect()?.send(&upload)?, 200);
        beside((server.address, bare.address, "/livez"), work, (&mut ours, &mut peer))?;
    }
    row(report, ("GET /livez", "an upload of 10,000 SLXs"), ours, peer);
    let server = Server::start(binary)?;
    for number in 0..WRITERS.connections {
        server.create(&name(number))?;
    }
    let (mut ours, mut peer) = (vec![], vec![]);
    for run in 0..runs {
        let work = || patch_load(&server, WRITERS, run, name).map(drop);
        beside((server.address, bare.address, "/livez"), work, (&mut ours, &mut peer))?;
    }
    row(report, ("GET /livez", "64 PATCH writers"), ours, peer);
    Ok(())
}

/// Asks our server and the bare one for a path, again and again as long as the work lasts.
pub(crate) fn beside(
    (server, bare, path): (SocketAddr, SocketAddr, &str),
    work: impl FnOnce() -> Result<()>,
    (ours, peer): (&mut Vec<Timed>, &mut Vec<Timed>),
) -> Result<()> {
    let ended = &AtomicBool::new(false);
    std::thread::scope(|scope| {
        let probes = [server, bare].map(|address| scope.spawn(move || probe(address, path, ended)));
        let result = work();
        ended.store(true, Ordering::SeqCst);
        let [first, second] = probes.map(|probe| probe.join().map_err(|_| anyhow!("a probe panicked"))?);
        ours.push(first?);
        peer.push(second?);
        result
    })
}

fn probe(address: SocketAddr, path: &str, ended: &AtomicBool) -> Result<Timed> {
    let mut connection = Connection::open(address)?;
    let request = prepare("GET", path, b"");
    let (start, mut latencies) = (Instant::now(), Vec::new());
    while !ended.load(Ordering::SeqCst) {
        let sent = Instant::now();
        expect(&connection.send(&request)?, 200)?;
        latencies.push(sent.elapsed());
        std::thread::sleep(PAUSE);
    }
    Ok(Timed::new(start.elapsed(), latencies))
}

/// Writes what was asked for, beside what.
fn row(report: &mut Report, (asked, beside): (&str, &str), ours: Vec<Timed>, peer: Vec<Timed>) {
    let (ours, peer) = (Timed::joined(ours), Timed::joined(peer));
    let slow = |timed: &Timed| timed.percentile(99);
    let text = |timed: &Timed| {
        let (middle, worst) = (seconds(timed.percentile(50)), seconds(timed.percentile(100)));
        format!("p99 {} (p50 {middle}, most {worst})", seconds(slow(timed)))
    };
    let what = format!("{asked} beside {beside} / bare axum handler beside the same (p99)");
    let ratio = format!("{:.2}", slow(&ours).as_secs_f64() / slow(&peer).as_secs_f64());
    report.row(&what, text(&ours), text(&peer), ratio, "none");
}
