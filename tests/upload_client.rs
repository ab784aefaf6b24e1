//! `workstead upload` where the network, the store or the server fails: what is tried again, and what is sent how often.

mod codes;
mod relay;
mod stage;
mod targets;

use std::time::{Duration, Instant};

use self::relay::{Fault, RUNNING, Relay};
use self::stage::{Run, Stage, run};
use crate::support::workspace_files;

const WORKSPACE: &str = "shop";
const EXPIRED: &str = "<Error><Code>AccessDenied</Code><Message>Request has expired</Message><Signature>geheim</Signature></Error>";

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
    stage.relay.fail("POST", "/complete", Fault::Running);
    let told = stage.upload(&["--json"]).expect(0).json();
    assert_eq!((&told["outcome"], &told["upload"]["sent"]), (&"committed".into(), &1.into()));
    assert!(!stage.relay.seen("GET", "/upload-status/").is_empty());
    // Nobody has it in hand, whatever was said: it is completed again.
    let before = stage.relay.counts()[2];
    stage.relay.fail("POST", "/complete", Fault::Answer(409, ("x", "y"), RUNNING));
    assert_eq!(stage.upload(&["--json"]).expect(0).json()["outcome"], "unchanged");
    assert_eq!(stage.relay.counts()[2], before + 2);
    // It is queued, they say, and nobody works on it; the time ends.
    stage.relay.fail("POST", "/complete", Fault::Answer(202, ("x", "y"), r#"{"status": "queued"}"#));
    let run = stage.upload(&["--timeout", "2", "--async"]).expect(6);
    assert!(run.stderr.contains("has not ended within --timeout"), "{}", run.stderr);
    assert_eq!(stage.commits(), 1);
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
    assert!(
        run.stderr.contains("failed to talk to the object store at http://127.0.0.1:1"),
        "{}",
        run.stderr
    );
    let hint = "hint: --via server sends the bundle through the server; tried 2 times; --retries allows more";
    assert!(run.stderr.contains(hint), "{}", run.stderr);
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

#[test]
fn what_the_server_does_meanwhile_is_told() {
    let stage = Stage::new();
    let answer = |text| Fault::Answer(200, ("x", "y"), text);
    for text in [
        r#"{"status": "PENDING", "progress": {"phase": "waiting"}}"#,
        r#"{"status": "STARTED", "progress": {"phase": "merging"}}"#,
        r#"{"status": "STARTED", "progress": {"phase": "merging"}}"#,
        r#"{"status": "UNKNOWN"}"#,
    ] {
        stage.relay.fail("GET", "/upload-status/", answer(text));
    }
    stage.relay.fail("POST", "/complete", Fault::Queue);
    let run = stage.upload(&["--async"]).expect(6);
    assert!(run.stderr.contains("\nthe server: waiting\nthe server: merging\nerror: "), "{}", run.stderr);
    assert!(run.stderr.contains("did not succeed: it expired or was cancelled"), "{}", run.stderr);
}

#[test]
fn a_queued_request_that_fails_says_what_is_known() {
    let stage = Stage::new();
    let queued =
        r#"{"task_id": "t-1", "status": "queued", "statusUrl": "/api/v3/workspaces/upload-status/t-1"}"#;
    for (code, exit) in [("prune_guard", 5), ("invalid_content", 3)] {
        let failed = match code {
            "prune_guard" => r#"{"status": "FAILURE", "code": "prune_guard", "error": "too many would go"}"#,
            _ => {
                r#"{"status": "FAILURE", "error": {"code": "invalid_content", "detail": "too many would go"}}"#
            }
        };
        stage.relay.fail("POST", "/upload", Fault::Answer(202, ("x", "y"), queued));
        stage.relay.fail("GET", "/upload-status/", Fault::Answer(200, ("x", "y"), failed));
        let run = stage.upload(&["--async", "--via", "inline"]).expect(exit);
        assert!(run.stderr.contains("error: the server refused: too many would go"), "{}", run.stderr);
    }
}

#[test]
fn the_time_bounds_everything() {
    let stage = Stage::new();
    stage.relay.fail("GET", "/upload?", Fault::Answer(429, ("Retry-After", "60"), "{}"));
    let started = Instant::now();
    let run = stage.upload(&["--timeout", "20"]).expect(6);
    assert!(started.elapsed() < Duration::from_secs(15));
    assert!(run.stderr.contains("the next try would be in 6"), "{}", run.stderr);
    // A server that takes everything and never answers.
    stage.relay.fail("GET", "/upload?", Fault::Silence);
    let run = stage.upload(&["--timeout", "1s"]).expect(6);
    assert!(run.stderr.contains("caused by: the time of --timeout is over"), "{}", run.stderr);
}
