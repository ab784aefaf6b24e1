//! The real builder's requests, byte for byte, when the corpus lies beside the project.

use std::collections::BTreeMap;
use std::path::PathBuf;

use axum::body::Body;
use axum::http::Request;
use serde_json::Value;
use workstead_core::oid::BlobId;

use crate::app::{ADMIN, Answer, TestApp};

fn corpus() -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    path.is_dir().then_some(path)
}

async fn replay(app: &TestApp, name: &str) -> Answer {
    let body = std::fs::read(corpus().unwrap().join(name).join("request.json")).unwrap();
    let request = Request::post("//api/v3/workspaces/my-workspace/upload")
        .header("authorization", format!("Bearer {ADMIN}"))
        .header("content-type", "application/json")
        .body(Body::from(body))
        .unwrap();
    app.send(request).await
}

/// Returns the files below `slxs/` of a bundle with their blobs.
fn uploaded(name: &str) -> BTreeMap<String, String> {
    let file = std::fs::File::open(corpus().unwrap().join(name).join("bundle.tar.gz")).unwrap();
    let bundle = workstead_bundler::read(file, &workstead_bundler::Limits::default()).unwrap();
    let slxs = bundle.files.iter().filter(|(path, _)| path.as_str().starts_with("slxs/"));
    slxs.map(|(path, content)| (path.as_str().to_owned(), BlobId::of(content).to_string())).collect()
}

#[tokio::test]
async fn every_real_request_is_taken() {
    if corpus().is_none() {
        return;
    }
    for name in ["small", "small-extras", "small-disk", "small-location2", "longnames", "medium-v1"] {
        let app = TestApp::start().await;
        app.create("my-workspace").await;
        let answer = replay(&app, name).await.expect(200);
        assert_eq!(answer["status"], "queued", "{name}");
        assert_eq!(app.committed(), uploaded(name), "{name}");
        assert_eq!(replay(&app, name).await.expect(200)["status"], "duplicate_skipped", "{name}");
        assert_eq!(app.commits(), 2, "{name}");
        app.git(&["fsck", "--strict"]);
    }
}

#[tokio::test]
async fn a_second_run_of_the_builder_replaces_the_first() {
    if corpus().is_none() {
        return;
    }
    let app = TestApp::start().await;
    app.create("my-workspace").await;
    replay(&app, "medium-v1").await.expect(200);
    let second: Value = replay(&app, "medium-v2").await.expect(200);
    assert_eq!(app.committed(), uploaded("medium-v2"));
    assert_eq!(second["summary"]["counts"]["added"], 11);
    assert_eq!(second["summary"]["counts"]["pruned"], 10);
    assert_eq!(second["summary"]["counts"]["changed"], 31);
    assert_eq!(replay(&app, "medium-v2").await.expect(200)["status"], "duplicate_skipped");
    app.git(&["fsck", "--strict"]);
}
