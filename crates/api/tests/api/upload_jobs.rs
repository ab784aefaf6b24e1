//! Uploads as jobs: queued, taken over, tried again, called off.

use axum::http::Method;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::app::{ADMIN, Answer, BASE, TestApp, bundle, sample};
use crate::presigned::{path_of, put};

/// Signs, puts, and returns what was signed.
pub(crate) async fn opened(app: &TestApp, query: &str, slxs: usize) -> Value {
    let signed = app.get(&format!("{BASE}/abc/upload?{query}")).await.expect(200);
    put(app, &signed, &bundle(&sample("abc", slxs))).await.expect(200);
    signed
}

pub(crate) async fn later(app: &TestApp, path: &str, body: Value) -> Answer {
    let bearer = format!("Bearer {ADMIN}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("prefer", "wait=1, respond-async"),
        ("content-type", "application/json"),
    ];
    app.with(Method::POST, path, &headers, &body.to_string()).await
}

async fn status(app: &TestApp, signed: &Value) -> Value {
    app.get(&path_of(signed, "statusUrl")).await.expect(200)
}

pub(crate) async fn row(app: &TestApp, signed: &Value) -> Value {
    app.get(&format!("{BASE}/abc/uploads/{}", signed["uploadId"].as_str().unwrap())).await.expect(200)
}

/// Keeps the uploads of the workspace waiting: as if another process worked on one before them.
pub(crate) async fn hold(app: &TestApp) {
    app.sql(
        "INSERT INTO uploads (id, workspace_id, via, state, email, token_id, options_json, created_at, queued_at,
           attempts, leased_until)
         SELECT 'held', id, 'inline', 'running', 'a@b', 't', '{}', 1, 1, 1, 9000000000000000 FROM workspaces",
    )
    .await;
}

pub(crate) async fn let_go(app: &TestApp) {
    app.sql("DELETE FROM uploads WHERE id = 'held'").await;
}

#[tokio::test]
async fn who_does_not_wait_asks_later() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let signed = app.get(&format!("{BASE}/abc/upload")).await.expect(200);
    let complete = path_of(&signed, "completeUrl");
    let early = later(&app, &complete, Value::Null).await.error(409);
    assert!(early.starts_with("nothing_uploaded: "), "{early}");
    put(&app, &signed, &bundle(&sample("abc", 2))).await.expect(200);
    hold(&app).await;
    let answer = later(&app, &complete, Value::Null).await;
    assert_eq!(answer.header("preference-applied"), "respond-async");
    let accepted = answer.expect(202);
    assert_eq!(accepted["task_id"], signed["uploadId"]);
    assert_eq!(accepted["statusUrl"], signed["statusUrl"]);
    assert_eq!(status(&app, &signed).await["status"], "PENDING");
    assert_eq!(row(&app, &signed).await["status"], "queued");
    let_go(&app).await;
    // Whoever waits is told what comes of it.
    let done = app.post(&complete, Value::Null).await.expect(200);
    let status = status(&app, &signed).await;
    assert_eq!((&status["status"], &status["result"]), (&json!("SUCCESS"), &done));
    // What is done is answered at once, also to who would not wait.
    assert_eq!(later(&app, &complete, Value::Null).await.expect(200), done);
    let row = row(&app, &signed).await;
    assert_eq!((&row["completedBy"], &row["attempts"]), (&json!("client"), &json!(1)));
    assert_eq!(row["bundleKept"], false);
}

#[tokio::test]
async fn an_inline_bundle_can_be_put_aside() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let path = format!("{BASE}/abc/upload");
    let body = json!({ "output": STANDARD.encode(bundle(&sample("abc", 3))), "message": "aside" });
    let accepted = later(&app, &path, body).await.expect(202);
    let id = accepted["task_id"].as_str().unwrap();
    let done = app.post(&format!("{BASE}/abc/uploads/{id}/complete"), Value::Null).await.expect(200);
    assert_eq!((&done["task_id"], &done["summary"]["counts"]["added"]), (&json!(id), &json!(3)));
    assert_eq!(app.git(&["log", "-1", "--format=%s|%an", "main"]).trim(), "aside|admin@example.com");
    let bad = later(&app, &path, json!({ "output": "AAA*" })).await.error(422);
    assert!(bad.starts_with("bad_base64: "), "{bad}");
    // What can't be taken is found out by its worker, and said to whoever asks.
    let accepted = later(&app, &path, json!({ "output": STANDARD.encode("not a bundle") })).await.expect(202);
    let complete = format!("{BASE}/abc/uploads/{}/complete", accepted["task_id"].as_str().unwrap());
    let refused = app.post(&complete, Value::Null).await.error(422);
    assert!(refused.starts_with("bundle_not_gzip: "), "{refused}");
}

