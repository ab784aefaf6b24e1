//! `/api/openapi.json` and `/api/docs`.

use axum::extract::State;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use bytes::Bytes;

use crate::app::AppState;
use crate::error::ApiError;
use crate::{reference, reply, router};

/// The description in both forms: it never changes, and anybody may ask for it as often as they like.
#[derive(Debug, Clone)]
pub(crate) struct Described {
    json: Bytes,
    page: Bytes,
}

/// Describes the API by OpenAPI 3.1.
#[utoipa::path(get, path = "/api/openapi.json", tag = "Server",
    responses((status = 200, description = "The description.", body = serde_json::Value)))]
pub(crate) async fn description(State(app): State<AppState>) -> Result<Response, ApiError> {
    Ok(reply::bytes(StatusCode::OK, described(&app).await?.json))
}

/// Describes the API by a page for people, which loads nothing from elsewhere.
#[utoipa::path(get, path = "/api/docs", tag = "Server",
    responses((status = 200, description = "The page.", body = String, content_type = "text/html")))]
pub(crate) async fn page(State(app): State<AppState>) -> Result<Response, ApiError> {
    let page = described(&app).await?.page;
    let policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";
    let policy = (CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    Ok(([policy], Html(page)).into_response())
}

/// Returns the description, made by who asks first.
async fn described(app: &AppState) -> Result<Described, ApiError> {
    if let Some(known) = app.described.get() {
        return Ok(known.clone());
    }
    let state = app.clone();
    let made = app.work.blocking(move || {
        let made = describe(&state)?;
        Ok(state.described.get_or_init(|| made).clone())
    });
    made.await?
}

fn describe(app: &AppState) -> Result<Described, ApiError> {
    let description = router::table().describe(app.url("").trim_end_matches('/'));
    let json = serde_json::to_string(&description).map_err(ApiError::internal)?;
    Ok(Described { json: Bytes::from(json), page: Bytes::from(reference::page(&description)) })
}
