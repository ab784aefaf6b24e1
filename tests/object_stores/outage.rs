//! A store that is away, slow, or breaks off; a server that dies.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use workstead_test_stores::Rule;

use super::world::{World, put};
use crate::support::{Content, bundle, workspace_files};

/// Bytes of the answers before the object's own; enough that its first bytes are among them.
const SOME: u64 = 20_000;

/// Returns a workspace whose bundle has some hundred kilobytes, which don't compress.
fn large(workspace: &str) -> Content {
    let mut files = workspace_files(workspace, &["cart"]);
    let mut state = 1_u64;
    let noise = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        char::from(b'!' + ((state >> 33) % 90) as u8)
    };
    files.insert("slxs/cart/noise.txt".to_owned(), (0..400_000).map(noise).collect());
    files
}

fn until(world: &World, target: &Value, wanted: impl Fn(&Value) -> bool) -> Value {
    let since = Instant::now();
    loop {
        let status = world.status(target);
        if wanted(&status) {
            return status;
        }
        assert!(since.elapsed() < Duration::from_mins(1), "{status}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_store_that_is_away_is_asked_again() {
    let Some(mut world) = World::start(&[]) else { return };
    world.server.create("shop");
    let target = world.opened("shop", &workspace_files("shop", &["cart"]));
    world.internal.set(Rule::refuse());
    let down = world.complete(&target).expect(503);
    assert_eq!(down.field("code"), "store_down");
    assert_eq!(world.record("shop", &target)["status"], "queued");
    // All else works, also a new upload's URL: to sign asks nobody.
    world.server.get("/readyz").expect(200);
    world.open("shop", "");
    world.server.upload("shop", &workspace_files("shop", &["inline"]), &json!({})).expect(200);
    world.internal.set(Rule::pass());
    // A second POST need not wait for the next attempt.
    let done = world.complete(&target).expect(200);
    assert_eq!(done.json["summary"]["added"], json!(["cart"]));
    world.wait_until_empty();
}

#[test]
fn a_store_that_breaks_off_is_asked_again_by_the_server_itself() {
    let Some(mut world) = World::start(&[]) else { return };
    world.server.create("shop");
    let target = world.open("shop", "");
    put(&target, &bundle(&large("shop"))).expect(200);
    world.internal.set(Rule::pass().cut_to_client(SOME));
    let broken = world.complete(&target).expect(503);
    assert_eq!(broken.field("code"), "store_down");
    world.internal.set(Rule::pass());
    // Nobody asks again, and it is done all the same.
    let status = until(&world, &target, |status| status["status"] == "SUCCESS");
    assert_eq!(status["result"]["summary"]["added"], json!(["cart"]));
    assert!(world.record("shop", &target)["attempts"].as_u64().unwrap() >= 2);
}

#[test]
fn a_slow_store_holds_up_nobody_else() {
    let Some(mut world) = World::start(&[("WORKSTEAD_UPLOAD_CONCURRENCY", "1")]) else { return };
    world.server.create("shop");
    world.server.create("other");
    let target = world.open("shop", "");
    let packed = bundle(&large("shop"));
    put(&target, &packed).expect(200);
    world.internal.set(Rule::pass().hold_to_client(SOME));
    std::thread::scope(|scope| {
        let completing = scope.spawn(|| world.complete(&target));
        let status = until(&world, &target, |status| status["progress"]["bytes"].as_u64() > Some(0));
        assert_eq!(status["status"], "STARTED");
        assert_eq!(status["progress"]["phase"], "fetching");
        assert_eq!(status["progress"]["bytesTotal"], packed.len());
        for workspace in ["other", "shop"] {
            world.server.upload(workspace, &workspace_files(workspace, &["inline"]), &json!({})).expect(200);
        }
        assert_eq!(world.status(&target)["status"], "STARTED");
        world.internal.cut_connections();
        let broken = completing.join().unwrap();
        assert_eq!(broken.status, 503, "{}", broken.text);
    });
    world.internal.set(Rule::pass());
    world.complete(&target).expect(200);
}

#[test]
fn a_put_that_breaks_off_leaves_nothing_and_can_be_done_again() {
    let Some(mut world) = World::start(&[]) else { return };
    world.server.create("shop");
    let target = world.open("shop", "");
    let packed = bundle(&large("shop"));
    world.public.set(Rule::pass().cut_to_store(SOME));
    assert_eq!(put(&target, &packed).status, 0);
    assert_eq!(world.complete(&target).expect(409).field("code"), "nothing_uploaded");
    world.public.set(Rule::pass());
    put(&target, &packed).expect(200);
    world.complete(&target).expect(200);
}

#[test]
fn a_server_that_dies_goes_on_where_it_was() {
    let Some(mut world) = World::start(&[]) else { return };
    world.server.create("shop");
    let target = world.open("shop", "");
    put(&target, &bundle(&large("shop"))).expect(200);
    world.internal.set(Rule::pass().hold_to_client(SOME));
    std::thread::scope(|scope| {
        scope.spawn(|| world.complete(&target));
        until(&world, &target, |status| status["progress"]["bytes"].as_u64() > Some(0));
        world.server.signal("KILL");
    });
    world.internal.set(Rule::pass());
    world.crash();
    // Nobody asks for it after the start.
    let status = until(&world, &target, |status| status["status"] == "SUCCESS");
    assert_eq!(status["result"]["summary"]["added"], json!(["cart"]));
    let clone = world.server.clone_workspace("shop", "clone");
    assert_eq!(clone.ok(&["rev-list", "--count", "HEAD"]), "2");
    world.wait_until_empty();
}

#[test]
fn a_store_that_is_away_at_the_start_stops_nothing() {
    let Some(mut world) = World::start(&[]) else { return };
    world.server.create("shop");
    world.internal.set(Rule::refuse());
    world.crash();
    world.server.upload("shop", &workspace_files("shop", &["cart"]), &json!({})).expect(200);
    let health = world.server.get("/api/v3/workspaces/shop/health").expect(200);
    assert!(health.text.contains("degraded"), "{}", health.text);
    let since = Instant::now();
    // The store is examined beside everything else, and asked more than once.
    while !world.server.log().contains("uploads by signed URLs don't work now") {
        assert!(since.elapsed() < Duration::from_mins(1), "nothing is said of it");
        std::thread::sleep(Duration::from_millis(20));
    }
}
