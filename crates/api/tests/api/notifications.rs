//! Notifications of the bucket: hints that a bundle is there, and no more.

use axum::http::Method;
use futures_util::future::{join, join_all};
use serde_json::{Value, json};

use crate::app::{BASE, TestApp, bundle, sample};
use crate::presigned::{path_of, put};
use crate::upload_jobs::{hold, later, let_go, opened, row};

const PATH: &str = "/api/v3/uploads/notifications";
const SECRET: &str = "the-secret-of-the-bucket-0123456789";

async fn start() -> TestApp {
    let app = TestApp::start_with(&[("WORKSTEAD_UPLOAD_NOTIFY_SECRET", SECRET)]).await;
    app.create("abc").await;
    app
}

/// What the webhook says of an object.
fn event(name: &str, bucket: &str, key: &str) -> Value {
    let key = key.replace('/', "%2F");
    json!({ "eventName": name, "s3": { "bucket": { "name": bucket }, "object": { "key": key, "size": 1 } } })
}

fn put_event(signed: &Value) -> Value {
    json!({ "Records": [event("s3:ObjectCreated:Put", "local", signed["objectKey"].as_str().unwrap())] })
}

/// Notifies and returns how many uploads were taken, and how many events ignored.
async fn notify(app: &TestApp, message: &Value) -> (u64, u64) {
    let bearer = format!("Bearer {SECRET}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let answer = app.with(Method::POST, PATH, &headers, &message.to_string()).await.expect(200);
    (answer["taken"].as_u64().unwrap(), answer["ignored"].as_u64().unwrap())
}

#[tokio::test]
async fn only_who_has_the_secret_may_notify() {
    let app = TestApp::start().await;
    insta::assert_snapshot!(app.post(PATH, json!({})).await.error(404), @"notifications_off: this server takes no notifications; set WORKSTEAD_UPLOAD_NOTIFY_SECRET on both sides");
    let app = start().await;
    // Not even the admin.
    insta::assert_snapshot!(app.post(PATH, json!({})).await.error(401), @"wrong_secret: the notification does not carry the secret of WORKSTEAD_UPLOAD_NOTIFY_SECRET as `Authorization: Bearer`");
    app.with(Method::POST, PATH, &[], "{}").await.error(401);
    app.ask(&SECRET[1..], Method::POST, PATH, json!({})).await.error(401);
    assert_eq!(notify(&app, &json!({})).await, (0, 1));
    assert_eq!(notify(&app, &json!({ "Event": "s3:TestEvent", "Bucket": "local" })).await, (0, 1));
    let large = json!({ "x": "x".repeat(1 << 20) });
    insta::assert_snapshot!(app.ask(SECRET, Method::POST, PATH, large).await.error(413), @"too_large: the notification has more than 1048576 bytes; send fewer events at once");
    app.ask(SECRET, Method::POST, PATH, json!([])).await.error(422);
}

#[tokio::test]
async fn a_notification_completes_an_upload_for_its_maker() {
    let app = start().await;
    let maker = app.user("maker@example.com").await;
    let permissions = json!([{ "user": "maker@example.com", "role": "readwrite" }]);
    app.patch(&format!("{BASE}/abc"), json!({ "permissions": permissions })).await.expect(200);
    let signed = app.ask(&maker, Method::GET, &format!("{BASE}/abc/upload?message=hello"), Value::Null).await;
    let signed = signed.expect(200);
    put(&app, &signed, &bundle(&sample("abc", 3))).await.expect(200);
    assert_eq!(notify(&app, &put_event(&signed)).await, (1, 0));
    // The client's own completion comes late, and is told what came of it.
    let done = app.post(&path_of(&signed, "completeUrl"), Value::Null).await.expect(200);
    assert_eq!(done["summary"]["counts"]["added"], 3);
    let author = app.git(&["log", "-1", "--format=%s|%an", "main"]);
    assert_eq!(author.trim(), "hello|maker@example.com");
    assert_eq!(row(&app, &signed).await["completedBy"], "notification");
    // Twice, late, and after the end.
    assert_eq!(notify(&app, &put_event(&signed)).await, (0, 1));
    assert_eq!(app.commits(), 3);
}

#[tokio::test]
async fn client_and_notification_may_come_in_any_order() {
    let app = start().await;
    // Too early: nothing was put yet, so it is open again.
    let signed = app.get(&format!("{BASE}/abc/upload")).await.expect(200);
    let complete = path_of(&signed, "completeUrl");
    assert_eq!(notify(&app, &put_event(&signed)).await, (1, 0));
    app.post(&complete, Value::Null).await.error(409);
    put(&app, &signed, &bundle(&sample("abc", 1))).await.expect(200);
    let done = app.post(&complete, Value::Null).await.expect(200);
    assert_eq!(row(&app, &signed).await["completedBy"], "client");
    assert_eq!(notify(&app, &put_event(&signed)).await, (0, 1));
    assert_eq!(app.post(&complete, Value::Null).await.expect(200), done);
    // While it waits, and many at once.
    let signed = opened(&app, "", 2).await;
    let complete = path_of(&signed, "completeUrl");
    hold(&app).await;
    later(&app, &complete, Value::Null).await.expect(202);
    assert_eq!(notify(&app, &put_event(&signed)).await, (0, 1));
    let_go(&app).await;
    app.post(&complete, Value::Null).await.expect(200);
    let signed = opened(&app, "", 3).await;
    let complete = path_of(&signed, "completeUrl");
    let message = put_event(&signed);
    let (noted, done) =
        join(join_all((0..4).map(|_| notify(&app, &message))), app.post(&complete, Value::Null)).await;
    done.expect(200);
    assert!(noted.iter().map(|(taken, _)| taken).sum::<u64>() <= 1, "{noted:?}");
    assert_eq!(app.commits(), 4);
}

#[tokio::test]
async fn a_notification_of_anything_else_changes_nothing() {
    let app = start().await;
    let signed = opened(&app, "", 1).await;
    let key = signed["objectKey"].as_str().unwrap();
    let (workspace, upload) = key.strip_prefix("uploads/").unwrap().split_once('/').unwrap();
    let created = "s3:ObjectCreated:Put";
    let records = [
        event(created, "other", key),
        event("s3:ObjectRemoved:Delete", "local", key),
        event(created, "local", &format!("uploads/{workspace}/unknown.tar.gz")),
        event(created, "local", &format!("uploads/elsewhere/{upload}")),
        event(created, "local", "backup/notes.txt"),
        json!("nonsense"),
    ];
    assert_eq!(notify(&app, &json!({ "Records": records })).await, (0, 6));
    // More than are read at once, which the sweeper finds.
    let mut many = vec![event(created, "local", "uploads/w/u.tar.gz"); 1000];
    many.push(event(created, "local", key));
    assert_eq!(notify(&app, &json!({ "Records": many })).await, (0, 1001));
    assert_eq!(row(&app, &signed).await["status"], "open");
    // What a request puts aside is completed by that request, with its conditions.
    app.sql("UPDATE uploads SET via = 'inline'").await;
    assert_eq!(notify(&app, &put_event(&signed)).await, (0, 1));
    app.sql("UPDATE uploads SET via = 'presigned'").await;
    app.post(&path_of(&signed, "completeUrl").replace("/complete", "/cancel"), Value::Null).await.expect(200);
    assert_eq!(notify(&app, &put_event(&signed)).await, (0, 1));
    app.delete(&format!("{BASE}/abc")).await.expect(204);
    assert_eq!(notify(&app, &put_event(&signed)).await, (0, 1));
}

#[tokio::test]
async fn a_notification_comes_again_when_the_database_fails() {
    let app = start().await;
    let signed = opened(&app, "", 1).await;
    app.sql("ALTER TABLE uploads RENAME TO away").await;
    let failed = app.ask(SECRET, Method::POST, PATH, put_event(&signed)).await;
    assert_eq!(failed.header("retry-after"), "5");
    insta::assert_snapshot!(failed.error(503), @"database_down: the database does not answer; send it again");
    app.sql("ALTER TABLE away RENAME TO uploads").await;
    assert_eq!(notify(&app, &put_event(&signed)).await, (1, 0));
}
