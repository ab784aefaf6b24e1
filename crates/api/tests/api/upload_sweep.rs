//! What uploads leave behind, found and settled by the sweeper.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::future::join_all;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::app::{ADMIN, BASE, TestApp, bundle, sample};
use crate::presigned::{path_of, put};
use crate::upload_jobs::{hold, later, let_go, opened, row};

const SOON: SignedDuration = SignedDuration::from_mins(2);
/// After every URL, with the margin.
const URLS_DEAD: SignedDuration = SignedDuration::from_mins(76);
const OPEN_OUTLIVED: SignedDuration = SignedDuration::from_hours(25);
const FAILED_OUTLIVED: SignedDuration = SignedDuration::from_hours(73);

/// Lists the objects in the store.
fn objects(app: &TestApp) -> Vec<PathBuf> {
    fn walk(directory: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(directory).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "gz" || extension == "sealed") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&uploads(app), &mut found);
    found
}

fn uploads(app: &TestApp) -> PathBuf {
    app.data().join("objects/uploads")
}

/// Puts an object past every door, as a late PUT does in a store that can't close a key.
fn slip_in(app: &TestApp, key: &str) {
    let path = app.data().join("objects").join(key);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, "late").unwrap();
}

/// Puts a bundle, has it taken in, and waits until its object is gone, which is a moment after the answer.
async fn taken_in(app: &TestApp) -> Value {
    let signed = opened(app, "", 1).await;
    app.post(&path_of(&signed, "completeUrl"), Value::Null).await.expect(200);
    until_empty(app).await;
    signed
}

async fn until_empty(app: &TestApp) {
    while !objects(app).is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Puts what is no bundle, and has it refused.
async fn refused(app: &TestApp) -> Value {
    let signed = app.get(&format!("{BASE}/abc/upload")).await.expect(200);
    put(app, &signed, b"not a bundle").await.expect(200);
    app.post(&path_of(&signed, "completeUrl"), Value::Null).await.error(422);
    signed
}

#[tokio::test]
async fn what_was_put_and_never_completed_is_completed() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let signed = opened(&app, "message=swept", 2).await;
    let nothing = app.get(&format!("{BASE}/abc/upload")).await.expect(200);
    // The client has a moment to do so itself.
    app.sweep_after(SignedDuration::ZERO).await;
    assert_eq!(row(&app, &signed).await["status"], "open");
    app.sweep_after(SOON).await;
    let done = app.post(&path_of(&signed, "completeUrl"), Value::Null).await.expect(200);
    assert_eq!(done["summary"]["counts"]["added"], 2);
    assert_eq!(app.git(&["log", "-1", "--format=%s|%an", "main"]).trim(), "swept|admin@example.com");
    assert_eq!(row(&app, &signed).await["completedBy"], "sweeper");
    assert_eq!(row(&app, &nothing).await["status"], "open");
    until_empty(&app).await;
}

#[tokio::test]
async fn what_is_refused_is_not_completed_again() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let signed = refused(&app).await;
    app.sweep_after(SOON).await;
    let failed = row(&app, &signed).await;
    assert_eq!((&failed["status"], &failed["attempts"]), (&json!("failed"), &json!(1)));
    assert_eq!(failed["bundleKept"], true);
    app.sweep_after(OPEN_OUTLIVED).await;
    assert_eq!(objects(&app).len(), 1);
    app.sweep_after(FAILED_OUTLIVED).await;
    assert_eq!(row(&app, &signed).await["bundleKept"], false);
    assert!(objects(&app).is_empty());
    let retry = path_of(&signed, "completeUrl").replace("/complete", "/retry");
    assert!(app.post(&retry, Value::Null).await.error(409).starts_with("bundle_not_kept: "));
}

