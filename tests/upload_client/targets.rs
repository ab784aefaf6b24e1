//! Where an upload goes: `uploadInfo.yaml`, standard input, proxies.

use super::{Relay, Stage, WORKSPACE, run};

#[test]
fn the_builders_file_is_all_that_is_needed() {
    let stage = Stage::new();
    let route = format!("/api/v3/workspaces/{WORKSPACE}/generate-workspace-builder-config");
    let path = stage.server.root.path().join("uploadInfo.yaml");
    let file = path.display().to_string();
    for format in ["?format=yaml", ""] {
        let config = stage.server.get(&format!("{route}{format}")).expect(200);
        fs_err::write(&path, config.text).unwrap();
        let run = run(&stage.server, &[], &[&stage.directory, "--upload-info", &file], b"");
        assert!(run.expect(0).stdout.starts_with("shop: "));
    }
    // What CI sets wins over the file; a flag wins over both.
    let environment = [("WORKSTEAD_WORKSPACE", "elsewhere"), ("WORKSTEAD_TOKEN", "")];
    let arguments = [stage.directory.as_str(), "--upload-info", &file];
    run(&stage.server, &environment, &arguments, b"").expect(4);
    let arguments = [&arguments[..], &["--workspace", WORKSPACE]].concat();
    run(&stage.server, &environment, &arguments, b"").expect(0);
    assert_eq!(stage.commits(), 1);
}

#[test]
fn a_bundle_comes_in_on_standard_input_as_it_is() {
    let stage = Stage::new();
    let bundle = stage.server.root.path().join("shop.tar.gz").display().to_string();
    assert!(stage.server.command(&["bundle", &stage.directory, "-o", &bundle]).status.success());
    let bytes = fs_err::read(bundle).unwrap();
    run(&stage.server, &stage.environment(), &["-"], &bytes).expect(0);
    assert!(stage.relay.seen("PUT", "/uploads/")[0].body == bytes);
    let nothing = run(&stage.server, &stage.environment(), &["-"], b"").expect(1);
    assert!(nothing.stderr.contains("standard input is empty"), "{}", nothing.stderr);
}

#[test]
fn a_proxy_is_used_for_others_and_never_for_this_machine() {
    let stage = Stage::new();
    let proxy = Relay::before(&stage.server.url);
    let with_password = proxy.url.replace("http://", "http://user:geheim@");
    let token = stage.server.token.as_str();
    let upload = |environment: &[(&str, &str)]| {
        let all = [&[("WORKSTEAD_TOKEN", token)], environment].concat();
        run(&stage.server, &all, &[&stage.directory, "-w", WORKSPACE, "--retries", "0"], b"")
    };
    let elsewhere = ("WORKSTEAD_SERVER", "http://workstead.invalid:8700");
    // HTTPS_PROXY is not for addresses of http.
    upload(&[elsewhere, ("HTTP_PROXY", &with_password), ("HTTPS_PROXY", "http://127.0.0.1:1")]).expect(0);
    let seen = proxy.seen("CONNECT", "workstead.invalid:8700");
    assert!(!seen.is_empty());
    assert_eq!(seen[0].header("proxy-authorization"), "Basic dXNlcjpnZWhlaW0=");
    let run = upload(&[elsewhere, ("HTTP_PROXY", &with_password), ("NO_PROXY", "other.example, .invalid")]);
    assert_eq!(run.code, 6, "{}", run.stderr);
    assert!(!run.stderr.contains("geheim"), "{}", run.stderr);
    assert_eq!(proxy.seen("CONNECT", "").len(), seen.len());
    // The proxy's own loopback is not ours.
    upload(&[("WORKSTEAD_SERVER", &stage.server.url), ("ALL_PROXY", "http://127.0.0.1:1")]).expect(0);
}
