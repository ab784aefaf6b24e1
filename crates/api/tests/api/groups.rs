//! Groups, and the roles that workspaces give to them.

use axum::http::Method;
use serde_json::{Value, json};

use crate::app::{BASE, TestApp};

const GROUPS: &str = "/api/v3/groups";
const ABC: &str = "/api/v3/workspaces/abc";

async fn with_group(app: &TestApp, role: &str) {
    app.post(BASE, json!({ "name": "abc", "permissions": [{ "group": "sre", "role": role }] }))
        .await
        .expect(201);
    app.post(GROUPS, json!({ "name": "sre" })).await.expect(201);
}

async fn add(app: &TestApp, email: &str) -> Value {
    app.put(&format!("{GROUPS}/sre/members/{email}"), Value::Null).await.expect(200)
}

#[tokio::test]
async fn groups_are_made_filled_and_removed() {
    let app = TestApp::start().await;
    let made = app.post(GROUPS, json!({ "name": "sre" })).await.expect(201);
    insta::assert_json_snapshot!(made, {".createdAt" => "[time]"}, @r#"
    {
      "name": "sre",
      "members": [],
      "createdAt": "[time]"
    }
    "#);
    add(&app, "Zoe@example.com").await;
    add(&app, "ann%40example.com").await;
    // The same address again, in another case, is the same member.
    assert_eq!(add(&app, "zoe@example.com").await["members"], json!(["ann@example.com", "zoe@example.com"]));
    app.post(GROUPS, json!({ "name": "dev" })).await.expect(201);
    let list = app.get(GROUPS).await.expect(200);
    assert_eq!(
        (&list["count"], &list["results"][0]["name"], &list["results"][1]["members"][0]),
        (&json!(2), &json!("dev"), &json!("ann@example.com"))
    );
    let page = app.get(&format!("{GROUPS}?page=2&page_size=1")).await.expect(200);
    assert_eq!(page["results"][0]["name"], "sre");
    app.delete(&format!("{GROUPS}/sre/members/ANN@example.com")).await.expect(204);
    assert_eq!(app.get(&format!("{GROUPS}/sre")).await.expect(200)["members"], json!(["zoe@example.com"]));
    app.delete(&format!("{GROUPS}/sre")).await.expect(204);
    insta::assert_snapshot!(app.get(&format!("{GROUPS}/sre")).await.error(404), @r#"group_not_found: there is no group "sre""#);
}

#[tokio::test]
async fn mistakes_are_named() {
    let app = TestApp::start().await;
    app.post(GROUPS, json!({ "name": "sre" })).await.expect(201);
    insta::assert_snapshot!(app.post(GROUPS, json!({ "name": "sre" })).await.error(409), @"group_exists: there is a group sre already");
    insta::assert_snapshot!(app.post(GROUPS, json!({ "name": "S R E" })).await.error(422), @r#"invalid_field: the field name is "S R E", expected 1 to 63 lower-case letters, digits, dots, hyphens and underscores, first a letter or digit"#);
    insta::assert_snapshot!(app.post(GROUPS, json!({})).await.error(422), @"missing_field: the field name is missing, expected 1 to 63 lower-case letters, digits, dots, hyphens and underscores, first a letter or digit");
    insta::assert_snapshot!(app.put(&format!("{GROUPS}/sre/members/nobody"), Value::Null).await.error(422), @r#"invalid_email: the member "nobody" is no e-mail address"#);
    insta::assert_snapshot!(app.put(&format!("{GROUPS}/x/members/a@b.c"), Value::Null).await.error(404), @r#"group_not_found: there is no group "x""#);
    insta::assert_snapshot!(app.delete(&format!("{GROUPS}/sre/members/a@b.c")).await.error(404), @r#"member_not_found: "a@b.c" is no member of group sre"#);
    app.delete(&format!("{GROUPS}/x/members/a@b.c")).await.error(404);
    app.delete(&format!("{GROUPS}/x")).await.error(404);
}

#[tokio::test]
async fn groups_are_for_staff_only() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    app.post(GROUPS, json!({ "name": "sre" })).await.expect(201);
    for (method, path) in [
        (Method::GET, GROUPS.to_owned()),
        (Method::POST, GROUPS.to_owned()),
        (Method::GET, format!("{GROUPS}/sre")),
        (Method::DELETE, format!("{GROUPS}/sre")),
        (Method::PUT, format!("{GROUPS}/sre/members/ann@example.com")),
        (Method::DELETE, format!("{GROUPS}/sre/members/ann@example.com")),
    ] {
        app.ask(&ann, method, &path, Value::Null).await.error(403);
    }
    assert_eq!(app.get(&format!("{GROUPS}/sre")).await.expect(200)["members"], json!([]));
}

#[tokio::test]
async fn a_groups_role_is_its_members_at_once() {
    let app = TestApp::start().await;
    let ann = app.user("Ann@example.com").await;
    with_group(&app, "readwrite").await;
    let get = async || app.ask(&ann, Method::GET, ABC, Value::Null).await.status.as_u16();
    let patch = async |name: &str| {
        app.ask(&ann, Method::PATCH, ABC, json!({ "displayName": name })).await.status.as_u16()
    };
    let listed = async || app.ask(&ann, Method::GET, BASE, Value::Null).await.expect(200)["count"].clone();
    assert_eq!((get().await, listed().await), (404, json!(0)));
    add(&app, "ann@example.com").await;
    assert_eq!((get().await, patch("one").await, listed().await), (200, 200, json!(1)));
    app.delete(&format!("{GROUPS}/sre/members/ann@example.com")).await.expect(204);
    assert_eq!((get().await, patch("two").await, listed().await), (404, 404, json!(0)));
    add(&app, "ann@example.com").await;
    // Both ways to a role count; the greater one decides.
    let both =
        json!([{ "group": "sre", "role": "readonly" }, { "user": "ann@example.com", "role": "readwrite" }]);
    app.patch(ABC, json!({ "permissions": both })).await.expect(200);
    assert_eq!(patch("three").await, 200);
    app.patch(ABC, json!({ "permissions": [{ "group": "sre", "role": "readonly" }] })).await.expect(200);
    assert_eq!((get().await, patch("four").await, listed().await), (200, 403, json!(1)));
    app.delete(&format!("{GROUPS}/sre")).await.expect(204);
    assert_eq!((get().await, listed().await), (404, json!(0)));
    // A group of the same name that is made later begins without members.
    app.post(GROUPS, json!({ "name": "sre" })).await.expect(201);
    assert_eq!((get().await, listed().await), (404, json!(0)));
}

#[tokio::test]
async fn an_unknown_group_grants_nothing() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    app.post(BASE, json!({ "name": "abc", "permissions": [{ "group": "ann@example.com", "role": "admin" }, { "group": "ghosts", "role": "admin" }] })).await.expect(201);
    app.ask(&ann, Method::GET, ABC, Value::Null).await.error(404);
    assert_eq!(app.ask(&ann, Method::GET, BASE, Value::Null).await.expect(200)["count"], 0);
}

#[tokio::test]
async fn an_upload_token_has_what_its_makers_group_has_left() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    with_group(&app, "readwrite").await;
    add(&app, "ann@example.com").await;
    let config = app.ask(&ann, Method::GET, &format!("{ABC}/upload-config"), Value::Null).await.expect(200);
    let builder = config["token"].as_str().unwrap();
    let upload =
        async || app.ask(builder, Method::GET, &format!("{ABC}/upload"), Value::Null).await.status.as_u16();
    assert_eq!(upload().await, 200);
    app.delete(&format!("{GROUPS}/sre/members/ann@example.com")).await.expect(204);
    assert_eq!(upload().await, 404);
}

#[tokio::test]
async fn an_index_from_before_groups_is_made_new() {
    let app = TestApp::start().await;
    app.user("ann@example.com").await;
    with_group(&app, "readonly").await;
    add(&app, "ann@example.com").await;
    let before = app.get(ABC).await.expect(200)["updatedAt"].clone();
    // As the migration leaves it.
    let app = app.restart_after(async |database| {
        for sql in [
            "DELETE FROM workspace_groups",
            "UPDATE workspaces SET revision = NULL",
            "UPDATE workspaces SET updated_at = updated_at - 5000000",
        ] {
            sqlx::query(sql).execute(database).await.unwrap();
        }
    });
    let app = app.await;
    let ann = "wst_".to_owned() + &sha256("ann@example.com");
    let list = app.ask(&ann, Method::GET, BASE, Value::Null).await.expect(200);
    assert_eq!(list["count"], 1);
    // Nothing moved, so the date did not either.
    assert!(list["results"][0]["updatedAt"].as_str() < before.as_str());
}

fn sha256(text: &str) -> String {
    use sha2::Digest;
    hex::encode(sha2::Sha256::digest(text))
}
