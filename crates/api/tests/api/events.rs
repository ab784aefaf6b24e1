//! What followers of a workspace are told.

use axum::body::{Body, BodyDataStream};
use axum::http::Request;
use futures_util::StreamExt;
use serde_json::{Value, json};

use crate::app::{ADMIN, BASE, TestApp, sample};

/// A stream of events that is read as it comes.
struct Stream {
    body: BodyDataStream,
    text: String,
}

/// One event of a stream.
#[derive(Debug, PartialEq)]
struct Told {
    id: String,
    name: String,
    data: Value,
}

impl Stream {
    async fn open(app: &TestApp, path: &str, last: Option<&str>) -> Self {
        let mut request = Request::get(path)
            .header("authorization", format!("Bearer {ADMIN}"))
            .header("accept", "text/event-stream");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = app.open(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        let mut stream = Self { body: response.into_body().into_data_stream(), text: String::new() };
        let greeting = stream.block().await.unwrap();
        assert!(greeting.contains(": following") && greeting.contains("retry: 1000"), "{greeting}");
        stream
    }

    /// Waits for the next block of lines; nothing at the end.
    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                return Some(block);
            }
            let piece = tokio::time::timeout(std::time::Duration::from_mins(1), self.body.next()).await;
            self.text.push_str(std::str::from_utf8(&piece.expect("nothing came")?.unwrap()).unwrap());
        }
    }

    async fn next(&mut self) -> Told {
        let block = self.block().await.unwrap();
        let field = |name: &str| {
            let line = block.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap_or_else(|| panic!("no {name} in {block}")).trim().to_owned()
        };
        let data: Value = serde_json::from_str(&field("data:")).unwrap();
        let told = Told { id: field("id:"), name: field("event:"), data };
        assert_eq!(
            (told.data["id"].as_str(), told.data["event"].as_str()),
            (Some(&*told.id), Some(&*told.name))
        );
        told
    }
}

async fn rename(app: &TestApp, name: &str) -> String {
    app.patch(&format!("{BASE}/abc"), json!({ "displayName": name })).await.expect(200);
    app.git(&["rev-parse", "main"]).trim().to_owned()
}

#[tokio::test]
async fn each_change_is_told_as_it_comes_and_stands_in_the_list() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let first = app.git(&["rev-parse", "main"]).trim().to_owned();
    let events = format!("{BASE}/abc/events");
    let mut stream = Stream::open(&app, &events, None).await;
    let second = rename(&app, "New name").await;
    let told = stream.next().await;
    assert_eq!(told.name, "commit");
    assert_eq!((&told.data["workspace"], &told.data["actor"]), (&json!("abc"), &Value::Null));
    let data = &told.data["data"];
    assert_eq!(
        (&data["branch"], &data["before"], &data["after"]),
        (&json!("main"), &json!(first), &json!(second))
    );
    let commits = data["commits"].as_array().unwrap();
    assert_eq!((commits.len(), &commits[0]["id"], &data["truncated"]), (1, &json!(second), &json!(false)));
    assert_eq!(commits[0]["author"]["email"], "admin@example.com");

    app.upload(ADMIN, "abc", &sample("abc", 2), Value::Null).await.expect(200);
    let (one, other) = (stream.next().await, stream.next().await);
    let (commit, upload) = if one.name == "commit" { (one, other) } else { (other, one) };
    assert_eq!((commit.name.as_str(), upload.name.as_str()), ("commit", "upload"));
    assert_eq!(upload.data["actor"], "admin@example.com");
    let data = &upload.data["data"];
    assert_eq!(
        (&data["status"], &data["via"], &data["error"]),
        (&json!("succeeded"), &json!("inline"), &Value::Null)
    );
    assert_eq!(data["commit"], commit.data["data"]["after"]);
    assert_eq!(data["counts"]["added"], 2, "{data}");

    let page = app.get(&events).await.expect(200);
    assert_eq!(page["count"], 3);
    assert_eq!(page["results"][2], told.data);
    let page = app.get(&format!("{events}?events=upload&limit=1")).await.expect(200);
    assert_eq!((&page["count"], &page["results"][0]), (&json!(1), &upload.data));
    insta::assert_snapshot!(app.get(&format!("{events}?events=x")).await.error(400), @r#"invalid_parameter: the parameter events is "x", expected some of commit, push, upload, sync, separated by commas"#);
}

