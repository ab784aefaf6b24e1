//! A trace of system calls: what a write stored is on the disk before its answer is on the wire.

mod trace;

use serde_json::json;
use ureq::http::Method;

use crate::support::{ServerOptions, TestServer, inline_body, send, workspace_files};
use trace::Trace;

const WORKSPACE: &str = "shop";
/// The request's id, which the answer repeats and the trace shows.
const MARK: &str = "durability-0123456789";

/// Starts a traced server, or says that nothing can be traced here.
///
/// Only `scripts/test` sets the variable, when `strace` can't be had, and it says so at its end.
fn traced() -> Option<(TestServer, Trace)> {
    if std::env::var_os("WORKSTEAD_TEST_WITHOUT_STRACE").is_some() {
        eprintln!("NOT RUN: strace is missing or may not trace here");
        return None;
    }
    let directory = tempfile::tempdir().unwrap();
    let trace = Trace::new(directory);
    let options = ServerOptions { under: trace.command(), ..ServerOptions::default() };
    Some((TestServer::start_with(&options), trace))
}

fn send_marked(server: &TestServer, method: Method, path: &str, body: &serde_json::Value) {
    let bearer = format!("Bearer {}", server.token);
    let headers =
        [("authorization", bearer.as_str()), ("content-type", "application/json"), ("x-request-id", MARK)];
    let url = format!("{}{path}", server.url);
    send(method, &url, &headers, Some(body.to_string().as_bytes())).expect(200);
}

#[test]
fn an_upload_is_durable_before_it_is_answered() {
    let Some((mut server, trace)) = traced() else { return };
    server.create(WORKSPACE);
    let names: Vec<String> = (0..60).map(|number| format!("slx-{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let body = inline_body(&workspace_files(WORKSPACE, &names));
    send_marked(&server, Method::POST, &format!("/api/v3/workspaces/{WORKSPACE}/upload"), &body);
    let repository = server.repository();
    assert!(server.stop().success());
    let before = trace.before_answer(MARK, &repository);
    for (what, path) in [("pack", ".pack"), ("index", ".idx"), ("branch", "refs/heads/main")] {
        let found = before.durable(&repository, path);
        assert!(found, "no {what} was made durable before the answer:\n{before}");
    }
    let loose_ends = before.loose_ends(&repository);
    assert!(loose_ends.is_empty(), "not durable before the answer: {loose_ends:?}\n{before}");
}

#[test]
fn a_patch_is_durable_before_it_is_answered() {
    let Some((mut server, trace)) = traced() else { return };
    server.create(WORKSPACE);
    let body = json!({"displayName": "Durable"});
    send_marked(&server, Method::PATCH, &format!("/api/v3/workspaces/{WORKSPACE}"), &body);
    let repository = server.repository();
    assert!(server.stop().success());
    let before = trace.before_answer(MARK, &repository);
    assert!(before.durable(&repository, "refs/heads/main"), "{before}");
    assert!(before.durable_below(&repository.join("objects")), "{before}");
    let loose_ends = before.loose_ends(&repository);
    assert!(loose_ends.is_empty(), "not durable before the answer: {loose_ends:?}\n{before}");
}

#[test]
fn a_push_is_durable_before_it_is_reported() {
    let Some((mut server, trace)) = traced() else { return };
    server.create(WORKSPACE);
    let clone = server.clone_workspace(WORKSPACE, "clone");
    clone.write("notes/durable.md", "kept\n");
    clone.commit("write it down");
    clone.ok(&["push", "--quiet", "origin", "HEAD:refs/heads/main", "HEAD:refs/heads/feature/new"]);
    let repository = server.repository();
    assert!(server.stop().success());
    // What `git receive-pack` reports to the client when the references have moved.
    let before = trace.before_answer("unpack ok", &repository);
    for end in [".pack", ".idx", "refs/heads/main", "refs/heads/feature/new"] {
        assert!(before.durable(&repository, end), "no {end}\n{before}");
    }
    // The directory of the new branch is new as well, and so is its own name.
    assert!(before.synced(&repository.join("refs/heads")), "{before}");
    let loose_ends = before.loose_ends(&repository);
    assert!(loose_ends.is_empty(), "not durable before the report: {loose_ends:?}\n{before}");
}
