//! The guide of docs/API.md, run as people would: every block, in its order, in one shell.

use std::process::Command;

use crate::support::{TestServer, cleaned, repository_root};

/// Returns what the guide's shell blocks say, but for those that want a Slack.
fn commands() -> String {
    let document = fs_err::read_to_string(repository_root().join("docs/API.md")).unwrap();
    let (guide, _) = document.split_once("\n## Reference\n").unwrap();
    let blocks = guide.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.collect::<Vec<_>>().join("\n")
}

#[test]
fn every_command_of_the_guide_works() {
    if std::env::var_os("WORKSTEAD_TEST_WITHOUT_GUIDE").is_some() {
        return;
    }
    let commands = commands();
    assert!(commands.matches("$V3/").count() >= 40, "{commands}");
    let server = TestServer::start();
    let mut shell = Command::new("bash");
    cleaned(&mut shell, server.root.path());
    let traced = format!("set -euxo pipefail\n{commands}");
    let output = shell
        .args(["-c", &traced])
        .current_dir(repository_root())
        .env("TMPDIR", server.root.path())
        .env("WORKSTEAD_SERVER", &server.url)
        .env("WORKSTEAD_TOKEN", &server.token)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    let answered = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{answered}\n{told}");
    // What the guide promises beside the commands, on lines of their own.
    for line in ["304", "412: read again"] {
        assert!(answered.lines().any(|answer| answer.ends_with(line)), "no {line:?} in {answered}");
    }
}
