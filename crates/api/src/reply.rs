//! The shapes of successful answers.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::Value;

use crate::revision::is_unmodified;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// Answers differ by who asks and in which form.
const VARIES: HeaderValue = HeaderValue::from_static("Authorization, Accept");

/// Answers JSON.
pub(crate) fn json(status: StatusCode, value: &Value) -> Response {
    bytes(status, Bytes::from(value.to_string()))
}

/// Answers JSON text.
pub(crate) fn bytes(status: StatusCode, body: Bytes) -> Response {
    let mut response = (status, Body::from(body)).into_response();
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response.headers_mut().insert(VARY, VARIES);
    response
}

/// Answers JSON that holds a secret.
pub(crate) fn secret(status: StatusCode, value: &Value) -> Response {
    no_store(json(status, value))
}

/// Forbids everybody on the way to keep an answer.
pub(crate) fn no_store(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Answers JSON that was read from a commit, or 304 when the client has it.
pub(crate) fn revisioned(request: &HeaderMap, etag: HeaderValue, body: impl FnOnce() -> Bytes) -> Response {
    let mut response = if is_unmodified(request, &etag) {
        let mut unmodified = StatusCode::NOT_MODIFIED.into_response();
        unmodified.headers_mut().insert(VARY, VARIES);
        unmodified
    } else {
        bytes(StatusCode::OK, body())
    };
    response.headers_mut().insert(ETAG, etag);
    response
}
