//! `/organizations`, for staff.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use crate::access;
use crate::app::AppState;
use crate::auth::{self, Caller};
use crate::body::read_object;
use crate::error::{ApiError, ErrorBody};
use crate::organizations::{self, Organization, OrganizationWrite};
use crate::paging::Page;
use crate::query::Query;
use crate::schema::{Page as PageOf, PageQuery};
use crate::store::organizations::OrganizationRow;
use crate::{reply, workspace};

/// Lists all organizations, by name.
#[utoipa::path(get, path = "/api/v3/organizations", tag = "Organizations", params(PageQuery),
    responses((status = 200, description = "One page.", body = PageOf<Organization>)))]
pub(crate) async fn list(State(app): State<AppState>, query: Query) -> Result<Response, ApiError> {
    let page = Page::of(&query)?;
    let count = app.database.count_organizations().await?;
    page.check(count)?;
    let rows = app.database.list_organizations(page.offset, page.size).await?;
    let results = rows.iter().map(object).collect::<Result<Vec<_>, _>>()?;
    page.answer(&app.url("/api/v3/organizations"), count, &query, &results)
}

/// Makes an organization.
#[utoipa::path(post, path = "/api/v3/organizations", tag = "Organizations", request_body = OrganizationWrite,
    responses(
        (status = 201, description = "The new organization.", body = Organization),
        (status = 409, description = "Another one has the name.", body = ErrorBody),
    ))]
pub(crate) async fn create(
    State(app): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let body = read_object(&headers, body, app.json_limit(), &app.work).await?;
    // Asked again: the body may have taken long to come.
    access::require_staff(&auth::authenticate_again(&app, &caller).await?)?;
    let row = organizations::create(&app, &body).await?;
    let mut response = reply::json(StatusCode::CREATED, &object(&row)?);
    let location = app.url(&format!("/api/v3/organizations/{}", row.name));
    let location = HeaderValue::from_str(&location).map_err(ApiError::internal)?;
    response.headers_mut().insert(LOCATION, location);
    Ok(response)
}

/// Shows an organization, by name or id.
#[utoipa::path(get, path = "/api/v3/organizations/{organization}", tag = "Organizations",
    responses((status = 200, description = "The organization.", body = Organization)))]
pub(crate) async fn get(State(app): State<AppState>, Path(name): Path<String>) -> Result<Response, ApiError> {
    Ok(reply::json(StatusCode::OK, &object(&organizations::find(&app, &name).await?)?))
}

/// Changes an organization by a JSON merge patch (RFC 7396).
///
/// A secret in `llmConfig` stays as long as no `null` removes it; what GET answered may be sent back.
#[utoipa::path(patch, path = "/api/v3/organizations/{organization}", tag = "Organizations",
    request_body = OrganizationWrite,
    responses(
        (status = 200, description = "The organization as it is now.", body = Organization),
        (status = 409, description = "Another one has the name.", body = ErrorBody),
    ))]
pub(crate) async fn update(
    State(app): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let body = read_object(&headers, body, app.json_limit(), &app.work).await?;
    access::require_staff(&auth::authenticate_again(&app, &caller).await?)?;
    let row = organizations::update(&app, &name, &body).await?;
    Ok(reply::json(StatusCode::OK, &object(&row)?))
}

/// Deletes an organization; its workspaces stay, and are nobody's.
#[utoipa::path(delete, path = "/api/v3/organizations/{organization}", tag = "Organizations",
    responses((status = 204, description = "It is gone.")))]
pub(crate) async fn delete(
    State(app): State<AppState>,
    Path(name): Path<String>,
) -> Result<Response, ApiError> {
    let row = organizations::find(&app, &name).await?;
    app.database.delete_organization(&row.id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Gives a workspace to an organization.
///
/// A workspace has one at most: it is taken from another.
#[utoipa::path(put, path = "/api/v3/organizations/{organization}/workspaces/{workspace}", tag = "Organizations",
    responses((status = 204, description = "The workspace is the organization's.")))]
pub(crate) async fn assign(
    State(app): State<AppState>,
    Path((name, workspace)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let row = organizations::find(&app, &name).await?;
    let missing = || ApiError::workspace_not_found(&workspace);
    let found = workspace::find(&app, &workspace).await?.ok_or_else(missing)?;
    if !app.database.assign_organization(found.id(), &row.id).await? {
        return Err(missing());
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Takes a workspace from an organization.
#[utoipa::path(delete, path = "/api/v3/organizations/{organization}/workspaces/{workspace}", tag = "Organizations",
    responses((status = 204, description = "The workspace is nobody's.")))]
pub(crate) async fn unassign(
    State(app): State<AppState>,
    Path((name, workspace)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let row = organizations::find(&app, &name).await?;
    let found = workspace::find(&app, &workspace).await?;
    let found = found.ok_or_else(|| ApiError::workspace_not_found(&workspace))?;
    if !app.database.unassign_organization(found.id(), &row.id).await? {
        let detail = format!("workspace {} is not of organization {}", found.name(), row.name);
        return Err(ApiError::not_found("workspace_not_assigned", detail));
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn object(row: &OrganizationRow) -> Result<Value, ApiError> {
    serde_json::to_value(Organization::of(row)?).map_err(ApiError::internal)
}
