//! Runner tokens, registration and heartbeats.

use std::fmt::Write;

use axum::http::Method;
use serde_json::{Value, json};

use crate::app::{ADMIN, Answer, BASE, TestApp};

const ABC: &str = "/api/v3/workspaces/abc";
const TOKEN: &str = "/api/v3/workspaces/abc/runner-token";
const ROTATE: &str = "/api/v3/workspaces/abc/runner-token/rotate";
const REGISTER: &str = "/api/v3/runners/register";
const UUID: &str = "67e55044-10b1-426f-9247-bb680e5fe0c8";

async fn token(app: &TestApp, query: &str) -> String {
    let answer = app.get(&format!("{TOKEN}{query}")).await.expect(200);
    answer["token"].as_str().unwrap().to_owned()
}

async fn register(app: &TestApp, token: &str, body: Value) -> Answer {
    app.ask(token, Method::POST, REGISTER, body).await
}

async fn beat(app: &TestApp, token: &str, uuid: &str) -> Answer {
    app.ask(token, Method::POST, &format!("/api/v3/runners/{uuid}/heartbeat"), Value::Null).await
}

#[tokio::test]
async fn a_location_has_one_token_until_it_is_rotated() {
    let app = TestApp::start().await;
    app.post(BASE, json!({ "name": "abc", "enabledLocations": ["loc-1", "loc-2"] })).await.expect(201);
    let answer = app.get(TOKEN).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let first = answer.expect(200);
    insta::assert_json_snapshot!(first, {".token" => "[token]", ".createdAt" => "[date]"}, @r#"
    {
      "token": "[token]",
      "workspace": "abc",
      "location": "loc-1",
      "createdAt": "[date]",
      "expiresAt": null
    }
    "#);
    assert!(first["token"].as_str().unwrap().starts_with("wsr_"));
    assert_eq!(app.get(&format!("{TOKEN}?location=loc-1")).await.expect(200), first);
    assert_ne!(token(&app, "?location=loc-2").await, first["token"]);
    assert_ne!(token(&app, "?location=elsewhere").await, first["token"]);

    let app = app.restart_after(async |_| {}).await;
    assert_eq!(app.get(TOKEN).await.expect(200), first);

    let rotated = app.post(ROTATE, Value::Null).await;
    assert_eq!(rotated.header("cache-control"), "no-store");
    let rotated = rotated.expect(200);
    assert_eq!(rotated["location"], "loc-1");
    assert_ne!(rotated["token"], first["token"]);
    assert_eq!(app.get(TOKEN).await.expect(200), rotated);
    let (old, new) = (first["token"].as_str().unwrap(), rotated["token"].as_str().unwrap());
    register(&app, old, json!({})).await.error(401);
    register(&app, new, json!({})).await.expect(201);
}

#[tokio::test]
async fn a_rotation_names_its_location() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let (default, other) = (token(&app, "").await, token(&app, "?location=other").await);
    assert_eq!(app.get(TOKEN).await.expect(200)["location"], "default");
    let rotated = app.post(ROTATE, json!({ "location": "other" })).await.expect(200);
    assert_ne!(rotated["token"], other.as_str());
    assert_eq!(token(&app, "").await, default);
    // A rotation may come before anybody asked for the token.
    let new = app.post(ROTATE, json!({ "location": "new" })).await.expect(200);
    assert_eq!(token(&app, "?location=new").await, new["token"]);
    for (body, status) in [
        (json!({ "location": " x" }), 422),
        (json!({ "location": 5 }), 422),
        (json!({ "place": "x" }), 422),
        (json!([]), 422),
    ] {
        app.post(ROTATE, body).await.error(status);
    }
    insta::assert_snapshot!(app.get(&format!("{TOKEN}?location=a%0Ab")).await.error(400), @r#"invalid_parameter: the parameter location is "a\nb" of 3 characters, expected one line of 1 to 200 characters without blanks around it"#);
    assert_eq!(app.ask(ADMIN, Method::HEAD, TOKEN, Value::Null).await.status, 405);
}

#[tokio::test]
async fn the_token_is_kept_nowhere() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let token = token(&app, "").await;
    register(&app, &token, json!({})).await.expect(201);
    app.assert_nowhere(token.trim_start_matches("wsr_"));
}

#[tokio::test]
async fn another_server_key_makes_another_token() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let first = token(&app, "").await;
    let app = app.restart_after(async |database| {
        // As if the row had been made under another key.
        sqlx::query("UPDATE runner_tokens SET hash = 'x'").execute(database).await.unwrap();
    });
    let app = app.await;
    let second = token(&app, "").await;
    assert_ne!(second, first);
    register(&app, &first, json!({})).await.error(401);
    register(&app, &second, json!({})).await.expect(201);
}

