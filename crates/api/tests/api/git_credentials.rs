//! `get-gitlab-sas`: who gets which credentials for Git, and what they are good for.

use std::fmt::Write;

use axum::http::Method;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::app::{ADMIN, BASE, TestApp};

const ABC: &str = "/api/v3/workspaces/abc";
const SAS: &str = "/api/v3/workspaces/abc/get-gitlab-sas";

async fn with_roles(app: &TestApp) {
    let permissions: Vec<_> = ["readonly", "readandrunwithassistant", "readwrite", "admin"]
        .iter()
        .map(|role| json!({ "user": format!("{role}@roles.example"), "role": role }))
        .collect();
    app.post(BASE, json!({ "name": "abc", "permissions": permissions })).await.expect(201);
}

/// Makes credentials and returns each as a header of Basic authentication.
async fn credentials(app: &TestApp, token: &str) -> Vec<String> {
    let made = app.ask(token, Method::GET, SAS, Value::Null).await.expect(200);
    let users = made["users"].as_array().unwrap().iter();
    let text = |user: &Value, key: &str| user[key].as_str().unwrap().to_owned();
    let pair = |user: &Value| format!("{}:{}", text(user, "username"), text(user, "password"));
    users.map(|user| format!("Basic {}", STANDARD.encode(pair(user)))).collect()
}

/// Begins a fetch or a push, and returns the status.
async fn begin(app: &TestApp, workspace: &str, service: &str, credentials: &str) -> u16 {
    let path = format!("/git/{workspace}.git/info/refs?service={service}");
    app.with(Method::GET, &path, &[("authorization", credentials)], "").await.status.as_u16()
}

#[tokio::test]
async fn credentials_are_short_lived_and_fit_for_a_url() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let answer = app.get(SAS).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let made = answer.expect(200);
    for user in made["users"].as_array().unwrap() {
        for key in ["username", "password"] {
            let text = user[key].as_str().unwrap();
            assert!(
                text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._~-".contains(&byte)),
                "{text}"
            );
        }
        app.assert_nowhere(user["password"].as_str().unwrap());
    }
    insta::assert_json_snapshot!(made, {".users[].password" => "[token]", ".users[].expires_at" => "[date]"}, @r#"
    {
      "users": [
        {
          "username": "workstead-readwrite",
          "password": "[token]",
          "is_readonly": false,
          "expires_at": "[date]"
        },
        {
          "username": "workstead-readonly",
          "password": "[token]",
          "is_readonly": true,
          "expires_at": "[date]"
        }
      ]
    }
    "#);
    // Each call makes its own.
    assert_ne!(app.get(SAS).await.expect(200)["users"][0]["password"], made["users"][0]["password"]);
    assert_eq!(app.ask(ADMIN, Method::HEAD, SAS, Value::Null).await.status, 405);

    let pairs = credentials(&app, ADMIN).await;
    assert_eq!(begin(&app, "abc", "git-upload-pack", &pairs[0]).await, 200);
    let app = app.restart_after(async |database| {
        sqlx::query("UPDATE tokens SET expires_at = 1 WHERE kind = 'git'").execute(database).await.unwrap();
    });
    assert_eq!(begin(&app.await, "abc", "git-upload-pack", &pairs[0]).await, 401);
}

#[tokio::test]
async fn each_role_gets_its_own() {
    let app = TestApp::start().await;
    with_roles(&app).await;
    let mut table = String::new();
    for who in ["readonly", "readandrunwithassistant", "readwrite", "admin"] {
        let token = app.user(&format!("{who}@roles.example")).await;
        write!(table, "{who}:").unwrap();
        for pair in credentials(&app, &token).await {
            let fetch = begin(&app, "abc", "git-upload-pack", &pair).await;
            let push = begin(&app, "abc", "git-receive-pack", &pair).await;
            write!(table, " fetch {fetch} push {push}").unwrap();
        }
        table.push('\n');
    }
    insta::assert_snapshot!(table, @r"
    readonly: fetch 200 push 403
    readandrunwithassistant: fetch 200 push 403
    readwrite: fetch 200 push 503 fetch 200 push 403
    admin: fetch 200 push 503 fetch 200 push 403
    ");
    let stranger = app.user("stranger@roles.example").await;
    app.ask(&stranger, Method::GET, SAS, Value::Null).await.error(404);
    for path in ["upload-config", "runner-token"] {
        let made = app.get(&format!("{ABC}/{path}")).await.expect(200);
        app.ask(made["token"].as_str().unwrap(), Method::GET, SAS, Value::Null).await.error(403);
    }
    app.with(Method::GET, SAS, &[], "").await.error(401);
}

#[tokio::test]
async fn they_are_good_for_git_in_their_workspace_alone() {
    let app = TestApp::start().await;
    app.create("abc").await;
    app.create("other").await;
    let made = app.get(SAS).await.expect(200);
    for pair in credentials(&app, ADMIN).await {
        assert_eq!(begin(&app, "other", "git-upload-pack", &pair).await, 404);
    }
    for user in made["users"].as_array().unwrap() {
        let token = user["password"].as_str().unwrap();
        // They make no others, so that they do die.
        for path in [SAS, ABC, BASE, "/api/v3/runners"] {
            let error = app.ask(token, Method::GET, path, Value::Null).await.error(403);
            assert!(error.starts_with("token_scope: "), "{path}: {error}");
        }
    }
}

#[tokio::test]
async fn they_end_with_role_and_workspace() {
    let app = TestApp::start().await;
    with_roles(&app).await;
    let token = app.user("readwrite@roles.example").await;
    let pairs = credentials(&app, &token).await;
    let permissions = json!([{ "user": "readwrite@roles.example", "role": "readonly" }]);
    app.patch(ABC, json!({ "permissions": permissions })).await.expect(200);
    assert_eq!(begin(&app, "abc", "git-receive-pack", &pairs[0]).await, 403);
    assert_eq!(begin(&app, "abc", "git-upload-pack", &pairs[0]).await, 200);
    app.delete(ABC).await.expect(204);
    app.create("abc").await;
    app.patch(ABC, json!({ "permissions": permissions })).await.expect(200);
    assert_eq!(begin(&app, "abc", "git-upload-pack", &pairs[0]).await, 401);
}
