//! Organizations: for staff, with secrets that are taken and never given.

use axum::http::Method;
use serde_json::{Value, json};

use crate::app::{ADMIN, BASE, TestApp};
use crate::slack::data_holds;

const ALL: &str = "/api/v3/organizations";
const ACME: &str = "/api/v3/organizations/acme";
const KEY: &str = "geheim-0123456789";

async fn with_acme() -> TestApp {
    let app = TestApp::start().await;
    let llm = json!({ "CHAT": { "provider": "openai", "model": "m1", "apiKey": KEY } });
    app.post(ALL, json!({ "name": "acme", "displayName": "Acme Inc.", "llmConfig": llm })).await.expect(201);
    app
}

#[tokio::test]
async fn an_organization_is_made_shown_changed_and_deleted() {
    let app = TestApp::start().await;
    let made = app.post(ALL, json!({ "name": "acme" })).await;
    assert_eq!(made.header("location"), "https://ws.example/api/v3/organizations/acme");
    let made = made.expect(201);
    insta::assert_json_snapshot!(made, {".id" => "[id]", ".createdAt" => "[time]", ".updatedAt" => "[time]"}, @r#"
    {
      "id": "[id]",
      "name": "acme",
      "displayName": null,
      "llmConfig": {},
      "llmConfigSecrets": [],
      "workspaceCount": 0,
      "createdAt": "[time]",
      "updatedAt": "[time]"
    }
    "#);
    let by_id = format!("{ALL}/{}", made["id"].as_str().unwrap());
    assert_eq!(app.get(&by_id).await.expect(200), made);
    let renamed = json!({ "name": "acme-2", "displayName": "Acme" });
    let renamed = app.patch(ACME, renamed).await.expect(200);
    assert_eq!((&renamed["name"], &renamed["displayName"]), (&json!("acme-2"), &json!("Acme")));
    app.get(ACME).await.error(404);
    app.post(ALL, json!({ "name": "zebra" })).await.expect(201);
    let list = app.get(ALL).await.expect(200);
    assert_eq!((&list["count"], &list["results"][1]["name"]), (&json!(2), &json!("zebra")));
    let page = app.get(&format!("{ALL}?page=2&page_size=1")).await.expect(200);
    assert_eq!(page["previous"], "https://ws.example/api/v3/organizations?page=1&page_size=1");
    app.delete(&by_id).await.expect(204);
    insta::assert_snapshot!(app.delete(&format!("{ALL}/acme-2")).await.error(404), @r#"organization_not_found: there is no organization "acme-2""#);
}

#[tokio::test]
async fn keys_are_taken_and_never_given() {
    let app = with_acme().await;
    let shown = app.get(ACME).await.expect(200);
    assert_eq!(shown["llmConfig"], json!({ "CHAT": { "provider": "openai", "model": "m1" } }));
    assert_eq!(shown["llmConfigSecrets"], json!(["/CHAT/apiKey"]));
    assert!(!data_holds(&app.data(), KEY));
    // What was read may be sent back, and a change of one field keeps the key.
    let mut same = app.patch(ACME, shown.clone()).await.expect(200);
    same["updatedAt"] = shown["updatedAt"].clone();
    assert_eq!(same, shown);
    let other = json!({ "llmConfig": { "CHAT": { "model": "m2" }, "DEFAULT": { "model": "m3" } } });
    let other = app.patch(ACME, other).await.expect(200);
    assert_eq!(
        other["llmConfig"],
        json!({ "CHAT": { "provider": "openai", "model": "m2" }, "DEFAULT": { "model": "m3" } })
    );
    assert_eq!(other["llmConfigSecrets"], json!(["/CHAT/apiKey"]));
    let app = app.restart_after(async |_| {}).await;
    let without = app.patch(ACME, json!({ "llmConfig": { "CHAT": { "apiKey": null } } })).await.expect(200);
    assert_eq!(without["llmConfigSecrets"], json!([]));
    assert_eq!(app.count("SELECT COUNT(*) FROM organizations WHERE llm_sealed IS NOT NULL").await, 0);
    let none = app.patch(ACME, json!({ "llmConfig": null })).await.expect(200);
    assert_eq!(none["llmConfig"], json!({}));
}

#[tokio::test]
async fn a_key_that_was_moved_to_another_row_does_not_open() {
    let app = with_acme().await;
    app.post(ALL, json!({ "name": "other", "llmConfig": { "CHAT": { "apiKey": "x" } } })).await.expect(201);
    app.sql(
        "UPDATE organizations SET llm_sealed = (SELECT llm_sealed FROM organizations WHERE name = 'acme')",
    )
    .await;
    app.patch(&format!("{ALL}/other"), json!({ "llmConfig": {} })).await.error(500);
    app.patch(ACME, json!({ "llmConfig": {} })).await.expect(200);
}

#[tokio::test]
async fn mistakes_are_named() {
    let app = with_acme().await;
    let mut errors = Vec::new();
    for body in [
        json!({}),
        json!({ "name": "A" }),
        json!({ "name": "ok", "llmconfig": {} }),
        json!({ "name": "ok", "displayName": "a\nb" }),
        json!({ "name": "ok", "llmConfig": { "chat": {} } }),
        json!({ "name": "ok", "llmConfig": { "CHAT": "gpt" } }),
    ] {
        errors.push(app.post(ALL, body).await.error(422));
    }
    errors.push(app.post(ALL, json!({ "name": "acme" })).await.error(409));
    app.post(ALL, json!({ "name": "other" })).await.expect(201);
    errors.push(app.patch(&format!("{ALL}/other"), json!({ "name": "acme" })).await.error(409));
    insta::assert_snapshot!(errors.join("\n"), @r#"
    missing_field: the field name is missing, expected the organization's name
    invalid_name: the name "A" can't be one: expected 2 to 63 lower-case letters, digits and single hyphens, a letter or digit first and last, and no UUID
    unknown_field: the field "llmconfig" is not known; the fields are name, displayName, llmConfig
    invalid_field: the field displayName must be one line of at most 200 characters, or null
    unknown_category: the category "chat" is not known; choose one of DEFAULT, CHAT, BACKGROUND, EMBEDDING
    invalid_llm_config: llmConfig.CHAT is a string; expected an object with some of DEFAULT, CHAT, BACKGROUND, EMBEDDING, each an object
    organization_exists: there is an organization acme already; choose another name
    organization_exists: there is an organization acme already; choose another name
    "#);
}

#[tokio::test]
async fn a_workspace_has_one_organization() {
    let app = with_acme().await;
    app.create("abc").await;
    app.post(ALL, json!({ "name": "other" })).await.expect(201);
    let count =
        async |name: &str| app.get(&format!("{ALL}/{name}")).await.expect(200)["workspaceCount"].clone();
    for _ in 0..2 {
        app.put(&format!("{ACME}/workspaces/abc"), Value::Null).await.expect(204);
    }
    assert_eq!((count("acme").await, count("other").await), (json!(1), json!(0)));
    app.put(&format!("{ALL}/other/workspaces/abc"), Value::Null).await.expect(204);
    assert_eq!((count("acme").await, count("other").await), (json!(0), json!(1)));
    insta::assert_snapshot!(app.delete(&format!("{ACME}/workspaces/abc")).await.error(404), @"workspace_not_assigned: workspace abc is not of organization acme");
    app.delete(&format!("{ALL}/other/workspaces/abc")).await.expect(204);
    assert_eq!(count("other").await, json!(0));
    app.put(&format!("{ACME}/workspaces/nothing"), Value::Null).await.error(404);
    app.put(&format!("{ALL}/nothing/workspaces/abc"), Value::Null).await.error(404);
    // Neither keeps the other.
    app.put(&format!("{ACME}/workspaces/abc"), Value::Null).await.expect(204);
    app.delete(ACME).await.expect(204);
    app.get(&format!("{BASE}/abc")).await.expect(200);
    app.put(&format!("{ALL}/other/workspaces/abc"), Value::Null).await.expect(204);
    app.delete(&format!("{BASE}/abc")).await.expect(204);
    assert_eq!(count("other").await, json!(0));
}

#[tokio::test]
async fn only_staff_may() {
    let app = with_acme().await;
    app.create("abc").await;
    let ann = app.user("ann@example.com").await;
    let assign = format!("{ACME}/workspaces/abc");
    for (method, path) in [
        (Method::GET, ALL),
        (Method::POST, ALL),
        (Method::GET, ACME),
        (Method::PATCH, ACME),
        (Method::DELETE, ACME),
        (Method::PUT, assign.as_str()),
        (Method::DELETE, assign.as_str()),
    ] {
        let refused = app.ask(&ann, method, path, json!({ "name": "x-y" })).await.error(403);
        assert_eq!(refused, "staff_only: only staff may do this on this server");
    }
    app.ask(ADMIN, Method::GET, ACME, Value::Null).await.expect(200);
}

#[tokio::test]
async fn who_lost_the_staff_during_a_slow_body_changes_none() {
    let app = with_acme().await;
    let bob = app.user("bob@example.com").await;
    for (method, path, body) in [
        (Method::POST, ALL, json!({ "name": "other" })),
        (Method::PATCH, ACME, json!({ "displayName": "changed" })),
    ] {
        app.patch("/api/v3/users/2", json!({ "isStaff": true })).await.expect(200);
        let asked = app.slowly(&bob, method, path, body, async || {
            app.patch("/api/v3/users/2", json!({ "isStaff": false })).await.expect(200);
        });
        asked.await.error(403);
    }
    assert_eq!(app.get(ACME).await.expect(200)["displayName"], "Acme Inc.");
    assert_eq!(app.get(ALL).await.expect(200)["count"], 1);
}
