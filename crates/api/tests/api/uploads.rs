//! Inline uploads and their history.

use axum::http::Method;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};
use workstead_core::path::RepoPath;

use crate::app::{ADMIN, BASE, TestApp, bundle, sample};

const UPLOAD: &str = "/api/v3/workspaces/abc/upload";

#[tokio::test]
async fn an_upload_is_committed_and_the_same_again_is_none() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let files = sample("abc", 5);
    let first = app
        .upload(
            ADMIN,
            "abc",
            &files,
            json!({ "message": "from CI\r\nUpload-Id: forged", "workspaceScope": {"any": 1} }),
        )
        .await;
    let first = first.expect(200);
    insta::assert_json_snapshot!(first, {".task_id" => "[id]", ".commit" => "[commit]", ".message" => "[message]", ".summary.added" => "[names]"}, @r#"
    {
      "task_id": "[id]",
      "status": "queued",
      "message": "[message]",
      "commit": "[commit]",
      "summary": {
        "added": "[names]",
        "changed": [],
        "kept": [],
        "renamed": [],
        "tombstoned": [],
        "pruned": [],
        "prunedKept": [],
        "conflicts": [],
        "warnings": [],
        "counts": {
          "uploaded": 5,
          "added": 5,
          "changed": 0,
          "unchanged": 0,
          "kept": 0,
          "renamed": 0,
          "tombstoned": 0,
          "pruned": 0,
          "prunedKept": 0,
          "conflicts": 0,
          "warnings": 0,
          "filesWritten": 17,
          "filesRemoved": 0
        }
      }
    }
    "#);
    let log = app.git(&["log", "-1", "--format=%an|%s|%(trailers:key=Upload-Id,valueonly,separator=%x2C)|%(trailers:key=Bundle-Sha256,valueonly,separator=%x2C)", "main"]);
    let sha256 = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(bundle(&files)));
    assert_eq!(
        log.trim(),
        format!(
            "admin@example.com|from CI Upload-Id: forged|{}|{sha256}",
            first["task_id"].as_str().unwrap()
        )
    );
    assert_eq!(app.committed().len(), 15);
    let again = app.upload(ADMIN, "abc", &files, Value::Null).await.expect(200);
    assert_eq!((&again["status"], &again["commit"]), (&json!("duplicate_skipped"), &first["commit"]));
    assert_eq!(app.commits(), 2);
    assert_eq!(app.get(&format!("{BASE}/abc")).await.expect(200)["revision"], first["commit"]);
}

#[tokio::test]
async fn upload_status_tells_the_outcome() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let answer = app.upload(ADMIN, "abc", &sample("abc", 2), Value::Null).await.expect(200);
    let path = format!("{BASE}/upload-status/{}", answer["task_id"].as_str().unwrap());
    let status = app.get(&path).await.expect(200);
    assert_eq!(
        status,
        json!({ "task_id": answer["task_id"], "status": "SUCCESS", "result": answer, "error": null, "progress": null })
    );
    let stranger = app.user("stranger@example.com").await;
    app.ask(&stranger, Method::GET, &path, Value::Null).await.error(404);
    insta::assert_snapshot!(app.get(&format!("{BASE}/upload-status/nothing")).await.error(404), @r#"upload_not_found: there is no upload "nothing" that you may see"#);
}

