//! Uploads by way of a signed URL of the local store.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use bytes::Bytes;
use futures_util::future::{Either, join_all, select};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::app::{ADMIN, Answer, BASE, TestApp, bundle, sample};

/// Puts bytes exactly as the answer of `GET upload` says.
pub(crate) async fn put(app: &TestApp, signed: &Value, bytes: &[u8]) -> Answer {
    let url = signed["url"].as_str().unwrap().strip_prefix("https://ws.example").unwrap();
    let mut request = Request::builder().method(signed["method"].as_str().unwrap()).uri(url);
    for (name, value) in signed["headers"].as_object().unwrap() {
        request = request.header(name, value.as_str().unwrap());
    }
    app.send(request.body(Body::from(bytes.to_vec())).unwrap()).await
}

pub(crate) fn path_of(signed: &Value, field: &str) -> String {
    signed[field].as_str().unwrap().strip_prefix("https://ws.example").unwrap().to_owned()
}

#[tokio::test]
async fn sign_put_complete() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let packed = bundle(&sample("abc", 4));
    let sha256 = hex::encode(Sha256::digest(&packed));
    let path = format!(
        "{BASE}/abc/upload?size={}&sha256={sha256}&mergeMode=keepuploaded&message=hello",
        packed.len()
    );
    let answer = app.get(&path).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let signed = answer.expect(200);
    insta::assert_json_snapshot!(signed, {
        ".uploadId" => "[id]", ".url" => "[url]", ".objectKey" => "[key]", ".completeUrl" => "[url]", ".statusUrl" => "[url]",
        ".expiresAt" => "[time]", ".headers[\"Content-Length\"]" => "[length]",
    }, @r#"
    {
      "uploadId": "[id]",
      "url": "[url]",
      "method": "PUT",
      "headers": {
        "Content-Type": "application/gzip",
        "Content-Length": "[length]"
      },
      "objectKey": "[key]",
      "provider": "local",
      "expiresAt": "[time]",
      "maxBytes": 67108864,
      "completeUrl": "[url]",
      "statusUrl": "[url]"
    }
    "#);
    let complete = path_of(&signed, "completeUrl");
    let status = path_of(&signed, "statusUrl");
    assert_eq!(app.get(&status).await.expect(200)["status"], "PENDING");
    let early = app.post(&complete, Value::Null).await.error(409);
    insta::assert_snapshot!(early, @"nothing_uploaded: nothing was uploaded yet; PUT the bundle to the upload's URL first, which still works");
    let waiting = app.get(&status).await.expect(200);
    assert_eq!((&waiting["status"], &waiting["error"]), (&json!("PENDING"), &Value::Null));
    put(&app, &signed, &packed).await.expect(200);
    let done = app.post(&complete, Value::Null).await.expect(200);
    assert_eq!((&done["task_id"], &done["status"]), (&signed["uploadId"], &json!("queued")));
    assert_eq!(app.committed().len(), 12);
    assert_eq!(app.git(&["log", "-1", "--format=%s", "main"]).trim(), "hello");
    assert_eq!(app.get(&status).await.expect(200)["status"], "SUCCESS");
    // Completed once: the first answer again, no PUT any more, and no object left.
    assert_eq!(app.post(&complete, Value::Null).await.expect(200), done);
    put(&app, &signed, &packed).await.error(409);
    assert_eq!(app.commits(), 2);
    // Deleted after the answer.
    let is_object = |path: &String| path.ends_with(".tar.gz") || path.ends_with(".sealed");
    let deleted = async {
        while walk(&app.data().join("objects")).iter().any(is_object) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), deleted).await.unwrap();
}

pub(crate) fn walk(directory: &std::path::Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let visit =
        |path: std::path::PathBuf| if path.is_dir() { walk(&path) } else { vec![path.display().to_string()] };
    entries.flat_map(|entry| visit(entry.unwrap().path())).collect()
}

#[tokio::test]
async fn a_put_must_be_what_was_declared() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let packed = bundle(&sample("abc", 1));
    let path =
        format!("{BASE}/abc/upload?size={}&sha256={}", packed.len(), hex::encode(Sha256::digest(&packed)));
    let signed = app.get(&path).await.expect(200);
    let mut other = packed.clone();
    other[20] ^= 1;
    let error = put(&app, &signed, &other).await.error(422);
    assert!(error.starts_with("upload_hash_wrong: "), "{error}");
    let error = put(&app, &signed, &packed[1..]).await.error(422);
    assert!(error.starts_with("upload_size_wrong: "), "{error}");
    let mut forged = signed.clone();
    forged["url"] =
        json!(signed["url"].as_str().unwrap().replace(&format!("size={}", packed.len()), "size=9"));
    put(&app, &forged, &packed).await.error(403);
    app.post(&path_of(&signed, "completeUrl"), Value::Null).await.error(409);
    put(&app, &signed, &packed).await.expect(200);
    app.post(&path_of(&signed, "completeUrl"), Value::Null).await.expect(200);
}

