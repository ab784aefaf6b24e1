//! The description of the API against the live server, by schemathesis: no failures of the server, only statuses and
//! shapes that are described, no invalid input taken, no route without its token.

use std::path::PathBuf;
use std::process::Command;

use serde_json::json;

use crate::support::{ServerOptions, TestServer, cleaned, repository_root, tool, workspace_files};

/// Returns the program; nothing when `scripts/test` could not install it, which it says at its end.
fn program() -> Option<PathBuf> {
    if std::env::var_os("WORKSTEAD_TEST_WITHOUT_SCHEMATHESIS").is_some() {
        eprintln!("NOT RUN: schemathesis could not be installed");
        return None;
    }
    Some(tool("schemathesis-4.32.5", "schemathesis"))
}

#[test]
fn the_server_does_what_its_description_says() {
    let Some(program) = program() else { return };
    // A line for each of its thousands of requests would hide the report.
    let quiet = vec![("WORKSTEAD_LOG", "error".to_owned())];
    let server = TestServer::start_with(&ServerOptions { environment: quiet, ..ServerOptions::default() });
    server.create("abc");
    server.upload("abc", &workspace_files("abc", &["one", "two"]), &json!({})).expect(200);
    for (path, body) in [
        ("users", json!({ "email": "ann@example.com" })),
        ("groups", json!({ "name": "team" })),
        ("organizations", json!({ "name": "acme" })),
        ("workspaces/abc/secrets", json!({ "secrets": { "password": "geheim" } })),
    ] {
        server.post(&format!("/api/v3/{path}"), &body).expect(201);
    }
    let mut command = Command::new(program);
    let output = cleaned(&mut command, server.root.path())
        .current_dir(server.root.path())
        .env("WORKSTEAD_TOKEN", &server.token)
        .env("PYTHONHASHSEED", "0")
        .arg("--config-file")
        .arg(repository_root().join("tests/schemathesis.toml"))
        .args(["run", "--no-color"])
        .arg(format!("{}/api/openapi.json", server.url))
        .output()
        .unwrap();
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{report}{}", String::from_utf8_lossy(&output.stderr));
    assert!(report.contains("No issues found"), "{report}");
}
