//! `/api/v4`: typed payloads, as the August client sends them.

mod created;

use axum::http::Method;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::app::{ADMIN, BASE, TestApp, sample};

const V4: &str = "/api/v4/workspaces/abc";
const SLXS: &str = "/api/v4/workspaces/abc/slxs/sync-typed";
const RUNBOOKS: &str = "/api/v4/workspaces/abc/runbooks/sync-typed";
const SLIS: &str = "/api/v4/workspaces/abc/slis/sync-typed";
const SLOS: &str = "/api/v4/workspaces/abc/slos/sync-typed";

fn slx(name: &str) -> Value {
    json!({ "payload": {
        "name": format!("abc--{name}"), "alias": "Pod Health", "statement": "Pods run", "owners": ["a@example.com"],
        "tags": [{ "name": "access", "value": "read-write" }, { "name": "data", "value": "logs-bulk" }],
        "image_url": "https://example.com/i.svg", "additional_context": {},
    } })
}

fn runbook(id: i64) -> Value {
    json!({ "payload": {
        "runner_uuid": "loc-1", "code_bundle_repo_url": "https://example.com/x.git", "code_bundle_ref": "main",
        "code_bundle_path": "codebundles/tool-builder/runbook.robot",
        "config_provided": [{ "name": "TASK_TITLE", "value": "Check pods" }, { "name": "DRY_RUN", "value": "false" }],
        "secrets_provided": [], "requirements": {},
        "runtime_vars_provided": [{ "name": "WINDOW", "description": "d", "default": "5m", "validation": { "type": "regex", "pattern": "^[0-9]+m$" } }],
        "slx_id": id,
    } })
}

fn sli(id: i64) -> Value {
    json!({ "payload": {
        "runner_uuid": "loc-1", "display_units_long": "OK", "display_units_short": "ok", "interval_seconds": 300,
        "interval_strategy": "intermezzo", "code_bundle_repo_url": "https://example.com/x.git", "code_bundle_ref": "main",
        "code_bundle_path": "codebundles/cron-scheduler-sli/sli.robot",
        "config_provided": [{ "name": "CRON_SCHEDULE", "value": "0 */2 * * *" }],
        "secrets_provided": [{ "name": "kubeconfig", "workspaceKey": "k8s:file@secret/kubeconfig:kubeconfig" }],
        "alert_config": { "tasks": { "persona": "eager-edgar", "sessionTTL": "10m" } }, "slx_id": id,
    } })
}

fn slo(id: i64) -> Value {
    json!({ "payload": {
        "slxId": id, "codeBundleRepoUrl": "https://example.com/x.git", "codeBundlePath": "slo.yaml",
        "sloSpecType": "simple-mwmb", "objective": 99, "threshold": 1, "operand": "eq",
    } })
}

async fn with_workspace() -> TestApp {
    let app = TestApp::start().await;
    app.create("abc").await;
    app
}

fn show(app: &TestApp, path: &str) -> String {
    app.git(&["show", &format!("main:slxs/{path}")])
}

fn head(app: &TestApp) -> String {
    app.git(&["rev-parse", "main"]).trim().to_owned()
}

