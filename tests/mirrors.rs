//! Mirrors with the real binary: against `git http-backend`, and between two servers of ours.

mod pair;
mod pull;
mod push;

use std::time::Instant;

use serde_json::{Value, json};
use ureq::http::Method;

use crate::support::{Answer, ServerOptions, TestServer};

const WORKSPACE: &str = "shop";
const BASE: &str = "/api/v3/workspaces/shop";
const PATIENCE: std::time::Duration = std::time::Duration::from_mins(1);

/// Settings that let a server go to this machine, which is neither public nor reached by https.
fn open_to_this_machine() -> ServerOptions {
    let environment = vec![
        ("WORKSTEAD_EGRESS_ALLOW", "127.0.0.0/8,::1".to_owned()),
        ("WORKSTEAD_EGRESS_ALLOW_HTTP", "true".to_owned()),
    ];
    ServerOptions { environment, ..ServerOptions::default() }
}

/// Starts such a server with one workspace.
fn server() -> TestServer {
    let server = TestServer::start_with(&open_to_this_machine());
    server.create(WORKSPACE);
    server
}

fn set(server: &TestServer, body: &Value) -> Answer {
    server.call(Method::PUT, &format!("{BASE}/mirror"), Some(body.to_string().as_bytes()))
}

fn mirror(server: &TestServer) -> Value {
    server.get(&format!("{BASE}/mirror")).expect(200).json
}

fn sync(server: &TestServer) {
    server.post(&format!("{BASE}/mirror/sync"), &json!({})).expect(202);
}

/// Returns where the default branch is.
fn head(server: &TestServer) -> String {
    server.get(BASE).expect(200).field("revision").to_owned()
}

/// Waits until the mirror is as it should be, and returns it.
#[track_caller]
fn until(server: &TestServer, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    let since = Instant::now();
    loop {
        let shown = mirror(server);
        if is(&shown) {
            return shown;
        }
        assert!(since.elapsed() < PATIENCE, "the mirror is not {what}: {shown:#}");
        std::thread::sleep(std::time::Duration::from_millis(30));
    }
}

/// Waits until both sides have a commit.
#[track_caller]
fn until_at(server: &TestServer, commit: &str) {
    until(server, commit, |it| it["state"] == "idle" && it["lastRevision"] == commit);
}

/// Waits until the mirror fails for a reason, and returns the sentence.
#[track_caller]
fn until_fails(server: &TestServer, code: &str) -> String {
    let broken = |it: &Value| it["state"] == "failing" || it["state"] == "diverged";
    let shown = until(server, code, |it| broken(it) && it["lastError"]["code"] == code);
    shown["lastError"]["detail"].as_str().unwrap().to_owned()
}

/// Makes a commit over the API.
fn rename(server: &TestServer, display_name: &str) -> String {
    server.patch(BASE, &json!({ "displayName": display_name })).expect(200).field("revision").to_owned()
}
