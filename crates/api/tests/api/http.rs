//! Rules of every route: errors, ids, paths, limits.

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::{Value, json};

use crate::app::{ADMIN, BASE, TestApp};

#[tokio::test]
async fn health_needs_no_token() {
    let app = TestApp::start().await;
    for path in ["/livez", "/readyz", "/readyz/", "//livez"] {
        app.with(Method::GET, path, &[], "").await.expect(200);
    }
}

#[tokio::test]
async fn without_a_good_token_there_is_a_challenge() {
    let app = TestApp::start().await;
    let none = app.with(Method::GET, BASE, &[], "").await;
    assert_eq!(none.header("www-authenticate"), "Bearer");
    insta::assert_snapshot!(none.error(401), @"not_signed_in: this needs a token: send `Authorization: Bearer <token>`");
    let bad = app.ask("wst_nobody", Method::GET, BASE, Value::Null).await;
    assert_eq!(bad.header("www-authenticate"), "Bearer");
    insta::assert_snapshot!(bad.error(401), @"invalid_token: the token is unknown, expired or revoked; make a new one");
}

#[tokio::test]
async fn what_is_not_there_is_json() {
    let app = TestApp::start().await;
    insta::assert_snapshot!(app.get("/api/v3/nothing").await.error(404), @r#"no_such_route: there is nothing at "/api/v3/nothing" on this server"#);
    insta::assert_snapshot!(app.get("/").await.error(404), @r#"no_such_route: there is nothing at "/" on this server"#);
    insta::assert_snapshot!(app.get("/api/v3/workspaces/x%FF").await.error(400), @"malformed_request: the address or a header of the request can't be read");
}

#[tokio::test]
async fn a_wrong_method_names_the_right_ones() {
    let app = TestApp::start().await;
    let answer = app.delete(BASE).await;
    assert_eq!(answer.header("allow"), "GET,HEAD,POST");
    insta::assert_snapshot!(answer.error(405), @"method_not_allowed: the method DELETE is not allowed here; the header Allow lists those that are");
    let upload = app.delete("/api/v3/workspaces/abc/upload").await;
    assert_eq!(upload.header("allow"), "GET,POST");
    upload.error(405);
}

#[tokio::test]
async fn head_makes_nothing() {
    let app = TestApp::start_with(&[("WORKSTEAD_UPLOAD_MAX_OPEN", "1")]).await;
    app.create("abc").await;
    for (path, allow) in
        [("upload", "GET,POST"), ("generate-workspace-builder-config", "GET"), ("upload-config", "GET")]
    {
        let answer = app.ask(ADMIN, Method::HEAD, &format!("{BASE}/abc/{path}"), Value::Null).await;
        assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, allow), "{path}");
    }
    assert_eq!(app.get(&format!("{BASE}/abc/uploads")).await.expect(200)["count"], 0);
    let reading = app.ask(ADMIN, Method::HEAD, &format!("{BASE}/abc"), Value::Null).await;
    assert_eq!(reading.status, 200);
}

#[tokio::test]
async fn below_git_there_is_always_a_challenge() {
    let app = TestApp::start().await;
    app.create("abc").await;
    for (method, path) in [
        (Method::GET, "/git"),
        (Method::GET, "/git/"),
        (Method::GET, "/git/nothing"),
        (Method::GET, "/git/abc.git/HEAD"),
        (Method::GET, "/git/%FF.git/info/refs"),
        (Method::POST, "/git/abc.git/info/refs"),
        (Method::GET, "/git/abc.git/info/refs?service=git-upload-pack"),
    ] {
        let answer = app.with(method, path, &[], "").await;
        assert_eq!(answer.header("www-authenticate"), "Basic realm=\"Workstead\"", "{path}");
        answer.error(401);
    }
    app.get("/git/nothing").await.error(404);
    app.get("/github").await.error(404);
}

#[tokio::test]
async fn slashes_make_no_difference_and_no_redirect() {
    let app = TestApp::start().await;
    app.create("abc").await;
    for path in ["/api/v3/workspaces/abc/", "//api/v3/workspaces/abc", "/api//v3/workspaces//abc//"] {
        assert_eq!(app.get(path).await.expect(200)["name"], "abc", "{path}");
    }
    app.post("//api/v3/workspaces/", json!({ "name": "other" })).await.expect(201);
}