#[tokio::test]
async fn each_payload_is_a_commit() {
    let app = with_workspace().await;
    let made = app.post(SLXS, slx("web")).await.expect(201);
    let id = made["resourceId"].as_i64().unwrap();
    assert_eq!(
        made,
        json!({ "status": "created", "name": "abc--web", "resourceId": id, "hexsha": head(&app) })
    );
    let body = app.post(RUNBOOKS, runbook(id)).await.expect(201);
    assert_eq!(body, json!({ "status": "created", "slxId": id, "hexsha": head(&app) }));
    app.post(SLIS, sli(id)).await.expect(201);
    app.post(SLOS, slo(id)).await.expect(201);
    insta::assert_snapshot!(app.git(&["log", "--format=%s", "main"]), @r"
    Add slo.yaml to SLX web
    Add sli.yaml to SLX web
    Add runbook.yaml to SLX web
    Add SLX web
    Create workspace abc
    ");
    // The same again is no commit.
    let head = head(&app);
    for (path, body) in [(SLXS, slx("web")), (RUNBOOKS, runbook(id)), (SLIS, sli(id)), (SLOS, slo(id))] {
        let answer = app.post(path, body).await.expect(200);
        assert_eq!((&answer["status"], &answer["hexsha"]), (&json!("unchanged"), &json!(head)), "{path}");
    }
    assert_eq!(app.commits(), 5);
    let row = app.get(&format!("{BASE}/abc/slxs/web")).await.expect(200);
    assert_eq!((&row["id"], &row["hasSlo"]), (&json!(id), &json!(true)));
}

/// A workspace with one SLX that has all parts.
async fn with_whole() -> TestApp {
    let app = with_workspace().await;
    let id = app.post(SLXS, slx("web")).await.expect(201)["resourceId"].as_i64().unwrap();
    for (path, body) in [(RUNBOOKS, runbook(id)), (SLIS, sli(id)), (SLOS, slo(id))] {
        app.post(path, body).await.expect(201);
    }
    app
}

#[tokio::test]
async fn what_a_payload_does_not_name_stays() {
    let app = with_workspace().await;
    app.upload(ADMIN, "abc", &sample("abc", 3), Value::Null).await.expect(200);
    let row = app.get(&format!("{BASE}/abc/slxs")).await.expect(200)["results"][0].clone();
    let (short, id) = (row["shortName"].as_str().unwrap().to_owned(), row["id"].as_i64().unwrap());
    let before = show(&app, &format!("{short}/slx.yaml"));
    let files = app.git(&["ls-tree", "--name-only", &format!("main:slxs/{short}")]);
    assert!(before.contains("fullSlxName"));
    let alias = json!({ "payload": { "name": row["name"], "alias": "Renamed", "statement": null } });
    let answer = app.post(SLXS, alias).await.expect(200);
    assert_eq!((&answer["status"], &answer["resourceId"]), (&json!("updated"), &json!(id)));
    let after = show(&app, &format!("{short}/slx.yaml"));
    let differing = before.lines().zip(after.lines()).filter(|(one, other)| one != other).count();
    assert_eq!((differing, before.lines().count()), (1, after.lines().count()), "{after}");
    assert_eq!(app.git(&["ls-tree", "--name-only", &format!("main:slxs/{short}")]), files);
    // Comments stay as well.
    let commented = after.replace("spec:", "# Ours.\nspec: # all of it");
    let put = json!({ "files": { "slx.yaml": commented } });
    app.post(&format!("{BASE}/abc/branches/main/slxs/{short}"), put).await.expect(200);
    let alias = json!({ "payload": { "name": short, "alias": "Again" }, "commit_msg": "Said\nso" });
    app.post(SLXS, alias).await.expect(200);
    assert_eq!(show(&app, &format!("{short}/slx.yaml")), commented.replace("Renamed", "Again"));
    assert_eq!(app.git(&["log", "-1", "--format=%s", "main"]), "Said so\n");
}

#[tokio::test]
async fn wrong_payloads_are_named_and_change_nothing() {
    let app = with_workspace().await;
    let id = app.post(SLXS, slx("web")).await.expect(201)["resourceId"].as_i64().unwrap();
    let mut unknown = slx("web");
    unknown["payload"]["aliass"] = json!("x");
    unknown["payload"]["tags"][0]["vale"] = json!("x");
    let answer = app.post(SLXS, unknown).await.expect(422);
    insta::assert_json_snapshot!(answer, {".requestId" => "[id]"}, @r#"
    {
      "detail": "SLXModel has no field `tags.0.vale`, `aliass`",
      "unknown_keys": [
        "tags.0.vale",
        "aliass"
      ],
      "model": "SLXModel",
      "code": "unknown_field",
      "status": 422,
      "errors": [
        {
          "path": "",
          "line": 0,
          "column": 0,
          "pointer": "/payload/tags/0/vale",
          "code": "unknown_field",
          "message": "SLXModel has no field `tags.0.vale`",
          "hint": "did you mean `value`?"
        },
        {
          "path": "",
          "line": 0,
          "column": 0,
          "pointer": "/payload/aliass",
          "code": "unknown_field",
          "message": "SLXModel has no field `aliass`",
          "hint": "did you mean `alias`?"
        }
      ],
      "requestId": "[id]"
    }
    "#);
    let fields: Vec<_> = answer.as_object().unwrap().keys().collect();
    assert_eq!(fields[0], "detail");
    let post = async |path: &str, body: Value| app.post(path, body).await.error(422);
    insta::assert_snapshot!(post(SLXS, json!({})).await, @"invalid_payload: the field payload must be an object");
    insta::assert_snapshot!(post(SLXS, json!({ "payload": {} })).await, @"missing_field: the payload has no `name`; send `<workspace>--<short name>`");
    insta::assert_snapshot!(post(SLXS, json!({ "payload": { "name": "abc--new" } })).await, @"missing_field: the payload has no `alias`, which a new SLXModel needs; add it, or name one that exists already");
    insta::assert_snapshot!(post(SLXS, json!({ "payload": { "name": "other--new", "alias": "x" } })).await, @r#"invalid_name: `name` is "other--new", which belongs to no SLX of workspace `abc`; write `abc--<short name>`"#);
    insta::assert_snapshot!(post(SLXS, json!({ "payload": { "name": "../x", "alias": "x" } })).await, @r#"invalid_name: SLX name "../x" holds the character '/'; write `abc--<short name>`"#);
    insta::assert_snapshot!(post(SLXS, json!({ "payload": { "name": "web" }, "x": 1 })).await, @r#"unknown_field: the field "x" is unknown; known are commit_msg, commitMsg, payload"#);
    insta::assert_snapshot!(post(RUNBOOKS, json!({ "payload": { "runner_uuid": "x" } })).await, @"missing_field: the payload has no `slx_id`; send the `resourceId` that slxs/sync-typed answered");
    insta::assert_snapshot!(post(RUNBOOKS, json!({ "payload": { "slx_id": id, "runner_uuid": "x" } })).await, @"missing_field: the payload has no `code_bundle_repo_url`, which a new RunbookModel needs; add it, or name one that exists already (and 1 more)");
    let mut wrong = sli(id);
    wrong["payload"]["interval_seconds"] = json!("soon");
    insta::assert_snapshot!(post(SLIS, wrong).await, @"wrong_type: `/payload/interval_seconds` is a string, not a positive integer; send a positive integer");
    for (path, body) in [(RUNBOOKS, runbook(77)), (SLIS, sli(77)), (SLOS, slo(77))] {
        let error = app.post(path, body).await.error(404);
        assert_eq!(error, "slx_not_found: workspace abc has no SLX with the slx_id 77");
    }
    // An id as text is as good.
    let mut text = runbook(id);
    text["payload"]["slx_id"] = json!(id.to_string());
    app.post(RUNBOOKS, text).await.expect(201);
    assert_eq!(app.commits(), 3);
}

#[tokio::test]
async fn ids_last() {
    let app = with_workspace().await;
    let first = app.post(SLXS, slx("web")).await.expect(201)["resourceId"].as_i64().unwrap();
    let second = app.post(SLXS, slx("api")).await.expect(201)["resourceId"].as_i64().unwrap();
    assert_ne!(first, second);
    let app = app.restart_after(async |_| {}).await;
    app.post(RUNBOOKS, runbook(second)).await.expect(201);
    assert_eq!(app.git(&["ls-tree", "--name-only", "main:slxs/api"]), "runbook.yaml\nslx.yaml\n");
    app.delete(&format!("{V4}/slxs/web")).await.expect(200);
    // The number is known, but the SLX is gone.
    insta::assert_snapshot!(app.post(RUNBOOKS, runbook(first)).await.error(404), @r#"slx_not_found: workspace abc has no SLX "web""#);
    assert_eq!(app.post(SLXS, slx("web")).await.expect(201)["resourceId"], first);
    app.post(RUNBOOKS, runbook(first)).await.expect(201);
    // A number is that of one workspace.
    app.post(BASE, json!({ "name": "other" })).await.expect(201);
    app.post("/api/v4/workspaces/other/runbooks/sync-typed", runbook(first)).await.error(404);
}

#[tokio::test]
async fn a_deletion_takes_the_references_along() {
    let app = with_workspace().await;
    app.post(SLXS, slx("web")).await.expect(201);
    app.post(SLXS, slx("api")).await.expect(201);
    let change = json!({
        "slxGroups": { "front": { "slxs": ["web", "api"] } },
        "slxRelationships": [{ "subject": "web", "verb": "depends-on", "object": "api" }],
    });
    app.patch(&format!("{BASE}/abc"), change).await.expect(200);
    let bearer = format!("Bearer {ADMIN}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let answer = app.with(Method::DELETE, &format!("{V4}/slxs/web"), &headers, "").await.expect(200);
    assert_eq!(answer, json!({ "status": "deleted", "name": "abc--web", "hexsha": head(&app) }));
    let workspace = app.get(&format!("{BASE}/abc")).await.expect(200);
    assert_eq!(workspace["slxGroups"], json!({ "front": { "slxs": ["api"] } }));
    assert!(!app.git(&["show", "main:workspace.yaml"]).contains("web"));
    assert_eq!(app.commits(), 5);
    insta::assert_snapshot!(app.delete(&format!("{V4}/slxs/web")).await.error(404), @r#"slx_not_found: workspace abc has no SLX "web""#);
    app.delete(&format!("{V4}/slxs/abc--api/")).await.expect(200);
    assert!(app.committed().is_empty());
}

#[tokio::test]
async fn a_write_may_name_what_it_begins_from() {
    let app = with_workspace().await;
    let old = format!("\"{}\"", head(&app));
    let bearer = format!("Bearer {ADMIN}");
    let headers = [("authorization", bearer.as_str()), ("if-match", old.as_str())];
    app.with(Method::POST, SLXS, &headers, &slx("web").to_string()).await.expect(201);
    app.with(Method::POST, SLXS, &headers, &slx("api").to_string()).await.error(412);
    app.with(Method::DELETE, &format!("{V4}/slxs/web"), &headers, "").await.error(412);
    assert_eq!(app.commits(), 2);
}

#[tokio::test]
async fn whole_slxs_are_written_at_the_same_time() {
    let app = with_workspace().await;
    let whole = |number: usize| {
        let app = &app;
        async move {
            let made = app.post(SLXS, slx(&format!("slx-{number}"))).await.expect(201);
            let id = made["resourceId"].as_i64().unwrap();
            app.post(RUNBOOKS, runbook(id)).await.expect(201);
            app.post(SLIS, sli(id)).await.expect(201);
            id
        }
    };
    let mut ids = join_all((0..8).map(whole)).await;
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((ids.len(), app.commits(), app.committed().len()), (8, 25, 24));
}

#[tokio::test]
async fn writing_needs_the_role() {
    let app = with_workspace().await;
    let id = app.post(SLXS, slx("web")).await.expect(201)["resourceId"].as_i64().unwrap();
    let permissions = json!([{ "user": "reader@example.com", "role": "readandrunwithassistant" }, { "user": "writer@example.com", "role": "readwrite" }]);
    app.patch(&format!("{BASE}/abc"), json!({ "permissions": permissions })).await.expect(200);
    for (who, expected) in
        [("reader", [403, 403, 403]), ("stranger", [404, 404, 404]), ("writer", [200, 201, 200])]
    {
        let token = app.user(&format!("{who}@example.com")).await;
        let mut changed = slx("web");
        changed["payload"]["alias"] = json!(who);
        let statuses = [
            app.ask(&token, Method::POST, SLXS, changed).await.status.as_u16(),
            app.ask(&token, Method::POST, RUNBOOKS, runbook(id)).await.status.as_u16(),
            app.ask(&token, Method::DELETE, &format!("{V4}/slxs/web"), Value::Null).await.status.as_u16(),
        ];
        assert_eq!(statuses, expected, "{who}");
    }
    assert_eq!(app.git(&["log", "-1", "--format=%ae", "main"]), "writer@example.com\n");
}