#[tokio::test]
async fn a_runner_registers_once_and_sends_heartbeats() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let token = token(&app, "?location=loc-1").await;
    let body = json!({ "runnerUuid": UUID, "name": "r1", "version": "1.2" });
    let made = register(&app, &token, body).await.expect(201);
    insta::assert_json_snapshot!(made, {".last_heartbeat" => "[date]", ".created_at" => "[date]"}, @r#"
    {
      "id": 1,
      "runner_uuid": "67e55044-10b1-426f-9247-bb680e5fe0c8",
      "name": "r1",
      "workspace_name": "abc",
      "location": "loc-1",
      "version": "1.2",
      "health": "healthy",
      "last_heartbeat": "[date]",
      "created_at": "[date]"
    }
    "#);
    let again = register(&app, &token, json!({ "runner_uuid": UUID.to_uppercase(), "name": "r2" })).await;
    let again = again.expect(200);
    assert_eq!((&again["id"], &again["name"], &again["version"]), (&made["id"], &json!("r2"), &Value::Null));

    app.sql("UPDATE runners SET last_heartbeat = 1").await;
    let list = app.get("/api/v3/runners").await.expect(200);
    assert_eq!((&list["count"], &list["results"][0]["health"]), (&json!(1), &json!("stale")));
    let alive = beat(&app, &token, UUID).await.expect(200);
    assert_eq!((&alive["id"], &alive["health"]), (&made["id"], &json!("healthy")));
    insta::assert_snapshot!(beat(&app, &token, "x").await.error(404), @r#"runner_not_found: there is no runner with the runner_uuid "x" here; register it first"#);

    let app = app.restart_after(async |_| {}).await;
    assert_eq!(app.get(&format!("{ABC}/runners")).await.expect(200)["results"], json!([alive]));
    app.delete(&format!("{ABC}/runners/{UUID}")).await.expect(204);
    app.delete(&format!("{ABC}/runners/{UUID}")).await.error(404);
    beat(&app, &token, UUID).await.error(404);
    assert_eq!(app.get("/api/v3/runners").await.expect(200)["count"], 0);
    // An id never comes twice.
    let new = register(&app, &token, json!({ "runner_uuid": UUID })).await.expect(201);
    assert!(new["id"].as_i64() > made["id"].as_i64());
    assert_eq!(new["name"], "loc-1");
}

#[tokio::test]
async fn without_a_uuid_the_name_tells_runners_apart() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let (here, there) = (token(&app, "").await, token(&app, "?location=there").await);
    let first = register(&app, &here, json!({ "name": "r" })).await.expect(201);
    let again = register(&app, &here, json!({ "name": "r" })).await.expect(200);
    assert_eq!((&again["id"], &again["runner_uuid"]), (&first["id"], &first["runner_uuid"]));
    register(&app, &here, json!({ "name": "s" })).await.expect(201);
    register(&app, &there, json!({ "name": "r" })).await.expect(201);
    let names = app.get(&format!("{ABC}/runners?page_size=2&page=2")).await.expect(200);
    assert_eq!((&names["count"], &names["results"][0]["name"]), (&json!(3), &json!("s")));
}

#[tokio::test]
async fn a_runner_belongs_to_the_location_of_its_token() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let (here, there) = (token(&app, "").await, token(&app, "?location=there").await);
    register(&app, &here, json!({ "runner_uuid": UUID })).await.expect(201);
    insta::assert_snapshot!(register(&app, &there, json!({ "runner_uuid": UUID })).await.error(409), @r#"runner_elsewhere: this runner_uuid is registered at the location "default"; use the token of that location, or delete that runner first"#);
    beat(&app, &there, UUID).await.error(404);
    // Another workspace knows nothing of it.
    app.create("other").await;
    let other = app.get(&format!("{BASE}/other/runner-token")).await.expect(200)["token"]
        .as_str()
        .unwrap()
        .to_owned();
    beat(&app, &other, UUID).await.error(404);
    register(&app, &other, json!({ "runner_uuid": UUID })).await.expect(201);
    app.delete(&format!("{BASE}/other/runners/{UUID}")).await.expect(204);
    beat(&app, &here, UUID).await.expect(200);
}

#[tokio::test]
async fn a_workspace_has_so_many_runners() {
    let app = TestApp::start_with(&[("WORKSTEAD_RUNNERS_MAX", "1")]).await;
    app.create("abc").await;
    let token = token(&app, "").await;
    register(&app, &token, json!({ "name": "a" })).await.expect(201);
    insta::assert_snapshot!(register(&app, &token, json!({ "name": "b" })).await.error(409), @"too_many_runners: workspace abc has 1 runners already, the most that it may have; delete one, or raise WORKSTEAD_RUNNERS_MAX");
    register(&app, &token, json!({ "name": "a" })).await.expect(200);
}

