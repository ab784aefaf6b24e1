//! A workspace that is pulled from an upstream.

use serde_json::json;
use sha2::{Digest, Sha256};
use ureq::http::Method;

use super::{BASE, WORKSPACE, head, mirror, server, set, sync, until_at, until_fails};
use crate::support::{Git, TestServer, Upstream, inline_body, send, slx_yaml, workspace_files};

const WORKSPACE_YAML: &str = "apiVersion: runwhen.com/v1\nkind: Workspace\nmetadata:\n  name: shop\nspec:\n  displayName: From upstream\n";

/// Begins a history upstream that has nothing in common with the workspace's.
fn begin(server: &TestServer, upstream: &Upstream) -> Git {
    let work = upstream.clone_to(server, "theirs");
    work.write("workspace.yaml", WORKSPACE_YAML);
    work.write("slxs/cart/slx.yaml", &slx_yaml(WORKSPACE, "cart"));
    work.commit("begin");
    work.ok(&["push", "--quiet", "origin", "HEAD:main"]);
    work
}

fn push(work: &Git, message: &str) -> String {
    let commit = work.commit(message);
    work.ok(&["push", "--quiet", "origin", "HEAD:main"]);
    commit
}

#[test]
fn a_new_workspace_takes_the_history_of_its_upstream_and_follows_it() {
    let server = server();
    let upstream = Upstream::start(&server, "shop");
    let work = begin(&server, &upstream);
    let answer = set(&server, &json!({ "direction": "pull", "url": upstream.url() })).expect(200);
    let secret = answer.field("hookSecret").to_owned();
    assert!(mirror(&server).get("hookSecret").is_none());
    until_at(&server, &upstream.head(&server, "main"));
    assert_eq!(server.get(BASE).expect(200).field("displayName"), "From upstream");
    let slxs = server.get(&format!("{BASE}/slxs")).expect(200).text;
    assert!(slxs.contains("cart"), "{slxs}");

    // What is committed there is told by a webhook.
    work.write("slxs/web/slx.yaml", &slx_yaml(WORKSPACE, "web"));
    let commit = push(&work, "watch the web");
    let hook = answer.field("hookUrl").to_owned();
    let body = br#"{"ref":"refs/heads/main"}"#;
    let signature = format!("sha256={}", hmac_sha256(secret.as_bytes(), body));
    send(Method::POST, &hook, &[("x-hub-signature-256", &signature)], Some(body)).expect(202);
    until_at(&server, &commit);
    let events = server.get(&format!("{BASE}/events?events=commit")).expect(200).json;
    assert_eq!(events["results"][0]["data"]["after"], commit.as_str());

    work.write("README.md", "by GitLab's way\n");
    let commit = push(&work, "describe");
    for (name, value) in [
        ("x-gitlab-token", "another".to_owned()),
        ("x-gitea-signature", hmac_sha256(b"another", body)),
        ("x-hub-signature-256", "sha256=00".to_owned()),
        ("x-unknown", secret.clone()),
    ] {
        let refused = send(Method::POST, &hook, &[(name, &value)], Some(body)).expect(404);
        assert_eq!(refused.field("code"), "hook_not_found");
    }
    send(Method::POST, &hook, &[("x-gitlab-token", &secret)], Some(b"")).expect(202);
    until_at(&server, &commit);
    assert!(!server.log().contains(&secret));
}

#[test]
fn what_is_pulled_is_not_written_here() {
    let server = server();
    let upstream = Upstream::start(&server, "shop");
    begin(&server, &upstream);
    set(&server, &json!({ "direction": "pull", "url": upstream.url() })).expect(200);
    let before = upstream.head(&server, "main");
    until_at(&server, &before);
    let refused = server.patch(BASE, &json!({ "displayName": "Here" })).expect(409);
    assert_eq!(refused.field("code"), "mirrored");
    let detail = refused.field("detail").replace(&upstream.url(), "[url]");
    insta::assert_snapshot!(detail, @"workspace shop is pulled from [url]: change it there, or have staff remove the mirror; branches other than main can be written here");
    // What changes nothing is no change.
    server.patch(BASE, &json!({ "displayName": "From upstream" })).expect(200);
    let uploaded = inline_body(&workspace_files(WORKSPACE, &["web"]));
    assert_eq!(server.post(&format!("{BASE}/upload"), &uploaded).expect(409).field("code"), "mirrored");
    let work = server.clone_workspace(WORKSPACE, "work");
    work.write("slxs/web/slx.yaml", &slx_yaml(WORKSPACE, "web"));
    work.commit("watch the web");
    let told = work.refused(&["push", "origin", "HEAD:main"]);
    assert!(told.contains("the default branch is pulled from") && told.contains("[mirrored]"), "{told}");
    work.ok(&["push", "--quiet", "origin", "HEAD:refs/heads/proposal"]);
    let merged = server.post(&format!("{BASE}/merge"), &json!({ "from": "proposal" }));
    assert_eq!((merged.status, merged.field("code")), (409, "mirrored"), "{}", merged.text);
    assert_eq!(head(&server), before);

    server.call(Method::DELETE, &format!("{BASE}/mirror"), None).expect(204);
    server.get(&format!("{BASE}/mirror")).expect(404);
    server.patch(BASE, &json!({ "displayName": "Here" })).expect(200);
}

