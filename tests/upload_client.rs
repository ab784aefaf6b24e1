//! `workstead upload` where the network, the store or the server fails: what is tried again, and what is sent how often.

mod codes;
mod relay;
mod targets;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use self::relay::{Fault, Relay};
use crate::support::{TestServer, cleaned, workspace_files, workstead};

const WORKSPACE: &str = "shop";
const EXPIRED: &str = "<Error><Code>AccessDenied</Code><Message>Request has expired</Message><Signature>geheim</Signature></Error>";

/// What the command did.
struct Run {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Run {
    #[track_caller]
    fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}

/// Runs the command with an environment and something on standard input.
fn run(server: &TestServer, environment: &[(&str, &str)], arguments: &[&str], stdin: &[u8]) -> Run {
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
struct Stage {
    server: TestServer,
    relay: Relay,
    directory: String,
}

impl Stage {
    fn new() -> Self {
        let server = TestServer::start();
        server.create(WORKSPACE);
        let directory = server.scratch("source");
        server.git(&directory).write_all(&workspace_files(WORKSPACE, &["cart", "web"]));
        Self { relay: Relay::before(&server.url), directory: directory.display().to_string(), server }
    }

    fn environment(&self) -> [(&str, &str); 3] {
        [
            ("WORKSTEAD_SERVER", &self.relay.url),
            ("WORKSTEAD_TOKEN", &self.server.token),
            ("WORKSTEAD_WORKSPACE", WORKSPACE),
        ]
    }

    /// Uploads the directory through the relay.
    fn upload(&self, arguments: &[&str]) -> Run {
        run(&self.server, &self.environment(), &[&[self.directory.as_str()], arguments].concat(), b"")
    }

    /// Adds a file that does not compress.
    fn add_noise(&self, bytes: usize) {
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
    fn commits(&self) -> usize {
        let clone = self.server.clone_workspace(WORKSPACE, "counted");
        let count: usize = clone.ok(&["rev-list", "--count", "HEAD"]).parse().unwrap();
        count - 1
    }
}

#[test]
fn a_busy_store_is_asked_again_not_before_it_said() {
    let stage = Stage::new();
    for _ in 0..2 {
        stage.relay.fail(
            "PUT",
            "/uploads/",
            Fault::Answer(503, ("Retry-After", "1"), "<Code>SlowDown</Code>"),
        );
    }
    let started = Instant::now();
    let run = stage.upload(&["--json"]).expect(0);
    assert!(started.elapsed() >= Duration::from_secs(2));
    assert_eq!(stage.relay.counts(), [3, 3, 1]);
    let told = run.json();
    assert_eq!((&told["outcome"], &told["upload"]["retries"]), (&"committed".into(), &2.into()), "{told}");
    assert!(run.stderr.contains("503 SlowDown; trying again in 1."), "{}", run.stderr);
    assert!(run.stderr.contains("(2 of 4)"), "{}", run.stderr);
    assert_eq!(stage.commits(), 1);
}

#[test]
fn a_put_that_broke_off_goes_to_a_new_address() {
    // More than a connection takes ahead; and so little that all of it is on its way before the cut, which only asking tells.
    for (noise, completions) in [(12 << 20, 1), (0, 2)] {
        let stage = Stage::new();
        stage.add_noise(noise);
        stage.relay.fail("PUT", "/uploads/", Fault::CutBody(100));
        stage.upload(&[]).expect(0);
        assert_eq!(stage.relay.counts(), [2, 2, completions]);
        let puts = stage.relay.seen("PUT", "/uploads/");
        assert_eq!(puts[0].body.len(), 100);
        assert_ne!(puts[0].target, puts[1].target);
        assert_eq!(stage.commits(), 1);
    }
}

#[test]
fn what_was_put_is_not_put_again() {
    for part in ["/uploads/local/", "/complete"] {
        let stage = Stage::new();
        let method = if part == "/complete" { "POST" } else { "PUT" };
        stage.relay.fail(method, part, Fault::CutAnswer);
        let told = stage.upload(&["--json"]).expect(0).json();
        assert_eq!((&told["outcome"], &told["upload"]["sent"]), (&"committed".into(), &1.into()), "{part}");
        let completions = if part == "/complete" { 2 } else { 1 };
        assert_eq!(stage.relay.counts(), [1, 1, completions], "{part}");
        assert_eq!(stage.commits(), 1, "{part}");
    }
}

#[test]
fn an_upload_that_another_completes_is_awaited() {
    let stage = Stage::new();
    let running = r#"{"detail": "upload 1 is being worked on", "code": "upload_running", "status": 409}"#;
    // The completion goes on its way, and this one is told so.
    stage.relay.fail("POST", "/complete", Fault::Queue);
    stage.relay.fail("POST", "/complete", Fault::Answer(409, ("x", "y"), running));
    let told = stage.upload(&["--json"]).expect(0).json();
    assert_eq!(told["outcome"], "committed");
    stage.relay.fail("POST", "/complete", Fault::Answer(409, ("x", "y"), running));
    // Nobody has it in hand, whatever was said; the time ends.
    let run = stage.upload(&["--timeout", "2"]).expect(6);
    assert!(run.stderr.contains("has not ended within --timeout"), "{}", run.stderr);
}

#[test]
fn an_expired_address_is_replaced_at_once() {
    let stage = Stage::new();
    stage.relay.have_store(None);
    stage.relay.fail("PUT", "/uploads/", Fault::Answer(403, ("x", "y"), EXPIRED));
    let run = stage.upload(&["--json"]).expect(0);
    assert_eq!(stage.relay.counts(), [2, 2, 1]);
    let told = run.json();
    assert_eq!((&told["upload"]["retries"], &told["upload"]["provider"]), (&0.into(), &"s3".into()));
    assert!(run.stderr.contains("403 AccessDenied; asking for a new address"), "{}", run.stderr);
}

#[test]
fn a_store_that_refuses_new_addresses_too_is_told_with_the_way_around_it() {
    let stage = Stage::new();
    stage.relay.have_store(None);
    for _ in 0..2 {
        stage.relay.fail("PUT", "/uploads/", Fault::Answer(403, ("x", "y"), EXPIRED));
    }
    let run = stage.upload(&["--via", "presigned"]).expect(4);
    assert!(run.stderr.contains("refused: Request has expired [403 AccessDenied]"), "{}", run.stderr);
    assert!(run.stderr.contains("--via server sends the bundle through the server"), "{}", run.stderr);
    assert!(!run.stderr.contains("geheim"), "{}", run.stderr);
    assert_eq!(stage.relay.counts(), [2, 2, 0]);
}

#[test]
fn where_the_store_is_out_of_reach_the_bundle_goes_through_the_server() {
    let stage = Stage::new();
    stage.relay.have_store(Some("http://127.0.0.1:1"));
    let run = stage.upload(&["--json"]).expect(0);
    assert_eq!(run.json()["upload"]["via"], "server");
    assert!(run.stderr.contains("can't be used from here"), "{}", run.stderr);
    assert_eq!(stage.relay.seen("GET", "via=server").len(), 1);
    // Only when asked for, the store alone.
    let run = stage.upload(&["--via", "presigned", "--retries", "1"]).expect(6);
    assert!(run.stderr.contains("failed to talk to http://127.0.0.1:1"), "{}", run.stderr);
    assert!(run.stderr.contains("tried 2 times; --retries allows more"), "{}", run.stderr);
}

#[test]
fn a_server_without_such_a_way_gets_one_request() {
    let stage = Stage::new();
    stage.relay.have_store(Some("http://127.0.0.1:1"));
    let not_offered = r#"{"detail": "presigned only", "code": "option_not_supported", "status": 422}"#;
    stage.relay.fail("GET", "via=server", Fault::Answer(422, ("x", "y"), not_offered));
    let run = stage.upload(&["--json"]).expect(0);
    assert_eq!(run.json()["upload"]["via"], "inline");
    assert!(run.stderr.contains("sending it in one request"), "{}", run.stderr);
    assert_eq!(stage.commits(), 1);
}

#[test]
fn a_put_has_the_headers_that_were_signed_and_no_token() {
    let stage = Stage::new();
    stage.upload(&[]).expect(0);
    let put = stage.relay.seen("PUT", "/uploads/local/").remove(0);
    assert_eq!(put.header("authorization"), "");
    assert_eq!(put.header("content-type"), "application/gzip");
    assert_eq!(put.header("content-length"), put.body.len().to_string());
    let opened = stage.relay.seen("GET", "/upload?").remove(0);
    assert!(opened.target.contains(&format!("size={}&sha256=", put.body.len())), "{}", opened.target);
}

#[test]
fn one_request_is_sent_again_when_its_answer_is_lost() {
    let stage = Stage::new();
    stage.relay.fail("POST", "/upload", Fault::CutAnswer);
    let told = stage.upload(&["--via", "inline", "--json"]).expect(0).json();
    // The first attempt has brought it in.
    assert_eq!(told["outcome"], "unchanged");
    assert_eq!(told["upload"]["sent"], 2);
    assert_eq!(stage.commits(), 1);
}

#[test]
fn async_waits_for_the_end_unless_told_otherwise() {
    let stage = Stage::new();
    stage.relay.fail("POST", "/complete", Fault::Queue);
    let told = stage.upload(&["--async", "--json"]).expect(0).json();
    assert_eq!(told["outcome"], "committed");
    assert_eq!(stage.relay.seen("POST", "/complete")[0].header("prefer"), "respond-async");
    assert!(!stage.relay.seen("GET", "/upload-status/").is_empty());
    stage.relay.fail("POST", "/complete", Fault::Queue);
    let asked = stage.relay.seen("GET", "/upload-status/").len();
    let told = stage.upload(&["--async", "--no-wait", "--json"]).expect(0).json();
    assert_eq!(told["outcome"], "queued");
    assert!(told["statusUrl"].as_str().unwrap().contains("/upload-status/"), "{told}");
    assert_eq!(stage.relay.seen("GET", "/upload-status/").len(), asked);
}

#[test]
fn a_queued_upload_that_fails_shows_every_problem_with_its_place() {
    let stage = Stage::new();
    let mut files = workspace_files(WORKSPACE, &["cart"]);
    let broken = files["slxs/cart/slx.yaml"].replace("  owners:\n  - owner@example.com\n", "  owners: 7\n");
    files.insert("slxs/cart/slx.yaml".to_owned(), broken);
    stage.server.git(stage.directory.as_ref()).write_all(&files);
    stage.relay.fail("POST", "/complete", Fault::Queue);
    let run = stage.upload(&["--async"]).expect(3);
    assert!(run.stderr.contains("slxs/cart/slx.yaml:15:11"), "{}", run.stderr);
    assert!(run.stderr.contains("owners: 7"), "{}", run.stderr);
}
