//! What the addresses below `/git/` answer, and what they don't.

use serde_json::json;
use ureq::http::Method;

use crate::support::{TestServer, send};

fn started() -> TestServer {
    let server = TestServer::start();
    server.create("shop");
    server
}

#[test]
fn only_smart_http_is_offered() {
    let server = started();
    for path in [
        "/git/shop.git/HEAD",
        "/git/shop.git/config",
        "/git/shop.git/objects/info/packs",
        "/git/shop.git/info/refs",
        "/git/shop.git/info/refs?service=git-upload-archive",
        "/git/shop.git/info/refs?service=upload-pack",
        "/git/shop/info/refs?service=git-upload-pack",
        "/git/other.git/info/refs?service=git-upload-pack",
        "/git/..%2Fshop.git/info/refs?service=git-upload-pack",
        "/git/SHOP.git/info/refs?service=git-upload-pack",
        "/git/",
    ] {
        let answer = server.get(path).expect(404);
        assert_eq!(answer.json["status"], json!(404), "{path}: {}", answer.text);
    }
    let answer = server.call(Method::POST, "/git/shop.git/info/refs", Some(b"")).expect(405);
    assert_eq!(answer.json["code"], json!("method_not_allowed"));
    let answer = server.call(Method::POST, "/git/shop.git/git-upload-pack", Some(b"0000")).expect(415);
    assert_eq!(answer.json["code"], json!("unsupported_media_type"));
    let listed = server.get("/git/shop.git/info/refs?service=git-upload-pack").expect(200).text;
    assert!(listed.starts_with("001e# service=git-upload-pack\n0000"), "{listed}");
}

#[test]
fn who_shows_no_token_is_asked_for_one() {
    let server = started();
    for workspace in ["shop", "nowhere"] {
        for (method, path) in [
            (Method::GET, "info/refs?service=git-upload-pack"),
            (Method::GET, "info/refs?service=git-receive-pack"),
            (Method::POST, "git-upload-pack"),
            (Method::POST, "git-receive-pack"),
        ] {
            let url = format!("{}/git/{workspace}.git/{path}", server.url);
            let body = (method == Method::POST).then_some(&b"0000"[..]);
            let answer = send(method.clone(), &url, &[], body).expect(401);
            assert_eq!(answer.json["code"], json!("not_signed_in"));
            let bad = [("authorization", "Basic eDp3cm9uZw==")];
            send(method, &url, &bad, body).expect(401);
        }
    }
}

#[test]
fn a_token_in_the_address_is_enough_and_one_for_uploads_is_not() {
    let server = started();
    let url = |token: &str| server.git_url("shop").replace("http://", &format!("http://git:{token}@"));
    let plain = |arguments: &[&str]| {
        let mut command = std::process::Command::new("git");
        crate::support::cleaned(&mut command, server.root.path()).args(arguments).output().unwrap()
    };
    let listed = plain(&["ls-remote", &url(&server.token)]);
    assert!(String::from_utf8_lossy(&listed.stdout).contains("refs/heads/main"), "{listed:?}");
    let config = server.get("/api/v3/workspaces/shop/generate-workspace-builder-config").expect(200);
    let refused = plain(&["ls-remote", &url(config.field("token"))]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("403"), "{refused:?}");
}
