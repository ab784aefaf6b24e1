//! `/codecollections`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};
use url::Url;

use crate::app::AppState;
use crate::codecollections::CodeCollection;
use crate::error::ApiError;
use crate::paging::Page;
use crate::query::Query;
use crate::reply;
use crate::schema::{Page as PageOf, PageQuery};

/// Lists the code collections that this installation has instead of the public ones.
///
/// By name, from the setting `WORKSTEAD_CODECOLLECTIONS`.
#[utoipa::path(get, path = "/api/v3/codecollections", tag = "Runners", params(PageQuery),
    responses((status = 200, description = "One page.", body = PageOf<CodeCollection>)))]
pub(crate) async fn list(State(app): State<AppState>, query: Query) -> Result<Response, ApiError> {
    let page = Page::of(&query)?;
    let collections = &app.settings.codecollections;
    let here = Url::parse(&app.url("/api/v3/codecollections")).map_err(ApiError::internal)?;
    let rows: Vec<Value> = page.cut(collections)?.iter().map(|collection| json!(collection)).collect();
    Ok(reply::json(StatusCode::OK, &page.envelope(collections.len() as u64, &here, &query, &rows)))
}
