//! `workstead plan`, with the real binary against a real server.

use std::process::{Command, Output};

use serde_json::{Value, json};
use workstead_core::oid::BlobId;

use crate::support::{ServerOptions, TestServer, cleaned, slx_yaml, workspace_files, workstead};

const WORKSPACE: &str = "shop";
const PRUNING: [&str; 3] = ["--merge-mode", "keepuploaded", "--prune-stale-slxs"];

fn plan(server: &TestServer, source: &str, more: &[&str]) -> Output {
    server.command(&[&["plan", source, "-w", WORKSPACE], more].concat())
}

#[track_caller]
fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// A workspace that was uploaded and then edited by people, and the directory of the next upload.
fn lived_in() -> (TestServer, String) {
    let server = TestServer::start();
    server.create(WORKSPACE);
    let mut files = workspace_files(WORKSPACE, &["cart", "db", "gone", "mine", "old", "web"]);
    files.insert("notes/to do.md".to_owned(), "one\n".to_owned());
    server.upload(WORKSPACE, &files, &json!({})).expect(200);
    let clone = server.clone_workspace(WORKSPACE, "people");
    clone.ok(&["mv", "slxs/db", "slxs/store"]);
    let renamed = clone.read("slxs/store/slx.yaml").replace("shop--db", "shop--store");
    clone.write("slxs/store/slx.yaml", &renamed);
    clone.ok(&["rm", "-rq", "slxs/gone"]);
    clone.write("slxs/mine/slx.yaml", &slx_yaml(WORKSPACE, "mine").replace("Health", "Well-being"));
    clone.ok(&["add", "-A"]);
    clone.commit("what people do");
    clone.ok(&["push", "--quiet"]);

    let mut files = workspace_files(WORKSPACE, &["cart", "db", "gone", "new", "web"]);
    files.insert("notes/to do.md".to_owned(), "one\ntwo".to_owned());
    let web = slx_yaml(WORKSPACE, "web").replace("web should be healthy", "web must be healthy");
    files.insert("slxs/web/slx.yaml".to_owned(), web);
    let directory = server.scratch("source");
    server.git(&directory).write_all(&files);
    (server, directory.display().to_string())
}

