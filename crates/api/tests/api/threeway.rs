//! Uploads that are merged in three ways.

use std::fmt::Write as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use workstead_core::path::RepoPath;

use crate::app::{ADMIN, Answer, BASE, Files, TestApp, bundle};

const UPLOAD: &str = "/api/v3/workspaces/abc/upload";
const SLX: &str = "slxs/web/slx.yaml";

/// What the builder makes of one SLX.
fn made(alias: &str, statement: &str, tags: &[&str]) -> Files {
    let annotations = "  annotations:\n    internal.runwhen.com/generated-by: workspace-builder:east\n";
    let mut slx = format!(
        "apiVersion: runwhen.com/v1\nkind: ServiceLevelX\nmetadata:\n  name: abc--web\n  labels:\n    workspace: abc\n    slx: abc--web\n{annotations}    fullSlxName: web\nspec:\n  alias: {alias}\n  statement: {statement}\n  tags:\n"
    );
    for tag in tags {
        writeln!(slx, "  - name: {tag}\n    value: x").unwrap();
    }
    let workspace = format!(
        "apiVersion: runwhen.com/v1\nkind: Workspace\nmetadata:\n  name: abc\n{annotations}spec:\n  slxGroups:\n  - name: G\n    slxs:\n    - web\n"
    );
    let file = |path: &str, text: String| (RepoPath::parse(path).unwrap(), text.into());
    [file(SLX, slx), file("slxs/web/notes.md", format!("{statement}\n")), file("workspace.yaml", workspace)]
        .into_iter()
        .collect()
}

/// Makes a workspace with one uploaded SLX, in which people have another alias, a tag and a comment.
async fn with_edited_slx() -> TestApp {
    let app = TestApp::start().await;
    app.create("abc").await;
    app.upload(ADMIN, "abc", &made("Web", "runs", &["a", "b"]), Value::Null).await.expect(200);
    let text = app.git(&["show", &format!("main:{SLX}")]);
    let text = text.replace("alias: Web", "alias: Our Web # as we say").replace(
        "  - name: a\n    value: x\n",
        "  - name: a\n    value: x\n  # ours\n  - name: z\n    value: y\n",
    );
    let body = json!({ "commit_msg": "Edit", "files": { "slx.yaml": text } });
    app.post(&format!("{BASE}/abc/branches/main/slxs/web"), body).await.expect(200);
    app
}

/// Returns the request's body without options.
fn output(files: &Files) -> Value {
    json!({ "output": STANDARD.encode(bundle(files)) })
}

async fn upload(app: &TestApp, files: &Files, conflict: Option<&str>) -> Answer {
    let mut options = json!({ "mergeMode": "threeway" });
    if let Some(conflict) = conflict {
        options["conflict"] = conflict.into();
    }
    app.upload(ADMIN, "abc", files, options).await
}

