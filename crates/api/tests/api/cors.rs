//! Uploads by pages of other origins: only those that the setting names, only on the routes of uploads.

use axum::http::Method;
use serde_json::Value;

use crate::app::{ADMIN, Answer, BASE, TestApp, bundle, sample};
use crate::presigned::{path_of, put};

const ORIGINS: (&str, &str) =
    ("WORKSTEAD_UPLOAD_CORS_ORIGINS", "https://portal.example, http://localhost:3000");

async fn preflight(app: &TestApp, origin: &str, method: &str, path: &str) -> Answer {
    let headers = [
        ("origin", origin),
        ("access-control-request-method", method),
        ("access-control-request-headers", "authorization,content-type,prefer"),
    ];
    app.with(Method::OPTIONS, path, &headers, "").await
}

#[tokio::test]
async fn a_page_of_a_named_origin_uploads() {
    let app = TestApp::start_with(&[ORIGINS]).await;
    app.create("abc").await;
    let (origin, bearer) = ("https://portal.example", format!("Bearer {ADMIN}"));
    let asked = [("origin", origin), ("authorization", bearer.as_str())];
    let opened = app.with(Method::GET, &format!("{BASE}/abc/upload"), &asked, "").await;
    assert_eq!(opened.header("access-control-allow-origin"), origin);
    assert_eq!(opened.header("cache-control"), "no-store");
    let signed = opened.expect(200);
    let (url, complete) = (path_of(&signed, "url"), path_of(&signed, "completeUrl"));
    for (method, path) in [
        ("GET", format!("{BASE}/abc/upload")),
        ("PUT", url.clone()),
        ("POST", complete.clone()),
        ("GET", path_of(&signed, "statusUrl")),
    ] {
        let answer = preflight(&app, origin, method, &path).await;
        assert_eq!(answer.status, 200, "{method} {path}");
        assert_eq!(answer.header("access-control-allow-origin"), origin, "{method} {path}");
        assert!(answer.header("access-control-allow-methods").contains(method), "{method} {path}");
        let headers = answer.header("access-control-allow-headers");
        assert!(headers.contains("authorization") && headers.contains("content-type"), "{headers}");
        // No cookie is ever wanted.
        assert_eq!(answer.header("access-control-allow-credentials"), "");
    }
    put(&app, &signed, &bundle(&sample("abc", 1))).await.expect(200);
    let done = app.with(Method::POST, &complete, &asked, "").await;
    assert_eq!(done.header("access-control-allow-origin"), origin);
    done.expect(200);
    // Errors can be read as well, and no cache takes the answer for another origin's.
    let closed = app.with(Method::PUT, &url, &[("origin", origin)], "x").await;
    assert_eq!(closed.header("access-control-allow-origin"), origin);
    let varies =
        closed.headers.get_all("vary").iter().any(|value| value.to_str().unwrap().contains("origin"));
    assert!(varies, "{:?}", closed.headers);
    assert!(closed.status.is_client_error());
}

#[tokio::test]
async fn other_origins_and_other_routes_get_nothing() {
    let app = TestApp::start_with(&[ORIGINS]).await;
    app.create("abc").await;
    let upload = format!("{BASE}/abc/upload");
    for stranger in
        ["https://evil.example", "null", "https://portal.example.evil.example", "http://portal.example"]
    {
        let answer = preflight(&app, stranger, "GET", &upload).await;
        assert_eq!(answer.header("access-control-allow-origin"), "", "{stranger}");
    }
    for (method, path) in [
        ("GET", format!("{BASE}/abc")),
        ("GET", format!("{BASE}/abc/upload-config")),
        ("GET", format!("{BASE}/abc/runner-token")),
        ("POST", "/api/v3/token".to_owned()),
    ] {
        let answer = preflight(&app, "https://portal.example", method, &path).await;
        assert_eq!(answer.header("access-control-allow-origin"), "", "{path}");
        assert!(!answer.status.is_success(), "{path}");
    }
}

#[tokio::test]
async fn without_the_setting_no_page_uploads() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let answer = preflight(&app, "https://portal.example", "GET", &format!("{BASE}/abc/upload")).await;
    answer.error(405);
    let signed = app.ask(ADMIN, Method::GET, &format!("{BASE}/abc/upload"), Value::Null).await.expect(200);
    let headers = [("origin", "https://portal.example")];
    let put = app.with(Method::PUT, &path_of(&signed, "url"), &headers, "x").await;
    assert_eq!(put.header("access-control-allow-origin"), "");
}
