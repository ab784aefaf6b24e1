//! Users, who makes and changes them, and what ends with them.

use axum::http::Method;
use serde_json::{Value, json};

use crate::app::{BASE, TestApp, sample};

const USERS: &str = "/api/v3/users";
const WHOAMI: &str = "/api/v3/users/whoami";

async fn make(app: &TestApp, body: Value) -> Value {
    app.post(USERS, body).await.expect(201)
}

#[tokio::test]
async fn staff_makes_and_lists_users() {
    let app = TestApp::start().await;
    let made = make(&app, json!({ "email": "Ann@Example.com", "fullName": " Ann\nOf\u{7}Green " })).await;
    insta::assert_json_snapshot!(made, {".createdAt" => "[time]"}, @r#"
    {
      "id": 2,
      "email": "Ann@Example.com",
      "fullName": "Ann Of Green",
      "isStaff": false,
      "isActive": true,
      "createdAt": "[time]"
    }
    "#);
    make(&app, json!({ "email": "bob@example.com", "isStaff": true, "password": null })).await;
    let list = app.get(&format!("{USERS}?page_size=2")).await.expect(200);
    assert_eq!((&list["count"], &list["results"][1]), (&json!(3), &made));
    assert_eq!(list["next"], "https://ws.example/api/v3/users?page=2&page_size=2");
    assert_eq!(app.get(&format!("{USERS}/2")).await.expect(200), made);
    for absent in ["/99", "/ann", "/2x", "/99999999999999999999"] {
        assert!(app.get(&format!("{USERS}{absent}")).await.error(404).starts_with("user_not_found: "));
    }
}

#[tokio::test]
async fn there_is_one_user_for_each_address_in_any_case() {
    let app = TestApp::start().await;
    make(&app, json!({ "email": "ann@example.com" })).await;
    let again = app.post(USERS, json!({ "email": "ANN@example.com" })).await.error(409);
    insta::assert_snapshot!(again, @"user_exists: there is a user ANN@example.com already; change that one");
    app.post(USERS, json!({ "email": "Admin@Example.com" })).await.error(409);
}

#[tokio::test]
async fn a_bad_user_is_refused_with_the_reason() {
    let app = TestApp::start().await;
    let refused = async |body: Value| app.post(USERS, body).await.error(422);
    insta::assert_snapshot!(refused(json!({})).await, @"missing_field: the field email is missing, expected an e-mail address");
    insta::assert_snapshot!(refused(json!({ "email": "ann" })).await, @r#"invalid_field: the field email is "ann", expected an e-mail address"#);
    insta::assert_snapshot!(refused(json!({ "email": "a@b.c", "passwort": "x" })).await, @r#"unknown_field: the field "passwort" is unknown; did you mean password?"#);
    insta::assert_snapshot!(refused(json!({ "email": "a@b.c", "password": "short" })).await, @"password_too_short: the password has 5 characters, fewer than 8; choose a longer one");
    insta::assert_snapshot!(refused(json!({ "email": "a@b.c", "password": 12_345_678 })).await, @"invalid_field: the field password is not a string");
    assert_eq!(app.get(USERS).await.expect(200)["count"], 1);
}

#[tokio::test]
async fn users_are_for_staff_only() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    for (method, path, body) in [
        (Method::GET, USERS.to_owned(), Value::Null),
        (Method::POST, USERS.to_owned(), json!({ "email": "x@y.z" })),
        (Method::GET, format!("{USERS}/1"), Value::Null),
        (Method::GET, format!("{USERS}/2"), Value::Null),
        (Method::PATCH, format!("{USERS}/2"), json!({ "isStaff": true })),
    ] {
        app.ask(&ann, method, &path, body).await.error(403);
    }
    assert_eq!(app.ask(&ann, Method::GET, WHOAMI, Value::Null).await.expect(200)["isStaff"], false);
}

#[tokio::test]
async fn whoami_says_who_asks() {
    let app = TestApp::start().await;
    insta::assert_json_snapshot!(app.get(WHOAMI).await.expect(200), @r#"
    {
      "id": 1,
      "username": "admin@example.com",
      "primaryEmail": "admin@example.com",
      "isStaff": true,
      "isSuperuser": true
    }
    "#);
}

#[tokio::test]
async fn becoming_and_ceasing_to_be_staff_is_seen_at_once() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let sees = async || app.ask(&ann, Method::GET, USERS, Value::Null).await.status.as_u16();
    assert_eq!(sees().await, 403);
    app.patch(&format!("{USERS}/2"), json!({ "isStaff": true })).await.expect(200);
    assert_eq!(sees().await, 200);
    let changed = app.patch(&format!("{USERS}/2"), json!({ "isStaff": false, "fullName": "Ann" })).await;
    assert_eq!(changed.expect(200)["fullName"], "Ann");
    assert_eq!(sees().await, 403);
    let changed = app.patch(&format!("{USERS}/2"), json!({ "fullName": null })).await.expect(200);
    assert_eq!(changed["fullName"], Value::Null);
}

#[tokio::test]
async fn a_disabled_user_has_nothing_left_and_gets_nothing_back() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    app.ask(&ann, Method::POST, BASE, json!({ "name": "abc" })).await.expect(201);
    let config =
        app.ask(&ann, Method::GET, &format!("{BASE}/abc/upload-config"), Value::Null).await.expect(200);
    let builder = config["token"].as_str().unwrap();
    // Both are remembered now.
    app.upload(builder, "abc", &sample("abc", 1), Value::Null).await.expect(200);
    let commits = app.commits();
    let disabled = app.patch(&format!("{USERS}/2"), json!({ "isActive": false })).await.expect(200);
    assert_eq!(disabled["isActive"], false);
    app.ask(&ann, Method::GET, WHOAMI, Value::Null).await.error(401);
    app.upload(builder, "abc", &sample("abc", 2), Value::Null).await.error(401);
    let enabled = app.patch(&format!("{USERS}/2"), json!({ "isActive": true })).await.expect(200);
    assert_eq!(enabled["isActive"], true);
    app.ask(&ann, Method::GET, WHOAMI, Value::Null).await.error(401);
    app.upload(builder, "abc", &sample("abc", 2), Value::Null).await.error(401);
    assert_eq!(app.commits(), commits);
}

#[tokio::test]
async fn the_last_of_the_staff_stays() {
    let app = TestApp::start().await;
    let refused = app.patch(&format!("{USERS}/1"), json!({ "isActive": false })).await.error(409);
    insta::assert_snapshot!(refused, @"last_staff: user 1 is the last active member of the staff; make another one staff first");
    app.patch(&format!("{USERS}/1"), json!({ "isStaff": false })).await.error(409);
    make(&app, json!({ "email": "bob@example.com", "isStaff": true })).await;
    app.patch(&format!("{USERS}/2"), json!({ "isActive": false })).await.expect(200);
    // One who is disabled does not count.
    app.patch(&format!("{USERS}/1"), json!({ "isStaff": false })).await.error(409);
    app.patch(&format!("{USERS}/2"), json!({ "isActive": true })).await.expect(200);
    app.patch(&format!("{USERS}/1"), json!({ "isStaff": false })).await.expect(200);
    app.get(USERS).await.error(403);
}

#[tokio::test]
async fn a_change_names_what_is_wrong_with_it() {
    let app = TestApp::start().await;
    app.user("ann@example.com").await;
    let patch = async |id: &str, body: Value| app.patch(&format!("{USERS}/{id}"), body).await;
    insta::assert_snapshot!(patch("2", json!({ "isActve": false })).await.error(422), @r#"unknown_field: the field "isActve" is unknown; did you mean isActive?"#);
    insta::assert_snapshot!(patch("2", json!({ "isActive": "no" })).await.error(422), @r#"invalid_field: the field isActive is "no", expected true or false"#);
    insta::assert_snapshot!(patch("9", json!({ "isActive": false })).await.error(404), @r#"user_not_found: there is no user "9""#);
    insta::assert_snapshot!(patch("2", json!({ "password": "short" })).await.error(422), @"password_too_short: the password has 5 characters, fewer than 8; choose a longer one");
    patch("2", json!({})).await.expect(200);
}

#[tokio::test]
async fn who_lost_the_staff_during_a_slow_body_changes_nobody() {
    let app = TestApp::start().await;
    let bob = app.user("bob@example.com").await;
    app.patch(&format!("{USERS}/2"), json!({ "isStaff": true })).await.expect(200);
    let path = format!("{USERS}/1");
    let asked = app.slowly(&bob, Method::PATCH, &path, json!({ "isActive": false }), async || {
        app.patch(&format!("{USERS}/2"), json!({ "isStaff": false })).await.expect(200);
    });
    asked.await.error(403);
    assert_eq!(app.get(&path).await.expect(200)["isActive"], true);
}

#[tokio::test]
async fn a_password_is_changed_by_who_knows_it() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    let change = async |token: &str, current: &str, new: &str| {
        let body = json!({ "currentPassword": current, "newPassword": new });
        app.ask(token, Method::POST, "/api/v3/users/password", body).await
    };
    insta::assert_snapshot!(change(&ann, "x", "new password").await.error(409), @"no_password: you have no password yet; a member of the staff sets the first one");
    app.patch(&format!("{USERS}/2"), json!({ "password": "old password" })).await.expect(200);
    app.ask(&ann, Method::GET, WHOAMI, Value::Null).await.error(401);
    app.sql("UPDATE tokens SET revoked_at = NULL").await;
    insta::assert_snapshot!(change(&ann, "wrong", "new password").await.error(403), @"wrong_password: the field currentPassword is not your password");
    insta::assert_snapshot!(change(&ann, "old password", "new").await.error(422), @"password_too_short: the password has 3 characters, fewer than 8; choose a longer one");
    assert_eq!(change(&ann, "old password", "new password").await.expect(200), json!({}));
    app.ask(&ann, Method::GET, WHOAMI, Value::Null).await.error(401);
    app.sql("UPDATE tokens SET revoked_at = NULL").await;
    change(&ann, "old password", "another password").await.error(403);
    change(&ann, "new password", "another password").await.expect(200);
}

#[tokio::test]
async fn guessing_a_password_by_a_stolen_token_ends_soon() {
    let app = TestApp::start().await;
    let ann = app.user("ann@example.com").await;
    app.patch(&format!("{USERS}/2"), json!({ "password": "old password" })).await.expect(200);
    app.sql("UPDATE tokens SET revoked_at = NULL").await;
    let guess = async |guess: &str| {
        let body = json!({ "currentPassword": guess, "newPassword": "new password" });
        app.ask(&ann, Method::POST, "/api/v3/users/password", body).await
    };
    for number in 0..10 {
        guess(&format!("guess {number}")).await.error(403);
    }
    let refused = guess("old password").await;
    assert!((1..=60).contains(&refused.header("retry-after").parse::<u32>().unwrap()));
    assert!(refused.error(429).starts_with("too_many_attempts: "));
}

#[tokio::test]
async fn no_answer_shows_a_password_or_its_hash() {
    let app = TestApp::start().await;
    let body = json!({ "email": "ann@example.com", "password": "correct horse" });
    let answers = [
        app.post(USERS, body).await,
        app.patch(&format!("{USERS}/2"), json!({ "password": "correct horse 2" })).await,
        app.get(&format!("{USERS}/2")).await,
        app.get(USERS).await,
    ];
    for answer in answers {
        let text = String::from_utf8(answer.body.to_vec()).unwrap();
        assert!(!text.contains("horse") && !text.contains("argon2") && !text.contains("assword"), "{text}");
    }
}
