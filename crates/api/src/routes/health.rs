//! `/livez` and `/readyz`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use crate::app::AppState;
use crate::error::ApiError;
use crate::reply;
use crate::schema::Standing;

/// Says that the process answers.
#[utoipa::path(get, path = "/livez", tag = "Server", responses((status = 200, description = "It does.", body = Standing)))]
pub(crate) async fn live() -> Response {
    reply::json(StatusCode::OK, &json!({ "status": "ok" }))
}

/// Says that the server may take work: its database answers.
#[utoipa::path(get, path = "/readyz", tag = "Server", responses((status = 200, description = "It may.", body = Standing)))]
pub(crate) async fn ready(State(app): State<AppState>) -> Result<Response, ApiError> {
    if let Err(error) = app.database.ping().await {
        tracing::error!(cause = %error, "not ready: the database does not answer");
        return Err(ApiError::unavailable("not_ready", "the database does not answer", 2));
    }
    Ok(reply::json(StatusCode::OK, &json!({ "status": "ready" })))
}