#[tokio::test]
async fn uploads_of_a_workspace_keep_their_order() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let mut all = Vec::new();
    for count in 1..=6 {
        all.push(opened(&app, &format!("message=number{count}"), count).await);
    }
    hold(&app).await;
    // Queued in another order than opened.
    for index in [3, 0, 5, 1, 4, 2] {
        later(&app, &path_of(&all[index], "completeUrl"), Value::Null).await.expect(202);
    }
    let_go(&app).await;
    app.post(&path_of(&all[2], "completeUrl"), Value::Null).await.expect(200);
    let log = app.git(&["log", "--reverse", "--format=%s", "main"]);
    // What holds less than the branch commits nothing, except that it was seen: only growth shows.
    assert_eq!(log.lines().skip(1).collect::<Vec<_>>(), ["number4", "number6"]);
    for signed in &all {
        assert_eq!(status(&app, signed).await["status"], "SUCCESS");
    }
}

#[tokio::test]
async fn what_fails_for_a_passing_reason_is_tried_again() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let signed = opened(&app, "", 2).await;
    let object = app.data().join("objects").join(signed["objectKey"].as_str().unwrap());
    // A directory in the object's place fails to be read.
    let aside = app.data().join("aside");
    std::fs::rename(&object, &aside).unwrap();
    std::fs::create_dir(&object).unwrap();
    let complete = path_of(&signed, "completeUrl");
    let answer = app.post(&complete, Value::Null).await;
    assert_eq!(answer.header("retry-after"), "5");
    insta::assert_snapshot!(answer.error(503), @"store_down: the object store does not answer; try again; the server tries again by itself; a POST here tries at once");
    let waiting = row(&app, &signed).await;
    assert_eq!((&waiting["status"], &waiting["attempts"]), (&json!("queued"), &json!(1)));
    assert!(waiting["nextAttemptAt"].is_string() && waiting["finishedAt"].is_null(), "{waiting}");
    let pending = status(&app, &signed).await;
    assert_eq!(pending["status"], "PENDING");
    assert!(pending["error"].as_str().unwrap().starts_with("the object store does not answer"), "{pending}");
    app.post(&complete, Value::Null).await.error(503);
    let sealed = object.with_file_name(format!("{}.sealed", signed["uploadId"].as_str().unwrap()));
    std::fs::remove_dir(&sealed).unwrap();
    std::fs::rename(&aside, &sealed).unwrap();
    app.post(&complete, Value::Null).await.expect(200);
    assert_eq!(row(&app, &signed).await["attempts"], 3);
}

#[tokio::test]
async fn a_job_whose_worker_is_gone_is_taken_over() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let signed = opened(&app, "", 2).await;
    app.sql(
        "UPDATE uploads SET state = 'running', lease_owner = 'gone', leased_until = 1, queued_at = 1, attempts = 1",
    )
    .await;
    app.post(&path_of(&signed, "completeUrl"), Value::Null).await.expect(200);
    assert_eq!(row(&app, &signed).await["attempts"], 2);
    assert_eq!(app.commits(), 2);
}

/// Has an upload merged, and leaves its row as a crash does that comes before what came of it is recorded.
async fn merged_but_not_recorded(app: &TestApp, query: &str) -> (Value, Value) {
    let signed = opened(app, query, 2).await;
    let object = app.data().join("objects").join(signed["objectKey"].as_str().unwrap());
    let kept = std::fs::read(&object).unwrap();
    let done = app.post(&path_of(&signed, "completeUrl"), Value::Null).await.expect(200);
    let directory = object.parent().unwrap();
    let id = signed["uploadId"].as_str().unwrap();
    while !directory.join(format!("{id}.closed")).exists() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    std::fs::remove_file(directory.join(format!("{id}.closed"))).unwrap();
    std::fs::write(&object, kept).unwrap();
    app.sql(
        "UPDATE uploads SET state = 'running', lease_owner = 'gone', leased_until = 1,
           object_key = 'uploads/' || workspace_id || '/' || id || '.tar.gz'",
    )
    .await;
    (signed, done)
}

