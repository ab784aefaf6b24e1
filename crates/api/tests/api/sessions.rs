//! Signing in by password, the tokens of a session, and how they end.

use axum::http::Method;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::app::{ADMIN, Answer, BASE, TestApp, sample};

const TOKEN: &str = "/api/v3/token/";
const WHOAMI: &str = "/api/v3/users/whoami";
const ANN: &str = "/api/v3/users/2";
const PASSWORD: &str = "correct horse";

/// A server with the user Ann, who has a password.
async fn with_ann(settings: &[(&str, &str)]) -> TestApp {
    let app = TestApp::start_with(settings).await;
    let ann = json!({ "email": "Ann@Example.com", "password": PASSWORD });
    app.post("/api/v3/users", ann).await.expect(201);
    app
}

/// Asks without a token.
async fn post(app: &TestApp, path: &str, body: Value) -> Answer {
    app.with(Method::POST, path, &[("content-type", "application/json")], &body.to_string()).await
}

async fn sign_in(app: &TestApp, password: &str) -> Answer {
    post(app, TOKEN, json!({ "email": "ann@example.com", "password": password })).await
}

/// Signs in and returns the pair.
async fn pair(app: &TestApp) -> (String, String) {
    let answer = sign_in(app, PASSWORD).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    both(&answer.expect(200))
}

fn both(pair: &Value) -> (String, String) {
    let text = |name: &str| pair[name].as_str().unwrap().to_owned();
    (text("access"), text("refresh"))
}

async fn refresh(app: &TestApp, token: &str) -> Answer {
    post(app, "/api/v3/token/refresh/", json!({ "refresh": token })).await
}

async fn verify(app: &TestApp, token: &str) -> u16 {
    post(app, "/api/v3/token/verify/", json!({ "token": token })).await.status.as_u16()
}

async fn works(app: &TestApp, token: &str) -> bool {
    let answer = app.ask(token, Method::GET, WHOAMI, Value::Null).await;
    if answer.status == 200 {
        return true;
    }
    insta::allow_duplicates!(
        insta::assert_snapshot!(answer.error(401), @"invalid_token: the token is unknown, expired or revoked; make a new one")
    );
    false
}

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

