//! The pipeline of the workspace builder: credentials, clone, empty the workspace, push, wait, upload again.

use std::time::Instant;

use serde_json::{Value, json};
use ureq::http::Method;

use crate::support::{Content, Git, ServerOptions, TestServer, send, workspace_files};

const WORKSPACE: &str = "shop";
const BASE: &str = "/api/v3/workspaces/shop";
const MANIFEST: &str = ".workspace-builder-manifest.yaml";
/// The token that the tests' `git` sends is dropped, so that the URL's credentials count.
const FROM_URL: [&str; 2] = ["-c", "http.extraHeader="];

fn content() -> Content {
    let mut files = workspace_files(WORKSPACE, &["cart", "web"]);
    let workflow = format!(
        "apiVersion: runwhen.com/v1\nkind: Workflow\nmetadata:\n  name: {WORKSPACE}--cart-down\n  labels:\n    \
         workspace: {WORKSPACE}\n    slx: {WORKSPACE}--cart\nspec:\n  fromActivities: []\n"
    );
    files.insert("workflows/cart-down.yaml".to_owned(), workflow);
    files
}

/// Adds a user who may write, and signs in.
fn writer(server: &TestServer) -> String {
    let (email, password) = ("builder@example.com", "correct horse battery staple");
    server.post("/api/v3/users", &json!({"email": email, "password": password})).expect(201);
    let permissions =
        json!([{"user": "admin@localhost", "role": "admin"}, {"user": email, "role": "readwrite"}]);
    server.patch(BASE, &json!({ "permissions": permissions })).expect(200);
    let credentials = json!({"email": email, "password": password});
    server.post("/api/v3/token", &credentials).expect(200).field("access").to_owned()
}

fn ask(server: &TestServer, token: &str, path: &str) -> Value {
    let bearer = format!("Bearer {token}");
    send(Method::GET, &format!("{}{path}", server.url), &[("authorization", &bearer)], None).expect(200).json
}

/// Clones by what `get-gitlab-sas` gives, as the pipeline writes it into the address.
fn clone(server: &TestServer, token: &str, name: &str) -> Git {
    let made = ask(server, token, &format!("{BASE}/get-gitlab-sas"));
    let user =
        made["users"].as_array().unwrap().iter().find(|user| user["is_readonly"] == json!(false)).unwrap();
    let text = |key: &str| user[key].as_str().unwrap();
    let host = server.url.strip_prefix("http://").unwrap();
    let url = format!(
        "http://{}:{}@{host}/platform-cluster-01/{WORKSPACE}.git",
        text("username"),
        text("password")
    );
    let target = server.root.path().join(name);
    let arguments = ["clone", "--quiet", &url, target.to_str().unwrap()];
    server.git(server.root.path()).ok(&[&FROM_URL[..], &arguments].concat());
    server.git(&target)
}

/// Polls until everything is in force, and returns the inventory.
fn synced(server: &TestServer, token: &str, commit: &str) -> Vec<Value> {
    let since = Instant::now();
    loop {
        let status = ask(server, token, &format!("{BASE}/sync-status"))["status"].clone();
        let ready = &status["conditions"][0];
        if ready["type"] == "Ready" && ready["status"] == "True" && status["lastAppliedRevision"] == commit {
            assert_eq!(ready["reason"], "ReconciliationSucceeded");
            return status["inventory"]["entries"].as_array().unwrap().clone();
        }
        assert!(since.elapsed().as_secs() < 30, "{status}");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

#[test]
fn a_workspace_is_emptied_by_a_push_and_filled_again_by_an_upload() {
    let environment = vec![("WORKSTEAD_GIT_ALIAS_PREFIX", "/platform-cluster-01".to_owned())];
    let server = TestServer::start_with(&ServerOptions { environment, ..ServerOptions::default() });
    server.create(WORKSPACE);
    let token = writer(&server);
    let first = server.upload(WORKSPACE, &content(), &json!({})).expect(200);
    assert_eq!(synced(&server, &token, first.field("commit")).len(), 2);

    let work = clone(&server, &token, "work");
    let before = work.read("workspace.yaml");
    for path in ["slxs", "workflows"] {
        fs_err::remove_dir_all(work.directory.join(path)).unwrap();
    }
    fs_err::remove_file(work.directory.join(MANIFEST)).unwrap();
    let (head, groups) = before.split_once("  slxGroups:\n").unwrap();
    let rest: String =
        groups.lines().skip_while(|line| !is_next_field(line)).flat_map(|line| [line, "\n"]).collect();
    work.write("workspace.yaml", &format!("{head}  slxGroups: []\n{rest}"));
    let emptied = work.commit("Empty the workspace");
    work.ok(&[&FROM_URL[..], &["push", "--quiet", "origin", "HEAD:main"]].concat());
    assert_eq!(synced(&server, &token, &emptied), [Value::Null; 0]);

    let again = server.upload(WORKSPACE, &content(), &json!({})).expect(200);
    let entries = synced(&server, &token, again.field("commit"));
    let ids: Vec<_> = entries.iter().map(|entry| entry["id"].as_str().unwrap()).collect();
    let id = |name: &str| format!("{WORKSPACE}_{WORKSPACE}--{name}_runwhen.com_ServiceLevelX");
    assert_eq!(ids, [id("cart"), id("web")]);
    work.ok(&[&FROM_URL[..], &["pull", "--quiet"]].concat());
    // Nothing counts as deleted by people: their notes went with the rest.
    let manifest = work.read(MANIFEST);
    assert!(manifest.contains("tombstones: []") && manifest.contains("name: cart"), "{manifest}");
    assert_eq!(work.read("workflows/cart-down.yaml"), content()["workflows/cart-down.yaml"]);
    let groups = &server.get(BASE).expect(200).json["slxGroups"];
    assert_eq!(groups["Everything"]["slxs"], json!(["cart", "web"]), "{groups}");
}

/// Tells whether a line begins another field of `spec`, or something beside it.
fn is_next_field(line: &str) -> bool {
    !line.starts_with("  -") && !line.starts_with("   ")
}

#[test]
fn whoever_may_write_takes_the_notes_on_uploads_away_and_does_not_write_them() {
    let server = TestServer::start_with(&ServerOptions {
        environment: vec![("WORKSTEAD_GIT_ALIAS_PREFIX", "/platform-cluster-01".to_owned())],
        ..ServerOptions::default()
    });
    server.create(WORKSPACE);
    let token = writer(&server);
    server.upload(WORKSPACE, &content(), &json!({})).expect(200);
    let work = clone(&server, &token, "work");
    let notes = work.read(MANIFEST);
    work.write(MANIFEST, &notes.replace("name: cart", "name: web"));
    work.commit("Write what the server writes");
    let told = work.refused(&[&FROM_URL[..], &["push", "origin", "HEAD:main"]].concat());
    assert!(told.contains("[role_too_low]") && told.contains(MANIFEST), "{told}");
    work.ok(&["reset", "--quiet", "--hard", "HEAD~"]);
    fs_err::remove_file(work.directory.join(MANIFEST)).unwrap();
    work.commit("Begin anew");
    work.ok(&[&FROM_URL[..], &["push", "--quiet", "origin", "HEAD:main"]].concat());
}
