//! Dry runs: an upload's answer without the upload.

use axum::http::Method;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::app::{ADMIN, BASE, Files, TestApp, bundle, sample};
use crate::presigned::{path_of, put, walk};

const PLAN: &str = "/api/v3/workspaces/abc/upload?dryRun=true";

/// A workspace with so many SLXs of an upload.
async fn uploaded(slxs: usize) -> TestApp {
    let app = TestApp::start().await;
    app.create("abc").await;
    app.upload(ADMIN, "abc", &sample("abc", slxs), Value::Null).await.expect(200);
    app
}

fn body(files: &Files) -> Value {
    json!({ "output": STANDARD.encode(bundle(files)), "mergeMode": "keepuploaded" })
}

/// A bundle of which one SLX says something else.
fn changed(slxs: usize) -> Files {
    let mut files = sample("abc", slxs);
    let path = files.keys().find(|path| path.as_str().ends_with("/slx.yaml")).unwrap().clone();
    let text = String::from_utf8(files[&path].to_vec()).unwrap();
    files.insert(path, text.replacen("alias: ", "alias: The new ", 1).into());
    files
}

/// Everything that a plan might leave behind.
async fn traces(app: &TestApp) -> (Vec<String>, String, i64, Vec<String>) {
    let mut files = walk(&app.repository());
    files.sort();
    let refs = app.git(&["for-each-ref"]);
    (files, refs, app.count("SELECT COUNT(*) FROM uploads").await, walk(&app.data().join("objects")))
}

