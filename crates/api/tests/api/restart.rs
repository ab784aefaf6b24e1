//! What a crash cut short is settled at the next start.

use serde_json::{Value, json};

use crate::app::{ADMIN, BASE, TestApp, sample};

async fn run(database: &sqlx::SqlitePool, sql: &'static str) {
    sqlx::query(sql).execute(database).await.unwrap();
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let uploaded = app.upload(ADMIN, "abc", &sample("abc", 2), Value::Null).await.expect(200);
    let before = app.get(&format!("{BASE}/abc")).await.expect(200);
    let app = app.restart_after(async |_| {}).await;
    assert_eq!(app.get(&format!("{BASE}/abc")).await.expect(200), before);
    let status = format!("{BASE}/upload-status/{}", uploaded["task_id"].as_str().unwrap());
    assert_eq!(app.get(&status).await.expect(200)["result"], uploaded);
}

#[tokio::test]
async fn a_creation_cut_short_leaves_the_name_free() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let app = app
        .restart_after(async |database| run(database, "UPDATE workspaces SET state = 'creating'").await)
        .await;
    app.get(&format!("{BASE}/abc")).await.error(404);
    app.create("abc").await;
    assert_eq!(app.commits(), 1);
}

#[tokio::test]
async fn a_deletion_cut_short_is_finished() {
    let app = TestApp::start().await;
    app.create("abc").await;
    app.upload(ADMIN, "abc", &sample("abc", 2), Value::Null).await.expect(200);
    let app = app
        .restart_after(async |database| {
            run(database, "UPDATE workspaces SET state = 'deleting', deleted_at = 1").await;
        })
        .await;
    app.create("abc").await;
    // Only the new repository is there.
    assert_eq!(app.commits(), 1);
    assert_eq!(app.get(&format!("{BASE}/abc/uploads")).await.expect(200)["count"], 0);
}

#[tokio::test]
async fn an_upload_cut_short_is_reported() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let uploaded = app.upload(ADMIN, "abc", &sample("abc", 2), Value::Null).await.expect(200);
    let open = app.get(&format!("{BASE}/abc/upload")).await.expect(200);
    let app =
        app.restart_after(async |database| run(database, "UPDATE uploads SET state = 'running'").await).await;
    let status = format!("{BASE}/upload-status/{}", uploaded["task_id"].as_str().unwrap());
    let status = app.get(&status).await.expect(200);
    assert_eq!(status["status"], "FAILURE");
    assert!(status["error"].as_str().unwrap().starts_with("the server stopped during this upload"));
    // The presigned one can be completed again.
    let complete = open["completeUrl"].as_str().unwrap().strip_prefix("https://ws.example").unwrap();
    app.post(complete, Value::Null).await.error(409);
}

#[tokio::test]
async fn a_list_that_fell_behind_catches_up() {
    let app = TestApp::start().await;
    app.create("abc").await;
    app.patch(&format!("{BASE}/abc"), json!({ "displayName": "X" })).await.expect(200);
    let app = app
        .restart_after(async |database| {
            run(database, "UPDATE workspaces SET revision = NULL, display_name = NULL").await;
        })
        .await;
    assert_eq!(app.get(BASE).await.expect(200)["results"][0]["displayName"], "X");
}

#[tokio::test]
async fn one_broken_repository_does_not_keep_the_server_down() {
    let app = TestApp::start().await;
    app.create("abc").await;
    std::fs::remove_dir_all(app.repository().join("objects")).unwrap();
    let app = app.restart_after(async |_| {}).await;
    app.create("other").await;
    let error = app.get(&format!("{BASE}/abc")).await.error(500);
    insta::assert_snapshot!(error, @"internal_error: the server failed to answer; its log has the cause under this request's id");
    app.get(&format!("{BASE}/other")).await.expect(200);
}

#[tokio::test]
async fn one_broken_row_does_not_keep_the_server_down() {
    let app = TestApp::start().await;
    app.create("abc").await;
    app.create("other").await;
    let app = app
        .restart_after(async |database| {
            run(database, "UPDATE workspaces SET locations_json = '[' WHERE name = 'abc'").await;
        })
        .await;
    app.get(&format!("{BASE}/abc")).await.error(500);
    app.get(&format!("{BASE}/other")).await.expect(200);
    assert_eq!(app.get(BASE).await.expect(200)["results"][0]["name"], "other");
}
