//! Uploads of generated bundles against `git`.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use base64::Engine;
use workstead_bundler::sample::{SampleOptions, sample_workspace, touch};

use crate::peers::{Files, fast_import, tar_add_commit};
use crate::report::{Report, announce, median, seconds};
use crate::server::{Server, expect, prepare};

/// Generates the files of a workspace as the builder would.
pub(crate) fn sample(workspace: &str, slxs: usize) -> Result<Files> {
    let workspace = workspace.parse()?;
    let options =
        SampleOptions { workspace, owner: "bench@localhost".into(), slxs, location: "bench".into(), seed: 1 };
    Ok(sample_workspace(options))
}

/// Writes the files as a bundle.
pub(crate) fn bundle(files: &Files) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    workstead_bundler::write(files, &mut bytes)?;
    Ok(bytes)
}

/// Prepares the request that the builder posts.
pub(crate) fn upload_request(workspace: &str, bundle: &[u8]) -> Vec<u8> {
    let path = format!("/api/v3/workspaces/{workspace}/upload");
    let body = serde_json::json!({
        "output": base64::engine::general_purpose::STANDARD.encode(bundle),
        "mergeMode": "keepuploaded",
        "pruneStaleSlxs": true,
        "pruneStaleResources": false,
        "message": "Updated workspace from map builder.",
        "finalizeAction": "mergeToMain",
    });
    prepare("POST", &path, body.to_string().as_bytes())
}

fn timed_upload(server: &Server, request: &[u8]) -> Result<Duration> {
    let mut connection = server.connect()?;
    let start = Instant::now();
    let answer = connection.send(request)?;
    let elapsed = start.elapsed();
    expect(&answer, 200)?;
    let body: serde_json::Value = serde_json::from_slice(&answer.body)?;
    anyhow::ensure!(body["status"] == "queued", "no commit was made: {}", body["status"]);
    Ok(elapsed)
}

/// Measures the first upload, a 1 % re-upload and memory against the peers.
pub(crate) fn measure(binary: &Path, slxs: usize, runs: usize, report: &mut Report) -> Result<()> {
    let files = sample("bench", slxs)?;
    let unpacked: usize = files.values().map(bytes::Bytes::len).sum();
    announce(&format!("{slxs} SLXs: {} files, {:.1} MB", files.len(), unpacked as f64 / 1e6));
    let first = bundle(&files)?;
    let mut changed = files.clone();
    touch(&mut changed, 0.01, 2);
    let second = upload_request("bench", &bundle(&changed)?);
    let request = upload_request("bench", &first);
    let (mut ours, mut again, mut imports, mut adds, mut memory) = (vec![], vec![], vec![], vec![], 0);
    for _ in 0..runs {
        let server = Server::start(binary)?;
        server.create("bench")?;
        ours.push(timed_upload(&server, &request)?);
        memory = memory.max(server.peak_memory()?);
        again.push(timed_upload(&server, &second)?);
        imports.push(fast_import(&files)?);
        adds.push(tar_add_commit(&first)?);
    }
    let (ours, again) = (median(ours), median(again));
    report.times("upload of 10,000 SLXs / `git fast-import` alone", ours, median(imports), "1.00 (aim 0.50)");
    report.times("upload of 10,000 SLXs / tar + `git add` + `git commit`", ours, median(adds), "0.25");
    report.times("re-upload with 1 % changed / first upload", again, ours, "0.25");
    report_memory("peak memory of a 10,000-SLX upload", memory, unpacked, report);
    Ok(())
}

/// Measures 100,000 SLXs against 10,000 on the same binary.
pub(crate) fn measure_large(binary: &Path, report: &mut Report) -> Result<()> {
    let mut times = Vec::new();
    let mut last = (0, 0);
    for slxs in [10_000, 100_000] {
        let files = sample("bench", slxs)?;
        let unpacked: usize = files.values().map(bytes::Bytes::len).sum();
        let request = upload_request("bench", &bundle(&files)?);
        let server = Server::start(binary)?;
        server.create("bench")?;
        times.push(timed_upload(&server, &request)?);
        last = (server.peak_memory()?, unpacked);
    }
    let (small, large) = (times.first().context("no time")?, times.last().context("no time")?);
    let ratio = format!("{:.1}", large.as_secs_f64() / small.as_secs_f64());
    report.row("upload of 100,000 SLXs / of 10,000", seconds(*large), seconds(*small), ratio, "12");
    report_memory("peak memory of a 100,000-SLX upload", last.0, last.1, report);
    Ok(())
}

fn report_memory(what: &str, peak: u64, unpacked: usize, report: &mut Report) {
    let bound = 128.0 * 1024.0 * 1024.0 + 6.0 * unpacked as f64;
    let mebibytes = |bytes: f64| format!("{:.0} MiB", bytes / (1024.0 * 1024.0));
    let ratio = format!("{:.2}", peak as f64 / bound);
    report.row(what, mebibytes(peak as f64), format!("{} allowed", mebibytes(bound)), ratio, "1.00");
}
