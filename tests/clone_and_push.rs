//! Developers with the real `git`.

use serde_json::json;

use crate::support::{ServerOptions, TestServer, slx_yaml, workspace_files};

const WORKSPACE: &str = "shop";

fn uploaded() -> TestServer {
    let server = TestServer::start();
    server.create(WORKSPACE);
    server.upload(WORKSPACE, &workspace_files(WORKSPACE, &["cart", "web"]), &json!({})).expect(200);
    server
}

#[test]
fn a_push_is_taken_and_the_api_answers_with_it_at_once() {
    let server = uploaded();
    let clone = server.clone_workspace(WORKSPACE, "clone");
    clone.write("slxs/search/slx.yaml", &slx_yaml(WORKSPACE, "search"));
    let commit = clone.commit("watch the search");
    clone.ok(&["push", "--quiet", "origin", "HEAD"]);
    let object = server.get(&format!("/api/v3/workspaces/{WORKSPACE}")).expect(200);
    assert_eq!(object.field("revision"), commit);
    let options = server.get(&format!("/api/v3/workspaces/{WORKSPACE}/slxoptions")).expect(200);
    assert!(options.text.contains(r#""search""#), "{}", options.text);
}

#[test]
fn a_push_of_something_broken_is_refused_readably_and_leaves_nothing() {
    let server = uploaded();
    let clone = server.clone_workspace(WORKSPACE, "clone");
    let head = clone.ok(&["rev-parse", "HEAD"]);
    clone.write("slxs/cart/slx.yaml", "apiVersion: runwhen.com/v1\nkind: Runbook\nspec: [oops\n");
    let commit = clone.commit("break it");
    let told = clone.refused(&["push", "origin", "HEAD"]);
    assert!(told.contains("remote: "), "{told}");
    assert!(told.contains("slxs/cart/slx.yaml:"), "{told}");
    assert_eq!(clone.ok(&["ls-remote", "origin", "refs/heads/main"]), format!("{head}\trefs/heads/main"));
    let bare = server.git(&server.repository());
    bare.refused(&["cat-file", "-e", &commit]);
    bare.fsck();
}

#[test]
fn history_is_not_rewritten() {
    let server = uploaded();
    let clone = server.clone_workspace(WORKSPACE, "clone");
    clone.ok(&["commit", "--quiet", "--amend", "--allow-empty", "--message", "another past"]);
    clone.refused(&["push", "--force", "origin", "HEAD"]);
    clone.refused(&["push", "origin", ":main"]);
}

#[test]
fn strangers_see_nothing() {
    let server = uploaded();
    let stranger = server.git(server.root.path()).with_token("no-token-of-this-server");
    let told = stranger.refused(&["ls-remote", &server.git_url(WORKSPACE)]);
    assert!(told.contains("Authentication failed") || told.contains("could not read Username"), "{told}");
    let friend = server.git(server.root.path());
    let absent = friend.refused(&["ls-remote", &server.git_url("nowhere")]);
    assert!(absent.contains("not found"), "{absent}");
}

#[test]
fn a_shallow_and_a_partial_clone_work() {
    let server = uploaded();
    let here = server.git(server.root.path());
    let url = server.git_url(WORKSPACE);
    here.ok(&["clone", "--quiet", "--depth", "1", &url, "shallow"]);
    here.ok(&["clone", "--quiet", "--filter", "blob:none", &url, "partial"]);
    for name in ["shallow", "partial"] {
        let clone = server.git(&server.root.path().join(name));
        assert_eq!(clone.read("slxs/cart/slx.yaml"), slx_yaml(WORKSPACE, "cart"), "{name}");
    }
}

#[test]
fn a_restart_keeps_everything() {
    let mut server = uploaded();
    let clone = server.clone_workspace(WORKSPACE, "clone");
    let head = clone.ok(&["rev-parse", "HEAD"]);
    let before = server.get(&format!("/api/v3/workspaces/{WORKSPACE}")).expect(200);
    assert!(server.stop().success());
    server.run(&ServerOptions::default());
    let after = server.get(&format!("/api/v3/workspaces/{WORKSPACE}")).expect(200);
    assert_eq!(before.json, rewritten(after.json, &before.json));
    assert_eq!(server.clone_workspace(WORKSPACE, "later").ok(&["rev-parse", "HEAD"]), head);
    let again =
        server.upload(WORKSPACE, &workspace_files(WORKSPACE, &["cart", "web"]), &json!({})).expect(200);
    assert_eq!(again.field("commit"), head);
}

#[test]
fn the_admin_token_that_the_server_made_is_shown_once_and_works_on() {
    let options = || ServerOptions { own_token: true, ..ServerOptions::default() };
    let mut server = TestServer::start_with(&options());
    assert!(server.greeting[0].starts_with("admin token of admin@localhost"), "{:?}", server.greeting);
    server.create(WORKSPACE);
    assert!(server.stop().success());
    server.run(&options());
    assert_eq!(server.greeting.len(), 1, "{:?}", server.greeting);
    server.get(&format!("/api/v3/workspaces/{WORKSPACE}")).expect(200);
}

/// The port is another after a restart, and with it the repository's address.
fn rewritten(mut after: serde_json::Value, before: &serde_json::Value) -> serde_json::Value {
    after["repoUrl"] = before["repoUrl"].clone();
    after
}