#[tokio::test]
async fn what_both_sides_changed_is_joined_field_by_field() {
    let app = with_edited_slx().await;
    let files = made("Web", "runs well", &["a", "b", "c"]);
    let answer = upload(&app, &files, None).await.expect(200);
    assert_eq!(
        (&answer["summary"]["changed"], &answer["summary"]["conflicts"]),
        (&json!(["web"]), &json!([]))
    );
    insta::assert_snapshot!(app.git(&["diff", "--unified=0", "--no-prefix", "main~1", "main", "--", "slxs"]), @"
    diff --git slxs/web/notes.md slxs/web/notes.md
    index 344f079..1d4a0cf 100644
    --- slxs/web/notes.md
    +++ slxs/web/notes.md
    @@ -1 +1 @@
    -runs
    +runs well
    diff --git slxs/web/slx.yaml slxs/web/slx.yaml
    index 4036311..37352c5 100644
    --- slxs/web/slx.yaml
    +++ slxs/web/slx.yaml
    @@ -13 +13 @@ spec:
    -  statement: runs
    +  statement: runs well
    @@ -21,0 +22,2 @@ spec:
    +  - name: c
    +    value: x
    ");
    let again = upload(&app, &files, None).await.expect(200);
    assert_eq!((&again["status"], &again["commit"]), (&json!("duplicate_skipped"), &answer["commit"]));
}

#[tokio::test]
async fn conflicts_are_settled_as_the_upload_says() {
    let app = with_edited_slx().await;
    let before = app.git(&["for-each-ref"]);
    let files = made("The Web", "runs well", &["a", "b"]);
    let refused = upload(&app, &files, Some("fail")).await;
    let body = refused.json();
    // Who may only upload learns where, but no value of the repository.
    let config = app.get(&format!("{BASE}/abc/upload-config")).await.expect(200);
    let options = json!({ "mergeMode": "threeway", "conflict": "fail" });
    let scoped = app.upload(config["token"].as_str().unwrap(), "abc", &files, options).await;
    assert_eq!(scoped.json()["errors"][0]["field"], "/spec/alias");
    assert!(!scoped.json().to_string().contains("Our Web"));
    assert_eq!(scoped.status, 409);
    insta::assert_snapshot!(refused.error(409), @"merge_conflict: people and the builder changed 1 field in different ways, the first is `slxs/web/slx.yaml` /spec/alias [both_changed]: settle them in the repository, or send conflict=existing or conflict=uploaded");
    insta::assert_json_snapshot!(body["errors"], @r#"
    [
      {
        "name": "web",
        "path": "slxs/web/slx.yaml",
        "line": 0,
        "column": 0,
        "pointer": "/spec/alias",
        "field": "/spec/alias",
        "code": "both_changed",
        "message": "people and the builder changed it in different ways",
        "base": "\"Web\"",
        "existing": "\"Our Web\"",
        "uploaded": "\"The Web\""
      }
    ]
    "#);
    assert_eq!(app.git(&["for-each-ref"]), before);

    let kept = upload(&app, &files, None).await.expect(200);
    insta::assert_json_snapshot!(kept["summary"]["conflicts"], @r#"
    [
      {
        "name": "web",
        "path": "slxs/web/slx.yaml",
        "field": "/spec/alias",
        "code": "both_changed",
        "resolution": "existing"
      }
    ]
    "#);
    assert_eq!(kept["summary"]["counts"]["conflicts"], 1);
    let text = app.git(&["show", &format!("main:{SLX}")]);
    assert!(text.contains("alias: Our Web # as we say\n  statement: runs well\n"), "{text}");

    let files = made("A Web", "runs well", &["a", "b"]);
    let taken = app.post(&format!("{UPLOAD}?mergeMode=threeway&conflict=uploaded"), output(&files)).await;
    let taken = taken.expect(200);
    assert_eq!(taken["summary"]["conflicts"][0]["resolution"], "uploaded");
    let text = app.git(&["show", &format!("main:{SLX}")]);
    assert!(text.contains("alias: A Web # as we say\n"), "{text}");
}

#[tokio::test]
async fn a_conflict_is_settled_with_threeway_only() {
    let app = with_edited_slx().await;
    let files = made("Web", "runs", &["a", "b"]);
    let commits = app.commits();
    let options = json!({ "mergeMode": "keepexisting", "conflict": "fail" });
    let refused = app.upload(ADMIN, "abc", &files, options).await.error(422);
    insta::assert_snapshot!(refused, @"conflict_without_threeway: the option conflict has a meaning with mergeMode=threeway only; choose that merge mode, or leave conflict out");
    insta::assert_snapshot!(upload(&app, &files, Some("ours")).await.error(422), @r#"unknown_conflict: the option conflict is "ours", expected existing, uploaded or fail; choose one"#);
    insta::assert_snapshot!(app.get(&format!("{UPLOAD}?conflict=existing")).await.error(422), @"conflict_without_threeway: the option conflict has a meaning with mergeMode=threeway only; choose that merge mode, or leave conflict out");
    app.get(&format!("{UPLOAD}?conflict=existing&mergeMode=threeway")).await.expect(200);
    assert_eq!(app.commits(), commits);
}
