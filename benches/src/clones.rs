//! Clones of a repository of 10,000 SLXs against `git http-backend`, and what fifty at once do to the API.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::backend::Backend;
use crate::bare::BareServer;
use crate::load::Timed;
use crate::peers::{git, run};
use crate::report::{Report, announce, median, seconds};
use crate::responsive::beside;
use crate::server::{ADMIN_TOKEN, Server, expect, prepare};
use crate::upload::{bundle, sample, upload_request};

const SLXS: usize = 10_000;
const STORM: usize = 50;
const OBJECT: &str = "/api/v3/workspaces/bench";

/// Measures both servers in turns on the same repository, then the storm.
pub(crate) fn measure(binary: &Path, runs: usize, report: &mut Report) -> Result<()> {
    let server = Server::start(binary)?;
    server.create("bench")?;
    let request = upload_request("bench", &bundle(&sample("bench", SLXS)?)?);
    expect(&server.connect()?.send(&request)?, 200)?;
    let repository = server.repository()?;
    let (parent, name) =
        repository.parent().zip(repository.file_name()).context("a repository lies in a directory")?;
    let backend = Backend::start(parent)?;
    let ours = format!("http://{}/git/bench.git", server.address);
    let peers = format!("http://{}/{}", backend.address, name.to_string_lossy());
    for (what, options) in [("clone", &[][..]), ("shallow clone", &["--depth=1"])] {
        let (mut our_times, mut peer_times) = (vec![], vec![]);
        // One more than asked for: the first warms the disk's cache and does not count.
        for round in 0..=runs {
            let (peer, our) = (timed_clone(&peers, options)?, timed_clone(&ours, options)?);
            if round > 0 {
                peer_times.push(peer);
                our_times.push(our);
            }
        }
        let (our, peer) = (median(our_times), median(peer_times));
        let what = format!("{what} of {SLXS} SLXs / `git http-backend` behind nginx (speed)");
        let ratio = format!("{:.2}", peer.as_secs_f64() / our.as_secs_f64());
        report.row(&what, seconds(our), seconds(peer), ratio, "0.95");
    }
    drop(backend);
    storm(&server, &ours, report)
}

/// Clones without writing the files out, which is the client's work.
fn timed_clone(url: &str, options: &[&str]) -> Result<Duration> {
    let directory = tempfile::tempdir()?;
    let start = Instant::now();
    run(&mut clone(url, options, directory.path()))?;
    Ok(start.elapsed())
}

fn clone(url: &str, options: &[&str], directory: &Path) -> Command {
    let mut command = git(directory);
    let header = format!("http.extraHeader=Authorization: Bearer {ADMIN_TOKEN}");
    command.args(["-c", &header, "clone", "-q", "--no-checkout"]).args(options).args([url, "clone"]);
    command
}

/// Reads the workspace again and again: alone, then beside fifty clones; the bare handler shows what the busy
/// machine alone costs.
fn storm(server: &Server, url: &str, report: &mut Report) -> Result<()> {
    let answer = server.connect()?.send(&prepare("GET", OBJECT, b""))?;
    expect(&answer, 200)?;
    let bare = BareServer::start(OBJECT, &answer.body)?;
    let asked = (server.address, bare.address, OBJECT);
    let (mut alone, mut ours, mut peer) = (vec![], vec![], vec![]);
    let rest = || {
        std::thread::sleep(Duration::from_secs(5));
        Ok(())
    };
    beside(asked, rest, (&mut alone, &mut vec![]))?;
    let start = Instant::now();
    beside(asked, || clone_at_once(url), (&mut ours, &mut peer))?;
    let [alone, ours, peer] = [alone, ours, peer].map(Timed::joined);
    announce(&format!("{STORM} clones at once took {}", seconds(start.elapsed())));
    let slow = |timed: &Timed| timed.percentile(99);
    let text =
        |timed: &Timed| format!("p99 {} (p50 {})", seconds(slow(timed)), seconds(timed.percentile(50)));
    for (than, other) in [("alone", &alone), ("bare axum handler beside the same", &peer)] {
        let what = format!("GET of a workspace beside {STORM} clones / {than} (p99)");
        let ratio = format!("{:.2}", slow(&ours).as_secs_f64() / slow(other).as_secs_f64());
        report.row(&what, text(&ours), text(other), ratio, "none");
    }
    Ok(())
}

fn clone_at_once(url: &str) -> Result<()> {
    let directories = (0..STORM).map(|_| tempfile::tempdir()).collect::<std::io::Result<Vec<_>>>()?;
    let clones = directories.iter().map(|directory| Ok(clone(url, &[], directory.path()).spawn()?));
    let clones = clones.collect::<Result<Vec<_>>>()?;
    let mut failed = 0;
    for mut clone in clones {
        failed += usize::from(!clone.wait()?.success());
    }
    anyhow::ensure!(failed == 0, "{failed} of {STORM} clones failed");
    Ok(())
}