#[tokio::test]
async fn a_password_opens_a_session() {
    let app = with_ann(&[]).await;
    let (access, refresh) = pair(&app).await;
    let who = app.ask(&access, Method::GET, WHOAMI, Value::Null).await.expect(200);
    assert_eq!((&who["id"], &who["primaryEmail"]), (&json!(2), &json!("Ann@Example.com")));
    let said = claims(&access);
    insta::assert_json_snapshot!(said, {".iat" => "[time]", ".exp" => "[time]", ".jti" => "[id]", ".sid" => "[session]"}, @r#"
    {
      "iss": "https://ws.example",
      "aud": "https://ws.example",
      "sub": "2",
      "email": "Ann@Example.com",
      "iat": "[time]",
      "exp": "[time]",
      "jti": "[id]",
      "sid": "[session]",
      "token_type": "access"
    }
    "#);
    assert_eq!(said["exp"].as_i64().unwrap() - said["iat"].as_i64().unwrap(), 1800);
    assert_eq!(claims(&refresh)["token_type"], "refresh");
    // One is not taken for the other.
    assert!(!works(&app, &refresh).await);
    assert_eq!(self::refresh(&app, &access).await.error(401).split(':').next(), Some("invalid_token"));
    assert!(works(&app, &access).await);
}

#[tokio::test]
async fn forms_and_user_names_are_read_too() {
    let app = with_ann(&[]).await;
    let form = [("content-type", "application/x-www-form-urlencoded; charset=utf-8")];
    let body = "username=ann%40example.com&password=correct+horse&grant_type=password";
    let (_, token) = both(&app.with(Method::POST, TOKEN, &form, body).await.expect(200));
    let refreshed = app.with(Method::POST, "/api/v3/token/refresh", &form, &format!("refresh={token}")).await;
    let (access, _) = both(&refreshed.expect(200));
    assert!(works(&app, &access).await);
    let body = json!({ "username": "ANN@EXAMPLE.COM", "password": PASSWORD });
    post(&app, TOKEN, body).await.expect(200);
    insta::assert_snapshot!(post(&app, TOKEN, json!({ "password": "x" })).await.error(422), @"missing_field: the field email is missing, expected an e-mail address");
    insta::assert_snapshot!(post(&app, TOKEN, json!({ "email": "x" })).await.error(422), @"missing_field: the field password is missing, expected a string");
    let large = json!({ "email": "x", "password": "x".repeat(20_000) });
    insta::assert_snapshot!(post(&app, TOKEN, large).await.error(413), @"too_large: the body has more than 16384 bytes, the most that this route takes");
}

#[tokio::test]
async fn nobody_learns_whether_an_account_exists() {
    let app = with_ann(&[]).await;
    app.post("/api/v3/users", json!({ "email": "nopassword@example.com" })).await.expect(201);
    let gone = json!({ "email": "gone@example.com", "password": PASSWORD });
    app.post("/api/v3/users", gone).await.expect(201);
    app.patch("/api/v3/users/4", json!({ "isActive": false })).await.expect(200);
    let mut answers = Vec::new();
    for email in ["ann@example.com", "nobody@example.com", "nopassword@example.com", "gone@example.com", "x"]
    {
        let password = if email.starts_with("gone") { PASSWORD } else { "wrong password" };
        let headers = [("content-type", "application/json"), ("x-request-id", "same")];
        let body = json!({ "email": email, "password": password }).to_string();
        let answer = app.with(Method::POST, TOKEN, &headers, &body).await;
        answers.push((answer.status, answer.header("www-authenticate").to_owned(), answer.body));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    insta::assert_snapshot!(sign_in(&app, "wrong").await.error(401), @"wrong_credentials: there is no active account with this e-mail address and password");
}

#[tokio::test]
async fn wrong_passwords_of_an_account_make_a_pause() {
    let app = with_ann(&[]).await;
    for email in ["ann@example.com", "nobody@example.com"] {
        let attempt = async |email: String, password: &str| {
            post(&app, TOKEN, json!({ "email": email, "password": password })).await
        };
        for number in 0..10 {
            let spelled = if number % 2 == 0 { email.to_uppercase() } else { email.to_owned() };
            attempt(spelled, "wrong").await.error(401);
        }
        // The right one is not even looked at, and an unknown account is locked as well.
        let refused = attempt(email.to_owned(), PASSWORD).await;
        let seconds: u32 = refused.header("retry-after").parse().unwrap();
        assert!((1..=60).contains(&seconds));
        let said = refused.error(429);
        assert_eq!(
            said,
            format!("too_many_attempts: too many wrong passwords; try again in {seconds} seconds")
        );
    }
}

#[tokio::test]
async fn right_passwords_never_make_one() {
    let app = with_ann(&[]).await;
    for _ in 0..12 {
        sign_in(&app, PASSWORD).await.expect(200);
    }
}

#[tokio::test]
async fn an_address_is_what_a_trusted_proxy_says() {
    // Whoever asks without a socket counts as 127.0.0.1.
    let app = with_ann(&[("WORKSTEAD_TRUSTED_PROXIES", "127.0.0.0/8")]).await;
    let attempt = async |number: usize, client: &str| {
        let body = json!({ "email": format!("{number}@example.com"), "password": "x" }).to_string();
        let headers = [("content-type", "application/json"), ("x-forwarded-for", client)];
        app.with(Method::POST, TOKEN, &headers, &body).await.status.as_u16()
    };
    for number in 0..100 {
        assert_eq!(attempt(number, "198.51.100.1").await, 401);
    }
    assert_eq!(attempt(100, "198.51.100.1").await, 429);
    assert_eq!(attempt(101, "198.51.100.2").await, 401);
}

#[tokio::test]
async fn a_refresh_token_works_once() {
    let app = with_ann(&[]).await;
    let (first_access, first) = pair(&app).await;
    let (second_access, second) = both(&refresh(&app, &first).await.expect(200));
    assert_ne!(first, second);
    assert!(works(&app, &first_access).await && works(&app, &second_access).await);
    let (third_access, third) = both(&refresh(&app, &second).await.expect(200));
    assert_eq!([verify(&app, &third).await, verify(&app, &second).await], [200, 401]);
    let (other, _) = pair(&app).await;
    assert!(works(&app, &other).await && works(&app, &third_access).await);
    // A used one comes again: somebody stole it, and everything of this session ends, remembered or not.
    insta::assert_snapshot!(refresh(&app, &first).await.error(401), @"invalid_token: the refresh token is unknown, expired or was used before; sign in again");
    for token in [&first_access, &second_access, &third_access] {
        assert!(!works(&app, token).await);
    }
    refresh(&app, &third).await.error(401);
    assert_eq!(verify(&app, &third).await, 401);
    assert!(works(&app, &other).await);
}

#[tokio::test]
async fn two_who_refresh_at_once_do_not_both_get_on() {
    let app = with_ann(&[]).await;
    let (_, token) = pair(&app).await;
    let answers = futures_util::future::join(refresh(&app, &token), refresh(&app, &token)).await;
    let mut statuses = [answers.0.status.as_u16(), answers.1.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401]);
    let sooner = if answers.0.status == 200 { answers.0 } else { answers.1 };
    let (access, next) = both(&sooner.expect(200));
    assert!(!works(&app, &access).await);
    refresh(&app, &next).await.error(401);
}

#[tokio::test]
async fn verify_says_what_is_good() {
    let app = with_ann(&[]).await;
    let (access, refresh) = pair(&app).await;
    for good in [&access, &refresh, ADMIN] {
        let answer = post(&app, "/api/v3/token/verify/", json!({ "token": good })).await;
        assert_eq!(answer.expect(200), json!({}));
    }
    let tampered = format!("{}x", &access[..access.len() - 1]);
    for bad in ["", "x", "a.b.c", "eyJ.eyJ.eyJ", &tampered] {
        assert_eq!(verify(&app, bad).await, 401, "{bad}");
    }
}

#[tokio::test]
async fn signing_out_ends_the_session_at_once() {
    let app = with_ann(&[]).await;
    let (access, token) = pair(&app).await;
    let (other, _) = pair(&app).await;
    assert!(works(&app, &access).await && works(&app, &other).await);
    let out = async |token: &str| app.ask(token, Method::POST, "/api/v3/token/logout/", Value::Null).await;
    assert_eq!(out(&access).await.expect(200), json!({}));
    assert!(!works(&app, &access).await && works(&app, &other).await);
    refresh(&app, &token).await.error(401);
    out(&access).await.error(401);
    insta::assert_snapshot!(out(ADMIN).await.error(409), @"not_a_session: this token belongs to no session; revoke it by POST /api/v3/users/tokens/{id}/revoke");
}

#[tokio::test]
async fn a_new_password_and_disabling_end_every_session_at_once() {
    for change in [json!({ "password": "another horse" }), json!({ "isActive": false })] {
        let app = with_ann(&[]).await;
        let (access, token) = pair(&app).await;
        let personal =
            app.ask(&access, Method::POST, "/api/v3/users/tokens/create", json!({ "name": "x" })).await;
        let personal = personal.expect(201)["token"].as_str().unwrap().to_owned();
        assert!(works(&app, &access).await && works(&app, &personal).await);
        app.patch(ANN, change).await.expect(200);
        assert!(!works(&app, &access).await && !works(&app, &personal).await);
        refresh(&app, &token).await.error(401);
        assert_eq!(verify(&app, &token).await, 401);
        sign_in(&app, PASSWORD).await.error(401);
        app.patch(ANN, json!({ "isActive": true })).await.expect(200);
        assert!(!works(&app, &access).await && !works(&app, &personal).await);
    }
}

#[tokio::test]
async fn ones_own_new_password_ends_the_session_that_it_was_set_in() {
    let app = with_ann(&[]).await;
    let (access, token) = pair(&app).await;
    let body = json!({ "currentPassword": PASSWORD, "newPassword": "another horse" });
    app.ask(&access, Method::POST, "/api/v3/users/password", body).await.expect(200);
    assert!(!works(&app, &access).await);
    refresh(&app, &token).await.error(401);
    sign_in(&app, PASSWORD).await.error(401);
    sign_in(&app, "another horse").await.expect(200);
}

#[tokio::test]
async fn a_session_writes_and_loses_the_right_with_its_end() {
    let app = with_ann(&[]).await;
    let (access, _) = pair(&app).await;
    app.ask(&access, Method::POST, BASE, json!({ "name": "abc" })).await.expect(201);
    app.upload(&access, "abc", &sample("abc", 1), Value::Null).await.expect(200);
    assert!(app.git(&["log", "-1", "--format=%ae", "main"]).contains("Ann@Example.com"));
    let commits = app.commits();
    let body = json!({ "displayName": "X" });
    let path = format!("{BASE}/abc");
    let answer = app.slowly(&access, Method::PATCH, &path, body, async || {
        app.ask(&access, Method::POST, "/api/v3/token/logout", Value::Null).await.expect(200);
    });
    answer.await.error(401);
    assert_eq!(app.commits(), commits);
}

#[tokio::test]
async fn a_session_ends_with_its_time() {
    let app = with_ann(&[]).await;
    let (access, token) = pair(&app).await;
    app.sql("UPDATE sessions SET expires_at = 1").await;
    assert!(!works(&app, &access).await);
    refresh(&app, &token).await.error(401);
    pair(&app).await;
    // What expired is swept away by the next login.
    refresh(&app, &token).await.error(401);
}

#[tokio::test]
async fn keys_are_published_kept_and_replaced() {
    let app = with_ann(&[]).await;
    let jwks = "/.well-known/jwks.json";
    let keys = async |app: &TestApp| {
        let answer = app.with(Method::GET, jwks, &[], "").await;
        assert_eq!(answer.header("cache-control"), "public, max-age=300");
        answer.expect(200)["keys"].as_array().unwrap().clone()
    };
    let header = |token: &str| -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap()).unwrap()
    };
    let first = keys(&app).await;
    assert_eq!(first.len(), 1);
    insta::assert_json_snapshot!(first[0], {".kid" => "[id]", ".n" => "[modulus]"}, @r#"
    {
      "kty": "RSA",
      "use": "sig",
      "alg": "RS256",
      "kid": "[id]",
      "n": "[modulus]",
      "e": "AQAB"
    }
    "#);
    let (old_access, old_refresh) = pair(&app).await;
    assert_eq!(header(&old_access), json!({ "typ": "JWT", "alg": "RS256", "kid": first[0]["kid"] }));
    // A restart keeps the key and the session; only the time of the key is over.
    let app = app.restart_after(async |database| {
        let private: String =
            sqlx::query_scalar("SELECT sealed_private FROM signing_keys").fetch_one(database).await.unwrap();
        assert!(!private.contains("PRIVATE"));
        sqlx::query("UPDATE signing_keys SET created_at = created_at - 91 * 86400000000")
            .execute(database)
            .await
            .unwrap();
    });
    let app = app.await;
    assert!(works(&app, &old_access).await);
    let both_keys = keys(&app).await;
    assert_eq!(both_keys.len(), 2);
    assert_eq!(both_keys[1], first[0]);
    let (new_access, _) = both(&refresh(&app, &old_refresh).await.expect(200));
    assert_eq!(header(&new_access)["kid"], both_keys[0]["kid"]);
    assert!(works(&app, &old_access).await && works(&app, &new_access).await);
    // When nothing that the old key signed can be alive, it is no longer listed.
    let app = app.restart_after(async |database| {
        sqlx::query("UPDATE signing_keys SET created_at = created_at - 14 * 86400000000")
            .execute(database)
            .await
            .unwrap();
    });
    assert_eq!(keys(&app.await).await, [both_keys[0].clone()]);
}

