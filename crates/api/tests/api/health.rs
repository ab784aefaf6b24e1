//! `/workspaces/{workspace}/health`, with things that are really broken.

mod damage;

use std::time::{Duration, Instant};

use axum::http::Method;
use futures_util::future::join_all;
use serde_json::{Value, json};
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use crate::app::{ADMIN, Answer, BASE, TestApp, sample};
use crate::conforms::assert_conforms;

const PATH: &str = "/api/v3/workspaces/{workspace}/health";

async fn start() -> TestApp {
    let app = TestApp::start().await;
    app.create("abc").await;
    app
}

async fn ask(app: &TestApp, query: &str) -> Answer {
    let answer = app.get(&format!("{BASE}/abc/health{query}")).await;
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    assert_conforms(app, PATH, &answer).await;
    answer
}

async fn health(app: &TestApp) -> Value {
    ask(app, "").await.json()
}

fn statuses(health: &Value) -> Value {
    let checks = health["checks"].as_object().unwrap();
    let mut all = json!({ "status": health["status"] });
    for (name, check) in checks.iter().filter(|(_, check)| check["status"] != "healthy") {
        all[name] = json!([check["status"], check["message"]]);
    }
    all
}

#[tokio::test]
async fn a_new_workspace_is_healthy() {
    let app = start().await;
    let answer = ask(&app, "").await;
    assert_eq!(answer.header("cache-control"), "no-store");
    insta::assert_json_snapshot!(answer.json(), {".conditions[].lastTransitionTime" => "[time]"}, @r#"
    {
      "status": "healthy",
      "checks": {
        "repository": {
          "status": "healthy",
          "message": null
        },
        "configuration": {
          "status": "healthy",
          "message": null
        },
        "database": {
          "status": "healthy",
          "message": null
        },
        "objectStore": {
          "status": "healthy",
          "message": null
        }
      },
      "conditions": [
        {
          "type": "Ready",
          "status": "True",
          "reason": "Read",
          "message": "workspace.yaml was read",
          "lastTransitionTime": "[time]"
        }
      ]
    }
    "#);
}

#[tokio::test]
async fn details_and_figures_are_added_when_asked_for() {
    let app = start().await;
    app.upload(ADMIN, "abc", &sample("abc", 6), Value::Null).await.expect(200);
    app.upload(ADMIN, "abc", &crate::app::Files::new(), Value::Null).await.error(422);
    app.get(&format!("{BASE}/abc/upload")).await.expect(200);
    let plain = health(&app).await;
    assert!(plain.get("details").is_none() && plain.get("metrics").is_none());
    let full = ask(&app, "?include_details=true&include_metrics=true").await.json();
    insta::assert_json_snapshot!(full["details"], {".*.latencyMs" => "[ms]"}, @r#"
    {
      "repository": {
        "status": "healthy",
        "latencyMs": "[ms]",
        "lastError": null
      },
      "database": {
        "status": "healthy",
        "latencyMs": "[ms]",
        "lastError": null
      },
      "objectStore": {
        "status": "healthy",
        "latencyMs": "[ms]",
        "lastError": null
      }
    }
    "#);
    insta::assert_json_snapshot!(full["metrics"], {".repositoryBytes" => "[bytes]", ".lastDurations.inlineUploadMs" => "[ms]"}, @r#"
    {
      "commits": 2,
      "slxs": {
        "slx": 6,
        "sli": 6,
        "slo": 0,
        "runbook": 6,
        "workflow": 0
      },
      "repositoryBytes": "[bytes]",
      "repositoryMaxBytes": 2147483648,
      "uploads": {
        "open": 1,
        "running": 0,
        "succeeded": 1,
        "failed": 1,
        "expired": 0
      },
      "lastDurations": {
        "inlineUploadMs": "[ms]",
        "presignedUploadMs": null
      }
    }
    "#);
    for name in ["repository", "database", "objectStore"] {
        assert!(full["details"][name]["latencyMs"].as_f64().unwrap() > 0.0);
    }
    assert!(full["metrics"]["repositoryBytes"].as_u64().unwrap() > 1000);
    assert!(full["metrics"]["lastDurations"]["inlineUploadMs"].as_f64().unwrap() > 0.0);
    let commits = |health: &Value| health["metrics"]["commits"].clone();
    assert_eq!(commits(&full), app.commits());
    app.patch(&format!("{BASE}/abc"), json!({ "displayName": "Other" })).await.expect(200);
    assert_eq!(
        commits(&ask(&app, "?include_metrics=1").await.json()),
        app.commits(),
        "counted on from before"
    );
    let refused = app.get(&format!("{BASE}/abc/health?include_metrics=maybe")).await.error(400);
    assert!(refused.starts_with("invalid_parameter"), "{refused}");
}

#[tokio::test]
async fn a_token_that_soon_expires_is_told_of_and_changes_no_status() {
    let app = start().await;
    app.get(&format!("{BASE}/abc/upload-config?hours=1&location=near")).await.expect(200);
    let health = health(&app).await;
    assert_eq!(health["status"], "healthy");
    let condition = &health["conditions"][1];
    assert_eq!(
        (&condition["type"], &condition["reason"]),
        (&json!("UploadTokenExpiring"), &json!("ExpiresSoon"))
    );
}

#[tokio::test]
async fn a_workspace_file_that_cannot_be_read_degrades() {
    let app = start().await;
    let blob = app.git(&["rev-parse", "main:README.md"]);
    app.git(&["update-ref", "refs/heads/keep", "main"]);
    app.git(&["read-tree", "--empty"]);
    app.git(&["update-index", "--add", "--cacheinfo", &format!("100644,{},README.md", blob.trim())]);
    let tree = app.git(&["write-tree"]);
    let commit = app.git(&[
        "-c",
        "user.name=g",
        "-c",
        "user.email=g@example.com",
        "commit-tree",
        "-m",
        "No workspace.yaml",
        tree.trim(),
    ]);
    app.git(&["update-ref", "refs/heads/main", commit.trim()]);
    let app = app.restart_after(async |_| {}).await;
    let health = health(&app).await;
    insta::assert_json_snapshot!(statuses(&health), @r#"
    {
      "status": "degraded",
      "configuration": [
        "degraded",
        "workspace.yaml is missing or can't be read; repair it by a push"
      ]
    }
    "#);
    assert_eq!(health["conditions"][0]["reason"], "Unreadable");
    assert_eq!(app.get(&format!("{BASE}/abc/status")).await.expect(200)["state"], "unreadable");
}

#[tokio::test]
async fn a_lost_object_store_degrades_until_it_is_back() {
    let app = start().await;
    let objects = app.data().join("objects");
    std::fs::remove_dir_all(&objects).unwrap();
    insta::assert_json_snapshot!(statuses(&health(&app).await), @r#"
    {
      "status": "degraded",
      "objectStore": [
        "degraded",
        "the object store takes no uploads; the server's log has the cause"
      ]
    }
    "#);
    assert!(!objects.exists(), "looking at it makes nothing");
    std::fs::create_dir(&objects).unwrap();
    assert_eq!(health(&app).await["status"], "healthy");
}

#[tokio::test]
async fn a_locked_database_degrades_and_hangs_nothing() {
    let app = start().await;
    health(&app).await;
    let options = SqliteConnectOptions::new().filename(app.data().join("workstead.db"));
    let mut other = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let begin = Instant::now();
    let path = format!("{BASE}/abc/health?include_details=true&include_metrics=true");
    let asked = join_all((0..6).map(|_| app.get(&path))).await;
    assert!(begin.elapsed() < Duration::from_secs(8), "none waits for the lock: {:?}", begin.elapsed());
    for answer in asked {
        let health = answer.expect(200);
        insta::allow_duplicates! {
            insta::assert_json_snapshot!(statuses(&health), @r#"
            {
              "status": "degraded",
              "database": [
                "degraded",
                "the database can be read, but was locked against writing for 2 seconds"
              ]
            }
            "#);
        }
        assert_eq!(health["metrics"]["commits"], 1, "the rest is answered");
    }
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    assert_eq!(health(&app).await["status"], "healthy");
}

#[tokio::test]
async fn a_database_without_its_tables_is_unhealthy() {
    let app = start().await;
    health(&app).await;
    app.sql("ALTER TABLE workspaces RENAME TO lost").await;
    let answer = app.get(&format!("{BASE}/abc/health?include_metrics=true")).await.expect(200);
    insta::assert_json_snapshot!(statuses(&answer), @r#"
    {
      "status": "unhealthy",
      "database": [
        "unhealthy",
        "the database can't be read; the server's log has the cause"
      ]
    }
    "#);
}

/// Asks as an owner, a reader, a stranger, and with an upload token.
async fn statuses_by_caller(app: &TestApp, scoped: &str) -> [u16; 4] {
    let mut found = [0; 4];
    let (owner, reader, stranger) =
        (app.user("o@example.com").await, app.user("r@example.com").await, app.user("s@example.com").await);
    for (found, token) in found.iter_mut().zip([&*owner, &*reader, &*stranger, scoped]) {
        let answer = app.ask(token, Method::GET, &format!("{BASE}/abc/health"), Value::Null).await;
        *found = answer.status.as_u16();
    }
    found
}

async fn owned() -> (TestApp, String) {
    let app = TestApp::start().await;
    let permissions = json!([{ "user": "r@example.com", "role": "readonly" }]);
    let body = json!({ "name": "abc", "owner": "o@example.com", "permissions": permissions });
    app.post(BASE, body).await.expect(201);
    let config = app.get(&format!("{BASE}/abc/upload-config")).await.expect(200);
    (app, config["token"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn health_is_for_readers() {
    let (app, scoped) = owned().await;
    assert_eq!(statuses_by_caller(&app, &scoped).await, [200, 200, 404, 403]);
    assert_eq!(app.get(&format!("{BASE}/other/health")).await.status, 404);
}

#[tokio::test]
async fn health_of_a_damaged_workspace_is_for_its_owner_and_staff() {
    let (app, scoped) = owned().await;
    let repository = app.repository();
    let app = app.restart_after(async |_| std::fs::remove_dir_all(&repository).unwrap()).await;
    // Without the head nobody else has a role.
    assert_eq!(statuses_by_caller(&app, &scoped).await, [200, 404, 404, 404]);
    assert_eq!(health(&app).await["status"], "unhealthy");
}

#[tokio::test]
async fn a_workspace_that_is_being_deleted_is_not_there() {
    let app = start().await;
    health(&app).await;
    app.delete_underneath().await;
    assert_eq!(app.get(&format!("{BASE}/abc/health")).await.status, 404);
}
