//! The server with no more than the image, Compose and the chart give it: user 65532, no capability, a read-only root.

use std::os::unix::fs::MetadataExt;

use serde_json::json;

use crate::support::{ServerOptions, TestServer, repository_root, workspace_files};

/// Says whether this machine lets us confine a process; `scripts/test` says at its end when it does not.
fn can_confine() -> bool {
    let can = std::env::var_os("WORKSTEAD_TEST_WITHOUT_CONFINEMENT").is_none();
    if !can {
        eprintln!("NOT RUN: only root with a mount namespace may confine a server");
    }
    can
}

#[test]
fn a_server_without_rights_on_a_read_only_root_does_all_its_work() {
    if !can_confine() {
        return;
    }
    let script = repository_root().join("tests/deployment/confined.sh");
    let under = ["unshare", "--mount", "sh", script.to_str().unwrap()].map(str::to_owned).into();
    let mut server = TestServer::start_with(&ServerOptions { under, ..ServerOptions::default() });

    let status = fs_err::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim();
    assert_eq!(field("Uid:"), "65532\t65532\t65532\t65532");
    assert_eq!(field("CapEff:"), "0000000000000000");
    assert_eq!(field("CapBnd:"), "0000000000000000");
    assert_eq!(field("NoNewPrivs:"), "1");

    // Git's programs, the hook that checks a push, SQLite and the merge of an upload.
    server.create("abc");
    server.upload("abc", &workspace_files("abc", &["one", "two"]), &json!({})).expect(200);
    let clone = server.clone_workspace("abc", "clone");
    clone.write("README.md", "pushed\n");
    clone.commit("say something");
    clone.ok(&["push", "-q"]);
    clone.write("slxs/one/slx.yaml", "kind: Nonsense\n");
    clone.commit("break it");
    let refused = clone.refused(&["push"]);
    assert!(refused.contains("wrong_kind"), "{refused}");

    let database = fs_err::metadata(server.data_dir().join("workstead.db")).unwrap();
    assert_eq!(database.uid(), 65532);
    assert!(server.stop().success(), "SIGTERM ends it in peace");
}
