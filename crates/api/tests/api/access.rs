//! Who may do what.

use std::fmt::Write;

use axum::http::Method;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::app::{BASE, TestApp, bundle, sample};

const ABC: &str = "/api/v3/workspaces/abc";

/// A workspace whose permissions name one user for each role.
async fn with_roles(app: &TestApp) {
    let permissions: Vec<_> = ["readonly", "readandrun", "readwrite", "admin"]
        .iter()
        .map(|role| json!({ "user": format!("{role}@roles.example"), "role": role }))
        .collect();
    app.post(BASE, json!({ "name": "abc", "permissions": permissions })).await.expect(201);
}

#[tokio::test]
async fn each_role_may_do_its_own() {
    let app = TestApp::start().await;
    with_roles(&app).await;
    let mut table = String::new();
    for who in ["readonly", "readandrun", "readwrite", "admin", "stranger"] {
        let token = app.user(&format!("{}@roles.example", if who == "admin" { "Admin" } else { who })).await;
        let mut row = format!("{who}:");
        for (method, path, body) in [
            (Method::GET, ABC.to_owned(), Value::Null),
            (Method::GET, format!("{ABC}/status"), Value::Null),
            (Method::GET, format!("{ABC}/slxoptions"), Value::Null),
            (Method::GET, format!("{ABC}/uploads"), Value::Null),
            (Method::PATCH, ABC.to_owned(), json!({})),
            (Method::PATCH, ABC.to_owned(), json!({ "displayName": who })),
            (Method::PATCH, ABC.to_owned(), json!({ "permissions": [] , "displayName": who })),
            (Method::PATCH, ABC.to_owned(), json!({ "owner": "x@y.z" })),
            (Method::GET, format!("{ABC}/upload"), Value::Null),
            (Method::GET, format!("{ABC}/upload-config"), Value::Null),
        ] {
            // The admin's change would end all other roles.
            if who == "admin" && (body.get("permissions").is_some() || body.get("owner").is_some()) {
                row.push_str(" -");
                continue;
            }
            let answer = app.ask(&token, method, &path, body).await;
            write!(row, " {}", answer.status.as_u16()).unwrap();
        }
        table.push_str(&row);
        table.push('\n');
    }
    insta::assert_snapshot!(table, @r"
    readonly: 200 200 200 200 200 403 403 403 403 403
    readandrun: 200 200 200 200 200 403 403 403 403 403
    readwrite: 200 200 200 200 200 200 403 403 200 200
    admin: 200 200 200 200 200 200 - - 200 200
    stranger: 404 404 404 404 404 404 404 404 404 404
    ");
}

#[tokio::test]
async fn a_refusal_names_the_role() {
    let app = TestApp::start().await;
    with_roles(&app).await;
    let token = app.user("readwrite@roles.example").await;
    let ask = async |method: Method, body: Value| app.ask(&token, method, ABC, body).await.error(403);
    insta::assert_snapshot!(ask(Method::DELETE, Value::Null).await, @"role_too_low: deleting needs the role admin on workspace abc; yours is readwrite");
    insta::assert_snapshot!(ask(Method::PATCH, json!({ "owner": "x@y.z" })).await, @"role_too_low: changing the owner needs the role admin on workspace abc; yours is readwrite");
}

#[tokio::test]
async fn invisible_is_the_same_as_absent() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let token = app.user("stranger@example.com").await;
    let hidden = app.ask(&token, Method::GET, ABC, Value::Null).await.error(404);
    let absent = app.ask(&token, Method::GET, "/api/v3/workspaces/abd", Value::Null).await.error(404);
    assert_eq!(hidden.replace("abc", "abd"), absent);
    assert_eq!(app.ask(&token, Method::GET, BASE, Value::Null).await.expect(200)["count"], 0);
}

#[tokio::test]
async fn an_owner_is_an_admin_and_may_give_it_away() {
    let app = TestApp::start().await;
    let token = app.user("Owner@example.com").await;
    let create = json!({ "name": "abc" });
    assert_eq!(app.ask(&token, Method::POST, BASE, create).await.expect(201)["owner"], "Owner@example.com");
    app.ask(
        &token,
        Method::PATCH,
        ABC,
        json!({ "permissions": [{"user": "new@example.com", "role": "readonly"}] }),
    )
    .await
    .expect(200);
    app.ask(&token, Method::PATCH, ABC, json!({ "owner": "new@example.com" })).await.expect(200);
    app.ask(&token, Method::GET, ABC, Value::Null).await.error(404);
    let other = app.user("new@example.com").await;
    assert_eq!(app.ask(&other, Method::GET, BASE, Value::Null).await.expect(200)["count"], 1);
    app.ask(&other, Method::DELETE, ABC, Value::Null).await.expect(204);
}

#[tokio::test]
async fn creation_can_be_for_staff_only() {
    let app = TestApp::start_with(&[("WORKSTEAD_CREATE", "staff")]).await;
    let token = app.user("user@example.com").await;
    let refused = app.ask(&token, Method::POST, BASE, json!({ "name": "abc" })).await;
    insta::assert_snapshot!(refused.error(403), @"creation_not_allowed: only staff may create workspaces on this server (WORKSTEAD_CREATE=staff)");
    app.create("abc").await;
}

