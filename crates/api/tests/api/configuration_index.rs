//! `workspace-configuration-index` and `sync-status`.

use axum::http::Method;
use serde_json::{Value, json};

use crate::app::{ADMIN, BASE, TestApp, sample};

const INDEX: &str = "/api/v3/workspaces/abc/workspace-configuration-index";

async fn with_two() -> TestApp {
    let app = TestApp::start().await;
    app.create("abc").await;
    for name in ["web", "api"] {
        let payload = json!({ "name": format!("abc--{name}"), "alias": name.to_uppercase(), "additional_context": { "resourcePath": format!("custom/{name}") } });
        let path = "/api/v4/workspaces/abc/slxs/sync-typed";
        app.post(path, json!({ "payload": payload })).await.expect(201);
    }
    let change = json!({
        "slxGroups": { "Front": { "slxs": ["web"], "dependsOn": ["Back"] }, "Back": { "slxs": ["api", "web"] } },
        "slxRelationships": [{ "subject": "web", "verb": "depends-on", "object": "api" }],
    });
    app.patch(&format!("{BASE}/abc"), change).await.expect(200);
    app
}

#[tokio::test]
async fn the_index_has_everything() {
    let app = with_two().await;
    let answer = app.get(INDEX).await;
    let head = app.git(&["rev-parse", "main"]).trim().to_owned();
    let tag = answer.header("etag").to_owned();
    assert_eq!(tag, format!("\"{head}\""));
    let index = answer.expect(200);
    assert_eq!(index["revision"], head.as_str());
    insta::assert_json_snapshot!(index, {".revision" => "[commit]"}, @r#"
    {
      "revision": "[commit]",
      "workspace": "abc",
      "counts": {
        "slxs": 2,
        "runbooks": 0,
        "slis": 0,
        "slos": 0,
        "workflows": 0,
        "groups": 2,
        "relationships": 1
      },
      "slxs": [
        {
          "name": "abc--api",
          "shortName": "api",
          "alias": "API",
          "kinds": [
            "slx"
          ],
          "hasRunbook": false,
          "hasSli": false,
          "hasSlo": false,
          "hasWorkflow": false,
          "groups": [
            "Back"
          ],
          "resourcePath": "custom/api"
        },
        {
          "name": "abc--web",
          "shortName": "web",
          "alias": "WEB",
          "kinds": [
            "slx"
          ],
          "hasRunbook": false,
          "hasSli": false,
          "hasSlo": false,
          "hasWorkflow": false,
          "groups": [
            "Front",
            "Back"
          ],
          "resourcePath": "custom/web"
        }
      ],
      "groups": [
        {
          "name": "Front",
          "slxs": [
            "web"
          ],
          "dependsOn": [
            "Back"
          ]
        },
        {
          "name": "Back",
          "slxs": [
            "api",
            "web"
          ],
          "dependsOn": []
        }
      ],
      "relationships": [
        {
          "subject": "web",
          "verb": "depends-on",
          "object": "api"
        }
      ]
    }
    "#);
    let bearer = format!("Bearer {ADMIN}");
    let headers = [("authorization", bearer.as_str()), ("if-none-match", tag.as_str())];
    assert_eq!(app.with(Method::GET, INDEX, &headers, "").await.status, 304);
    app.delete("/api/v4/workspaces/abc/slxs/web").await.expect(200);
    let after = app.with(Method::GET, INDEX, &headers, "").await.expect(200);
    assert_eq!((&after["counts"]["slxs"], &after["counts"]["groups"]), (&json!(1), &json!(1)));
    assert_eq!(app.get(&format!("{INDEX}?ref={head}")).await.expect(200), index);
}

#[tokio::test]
async fn the_status_lists_what_is_in_force() {
    let app = with_two().await;
    let head = app.git(&["rev-parse", "main"]).trim().to_owned();
    let status = app.get(&format!("{BASE}/abc/sync-status")).await.expect(200);
    let text = serde_json::to_string_pretty(&status).unwrap().replace(&head, "[commit]");
    let since = status["status"]["conditions"][0]["lastTransitionTime"].as_str().unwrap();
    assert_eq!(since.len(), "2026-01-01T00:00:00Z".len());
    insta::assert_snapshot!(text.replace(since, "[time]"), @r#"
    {
      "status": {
        "conditions": [
          {
            "type": "Ready",
            "status": "True",
            "reason": "ReconciliationSucceeded",
            "message": "Applied revision: main/[commit]",
            "lastTransitionTime": "[time]"
          }
        ],
        "inventory": {
          "entries": [
            {
              "id": "abc_abc--api_runwhen.com_ServiceLevelX",
              "v": "v1"
            },
            {
              "id": "abc_abc--web_runwhen.com_ServiceLevelX",
              "v": "v1"
            }
          ]
        },
        "lastAppliedRevision": "[commit]"
      }
    }
    "#);
}

#[tokio::test]
async fn a_large_workspace_is_listed_whole() {
    let app = TestApp::start().await;
    app.create("abc").await;
    app.upload(ADMIN, "abc", &sample("abc", 120), Value::Null).await.expect(200);
    let index = app.get(INDEX).await.expect(200);
    let status = app.get(&format!("{BASE}/abc/sync-status")).await.expect(200);
    assert_eq!(index["slxs"].as_array().unwrap().len(), 120);
    assert_eq!(index["counts"]["slxs"], 120);
    assert_eq!(status["status"]["inventory"]["entries"].as_array().unwrap().len(), 120);
}

#[tokio::test]
async fn readers_read_and_strangers_see_nothing() {
    let app = with_two().await;
    let permissions = json!([{ "user": "reader@example.com", "role": "readonly" }]);
    app.patch(&format!("{BASE}/abc"), json!({ "permissions": permissions })).await.expect(200);
    let (reader, stranger) = (app.user("reader@example.com").await, app.user("stranger@example.com").await);
    for path in [INDEX.to_owned(), format!("{BASE}/abc/sync-status")] {
        app.ask(&reader, Method::GET, &path, Value::Null).await.expect(200);
        app.ask(&stranger, Method::GET, &path, Value::Null).await.error(404);
    }
}
