//! `/api/openapi.json` and `/api/docs`.

use axum::extract::State;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use bytes::Bytes;

use crate::app::AppState;
use crate::error::ApiError;
use crate::{reference, reply, router};

/// Describes the API by OpenAPI 3.1.
#[utoipa::path(get, path = "/api/openapi.json", tag = "Server",
    responses((status = 200, description = "The description.", body = serde_json::Value)))]
pub(crate) async fn description(State(app): State<AppState>) -> Result<Response, ApiError> {
    let text = serde_json::to_string(&describe(&app)).map_err(ApiError::internal)?;
    Ok(reply::bytes(StatusCode::OK, Bytes::from(text)))
}

/// Describes the API by a page for people, which loads nothing from elsewhere.
#[utoipa::path(get, path = "/api/docs", tag = "Server",
    responses((status = 200, description = "The page.", body = String, content_type = "text/html")))]
pub(crate) async fn page(State(app): State<AppState>) -> Response {
    let policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";
    let policy = (CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    ([policy], Html(reference::page(&describe(&app)))).into_response()
}

fn describe(app: &AppState) -> utoipa::openapi::OpenApi {
    router::table().describe(app.url("").trim_end_matches('/'))
}
