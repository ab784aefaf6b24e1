//! `workstead validate` of a directory of 10,000 SLXs, from the start of the process to its end.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use workstead_bundler::sample::{SampleOptions, sample_workspace};
use workstead_core::name::WorkspaceName;

use crate::report::{Report, median};

/// How many SLXs there are, each with three files.
const SLXS: usize = 10_000;
/// What the contract allows.
const ALLOWED: Duration = Duration::from_secs(1);

/// Measures a whole directory, and one changed file of it that is staged.
pub(crate) fn measure(binary: &Path, runs: usize, report: &mut Report) -> Result<()> {
    let root = tempfile::tempdir()?;
    let directory = root.path().join("bench");
    write_sample(&directory)?;
    let git = |arguments: &[&str]| run(&directory, root.path(), Path::new("git"), arguments);
    let validate = |arguments: &[&str]| -> Result<Duration> {
        let times = (0..runs.max(1)).map(|_| run(&directory, root.path(), binary, arguments));
        Ok(median(times.collect::<Result<_>>()?))
    };
    let whole = validate(&["validate"])?;
    report.times("validate of 10,000 SLXs (a directory) / allowed", whole, ALLOWED, "1.00");
    git(&["init", "--quiet"])?;
    git(&["add", "--all"])?;
    let everything = validate(&["validate", "--staged"])?;
    report.times("validate of 10,000 SLXs (all staged) / the directory", everything, whole, "none");
    git(&["commit", "--quiet", "--message", "first"])?;
    fs_err::write(directory.join("README.md"), "changed\n")?;
    git(&["add", "--all"])?;
    let staged = validate(&["validate", "--staged"])?;
    report.times("validate of one staged file beside 10,000 SLXs / the directory", staged, whole, "none");
    Ok(())
}

fn write_sample(directory: &Path) -> Result<()> {
    let files = sample_workspace(SampleOptions {
        workspace: WorkspaceName::parse("bench")?,
        owner: "owner@example.com".to_owned(),
        slxs: SLXS,
        location: "bench-location".to_owned(),
        seed: 1,
    });
    for (path, content) in files {
        let path = directory.join(path.as_str());
        if let Some(parent) = path.parent() {
            fs_err::create_dir_all(parent)?;
        }
        fs_err::write(path, content)?;
    }
    Ok(())
}

/// Runs a program, which must succeed, and returns how long it took.
fn run(directory: &Path, home: &Path, program: &Path, arguments: &[&str]) -> Result<Duration> {
    let began = Instant::now();
    let output = Command::new(program)
        .args(arguments)
        .current_dir(directory)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", home)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_NAME", "bench")
        .env("GIT_AUTHOR_EMAIL", "bench@example.com")
        .env("GIT_COMMITTER_NAME", "bench")
        .env("GIT_COMMITTER_EMAIL", "bench@example.com")
        .stdin(Stdio::null())
        .output()?;
    let took = began.elapsed();
    if !output.status.success() {
        bail!("{} {arguments:?} failed: {}", program.display(), String::from_utf8_lossy(&output.stderr));
    }
    Ok(took)
}
