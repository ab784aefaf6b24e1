//! The way of a bundle when all goes well.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use ureq::http::Method;

use super::world::{BASE, World, put};
use crate::support::{bundle, inline_body, send, workspace_files};

#[test]
fn a_bundle_goes_by_the_store_into_a_clone_and_leaves_no_object() {
    let Some(world) = World::start(&[]) else { return };
    world.server.create("shop");
    let files = workspace_files("shop", &["cart", "web"]);
    let packed = bundle(&files);
    let sha256 = hex::encode(Sha256::digest(&packed));
    let target = world.open("shop", &format!("size={}&sha256={sha256}&message=By+store", packed.len()));
    assert_eq!(target["provider"], "minio");
    assert!(target["url"].as_str().unwrap().starts_with(&world.public.endpoint()), "{target}");
    let early = world.complete(&target).expect(409);
    assert_eq!(early.field("code"), "nothing_uploaded");
    put(&target, &packed).expect(200);
    assert_eq!(world.objects(), 1);
    let done = world.complete(&target).expect(200);
    assert_eq!(
        (done.field("status"), done.field("task_id")),
        ("queued", target["uploadId"].as_str().unwrap())
    );
    world.wait_until_empty();
    let clone = world.server.clone_workspace("shop", "clone");
    assert_eq!(clone.read("slxs/cart/slx.yaml"), files["slxs/cart/slx.yaml"]);
    assert_eq!(clone.ok(&["log", "-1", "--format=%s"]), "By store");
    // Done before: the first answer.
    assert_eq!(world.complete(&target).expect(200).json, done.json);
    assert_eq!(world.record("shop", &target)["sha256"], sha256);
}

#[test]
fn who_cant_reach_the_store_puts_to_the_server() {
    let Some(mut world) = World::start(&[]) else { return };
    world.server.create("shop");
    world.public.set(workstead_test_stores::Rule::refuse());
    let target = world.open("shop", "via=server");
    assert!(target["url"].as_str().unwrap().starts_with(&world.server.url), "{target}");
    put(&target, &bundle(&workspace_files("shop", &["cart"]))).expect(200);
    assert_eq!(world.objects(), 1);
    world.complete(&target).expect(200);
    world.wait_until_empty();
    assert_eq!(world.record("shop", &target)["via"], "server");
    // A late PUT brings nothing back.
    let late = put(&target, &bundle(&workspace_files("shop", &["cart"]))).expect(409);
    assert_eq!(late.field("code"), "upload_closed");
    world.wait_until_empty();
}

#[test]
fn who_does_not_wait_is_told_by_events() {
    let Some(world) = World::start(&[]) else { return };
    world.server.create("shop");
    let bearer = format!("Bearer {}", world.server.token);
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
        ("prefer", "respond-async"),
    ];
    let body = inline_body(&workspace_files("shop", &["cart", "web"])).to_string();
    let url = format!("{}{BASE}/shop/upload", world.server.url);
    let accepted = send(Method::POST, &url, &headers, Some(body.as_bytes())).expect(202);
    let path = accepted.field("statusUrl").strip_prefix(&world.server.url).unwrap().to_owned();
    let told = world.server.get(&format!("{path}/events")).expect(200);
    let done = told.text.split("event: done\ndata: ").nth(1).unwrap_or_else(|| panic!("{}", told.text));
    let done: Value = serde_json::from_str(done.trim()).unwrap();
    assert_eq!(
        (&done["status"], &done["result"]["summary"]["added"]),
        (&json!("SUCCESS"), &json!(["cart", "web"]))
    );
    world.wait_until_empty();
}

#[test]
fn two_completions_at_once_have_one_answer_and_one_commit() {
    let Some(world) = World::start(&[]) else { return };
    world.server.create("shop");
    let target = world.opened("shop", &workspace_files("shop", &["cart"]));
    let answers = std::thread::scope(|scope| {
        let all = [(); 4].map(|()| scope.spawn(|| world.complete(&target).expect(200).json));
        all.map(|one| one.join().unwrap())
    });
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(world.server.clone_workspace("shop", "clone").ok(&["rev-list", "--count", "HEAD"]), "2");
}

#[test]
fn deleting_a_workspace_deletes_its_objects() {
    let Some(world) = World::start(&[]) else { return };
    world.server.create("shop");
    let target = world.opened("shop", &workspace_files("shop", &["cart"]));
    world.opened("shop", &workspace_files("shop", &["web"]));
    assert_eq!(world.objects(), 2);
    world.server.call(Method::DELETE, &format!("{BASE}/shop"), None).expect(204);
    world.wait_until_empty();
    world.complete(&target).expect(404);
}
