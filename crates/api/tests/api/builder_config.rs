//! `generate-workspace-builder-config` and `upload-config`.

use axum::http::Method;
use serde_json::json;

use crate::app::{ADMIN, BASE, TestApp};

#[tokio::test]
async fn the_builder_gets_its_configuration_once() {
    let app = TestApp::start().await;
    app.post(BASE, json!({ "name": "abc", "enabledLocations": ["loc-1", "loc-2"] })).await.expect(201);
    let path = format!("{BASE}/abc/generate-workspace-builder-config");
    let answer = app.get(&path).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let config = answer.expect(200);
    insta::assert_json_snapshot!(config, {".token" => "[token]"}, @r#"
    {
      "workspaceName": "abc",
      "token": "[token]",
      "workspaceOwnerEmail": "admin@example.com",
      "papiURL": "https://ws.example",
      "locationId": "loc-1",
      "locationName": "loc-1",
      "defaultLocation": "loc-1",
      "defaultLocationName": "loc-1"
    }
    "#);
    assert!(config["token"].as_str().unwrap().starts_with("wst_"));
    let other = app.get(&format!("{path}?location=loc-2")).await.expect(200);
    assert_eq!((&other["locationId"], &other["defaultLocation"]), (&json!("loc-2"), &json!("loc-1")));
    assert_ne!(other["token"], config["token"]);
    let same = app.get(&format!("{BASE}/abc/upload-config?location=loc-2")).await.expect(200);
    assert_eq!(same["locationName"], "loc-2");
}

#[tokio::test]
async fn it_comes_as_yaml_too() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let path = format!("{BASE}/abc/upload-config");
    let bearer = format!("Bearer {ADMIN}");
    for answer in [
        app.get(&format!("{path}?format=yaml")).await,
        app.with(Method::GET, &path, &[("authorization", &bearer), ("accept", "application/yaml")], "").await,
    ] {
        assert_eq!(answer.header("content-type"), "application/yaml");
        assert_eq!(answer.header("content-disposition"), "attachment; filename=\"uploadInfo.yaml\"");
        assert_eq!(answer.header("cache-control"), "no-store");
        let text = String::from_utf8(answer.body.to_vec()).unwrap();
        let read = workstead_core::yaml::parse(&text).unwrap().to_json();
        assert_eq!((&read["workspaceName"], &read["locationId"]), (&json!("abc"), &json!("default")));
        assert!(read["token"].as_str().unwrap().starts_with("wst_"), "{text}");
    }
}

#[tokio::test]
async fn hours_have_bounds() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let path = format!("{BASE}/abc/generate-workspace-builder-config");
    for good in ["1", "4320"] {
        app.get(&format!("{path}?hours={good}")).await.expect(200);
    }
    for bad in ["0", "4321", "-1", "x"] {
        app.get(&format!("{path}?hours={bad}")).await.error(422);
    }
    insta::assert_snapshot!(app.get(&format!("{path}?hours=0")).await.error(422), @r#"invalid_hours: the parameter hours is "0", expected a whole number from 1 to 4320"#);
    insta::assert_snapshot!(app.get(&format!("{path}?format=xml")).await.error(400), @r#"invalid_parameter: the parameter format is "xml", expected json or yaml"#);
}

#[tokio::test]
async fn a_token_dies_on_time() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let config = app.get(&format!("{BASE}/abc/upload-config")).await.expect(200);
    let token = config["token"].as_str().unwrap().to_owned();
    let app = app
        .restart_after(async |database| {
            sqlx::query("UPDATE tokens SET expires_at = 1 WHERE kind = 'upload'")
                .execute(database)
                .await
                .unwrap();
        })
        .await;
    app.ask(&token, Method::GET, &format!("{BASE}/abc/upload"), serde_json::Value::Null).await.error(401);
}