#[tokio::test]
async fn only_the_newest_refused_bundles_are_kept() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let first = refused(&app).await;
    for _ in 0..20 {
        refused(&app).await;
    }
    // What others are up to does not count.
    let open = opened(&app, "", 1).await;
    assert_eq!(objects(&app).len(), 22);
    app.sweep_after(SignedDuration::ZERO).await;
    assert_eq!(objects(&app).len(), 21);
    assert_eq!(row(&app, &first).await["bundleKept"], false);
    assert_eq!(row(&app, &open).await["status"], "open");
}

#[tokio::test]
async fn objects_of_nobody_go_when_no_url_can_bring_them_back() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let done = taken_in(&app).await;
    // Put again by the URL that still lives: its upload is over.
    slip_in(&app, done["objectKey"].as_str().unwrap());
    app.sweep_after(SOON).await;
    assert!(objects(&app).is_empty());
    let (workspace, _) = done["objectKey"].as_str().unwrap().rsplit_once('/').unwrap();
    slip_in(&app, &format!("{workspace}/unknown.tar.gz"));
    slip_in(&app, "uploads/gone/unknown.tar.gz");
    slip_in(&app, "uploads/gone/Not Ours.tar.gz");
    app.sweep_after(SOON).await;
    assert_eq!(objects(&app).len(), 3);
    app.sweep_after(URLS_DEAD).await;
    // What has another form is somebody else's, for ever.
    assert_eq!(objects(&app), [uploads(&app).join("gone/Not Ours.tar.gz")]);
}

#[tokio::test]
async fn a_store_that_fails_is_swept_later() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let signed = opened(&app, "", 2).await;
    let (uploads, aside) = (uploads(&app), app.data().join("aside"));
    std::fs::rename(&uploads, &aside).unwrap();
    std::fs::write(&uploads, "no directory").unwrap();
    // An inline upload whose worker is gone is settled all the same.
    app.sql(
        "INSERT INTO uploads (id, workspace_id, via, state, email, token_id, options_json, created_at, attempts,
           leased_until)
         SELECT 'lost', id, 'inline', 'running', 'a@b', 't', '{}', 1, 1, 1 FROM workspaces",
    )
    .await;
    app.sweep_after(SOON).await;
    assert_eq!(app.get(&format!("{BASE}/abc/uploads/lost")).await.expect(200)["status"], "failed");
    assert_eq!(row(&app, &signed).await["status"], "open");
    std::fs::remove_file(&uploads).unwrap();
    std::fs::rename(&aside, &uploads).unwrap();
    app.sweep_after(SOON).await;
    app.post(&path_of(&signed, "completeUrl"), Value::Null).await.expect(200);
    assert_eq!(row(&app, &signed).await["completedBy"], "sweeper");
}

#[tokio::test]
async fn a_workspace_is_deleted_though_the_store_fails() {
    let app = TestApp::start().await;
    app.create("abc").await;
    opened(&app, "", 2).await;
    let (broken, aside) = (uploads(&app), app.data().join("aside"));
    std::fs::rename(&broken, &aside).unwrap();
    std::fs::write(&broken, "no directory").unwrap();
    app.delete(&format!("{BASE}/abc")).await.expect(204);
    app.get(&format!("{BASE}/abc")).await.error(404);
    let marked = "SELECT COUNT(*) FROM workspaces WHERE state = 'deleting'";
    assert_eq!(app.count(marked).await, 1);
    assert_eq!(app.count("SELECT COUNT(*) FROM uploads").await, 0);
    // The name is free, and neither a start nor a sweep minds.
    let app = app.restart_after(async |_| {}).await;
    app.create("abc").await;
    assert_eq!(app.commits(), 1);
    app.sweep_after(SOON).await;
    assert_eq!(app.count(marked).await, 1);
    std::fs::remove_file(&broken).unwrap();
    std::fs::rename(&aside, &broken).unwrap();
    assert_eq!(objects(&app).len(), 1);
    app.sweep_after(SOON).await;
    assert_eq!(app.count(marked).await, 0);
    assert!(objects(&app).is_empty());
    app.get(&format!("{BASE}/abc")).await.expect(200);
}