#[tokio::test]
async fn a_plan_is_the_answer_without_the_upload() {
    let app = uploaded(3).await;
    let before = traces(&app).await;
    let files = changed(4);
    let plan = app.post(PLAN, body(&files)).await.expect(200);
    assert_eq!(traces(&app).await, before);
    assert_eq!(plan["plan"]["base"], app.git(&["rev-parse", "main"]).trim());
    insta::assert_json_snapshot!(plan, {
        ".plan.base" => "[commit]", ".plan.tree" => "[tree]", ".plan.slxs[].name" => "[name]", ".summary.added" => "[names]",
        ".summary.changed" => "[names]", ".plan.files" => "[files]",
    }, @r#"
    {
      "task_id": null,
      "status": "planned",
      "message": "nothing was changed; an upload would have 1 SLX to add, 1 to change, 0 to prune",
      "commit": null,
      "summary": {
        "added": "[names]",
        "changed": "[names]",
        "kept": [],
        "renamed": [],
        "tombstoned": [],
        "pruned": [],
        "prunedKept": [],
        "conflicts": [],
        "warnings": [],
        "counts": {
          "uploaded": 4,
          "added": 1,
          "changed": 1,
          "unchanged": 2,
          "kept": 0,
          "renamed": 0,
          "tombstoned": 0,
          "pruned": 0,
          "prunedKept": 0,
          "conflicts": 0,
          "warnings": 0,
          "filesWritten": 6,
          "filesRemoved": 0
        }
      },
      "plan": {
        "base": "[commit]",
        "tree": "[tree]",
        "changes": true,
        "slxs": [
          {
            "name": "[name]",
            "action": "changed"
          },
          {
            "name": "[name]",
            "action": "added"
          }
        ],
        "files": "[files]",
        "counts": {
          "added": 1,
          "changed": 1,
          "kept": 0,
          "renamed": 0,
          "tombstoned": 0,
          "pruned": 0,
          "conflict": 0,
          "unchanged": 2,
          "filesAdded": 3,
          "filesModified": 3,
          "filesRemoved": 0,
          "slxsOmitted": 0,
          "filesOmitted": 0,
          "diffsOmitted": 0
        },
        "wouldBeRefused": null
      }
    }
    "#);
    let modified = plan["plan"]["files"].as_array().unwrap().iter();
    let modified = modified.filter(|file| file["action"] == "modified" && !file["slx"].is_null());
    let diffs: Vec<_> = modified.map(|file| file["diff"].as_str().unwrap()).collect();
    assert!(diffs.len() == 1 && diffs[0].contains("\n+  alias: The new "), "{diffs:?}");

    // The field of the body says the same, and so does the upload, but for the dates of its manifest.
    let mut asked = body(&files);
    asked["dryRun"] = json!(true);
    let again = app.post("/api/v3/workspaces/abc/upload", asked).await.expect(200);
    assert_eq!((&again["summary"], &again["plan"]["slxs"]), (&plan["summary"], &plan["plan"]["slxs"]));
    let done = app.upload(ADMIN, "abc", &files, Value::Null).await.expect(200);
    assert_eq!(done["summary"], plan["summary"]);
    assert_eq!(app.commits(), 3);
    let nothing = app.post(PLAN, body(&files)).await.expect(200);
    assert_eq!((&nothing["plan"]["changes"], &nothing["plan"]["tree"]), (&json!(false), &head_tree(&app)));
    insta::assert_snapshot!(nothing["message"].as_str().unwrap(), @"the branch holds all of it already; an upload would make no commit");
}

fn head_tree(app: &TestApp) -> Value {
    json!(app.git(&["rev-parse", "main^{tree}"]).trim())
}

#[tokio::test]
async fn a_prune_that_would_be_refused_is_planned() {
    let app = uploaded(8).await;
    let prune = format!("{PLAN}&pruneStaleSlxs=true");
    let answer = app.post(&prune, body(&sample("abc", 2))).await.expect(200);
    insta::assert_json_snapshot!(answer["plan"]["wouldBeRefused"], @r#"
    {
      "code": "prune_guard",
      "detail": "the upload would prune 6 of the 8 SLXs of location \"location-01\", more than half: check that the builder saw everything, then send allowMassPrune=true or set spec.uploads.allowMassPrune: true in workspace.yaml"
    }
    "#);
    insta::assert_snapshot!(answer["message"].as_str().unwrap(), @"nothing was changed; an upload would be refused; it would have 0 SLXs to add, 0 to change, 6 to prune");
    assert_eq!(answer["plan"]["counts"]["pruned"], 6);
    let insisted =
        app.post(&format!("{prune}&allowMassPrune=true"), body(&sample("abc", 2))).await.expect(200);
    assert_eq!(insisted["plan"]["wouldBeRefused"], Value::Null);
    assert_eq!(insisted["plan"]["slxs"], answer["plan"]["slxs"]);
    assert_eq!(app.commits(), 2);
}

#[tokio::test]
async fn what_an_upload_refuses_is_refused() {
    let app = uploaded(1).await;
    let before = traces(&app).await;
    let mut files = sample("abc", 1);
    let path = files.keys().find(|path| path.as_str().ends_with("/slx.yaml")).unwrap().clone();
    files.insert(path, "kind: [".into());
    let answer = app.post(PLAN, body(&files)).await.expect(422);
    assert_eq!(answer["code"], "invalid_content");
    app.post(PLAN, json!({ "output": STANDARD.encode("not gzip") })).await.error(422);
    let head = [("authorization", &*format!("Bearer {ADMIN}")), ("if-match", "\"0123456789\"")];
    let body = body(&sample("abc", 2)).to_string();
    app.with(Method::POST, PLAN, &head, &body).await.error(412);
    assert_eq!(traces(&app).await, before);
}

#[tokio::test]
async fn a_token_that_may_only_upload_sees_no_content() {
    let app = uploaded(2).await;
    let config = format!("{BASE}/abc/generate-workspace-builder-config");
    let token = app.get(&config).await.expect(200)["token"].as_str().unwrap().to_owned();
    let plan = app.ask(&token, Method::POST, PLAN, body(&changed(3))).await.expect(200);
    let seen = app.post(PLAN, body(&changed(3))).await.expect(200);
    assert_eq!(plan["plan"]["slxs"], seen["plan"]["slxs"]);
    let files = |plan: &Value| plan["plan"]["files"].as_array().unwrap().clone();
    assert_eq!(files(&plan).len(), files(&seen).len());
    assert!(files(&seen).iter().all(|file| file["diff"].is_string()));
    assert!(files(&plan).iter().all(|file| {
        file.get("diff").is_none()
            && file.get("linesAdded").is_none()
            && file["diffOmitted"] == "not_readable"
    }));
    let stranger = app.user("stranger@example.com").await;
    app.ask(&stranger, Method::POST, PLAN, body(&changed(3))).await.error(404);
}

#[tokio::test]
async fn a_signed_upload_can_be_a_plan() {
    let app = uploaded(2).await;
    let (repository, refs, ..) = traces(&app).await;
    let signed = app.get(&format!("{PLAN}&mergeMode=keepuploaded")).await.expect(200);
    put(&app, &signed, &bundle(&changed(3))).await.expect(200);
    let complete = path_of(&signed, "completeUrl");
    let changing = app.post(&format!("{complete}?dryRun=false"), Value::Null).await.error(422);
    insta::assert_snapshot!(changing, @"dry_run_fixed: the parameter dryRun is false, but the upload was opened with dryRun=true; open another one");
    let plan = app.post(&complete, Value::Null).await.expect(200);
    assert_eq!((&plan["status"], &plan["commit"]), (&json!("planned"), &Value::Null));
    assert_eq!((&plan["task_id"], &plan["plan"]["counts"]["added"]), (&signed["uploadId"], &json!(1)));
    assert_eq!(app.post(&complete, Value::Null).await.expect(200), plan);
    let task = app.get(&path_of(&signed, "statusUrl")).await.expect(200);
    assert_eq!((&task["status"], &task["result"]), (&json!("SUCCESS"), &plan));

    // Nothing was taken in, and nothing says so.
    let left = traces(&app).await;
    assert_eq!((left.0, left.1), (repository, refs));
    assert!(!left.3.iter().any(|path| path.ends_with(".tar.gz")), "{:?}", left.3);
    let listed = app.get(&format!("{BASE}/abc/uploads")).await.expect(200)["results"][0].clone();
    assert_eq!((&listed["status"], &listed["commit"]), (&json!("planned"), &Value::Null));
    assert_eq!(listed["options"]["dryRun"], true);
    let status = app.get(&format!("{BASE}/abc/status")).await.expect(200);
    assert_eq!(status["lastUpload"]["status"], "succeeded");
    let metrics = app.get(&format!("{BASE}/abc/health?include_metrics=true")).await.expect(200);
    assert_eq!(metrics["metrics"]["uploads"]["succeeded"], 1, "{metrics}");

    // An upload does not become a plan either.
    let signed = app.get(&format!("{BASE}/abc/upload")).await.expect(200);
    put(&app, &signed, &bundle(&changed(3))).await.expect(200);
    let complete = path_of(&signed, "completeUrl");
    app.post(&format!("{complete}?dryRun=true"), Value::Null).await.error(422);
    assert_eq!(app.post(&complete, Value::Null).await.expect(200)["status"], "queued");
}
