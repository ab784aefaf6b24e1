//! Clones of every kind by the real `git`, from `/git/` and from the alias.

use serde_json::json;
use ureq::http::Method;

use crate::support::{Git, ServerOptions, TestServer, send, slx_yaml, workspace_files};

const ALIAS: &str = "/platform-cluster-01";

fn uploaded() -> TestServer {
    let environment = vec![
        ("WORKSTEAD_GIT_ALIAS_PREFIX", ALIAS.to_owned()),
        ("WORKSTEAD_GIT_PROTECTED_BRANCHES", "release/*".to_owned()),
    ];
    let server = TestServer::start_with(&ServerOptions { environment, ..ServerOptions::default() });
    server.create("shop");
    server.upload("shop", &workspace_files("shop", &["cart", "web"]), &json!({})).expect(200);
    server
}

fn cloned(server: &TestServer, name: &str, options: &[&str]) -> Git {
    let url = server.git_url("shop");
    server.git(server.root.path()).ok(&[&["clone", "--quiet"], options, &[&url, name]].concat());
    server.git(&server.root.path().join(name))
}

#[test]
fn every_protocol_version_clones_fetches_and_pushes() {
    let server = uploaded();
    for version in ["0", "1", "2"] {
        let option = format!("protocol.version={version}");
        let clone = cloned(&server, version, &["--config", &option]);
        let other = cloned(&server, &format!("other-{version}"), &["--config", &option]);
        let name = format!("slx-{version}");
        clone.write(&format!("slxs/{name}/slx.yaml"), &slx_yaml("shop", &name));
        let commit = clone.commit("one more");
        clone.ok(&["push", "--quiet", "origin", "HEAD"]);
        other.ok(&["pull", "--quiet"]);
        assert_eq!(other.ok(&["rev-parse", "HEAD"]), commit, "version {version}");
    }
}

#[test]
fn a_mirror_and_a_single_branch_hold_what_they_should() {
    let server = uploaded();
    let clone = cloned(&server, "clone", &[]);
    clone.ok(&["push", "--quiet", "origin", "HEAD:refs/heads/feature/x"]);
    // The records of uploads are there, and nobody is shown them.
    assert!(server.git(&server.repository()).ok(&["for-each-ref"]).contains("refs/workstead/"));
    let mirror = cloned(&server, "mirror", &["--mirror"]);
    let names = mirror.ok(&["for-each-ref", "--format=%(refname)"]);
    assert_eq!(names, "refs/heads/feature/x\nrefs/heads/main");
    let single = cloned(&server, "single", &["--single-branch", "--branch", "feature/x"]);
    assert_eq!(single.ok(&["branch", "--remotes", "--format=%(refname)"]), "refs/remotes/origin/feature/x");
}

#[test]
fn a_partial_clone_fetches_files_later_and_a_shallow_one_its_past() {
    let server = uploaded();
    let shallow = cloned(&server, "shallow", &["--depth=1"]);
    assert_eq!(shallow.ok(&["rev-list", "--count", "HEAD"]), "1");
    shallow.ok(&["fetch", "--quiet", "--unshallow"]);
    assert_eq!(shallow.ok(&["rev-list", "--count", "HEAD"]), "2");
    for (name, filter) in [("blobs", "--filter=blob:none"), ("trees", "--filter=tree:0")] {
        let partial = cloned(&server, name, &["--no-checkout", filter]);
        let listing = partial.ok(&["rev-list", "--objects", "--all", "--missing=print"]);
        assert!(listing.lines().any(|line| line.starts_with('?')), "{filter} brought everything: {listing}");
        assert_eq!(partial.ok(&["show", "HEAD:slxs/cart/slx.yaml"]), slx_yaml("shop", "cart").trim_end());
        partial.ok(&["checkout", "--quiet", "main"]);
        partial.write("slxs/cart/SKILL.md", name);
        partial.commit("edit a partial clone");
        partial.ok(&["push", "--quiet", "origin", "HEAD"]);
    }
    for filter in ["--filter=blob:limit=1k", "--filter=object:type=tree", "--filter=sparse:oid=main:x"] {
        let url = server.git_url("shop");
        let told =
            server.git(server.root.path()).refused(&["clone", "--no-checkout", filter, &url, "refused"]);
        assert!(told.contains("not supported") || told.contains("hung up"), "{filter}: {told}");
    }
}

#[test]
fn the_alias_is_the_same_place_with_the_same_door() {
    let server = uploaded();
    let alias = format!("{}{ALIAS}/shop.git", server.url);
    let listed = server.git(server.root.path()).ok(&["ls-remote", &alias]);
    assert_eq!(listed, server.git(server.root.path()).ok(&["ls-remote", &server.git_url("shop")]));
    let clone = cloned(&server, "clone", &[]);
    clone.ok(&["remote", "set-url", "origin", &alias]);
    clone.write("slxs/cart/slx.yaml", "kind: Runbook\n");
    clone.commit("break it");
    let told = clone.refused(&["push", "origin", "HEAD"]);
    assert!(told.contains("slxs/cart/slx.yaml:1:7"), "{told}");
    for path in ["shop.git/info/refs?service=git-upload-pack", "nowhere.git/git-receive-pack", "anything", ""]
    {
        let url = format!("{}{ALIAS}/{path}", server.url);
        let answer = send(Method::GET, &url, &[], None).expect(401);
        assert_eq!(answer.json["code"], json!("not_signed_in"), "{path}");
    }
    let challenged =
        server.raw(format!("GET {ALIAS}/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes());
    assert!(challenged.to_lowercase().contains("www-authenticate: basic"), "{challenged}");
    server.get(&format!("{ALIAS}/shop.git/HEAD")).expect(404);
    server.get(&format!("{ALIAS}-2/shop.git/info/refs?service=git-upload-pack")).expect(404);
}

#[test]
fn a_protected_branch_stays_at_every_door() {
    let server = uploaded();
    let clone = cloned(&server, "clone", &[]);
    clone.ok(&["push", "--quiet", "origin", "HEAD:release/1", "HEAD:other"]);
    let told = clone.refused(&["push", "origin", ":release/1"]);
    assert!(told.contains("[deletion_not_allowed]"), "{told}");
    let branches = "/api/v3/workspaces/shop/branches";
    let answer = server.call(Method::DELETE, &format!("{branches}/release/1"), None).expect(409);
    assert_eq!(answer.json["code"], json!("branch_protected"));
    assert!(answer.field("detail").contains("WORKSTEAD_GIT_PROTECTED_BRANCHES"), "{}", answer.text);
    server.call(Method::DELETE, &format!("{branches}/other"), None).expect(204);
    server.get(&format!("{branches}/release/1")).expect(200);
}

#[test]
fn a_bad_alias_stops_the_start_with_a_reason() {
    let root = tempfile::tempdir().unwrap();
    let mut command = std::process::Command::new(crate::support::workstead());
    crate::support::cleaned(&mut command, root.path()).arg("serve");
    command.env("WORKSTEAD_DATA_DIR", root.path().join("data")).env("WORKSTEAD_LISTEN", "127.0.0.1:0");
    let output = command.env("WORKSTEAD_GIT_ALIAS_PREFIX", "/api/git").output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(told.contains("WORKSTEAD_GIT_ALIAS_PREFIX") && told.contains("/platform-cluster-01"), "{told}");
}
