//! `/groups`: groups of users, for the staff.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use utoipa::ToSchema;

use crate::access;
use crate::app::AppState;
use crate::auth::{self, Caller};
use crate::error::{ApiError, ErrorBody};
use crate::fields::Fields;
use crate::paging::Page;
use crate::people::groups::{self, Group};
use crate::query::Query;
use crate::reply;
use crate::schema::{Page as PageOf, PageQuery};

/// A group to be made.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes the body")]
pub(crate) struct GroupCreate {
    /// What `spec.permissions` will call it.
    #[schema(pattern = "^[a-z0-9][a-z0-9._-]{0,62}$")]
    name: String,
}

/// Lists all groups with their members, by name.
#[utoipa::path(get, path = "/api/v3/groups", tag = "People", params(PageQuery),
    responses((status = 200, description = "One page.", body = PageOf<Group>)))]
pub(crate) async fn list(State(app): State<AppState>, query: Query) -> Result<Response, ApiError> {
    let page = Page::of(&query)?;
    let count = app.database.count_groups().await?;
    page.check(count)?;
    let rows = app.database.list_groups(page.offset, page.size).await?;
    let results = rows.into_iter().map(|row| json!(Group::from(row))).collect::<Vec<_>>();
    page.answer(&app.url("/api/v3/groups"), count, &query, &results)
}

/// Makes a group without members.
#[utoipa::path(post, path = "/api/v3/groups", tag = "People", request_body = GroupCreate,
    responses(
        (status = 201, description = "The new group.", body = Group),
        (status = 409, description = "There is one of this name.", body = ErrorBody),
    ))]
pub(crate) async fn create(
    State(app): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let fields = Fields::read(&app, &headers, body).await?;
    access::require_staff(&auth::authenticate_again(&app, &caller).await?)?;
    let group = groups::create(&app, fields).await?;
    Ok(reply::json(StatusCode::CREATED, &json!(group)))
}

/// Shows a group with its members.
#[utoipa::path(get, path = "/api/v3/groups/{group}", tag = "People",
    responses((status = 200, description = "The group.", body = Group)))]
pub(crate) async fn get(State(app): State<AppState>, Path(name): Path<String>) -> Result<Response, ApiError> {
    let group = groups::find(&app, &name).await?;
    Ok(reply::json(StatusCode::OK, &json!(group)))
}

/// Removes a group.
///
/// The roles that workspaces give to its name are nobody's then, at once.
#[utoipa::path(delete, path = "/api/v3/groups/{group}", tag = "People",
    responses((status = 204, description = "It is gone.")))]
pub(crate) async fn delete(
    State(app): State<AppState>,
    Path(name): Path<String>,
) -> Result<Response, ApiError> {
    groups::delete(&app, &name).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Makes an e-mail address a member, whether or not there is a user of it yet.
///
/// The roles that workspaces give to the group are theirs at once.
#[utoipa::path(put, path = "/api/v3/groups/{group}/members/{email}", tag = "People",
    responses(
        (status = 200, description = "The group with its members.", body = Group),
        (status = 422, description = "It is no e-mail address.", body = ErrorBody),
    ))]
pub(crate) async fn add_member(
    State(app): State<AppState>,
    Path((name, email)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let group = groups::add_member(&app, &name, &email).await?;
    Ok(reply::json(StatusCode::OK, &json!(group)))
}

/// Ends a membership, and with it at once the roles that came by it.
#[utoipa::path(delete, path = "/api/v3/groups/{group}/members/{email}", tag = "People",
    responses((status = 204, description = "It is ended.")))]
pub(crate) async fn remove_member(
    State(app): State<AppState>,
    Path((name, email)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    groups::remove_member(&app, &name, &email).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
