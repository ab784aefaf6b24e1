//! Personal access tokens.

use axum::http::Method;
use serde_json::{Value, json};

use crate::app::{BASE, TestApp};

const TOKENS: &str = "/api/v3/users/tokens";
const WHOAMI: &str = "/api/v3/users/whoami";

async fn make(app: &TestApp, by: &str, body: Value) -> (String, Value) {
    let answer = app.ask(by, Method::POST, &format!("{TOKENS}/create"), body).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let mut row = answer.expect(201);
    let token = row.as_object_mut().unwrap().remove("token").unwrap().as_str().unwrap().to_owned();
    (token, row)
}

async fn works(app: &TestApp, token: &str) -> bool {
    app.ask(token, Method::GET, WHOAMI, Value::Null).await.status == 200
}

async fn list(app: &TestApp, by: &str) -> Vec<Value> {
    let list = app.ask(by, Method::GET, TOKENS, Value::Null).await.expect(200);
    list.as_array().unwrap().clone()
}

#[tokio::test]
async fn a_token_is_shown_once_and_works() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let (token, row) = make(&app, &ann, json!({ "name": "laptop", "days": 7 })).await;
    assert!(
        token.starts_with("wst_")
            && token.len() == 68
            && token.ends_with(row["tokenSuffix"].as_str().unwrap())
    );
    insta::assert_json_snapshot!(row, {".id" => "[id]", ".tokenSuffix" => "[last four]", ".createdAt" => "[time]", ".expiresAt" => "[time]"}, @r#"
    {
      "id": "[id]",
      "name": "laptop",
      "kind": "personal",
      "workspace": null,
      "tokenSuffix": "[last four]",
      "createdAt": "[time]",
      "expiresAt": "[time]",
      "isRevoked": false,
      "isExpired": false,
      "isActive": true,
      "lastUsedAt": null
    }
    "#);
    assert!(works(&app, &token).await);
    let known = list(&app, &token).await;
    assert_eq!(known.len(), 2);
    assert_eq!(known[1]["id"], row["id"]);
    assert!(known[1]["lastUsedAt"].is_string() && known[1].get("token").is_none());
}

#[tokio::test]
async fn a_token_lives_thirty_days_unless_told() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let lifetime = async |body: Value| {
        let row = make(&app, &ann, body).await.1;
        let time = |name: &str| row[name].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        time("expiresAt").duration_since(time("createdAt")).as_hours() / 24
    };
    assert_eq!(lifetime(json!({ "name": "a" })).await, 30);
    assert_eq!(lifetime(json!({ "name": "a", "days": 1 })).await, 1);
    assert_eq!(lifetime(json!({ "name": "a", "days": 180 })).await, 180);
    let refused =
        async |body: Value| app.ask(&ann, Method::POST, &format!("{TOKENS}/create"), body).await.error(422);
    insta::assert_snapshot!(refused(json!({ "name": "a", "days": 0 })).await, @"invalid_field: the field days is 0, expected a whole number from 1 to 180");
    insta::assert_snapshot!(refused(json!({ "name": "a", "days": 181 })).await, @"invalid_field: the field days is 181, expected a whole number from 1 to 180");
    insta::assert_snapshot!(refused(json!({ "days": 1 })).await, @"missing_field: the field name is missing, expected a text of 1 to 100 characters");
    insta::assert_snapshot!(refused(json!({ "name": " " })).await, @r#"invalid_field: the field name is " ", expected a text of 1 to 100 characters"#);
}

#[tokio::test]
async fn what_is_revoked_or_removed_dies_at_once() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let (revoked, first) = make(&app, &ann, json!({ "name": "first" })).await;
    let (removed, second) = make(&app, &ann, json!({ "name": "second" })).await;
    assert!(works(&app, &revoked).await && works(&app, &removed).await);
    let path = format!("{TOKENS}/{}", first["id"].as_str().unwrap());
    for _ in 0..2 {
        let row = app.ask(&ann, Method::POST, &format!("{path}/revoke"), Value::Null).await.expect(200);
        assert_eq!((&row["isRevoked"], &row["isActive"]), (&json!(true), &json!(false)));
    }
    let path = format!("{TOKENS}/{}", second["id"].as_str().unwrap());
    app.ask(&ann, Method::DELETE, &path, Value::Null).await.expect(204);
    assert!(!works(&app, &revoked).await && !works(&app, &removed).await);
    let names: Vec<_> = list(&app, &ann).await.iter().map(|row| row["name"].clone()).collect();
    assert_eq!(names, ["test", "first"]);
    insta::assert_snapshot!(app.ask(&ann, Method::DELETE, &format!("{TOKENS}/x"), Value::Null).await.error(404), @r#"token_not_found: you have no token "x""#);
}

#[tokio::test]
async fn an_expired_token_is_listed_and_useless() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let (token, _) = make(&app, &ann, json!({ "name": "old" })).await;
    app.sql("UPDATE tokens SET expires_at = 1 WHERE name = 'old'").await;
    let refused = app.ask(&token, Method::GET, WHOAMI, Value::Null).await.error(401);
    insta::assert_snapshot!(refused, @"invalid_token: the token is unknown, expired or revoked; make a new one");
    let row = list(&app, &ann).await.remove(1);
    assert_eq!(
        (&row["isExpired"], &row["isRevoked"], &row["isActive"]),
        (&json!(true), &json!(false), &json!(false))
    );
}