#[test]
fn what_the_door_would_refuse_is_not_pulled() {
    let server = server();
    let upstream = Upstream::start(&server, "shop");
    let work = begin(&server, &upstream);
    set(&server, &json!({ "direction": "pull", "url": upstream.url() })).expect(200);
    let good = upstream.head(&server, "main");
    until_at(&server, &good);
    work.write("slxs/web/slx.yaml", &slx_yaml(WORKSPACE, "other"));
    let bad = push(&work, "mistake");
    sync(&server);
    let detail = until_fails(&server, "invalid_content");
    assert!(detail.contains("slxs/web/slx.yaml:4:9: `metadata.name` is \"shop--other\""), "{detail}");
    assert_eq!(head(&server), good);
    // Nothing of it stays.
    let repository = server.git(&server.repository());
    assert!(!repository.run(&["cat-file", "-e", &bad]).status.success());
    work.write("slxs/web/slx.yaml", &slx_yaml(WORKSPACE, "web"));
    let repaired = push(&work, "repair");
    sync(&server);
    until_at(&server, &repaired);

    let permissions = format!("{WORKSPACE_YAML}  permissions:\n  - user: eve@example.com\n    role: admin\n");
    work.write("workspace.yaml", &permissions);
    work.write(".github/workflows/x.yml", "on: push\n");
    let taken_over = push(&work, "take over");
    sync(&server);
    let detail = until_fails(&server, "invalid_content");
    for word in
        ["`spec.permissions`", "`.github/workflows/x.yml`", "have staff set the mirror with the role admin"]
    {
        assert!(detail.contains(word), "{detail}");
    }
    assert_eq!(head(&server), repaired);
    set(&server, &json!({ "direction": "pull", "url": upstream.url(), "role": "admin" })).expect(200);
    until_at(&server, &taken_over);
}

#[test]
fn a_history_that_was_rewritten_is_not_followed() {
    let server = server();
    let upstream = Upstream::start(&server, "shop");
    let work = begin(&server, &upstream);
    let one = upstream.head(&server, "main");
    set(&server, &json!({ "direction": "pull", "url": upstream.url() })).expect(200);
    until_at(&server, &one);
    // Even where it has nothing but one commit, which a new workspace's would be left for.
    work.write("README.md", "another\n");
    work.ok(&["add", "--all"]);
    work.ok(&["commit", "--quiet", "--amend", "--message", "another"]);
    work.ok(&["push", "--quiet", "--force", "origin", "HEAD:main"]);
    sync(&server);
    let detail = until_fails(&server, "diverged");
    assert!(detail.contains("does not build on our head"), "{detail}");
    assert_eq!(head(&server), one);
    let url = upstream.url();
    set(&server, &json!({ "direction": "pull", "url": url, "branch": "trunk" })).expect(200);
    let detail = until_fails(&server, "branch_not_found");
    assert!(detail.contains("no branch trunk"), "{detail}");
}

#[test]
fn an_upstream_that_serves_files_only_is_not_pulled() {
    let server = server();
    let before = head(&server);
    let upstream = Upstream::start(&server, "shop");
    begin(&server, &upstream);
    upstream.behave(|manners| manners.dumb = true);
    set(&server, &json!({ "direction": "pull", "url": upstream.url() })).expect(200);
    let detail = until_fails(&server, "dumb_protocol");
    assert!(detail.contains("name one that speaks the smart protocol"), "{detail}");
    assert_eq!(head(&server), before);
    upstream.behave(|manners| manners.dumb = false);
    sync(&server);
    until_at(&server, &upstream.head(&server, "main"));
}

#[test]
fn an_upstream_that_sends_too_much_is_cut_off() {
    let mut options = super::open_to_this_machine();
    options.environment.push(("WORKSTEAD_GIT_MAX_PUSH_BYTES", "200KiB".to_owned()));
    let server = TestServer::start_with(&options);
    server.create(WORKSPACE);
    let before = head(&server);
    let upstream = Upstream::start(&server, "shop");
    let work = begin(&server, &upstream);
    let noise: String = (0..40_000_u32).map(|n| hex::encode(Sha256::digest(n.to_be_bytes()))).collect();
    work.write("noise.txt", &noise);
    push(&work, "noise");
    set(&server, &json!({ "direction": "pull", "url": upstream.url() })).expect(200);
    let detail = until_fails(&server, "too_large");
    assert!(detail.contains("WORKSTEAD_GIT_MAX_PUSH_BYTES"), "{detail}");
    assert_eq!(head(&server), before);
}

/// HMAC as RFC 2104 writes it, so that the server's is not checked against itself.
fn hmac_sha256(key: &[u8], text: &[u8]) -> String {
    let mut block = [0_u8; 64];
    if key.len() > 64 {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let pad = |byte: u8| block.map(|it| it ^ byte);
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(text).finalize();
    hex::encode(Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize())
}
