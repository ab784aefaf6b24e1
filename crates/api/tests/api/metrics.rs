//! `/metrics`: who gets it, in which form, and what it counts.

use axum::http::Method;
use serde_json::{Value, json};

use crate::app::{ADMIN, BASE, TestApp, sample};

const TOKEN: &str = "metrics-token-0123456789abcdef-xyz";

async fn scraped(app: &TestApp) -> String {
    let answer = app.ask(TOKEN, Method::GET, "/metrics", Value::Null).await;
    assert_eq!(answer.status, 200);
    String::from_utf8(answer.body.to_vec()).unwrap()
}

#[track_caller]
fn assert_line(text: &str, line: &str) {
    assert!(text.lines().any(|found| found == line), "no {line} in\n{text}");
}

#[tokio::test]
async fn without_a_setting_there_is_no_such_route() {
    let app = TestApp::start().await;
    let error = app.get("/metrics").await.error(404);
    insta::assert_snapshot!(error, @r#"no_such_route: there is nothing at "/metrics" on this server"#);
}

#[tokio::test]
async fn the_token_of_the_settings_and_no_other_opens_it() {
    let app = TestApp::start_with(&[("WORKSTEAD_METRICS_TOKEN", TOKEN)]).await;
    for token in [ADMIN, "", &TOKEN[1..]] {
        let error = app.ask(token, Method::GET, "/metrics", Value::Null).await.error(401);
        insta::allow_duplicates! {
            insta::assert_snapshot!(error, @"not_signed_in: metrics need the token of WORKSTEAD_METRICS_TOKEN: send `Authorization: Bearer <token>`");
        }
    }
    let answer = app.ask(TOKEN, Method::GET, "/metrics", Value::Null).await;
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    assert_eq!(answer.header("cache-control"), "no-store");
    let authorization = format!("Bearer {TOKEN}");
    let headers = [
        ("authorization", authorization.as_str()),
        ("accept", "application/openmetrics-text; version=1.0.0"),
    ];
    let answer = app.with(Method::GET, "/metrics", &headers, "").await;
    assert_eq!(answer.header("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert!(answer.body.ends_with(b"# EOF\n"));
    // The token opens nothing else.
    app.ask(TOKEN, Method::GET, BASE, Value::Null).await.error(401);
    app.ask(TOKEN, Method::POST, "/metrics", Value::Null).await.error(405);
}

#[tokio::test]
async fn requests_are_counted_by_the_template_of_their_route() {
    let app = TestApp::start_with(&[("WORKSTEAD_METRICS_TOKEN", TOKEN)]).await;
    app.create("shop").await;
    app.get(&format!("{BASE}/shop")).await.expect(200);
    app.get(&format!("{BASE}/nowhere-to-be-seen")).await.error(404);
    app.get("/some/thing/else").await.error(404);
    let text = scraped(&app).await;
    let route = "method=\"GET\",route=\"/api/v3/workspaces/{workspace}\"";
    assert_line(&text, &format!("workstead_http_requests_total{{{route},class=\"2xx\"}} 1"));
    assert_line(&text, &format!("workstead_http_requests_total{{{route},class=\"4xx\"}} 1"));
    assert_line(&text, &format!("workstead_http_request_duration_seconds_count{{{route}}} 2"));
    assert_line(&text, "workstead_http_requests_total{method=\"GET\",route=\"none\",class=\"4xx\"} 1");
    assert_line(&text, "workstead_http_requests_in_flight 1");
    assert_line(&text, "workstead_ready 1");
    for name in ["shop", "nowhere-to-be-seen", "some/thing"] {
        assert!(!text.contains(name), "{name} in\n{text}");
    }
}

#[tokio::test]
async fn writes_and_uploads_are_counted_by_what_became_of_them() {
    let app = TestApp::start_with(&[("WORKSTEAD_METRICS_TOKEN", TOKEN)]).await;
    app.create("shop").await;
    let path = format!("{BASE}/shop");
    app.patch(&path, json!({ "displayName": "Shop" })).await.expect(200);
    app.patch(&path, json!({ "displayName": "Shop" })).await.expect(200);
    app.patch(&path, json!({ "displayName": 7 })).await.error(422);
    let stale = [
        ("authorization", &*format!("Bearer {ADMIN}")),
        ("content-type", "application/json"),
        ("if-match", "\"0123456789012345678901234567890123456789\""),
    ];
    app.with(Method::PATCH, &path, &stale, "{\"displayName\": \"x\"}").await.error(412);
    let files = sample("shop", 3);
    app.upload(ADMIN, "shop", &files, json!({})).await.expect(200);
    app.upload(ADMIN, "shop", &files, json!({})).await.expect(200);
    app.upload(ADMIN, "shop", &files, json!({ "output": "AAAA" })).await.error(422);
    let opened = app.get(&format!("{path}/upload")).await.expect(200);
    let text = scraped(&app).await;
    for line in [
        "workstead_commits_total{door=\"api\",outcome=\"committed\"} 1",
        "workstead_commits_total{door=\"api\",outcome=\"unchanged\"} 1",
        "workstead_commits_total{door=\"api\",outcome=\"refused\"} 1",
        "workstead_commits_total{door=\"api\",outcome=\"conflict\"} 1",
        "workstead_commits_total{door=\"upload\",outcome=\"committed\"} 1",
        "workstead_commits_total{door=\"upload\",outcome=\"unchanged\"} 1",
        "workstead_commit_duration_seconds_count{door=\"api\"} 4",
        "workstead_uploads_total{via=\"inline\",outcome=\"committed\",class=\"2xx\"} 1",
        "workstead_uploads_total{via=\"inline\",outcome=\"unchanged\",class=\"2xx\"} 1",
        "workstead_uploads_total{via=\"inline\",outcome=\"refused\",class=\"4xx\"} 1",
        "workstead_upload_phase_duration_seconds_count{phase=\"waiting\"} 3",
        "workstead_upload_phase_duration_seconds_count{phase=\"checking\"} 3",
        "workstead_upload_phase_duration_seconds_count{phase=\"committing\"} 2",
        "workstead_bundle_unpacked_bytes_count 2",
        "workstead_upload_queue{state=\"open\"} 1",
        "workstead_object_store_duration_seconds_count{operation=\"sign\",provider=\"local\"} 1",
    ] {
        assert_line(&text, line);
    }
    // Put nothing and complete: the object is absent, which is no failure of the store and no end of the upload.
    let id = opened["uploadId"].as_str().unwrap();
    app.post(&format!("{path}/uploads/{id}/complete"), Value::Null).await.error(409);
    let text = scraped(&app).await;
    assert_line(
        &text,
        "workstead_object_store_duration_seconds_count{operation=\"seal\",provider=\"local\"} 1",
    );
    assert_line(
        &text,
        "workstead_object_store_errors_total{operation=\"seal\",provider=\"local\",error=\"io\"} 0",
    );
    assert_line(&text, "workstead_uploads_total{via=\"presigned\",outcome=\"refused\",class=\"4xx\"} 0");
}

#[tokio::test]
async fn a_store_that_fails_is_counted() {
    let app = TestApp::start_with(&[("WORKSTEAD_METRICS_TOKEN", TOKEN)]).await;
    app.create("shop").await;
    let opened = app.get(&format!("{BASE}/shop/upload")).await.expect(200);
    let id = opened["uploadId"].as_str().unwrap();
    let objects = app.data().join("objects");
    std::fs::remove_dir_all(&objects).unwrap();
    std::fs::write(&objects, "no directory").unwrap();
    app.post(&format!("{BASE}/shop/uploads/{id}/complete"), Value::Null).await.error(503);
    let text = scraped(&app).await;
    assert_line(
        &text,
        "workstead_object_store_errors_total{operation=\"seal\",provider=\"local\",error=\"io\"} 1",
    );
    // It is tried again: no end yet.
    assert_line(&text, "workstead_uploads_total{via=\"presigned\",outcome=\"failed\",class=\"5xx\"} 0");
    assert_line(&text, "workstead_upload_queue{state=\"queued\"} 1");
}
