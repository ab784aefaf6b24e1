//! Credentials of `get-gitlab-sas` in a URL, with the real `git`; and what the log tells of secrets.

use serde_json::json;

use crate::support::{TestServer, slx_yaml};

const WORKSPACE: &str = "shop";
/// Drops the token that the tests' `git` sends, so that the URL's credentials count.
const FROM_URL: [&str; 2] = ["-c", "http.extraHeader="];

/// Makes credentials and returns the repository's address with each pair in it.
fn addresses(server: &TestServer) -> Vec<String> {
    let made = server.get(&format!("/api/v3/workspaces/{WORKSPACE}/get-gitlab-sas")).expect(200).json;
    let users = made["users"].as_array().unwrap().iter();
    let text = |user: &serde_json::Value, key: &str| user[key].as_str().unwrap().to_owned();
    let url = server.git_url(WORKSPACE);
    let host = url.strip_prefix("http://").unwrap();
    users.map(|user| format!("http://{}:{}@{host}", text(user, "username"), text(user, "password"))).collect()
}

#[test]
fn a_url_with_credentials_clones_and_pushes_as_far_as_they_go() {
    let server = TestServer::start();
    server.create(WORKSPACE);
    let addresses = addresses(&server);
    assert_eq!(addresses.len(), 2);
    for (name, address) in ["writer", "reader"].into_iter().zip(&addresses) {
        let target = server.root.path().join(name);
        let here = server.git(server.root.path());
        let clone = ["clone", "--quiet", address, target.to_str().unwrap()];
        here.ok(&[&FROM_URL[..], &clone].concat());
        let work = server.git(&target);
        work.write(&format!("slxs/{name}/slx.yaml"), &slx_yaml(WORKSPACE, name));
        let commit = work.commit("watch it");
        let push = [&FROM_URL[..], &["push", "--quiet", "origin", "HEAD"]].concat();
        if name == "writer" {
            work.ok(&push);
            assert_eq!(
                work.ok(&["ls-remote", &server.git_url(WORKSPACE), "refs/heads/main"]).get(..40),
                Some(&*commit)
            );
        } else {
            let told = work.refused(&push);
            assert!(told.contains("403"), "{told}");
        }
    }
    let slxs = server.get(&format!("/api/v3/workspaces/{WORKSPACE}/slxoptions")).expect(200).text;
    assert!(slxs.contains("writer") && !slxs.contains("reader"), "{slxs}");
    let log = server.log();
    for address in &addresses {
        let password = address.split([':', '@']).nth(2).unwrap();
        assert!(password.starts_with("wst_") && !log.contains(password));
    }
}

#[test]
fn the_log_tells_no_secret() {
    let server = TestServer::start();
    server.create(WORKSPACE);
    let base = format!("/api/v3/workspaces/{WORKSPACE}");
    let value = "c0rrect-horse-battery-staple";
    server.post(&format!("{base}/secrets"), &json!({ "secrets": { "pg-password": value } })).expect(201);
    server.post(&format!("{base}/secrets"), &json!({ "secrets": { "a": value, "b": [value] } })).expect(422);
    let token = server.get(&format!("{base}/runner-token")).expect(200).field("token").to_owned();
    let log = server.log();
    assert!(log.contains("/api/v3/workspaces/{workspace}/secrets"), "{log}");
    assert!(!log.contains(value) && !log.contains(&token));
}