#[tokio::test]
async fn others_tokens_are_none_of_ones_business() {
    let app = TestApp::start().await;
    let (ann, bob) = (app.user("ann@example.com").await, app.user("bob@example.com").await);
    let (token, row) = make(&app, &ann, json!({ "name": "anns" })).await;
    let path = format!("{TOKENS}/{}", row["id"].as_str().unwrap());
    app.ask(&bob, Method::POST, &format!("{path}/revoke"), Value::Null).await.error(404);
    app.ask(&bob, Method::DELETE, &path, Value::Null).await.error(404);
    // Nor are they of the staff's, who can disable the user.
    app.delete(&path).await.error(404);
    assert!(works(&app, &token).await);
    assert_eq!(list(&app, &bob).await.len(), 1);
}

#[tokio::test]
async fn an_upload_token_is_listed_and_ended_by_its_maker() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    app.ask(&ann, Method::POST, BASE, json!({ "name": "abc" })).await.expect(201);
    let path = format!("{BASE}/abc/upload-config?location=loc-1");
    let config = app.ask(&ann, Method::GET, &path, Value::Null).await.expect(200);
    let builder = config["token"].as_str().unwrap();
    let row = list(&app, &ann).await.remove(1);
    assert_eq!(
        (&row["kind"], &row["workspace"], &row["name"]),
        (&json!("upload"), &json!("abc"), &json!("workspace builder at loc-1"))
    );
    let uploads = format!("{BASE}/abc/upload");
    app.ask(builder, Method::GET, &uploads, Value::Null).await.expect(200);
    app.ask(builder, Method::GET, TOKENS, Value::Null).await.error(403);
    app.ask(builder, Method::GET, WHOAMI, Value::Null).await.error(403);
    let revoke = format!("{TOKENS}/{}/revoke", row["id"].as_str().unwrap());
    app.ask(&ann, Method::POST, &revoke, Value::Null).await.expect(200);
    app.ask(builder, Method::GET, &uploads, Value::Null).await.error(401);
}

#[tokio::test]
async fn only_hashes_are_kept() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let (token, _) = make(&app, &ann, json!({ "name": "x" })).await;
    assert!(works(&app, &token).await);
    for entry in std::fs::read_dir(app.data()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            assert!(!bytes.windows(token.len()).any(|window| window == token.as_bytes()), "{path:?}");
        }
    }
}

#[tokio::test]
async fn a_git_token_does_git_and_nothing_else() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    app.ask(&ann, Method::POST, BASE, json!({ "name": "abc" })).await.expect(201);
    app.create("other").await;
    let mut tokens = Vec::new();
    for name in ["reads", "pushes"] {
        tokens.push(make(&app, &ann, json!({ "name": name })).await.0);
    }
    app.sql(
        "UPDATE tokens SET kind = 'git', workspace_id = (SELECT id FROM workspaces WHERE name = 'abc'),
           read_only = (name = 'reads') WHERE name IN ('reads', 'pushes')",
    )
    .await;
    let (reads, pushes) = (&tokens[0], &tokens[1]);
    let (fetch, push) = ("git-upload-pack", "git-receive-pack");
    for (token, name, service, status) in [
        (reads, "abc", fetch, 200),
        (reads, "abc", push, 403),
        (pushes, "abc", fetch, 200),
        // Let in: what is missing here is only the program that checks pushes.
        (pushes, "abc", push, 503),
        (pushes, "other", fetch, 404),
        (pushes, "other", push, 404),
    ] {
        assert_eq!(app.git_asks(token, name, service).await, status, "{name} {service}");
    }
    for path in [
        BASE.to_owned(),
        format!("{BASE}/abc"),
        format!("{BASE}/abc/upload"),
        TOKENS.to_owned(),
        WHOAMI.to_owned(),
    ] {
        app.ask(pushes, Method::GET, &path, Value::Null).await.error(403);
    }
    // Its user's list does not show it: it is made for a moment.
    assert_eq!(list(&app, &ann).await.len(), 1);
    // It has no more than its user has now.
    let less = json!({ "owner": "admin@example.com", "permissions": [{ "user": "ann@example.com", "role": "readonly" }] });
    app.patch(&format!("{BASE}/abc"), less).await.expect(200);
    assert_eq!(app.git_asks(pushes, "abc", fetch).await, 200);
    assert_eq!(app.git_asks(pushes, "abc", push).await, 403);
    app.patch("/api/v3/users/2", json!({ "isActive": false })).await.expect(200);
    assert_eq!(app.git_asks(pushes, "abc", fetch).await, 401);
}

#[tokio::test]
async fn no_token_outlives_the_end_of_what_it_was_made_with() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    app.ask(&ann, Method::POST, BASE, json!({ "name": "abc" })).await.expect(201);
    // The end comes behind the back of the server, so the token is still in its memory, as in that of requests that
    // were let in and wait for their turn to write.
    app.ask(&ann, Method::GET, "/api/v3/users/whoami", Value::Null).await.expect(200);
    app.sql("UPDATE tokens SET revoked_at = 1 WHERE id = 'ann@example.com'").await;
    for path in ["get-gitlab-sas", "upload-config"] {
        app.ask(&ann, Method::GET, &format!("{BASE}/abc/{path}"), Value::Null).await.error(401);
    }
    let made = json!({ "name": "x" });
    app.ask(&ann, Method::POST, "/api/v3/users/tokens/create", made).await.error(401);
    assert_eq!(app.count("SELECT COUNT(*) FROM tokens WHERE kind IN ('git', 'upload')").await, 0);
}