#[tokio::test]
async fn an_invalid_bundle_fails_for_good() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let signed = app.get(&format!("{BASE}/abc/upload")).await.expect(200);
    put(&app, &signed, b"not a bundle").await.expect(200);
    let complete = path_of(&signed, "completeUrl");
    let first = app.post(&complete, Value::Null).await.error(422);
    assert!(first.starts_with("bundle_not_gzip: "), "{first}");
    assert_eq!(app.post(&complete, Value::Null).await.error(422), first);
    assert_eq!(app.get(&path_of(&signed, "statusUrl")).await.expect(200)["status"], "FAILURE");
}

#[tokio::test]
async fn a_refused_prune_keeps_its_bundle() {
    let app = TestApp::start().await;
    app.create("abc").await;
    app.upload(ADMIN, "abc", &sample("abc", 12), Value::Null).await.expect(200);
    let signed = app.get(&format!("{BASE}/abc/upload?pruneStaleSlxs=true")).await.expect(200);
    put(&app, &signed, &bundle(&sample("abc", 2))).await.expect(200);
    let complete = path_of(&signed, "completeUrl");
    let refused = app.post(&complete, Value::Null).await.error(409);
    let retry = format!("{}?allowMassPrune=true", complete.replace("/complete", "/retry"));
    assert!(refused.contains(&format!("POST https://ws.example{retry} takes it in")), "{refused}");
    let status = app.get(&path_of(&signed, "statusUrl")).await.expect(200);
    assert_eq!(status["status"], "FAILURE");
    assert!(refused.ends_with(status["error"].as_str().unwrap()), "{status}");
    let done = app.post(&retry, Value::Null).await.expect(200);
    assert_eq!(done["summary"]["counts"]["pruned"], 10);
    assert_eq!(app.get(&path_of(&signed, "statusUrl")).await.expect(200)["error"], Value::Null);
}

#[tokio::test]
async fn a_completion_can_be_bound_to_a_revision() {
    let app = TestApp::start().await;
    let made = app.create("abc").await;
    let signed = app.get(&format!("{BASE}/abc/upload")).await.expect(200);
    put(&app, &signed, &bundle(&sample("abc", 1))).await.expect(200);
    let (bearer, complete) = (format!("Bearer {ADMIN}"), path_of(&signed, "completeUrl"));
    let with = async |tag: &str| {
        app.with(Method::POST, &complete, &[("authorization", &bearer), ("if-match", tag)], "").await
    };
    assert!(with("\"0\"").await.error(412).starts_with("revision_changed: "));
    let tag = format!("\"{}\"", made["revision"].as_str().unwrap());
    let done = with(&tag).await.expect(200);
    // The first answer again, though the upload itself moved the branch.
    assert_eq!(with(&tag).await.expect(200), done);
}