#[tokio::test]
async fn a_creation_that_is_under_way_is_left_alone() {
    let app = TestApp::start().await;
    app.create("abc").await;
    app.sql("UPDATE workspaces SET state = 'creating'").await;
    app.sweep_after(FAILED_OUTLIVED).await;
    app.sql("UPDATE workspaces SET state = 'ready'").await;
    app.get(&format!("{BASE}/abc")).await.expect(200);
    assert_eq!(app.commits(), 1);
}

#[tokio::test]
async fn old_records_go_but_for_the_newest() {
    let app = TestApp::start().await;
    app.create("abc").await;
    app.upload(ADMIN, "abc", &sample("abc", 1), Value::Null).await.expect(200);
    app.sql(
        "INSERT INTO uploads (id, workspace_id, via, state, email, token_id, options_json, created_at, finished_at,
           attempts)
         WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 120)
         SELECT 'old-' || n, w.id, 'inline', 'succeeded', 'a@b', 't', '{}', n, n, 1 FROM number, workspaces w",
    )
    .await;
    app.sweep_after(SignedDuration::ZERO).await;
    let page = app.get(&format!("{BASE}/abc/uploads")).await.expect(200);
    assert_eq!(page["count"], 100);
    app.get(&format!("{BASE}/abc/uploads/old-22")).await.expect(200);
    app.get(&format!("{BASE}/abc/uploads/old-21")).await.error(404);
}

#[tokio::test]
async fn nothing_orphaned_stays() {
    let app = TestApp::start().await;
    for name in ["abc", "gone"] {
        app.create(name).await;
    }
    // One of each: taken in, put again after that, refused, called off, abandoned, put and never completed.
    let done = taken_in(&app).await;
    slip_in(&app, done["objectKey"].as_str().unwrap());
    refused(&app).await;
    let cancelled = opened(&app, "", 2).await;
    app.post(&path_of(&cancelled, "completeUrl").replace("/complete", "/cancel"), Value::Null)
        .await
        .expect(200);
    app.get(&format!("{BASE}/abc/upload")).await.expect(200);
    let forgotten = opened(&app, "", 3).await;
    // Put aside for a request that a crash cut short: nobody knows its conditions any more.
    let inline = opened(&app, "", 4).await;
    app.sql("UPDATE uploads SET via = 'inline' WHERE id = (SELECT MAX(id) FROM uploads)").await;
    // A workspace that goes with its objects, and a PUT that comes after that.
    let signed = app.get(&format!("{BASE}/gone/upload")).await.expect(200);
    put(&app, &signed, &bundle(&sample("gone", 1))).await.expect(200);
    app.delete(&format!("{BASE}/gone")).await.expect(204);
    slip_in(&app, signed["objectKey"].as_str().unwrap());
    assert_eq!(objects(&app).len(), 6);
    // Several sweepers at once do no more than one.
    hold(&app).await;
    join_all((0..3).map(|_| app.sweep_after(SOON))).await;
    assert_eq!(row(&app, &forgotten).await["status"], "queued");
    assert_eq!(row(&app, &inline).await["status"], "open");
    let_go(&app).await;
    app.post(&path_of(&forgotten, "completeUrl"), Value::Null).await.expect(200);
    assert_eq!(app.commits(), 3);
    join_all((0..3).map(|_| app.sweep_after(FAILED_OUTLIVED))).await;
    assert_eq!(objects(&app), Vec::<PathBuf>::new());
    let open =
        "SELECT COUNT(*) FROM uploads WHERE state IN ('open', 'queued', 'running') OR object_key IS NOT NULL";
    assert_eq!(app.count(open).await, 0);
    assert_eq!(app.count("SELECT COUNT(*) FROM workspaces WHERE state <> 'ready'").await, 0);
    assert_eq!(row(&app, &inline).await["status"], "expired");
    later(&app, &path_of(&inline, "completeUrl"), Value::Null).await.error(410);
}
