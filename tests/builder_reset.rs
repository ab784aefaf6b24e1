//! The pipeline that the workspace builder's own project runs: empty the repository by Git, then upload again.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Answer, Git, ServerOptions, TestServer, cleaned, workspace_files};

const WORKSPACE: &str = "shop";
const BASE: &str = "/api/v3/workspaces/shop";
const PREFIX: &str = "/platform-cluster-01";
const MANIFEST: &str = ".workspace-builder-manifest.yaml";

/// Clones with the first pair of `get-gitlab-sas` in the address, as the pipeline does: no other token is sent.
fn cloned(server: &TestServer) -> Git {
    let users = server.get(&format!("{BASE}/get-gitlab-sas")).expect(200).json;
    let writer = users["users"].as_array().unwrap().iter().find(|user| user["is_readonly"] == false).unwrap();
    let text = |key: &str| writer[key].as_str().unwrap();
    let host = server.url.strip_prefix("http://").unwrap();
    let address = format!("http://{}:{}@{host}{PREFIX}/{WORKSPACE}.git", text("username"), text("password"));
    let target = server.root.path().join("clone");
    let mut clone = std::process::Command::new("git");
    let cloned = cleaned(&mut clone, server.root.path()).args(["clone", "--quiet", &address]).arg(&target);
    assert!(cloned.status().unwrap().success());
    let git = server.git(&target).with_token("none");
    // An empty header is none: what stands in the address counts.
    git.ok(&["config", "http.extraHeader", ""]);
    git
}

/// Empties the list of groups, as `yq` does; it is a block below `spec`.
fn without_groups(text: &str) -> String {
    let (before, groups) = text.split_once("  slxGroups:\n").expect("groups");
    let is_of_groups = |line: &&str| line.starts_with("  -") || line.starts_with("   ");
    let after = groups.lines().skip_while(is_of_groups).map(|line| format!("{line}\n"));
    format!("{before}  slxGroups: []\n{}", after.collect::<String>())
}

fn ready(server: &TestServer) -> Value {
    server.get(&format!("{BASE}/sync-status")).expect(200).json["status"].clone()
}

/// Polls until the server has applied a commit.
fn applied(server: &TestServer, commit: &str) -> Value {
    let since = Instant::now();
    loop {
        let status = ready(server);
        let is_ready =
            status["conditions"][0]["type"] == "Ready" && status["conditions"][0]["status"] == "True";
        if is_ready && status["lastAppliedRevision"].as_str().is_some_and(|at| at.contains(commit)) {
            return status;
        }
        assert!(since.elapsed() < Duration::from_mins(1), "{commit} is not applied: {status}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn upload(server: &TestServer) -> Answer {
    let files = workspace_files(WORKSPACE, &["one", "two", "three"]);
    server.upload(WORKSPACE, &files, &json!({ "mergeMode": "keepuploaded", "pruneStaleSlxs": true }))
}

#[test]
fn what_was_emptied_by_git_comes_back_by_the_next_upload() {
    let environment = vec![("WORKSTEAD_GIT_ALIAS_PREFIX", PREFIX.to_owned())];
    let mut server = TestServer::start_with(&ServerOptions { environment, ..ServerOptions::default() });
    server.create(WORKSPACE);
    upload(&server).expect(200);
    let writer = server.sign_up("ci@example.com", WORKSPACE, "readwrite");
    let admin = std::mem::replace(&mut server.token, writer);
    let work = cloned(&server);
    work.ok(&["rm", "-r", "--quiet", "slxs", MANIFEST]);
    work.write("workspace.yaml", &without_groups(&work.read("workspace.yaml")));
    let commit = work.commit("Start anew");
    work.ok(&["-c", "http.extraHeader=", "push", "--quiet", "origin", "HEAD:main"]);
    let status = applied(&server, &commit);
    assert_eq!(status["inventory"]["entries"], json!([]), "{status}");
    let answer = upload(&server).expect(200).json;
    assert_eq!(answer["summary"]["counts"]["added"], 3, "{answer}");
    assert_eq!(answer["summary"]["tombstoned"], json!([]), "{answer}");
    let status = applied(&server, answer["commit"].as_str().unwrap());
    assert_eq!(status["inventory"]["entries"].as_array().unwrap().len(), 3, "{status}");
    server.token = admin;
    server.git(&server.repository()).fsck();
}

#[test]
fn the_alias_asks_for_a_token_and_offers_no_more_than_the_address() {
    let environment = vec![("WORKSTEAD_GIT_ALIAS_PREFIX", PREFIX.to_owned())];
    let server = TestServer::start_with(&ServerOptions { environment, ..ServerOptions::default() });
    server.create(WORKSPACE);
    for path in ["", "/", "/shop.git/info/refs?service=git-upload-pack", "/nowhere.git/HEAD"] {
        server.get_anonymous(&format!("{PREFIX}{path}")).expect(401);
    }
    let listed = server.get(&format!("{PREFIX}/shop.git/info/refs?service=git-upload-pack")).expect(200).text;
    assert!(listed.starts_with("001e# service=git-upload-pack\n0000"), "{listed}");
    server.get(&format!("{PREFIX}/shop.git/HEAD")).expect(404);
    server.get("/platform-cluster-02/shop.git/info/refs?service=git-upload-pack").expect(404);
}
