//! Pushes beside everything else that changes a workspace.

use serde_json::json;
use ureq::http::Method;

use crate::support::{ServerOptions, TestServer, slx_yaml, workspace_files};

const WORKSPACE: &str = "shop";
const OBJECT: &str = "/api/v3/workspaces/shop";

fn started() -> TestServer {
    let server = TestServer::start();
    server.create(WORKSPACE);
    server
}

#[test]
fn a_push_moves_the_time_of_the_last_update() {
    let server = started();
    let before = server.get(OBJECT).expect(200);
    let clone = server.clone_workspace(WORKSPACE, "clone");
    clone.write("notes.md", "hello");
    // Times are answered in whole seconds: let the clock reach the next one.
    let past = std::time::UNIX_EPOCH.elapsed().unwrap().subsec_millis();
    std::thread::sleep(std::time::Duration::from_millis(u64::from(1001 - past)));
    let commit = clone.commit("take notes");
    clone.ok(&["push", "--quiet", "origin", "HEAD"]);
    let after = server.get(OBJECT).expect(200);
    assert_eq!(after.field("revision"), commit);
    assert!(after.field("updatedAt") > before.field("updatedAt"), "{}", after.text);
    assert_eq!(after.field("createdAt"), before.field("createdAt"));
}

#[test]
fn a_push_to_another_branch_leaves_the_workspace_as_it_is() {
    let server = started();
    let before = server.get(OBJECT).expect(200);
    let clone = server.clone_workspace(WORKSPACE, "clone");
    clone.write("slxs/cart/slx.yaml", &slx_yaml(WORKSPACE, "cart"));
    clone.commit("watch the cart");
    clone.ok(&["tag", "--annotate", "--message", "first", "v1"]);
    clone.ok(&["push", "--quiet", "origin", "HEAD:refs/heads/feature/cart", "v1"]);
    assert_eq!(server.get(OBJECT).expect(200).json, before.json);
    let listed = clone.ok(&["ls-remote", "origin"]);
    assert!(listed.contains("refs/heads/feature/cart") && listed.contains("refs/tags/v1^{}"), "{listed}");
}

#[test]
fn pushes_and_patches_at_once_lose_nothing() {
    let server = started();
    let clone = server.clone_workspace(WORKSPACE, "clone");
    let rounds = 6;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..rounds {
                server.patch(OBJECT, &json!({"displayName": format!("Shop {round}")})).expect(200);
            }
        });
        for round in 0..rounds {
            clone.write(&format!("notes-{round}.md"), "x");
            clone.commit("take notes");
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
        assert_eq!(last.read(&format!("notes-{round}.md")), "x");
    }
    // One commit made the workspace.
    let commits = last.ok(&["rev-list", "--count", "HEAD"]);
    assert_eq!(commits, (2 * rounds + 1).to_string());
    let object = server.get(OBJECT).expect(200);
    assert_eq!(object.field("displayName"), format!("Shop {}", rounds - 1));
    assert_eq!(object.field("revision"), last.ok(&["rev-parse", "HEAD"]));
    server.git(&server.repository()).fsck();
}

#[test]
fn what_was_pushed_is_kept_by_an_upload() {
    let server = started();
    let files = workspace_files(WORKSPACE, &["cart", "web"]);
    server.upload(WORKSPACE, &files, &json!({})).expect(200);
    let clone = server.clone_workspace(WORKSPACE, "clone");
    let edited = slx_yaml(WORKSPACE, "cart").replace("kind: ServiceLevelX", "kind: ServiceLevelX # ours");
    assert!(edited.contains("# ours"));
    clone.write("slxs/cart/slx.yaml", &edited);
    clone.commit("say that it is ours");
    clone.ok(&["push", "--quiet", "origin", "HEAD"]);
    let options = json!({"mergeMode": "keepexisting"});
    server.upload(WORKSPACE, &workspace_files(WORKSPACE, &["cart", "search", "web"]), &options).expect(200);
    clone.ok(&["pull", "--quiet"]);
    assert_eq!(clone.read("slxs/cart/slx.yaml"), edited);
    assert_eq!(clone.read("slxs/search/slx.yaml"), slx_yaml(WORKSPACE, "search"));
}

#[test]
fn a_deleted_workspace_takes_no_push() {
    let server = started();
    let clone = server.clone_workspace(WORKSPACE, "clone");
    clone.write("notes.md", "hello");
    clone.commit("take notes");
    server.call(Method::DELETE, OBJECT, None).expect(204);
    let told = clone.refused(&["push", "origin", "HEAD"]);
    assert!(told.contains("not found"), "{told}");
    // Another one of that name has nothing of it.
    server.create(WORKSPACE);
    let told = clone.refused(&["push", "origin", "HEAD"]);
    assert!(told.contains("fetch first") || told.contains("non_fast_forward"), "{told}");
}

#[test]
fn many_small_pushes_become_few_packs() {
    let mut server = started();
    let clone = server.clone_workspace(WORKSPACE, "clone");
    let repository = server.repository().display().to_string();
    let receive = "--receive-pack=git -c receive.unpackLimit=1 receive-pack";
    for round in 0..60 {
        clone.write("notes.md", &round.to_string());
        clone.commit("take notes");
        // Past the server, which is quicker, and to another branch.
        clone.ok(&["push", "--quiet", receive, &repository, "HEAD:refs/heads/side"]);
    }
    clone.write("notes.md", "60");
    clone.commit("take notes");
    clone.ok(&["push", "--quiet", "origin", "HEAD:refs/heads/main"]);
    let packs = || {
        let entries = fs_err::read_dir(server.repository().join("objects/pack")).unwrap();
        entries
            .filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|e| e == "pack"))
            .count()
    };
    let since = std::time::Instant::now();
    while packs() >= 60 {
        assert!(since.elapsed().as_secs() < 60, "{} packs are left", packs());
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_eq!(server.clone_workspace(WORKSPACE, "last").read("notes.md"), "60");
    // The end waits for housekeeping; `git fsck`, unlike a clone, can't bear packs that go meanwhile.
    assert!(server.stop().success());
    server.git(&server.repository()).fsck();
}

#[test]
fn a_push_cut_off_by_kill_leaves_the_old_or_the_new_commit() {
    let mut server = started();
    for round in 0..4_u64 {
        let clone = server.clone_workspace(WORKSPACE, &format!("clone-{round}"));
        let old = clone.ok(&["rev-parse", "HEAD"]);
        let names: Vec<String> = (0..200).map(|number| format!("slx-{round}-{number}")).collect();
        for name in &names {
            clone.write(&format!("slxs/{name}/slx.yaml"), &slx_yaml(WORKSPACE, name));
        }
        let new = clone.commit("many");
        let acknowledged = std::thread::scope(|scope| {
            let push = scope.spawn(|| clone.run(&["push", "--quiet", "origin", "HEAD"]).status.success());
            // Any moment will do; different ones are better.
            std::thread::sleep(std::time::Duration::from_millis(20 + round * 60));
            server.signal("KILL");
            push.join().unwrap()
        });
        server.wait();
        server.run(&ServerOptions::default());
        let head = server.get(OBJECT).expect(200).field("revision").to_owned();
        assert!(head == new || (head == old && !acknowledged), "{head} is neither {old} nor {new}");
        server.git(&server.repository()).fsck();
    }
}
