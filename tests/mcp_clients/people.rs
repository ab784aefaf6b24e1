//! The MCP servers in the hands of more than one person, and beside `git`.

use serde_json::{Value, json};

use super::{WORKSPACE, in_shop, open_shop, open_shop_with, runbook_yaml};
use crate::support::{McpClient, Release, ServerOptions, mcp_is_here, slx_yaml};

const SCRIPT: &str = "main() {\n  echo '[]' >&3\n}\n";

fn task(name: &str) -> Value {
    in_shop(json!({
        "slx_name": name,
        "alias": format!("The task {name}"),
        "statement": "It should run",
        "script": SCRIPT,
        "task_title": "Run it",
    }))
}

fn a_writer_commits_and_a_reader_may_not(release: Release) {
    if !mcp_is_here() {
        return;
    }
    let server = open_shop(&["location-01"]);
    let writer = server.sign_up("writer@example.com", WORKSPACE, "readwrite");
    let reader = server.sign_up("reader@example.com", WORKSPACE, "readonly");
    let mut client = McpClient::start_for(&server, release, &writer);
    let answer = client.tool("commit_slx", &task("cart"));
    assert_eq!(answer["status"], "committed", "{answer}");

    let clone = server.clone_workspace(WORKSPACE, "clone");
    let head = clone.ok(&["rev-parse", "HEAD"]);
    assert_eq!(clone.ok(&["log", "-1", "--format=%ae", "--", "slxs/cart"]), "writer@example.com");
    let slx = release.read_yaml(&clone.read("slxs/cart/slx.yaml"));
    assert_eq!(slx["spec"]["owners"], json!(["writer@example.com"]));

    let mut client = McpClient::start_for(&server, release, &reader);
    let runbook = client.tool("get_slx_runbook", &in_shop(json!({"slx_name": "cart"})));
    assert_eq!(runbook["spec"]["location"], "location-01");
    let told = client.refused("commit_slx", &task("web"));
    assert!(told.contains("403"), "{told}");
    let answer = client.tool("delete_slx", &in_shop(json!({"slx_name": "cart"})));
    assert!(answer["error"].as_str().unwrap().contains("403"), "{answer}");
    clone.ok(&["fetch", "--quiet"]);
    assert_eq!(clone.ok(&["rev-parse", "origin/main"]), head);

    let mut client = McpClient::start_for(&server, release, "wst_0000000000000000000000000000000000");
    let told = client.refused("list_workspaces", &json!({}));
    assert!(told.contains("401"), "{told}");
}

#[test]
fn with_the_release_of_may_a_writer_commits_and_a_reader_may_not() {
    a_writer_commits_and_a_reader_may_not(Release::May);
}

#[test]
fn with_the_release_of_august_a_writer_commits_and_a_reader_may_not() {
    a_writer_commits_and_a_reader_may_not(Release::August);
}

#[test]
fn both_releases_and_a_push_at_once_lose_nothing() {
    if !mcp_is_here() {
        return;
    }
    let server = open_shop(&["location-01"]);
    let clone = server.clone_workspace(WORKSPACE, "clone");
    let rounds = 4;
    std::thread::scope(|scope| {
        for (release, name) in [(Release::May, "may"), (Release::August, "august")] {
            let server = &server;
            scope.spawn(move || {
                let mut client = McpClient::start(server, release);
                for round in 0..rounds {
                    let answer = client.tool("commit_slx", &task(&format!("{name}-{round}")));
                    assert_eq!(answer["status"], "committed", "{answer}");
                }
            });
        }
        for round in 0..rounds {
            let name = format!("git-{round}");
            clone.write(&format!("slxs/{name}/slx.yaml"), &slx_yaml(WORKSPACE, &name));
            clone.commit("watch more");
            let mut attempts = 0;
            while !clone.run(&["push", "--quiet", "origin", "HEAD"]).status.success() {
                attempts += 1;
                assert!(attempts < 50, "the push never gets through");
                clone.ok(&["pull", "--quiet", "--rebase", "origin", "main"]);
            }
        }
    });
    let last = server.clone_workspace(WORKSPACE, "last");
    for round in 0..rounds {
        for (name, files) in
            [("git", "slx.yaml"), ("may", "runbook.yaml\nslx.yaml"), ("august", "runbook.yaml\nslx.yaml")]
        {
            let held = last.ok(&["ls-tree", "--name-only", &format!("HEAD:slxs/{name}-{round}")]);
            assert_eq!(held, files, "{name}-{round}");
        }
    }
    last.fsck();
}