#[tokio::test]
async fn bad_requests_say_what_is_wrong() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let good = STANDARD.encode(bundle(&sample("abc", 1)));
    let mut errors = Vec::new();
    for (query, body) in [
        ("", json!({})),
        ("", json!([good, "keepuploaded"])),
        ("", json!("text")),
        ("", json!({ "output": 7 })),
        ("", json!({ "output": null })),
        ("", json!({ "output": "!!not base64!!" })),
        ("", json!({ "output": STANDARD.encode("not gzip") })),
        ("", json!({ "output": good, "mergeMode": "overwrite" })),
        ("", json!({ "output": good, "finalizeAction": "openMergeRequest" })),
        ("", json!({ "pruneStaleSlxs": "yes", "output": good })),
        ("", json!({ "output": good, "dryRun": "yes" })),
    ] {
        let answer = app.post(&format!("{UPLOAD}{query}"), body).await;
        let status = answer.status.as_u16();
        errors.push(format!("{status} {}", answer.error(status)));
    }
    insta::assert_snapshot!(errors.join("\n"), @r#"
    422 missing_field: the field output is missing, expected the bundle (gzip tar) in base64
    422 not_an_object: the body must be a JSON object
    422 not_an_object: the body must be a JSON object
    422 wrong_shape: the body has the wrong shape: invalid type: integer `7`, expected a string at line 1 column 11
    422 wrong_shape: the body has the wrong shape: invalid type: null, expected a string at line 1 column 14
    422 bad_base64: the field output is not base64: Invalid symbol 33, offset 0.
    422 bundle_not_gzip: the bundle is not a gzip file: it begins with [6e, 6f, 74, 20], not with [1f, 8b]
    422 unknown_merge_mode: the merge mode "overwrite" is not known; choose keepexisting, keepuploaded or threeway
    422 unknown_finalize_action: the finalizeAction "openMergeRequest" is not known; choose mergeToMain
    422 wrong_shape: the body has the wrong shape: invalid type: string "yes", expected a boolean at line 1 column 23
    422 wrong_shape: the body has the wrong shape: invalid type: string "yes", expected a boolean at line 1 column 1295
    "#);
    assert_eq!(app.commits(), 1);
    for output in ["!!not base64!!".to_owned(), STANDARD.encode("not gzip")] {
        let body = app.post(UPLOAD, json!({ "output": output })).await.expect(422);
        let entry = json!({ "path": "", "line": 0, "column": 0, "pointer": "", "code": body["code"], "message": body["detail"] });
        assert_eq!(body["errors"], json!([entry]));
    }
}

#[tokio::test]
async fn an_upload_can_be_bound_to_a_revision() {
    let app = TestApp::start().await;
    let made = app.create("abc").await;
    app.patch(&format!("{BASE}/abc"), json!({ "displayName": "X" })).await.expect(200);
    let head = app.get(&format!("{BASE}/abc")).await.expect(200)["revision"].clone();
    let body = json!({ "output": STANDARD.encode(bundle(&sample("abc", 1))) }).to_string();
    let bearer = format!("Bearer {ADMIN}");
    let upload = async |revision: &Value| {
        let tag = format!("\"{}\"", revision.as_str().unwrap());
        app.with(Method::POST, UPLOAD, &[("authorization", &bearer), ("if-match", &tag)], &body).await
    };
    assert!(upload(&made["revision"]).await.error(412).starts_with("revision_changed: "));
    assert_eq!(app.commits(), 2);
    upload(&head).await.expect(200);
    assert_eq!(app.commits(), 3);
}

#[tokio::test]
async fn an_invalid_bundle_changes_nothing_and_says_all() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let mut files = sample("abc", 2);
    for number in 0..2 {
        let path = RepoPath::parse(&format!("slxs/bad-{number}/slx.yaml")).unwrap();
        files.insert(path, Bytes::from_static(b"apiVersion: runwhen.com/v1\nkind: Wrong\n"));
    }
    let answer = app.upload(ADMIN, "abc", &files, Value::Null).await;
    let body = answer.expect(422);
    assert_eq!(body["code"], "invalid_content");
    let errors = body["errors"].as_array().unwrap();
    assert!(
        errors.len() >= 2 && errors[0]["path"] == "slxs/bad-0/slx.yaml" && errors[0]["line"].is_number(),
        "{body:#}"
    );
    let detail = body["detail"].as_str().unwrap();
    assert!(
        detail.starts_with("slxs/bad-0/slx.yaml")
            && detail.contains(" more problem")
            && !detail.contains('\n'),
        "{detail}"
    );
    assert_eq!(app.commits(), 1);
    let history = app.get(&format!("{BASE}/abc/uploads")).await.expect(200);
    assert_eq!((&history["count"], &history["results"][0]["status"]), (&json!(1), &json!("failed")));
    assert_eq!(history["results"][0]["error"]["code"], "invalid_content");
    let id = history["results"][0]["id"].as_str().unwrap();
    let status = app.get(&format!("{BASE}/upload-status/{id}")).await.expect(200);
    assert_eq!((&status["status"], status["error"].as_str()), (&json!("FAILURE"), Some(detail)));
}

