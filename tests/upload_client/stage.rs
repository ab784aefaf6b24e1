//! A server, a relay in front of it, and the command between them.

use std::process::{Command, Stdio};

use serde_json::Value;

use super::WORKSPACE;
use super::relay::Relay;
use crate::support::{TestServer, cleaned, workspace_files, workstead};

/// What the command did.
pub(super) struct Run {
    pub(super) code: i32,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Run {
    #[track_caller]
    pub(super) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}

/// Runs the command with an environment and something on standard input.
pub(super) fn run(
    server: &TestServer,
    environment: &[(&str, &str)],
    arguments: &[&str],
    stdin: &[u8],
) -> Run {
    let mut command = Command::new(workstead());
    cleaned(&mut command, server.root.path()).arg("upload").args(arguments).envs(environment.iter().copied());
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    // A command that reads nothing closes it.
    let _ = std::io::Write::write_all(&mut child.stdin.take().unwrap(), stdin);
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Run { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// A server with a workspace, a relay in front of it, and a directory to upload.
pub(super) struct Stage {
    pub(super) server: TestServer,
    pub(super) relay: Relay,
    pub(super) directory: String,
}

impl Stage {
    pub(super) fn new() -> Self {
        let server = TestServer::start();
        server.create(WORKSPACE);
        let directory = server.scratch("source");
        server.git(&directory).write_all(&workspace_files(WORKSPACE, &["cart", "web"]));
        Self { relay: Relay::before(&server.url), directory: directory.display().to_string(), server }
    }

    pub(super) fn environment(&self) -> [(&str, &str); 3] {
        [
            ("WORKSTEAD_SERVER", &self.relay.url),
            ("WORKSTEAD_TOKEN", &self.server.token),
            ("WORKSTEAD_WORKSPACE", WORKSPACE),
        ]
    }

    /// Uploads the directory through the relay.
    pub(super) fn upload(&self, arguments: &[&str]) -> Run {
        run(&self.server, &self.environment(), &[&[self.directory.as_str()], arguments].concat(), b"")
    }

    /// Adds a file that does not compress.
    pub(super) fn add_noise(&self, bytes: usize) {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let noise = std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[0]
        });
        fs_err::create_dir_all(format!("{}/notes", self.directory)).unwrap();
        let noise: Vec<u8> = noise.take(bytes).collect();
        fs_err::write(format!("{}/notes/noise.bin", self.directory), noise).unwrap();
    }

    /// Counts the commits of uploads.
    pub(super) fn commits(&self) -> usize {
        let clone = self.server.clone_workspace(WORKSPACE, "counted");
        let count: usize = clone.ok(&["rev-list", "--count", "HEAD"]).parse().unwrap();
        count - 1
    }
}
