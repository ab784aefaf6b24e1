//! A store that says what was put.

use serde_json::{Value, json};
use ureq::http::Method;

use super::world::{World, put};
use crate::support::{Answer, bundle, send, workspace_files};

const SECRET: &str = "notify-0123456789abcdefghijklmnopqrstuv";

/// Sends what MinIO sends when an object was put.
fn notify(world: &World, secret: &str, target: &Value) -> Answer {
    let key = target["objectKey"].as_str().unwrap();
    let bucket = world.garage.bucket();
    let body = json!({
        "EventName": "s3:ObjectCreated:Put",
        "Key": format!("{bucket}/{key}"),
        "Records": [{
            "eventName": "s3:ObjectCreated:Put",
            "s3": {"bucket": {"name": bucket}, "object": {"key": key.replace('/', "%2F"), "size": 1}},
        }],
    });
    let bearer = format!("Bearer {secret}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let url = format!("{}/api/v3/uploads/notifications", world.server.url);
    send(Method::POST, &url, &headers, Some(body.to_string().as_bytes()))
}

#[test]
fn what_the_client_does_not_complete_a_notification_does() {
    let Some(world) = World::start(&[("WORKSTEAD_UPLOAD_NOTIFY_SECRET", SECRET)]) else { return };
    world.server.create("shop");
    let target = world.open("shop", "message=Notified");
    put(&target, &bundle(&workspace_files("shop", &["cart"]))).expect(200);
    notify(&world, "another-0123456789abcdefghijklmnopqrst", &target).expect(401);
    assert_eq!(notify(&world, SECRET, &target).expect(200).json, json!({"taken": 1, "ignored": 0}));
    // Who asks now is told what comes of it, whoever began.
    let done = world.complete(&target).expect(200);
    assert_eq!(done.json["summary"]["added"], json!(["cart"]));
    assert_eq!(world.record("shop", &target)["completedBy"], "notification");
    for _ in 0..2 {
        assert_eq!(notify(&world, SECRET, &target).expect(200).json, json!({"taken": 0, "ignored": 1}));
    }
    let clone = world.server.clone_workspace("shop", "clone");
    assert_eq!(clone.ok(&["log", "--format=%an %s", "-1"]), "admin@localhost Notified");
    assert_eq!(clone.ok(&["rev-list", "--count", "HEAD"]), "2");
    world.wait_until_empty();
}

#[test]
fn notifications_and_completions_at_once_make_one_commit() {
    let Some(world) = World::start(&[("WORKSTEAD_UPLOAD_NOTIFY_SECRET", SECRET)]) else { return };
    world.server.create("shop");
    let target = world.opened("shop", &workspace_files("shop", &["cart"]));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| notify(&world, SECRET, &target).expect(200));
            scope.spawn(|| world.complete(&target).expect(200));
        }
    });
    assert_eq!(world.server.clone_workspace("shop", "clone").ok(&["rev-list", "--count", "HEAD"]), "2");
    world.wait_until_empty();
}
