//! The list of SLXs of a large workspace against that of a small one.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::many::timed;
use crate::report::{Report, median, seconds};
use crate::server::{Server, expect, prepare};
use crate::upload::{bundle, sample, upload_request};

const MANY: usize = 10_000;
/// As many as one page holds, so that both servers answer as many rows.
const PAGE: usize = 250;
const REQUESTS: usize = 100;

/// Measures pages and a search, after a first request that reads everything.
pub(crate) fn measure(binary: &Path, report: &mut Report) -> Result<()> {
    let server = Server::start(binary)?;
    for (name, slxs) in [("few", PAGE), ("many", MANY)] {
        server.create(name)?;
        expect(&server.connect()?.send(&upload_request(name, &bundle(&sample(name, slxs)?)?))?, 200)?;
    }
    let last = MANY - PAGE;
    compare(&server, "first page of 250", ["offset=0", "offset=0"], PAGE, report)?;
    compare(&server, "last page of 250", ["offset=0", &format!("offset={last}")], PAGE, report)?;
    let searches = ["few", "many"].map(|name| search(&server, name));
    let [few, many] = searches;
    compare(&server, "search for one", [&few?, &many?], 1, report)
}

/// Returns a search that finds the first SLX of the list only.
fn search(server: &Server, workspace: &str) -> Result<String> {
    let row = list(server, workspace, "offset=0")?["results"][0].take();
    Ok(format!("search={}", row["shortName"].as_str().context("no first row")?))
}

fn compare(
    server: &Server,
    what: &str,
    [few, many]: [&str; 2],
    rows: usize,
    report: &mut Report,
) -> Result<()> {
    for (workspace, query) in [("few", few), ("many", many)] {
        let found = list(server, workspace, query)?["results"].as_array().map_or(0, Vec::len);
        anyhow::ensure!(found == rows, "{found} rows instead of {rows} for {query}");
    }
    let (few, many) = (request("few", few), request("many", many));
    let mut connection = server.connect()?;
    let (mut ours, mut peer) = (vec![], vec![]);
    for _ in 0..REQUESTS {
        peer.push(timed(&mut connection, &few)?.0);
        ours.push(timed(&mut connection, &many)?.0);
    }
    let (ours, peer) = (median(ours), median(peer));
    let ratio = format!("{:.2}", ours.as_secs_f64() / peer.as_secs_f64());
    let what = format!("list of 10,000 SLXs / of 250, {what}");
    report.row(&what, seconds(ours), seconds(peer), ratio, "none");
    Ok(())
}

fn list(server: &Server, workspace: &str, query: &str) -> Result<Value> {
    let answer = server.connect()?.send(&request(workspace, query))?;
    expect(&answer, 200)?;
    Ok(serde_json::from_slice(&answer.body)?)
}

fn request(workspace: &str, query: &str) -> Vec<u8> {
    prepare("GET", &format!("/api/v3/workspaces/{workspace}/slxs?limit={PAGE}&{query}"), b"")
}