#[tokio::test]
async fn what_was_committed_is_not_merged_again_over_what_came_after() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let (signed, done) = merged_but_not_recorded(&app, "mergeMode=keepuploaded").await;
    // Somebody goes on from there before another worker takes it over.
    app.patch(&format!("{BASE}/abc"), json!({ "displayName": "By hand" })).await.expect(200);
    let commits = app.commits();
    let again = app.post(&path_of(&signed, "completeUrl"), Value::Null).await.expect(200);
    assert_eq!(again, done);
    assert_eq!(app.commits(), commits);
}

#[tokio::test]
async fn a_job_that_takes_its_worker_along_fails_in_the_end() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let signed = opened(&app, "", 2).await;
    app.sql(
        "UPDATE uploads SET state = 'running', lease_owner = 'gone', leased_until = 1, queued_at = 1, attempts = 8",
    )
    .await;
    let complete = path_of(&signed, "completeUrl");
    insta::assert_snapshot!(app.post(&complete, Value::Null).await.error(503), @"upload_stuck: the server stopped during each of 8 attempts to take in this upload");
    assert_eq!(status(&app, &signed).await["status"], "FAILURE");
    assert_eq!(row(&app, &signed).await["bundleKept"], true);
    app.post(&complete.replace("/complete", "/retry"), Value::Null).await.expect(200);
}

#[tokio::test]
async fn jobs_go_on_after_a_restart() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let signed = opened(&app, "", 2).await;
    hold(&app).await;
    later(&app, &path_of(&signed, "completeUrl"), Value::Null).await.expect(202);
    let app = app
        .restart_after(async |database| {
            for sql in [
                "DELETE FROM uploads WHERE id = 'held'",
                "UPDATE uploads SET state = 'running', lease_owner = 'stopped', leased_until = 9000000000000000",
            ] {
                sqlx::query(sql).execute(database).await.unwrap();
            }
        })
        .await;
    app.post(&path_of(&signed, "completeUrl"), Value::Null).await.expect(200);
    assert_eq!(app.commits(), 2);
}

#[tokio::test]
async fn an_upload_can_be_called_off_and_taken_up_again() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let signed = opened(&app, "", 2).await;
    let complete = path_of(&signed, "completeUrl");
    let (cancel, retry) = (complete.replace("/complete", "/cancel"), complete.replace("/complete", "/retry"));
    assert_eq!(app.post(&cancel, Value::Null).await.expect(200)["status"], "cancelled");
    assert_eq!(app.post(&cancel, Value::Null).await.expect(200)["status"], "cancelled");
    let refused = app.post(&complete, Value::Null).await.error(409);
    assert!(refused.starts_with("upload_cancelled: "), "{refused}");
    assert_eq!(status(&app, &signed).await["error"], "the upload was cancelled");
    assert_eq!(app.commits(), 1);
    app.post(&retry, Value::Null).await.expect(200);
    let over = app.post(&cancel, Value::Null).await.error(409);
    assert!(over.starts_with("upload_over: ") && over.contains("(succeeded)"), "{over}");
    let nothing = app.get(&format!("{BASE}/abc/upload")).await.expect(200);
    let retry = path_of(&nothing, "completeUrl").replace("/complete", "/retry");
    assert!(app.post(&retry, Value::Null).await.error(409).starts_with("nothing_uploaded: "));
}

#[tokio::test]
async fn nonsense_is_refused_also_where_an_upload_is_done() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let signed = opened(&app, "", 2).await;
    let complete = path_of(&signed, "completeUrl");
    app.post(&complete, Value::Null).await.expect(200);
    for path in [complete.clone(), complete.replace("/complete", "/retry")] {
        let refused = app.post(&format!("{path}?conflict=perhaps"), Value::Null).await.error(422);
        assert!(refused.starts_with("unknown_conflict: "), "{refused}");
        app.post(&path, Value::Null).await.expect(200);
    }
}

#[tokio::test]
async fn an_upload_that_runs_is_called_off_before_its_commit() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let signed = opened(&app, "", 2).await;
    // As if the cancellation came while a worker had it, which then died.
    app.sql(
        "UPDATE uploads SET state = 'running', lease_owner = 'gone', leased_until = 1, queued_at = 1, attempts = 1,
           cancel_asked_at = 1",
    )
    .await;
    let refused = app.post(&path_of(&signed, "completeUrl"), Value::Null).await.error(409);
    assert!(refused.starts_with("upload_cancelled: "), "{refused}");
    assert_eq!(row(&app, &signed).await["status"], "cancelled");
    assert_eq!(app.commits(), 1);
}