#[tokio::test]
async fn what_can_not_be_opened_says_why() {
    let app = TestApp::start_with(&[
        ("WORKSTEAD_UPLOAD_MAX_OPEN", "2"),
        ("WORKSTEAD_UPLOAD_MAX_COMPRESSED_BYTES", "1KiB"),
    ])
    .await;
    app.create("abc").await;
    let path = format!("{BASE}/abc/upload");
    insta::assert_snapshot!(app.get(&format!("{path}?size=1025")).await.error(413), @"too_large: the bundle has 1025 bytes, more than the limit of 1024 bytes; send less, or raise WORKSTEAD_UPLOAD_MAX_COMPRESSED_BYTES");
    insta::assert_snapshot!(app.get(&format!("{path}?size=0")).await.error(422), @"invalid_size: the parameter size is 0, but a bundle has at least one byte; send its size in bytes");
    insta::assert_snapshot!(app.get(&format!("{path}?via=pigeon")).await.error(422), @r#"unknown_via: the parameter via is "pigeon"; choose presigned (straight to the store) or server (by way of this server), or POST the bundle inline"#);
    insta::assert_snapshot!(app.get(&format!("{path}?sha256=12")).await.error(400), @r#"invalid_parameter: the parameter sha256 is "12", expected 64 hexadecimal digits"#);
    app.get(&path).await.expect(200);
    let signed = app.get(&path).await.expect(200);
    // A dead URL may have left an object, so it still counts.
    app.sql("UPDATE uploads SET expires_at = 1").await;
    let full = app.get(&path).await;
    app.sql("UPDATE uploads SET expires_at = 9999999999999999").await;
    assert_eq!(full.header("retry-after"), "60");
    insta::assert_snapshot!(full.error(429), @"too_many_open_uploads: workspace abc has 2 open uploads, the most of WORKSTEAD_UPLOAD_MAX_OPEN; complete or cancel some, or wait until they are removed (WORKSTEAD_UPLOAD_RETENTION_HOURS)");
    let error = put(&app, &signed, &[0; 1025]).await;
    assert_eq!(error.status, 413);
    app.create("other").await;
    let elsewhere = path_of(&signed, "completeUrl").replace("/abc/", "/other/");
    app.post(&elsewhere, Value::Null).await.error(404);
    app.ask("", Method::POST, &path_of(&signed, "completeUrl"), Value::Null).await.error(401);
}

#[tokio::test]
async fn a_deleted_workspace_takes_its_urls_along() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let signed = app.get(&format!("{BASE}/abc/upload")).await.expect(200);
    app.delete(&format!("{BASE}/abc")).await.expect(204);
    app.create("abc").await;
    put(&app, &signed, &bundle(&sample("abc", 1))).await.error(409);
    app.post(&path_of(&signed, "completeUrl"), Value::Null).await.error(404);
    app.get(&path_of(&signed, "statusUrl")).await.error(404);
}

#[tokio::test]
async fn puts_that_stall_hold_up_nobody_else() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let signed = app.get(&format!("{BASE}/abc/upload")).await.expect(200);
    let url = path_of(&signed, "url");
    // More than there are threads for blocking work.
    let stalled = (0..520).map(|_| {
        let first = stream::once(async { Ok::<_, std::io::Error>(Bytes::from_static(b"x")) });
        let body = Body::from_stream(first.chain(stream::pending()));
        let request = Request::put(&url).header("content-type", "application/gzip").body(body);
        app.send(request.unwrap())
    });
    let others = async {
        app.create("other").await;
        let signed = app.get(&format!("{BASE}/other/upload")).await.expect(200);
        put(&app, &signed, &bundle(&sample("other", 1))).await.expect(200);
    };
    let both = select(join_all(stalled), Box::pin(others));
    // Less than the minute after which those that stall are sent away.
    let first = tokio::time::timeout(Duration::from_secs(45), both).await.unwrap();
    assert!(matches!(first, Either::Right(_)));
}

#[tokio::test]
async fn two_completions_have_one_answer() {
    let app = TestApp::start_with(&[("WORKSTEAD_UPLOAD_CONCURRENCY", "1")]).await;
    app.create("abc").await;
    let signed = app.get(&format!("{BASE}/abc/upload")).await.expect(200);
    put(&app, &signed, &bundle(&sample("abc", 2))).await.expect(200);
    let complete = path_of(&signed, "completeUrl");
    // Both see an open upload; the second gets its turn when the first is done.
    let both = join_all([app.post(&complete, Value::Null), app.post(&complete, Value::Null)]).await;
    let [first, second] = both.try_into().unwrap();
    assert_eq!(first.expect(200), second.expect(200));
    assert_eq!(app.commits(), 2);
}

#[tokio::test]
async fn what_can_not_be_recorded_at_once_is_recorded_later() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let signed = app.get(&format!("{BASE}/abc/upload")).await.expect(200);
    put(&app, &signed, &bundle(&sample("abc", 2))).await.expect(200);
    app.sql(
        "CREATE TRIGGER broken BEFORE UPDATE OF state ON uploads WHEN NEW.state = 'succeeded'
         BEGIN SELECT RAISE(ABORT, 'broken'); END",
    )
    .await;
    let complete = path_of(&signed, "completeUrl");
    let mended = async {
        while app.committed().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        app.sql("DROP TRIGGER broken").await;
    };
    let (done, ()) = futures_util::future::join(app.post(&complete, Value::Null), mended).await;
    let done = done.expect(200);
    assert_eq!(app.post(&complete, Value::Null).await.expect(200), done);
}