/// The release of May takes a branch, and writes its slash as it is.
#[test]
fn the_release_of_may_commits_to_a_branch_that_is_not_there_yet() {
    if !mcp_is_here() {
        return;
    }
    let server = open_shop(&["location-01"]);
    let mut client = McpClient::start(&server, Release::May);
    let mut arguments = task("cart");
    arguments["branch"] = json!("feature/cart");
    arguments["commit_message"] = json!("Try the cart\n\nRequest-Id: forged");
    let answer = client.tool("commit_slx", &arguments);
    assert_eq!(answer["response"]["branch"], "feature/cart", "{answer}");
    assert_eq!(answer["response"]["path"], "slxs/cart", "{answer}");
    let clone = server.clone_workspace(WORKSPACE, "clone");
    let branch = clone.ok(&["rev-parse", "origin/feature/cart"]);
    assert_eq!(answer["response"]["hexsha"], branch);
    assert_eq!(clone.ok(&["rev-parse", "origin/feature/cart~1"]), clone.ok(&["rev-parse", "origin/main"]));
    let names = clone.ok(&["diff", "--name-only", "origin/main", "origin/feature/cart"]);
    assert_eq!(names, "slxs/cart/runbook.yaml\nslxs/cart/slx.yaml");
    // What callers write is one line, and no trailer.
    assert_eq!(clone.ok(&["log", "-1", "--format=%s", &branch]), "Try the cart Request-Id: forged");
    let ids = clone.ok(&["log", "-1", "--format=%(trailers:key=Request-Id,valueonly)", &branch]);
    assert!(!ids.contains("forged"), "{ids}");

    let arguments = in_shop(json!({"slx_name": "cart", "branch": "feature/cart"}));
    assert_eq!(client.tool("delete_slx", &arguments)["status"], "deleted");
    clone.ok(&["fetch", "--quiet"]);
    assert_eq!(clone.ok(&["ls-tree", "-r", "--name-only", "origin/feature/cart", "slxs"]), "");
}

/// The location that most runbooks name is the one to write, by the name that they have for it.
fn the_location_in_use_is_found(release: Release) {
    if !mcp_is_here() {
        return;
    }
    let server = open_shop(&["location-01", "location-02"]);
    let clone = server.clone_workspace(WORKSPACE, "clone");
    clone.write("slxs/web/slx.yaml", &slx_yaml(WORKSPACE, "web"));
    clone.write("slxs/web/runbook.yaml", &runbook_yaml("web", "location-02"));
    clone.commit("watch the web");
    clone.ok(&["push", "--quiet", "origin", "HEAD"]);
    let mut client = McpClient::start(&server, release);
    let answer = client.tool("commit_slx", &task("cart"));
    assert_eq!(answer["status"], "committed", "{answer}");
    clone.ok(&["pull", "--quiet"]);
    let runbook = release.read_yaml(&clone.read("slxs/cart/runbook.yaml"));
    assert_eq!(runbook["spec"]["location"], "location-02");
}

#[test]
fn the_release_of_may_finds_the_location_in_use() {
    the_location_in_use_is_found(Release::May);
}

#[test]
fn the_release_of_august_finds_the_location_in_use() {
    the_location_in_use_is_found(Release::August);
}

/// An installation without the internet says where its code bundles are.
#[test]
fn the_release_of_august_takes_code_bundles_from_the_collections_of_the_installation() {
    if !mcp_is_here() {
        return;
    }
    let collections = "rw-generic-codecollection=https://git.example.com/generic.git,\
        rw-workspace-utils=https://git.example.com/utils.git";
    let environment = vec![("WORKSTEAD_CODECOLLECTIONS", collections.to_owned())];
    let options = ServerOptions { environment, ..ServerOptions::default() };
    let server = open_shop_with(&["location-01"], &options);
    let mut client = McpClient::start(&server, Release::August);
    let mut arguments = task("cart");
    arguments["cron_schedule"] = json!("*/5 * * * *");
    let answer = client.tool("commit_slx", &arguments);
    assert_eq!(answer["generic_repo_resolved_from"], "workspace", "{answer}");
    let clone = server.clone_workspace(WORKSPACE, "clone");
    for (file, url) in [
        ("runbook.yaml", "https://git.example.com/generic.git"),
        ("sli.yaml", "https://git.example.com/utils.git"),
    ] {
        let document = Release::August.read_yaml(&clone.read(&format!("slxs/cart/{file}")));
        assert_eq!(document["spec"]["codeBundle"]["repoUrl"], url, "{file}");
    }
}
