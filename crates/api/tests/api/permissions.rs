//! Who has which role, and the last admin.

use axum::http::Method;
use serde_json::{Value, json};

use crate::app::{BASE, TestApp};

const ABC: &str = "/api/v3/workspaces/abc";

#[tokio::test]
async fn all_roles_are_listed() {
    let app = TestApp::start().await;
    let permissions = json!([
        { "user": "Ann@example.com", "role": "readwrite" },
        { "group": "sre", "role": "Admin" },
    ]);
    app.post(BASE, json!({ "name": "abc", "permissions": permissions })).await.expect(201);
    let ann = app.user("ann@example.com").await;
    let list = app.ask(&ann, Method::GET, &format!("{ABC}/permissions"), Value::Null).await.expect(200);
    insta::assert_json_snapshot!(list, @r#"
    {
      "count": 3,
      "next": null,
      "previous": null,
      "results": [
        {
          "role": "admin",
          "permission": "admin",
          "user": "admin@example.com",
          "group": null,
          "owner": true
        },
        {
          "role": "readwrite",
          "permission": "readwrite",
          "user": "ann@example.com",
          "group": null,
          "owner": false
        },
        {
          "role": "admin",
          "permission": "admin",
          "user": null,
          "group": "sre",
          "owner": false
        }
      ]
    }
    "#);
    let page = app.get(&format!("{ABC}/permissions?page=2&page_size=2")).await.expect(200);
    assert_eq!((&page["results"][0]["group"], &page["next"]), (&json!("sre"), &Value::Null));
    app.get(&format!("{ABC}/permissions?page=3&page_size=2")).await.error(404);
    let stranger = app.user("stranger@example.com").await;
    app.ask(&stranger, Method::GET, &format!("{ABC}/permissions"), Value::Null).await.error(404);
    app.ask(&stranger, Method::GET, &format!("{ABC}/my-permissions"), Value::Null).await.error(404);
}

#[tokio::test]
async fn ones_own_role_includes_the_lesser_ones() {
    let app = TestApp::start().await;
    let role = |role: &str| json!({ "user": format!("{role}@example.com"), "role": role });
    let permissions = json!([role("readonly"), role("readandrun"), role("readwrite")]);
    app.post(BASE, json!({ "name": "abc", "permissions": permissions })).await.expect(201);
    let mine = async |token: &str| {
        app.ask(token, Method::GET, &format!("{ABC}/my-permissions"), Value::Null).await.expect(200)
    };
    for (who, roles) in [
        ("readonly", json!(["readonly"])),
        ("readandrun", json!(["readandrun", "readonly"])),
        ("readwrite", json!(["readwrite", "readandrunwithassistant", "readandrun", "readonly"])),
    ] {
        let token = app.user(&format!("{who}@example.com")).await;
        assert_eq!(mine(&token).await, roles);
    }
    assert_eq!(mine(crate::app::ADMIN).await[0], "admin");
}

#[tokio::test]
async fn the_last_admin_stays_while_the_owner_is_disabled() {
    let app = TestApp::start().await;
    let owner = app.user("owner@example.com").await;
    let ann = app.user("ann@example.com").await;
    app.user("bob@example.com").await;
    let admins = |emails: &[&str]| {
        let entry = |email: &&str| json!({ "user": email, "role": "admin" });
        json!({ "permissions": emails.iter().map(entry).collect::<Vec<_>>() })
    };
    app.ask(&owner, Method::POST, BASE, json!({ "name": "abc" })).await.expect(201);
    app.patch(ABC, admins(&["ann@example.com", "bob@example.com"])).await.expect(200);
    // As long as the owner is active, anybody may go.
    app.ask(&ann, Method::PATCH, ABC, admins(&[])).await.expect(200);
    app.patch(ABC, admins(&["ann@example.com", "bob@example.com"])).await.expect(200);
    app.patch("/api/v3/users/2", json!({ "isActive": false })).await.expect(200);
    app.ask(&ann, Method::PATCH, ABC, admins(&["ann@example.com"])).await.expect(200);
    let commits = app.commits();
    for change in [
        admins(&[]),
        admins(&["nobody@example.com"]),
        admins(&["owner@example.com"]),
        json!({ "permissions": [{ "user": "ann@example.com", "role": "readwrite" }] }),
        json!({ "permissions": [{ "group": "sre", "role": "admin" }] }),
    ] {
        let refused = app.ask(&ann, Method::PATCH, ABC, change).await.error(409);
        insta::allow_duplicates!(
            insta::assert_snapshot!(refused, @"last_admin: workspace abc would have no admin: its owner owner@example.com is disabled; make an active user admin, or the owner, first")
        );
    }
    assert_eq!(app.commits(), commits);
    // Another active admin, also by a group, lets the last one go.
    app.post("/api/v3/groups", json!({ "name": "sre" })).await.expect(201);
    app.put("/api/v3/groups/sre/members/bob@example.com", Value::Null).await.expect(200);
    let group = json!({ "permissions": [{ "group": "sre", "role": "admin" }] });
    app.ask(&ann, Method::PATCH, ABC, group).await.expect(200);
    app.ask(&ann, Method::GET, ABC, Value::Null).await.error(404);
    // Another change than of the admins is nobody's business.
    app.patch(ABC, json!({ "displayName": "still here" })).await.expect(200);
    // With an active owner they may go again.
    app.patch(ABC, json!({ "owner": "bob@example.com" })).await.expect(200);
    app.patch(ABC, admins(&[])).await.expect(200);
}

#[tokio::test]
async fn a_disabled_user_owns_no_workspace_without_an_admin() {
    let app = TestApp::start().await;
    let owner = app.user("owner@example.com").await;
    app.user("ann@example.com").await;
    app.user("gone@example.com").await;
    app.ask(&owner, Method::POST, BASE, json!({ "name": "abc" })).await.expect(201);
    app.patch("/api/v3/users/4", json!({ "isActive": false })).await.expect(200);
    let commits = app.commits();
    let admin = |email: &str| json!([{ "user": email, "role": "admin" }]);
    for change in [
        json!({ "owner": "gone@example.com" }),
        json!({ "owner": "GONE@example.com", "displayName": "other" }),
        json!({ "owner": "gone@example.com", "permissions": admin("gone@example.com") }),
    ] {
        let refused = app.ask(&owner, Method::PATCH, ABC, change).await.error(409);
        assert!(
            refused.starts_with("last_admin: workspace abc would have no admin: its new owner "),
            "{refused}"
        );
    }
    let kept = app.ask(&owner, Method::GET, ABC, Value::Null).await.expect(200);
    assert_eq!((&kept["owner"], app.commits()), (&json!("owner@example.com"), commits));
    // With an active admin, also one of the same change, there is somebody to look after it.
    let handed = json!({ "owner": "gone@example.com", "permissions": admin("ann@example.com") });
    let handed = app.ask(&owner, Method::PATCH, ABC, handed).await.expect(200);
    assert_eq!(handed["owner"], "gone@example.com");
}
