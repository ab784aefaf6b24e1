//! Clients that don't do what they were told, and stores that tell other than they hold.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use ureq::http::Method;

use super::world::{World, headers, put};
use crate::support::{bundle, send, workspace_files};

fn declared(world: &World, packed: &[u8]) -> Value {
    let sha256 = hex::encode(Sha256::digest(packed));
    world.open("shop", &format!("size={}&sha256={sha256}", packed.len()))
}

#[test]
fn the_store_takes_only_what_was_declared() {
    let Some(world) = World::start(&[]) else { return };
    world.server.create("shop");
    let packed = bundle(&workspace_files("shop", &["cart"]));
    let target = declared(&world, &packed);
    let mut tampered = packed.clone();
    tampered[20] ^= 1;
    put(&target, &tampered).expect(400);
    assert_eq!(put(&target, &packed[1..]).status / 100, 4);
    let url = target["url"].as_str().unwrap();
    let headers = headers(&target);
    for missing in 0..headers.len() {
        let mut fewer = headers.clone();
        fewer.remove(missing);
        let refused = send(Method::PUT, url, &fewer, Some(&packed)).status;
        assert_eq!(refused / 100, 4, "without {:?}", headers[missing]);
    }
    for method in [Method::GET, Method::DELETE, Method::POST] {
        let body = (method == Method::POST).then_some(&packed[..]);
        assert_eq!(send(method.clone(), url, &headers, body).status / 100, 4, "{method}");
    }
    let id = target["uploadId"].as_str().unwrap();
    let other = url.replace(id, &format!("{}0", &id[..id.len() - 1]));
    assert_eq!(send(Method::PUT, &other, &headers, Some(&packed)).status, 403);
    world.wait_until_empty();
    put(&target, &packed).expect(200);
    world.complete(&target).expect(200);
}

#[test]
fn what_the_store_took_is_checked_all_the_same() {
    let Some(world) = World::start(&[("WORKSTEAD_UPLOAD_MAX_COMPRESSED_BYTES", "4KiB")]) else { return };
    world.server.create("shop");
    for (body, code, status) in [
        (&b"not a bundle"[..], "bundle_not_gzip", 422),
        (&[0; 5000], "too_large", 413),
        (&bundle(&workspace_files("other", &["cart"])), "invalid_content", 422),
    ] {
        let target = world.open("shop", "");
        put(&target, body).expect(200);
        let refused = world.complete(&target).expect(status);
        assert_eq!(refused.field("code"), code, "{}", refused.text);
        assert_eq!(world.status(&target)["status"], "FAILURE");
        // It stays for whoever finds out why.
        assert_eq!(world.record("shop", &target)["bundleKept"], true);
        assert_eq!(world.complete(&target).expect(status).field("code"), code);
    }
    assert_eq!(world.server.clone_workspace("shop", "clone").ok(&["rev-list", "--count", "HEAD"]), "1");
}

#[test]
fn another_bundle_put_later_is_another_upload() {
    let Some(world) = World::start(&[]) else { return };
    world.server.create("shop");
    let target = world.opened("shop", &workspace_files("shop", &["cart"]));
    put(&target, &bundle(&workspace_files("shop", &["cart", "web"]))).expect(200);
    let done = world.complete(&target).expect(200);
    assert_eq!(done.json["summary"]["added"], json!(["cart", "web"]));
    // A URL can't be revoked: what is put now lies there until the sweeper finds it, and changes nothing.
    put(&target, &bundle(&workspace_files("shop", &["late"]))).expect(200);
    assert_eq!(world.complete(&target).expect(200).json, done.json);
    assert_eq!(world.server.clone_workspace("shop", "clone").ok(&["rev-list", "--count", "HEAD"]), "2");
}

#[test]
fn nothing_secret_is_logged() {
    let Some(world) = World::start(&[("WORKSTEAD_LOG", "trace")]) else { return };
    world.server.create("shop");
    let target = world.opened("shop", &workspace_files("shop", &["cart"]));
    world.complete(&target).expect(200);
    let log = world.server.log();
    let url = target["url"].as_str().unwrap();
    let signature = url.split("X-Amz-Signature=").nth(1).unwrap().split('&').next().unwrap();
    for secret in [&world.garage.key().secret, signature, &world.server.token] {
        assert!(!log.contains(secret), "the log holds a secret");
    }
}
