//! The first thing that a newcomer runs.

use std::process::Command;

use crate::support::{cleaned, workstead};

#[test]
fn the_demo_shows_the_whole_product_and_leaves_nothing_behind() {
    let home = tempfile::tempdir().unwrap();
    let temporary = home.path().join("tmp");
    fs_err::create_dir(&temporary).unwrap();
    let mut command = Command::new(workstead());
    let output = cleaned(&mut command, home.path())
        .args(["demo", "--once"])
        .env("TMPDIR", &temporary)
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stdout}\n{stderr}");
    for shown in [
        "1. Start a server",
        "Create the workspace",
        "Upload a bundle",
        "Clone it",
        "git push",
        "refused",
        "Upload again",
        "still there",
        "Go on by hand",
        "workstead upload",
        "git clone http://",
        "curl",
    ] {
        assert!(stdout.contains(shown), "{shown:?} is missing in:\n{stdout}\n{stderr}");
    }
    let left: Vec<_> = fs_err::read_dir(&temporary).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}
