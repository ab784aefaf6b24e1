//! `/.well-known/jwks.json`: the keys that verify the tokens of logins.

use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde_json::Value;
use utoipa::ToSchema;

use crate::app::AppState;
use crate::error::ApiError;
use crate::store::now;
use crate::{auth::signing, reply};

/// Public keys (RFC 7517 section 5).
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes what the key ring writes")]
pub(crate) struct KeySet {
    #[schema(value_type = Vec<Object>)]
    keys: Vec<Value>,
}

/// Lists the public keys of the tokens that logins get.
///
/// A key that no longer signs stays until the last token that it signed is dead.
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "People",
    responses((status = 200, description = "All of them, the present one first.", body = KeySet)))]
pub(crate) async fn get(State(app): State<AppState>) -> Result<Response, ApiError> {
    let ring = signing::ring_to_sign(&app).await?;
    let mut response = reply::json(StatusCode::OK, &ring.jwks(now()));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    Ok(response)
}