#[test]
fn a_plan_reads_well_and_its_diffs_are_what_the_upload_does() {
    let (server, source) = lived_in();
    let before = server.clone_workspace(WORKSPACE, "before");
    let shown = text(&plan(&server, &source, &PRUNING));
    let head = before.ok(&["rev-parse", "--short=10", "HEAD"]);
    insta::assert_snapshot!(shown.replace(&head, "[commit]"), @r"
    shop at [commit]:

      x gone stays deleted: people deleted it

      = mine is kept: people edited it

      + new is added
        + slxs/new/slx.yaml  +19 -0

      - old is pruned: the upload lacks it
        - slxs/old/slx.yaml  +0 -19

      > store (uploaded as db) keeps its name: people renamed it

      ~ web is changed
        ~ slxs/web/slx.yaml  +1 -1
          @@ -11,7 +11,7 @@
           spec:
             alias: web Health
             asMeasuredBy: The share of healthy answers.
          -  statement: web should be healthy.
          +  statement: web must be healthy.
             owners:
             - owner@example.com
             tags:

      Other files
        ~ .workspace-builder-manifest.yaml  the server's own record of uploads
        ~ notes/to do.md  +1 -0
          @@ -1 +1,2 @@
           one
          +two
          \ No newline at end of file
        ~ workspace.yaml  +2 -3
          @@ -10,8 +10,7 @@
             - name: Everything
               slxs:
               - cart
          -    - db
          -    - gone
               - mine
          -    - old
          +    - new
          +    - store
               - web

    Files: 1 to add, 4 to modify, 1 to remove.
    Also: 1 unchanged, 1 with the name that people gave, 1 deleted by people.
    Plan: 1 to add, 1 to change, 1 to prune, 1 kept.
    ");

    // The diffs turn a clone into what the upload makes, but for the dates of the manifest.
    let json = text(&plan(&server, &source, &[&PRUNING[..], &["--json"]].concat()));
    let answer: Value = serde_json::from_str(&json).unwrap();
    let diffs: String = answer["plan"]["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["diff"].as_str().unwrap())
        .collect();
    let patch = server.root.path().join("plan.patch");
    fs_err::write(&patch, diffs).unwrap();
    before.ok(&["apply", "--index", patch.to_str().unwrap()]);
    assert_eq!(before.ok(&["write-tree"]), answer["plan"]["tree"].as_str().unwrap());
    let upload = [&["upload", &source, "-w", WORKSPACE][..], &PRUNING].concat();
    assert!(server.command(&upload).status.success());
    let after = server.clone_workspace(WORKSPACE, "after").ok(&["rev-parse", "HEAD"]);
    before.ok(&["fetch", "--quiet"]);
    let differing = before.ok(&["diff", "--name-only", "--cached", &after]);
    assert!(["", ".workspace-builder-manifest.yaml"].contains(&differing.as_str()), "{differing}");

    // Then there is nothing left to do, but to keep what is kept.
    let shown = text(&plan(&server, &source, &PRUNING));
    assert!(shown.ends_with("Plan: 0 to add, 0 to change, 0 to prune, 1 kept.\n"), "{shown}");
    assert!(shown.contains("\nNothing to do: the branch holds all of it already.\n"), "{shown}");
}

#[test]
fn the_exit_code_tells_changes_when_asked_to() {
    let (server, source) = lived_in();
    let code = |more: &[&str]| plan(&server, &source, more).status.code();
    assert_eq!((code(&[]), code(&["--detailed-exitcode"])), (Some(0), Some(2)));
    assert!(server.command(&["upload", &source, "-w", WORKSPACE]).status.success());
    assert_eq!(code(&["--detailed-exitcode"]), Some(0));
    // Errors are those of the upload.
    let nowhere = server.command(&["plan", &source, "-w", "nowhere", "--detailed-exitcode"]);
    assert_eq!(nowhere.status.code(), Some(4));
    fs_err::write(server.scratch("source").join("slxs/web/slx.yaml"), "kind: [").unwrap();
    let invalid = plan(&server, &source, &["--detailed-exitcode"]);
    let stderr = String::from_utf8_lossy(&invalid.stderr);
    assert_eq!(invalid.status.code(), Some(3), "{stderr}");
    assert!(stderr.contains("slxs/web/slx.yaml:2:1"), "{stderr}");
}

#[test]
fn a_prune_that_would_be_refused_is_shown() {
    let server = TestServer::start();
    server.create(WORKSPACE);
    let names = ["a", "b", "c", "d", "e", "f", "g"];
    server.upload(WORKSPACE, &workspace_files(WORKSPACE, &names), &json!({})).expect(200);
    let directory = server.scratch("source");
    server.git(&directory).write_all(&workspace_files(WORKSPACE, &["a"]));
    let shown = text(&plan(&server, directory.to_str().unwrap(), &PRUNING));
    assert!(
        shown.contains("\nAn upload would be refused: the upload would prune 6 of the 7 SLXs"),
        "{shown}"
    );
    assert!(shown.ends_with("Plan: 0 to add, 0 to change, 6 to prune, 0 kept.\n"), "{shown}");
    let clone = server.clone_workspace(WORKSPACE, "clone");
    assert_eq!(clone.ok(&["rev-list", "--count", "HEAD"]), "2");
}

#[test]
fn colours_come_when_asked_for_and_never_into_a_pipe() {
    let (server, source) = lived_in();
    let colored = |more: &[&str], environment: &[(&str, &str)]| {
        let mut command = Command::new(workstead());
        cleaned(&mut command, server.root.path())
            .args(["plan", &source, "-w", WORKSPACE])
            .args(more)
            .env("WORKSTEAD_SERVER", &server.url)
            .env("WORKSTEAD_TOKEN", &server.token)
            .envs(environment.iter().copied());
        text(&command.output().unwrap()).contains("\x1b[32m")
    };
    assert!(!colored(&[], &[]));
    assert!(colored(&["--color", "always"], &[]));
    assert!(
        colored(&["--color", "always"], &[("NO_COLOR", "1")]),
        "a flag counts for more than the variable"
    );
    assert!(!colored(&["--color", "never"], &[]));
}

#[test]
fn a_bundle_that_is_too_large_for_a_plan_is_said_so() {
    let environment = vec![("WORKSTEAD_UPLOAD_MAX_COMPRESSED_BYTES", "64KiB".to_owned())];
    let server = TestServer::start_with(&ServerOptions { environment, ..ServerOptions::default() });
    server.create(WORKSPACE);
    let mut files = workspace_files(WORKSPACE, &["cart"]);
    // Hashes hardly compress.
    let noise = (0_u32..20_000).map(|number| BlobId::of(&number.to_le_bytes()).to_string());
    files.insert("notes/noise.txt".to_owned(), noise.collect());
    let directory = server.scratch("source");
    server.git(&directory).write_all(&files);
    let output = plan(&server, directory.to_str().unwrap(), &[]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(stderr.contains("WORKSTEAD_UPLOAD_MAX_COMPRESSED_BYTES"), "{stderr}");
    assert!(stderr.contains("a plan is asked for in one request"), "{stderr}");
}