#[tokio::test]
async fn a_token_may_be_held_to_a_pace() {
    let app = with_ann(&[("WORKSTEAD_TOKEN_REQUESTS_PER_MINUTE", "4")]).await;
    let (access, _) = pair(&app).await;
    for _ in 0..4 {
        app.ask(&access, Method::GET, WHOAMI, Value::Null).await.expect(200);
    }
    let refused = app.ask(&access, Method::GET, WHOAMI, Value::Null).await;
    let seconds: u32 = refused.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&seconds));
    let said = refused.error(429);
    assert!(said.starts_with("too_many_requests: this token made the most requests that it may in a minute (WORKSTEAD_TOKEN_REQUESTS_PER_MINUTE); try again in "), "{said}");
    // Another token of the same user has a pace of its own, and what needs none has none.
    let (other, _) = pair(&app).await;
    app.ask(&other, Method::GET, WHOAMI, Value::Null).await.expect(200);
}

#[tokio::test]
async fn a_session_fetches_by_git_until_it_ends() {
    let app = with_ann(&[]).await;
    let (access, _) = pair(&app).await;
    app.ask(&access, Method::POST, BASE, json!({ "name": "abc" })).await.expect(201);
    let fetch = async || app.git_asks(&access, "abc", "git-upload-pack").await;
    assert_eq!(fetch().await, 200);
    app.ask(&access, Method::POST, "/api/v3/token/logout", Value::Null).await.expect(200);
    assert_eq!(fetch().await, 401);
}