#[tokio::test]
async fn nobody_creates_for_somebody_else() {
    let app = TestApp::start().await;
    let token = app.user("user@example.com").await;
    let body = json!({ "name": "abc", "owner": "other@example.com" });
    insta::assert_snapshot!(app.ask(&token, Method::POST, BASE, body.clone()).await.error(403), @"owner_not_allowed: only staff may create a workspace for somebody else; leave out owner");
    assert_eq!(app.post(BASE, body).await.expect(201)["owner"], "other@example.com");
}

#[tokio::test]
async fn an_upload_token_only_uploads() {
    let app = TestApp::start().await;
    let maker = app.user("maker@example.com").await;
    app.ask(&maker, Method::POST, BASE, json!({ "name": "abc" })).await.expect(201);
    app.create("other").await;
    let config = app.ask(&maker, Method::GET, &format!("{ABC}/upload-config"), Value::Null).await.expect(200);
    let token = config["token"].as_str().unwrap();
    let mut table = String::new();
    for (method, path) in [
        (Method::GET, ABC.to_owned()),
        (Method::DELETE, ABC.to_owned()),
        (Method::PATCH, ABC.to_owned()),
        (Method::GET, format!("{ABC}/upload-config")),
        (Method::GET, format!("{ABC}/uploads")),
        (Method::GET, BASE.to_owned()),
        (Method::POST, BASE.to_owned()),
        (Method::GET, format!("{BASE}/other")),
        (Method::GET, format!("{BASE}/other/upload")),
        (Method::GET, format!("{ABC}/upload")),
    ] {
        let body = if method == Method::GET { Value::Null } else { json!({ "name": "new" }) };
        let status = app.ask(token, method.clone(), &path, body).await.status.as_u16();
        writeln!(table, "{status} {method} {path}").unwrap();
    }
    insta::assert_snapshot!(table, @r"
    403 GET /api/v3/workspaces/abc
    403 DELETE /api/v3/workspaces/abc
    403 PATCH /api/v3/workspaces/abc
    403 GET /api/v3/workspaces/abc/upload-config
    403 GET /api/v3/workspaces/abc/uploads
    403 GET /api/v3/workspaces
    403 POST /api/v3/workspaces
    404 GET /api/v3/workspaces/other
    404 GET /api/v3/workspaces/other/upload
    200 GET /api/v3/workspaces/abc/upload
    ");
    app.delete(&format!("{BASE}/other")).await.expect(204);
    let uploaded = app.upload(token, "abc", &sample("abc", 3), Value::Null).await.expect(200);
    let task = format!("{BASE}/upload-status/{}", uploaded["task_id"].as_str().unwrap());
    assert_eq!(app.ask(token, Method::GET, &task, Value::Null).await.expect(200)["status"], "SUCCESS");
    assert!(app.git(&["log", "-1", "--format=%ae", "main"]).contains("maker@example.com"));
    // The token has the lesser of its scope and its maker's present role.
    app.patch(ABC, json!({ "owner": "admin@example.com", "permissions": [{"user": "maker@example.com", "role": "readonly"}] })).await.expect(200);
    app.upload(token, "abc", &sample("abc", 4), Value::Null).await.error(403);
    app.patch(ABC, json!({ "permissions": [] })).await.expect(200);
    app.upload(token, "abc", &sample("abc", 4), Value::Null).await.error(404);
}

#[tokio::test]
async fn tokens_end_with_their_workspace() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let config = app.get(&format!("{ABC}/upload-config")).await.expect(200);
    let token = config["token"].as_str().unwrap();
    app.ask(token, Method::GET, &format!("{ABC}/upload"), Value::Null).await.expect(200);
    app.delete(ABC).await.expect(204);
    app.create("abc").await;
    app.ask(token, Method::GET, &format!("{ABC}/upload"), Value::Null).await.error(401);
}

#[tokio::test]
async fn who_lost_the_right_during_a_slow_body_writes_nothing() {
    for (change, status) in [
        ("UPDATE tokens SET revoked_at = 1 WHERE id = 'ann@example.com'", 401),
        ("UPDATE tokens SET expires_at = 1 WHERE id = 'ann@example.com'", 401),
        ("UPDATE users SET is_active = FALSE WHERE email = 'ann@example.com'", 401),
        ("UPDATE workspaces SET owner = 'x@y', owner_key = 'x@y'", 404),
    ] {
        for (method, path) in [(Method::POST, "/abc/upload"), (Method::PATCH, "/abc")] {
            let app = TestApp::start().await;
            let ann = app.user("ann@example.com").await;
            app.ask(&ann, Method::POST, BASE, json!({ "name": "abc" })).await.expect(201);
            let body = match method {
                Method::POST => json!({ "output": STANDARD.encode(bundle(&sample("abc", 1))) }),
                _ => json!({ "displayName": "changed" }),
            };
            let path = format!("{BASE}{path}");
            let answer = app.slowly(&ann, method, &path, body, async || app.sql(change).await).await;
            assert_eq!(answer.status, status, "{change} {path}");
            assert_eq!(app.commits(), 1);
        }
    }
}
