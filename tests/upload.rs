//! Uploads, by both ways in, from the command line and over HTTP.

use serde_json::json;
use workstead_core::oid::BlobId;

use crate::support::{Content, ServerOptions, TestServer, slx_yaml, workspace_files};

const WORKSPACE: &str = "shop";

fn write(server: &TestServer, name: &str, files: &Content) -> String {
    let directory = server.scratch(name);
    server.git(&directory).write_all(files);
    directory.display().to_string()
}

#[test]
fn the_command_uploads_by_both_ways_and_the_clone_has_exactly_the_files() {
    let server = TestServer::start();
    let files = workspace_files(WORKSPACE, &["cart", "web"]);
    let directory = write(&server, "source", &files);
    for via in ["inline", "presigned"] {
        let workspace = format!("{WORKSPACE}-{via}");
        let files = workspace_files(&workspace, &["cart", "web"]);
        server.git(directory.as_ref()).write_all(&files);
        server.create(&workspace);
        let output = server.command(&["upload", &directory, "--workspace", &workspace, "--via", via]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{via}: {stderr}");
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert!(stdout.contains("added: cart"), "{via}: {stdout}");
        let clone = server.clone_workspace(&workspace, &format!("clone-{via}"));
        for (path, text) in files.iter().filter(|(path, _)| path.starts_with("slxs/")) {
            assert_eq!(&clone.read(path), text, "{via}");
        }
        let listed = clone.ok(&["ls-files", "slxs"]);
        assert_eq!(listed, "slxs/cart/slx.yaml\nslxs/web/slx.yaml", "{via}");
        clone.fsck();
    }
}

#[test]
fn a_bundle_file_uploads_too_and_answers_scripts_in_json() {
    let server = TestServer::start();
    server.create(WORKSPACE);
    let directory = write(&server, "source", &workspace_files(WORKSPACE, &["cart"]));
    let bundle = server.root.path().join("shop.tar.gz").display().to_string();
    assert!(server.command(&["bundle", &directory, "-o", &bundle]).status.success());
    let arguments = ["upload", &bundle, "--workspace", WORKSPACE, "--output", "json", "--via", "presigned"];
    let output = server.command(&arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let head = server.clone_workspace(WORKSPACE, "clone").ok(&["rev-parse", "HEAD"]);
    assert_eq!(answer["commit"], head);
    assert_eq!(answer["summary"]["added"], json!(["cart"]));
}

#[test]
fn the_same_bundle_again_is_no_commit_whatever_the_order_of_its_groups() {
    let server = TestServer::start();
    server.create(WORKSPACE);
    let options = json!({"mergeMode": "keepuploaded"});
    let first = server.upload(WORKSPACE, &workspace_files(WORKSPACE, &["a", "b", "c"]), &options).expect(200);
    assert_eq!(first.field("status"), "queued");
    for order in [["a", "b", "c"], ["c", "a", "b"]] {
        let again = server.upload(WORKSPACE, &workspace_files(WORKSPACE, &order), &options).expect(200);
        assert_eq!(again.field("status"), "duplicate_skipped", "{order:?}");
    }
    let clone = server.clone_workspace(WORKSPACE, "clone");
    assert_eq!(clone.ok(&["rev-parse", "HEAD"]), first.field("commit"));
}

#[test]
fn an_edit_by_people_survives_the_next_upload() {
    let server = TestServer::start();
    server.create(WORKSPACE);
    let files = workspace_files(WORKSPACE, &["cart", "web"]);
    server.upload(WORKSPACE, &files, &json!({})).expect(200);
    let clone = server.clone_workspace(WORKSPACE, "clone");
    let edited =
        clone.read("slxs/cart/slx.yaml").replace("cart should be healthy", "people must be able to pay");
    clone.write("slxs/cart/slx.yaml", &edited);
    clone.commit("say what matters");
    clone.ok(&["push", "--quiet"]);
    let more = workspace_files(WORKSPACE, &["cart", "search", "web"]);
    server.upload(WORKSPACE, &more, &json!({})).expect(200);
    clone.ok(&["pull", "--quiet", "--ff-only"]);
    assert_eq!(clone.read("slxs/cart/slx.yaml"), edited);
    assert_eq!(clone.read("slxs/search/slx.yaml"), slx_yaml(WORKSPACE, "search"));
}

#[test]
fn an_invalid_upload_changes_nothing_and_shows_the_line() {
    let server = TestServer::start();
    server.create(WORKSPACE);
    let mut files = workspace_files(WORKSPACE, &["cart"]);
    let broken = slx_yaml(WORKSPACE, "cart").replace("  owners:\n  - owner@example.com\n", "  owners: 7\n");
    files.insert("slxs/cart/slx.yaml".to_owned(), broken);
    let directory = write(&server, "source", &files);
    let before = server.get(&format!("/api/v3/workspaces/{WORKSPACE}")).expect(200);
    let output = server.command(&["upload", &directory, "--workspace", WORKSPACE]);
    assert_eq!(output.status.code(), Some(3));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("slxs/cart/slx.yaml:15:11"), "{stderr}");
    assert!(stderr.contains("owners: 7"), "{stderr}");
    let after = server.get(&format!("/api/v3/workspaces/{WORKSPACE}")).expect(200);
    assert_eq!(before.field("revision"), after.field("revision"));
}

#[test]
fn a_bundle_over_the_limit_is_refused_with_the_setting_that_says_so() {
    let environment = vec![("WORKSTEAD_UPLOAD_MAX_COMPRESSED_BYTES", "64KiB".to_owned())];
    let server = TestServer::start_with(&ServerOptions { environment, ..ServerOptions::default() });
    server.create(WORKSPACE);
    let mut files = workspace_files(WORKSPACE, &["cart"]);
    // Hashes hardly compress.
    let noise = (0_u32..20_000).map(|number| BlobId::of(&number.to_le_bytes()).to_string());
    files.insert("notes/noise.txt".to_owned(), noise.collect());
    let directory = write(&server, "source", &files);
    for via in ["inline", "presigned"] {
        let output = server.command(&["upload", &directory, "--workspace", WORKSPACE, "--via", via]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{via}: {stderr}");
        assert!(stderr.contains("WORKSTEAD_UPLOAD_MAX_COMPRESSED_BYTES"), "{via}: {stderr}");
    }
}

#[test]
fn what_stands_against_an_upload_is_said() {
    let server = TestServer::start();
    let directory = write(&server, "source", &workspace_files(WORKSPACE, &["cart"]));
    let output = server.command(&["upload", &directory, "--workspace", "nowhere"]);
    assert_eq!(output.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&output.stderr).contains("404"));
    let nobody = ["--server", "http://127.0.0.1:1", "--retries", "0"];
    let output = server.command(&[&["upload", &directory, "--workspace", WORKSPACE], &nobody[..]].concat());
    assert_eq!(output.status.code(), Some(6));
    assert!(String::from_utf8_lossy(&output.stderr).contains("hint: is the server running there?"));
}

#[test]
fn tokens_and_signed_addresses_never_reach_the_log_however_much_it_tells() {
    let environment = vec![("WORKSTEAD_LOG", "trace".to_owned())];
    let server =
        TestServer::start_with(&ServerOptions { environment, own_token: true, ..ServerOptions::default() });
    server.create(WORKSPACE);
    let directory = write(&server, "source", &workspace_files(WORKSPACE, &["cart"]));
    let upload = ["upload", &directory, "--workspace", WORKSPACE, "--via", "presigned"];
    assert!(server.command(&upload).status.success());
    let config = format!("/api/v3/workspaces/{WORKSPACE}/generate-workspace-builder-config");
    let config = server.get(&config).expect(200);
    let signed = server.get(&format!("/api/v3/workspaces/{WORKSPACE}/upload?size=3")).expect(200);
    let clone = server.clone_workspace(WORKSPACE, "clone");
    server.git(&clone.directory).with_token("wrong-token-0123456789").refused(&["fetch"]);
    let signature = signed.field("url").rsplit('=').next().unwrap().to_owned();
    let log = server.log();
    assert!(log.contains("/upload"), "the log says nothing at all:\n{log}");
    for secret in [&server.token, config.field("token"), "wrong-token-0123456789", &signature] {
        assert!(secret.len() > 8 && !log.contains(secret), "{secret:?} is in the log");
    }
}
