//! Requests and pushes that want of `git` what it must not do for them.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use crate::support::{ServerOptions, TestServer, slx_yaml};

fn started() -> TestServer {
    let server = TestServer::start();
    server.create("shop");
    server
}

/// Writes a request with the admin's credentials, which ends the connection.
fn request(server: &TestServer, line: &str, further: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("{line}\r\nHost: x\r\n{}Connection: close\r\n{further}\r\n", server.basic());
    [head.as_bytes(), body].concat()
}

fn post(server: &TestServer, service: &str, further: &str, body: &[u8]) -> String {
    let line = format!("POST /git/shop.git/{service} HTTP/1.1");
    let kind = format!(
        "Content-Type: application/x-{service}-request\r\nContent-Length: {}\r\n{further}",
        body.len()
    );
    server.raw(&request(server, &line, &kind, body))
}

#[test]
fn no_address_leads_out_of_a_repository() {
    let server = started();
    let query = "info/refs?service=git-upload-pack";
    for path in [
        "/git/../shop.git",
        "/git/..%2fshop.git",
        "/git/%2e%2e/shop.git",
        "/git/shop.git/../../../etc",
        "/git/shop.git/../other.git",
        "/git/shop.git%2f..%2fshop.git",
        "/git/shop.git%00",
        "/git/%00.git",
        "/git/shop.git%0a.git",
        "/git/shop\\..\\shop.git",
        "/git/--upload-pack=touch%20x.git",
        "/git/-c.git",
        "/git/.git",
        "/git/..git",
        "/git/%2fetc.git",
        "/git/file:%2f%2f%2fetc.git",
        "/git/shop.git.git",
        "/git/~root.git",
        "/git/$HOME.git",
    ] {
        let answer = server.raw(&request(&server, &format!("GET {path}/{query} HTTP/1.1"), "", b""));
        let status = answer.split(' ').nth(1).unwrap_or_default();
        assert!(matches!(status, "400" | "404"), "{path}: {answer}");
        assert!(!answer.contains("# service="), "{path}: {answer}");
    }
}

#[test]
fn headers_and_queries_are_no_arguments_and_no_environment() {
    let server = started();
    let line = "GET /git/shop.git/info/refs?service=git-upload-pack HTTP/1.1";
    let body = |answer: &str| answer.split_once("\r\n\r\n").unwrap().1.to_owned();
    let plain = body(&server.raw(&request(&server, line, "", b"")));
    assert!(plain.contains("# service=git-upload-pack") && plain.contains("refs/heads/main"), "{plain}");
    for header in [
        "Git-Protocol: version=2:GIT_DIR=/etc",
        "Git-Protocol: version=2 --upload-pack=x",
        "Git-Protocol: $(touch x)",
        "Git-Protocol: version=99",
        "Git-Dir: /etc",
        "GIT_DIR: /etc",
        "GIT_CONFIG_PARAMETERS: 'core.sshCommand=touch x'",
        "Proxy: http://127.0.0.1:1",
        "X-Original-URL: /git/other.git",
    ] {
        let answer = body(&server.raw(&request(&server, line, &format!("{header}\r\n"), b"")));
        // Which protocol it is may differ, not what is shown.
        let shown = |text: &str| text.contains("refs/heads/main") || text.contains("version 2");
        assert!(shown(&answer) && !answer.contains("root"), "{header}: {answer}");
    }
    let more = format!("{line}&x=--upload-pack=x").replace(" HTTP/1.1&", "&");
    let twice = server.raw(&request(&server, &format!("{more} HTTP/1.1"), "", b""));
    assert!(twice.starts_with("HTTP/1.1 200"), "{twice}");
}

