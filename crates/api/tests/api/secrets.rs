//! Secrets: written, named, removed, never shown.

use std::fmt::Write;

use axum::http::Method;
use serde_json::{Value, json};
use workstead_core::path::RepoPath;

use crate::app::{ADMIN, BASE, TestApp, sample};

const ABC: &str = "/api/v3/workspaces/abc";
const KEYS: &str = "/api/v3/workspaces/abc/secrets-keys";
const SECRETS: &str = "/api/v3/workspaces/abc/secrets";
const VALUE: &str = "c0rrect-horse-battery-staple";

#[tokio::test]
async fn secrets_are_written_named_and_removed() {
    let app = TestApp::start().await;
    app.create("abc").await;
    assert_eq!(app.get(KEYS).await.expect(200), json!({ "secrets": [] }));
    let written = app.post(SECRETS, json!({ "secrets": { "kubeconfig": VALUE, "db.pw": VALUE } })).await;
    assert_eq!(written.expect(201), json!({ "secrets": ["db.pw", "kubeconfig"] }));
    app.post(SECRETS, json!({ "secrets": { "db.pw": "other" } })).await.expect(201);
    let app = app.restart_after(async |_| {}).await;
    assert_eq!(app.get(KEYS).await.expect(200), json!({ "secrets": ["db.pw", "kubeconfig"] }));
    app.delete(&format!("{SECRETS}/db.pw")).await.expect(204);
    insta::assert_snapshot!(app.delete(&format!("{SECRETS}/db.pw")).await.error(404), @r#"secret_not_found: the workspace has no secret "db.pw""#);
    assert_eq!(app.get(KEYS).await.expect(200), json!({ "secrets": ["kubeconfig"] }));
}

#[tokio::test]
async fn a_value_is_in_no_answer_and_no_file() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let mut answers = vec![app.post(SECRETS, json!({ "secrets": { "a": VALUE } })).await];
    // Refused ones too.
    for body in [
        json!({ "secrets": { "b": [VALUE] } }),
        json!({ "secrets": [VALUE] }),
        json!({ "secrets": { "b": VALUE, "c": 5 } }),
        json!({ "secrets": { "b": VALUE }, "more": VALUE }),
        json!([VALUE]),
    ] {
        let answer = app.post(SECRETS, body).await;
        assert_eq!(answer.status, 422);
        answers.push(answer);
    }
    let headers = [("authorization", format!("Bearer {ADMIN}"))];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    let broken = format!("{{\"secrets\": {{\"a\": \"{VALUE}");
    answers.push(app.with(Method::POST, SECRETS, &headers, &broken).await);
    for path in [KEYS, ABC, &format!("{SECRETS}/a/usage"), "/api/v3/workspaces/abc/status"] {
        answers.push(app.get(path).await);
    }
    for answer in answers {
        let body = String::from_utf8_lossy(&answer.body);
        assert!(!body.contains(VALUE), "{body}");
    }
    assert_eq!(app.get(KEYS).await.expect(200), json!({ "secrets": ["a"] }));
    app.assert_nowhere(VALUE);
}

