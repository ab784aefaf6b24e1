//! Writers at once through all doors of one workspace.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use workstead_test_races::{Door, Outcome, Race, race};

use crate::peers::run;
use crate::report::Report;
use crate::server::{ADMIN_TOKEN, Server};

const WORKSPACE: &str = "raced";
const TIME: Duration = Duration::from_mins(1);
const WRITERS: usize = 32;

/// Measures how much is acknowledged, beside as many developers with a plain bare repository on the same disk.
pub(crate) fn measure(binary: &Path, report: &mut Report) -> Result<()> {
    let server = Server::start(binary)?;
    server.create(WORKSPACE)?;
    let scratch = tempfile::tempdir()?;
    let url = format!("http://{}", server.address);
    let mixed = Race {
        git_url: format!("{url}/git/{WORKSPACE}.git"),
        url,
        token: ADMIN_TOKEN.to_owned(),
        workspace: WORKSPACE.to_owned(),
        scratch: scratch.path().to_owned(),
        time: TIME,
        pushers: 10,
        patchers: 16,
        uploaders: 6,
    };
    let ours = race(&mixed)?;
    let plain = tempfile::tempdir()?;
    let bare = plain.path().join("bare.git");
    run(Command::new("git").args(["clone", "--quiet", "--bare"]).arg(&mixed.git_url).arg(&bare).envs([
        ("GIT_CONFIG_COUNT", "1"),
        ("GIT_CONFIG_KEY_0", "http.extraHeader"),
        ("GIT_CONFIG_VALUE_0", &format!("Authorization: Bearer {ADMIN_TOKEN}")),
    ]))?;
    let scratch = plain.path().join("clones");
    let git_url = bare.display().to_string();
    let peer = race(&Race { git_url, scratch, pushers: WRITERS, patchers: 0, uploaders: 0, ..mixed })?;
    let what = "writes of 32 at once to one workspace (10 push, 16 patch, 6 upload) / 32 `git push` to a bare repository";
    let ratio = format!("{:.1}", rate(&ours, ours.acknowledged.len()) / rate(&peer, peer.acknowledged.len()));
    report.row(what, described(&ours), described(&peer), ratio, "none");
    Ok(())
}

fn rate(outcome: &Outcome, count: usize) -> f64 {
    count as f64 / outcome.elapsed.as_secs_f64()
}

fn described(outcome: &Outcome) -> String {
    let doors = [(Door::Api, "patches"), (Door::Upload, "uploads"), (Door::Push, "pushes")];
    let acknowledged =
        doors.map(|(door, word)| format!("{:.1} {word}/s", rate(outcome, outcome.count(door))));
    let refused: usize = outcome.refused.values().sum();
    format!("{}; {refused} to be tried again, {} not", acknowledged.join(", "), outcome.unclean.len())
}
