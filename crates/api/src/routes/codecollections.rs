//! `/codecollections`.

use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};

use crate::app::AppState;
use crate::codecollections::CodeCollection;
use crate::error::ApiError;
use crate::paging::Page;
use crate::query::Query;
use crate::schema::{Page as PageOf, PageQuery};

/// Lists the code collections that this installation has instead of the public ones.
///
/// By name, from the setting `WORKSTEAD_CODECOLLECTIONS`.
#[utoipa::path(get, path = "/api/v3/codecollections", tag = "Runners", params(PageQuery),
    responses((status = 200, description = "One page.", body = PageOf<CodeCollection>)))]
pub(crate) async fn list(State(app): State<AppState>, query: Query) -> Result<Response, ApiError> {
    let page = Page::of(&query)?;
    let collections = &app.settings.codecollections;
    let rows: Vec<Value> = page.cut(collections)?.iter().map(|collection| json!(collection)).collect();
    page.answer(&app.url("/api/v3/codecollections"), collections.len() as u64, &query, &rows)
}
