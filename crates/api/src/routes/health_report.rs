//! `/workspaces/{workspace}/health`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::access::Examination;
use crate::app::AppState;
use crate::error::ApiError;
use crate::health::{self, Options, WorkspaceHealth};
use crate::query::Query;
use crate::reply;

/// Says how a workspace is: healthy, degraded or unhealthy.
///
/// It is 200 whatever was found, also when the repository is damaged. What the workspace depends on is asked anew, and
/// none of it for longer than two seconds.
#[utoipa::path(get, path = "/api/v3/workspaces/{workspace}/health", tag = "Workspaces",
    params(
        ("include_details" = Option<bool>, Query, description = "Whether to add each dependency: its latency and last error."),
        ("include_metrics" = Option<bool>, Query, description = "Whether to add figures."),
    ),
    responses((status = 200, description = "How it is.", body = WorkspaceHealth)))]
pub(crate) async fn get(
    State(app): State<AppState>,
    examination: Examination,
    query: Query,
) -> Result<Response, ApiError> {
    let options = Options {
        details: query.boolean("include_details")?.unwrap_or(false),
        metrics: query.boolean("include_metrics")?.unwrap_or(false),
    };
    let report = health::report(&app, &examination, options).await;
    if report.repository_fails() {
        examination.unless_gone(&app).await?;
    }
    let report = serde_json::to_value(report).map_err(ApiError::internal)?;
    Ok(reply::no_store(reply::json(StatusCode::OK, &report)))
}
