//! `/workspaces/{workspace}/default-manifest/{type}`.

use axum::http::Method;
use serde_json::{Value, json};

use crate::app::{ADMIN, BASE, TestApp};
use crate::conforms::assert_conforms;

const TYPES: [&str; 10] = [
    "workspace",
    "slx",
    "sli",
    "slo",
    "runbook",
    "workflow",
    "persona",
    "workspaceinfo",
    "uploadinfo",
    "helm-values",
];

fn path(kind: &str) -> String {
    format!("{BASE}/abc/default-manifest/{kind}")
}

async fn start() -> TestApp {
    let app = TestApp::start().await;
    app.post(BASE, json!({ "name": "abc", "enabledLocations": ["loc-1", "loc-2"] })).await.expect(201);
    app
}

async fn yaml(app: &TestApp, path: &str) -> String {
    let answer = app.get(path).await;
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    assert_eq!(answer.header("content-type"), "application/yaml");
    String::from_utf8(answer.body.to_vec()).unwrap()
}

#[tokio::test]
async fn every_type_comes_as_json_and_as_yaml_that_says_the_same() {
    let app = start().await;
    for kind in TYPES {
        let answer = app.get(&path(kind)).await;
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("vary"), "Authorization, Accept");
        assert_conforms(&app, "/api/v3/workspaces/{workspace}/default-manifest/{type}", &answer).await;
        let json = answer.expect(200);
        let text = yaml(&app, &format!("{}?format=yaml", path(kind))).await;
        assert!(text.starts_with("# "), "{kind} has comments: {text}");
        assert_eq!(workstead_core::yaml::parse(&text).unwrap().to_json(), json, "{kind}");
        for known in ["abc", "loc-1", "admin@example.com"] {
            let is_left_out = matches!(
                (kind, known),
                ("sli" | "slo" | "runbook" | "workflow" | "persona", "admin@example.com")
                    | ("slx" | "slo" | "workflow" | "persona", "loc-1")
            );
            assert!(is_left_out || text.contains(known), "{kind} does not say {known}: {text}");
        }
    }
}

#[tokio::test]
async fn yaml_is_asked_for_by_accept_too_and_has_its_files_name() {
    let app = start().await;
    let bearer = format!("Bearer {ADMIN}");
    let headers = [("authorization", bearer.as_str()), ("accept", "application/yaml")];
    for (kind, file) in
        [("slx", "slx.yaml"), ("workspaceinfo", "workspaceInfo.yaml"), ("helm-values", "values.yaml")]
    {
        let answer = app.with(Method::GET, &path(kind), &headers, "").await;
        assert_eq!(answer.header("content-type"), "application/yaml");
        assert_eq!(answer.header("content-disposition"), format!("attachment; filename=\"{file}\""));
    }
    let refused = app.get(&format!("{}?format=toml", path("slx"))).await.error(400);
    assert_eq!(refused, "invalid_parameter: the parameter format is \"toml\", expected json or yaml");
}

#[tokio::test]
async fn the_name_is_that_of_the_slx_in_every_template() {
    let app = start().await;
    for name in ["web", "abc--web"] {
        for kind in ["slx", "sli", "slo", "runbook", "workflow"] {
            let manifest = app.get(&format!("{}?name={name}", path(kind))).await.expect(200);
            assert_eq!(manifest["metadata"]["labels"]["slx"], "abc--web", "{kind}");
        }
        let workspace = app.get(&format!("{}?name={name}", path("workspace"))).await.expect(200);
        assert_eq!(workspace["spec"]["slxGroups"][0]["slxs"], json!(["web"]));
    }
    let unnamed = app.get(&path("slx")).await.expect(200);
    assert_eq!(unnamed["metadata"]["name"], "abc--my-slx");
    let odd = app.get(&format!("{}?name=D%C3%BCv%20%22x%22:%20%23", path("slx"))).await;
    insta::assert_snapshot!(odd.error(422), @r#"invalid_slx_name: SLX name "Düv \"x\": #" holds the character ':'"#);
    for bad in ["..", "a%2Fb", "a%00", ".git", "abc--", &"x".repeat(256)] {
        let refused = app.get(&format!("{}?name={bad}", path("slx"))).await.error(422);
        assert!(refused.starts_with("invalid_slx_name: "), "{bad}: {refused}");
    }
}

#[tokio::test]
async fn the_location_is_the_workspaces_first_or_the_one_that_is_asked_for() {
    let app = start().await;
    app.create("bare").await;
    let location = async |path: String| app.get(&path).await.expect(200)["spec"]["location"].clone();
    assert_eq!(location(path("runbook")).await, "loc-1");
    assert_eq!(location(format!("{}?location=loc-2", path("runbook"))).await, "loc-2");
    assert_eq!(location(format!("{BASE}/bare/default-manifest/runbook")).await, "default");
    let odd =
        yaml(&app, &format!("{}?format=yaml&location=a%0A%22b%22:%20%23%20c", path("uploadinfo"))).await;
    let read = workstead_core::yaml::parse(&odd).unwrap().to_json();
    assert_eq!((&read["locationId"], &read["token"]), (&json!("a \"b\": # c"), &json!("")));
}

#[tokio::test]
async fn an_unknown_type_lists_the_known_ones() {
    let app = start().await;
    insta::assert_snapshot!(app.get(&path("widget")).await.error(404), @r#"manifest_type_not_found: there is no default manifest of type "widget"; the types are workspace, slx, sli, slo, runbook, workflow, persona, workspaceinfo, uploadinfo, helm-values"#);
    assert!(app.get(&path("SLX")).await.error(404).starts_with("manifest_type_not_found"));
    let nowhere = app.get(&format!("{BASE}/other/default-manifest/slx")).await.error(404);
    assert!(nowhere.starts_with("workspace_not_found"), "{nowhere}");
}

#[tokio::test]
async fn all_templates_can_be_committed_and_then_the_workspace_is_theirs() {
    let app = start().await;
    let mut files = crate::app::Files::new();
    for (kind, file) in [
        ("workspace", "workspace.yaml"),
        ("slx", "slxs/my-slx/slx.yaml"),
        ("sli", "slxs/my-slx/sli.yaml"),
        ("slo", "slxs/my-slx/slo.yaml"),
        ("runbook", "slxs/my-slx/runbook.yaml"),
        ("workflow", "workflows/my-workflow.yaml"),
        ("persona", "personas/my-persona.yaml"),
        ("workspaceinfo", "workspaceInfo.yaml"),
        ("uploadinfo", "uploadInfo.yaml"),
        ("helm-values", "helm/values.yaml"),
    ] {
        let text = yaml(&app, &format!("{}?format=yaml", path(kind))).await;
        files.insert(workstead_core::path::RepoPath::parse(file).unwrap(), text.into());
    }
    let answer = app.upload(ADMIN, "abc", &files, Value::Null).await.expect(200);
    assert_eq!(answer["summary"]["counts"]["added"], 1, "{answer}");
    let listed = app.git(&["ls-tree", "-r", "--name-only", "main"]);
    for file in files.keys() {
        assert!(listed.lines().any(|line| line == file.as_str()), "{file} was not committed: {listed}");
    }
    let status = app.get(&format!("{BASE}/abc/status")).await.expect(200);
    assert_eq!((&status["slxCount"], &status["sync"]), (&json!(1), &json!(true)));
}
