//! `/api/openapi.json`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;

use crate::app::AppState;
use crate::error::ApiError;
use crate::reply;
use crate::router;

/// Describes the API by OpenAPI 3.1.
#[utoipa::path(get, path = "/api/openapi.json", tag = "Server",
    responses((status = 200, description = "The description.", body = serde_json::Value)))]
pub(crate) async fn description(State(app): State<AppState>) -> Result<Response, ApiError> {
    let description = router::table().describe(app.url("").trim_end_matches('/'));
    let text = serde_json::to_string(&description).map_err(ApiError::internal)?;
    Ok(reply::bytes(StatusCode::OK, Bytes::from(text)))
}