#[tokio::test]
async fn who_comes_back_misses_nothing_and_hears_only_what_was_asked_for() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let events = format!("{BASE}/abc/events");
    let mut stream = Stream::open(&app, &events, None).await;
    rename(&app, "1").await;
    let first = stream.next().await;
    drop(stream);
    app.upload(ADMIN, "abc", &sample("abc", 1), Value::Null).await.expect(200);
    rename(&app, "2").await;
    let mut stream = Stream::open(&app, &events, Some(&first.id)).await;
    let names = [stream.next().await.name, stream.next().await.name, stream.next().await.name];
    assert_eq!(names.iter().filter(|name| *name == "commit").count(), 2, "{names:?}");
    let mut stream = Stream::open(&app, &format!("{events}?events=upload&after=0"), None).await;
    assert_eq!(stream.next().await.name, "upload");
    let bad = Request::get(&events)
        .header("authorization", format!("Bearer {ADMIN}"))
        .header("last-event-id", "x")
        .body(Body::empty());
    insta::assert_snapshot!(app.send(bad.unwrap()).await.error(400), @"invalid_parameter: the header Last-Event-ID is no id of an event");
}

#[tokio::test]
async fn a_crash_between_a_commit_and_its_event_only_delays_it() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let before = app.git(&["rev-parse", "main"]).trim().to_owned();
    let after = rename(&app, "x").await;
    let app = app
        .restart_after(async |database| {
            sqlx::query("DELETE FROM events").execute(database).await.unwrap();
            let sql = "UPDATE workspaces SET revision = $1";
            sqlx::query(sql).bind(&before).execute(database).await.unwrap();
        })
        .await;
    let page = app.get(&format!("{BASE}/abc/events")).await.expect(200);
    assert_eq!((&page["count"], &page["results"][0]["data"]["after"]), (&json!(1), &json!(after)));
}

#[tokio::test]
async fn other_branches_failures_and_cancellations_are_told_and_plans_are_not() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let base = app.git(&["rev-parse", "main"]).trim().to_owned();
    let files = json!({ "files": { "slx.yaml": null, "notes.txt": "x" } });
    app.post(&format!("{BASE}/abc/branches/work/slxs/cart"), files).await.expect(201);
    let mut damaged = sample("abc", 1);
    let path = damaged.keys().find(|path| path.as_str().ends_with("slx.yaml")).unwrap().clone();
    damaged.insert(path, "kind: Nonsense".into());
    app.upload(ADMIN, "abc", &damaged, Value::Null).await.error(422);
    app.upload(ADMIN, "abc", &sample("abc", 1), json!({ "dryRun": true })).await.expect(200);
    let signed = app.get(&format!("{BASE}/abc/upload?sha256={}&size=5", "0".repeat(64))).await.expect(200);
    let id = signed["uploadId"]
        .as_str()
        .or(signed["id"].as_str())
        .or(signed["task_id"].as_str())
        .unwrap()
        .to_owned();
    app.post(&format!("{BASE}/abc/uploads/{id}/cancel"), Value::Null).await.expect(200);
    let page = app.get(&format!("{BASE}/abc/events")).await.expect(200);
    let rows = page["results"].as_array().unwrap();
    let told: Vec<_> = rows.iter().map(|row| (row["event"].as_str().unwrap(), &row["data"])).collect();
    assert_eq!(told.len(), 3, "{page}");
    assert_eq!((told[0].0, &told[0].1["status"]), ("upload", &json!("cancelled")));
    assert_eq!((told[1].0, &told[1].1["status"]), ("upload", &json!("failed")));
    assert_eq!(told[1].1["error"]["code"], "invalid_content");
    assert_eq!(
        (told[2].0, &told[2].1["branch"], &told[2].1["before"]),
        ("commit", &json!("work"), &json!(base))
    );
}

#[tokio::test]
async fn events_go_with_their_time_and_their_workspace() {
    let app = TestApp::start_with(&[("WORKSTEAD_EVENT_RETENTION_DAYS", "7")]).await;
    app.create("abc").await;
    rename(&app, "x").await;
    app.sweep_after(jiff::SignedDuration::from_hours(6 * 24)).await;
    assert_eq!(app.count("SELECT COUNT(*) FROM events").await, 1);
    app.sweep_after(jiff::SignedDuration::from_hours(8 * 24)).await;
    assert_eq!(app.count("SELECT COUNT(*) FROM events").await, 0);
    rename(&app, "y").await;
    app.delete(&format!("{BASE}/abc")).await;
    assert_eq!(app.count("SELECT COUNT(*) FROM events").await, 0);
}
