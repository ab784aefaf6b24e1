//! The branch routes: the files of an SLX as clients write them.

use axum::http::Method;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::app::{ADMIN, Answer, BASE, TestApp};

const MAIN: &str = "/api/v3/workspaces/abc/branches/main/slxs";
const BRANCHES: &str = "/api/v3/workspaces/abc/branches";

/// What the May client sends: block style, lists not indented.
fn slx_yaml(name: &str, alias: &str) -> String {
    format!(
        "apiVersion: runwhen.com/v1\nkind: ServiceLevelX\nmetadata:\n  name: abc--{name}\n  labels:\n    workspace: abc\n    slx: abc--{name}\n  annotations:\n    internal.runwhen.com/manually-created: 'true'\nspec:\n  alias: {alias} # shown\n  statement: Pods run\n  owners:\n  - a@example.com\n  tags:\n  - name: access\n    value: read-write\n"
    )
}

fn runbook_yaml(name: &str) -> String {
    format!(
        "apiVersion: runwhen.com/v1\nkind: Runbook\nmetadata:\n  name: abc--{name}\n  labels:\n    workspace: abc\n    slx: abc--{name}\nspec:\n  location: loc-1\n  codeBundle:\n    repoUrl: https://example.com/x.git\n    ref: main\n    pathToRobot: a/runbook.robot\n  configProvided:\n  # How it is called.\n  - name: TASK_TITLE\n    value: ''\n"
    )
}

fn files(name: &str, alias: &str) -> Value {
    json!({ "commit_msg": format!("Add task SLX: {alias}"), "files": { "slx.yaml": slx_yaml(name, alias), "runbook.yaml": runbook_yaml(name) } })
}

async fn with_workspace() -> TestApp {
    let app = TestApp::start().await;
    app.create("abc").await;
    app
}

async fn with_web() -> TestApp {
    let app = with_workspace().await;
    app.post(&format!("{MAIN}/web"), files("web", "Web")).await.expect(201);
    app
}

fn show(app: &TestApp, revision: &str) -> String {
    app.git(&["show", revision])
}

fn head(app: &TestApp, branch: &str) -> String {
    app.git(&["rev-parse", branch]).trim().to_owned()
}

