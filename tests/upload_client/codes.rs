//! How the command ends: the exit codes, the report for scripts, and what neither of them tells.

use std::fmt::Write as _;

use serde_json::json;

use super::{Fault, Run, Stage, WORKSPACE, run};
use crate::support::{repository_root, slx_yaml, workspace_files};

impl Stage {
    /// Replaces what is uploaded by a workspace with these SLXs.
    fn write(&self, slxs: &[&str]) {
        fs_err::remove_dir_all(&self.directory).unwrap();
        fs_err::create_dir_all(&self.directory).unwrap();
        self.server.git(self.directory.as_ref()).write_all(&workspace_files(WORKSPACE, slxs));
    }

    fn with(&self, name: &'static str, value: &str, arguments: &[&str]) -> Run {
        let mut environment = self.environment().to_vec();
        environment.push((name, value));
        run(&self.server, &environment, &[&[self.directory.as_str()], arguments].concat(), b"")
    }
}

#[test]
fn every_exit_code_is_what_the_table_says() {
    let stage = Stage::new();
    let unavailable =
        || Fault::Answer(503, ("Retry-After", "60"), r#"{"detail": "busy", "code": "puts_busy"}"#);
    let mut table = String::new();
    let mut add = |what: &str, run: Run| {
        let last = run.stderr.lines().find(|line| line.starts_with("error: ")).unwrap_or_default();
        let last = last.replace(&stage.relay.url, "[relay]").replace(&stage.directory, "[directory]");
        // What is longer names what this run alone has.
        let last: String = last.chars().take(120).collect();
        writeln!(table, "{} {what} | {last}", run.code).unwrap();
    };
    let names: Vec<String> = (0..10).map(|number| format!("slx-{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    stage.write(&names);
    add("committed", stage.upload(&[]));
    add("unchanged", stage.upload(&[]));
    add("unchanged, told", stage.upload(&["--detailed-exitcode"]));
    add("bad argument", stage.upload(&["--retries", "some"]));
    add("bad address", stage.with("WORKSTEAD_SERVER", "example.com", &[]));
    add("unknown token", stage.with("WORKSTEAD_TOKEN", "wst_nobody_0123456789abcdefghijklmnopqr", &[]));
    add("no such workspace", stage.with("WORKSTEAD_WORKSPACE", "nowhere", &[]));
    stage.write(&names[..2]);
    add("mass prune", stage.upload(&["--prune-stale-slxs"]));
    add("mass prune, meant", stage.upload(&["--prune-stale-slxs", "--allow-mass-prune"]));
    add("no server", stage.with("WORKSTEAD_SERVER", "http://127.0.0.1:1", &["--retries", "0"]));
    stage.relay.fail("PUT", "/uploads/", unavailable());
    add("too busy for too long", stage.upload(&["--timeout", "5"]));
    stage.relay.fail(
        "GET",
        "/upload?",
        Fault::Answer(500, ("x", "y"), r#"{"detail": "oh", "code": "internal_error"}"#),
    );
    add("the server failed", stage.upload(&[]));
    fs_err::write(format!("{}/slxs/slx-0/slx.yaml", stage.directory), "kind: Runbook\n").unwrap();
    add("invalid", stage.upload(&[]));
    add("invalid, inline", stage.upload(&["--via", "inline"]));
    insta::assert_snapshot!(table.replace(" | \n", "\n"), @r#"
    0 committed
    0 unchanged
    7 unchanged, told
    1 bad argument | error: invalid value 'some' for '--retries <COUNT>': invalid digit found in string
    1 bad address | error: `example.com` is no address of a server
    4 unknown token | error: the server refused: the token is unknown, expired or revoked; make a new one [401 invalid_token]
    4 no such workspace | error: the server refused: there is no workspace "nowhere" that you may see [404 workspace_not_found]
    5 mass prune | error: the server refused: the upload would prune 8 of the 10 SLXs of location "test-location", more than half: check th
    0 mass prune, meant
    6 no server | error: failed to talk to http://127.0.0.1:1
    6 too busy for too long | error: the server failed: busy [503 puts_busy]
    6 the server failed | error: the server failed: oh [500 internal_error]
    3 invalid | error: the server refused: slxs/slx-0/slx.yaml:1:1: the document has no `apiVersion` [missing_field] (and 2 more problem
    3 invalid, inline | error: the server refused: slxs/slx-0/slx.yaml:1:1: the document has no `apiVersion` [missing_field] (and 2 more problem
    "#);
    // The help and the document tell the same codes.
    let help = stage.upload(&["--help"]).stdout;
    let document = fs_err::read_to_string(repository_root().join("docs/CI.md")).unwrap();
    for code in 0..=7 {
        assert!(help.contains(&format!("\n  {code}  ")), "{code} is not in the help");
        assert!(document.contains(&format!("\n| {code} | ")), "{code} is not in docs/CI.md");
    }
}

#[test]
fn the_report_for_scripts_is_whole() {
    let stage = Stage::new();
    let done = stage.upload(&["--json"]).expect(0).json();
    insta::assert_json_snapshot!(done, {
        ".task_id" => "[id]", ".commit" => "[commit]", ".message" => "[message]", ".summary" => "[summary]", ".upload.sizeBytes" => "[size]", ".upload.sha256" => "[hash]",
    }, @r#"
    {
      "task_id": "[id]",
      "status": "queued",
      "message": "[message]",
      "commit": "[commit]",
      "summary": "[summary]",
      "workspace": "shop",
      "outcome": "committed",
      "upload": {
        "via": "presigned",
        "provider": "local",
        "sha256": "[hash]",
        "sizeBytes": "[size]",
        "sent": 1,
        "retries": 0
      }
    }
    "#);
    let broken = slx_yaml(WORKSPACE, "cart").replace("  owners:\n  - owner@example.com\n", "  owners: 7\n");
    fs_err::write(format!("{}/slxs/cart/slx.yaml", stage.directory), broken).unwrap();
    let refused = stage.upload(&["--json", "--quiet"]).expect(3);
    insta::assert_json_snapshot!(refused.json(), { ".error.requestId" => "[id]" }, @r#"
    {
      "workspace": "shop",
      "outcome": "refused",
      "exitCode": 3,
      "error": {
        "message": "the server refused: slxs/cart/slx.yaml:15:11: `spec.owners` must be a list of strings, not an integer \"7\" [wrong_type] [422 invalid_content]",
        "cure": "mend what is listed and upload again; nothing was changed",
        "status": 422,
        "code": "invalid_content",
        "detail": "slxs/cart/slx.yaml:15:11: `spec.owners` must be a list of strings, not an integer \"7\" [wrong_type]",
        "requestId": "[id]",
        "errors": [
          {
            "severity": "error",
            "path": "slxs/cart/slx.yaml",
            "line": 15,
            "column": 11,
            "pointer": "/spec/owners",
            "code": "wrong_type",
            "message": "`spec.owners` must be a list of strings, not an integer \"7\"",
            "hint": "write a list, each item on its own line beginning with `- `"
          }
        ]
      }
    }
    "#);
    assert!(refused.stderr.contains("slxs/cart/slx.yaml:15:11"), "{}", refused.stderr);
}

#[test]
fn quiet_is_quiet_and_lines_are_plain() {
    let stage = Stage::new();
    let run = stage.upload(&["--quiet"]).expect(0);
    assert_eq!(run.stderr, "");
    assert!(run.stdout.starts_with("shop: committed "), "{}", run.stdout);
    let run = stage.upload(&[]).expect(0);
    assert!(!run.stderr.contains(['\r', '\u{1b}']), "{}", run.stderr);
    let lines: Vec<&str> = run
        .stderr
        .lines()
        .map(|line| line.split([';', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']).next().unwrap())
        .collect();
    assert_eq!(lines, ["sending ", "sent via presigned (local)"]);
}

#[test]
fn every_option_reaches_the_server_on_each_way() {
    let stage = Stage::new();
    let all = [
        "--merge-mode",
        "threeway",
        "--conflict",
        "fail",
        "--prune-stale-slxs",
        "--prune-stale-resources",
        "--allow-mass-prune",
        "--message",
        "a b",
        "--build-date",
        "2026-11-24T03:00:00",
        "--dry-run",
    ];
    let no = r#"{"detail": "no", "code": "no", "status": 422}"#;
    stage.relay.fail("GET", "/upload?", Fault::Answer(422, ("x", "y"), no));
    stage.upload(&all).expect(3);
    let opened = stage.relay.seen("GET", "/upload?").remove(0);
    let options: Vec<&str> =
        opened.target.split('&').filter(|pair| !pair.starts_with("sha256=")).skip(1).collect();
    insta::assert_snapshot!(options.join(" "), @"mergeMode=threeway conflict=fail message=a+b buildDate=2026-11-24T03%3A00%3A00 pruneStaleSlxs=true pruneStaleResources=true allowMassPrune=true dryRun=true");
    stage.relay.fail("POST", "/upload?", Fault::Answer(422, ("x", "y"), no));
    stage.upload(&[&all[..], &["--via", "inline"]].concat()).expect(3);
    let posted = stage.relay.seen("POST", "/upload?").remove(0);
    insta::assert_snapshot!(posted.target, @"/api/v3/workspaces/shop/upload?conflict=fail&allowMassPrune=true&dryRun=true");
    let mut body: serde_json::Value = serde_json::from_slice(&posted.body).unwrap();
    assert!(!body["output"].take().as_str().unwrap().is_empty());
    insta::assert_snapshot!(body, @r#"{"mergeMode":"threeway","message":"a b","buildDate":"2026-11-24T03:00:00","pruneStaleSlxs":true,"pruneStaleResources":true,"finalizeAction":"mergeToMain","output":null}"#);
    assert_eq!(body["output"], json!(null));
}

#[test]
fn no_secret_is_ever_told() {
    let stage = Stage::new();
    let token = stage.server.token.clone();
    let mut told = String::new();
    let mut hear = |run: Run| told.push_str(&(run.stdout + &run.stderr));
    hear(stage.upload(&[]));
    hear(stage.upload(&["--json"]));
    let redirect = Fault::Answer(307, ("Location", "http://127.0.0.1:1/x?signature=geheim"), "");
    stage.relay.fail("PUT", "/uploads/", redirect);
    for fault in [Fault::CutBody(10), Fault::CutAnswer, Fault::Answer(403, ("x", "y"), super::EXPIRED)] {
        stage.relay.fail("PUT", "/uploads/", fault);
        hear(stage.upload(&["--retries", "1"]));
    }
    stage.relay.have_store(Some("http://127.0.0.1:1"));
    hear(stage.upload(&["--via", "presigned", "--retries", "0", "--json"]));
    hear(stage.upload(&["--via", "inline", "--token-file", "/nowhere"]));
    let signed = stage.relay.seen("PUT", "/uploads/");
    assert!(signed.len() >= 4);
    let signatures = signed.iter().map(|put| put.target.rsplit('=').next().unwrap().to_owned());
    for secret in signatures.chain([token, "geheim".to_owned(), "signature=".to_owned()]) {
        assert!(secret.len() >= 6 && !told.contains(&secret), "{secret:?} is in\n{told}");
    }
}