#[tokio::test]
async fn all_are_written_or_none() {
    let settings = [("WORKSTEAD_SECRETS_MAX", "2"), ("WORKSTEAD_SECRET_MAX_BYTES", "10")];
    let app = TestApp::start_with(&settings).await;
    app.create("abc").await;
    for body in [
        json!({ "secrets": { "a": "x", "b/c": "x" } }),
        json!({ "secrets": { "a": "x", "b": 5 } }),
        json!({ "secrets": { "a": "x", "b": "01234567890" } }),
        json!({ "secrets": { "a": "x", "b": "x", "c": "x" } }),
    ] {
        app.post(SECRETS, body).await.error(422);
    }
    assert_eq!(app.get(KEYS).await.expect(200), json!({ "secrets": [] }));
    app.post(SECRETS, json!({ "secrets": { "a": "0123456789", "b": "x" } })).await.expect(201);
    app.post(SECRETS, json!({ "secrets": { "a": "y", "b": "y" } })).await.expect(201);
    insta::assert_snapshot!(app.post(SECRETS, json!({ "secrets": { "c": "x" } })).await.error(422), @"too_many_secrets: workspace abc would have 3 secrets, more than the limit of 2, so none was written; delete some, or raise WORKSTEAD_SECRETS_MAX");
    let refused =
        app.post(SECRETS, json!({ "secrets": { "c": "01234567890", "d/e": "x" } })).await.expect(422);
    insta::assert_json_snapshot!(refused["errors"], @r#"
    [
      {
        "path": "",
        "line": 0,
        "column": 0,
        "pointer": "/secrets/c",
        "code": "too_large",
        "message": "the secret c has 11 bytes, more than the limit of 10 bytes; send less, or raise WORKSTEAD_SECRET_MAX_BYTES"
      },
      {
        "path": "",
        "line": 0,
        "column": 0,
        "pointer": "/secrets/d~1e",
        "code": "invalid_name",
        "message": "\"d/e\" is no name of a secret: expected at most 128 letters, digits, `.`, `_` and `-`, beginning with a letter, a digit or `_`"
      }
    ]
    "#);
}

#[tokio::test]
async fn usage_lists_the_files_that_name_a_key() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let provided = |key: &str| {
        format!(
            "spec:\n  location: loc\n  codeBundle:\n    repoUrl: https://x.example/y.git\n    ref: main\n    pathToRobot: a/runbook.robot\n  secretsProvided:\n  - name: KUBE\n    workspaceKey: {key}\n"
        )
    };
    let head = |kind: &str, slx: &str| {
        format!(
            "apiVersion: runwhen.com/v1\nkind: {kind}\nmetadata:\n  name: abc--{slx}\n  labels:\n    workspace: abc\n    slx: abc--{slx}\n"
        )
    };
    let slx = |slx: &str| format!("{}spec:\n  alias: {slx}\n", head("ServiceLevelX", slx));
    let files = [
        ("slxs/one/slx.yaml", slx("one")),
        ("slxs/one/runbook.yaml", head("Runbook", "one") + &provided("pg-password")),
        (
            "slxs/one/sli.yaml",
            head("ServiceLevelIndicator", "one")
                + &provided("'pg-password'").replace("  location: loc\n", "  locations: [loc]\n"),
        ),
        ("slxs/two/slx.yaml", slx("two")),
        (
            "slxs/two/runbook.yaml",
            head("Runbook", "two") + &provided("k8s:file@secret/kubeconfig:kubeconfig"),
        ),
    ];
    let mut bundle = sample("abc", 1);
    bundle.extend(files.map(|(path, text)| (RepoPath::parse(path).unwrap(), text.into())));
    app.upload(ADMIN, "abc", &bundle, json!({})).await.expect(200);
    let usage = async |key: &str| app.get(&format!("{SECRETS}/{key}/usage")).await;
    app.post(SECRETS, json!({ "secrets": { "pg-password": VALUE, "idle": VALUE } })).await.expect(201);
    insta::assert_json_snapshot!(usage("pg-password").await.expect(200), @r#"
    {
      "key": "pg-password",
      "stored": true,
      "usage": [
        {
          "slx": "one",
          "kind": "runbook",
          "name": "KUBE",
          "path": "slxs/one/runbook.yaml"
        },
        {
          "slx": "one",
          "kind": "sli",
          "name": "KUBE",
          "path": "slxs/one/sli.yaml"
        }
      ]
    }
    "#);
    assert_eq!(usage("idle").await.expect(200), json!({ "key": "idle", "stored": true, "usage": [] }));
    let other = usage("k8s:file@secret%2Fkubeconfig:kubeconfig").await.expect(200);
    assert_eq!((&other["stored"], &other["usage"][0]["slx"]), (&json!(false), &json!("two")));
    usage("nothing").await.error(404);
}

#[tokio::test]
async fn each_role_may_do_its_own() {
    let app = TestApp::start().await;
    let permissions: Vec<_> = ["readonly", "readwrite", "admin"]
        .iter()
        .map(|role| json!({ "user": format!("{role}@roles.example"), "role": role }))
        .collect();
    app.post(BASE, json!({ "name": "abc", "permissions": permissions })).await.expect(201);
    app.post(SECRETS, json!({ "secrets": { "a": "x" } })).await.expect(201);
    let mut callers = Vec::new();
    for who in ["stranger", "readonly", "readwrite", "admin"] {
        callers.push((who, app.user(&format!("{who}@roles.example")).await));
    }
    for (who, path) in [("upload", "upload-config"), ("runner", "runner-token")] {
        let made = app.get(&format!("{ABC}/{path}")).await.expect(200);
        callers.push((who, made["token"].as_str().unwrap().to_owned()));
    }
    let mut table = String::new();
    for (who, token) in callers {
        write!(table, "{who}:").unwrap();
        for (method, path, body) in [
            (Method::GET, KEYS.to_owned(), Value::Null),
            (Method::GET, format!("{SECRETS}/a/usage"), Value::Null),
            (Method::POST, SECRETS.to_owned(), json!({ "secrets": { "b": "x" } })),
            (Method::DELETE, format!("{SECRETS}/a"), Value::Null),
        ] {
            write!(table, " {}", app.ask(&token, method, &path, body).await.status.as_u16()).unwrap();
        }
        table.push('\n');
    }
    insta::assert_snapshot!(table, @r"
    stranger: 404 404 404 404
    readonly: 200 200 403 403
    readwrite: 200 200 403 403
    admin: 200 200 201 204
    upload: 403 403 403 403
    runner: 403 403 403 403
    ");
}

#[tokio::test]
async fn who_lost_the_right_during_a_slow_body_writes_nothing() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    app.ask(&ann, Method::POST, BASE, json!({ "name": "abc" })).await.expect(201);
    let change = "UPDATE workspaces SET owner = 'x@y', owner_key = 'x@y'";
    let body = json!({ "secrets": { "a": VALUE } });
    app.slowly(&ann, Method::POST, SECRETS, body, async || app.sql(change).await).await.error(404);
    assert_eq!(app.get(KEYS).await.expect(200), json!({ "secrets": [] }));
}

#[tokio::test]
async fn a_workspace_made_again_inherits_nothing() {
    let app = TestApp::start().await;
    app.create("abc").await;
    app.post(SECRETS, json!({ "secrets": { "a": VALUE } })).await.expect(201);
    app.delete(ABC).await.expect(204);
    app.create("abc").await;
    assert_eq!(app.get(KEYS).await.expect(200), json!({ "secrets": [] }));
    app.get(&format!("{SECRETS}/a/usage")).await.error(404);
}
