//! The MCP servers that people run, unmodified from `PyPI`, against the real binary.

mod commits;
mod expected;
mod people;

use serde_json::{Value, json};
use ureq::http::Method;

use crate::support::{
    Content, McpClient, Release, ServerOptions, TestServer, mcp_is_here, send, workspace_files,
};

const WORKSPACE: &str = "shop";
const OBJECT: &str = "/api/v3/workspaces/shop";
/// Two pages of the current release are not enough for all of them.
const SLXS: usize = 230;

/// Starts a server with a workspace that has a name for people, a location and secrets.
fn open_shop(locations: &[&str]) -> TestServer {
    open_shop_with(locations, &ServerOptions::default())
}

fn open_shop_with(locations: &[&str], options: &ServerOptions) -> TestServer {
    let server = TestServer::start_with(options);
    let shop = json!({"name": WORKSPACE, "displayName": "The Shop", "enabledLocations": locations});
    server.post("/api/v3/workspaces/", &shop).expect(201);
    let secrets = json!({"secrets": {"kubeconfig": "a", "api-token": "b"}});
    server.post(&format!("{OBJECT}/secrets"), &secrets).expect(201);
    server
}

fn runbook_yaml(name: &str, location: &str) -> String {
    format!(
        "apiVersion: runwhen.com/v1
kind: Runbook
metadata:
  name: {WORKSPACE}--{name}
  labels:
    slx: {WORKSPACE}--{name}
    workspace: {WORKSPACE}
spec:
  location: {location}
  codeBundle:
    repoUrl: https://github.com/example/health.git
    ref: v2
    pathToRobot: codebundles/health/runbook.robot
  configProvided:
  - name: REPLICAS
    value: '3'
  secretsProvided:
  - name: kubeconfig
    workspaceKey: kubeconfig
"
    )
}

fn name_of(number: usize) -> String {
    format!("slx-{number:03}")
}

/// Returns many SLXs, the first of them with a runbook.
fn many_slxs() -> Content {
    let names: Vec<String> = (0..SLXS).map(name_of).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut files = workspace_files(WORKSPACE, &names);
    files.insert("slxs/slx-000/runbook.yaml".to_owned(), runbook_yaml("slx-000", "location-01"));
    files
}

/// Registers a runner at the workspace's location, as the runner itself does.
fn register_runner(server: &TestServer) {
    let token = server.get(&format!("{OBJECT}/runner-token")).expect(200);
    let bearer = format!("Bearer {}", token.field("token"));
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let url = format!("{}/api/v3/runners/register", server.url);
    send(Method::POST, &url, &headers, Some(br#"{"name": "runner-a"}"#)).expect(201);
}

/// Every tool takes the workspace's name.
fn in_shop(mut arguments: Value) -> Value {
    arguments["workspace_name"] = json!(WORKSPACE);
    arguments
}

fn everything_is_read(release: Release) {
    if !mcp_is_here() {
        return;
    }
    let server = open_shop(&["location-01"]);
    server.create("bakery");
    server.upload(WORKSPACE, &many_slxs(), &json!({})).expect(200);
    register_runner(&server);
    let mut client = McpClient::start(&server, release);

    let listed = client.tool("list_workspaces", &json!({}));
    let expected = json!([
        {"name": "bakery", "displayName": "bakery"},
        {"name": "shop", "displayName": "The Shop"},
    ]);
    assert_eq!(listed, expected);

    let slxs = client.tool("get_workspace_slxs", &in_shop(json!({})));
    assert_eq!(slxs["count"], SLXS);
    assert_eq!(slxs["next"], Value::Null);
    let rows = slxs["results"].as_array().unwrap();
    let names: Vec<&str> = rows.iter().map(|row| row["shortName"].as_str().unwrap()).collect();
    assert_eq!(names, (0..SLXS).map(name_of).collect::<Vec<_>>());
    let mut ids: Vec<i64> = rows.iter().map(|row| row["id"].as_i64().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), SLXS, "the ids are not all different");
    assert_eq!(rows[0]["name"], "shop--slx-000");
    assert_eq!((&rows[0]["hasRunbook"], &rows[1]["hasRunbook"]), (&json!(true), &json!(false)));

    // The name that people know it by finds it too.
    let asked = json!({"workspace_name": "the shop", "slx_name": "slx-000"});
    let runbook = client.tool("get_slx_runbook", &asked);
    assert_eq!(runbook["name"], "shop--slx-000");
    let expected = json!({
        "location": "location-01",
        "codeBundle": {
            "repoUrl": "https://github.com/example/health.git",
            "ref": "v2",
            "pathToRobot": "codebundles/health/runbook.robot",
        },
        "configProvided": [{"name": "REPLICAS", "value": "3"}],
        "secretsProvided": [{"name": "kubeconfig", "workspaceKey": "kubeconfig"}],
    });
    assert_eq!(runbook["spec"], expected);
    let told = client.refused("get_slx_runbook", &in_shop(json!({"slx_name": "slx-001"})));
    assert!(told.contains("404"), "{told}");
    let told = client.refused("get_slx_runbook", &json!({"workspace_name": "nowhere", "slx_name": "a"}));
    assert!(told.contains("Workspace 'nowhere' not found"), "{told}");

    let index = client.tool("get_workspace_config_index", &in_shop(json!({})));
    assert_eq!(index["slxs"].as_array().unwrap().len(), SLXS);
    assert_eq!(index["counts"]["runbooks"], 1);
    assert_eq!(index["revision"], server.get(OBJECT).expect(200).json["revision"]);

    let secrets = client.tool("get_workspace_secrets", &in_shop(json!({})));
    assert_eq!(secrets["secrets"], json!(["api-token", "kubeconfig"]));
    if release == Release::August {
        assert_eq!(secrets["platform_groups"]["kubernetes"], json!(["kubeconfig"]));
    }

    let locations = client.tool("get_workspace_locations", &in_shop(json!({})));
    let listed = if release == Release::May { &locations } else { &locations["locations"] };
    let listed = listed.as_array().unwrap();
    assert_eq!(listed.len(), 1, "{locations}");
    // The runner there is no location of its own, and its name is none.
    assert_eq!((&listed[0]["name"], &listed[0]["value"]), (&json!("location-01"), &json!("location-01")));
    assert_eq!(listed[0]["health"], "healthy");
    if release == Release::August {
        assert_eq!(locations["recommended"], "location-01", "{locations}");
        assert_eq!(locations["auto_resolves"], true, "{locations}");
    }
}

#[test]
fn the_release_of_may_reads_everything() {
    everything_is_read(Release::May);
}

#[test]
fn the_release_of_august_reads_everything() {
    everything_is_read(Release::August);
}
