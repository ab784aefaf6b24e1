//! Clones of a large workspace against `git http-backend`, and the API beside many clones.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};

use crate::bare::BareServer;
use crate::http_backend::HttpBackend;
use crate::peers::{git, run};
use crate::report::{Report, median, seconds};
use crate::responsive::beside;
use crate::server::{ADMIN_TOKEN, Server, expect, prepare};
use crate::upload::{bundle, sample, upload_request};

const SLXS: usize = 10_000;
/// How many clones at once are a storm.
const STORM: usize = 50;
/// How often a clone is tried that was told to come back.
const TRIES: usize = 60;

/// Measures full and shallow clones, and GET of a workspace beside a storm.
pub(crate) fn measure(binary: &Path, runs: usize, report: &mut Report) -> Result<()> {
    let server = Server::start(binary)?;
    server.create("bench")?;
    expect(&server.connect()?.send(&upload_request("bench", &bundle(&sample("bench", SLXS)?)?))?, 200)?;
    let backend = HttpBackend::start(&server.only_repository()?)?;
    let url = format!("http://git:{ADMIN_TOKEN}@{}/git/bench.git", server.address);
    for (what, options) in [("clone", &[][..]), ("shallow clone", &["--depth=1"][..])] {
        let (mut ours, mut peer) = (vec![], vec![]);
        for _ in 0..runs {
            ours.push(cloned(&url, options)?);
            peer.push(cloned(&backend.url(), options)?);
        }
        let (ours, peer) = (median(ours), median(peer));
        let ratio = format!("{:.2}", peer.as_secs_f64() / ours.as_secs_f64());
        let what = format!("{what} of 10,000 SLXs / `git http-backend` behind nginx (speed)");
        report.row(&what, seconds(ours), seconds(peer), ratio, "0.95");
    }
    drop(backend);
    storm(&server, &url, report)
}

/// Asks for a workspace beside the storm, and a bare handler for the same bytes at the same times.
fn storm(server: &Server, url: &str, report: &mut Report) -> Result<()> {
    server.create("small")?;
    let path = "/api/v3/workspaces/small";
    let answer = server.connect()?.send(&prepare("GET", path, b""))?;
    let bare = BareServer::start(path, &answer.body)?;
    let (mut ours, mut peer) = (vec![], vec![]);
    let clones = || {
        std::thread::scope(|scope| {
            let all: Vec<_> = (0..STORM).map(|_| scope.spawn(|| patiently_cloned(url))).collect();
            all.into_iter().try_for_each(|clone| clone.join().map_err(|_| anyhow!("a clone panicked"))?)
        })
    };
    beside((server.address, bare.address, path), clones, (&mut ours, &mut peer))?;
    crate::responsive::row(report, ("GET of a workspace", "50 clones at once"), ours, peer);
    Ok(())
}

fn clone(url: &str, options: &[&str], directory: &Path) -> Command {
    let mut command = git(directory);
    command.args(["clone", "--quiet", "--bare"]).args(options).args([url, "clone.git"]);
    command
}

fn cloned(url: &str, options: &[&str]) -> Result<Duration> {
    let directory = tempfile::tempdir()?;
    let begun = Instant::now();
    run(&mut clone(url, options, directory.path()))?;
    Ok(begun.elapsed())
}

/// Clones again as long as the server says that it is busy.
fn patiently_cloned(url: &str) -> Result<()> {
    for _ in 0..TRIES {
        let directory = tempfile::tempdir()?;
        if clone(url, &[], directory.path()).status()?.success() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    bail!("a clone was turned away {TRIES} times")
}
