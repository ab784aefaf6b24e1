//! `/schemas/`: JSON Schemas for editors.

use axum::http::Method;
use serde_json::Value;

use crate::app::TestApp;
use crate::conforms::assert_conforms;

#[tokio::test]
async fn every_schema_of_the_catalog_is_there_for_anybody() {
    let app = TestApp::start().await;
    let answer = app.with(Method::GET, "/schemas/", &[], "").await;
    assert_conforms(&app, "/schemas", &answer).await;
    let catalog = answer.expect(200);
    let schemas = catalog["schemas"].as_array().unwrap();
    assert_eq!(schemas.len(), 10);
    for entry in schemas {
        let url = entry["url"].as_str().unwrap();
        let path = url.strip_prefix("https://ws.example").unwrap();
        let answer = app.with(Method::GET, path, &[], "").await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("content-type"), "application/schema+json");
        assert_eq!(answer.header("cache-control"), "public, max-age=3600");
        let schema: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(schema["$id"], url, "a schema's name is where it is served");
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        let tag = answer.header("etag");
        let again = app.with(Method::GET, path, &[("if-none-match", tag)], "").await;
        assert_eq!((again.status.as_u16(), again.body.len()), (304, 0));
        assert_eq!(again.header("etag"), tag);
    }
}

#[tokio::test]
async fn a_schema_that_does_not_exist_is_told_with_those_that_do() {
    let app = TestApp::start().await;
    for path in ["/schemas/nonsense.json", "/schemas/slx", "/schemas/..%2Fslx.json"] {
        let refused = app.get(path).await.error(404);
        assert!(refused.starts_with("schema_not_found: "), "{refused}");
        assert!(refused.contains("slx.json, sli.json"), "{refused}");
    }
}

#[tokio::test]
async fn manifests_that_are_handed_out_name_schemas_that_are_there() {
    let app = TestApp::start().await;
    app.create("abc").await;
    for path in [
        "default-manifest/slx?format=yaml",
        "default-manifest/uploadinfo?format=yaml",
        "generate-workspace-builder-config?format=yaml",
    ] {
        let answer = app.get(&format!("{}/abc/{path}", crate::app::BASE)).await;
        let text = String::from_utf8(answer.body.to_vec()).unwrap();
        let line = text.lines().next().unwrap();
        let url = line.strip_prefix("# yaml-language-server: $schema=https://ws.example").unwrap();
        assert_eq!(app.with(Method::GET, url, &[], "").await.status, 200, "{url}");
    }
}