/// Writes a program that leaves a trace when it runs.
fn trap(path: &Path, marker: &Path) {
    fs_err::create_dir_all(path.parent().unwrap()).unwrap();
    fs_err::write(path, format!("#!/bin/sh\ntouch '{}'\nexit 1\n", marker.display())).unwrap();
    fs_err::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn what_lies_in_a_repository_is_never_run() {
    let server = started();
    let marker = server.root.path().join("ran");
    let bare = server.repository();
    for hook in [
        "pre-receive",
        "update",
        "post-receive",
        "post-update",
        "reference-transaction",
        "proc-receive",
        "push-to-checkout",
        "post-checkout",
    ] {
        trap(&bare.join("hooks").join(hook), &marker);
    }
    let program = server.root.path().join("trap");
    trap(&program, &marker);
    let program = program.display();
    let mut config = fs_err::OpenOptions::new().append(true).open(bare.join("config")).unwrap();
    write!(
        config,
        "[uploadpack]\n\tpackObjectsHook = {program}\n[core]\n\thooksPath = {hooks}\n\tfsmonitor = {program}\n\
         \tsshCommand = {program}\n\tpager = {program}\n[receive]\n\tcertNonceSeed = x\n",
        hooks = bare.join("hooks").display()
    )
    .unwrap();
    let clone = server.clone_workspace("shop", "clone");
    clone.write("slxs/cart/slx.yaml", &slx_yaml("shop", "cart"));
    clone.commit("watch the cart");
    clone.ok(&["push", "--quiet", "origin", "HEAD:main", "HEAD:refs/heads/side"]);
    clone.ok(&["push", "--quiet", "origin", ":side"]);
    clone.ok(&["fetch", "--quiet"]);
    server.patch("/api/v3/workspaces/shop", &json!({"displayName": "Shop"})).expect(200);
    assert!(!marker.exists(), "something of the repository's was run");
}

#[test]
fn what_is_pushed_is_content_and_never_configuration() {
    let server = started();
    let marker = server.root.path().join("ran");
    let clone = server.clone_workspace("shop", "clone");
    clone.write("objects/info/alternates", "/etc\n");
    clone.write(
        "config",
        &format!("[core]\n\tsshCommand = touch {}\n[include]\n\tpath = /etc/passwd\n", marker.display()),
    );
    clone.write("HEAD", "ref: refs/heads/evil\n");
    trap(&clone.directory.join("hooks/post-receive"), &marker);
    clone.write(".gitattributes", "* filter=evil export-subst\n");
    clone.commit("look like a repository");
    clone.ok(&["push", "--quiet", "origin", "HEAD"]);
    let bare = server.repository();
    assert!(!bare.join("objects/info/alternates").exists());
    assert!(!fs_err::read_to_string(bare.join("config")).unwrap().contains("include"));
    assert_eq!(server.clone_workspace("shop", "again").read("HEAD"), "ref: refs/heads/evil\n");
    assert!(!marker.exists());
    // What Git itself would obey in a clone is refused by its own check.
    clone.write(".gitmodules", "[submodule \"x\"]\n\tpath = x\n\turl = -u./payload\n");
    clone.commit("a module");
    let told = clone.refused(&["push", "origin", "HEAD"]);
    assert!(told.contains("gitmodulesUrl"), "{told}");
    bare.join("objects/pack").read_dir().unwrap();
    server.git(&bare).fsck();
}

#[test]
fn nonsense_in_bodies_is_refused_cheaply() {
    let options = ServerOptions {
        environment: vec![("WORKSTEAD_GIT_MAX_PUSH_BYTES", "4MiB".to_owned())],
        ..ServerOptions::default()
    };
    let server = TestServer::start_with(&options);
    server.create("shop");
    let before = server.peak_memory();
    let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
    bomb.write_all(&vec![0; 96 << 20]).unwrap();
    let bomb = bomb.finish().unwrap();
    for service in ["git-upload-pack", "git-receive-pack"] {
        let answer = post(&server, service, "Content-Encoding: gzip\r\n", &bomb);
        assert!(
            answer.starts_with("HTTP/1.1 413") || answer.starts_with("HTTP/1.1 400"),
            "{service}: {answer}"
        );
        let longest = format!("fff0{}", "A".repeat(0xffec));
        for body in [&b"ffff"[..], b"zzzz", b"0003", b"0001", longest.as_bytes(), b"00"] {
            let answer = post(&server, service, "", body);
            let status = answer.split(' ').nth(1).unwrap_or_default();
            assert!(matches!(status, "400" | "200"), "{service} {:?}: {answer}", &body[..4.min(body.len())]);
        }
        let answer = post(&server, service, "Content-Encoding: gzip, gzip\r\n", b"0000");
        assert!(answer.starts_with("HTTP/1.1 415"), "{answer}");
    }
    let grown = server.peak_memory() - before;
    assert!(grown < 64 << 20, "{grown} bytes more");
    server.clone_workspace("shop", "clone");
}

#[test]
fn who_waits_to_be_told_to_send_is_told_or_refused_first() {
    let server = started();
    let head = |authorization: &str| {
        format!(
            "POST /git/shop.git/git-upload-pack HTTP/1.1\r\nHost: x\r\n{authorization}Expect: 100-continue\r\n\
             Content-Type: application/x-git-upload-pack-request\r\nContent-Length: 4\r\nConnection: close\r\n\r\n"
        )
    };
    // Nothing of the body is sent, and none is waited for.
    let refused = server.raw(head("").replace("upload-pack", "receive-pack").as_bytes());
    assert!(refused.starts_with("HTTP/1.1 401"), "{refused}");
    assert!(refused.to_lowercase().contains("www-authenticate: basic"), "{refused}");
    let mut stream = server.open();
    stream.write_all(head(&server.basic()).as_bytes()).unwrap();
    let mut told = [0; 25];
    stream.read_exact(&mut told).unwrap();
    assert_eq!(&told, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"0000").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[test]
fn the_oldest_http_is_spoken() {
    let server = started();
    let line = "GET /git/shop.git/info/refs?service=git-upload-pack HTTP/1.0";
    let answer = server.raw(format!("{line}\r\n{}\r\n", server.basic()).as_bytes());
    assert!(answer.starts_with("HTTP/1.0 200") && answer.contains("refs/heads/main"), "{answer}");
    assert!(!answer.to_lowercase().contains("transfer-encoding"), "{answer}");
}

#[test]
fn a_large_push_takes_little_memory() {
    let server = started();
    let clone = server.clone_workspace("shop", "clone");
    let mut state = 1_u64;
    for number in 0..8 {
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as u8
        })
        .take(12 << 20)
        .collect();
        fs_err::write(clone.directory.join(format!("noise-{number}")), noise).unwrap();
    }
    clone.commit("a lot");
    let before = server.peak_memory();
    clone.ok(&["push", "--quiet", "origin", "HEAD"]);
    let grown = server.peak_memory() - before;
    assert!(grown < 48 << 20, "{grown} bytes more for a push of 96 MiB");
}