#[tokio::test]
async fn a_new_slx_is_one_commit_of_the_caller() {
    let app = with_workspace().await;
    let bearer = format!("Bearer {ADMIN}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
        ("x-request-id", "req-1"),
        ("x-runwhen-mcp-tool", "commit_slx"),
    ];
    let body = files("web", "Web\nRequest-Id: forged");
    let answer = app.with(Method::POST, &format!("{MAIN}/web"), &headers, &body.to_string()).await;
    // The YAML of this one is broken by its alias.
    assert_eq!(answer.status, 422);
    let mut body = files("web", "Web");
    body["commit_msg"] = json!("Add task SLX: Web\n\nRequest-Id: forged\u{7}");
    let answer = app.with(Method::POST, &format!("{MAIN}/web"), &headers, &body.to_string()).await;
    assert_eq!(answer.header("etag"), format!("\"{}\"", head(&app, "main")));
    let answer = answer.expect(201);
    assert_eq!(
        answer,
        json!({ "hexsha": head(&app, "main"), "files": {}, "path": "slxs/web", "branch": "main" })
    );
    assert_eq!(app.commits(), 2);
    insta::assert_snapshot!(app.git(&["log", "-1", "--format=%an <%ae>%n%B", "main"]), @r"
    admin@example.com <admin@example.com>
    Add task SLX: Web Request-Id: forged

    Request-Id: req-1
    Tool: commit_slx
    ");
    assert_eq!(show(&app, "main:slxs/web/slx.yaml"), slx_yaml("web", "Web"));
    assert_eq!(show(&app, "main:slxs/web/runbook.yaml"), runbook_yaml("web"));
    // It can be read at once, everywhere.
    let row = app.get("/api/v3/workspaces/abc/slxs/web").await.expect(200);
    assert_eq!((&row["alias"], &row["hasRunbook"]), (&json!("Web"), &json!(true)));
}

#[tokio::test]
async fn named_files_are_written_and_others_stay() {
    let app = with_web().await;
    let path = format!("{MAIN}/abc--web");
    let body = json!({ "commitMsg": "Notes", "files": { "NOTES.md": "Hello", "slx.yaml": slx_yaml("web", "Front") } });
    let answer = app.post(&path, body.clone()).await.expect(200);
    assert_eq!(answer["path"], "slxs/web");
    assert_eq!(app.git(&["log", "-1", "--format=%s", "main"]), "Notes\n");
    assert_eq!(app.git(&["ls-tree", "--name-only", "main:slxs/web"]), "NOTES.md\nrunbook.yaml\nslx.yaml\n");
    // The same again is no commit.
    assert_eq!(app.post(&path, body).await.expect(200)["hexsha"], answer["hexsha"]);
    assert_eq!(app.commits(), 3);
    let gone = json!({ "files": { "NOTES.md": null, "runbook.yaml": null, "never.md": null } });
    app.post(&path, gone).await.expect(200);
    assert_eq!(app.git(&["ls-tree", "--name-only", "main:slxs/web"]), "slx.yaml\n");
    assert_eq!(app.git(&["log", "-1", "--format=%s", "main"]), "Change SLX web\n");
    let read = app.get(&path).await.expect(200);
    assert_eq!(read["files"], json!({ "slx.yaml": slx_yaml("web", "Front") }));
    assert_eq!(read["hexsha"], head(&app, "main").as_str());
}

#[tokio::test]
async fn a_patch_keeps_comments() {
    let app = with_web().await;
    let file = format!("{MAIN}/web/runbook.yaml");
    let patch = json!({ "patch": { "spec": { "location": "loc-2", "secretsProvided": null } } });
    let answer = app.patch(&file, patch.clone()).await.expect(200);
    assert_eq!(
        answer,
        json!({ "hexsha": head(&app, "main"), "files": {}, "path": "slxs/web", "branch": "main" })
    );
    assert_eq!(show(&app, "main:slxs/web/runbook.yaml"), runbook_yaml("web").replace("loc-1", "loc-2"));
    assert_eq!(app.git(&["log", "-1", "--format=%s", "main"]), "Change runbook.yaml of SLX web\n");
    app.patch(&format!("{MAIN}/web/runbook"), patch).await.expect(200);
    assert_eq!(app.commits(), 3);
    let said = json!({ "commit_msg": "Rename", "patch": { "spec": { "alias": "Front" } } });
    app.patch(&format!("{MAIN}/web/slx.yaml"), said).await.expect(200);
    assert_eq!(show(&app, "main:slxs/web/slx.yaml"), slx_yaml("web", "Front"));
    let patch = async |patch: Value| app.patch(&file, json!({ "patch": patch })).await.error(422);
    insta::assert_snapshot!(patch(json!([1])).await, @r#"invalid_patch: the field patch must be an object like {"spec": {"alias": "New name"}}"#);
    insta::assert_snapshot!(patch(json!({ "spec": { "location": [3] } })).await, @"invalid_content: slxs/web/runbook.yaml:10:5: `spec.location` must be a string, not a list [wrong_type]");
    insta::assert_snapshot!(app.patch(&format!("{MAIN}/web/sli"), json!({ "patch": {} })).await.error(404), @r#"file_not_found: SLX web of workspace abc has no YAML file "sli.yaml""#);
    insta::assert_snapshot!(app.patch(&format!("{MAIN}/gone/slx"), json!({ "patch": {} })).await.error(404), @r#"file_not_found: SLX gone of workspace abc has no YAML file "slx.yaml""#);
    assert_eq!(app.commits(), 4);
}

#[tokio::test]
async fn a_deletion_takes_the_references_along() {
    let app = with_web().await;
    app.post(&format!("{MAIN}/api"), files("api", "API")).await.expect(201);
    let groups = json!({ "slxGroups": { "front": { "slxs": ["web", "api"] } } });
    app.patch(&format!("{BASE}/abc"), groups).await.expect(200);
    let bearer = format!("Bearer {ADMIN}");
    // As the May client sends it: a type, and nothing of it.
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let answer = app.with(Method::DELETE, &format!("{MAIN}/web"), &headers, "").await.expect(200);
    assert_eq!(answer["hexsha"], head(&app, "main").as_str());
    assert_eq!(app.committed().keys().collect::<Vec<_>>(), ["slxs/api/runbook.yaml", "slxs/api/slx.yaml"]);
    let workspace = app.get(&format!("{BASE}/abc")).await.expect(200);
    assert_eq!(workspace["slxGroups"]["front"]["slxs"], json!(["api"]));
    insta::assert_snapshot!(app.delete(&format!("{MAIN}/web")).await.error(404), @r#"slx_not_found: workspace abc has no SLX "web""#);
    let body = json!({ "commit_msg": "Away with it" });
    app.ask(ADMIN, Method::DELETE, &format!("{MAIN}/api"), body).await.expect(200);
    assert_eq!(app.git(&["log", "-1", "--format=%s", "main"]), "Away with it\n");
    assert_eq!(app.commits(), 6);
}

#[tokio::test]
async fn branches_with_slashes_begin_at_main() {
    let app = with_web().await;
    let main = head(&app, "main");
    for (path, branch) in [
        ("feature/x/slxs/web", "feature/x"),
        ("team%2Fa/slxs/web", "team/a"),
        ("a/slxs/b/slxs/web/", "a/slxs/b"),
    ] {
        let path = format!("{BRANCHES}/{path}");
        let absent = app.get(&path).await.error(404);
        assert_eq!(absent, format!("branch_not_found: workspace abc has no branch {branch}"));
        let body = json!({ "files": { "slx.yaml": slx_yaml("web", branch) } });
        let answer = app.post(&path, body).await.expect(200);
        assert_eq!((&answer["branch"], &answer["hexsha"]), (&json!(branch), &json!(head(&app, branch))));
        assert_eq!(app.git(&["rev-parse", &format!("{branch}^")]).trim(), main);
        let read = app.get(&path).await.expect(200);
        assert_eq!(read["files"]["slx.yaml"], slx_yaml("web", branch));
        let file = path.trim_end_matches('/').to_owned() + "/slx.yaml";
        app.patch(&file, json!({ "patch": { "spec": { "alias": "again" } } })).await.expect(200);
        app.delete(&path).await.expect(200);
        app.get(&path).await.error(404);
        assert_eq!(app.git(&["rev-list", "--count", branch]).trim(), "5");
    }
    // The default branch and its index are where they were.
    assert_eq!(head(&app, "main"), main);
    assert_eq!(app.get("/api/v3/workspaces/abc/slxs/web").await.expect(200)["alias"], "Web");
    let beside = app.post(&format!("{BRANCHES}/feature/slxs/web"), files("web", "Web")).await;
    insta::assert_snapshot!(beside.error(409), @"branch_conflict: branch `feature` can't exist beside branch `feature/x`, because one name continues the other");
    // What changes nothing makes a branch of the same commit.
    let same = app.post(&format!("{BRANCHES}/same/slxs/web"), files("web", "Web")).await.expect(200);
    assert_eq!((&same["hexsha"], head(&app, "same")), (&json!(main), main.clone()));
    for bad in ["a..b", "a%20b", "x.lock"] {
        app.post(&format!("{BRANCHES}/{bad}/slxs/web"), files("web", "Web")).await.error(422);
    }
}

#[tokio::test]
async fn wrong_input_is_named_and_changes_nothing() {
    let app = with_web().await;
    let path = format!("{MAIN}/web");
    let post = async |body: Value| app.post(&path, body).await.error(422);
    insta::assert_snapshot!(post(json!({})).await, @"invalid_files: the field files must be an object of texts by file name");
    insta::assert_snapshot!(post(json!({ "files": {} })).await, @"invalid_files: the field files has 0 entries, expected 1 to 100");
    insta::assert_snapshot!(post(json!({ "files": { "slx.yaml": 3 } })).await, @r#"invalid_files: the file "slx.yaml" must be a text, or null to remove it"#);
    insta::assert_snapshot!(post(json!({ "files": { "../api/slx.yaml": "x" } })).await, @r#"invalid_files: the file name "../api/slx.yaml" must be that of a file in the SLX's directory, without `/` and `~` and not beginning with a dot"#);
    insta::assert_snapshot!(post(json!({ "files": { "a:b": "x" } })).await, @r#"invalid_file_name: path "slxs/web/a:b" holds the character ':'"#);
    insta::assert_snapshot!(post(json!({ "files": { "x": "x" }, "file": {} })).await, @r#"unknown_field: the field "file" is unknown; did you mean files?"#);
    insta::assert_snapshot!(post(json!({ "files": { "x": "x" }, "commit_msg": 3 })).await, @"invalid_field: the field commit_msg is 3, expected a string");
    insta::assert_snapshot!(post(json!({ "files": { "slx.yaml": "a: [" } })).await, @"invalid_content: slxs/web/slx.yaml:2:1: not valid YAML: while parsing a node, did not find expected node content [yaml_syntax]");
    insta::assert_snapshot!(post(json!({ "files": { "slx.yaml": slx_yaml("other", "x") } })).await, @r#"invalid_content: slxs/web/slx.yaml:4:9: `metadata.name` is "abc--other", but must be "abc--web" [wrong_name] (and 1 more problem)"#);
    insta::assert_snapshot!(post(json!({ "files": { "slx.yaml": null } })).await, @r#"invalid_content: slxs/web/runbook.yaml: the SLX "web" has a runbook.yaml but no slx.yaml [slx_missing]"#);
    for bad in [".gitattributes", "GITMOD~1", "a/b", "..", ".", "", "a\nb", "a\\b"] {
        post(json!({ "files": { bad: "x" } })).await;
    }
    let other = app.post(&format!("{MAIN}/WEB"), files("WEB", "Web")).await.error(422);
    assert!(other.starts_with("invalid_content: slxs/"), "{other}");
    insta::assert_snapshot!(app.post(&format!("{MAIN}/..%2Fx"), files("x", "X")).await.error(422), @r#"invalid_slx_name: SLX name "../x" holds the character '/'"#);
    insta::assert_snapshot!(app.post(&format!("{MAIN}/new"), json!({ "files": { "x": null } })).await.error(404), @r#"slx_not_found: workspace abc has no SLX "new""#);
    let bearer = format!("Bearer {ADMIN}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    app.with(Method::POST, &path, &headers, "{").await.error(400);
    app.with(Method::POST, &path, &headers, "").await.error(400);
    app.with(Method::DELETE, &path, &headers, "[]").await.error(422);
    assert_eq!(app.commits(), 2);
}

#[tokio::test]
async fn files_have_a_limit() {
    let app = TestApp::start_with(&[("WORKSTEAD_UPLOAD_MAX_FILE_BYTES", "1000")]).await;
    app.create("abc").await;
    let body = json!({ "files": { "slx.yaml": slx_yaml("web", "Web"), "x.md": "x".repeat(1001) } });
    insta::assert_snapshot!(app.post(&format!("{MAIN}/web"), body).await.error(413), @"too_large: slxs/web/x.md has 1001 bytes, more than the limit of 1000 bytes; send less, or raise WORKSTEAD_UPLOAD_MAX_FILE_BYTES");
    assert_eq!(app.commits(), 1);
}

async fn if_match(app: &TestApp, method: Method, path: &str, tag: &str, body: Value) -> Answer {
    let bearer = format!("Bearer {ADMIN}");
    app.with(method, path, &[("authorization", &bearer), ("if-match", tag)], &body.to_string()).await
}

#[tokio::test]
async fn a_write_may_name_what_it_begins_from() {
    let app = with_web().await;
    let path = format!("{MAIN}/web");
    let old = app.get(&path).await.header("etag").to_owned();
    let body = files("web", "Front");
    if_match(&app, Method::POST, &path, &old, body.clone()).await.expect(200);
    let error = if_match(&app, Method::POST, &path, &old, files("web", "Late")).await.error(412);
    assert!(error.starts_with("revision_changed: the branch is at "), "{error}");
    let late = json!({ "patch": { "spec": { "alias": "Late" } } });
    if_match(&app, Method::PATCH, &format!("{path}/slx"), &old, late).await.error(412);
    if_match(&app, Method::DELETE, &path, &old, json!({})).await.error(412);
    // A new branch begins from main.
    let other = format!("{BRANCHES}/other/slxs/web");
    if_match(&app, Method::POST, &other, &old, body.clone()).await.error(412);
    app.get(&other).await.error(404);
    let tag = app.get(&path).await.header("etag").to_owned();
    if_match(&app, Method::POST, &other, &tag, body).await.expect(200);
    assert_eq!(app.commits(), 3);
}

#[tokio::test]
async fn writers_at_the_same_time_all_get_through() {
    let app = with_workspace().await;
    let names: Vec<String> = (0..12).map(|number| format!("slx-{number}")).collect();
    let post = |name: &String| {
        let (path, body) = (format!("{MAIN}/{name}"), files(name, name));
        let app = &app;
        async move { app.post(&path, body).await.expect(201) }
    };
    join_all(names.iter().map(post)).await;
    assert_eq!(app.commits(), 13);
    let page = app.get("/api/v3/workspaces/abc/slxs").await.expect(200);
    let ids = page["results"].as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap());
    assert_eq!(ids.collect::<std::collections::BTreeSet<_>>(), (1..=12).collect());
    // Twelve on one file and one branch that none of them finds there.
    let post = |number: usize| {
        let body = json!({ "files": { "slx.yaml": slx_yaml("slx-0", &format!("a{number}")) } });
        let app = &app;
        async move { app.post(&format!("{BRANCHES}/new/slxs/slx-0"), body).await.expect(200) }
    };
    join_all((0..12).map(post)).await;
    assert_eq!(app.git(&["rev-list", "--count", "main..new"]).trim(), "12");
}

#[tokio::test]
async fn writing_needs_the_role() {
    let app = with_web().await;
    let roles = ["readonly", "readandrunwithassistant", "readwrite"];
    let permissions: Vec<_> =
        roles.iter().map(|role| json!({ "user": format!("{role}@example.com"), "role": role })).collect();
    app.patch(&format!("{BASE}/abc"), json!({ "permissions": permissions })).await.expect(200);
    let path = format!("{BRANCHES}/x/y/slxs/web");
    for (who, post, read) in [
        ("readonly", 403, 404),
        ("readandrunwithassistant", 403, 404),
        ("stranger", 404, 404),
        ("readwrite", 200, 200),
    ] {
        let token = app.user(&format!("{who}@example.com")).await;
        let body = json!({ "files": { "slx.yaml": slx_yaml("web", who) } });
        let change = json!({ "patch": { "spec": { "alias": "x" } } });
        assert_eq!(app.ask(&token, Method::POST, &path, body).await.status, post, "{who}");
        assert_eq!(
            app.ask(&token, Method::PATCH, &format!("{path}/slx"), change).await.status,
            post,
            "{who}"
        );
        assert_eq!(app.ask(&token, Method::GET, &path, Value::Null).await.status, read, "{who}");
        assert_eq!(app.ask(&token, Method::DELETE, &path, Value::Null).await.status, post, "{who}");
    }
    let author = app.git(&["log", "-1", "--format=%ae", "x/y"]);
    assert_eq!(author, "readwrite@example.com\n");
    assert_eq!(app.ask("", Method::POST, &path, files("web", "x")).await.status, 401);
}