#[tokio::test]
async fn history_shows_who_what_and_how() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let answer = app
        .upload(
            ADMIN,
            "abc",
            &sample("abc", 2),
            json!({ "pruneStaleSlxs": true, "build_date": "2026-01-02" }),
        )
        .await
        .expect(200);
    let path = format!("{BASE}/abc/uploads/{}", answer["task_id"].as_str().unwrap());
    let row = app.get(&path).await.expect(200);
    insta::assert_json_snapshot!(row, {".id" => "[id]", ".commit" => "[commit]", ".createdAt" => "[time]", ".queuedAt" => "[time]", ".startedAt" => "[time]", ".finishedAt" => "[time]", ".sha256" => "[hash]", ".sizeBytes" => "[bytes]", ".counts" => "[counts]"}, @r#"
    {
      "id": "[id]",
      "status": "succeeded",
      "via": "inline",
      "who": "admin@example.com",
      "sha256": "[hash]",
      "sizeBytes": "[bytes]",
      "options": {
        "mergeMode": "keepuploaded",
        "pruneStaleSlxs": true,
        "pruneStaleResources": false,
        "allowMassPrune": false,
        "buildDate": "2026-01-02"
      },
      "commit": "[commit]",
      "counts": "[counts]",
      "error": null,
      "bundleKept": false,
      "completedBy": "client",
      "attempts": 1,
      "createdAt": "[time]",
      "expiresAt": null,
      "queuedAt": "[time]",
      "startedAt": "[time]",
      "nextAttemptAt": null,
      "finishedAt": "[time]"
    }
    "#);
    app.create("other").await;
    app.get(&path.replace("/abc/", "/other/")).await.error(404);
}

#[tokio::test]
async fn a_mass_prune_needs_a_word() {
    let app = TestApp::start().await;
    app.create("abc").await;
    app.upload(ADMIN, "abc", &sample("abc", 12), Value::Null).await.expect(200);
    let few = sample("abc", 2);
    let refused = app.upload(ADMIN, "abc", &few, json!({ "pruneStaleSlxs": true })).await.error(409);
    assert!(refused.starts_with("prune_guard: the upload would prune 10 of the 12 SLXs"), "{refused}");
    assert!(
        refused.contains("send it again with allowMassPrune=true")
            && refused.contains("spec.uploads.allowMassPrune"),
        "{refused}"
    );
    let body = json!({ "output": STANDARD.encode(bundle(&few)), "pruneStaleSlxs": true });
    let done = app.post(&format!("{UPLOAD}?allowMassPrune=true"), body).await.expect(200);
    assert_eq!(done["summary"]["counts"]["pruned"], 10);
    assert_eq!(app.committed().len(), 6);
    let empty = app.upload(ADMIN, "abc", &sample("abc", 0), Value::Null).await.error(422);
    assert!(empty.starts_with("empty_bundle: "), "{empty}");
}

#[tokio::test]
async fn two_uploads_at_once_both_land() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let files = sample("abc", 8);
    let names: std::collections::BTreeSet<_> =
        files.keys().filter_map(|path| path.as_str().strip_suffix("/slx.yaml")).map(str::to_owned).collect();
    let middle = names.iter().nth(4).unwrap().clone();
    let part = |first: bool| {
        let mut part = files.clone();
        part.retain(|path, _| {
            !path.as_str().starts_with("slxs/") || (path.as_str() < middle.as_str()) == first
        });
        part
    };
    let (left, right) = (part(true), part(false));
    let (one, two) = tokio::join!(
        app.upload(ADMIN, "abc", &left, Value::Null),
        app.upload(ADMIN, "abc", &right, Value::Null)
    );
    one.expect(200);
    two.expect(200);
    assert_eq!(app.committed().len(), 24);
    assert_eq!(app.commits(), 3);
    app.git(&["fsck", "--strict"]);
}
