//! PATCH to a durable commit against an equally durable `git add` and `git commit`.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::peers::{Files, GitRepository};
use crate::report::{Report, median};
use crate::server::{Server, expect, prepare};
use crate::upload::{bundle, sample, upload_request};

const EDITS: usize = 100;

/// Measures on a small workspace and on one with 10,000 SLXs.
pub(crate) fn measure(binary: &Path, runs: usize, report: &mut Report) -> Result<()> {
    for (slxs, bar) in [(10, "3"), (10_000, "2")] {
        let files = sample("bench", slxs)?;
        let server = Server::start(binary)?;
        server.create("bench")?;
        expect(&server.connect()?.send(&upload_request("bench", &bundle(&files)?))?, 200)?;
        let (mut ours, mut peer) = (vec![], vec![]);
        for run in 0..runs {
            ours.push(patches(&server, run)?);
            peer.push(git_edits(&files)?);
        }
        let rate = |duration: Duration| EDITS as f64 / duration.as_secs_f64();
        let (ours, peer) = (rate(median(ours)), rate(median(peer)));
        let what = format!("PATCH to durable commit / `git add` + `git commit`, {slxs} SLXs (rate)");
        let ratio = format!("{:.1}", ours / peer);
        report.row(&what, format!("{ours:.0}/s"), format!("{peer:.0}/s"), ratio, bar);
    }
    Ok(())
}

fn patches(server: &Server, run: usize) -> Result<Duration> {
    let mut connection = server.connect()?;
    let start = Instant::now();
    for number in 0..EDITS {
        let body = format!("{{\"displayName\": \"edit {run}.{number}\"}}");
        let answer = connection.send(&prepare("PATCH", "/api/v3/workspaces/bench", body.as_bytes()))?;
        expect(&answer, 200)?;
    }
    Ok(start.elapsed())
}

fn git_edits(files: &Files) -> Result<Duration> {
    let repository = GitRepository::of(files)?;
    let start = Instant::now();
    for number in 0..EDITS {
        repository.commit_edit(number)?;
    }
    Ok(start.elapsed())
}