#[tokio::test]
async fn a_runner_token_does_nothing_else() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let token = token(&app, "").await;
    for (method, path) in [
        (Method::GET, BASE),
        (Method::GET, ABC),
        (Method::DELETE, ABC),
        (Method::GET, TOKEN),
        (Method::GET, "/api/v3/runners"),
        (Method::GET, "/api/v3/workspaces/nowhere"),
        (Method::GET, "/git/abc.git/info/refs?service=git-upload-pack"),
    ] {
        let error = app.ask(&token, method, path, Value::Null).await.error(403);
        assert!(error.starts_with("token_scope: "), "{path}: {error}");
    }
    app.ask("wsr_0123", Method::GET, ABC, Value::Null).await.error(401);
    // And its routes are for it alone.
    insta::assert_snapshot!(register(&app, ADMIN, json!({})).await.error(403), @"token_scope: this needs a runner token; an admin of the workspace gets it from its runner-token route");
    let upload = app.get(&format!("{ABC}/upload-config")).await.expect(200);
    register(&app, upload["token"].as_str().unwrap(), json!({})).await.error(403);
    for garbage in ["wsr_0123", "wst_0123", "x"] {
        register(&app, garbage, json!({})).await.error(401);
        beat(&app, garbage, UUID).await.error(401);
    }
    let bare = app.with(Method::POST, REGISTER, &[], "{}").await;
    assert_eq!(bare.header("www-authenticate"), "Bearer");
    bare.error(401);
}

#[tokio::test]
async fn each_role_may_do_its_own() {
    let app = TestApp::start().await;
    let permissions: Vec<_> = ["readonly", "readwrite", "admin"]
        .iter()
        .map(|role| json!({ "user": format!("{role}@roles.example"), "role": role }))
        .collect();
    app.post(BASE, json!({ "name": "abc", "permissions": permissions })).await.expect(201);
    app.create("other").await;
    let other = app.get(&format!("{BASE}/other/runner-token")).await.expect(200)["token"]
        .as_str()
        .unwrap()
        .to_owned();
    register(&app, &other, json!({ "runner_uuid": UUID })).await.expect(201);
    register(&app, &token(&app, "").await, json!({ "runner_uuid": UUID })).await.expect(201);
    let mut table = String::new();
    for who in ["stranger", "readonly", "readwrite", "admin"] {
        let user = app.user(&format!("{who}@roles.example")).await;
        write!(table, "{who}:").unwrap();
        for (method, path) in [
            (Method::GET, TOKEN.to_owned()),
            (Method::POST, ROTATE.to_owned()),
            (Method::GET, format!("{ABC}/runners")),
            (Method::DELETE, format!("{ABC}/runners/{UUID}")),
        ] {
            write!(table, " {}", app.ask(&user, method, &path, Value::Null).await.status.as_u16()).unwrap();
        }
        let seen = app.ask(&user, Method::GET, "/api/v3/runners", Value::Null).await.expect(200);
        writeln!(table, " sees {}", seen["count"]).unwrap();
    }
    insta::assert_snapshot!(table, @r"
    stranger: 404 404 404 404 sees 0
    readonly: 403 403 200 403 sees 1
    readwrite: 403 403 200 403 sees 1
    admin: 200 200 200 204 sees 0
    ");
    assert_eq!(app.get("/api/v3/runners").await.expect(200)["results"][0]["workspace_name"], "other");
}

#[tokio::test]
async fn who_lost_the_right_during_a_slow_body_rotates_nothing() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    app.ask(&ann, Method::POST, BASE, json!({ "name": "abc" })).await.expect(201);
    let before = token(&app, "").await;
    let change = "UPDATE workspaces SET owner = 'x@y', owner_key = 'x@y'";
    app.slowly(&ann, Method::POST, ROTATE, json!({}), async || app.sql(change).await).await.error(404);
    assert_eq!(token(&app, "").await, before);
    // And a runner whose token is rotated meanwhile registers nowhere.
    let change = "UPDATE runner_tokens SET hash = 'x'";
    app.slowly(&before, Method::POST, REGISTER, json!({}), async || app.sql(change).await).await.error(401);
    assert_eq!(app.get("/api/v3/runners").await.expect(200)["count"], 0);
}

#[tokio::test]
async fn a_workspace_made_again_inherits_nothing() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let old = token(&app, "").await;
    register(&app, &old, json!({ "runner_uuid": UUID })).await.expect(201);
    app.delete(ABC).await.expect(204);
    register(&app, &old, json!({})).await.error(401);
    app.create("abc").await;
    register(&app, &old, json!({})).await.error(401);
    assert_ne!(token(&app, "").await, old);
    assert_eq!(app.get(&format!("{ABC}/runners")).await.expect(200)["count"], 0);
    assert_eq!(app.get(&format!("{ABC}/authorizedlocations")).await.expect(200), json!([]));
}

#[tokio::test]
async fn a_runner_token_is_held_to_the_pace_of_tokens() {
    let app = TestApp::start_with(&[("WORKSTEAD_TOKEN_REQUESTS_PER_MINUTE", "3")]).await;
    app.create("abc").await;
    let token = token(&app, "").await;
    for _ in 0..3 {
        beat(&app, &token, UUID).await.error(404);
    }
    assert!(beat(&app, &token, UUID).await.error(429).starts_with("too_many_requests: "));
}