#[tokio::test]
async fn a_sane_request_id_comes_back_and_another_is_replaced() {
    let app = TestApp::start().await;
    let with = async |id: &str| app.with(Method::GET, "/livez", &[("x-request-id", id)], "").await;
    assert_eq!(with("build-7.a_b").await.header("x-request-id"), "build-7.a_b");
    let made = with("no good").await.header("x-request-id").to_owned();
    assert_eq!(made.len(), 32);
    assert_ne!(with("").await.header("x-request-id"), made);
}

#[tokio::test]
async fn problem_json_is_for_those_who_ask() {
    let app = TestApp::start().await;
    let answer = app
        .with(Method::GET, BASE, &[("accept", "application/problem+json"), ("x-request-id", "id-1")], "")
        .await;
    assert_eq!(answer.header("content-type"), "application/problem+json");
    insta::assert_json_snapshot!(answer.json(), @r#"
    {
      "detail": "this needs a token: send `Authorization: Bearer <token>`",
      "code": "not_signed_in",
      "status": 401,
      "requestId": "id-1",
      "type": "about:blank",
      "title": "Unauthorized"
    }
    "#);
    let any = app.with(Method::GET, BASE, &[("accept", "*/*, application/json")], "").await;
    assert_eq!(any.header("content-type"), "application/json");
}

#[tokio::test]
async fn bodies_are_checked_before_they_are_used() {
    let app = TestApp::start_with(&[("WORKSTEAD_MAX_BODY_BYTES", "1KiB")]).await;
    let token = format!("Bearer {ADMIN}");
    let post = async |kind: &str, body: &str| {
        app.with(Method::POST, BASE, &[("authorization", &token), ("content-type", kind)], body).await
    };
    let json = "application/json";
    insta::assert_snapshot!(post(json, "{\"name\": \n  oops}").await.error(400), @"malformed_json: the body is not JSON: expected value at line 2 column 3");
    insta::assert_snapshot!(post(json, "[]").await.error(422), @"not_an_object: the body must be a JSON object");
    insta::assert_snapshot!(post(json, "").await.error(400), @"malformed_json: the body is not JSON: EOF while parsing a value at line 1 column 0");
    insta::assert_snapshot!(post("text/plain", "{}").await.error(415), @r#"not_json: the body is "text/plain", expected application/json"#);
    insta::assert_snapshot!(post(json, &"x".repeat(1025)).await.error(413), @"too_large: the body has at least 1025 bytes, more than the limit of 1024 bytes; send less, or raise WORKSTEAD_MAX_BODY_BYTES");
    let packed = [("authorization", token.as_str()), ("content-encoding", "gzip")];
    let refused = app.with(Method::POST, BASE, &packed, "{}").await;
    assert_eq!(refused.header("accept-encoding"), "identity");
    insta::assert_snapshot!(refused.error(415), @r#"encoding_not_supported: the body has the Content-Encoding "gzip", which is not read here; send the JSON as it is, without that header"#);
    let plain = [("authorization", token.as_str()), ("content-encoding", "identity")];
    app.with(Method::POST, BASE, &plain, r#"{"name": "abc"}"#).await.expect(201);
    app.with(Method::POST, "/api/v3/workspaces/abc/upload", &packed, "{}").await.error(415);
    let declared = [("authorization", token.as_str()), ("content-length", "99999")];
    insta::assert_snapshot!(app.with(Method::POST, BASE, &declared, "{}").await.error(413), @"too_large: the body has 99999 bytes, more than the limit of 1024 bytes; send less, or raise WORKSTEAD_MAX_BODY_BYTES");
}

#[tokio::test]
async fn an_upload_over_the_limit_is_refused_before_it_is_read() {
    let app = TestApp::start_with(&[("WORKSTEAD_UPLOAD_MAX_COMPRESSED_BYTES", "3KiB")]).await;
    app.create("abc").await;
    let never = Body::from_stream(futures_util::stream::pending::<Result<bytes::Bytes, std::io::Error>>());
    let request = Request::post("/api/v3/workspaces/abc/upload")
        .header("authorization", format!("Bearer {ADMIN}"))
        .header("content-length", "100000")
        .body(never)
        .unwrap();
    insta::assert_snapshot!(app.send(request).await.error(413), @"too_large: the upload's body has 100000 bytes, more than the limit of 69632 bytes; send less, or raise WORKSTEAD_UPLOAD_MAX_COMPRESSED_BYTES");
}
