//! Pushes, patches and uploads at once: nothing that was acknowledged is lost, and every refusal is worth another try.
//!
//! A binary of its own: it takes its time, and all of the machine.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]
#![allow(clippy::print_stderr, reason = "how much was written, for who looks at it")]

#[allow(dead_code, unused_imports, reason = "the end-to-end suite uses the rest")]
mod support;

use std::collections::HashSet;
use std::time::Duration;

use serde_json::json;
use support::TestServer;
use workstead_test_races::{Door, Race, race};

const WORKSPACE: &str = "shop";

#[test]
fn nothing_acknowledged_is_lost_when_32_write_at_once() {
    let server = TestServer::start();
    server.create(WORKSPACE);
    let outcome = race(&Race {
        url: server.url.clone(),
        git_url: server.git_url(WORKSPACE),
        token: server.token.clone(),
        workspace: WORKSPACE.to_owned(),
        scratch: server.scratch("race"),
        time: Duration::from_mins(1),
        pushers: 10,
        patchers: 16,
        uploaders: 6,
    })
    .unwrap();
    let refused = &outcome.refused;
    assert!(outcome.unclean.is_empty(), "{:#?}", outcome.unclean);
    for door in [Door::Api, Door::Upload, Door::Push] {
        assert!(outcome.count(door) > 0, "nothing came through {door:?}: {refused:?}");
    }
    let [patches, uploads, pushes] = [Door::Api, Door::Upload, Door::Push].map(|door| outcome.count(door));
    eprintln!("{patches} patches, {uploads} uploads, {pushes} pushes; refused: {refused:?}");

    let bare = server.git(&server.repository());
    let listed = bare.ok(&["rev-list", "--first-parent", "main"]);
    let history: HashSet<&str> = listed.lines().collect();
    // A merge of an upload and a push never happens: history is one line.
    assert_eq!(bare.ok(&["rev-list", "--min-parents=2", "main"]), "");
    let lost: Vec<_> =
        outcome.acknowledged.iter().filter(|write| !history.contains(write.commit.as_str())).collect();
    assert!(lost.is_empty(), "{lost:#?}");
    for (path, text) in outcome.standing() {
        let stands = bare.ok(&["show", &format!("main:{path}")]);
        assert!(stands.contains(text.trim_end()), "{path} lacks {text:?}:\n{stands}");
    }
    for write in &outcome.acknowledged {
        // As of its own commit too: no later one made good for it.
        let stood = bare.ok(&["show", &format!("{}:{}", write.commit, write.path)]);
        assert!(stood.contains(write.text.trim_end()), "{write:?}:\n{stood}");
    }
    bare.fsck();

    // What the API says is what Git holds.
    let object = server.get(&format!("/api/v3/workspaces/{WORKSPACE}")).expect(200);
    assert_eq!(object.field("revision"), bare.ok(&["rev-parse", "main"]));
    server.patch(&format!("/api/v3/workspaces/{WORKSPACE}"), &json!({ "displayName": "After" })).expect(200);
}
