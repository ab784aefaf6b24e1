//! The MCP servers that people run against Workstead, unmodified, as child processes over stdio.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::TestServer;
use super::server::cleaned;
use super::tools::tool;

/// How long an answer may take. Python starts slowly where many tests run beside each other, and the client gives its
/// own requests up to a minute each.
const PATIENCE: Duration = Duration::from_mins(3);

/// A release of the MCP server, as `PyPI` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Release {
    /// 2026.5.12.1, which writes through the branch routes.
    May,
    /// 2026.8.14.2, which writes through the routes of version 4.
    August,
}

impl Release {
    /// Returns the name that the release has in texts and directories.
    pub(crate) fn version(self) -> &'static str {
        match self {
            Self::May => "2026.5.12.1",
            Self::August => "2026.8.14.2",
        }
    }

    /// Returns a program of the release.
    fn program(self, name: &str) -> PathBuf {
        tool(&format!("runwhen-platform-mcp-{}", self.version()), name)
    }

    /// Reads YAML with the library that the release has, which is not ours.
    #[track_caller]
    pub(crate) fn read_yaml(self, text: &str) -> Value {
        let read = "import json, sys, yaml; json.dump(yaml.safe_load(sys.argv[1]), sys.stdout)";
        serde_json::from_str(&self.python(read, text)).unwrap()
    }

    /// Reads YAML and writes it as the release writes it.
    #[track_caller]
    pub(crate) fn rewrite_yaml(self, text: &str) -> String {
        let rewrite = "import sys, yaml; \
            yaml.dump(yaml.safe_load(sys.argv[1]), sys.stdout, default_flow_style=False, sort_keys=False)";
        self.python(rewrite, text)
    }

    #[track_caller]
    fn python(self, program: &str, text: &str) -> String {
        let mut command = Command::new(self.program("python"));
        let output =
            cleaned(&mut command, Path::new("/")).args(["-I", "-c", program, text]).output().unwrap();
        assert!(output.status.success(), "{}\n{text}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

/// Says whether the clients can be run here.
///
/// Only `scripts/test` sets the variable, when they can't be installed, and it says so at its end.
pub(crate) fn mcp_is_here() -> bool {
    let missing = std::env::var_os("WORKSTEAD_TEST_WITHOUT_MCP").is_some();
    if missing {
        eprintln!("NOT RUN: the MCP clients could not be installed here");
    }
    !missing
}

/// A running MCP server, driven as an agent drives it.
pub(crate) struct McpClient {
    child: Child,
    input: Option<ChildStdin>,
    answers: Receiver<Value>,
    errors: PathBuf,
    last_id: u64,
}

impl McpClient {
    /// Starts a release for the admin and shakes hands.
    pub(crate) fn start(server: &TestServer, release: Release) -> Self {
        Self::start_for(server, release, &server.token)
    }

    /// Starts a release for another token and shakes hands.
    pub(crate) fn start_for(server: &TestServer, release: Release, token: &str) -> Self {
        let home = tempfile::tempdir_in(server.root.path()).unwrap().keep();
        let errors = home.join("stderr.log");
        let mut command = Command::new(release.program("runwhen-platform-mcp"));
        let mut child = cleaned(&mut command, &home)
            .current_dir(&home)
            .env("RW_API_URL", &server.url)
            .env("RUNWHEN_TOKEN", token)
            // Or it asks PyPI for its own latest version at each start.
            .env("FASTMCP_CHECK_FOR_UPDATES", "off")
            .env("FASTMCP_SHOW_SERVER_BANNER", "false")
            // Nothing that we call needs it; what would call it must fail instead of leaving the machine.
            .env("RUNWHEN_REGISTRY_URL", "http://127.0.0.1:9")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(fs_err::File::create(&errors).unwrap().into_parts().0)
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, answers) = channel();
        // Ends with the child, whose end closes the pipe.
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let message = serde_json::from_str(&line).unwrap_or(Value::String(line));
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let input = child.stdin.take();
        let mut client = Self { child, input, answers, errors, last_id: 0 };
        client.ask(
            "initialize",
            &json!({
                "protocolVersion": "2025-06-18",
                "capabilities": {},
                "clientInfo": {"name": "workstead-tests", "version": "1"},
            }),
        );
        client.write(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        client
    }

    /// Calls a tool, which must succeed, and returns what it answers.
    #[track_caller]
    pub(crate) fn tool(&mut self, name: &str, arguments: &Value) -> Value {
        let (failed, text) = self.call(name, arguments);
        assert!(!failed, "{name} failed: {text}\n{}", self.log());
        serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{name} answered no JSON ({error}): {text}"))
    }

    /// Calls a tool, which must fail, and returns what it tells the agent.
    #[track_caller]
    pub(crate) fn refused(&mut self, name: &str, arguments: &Value) -> String {
        let (failed, text) = self.call(name, arguments);
        assert!(failed, "{name} should have failed: {text}");
        text
    }

    #[track_caller]
    fn call(&mut self, name: &str, arguments: &Value) -> (bool, String) {
        let result = self.ask("tools/call", &json!({"name": name, "arguments": arguments}));
        let text = result["content"][0]["text"].as_str();
        let text = text.unwrap_or_else(|| panic!("{name} answered no text: {result}")).to_owned();
        (result["isError"] == true, text)
    }

    /// Sends a request and waits for its answer.
    #[track_caller]
    fn ask(&mut self, method: &str, parameters: &Value) -> Value {
        self.last_id += 1;
        let id = self.last_id;
        self.write(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": parameters}));
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.answers.recv_timeout(left) {
                // Notifications may come in between.
                Ok(message) if message["id"] != id => {}
                Ok(mut message) => {
                    assert!(message["error"].is_null(), "{method}: {message}\n{}", self.log());
                    return message["result"].take();
                }
                Err(RecvTimeoutError::Timeout) => panic!("no answer to {method}:\n{}", self.log()),
                Err(RecvTimeoutError::Disconnected) => panic!("it ended in {method}:\n{}", self.log()),
            }
        }
    }

    fn write(&mut self, message: &Value) {
        let input = self.input.as_mut().unwrap();
        let written = writeln!(input, "{message}").and_then(|()| input.flush());
        assert!(written.is_ok(), "it takes no input: {written:?}\n{}", self.log());
    }

    /// Returns what it wrote to standard error.
    fn log(&self) -> String {
        fs_err::read_to_string(&self.errors).unwrap_or_default()
    }
}

impl Drop for McpClient {
    fn drop(&mut self) {
        // It ends by itself when its input does, but a test should not wait for that.
        drop(self.input.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