#[tokio::test]
async fn what_was_asked_by_a_token_dies_with_it() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let signed = opened(&app, "", 2).await;
    hold(&app).await;
    let complete = path_of(&signed, "completeUrl");
    later(&app, &complete, Value::Null).await.expect(202);
    app.sql(r#"UPDATE uploads SET errand_json = '{"tokenId":"ended","trailers":[]}' WHERE id <> 'held'"#)
        .await;
    let_go(&app).await;
    let refused = app.post(&complete, Value::Null).await.error(401);
    assert!(refused.starts_with("invalid_token: "), "{refused}");
    app.post(&complete.replace("/complete", "/retry"), Value::Null).await.expect(200);
}

#[tokio::test]
async fn a_bundle_larger_than_it_says_is_damaged() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let mut packed = bundle(&sample("abc", 2));
    let end = packed.len() - 4;
    packed[end..].copy_from_slice(&2000_u32.to_le_bytes());
    let inline = json!({ "output": STANDARD.encode(&packed) });
    insta::assert_snapshot!(app.post(&format!("{BASE}/abc/upload"), inline).await.error(422), @"bundle_size_wrong: the bundle ends by saying that it unpacks to 2000 bytes, but there are more: it is damaged, or larger than 4 GiB; make it anew");
    let signed = app.get(&format!("{BASE}/abc/upload")).await.expect(200);
    put(&app, &signed, &packed).await.expect(200);
    let refused = app.post(&path_of(&signed, "completeUrl"), Value::Null).await.error(422);
    assert!(refused.starts_with("bundle_size_wrong: "), "{refused}");
}

#[tokio::test]
async fn the_history_can_be_asked_for_some() {
    let app = TestApp::start().await;
    app.create("abc").await;
    app.upload(ADMIN, "abc", &sample("abc", 1), Value::Null).await.expect(200);
    let signed = opened(&app, "via=server", 2).await;
    app.post(&path_of(&signed, "completeUrl"), Value::Null).await.expect(200);
    app.get(&format!("{BASE}/abc/upload")).await.expect(200);
    let ways = async |query: &str| {
        let page = app.get(&format!("{BASE}/abc/uploads?{query}")).await.expect(200);
        let rows = page["results"].as_array().unwrap().clone();
        assert_eq!(page["count"], rows.len());
        rows.iter().map(|row| row["via"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ways("").await, ["presigned", "server", "inline"]);
    assert_eq!(ways("status=succeeded").await, ["server", "inline"]);
    assert_eq!(ways("status=open,failed").await, ["presigned"]);
    assert_eq!(ways("via=inline&who=ADMIN@example.com").await, ["inline"]);
    assert!(ways("until=2020-01-01T00:00:00Z").await.is_empty());
    assert_eq!(ways("since=2020-01-01T00:00:00Z").await.len(), 3);
    insta::assert_snapshot!(app.get(&format!("{BASE}/abc/uploads?status=done")).await.error(400), @r#"invalid_parameter: the parameter status is "done", expected some of open, queued, running, succeeded, failed, expired, cancelled, separated by commas"#);
}

#[tokio::test]
async fn events_tell_how_an_upload_goes_until_it_is_over() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let signed = opened(&app, "", 2).await;
    let events = format!("{}/events", path_of(&signed, "statusUrl"));
    let stranger = app.user("stranger@example.com").await;
    app.ask(&stranger, Method::GET, &events, Value::Null).await.error(404);
    let complete = path_of(&signed, "completeUrl");
    let (told, done) = futures_util::future::join(app.get(&events), app.post(&complete, Value::Null)).await;
    let done = done.expect(200);
    assert_eq!(told.header("content-type"), "text/event-stream");
    let text = String::from_utf8(told.body.to_vec()).unwrap();
    let events: Vec<_> = text.split("\n\n").filter(|event| !event.is_empty()).collect();
    let (last, before) = events.split_last().unwrap();
    assert!(before.iter().all(|event| event.starts_with("event: progress\ndata: {")), "{text}");
    let last = last.strip_prefix("event: done\ndata: ").unwrap();
    let last: Value = serde_json::from_str(last).unwrap();
    assert_eq!((&last["status"], &last["result"]), (&json!("SUCCESS"), &done));
    // What is over already is told at once.
    let again = app.get(&format!("{}/events", path_of(&signed, "statusUrl"))).await;
    assert!(again.body.starts_with(b"event: done\n"));
}
