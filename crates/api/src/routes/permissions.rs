//! `/workspaces/{workspace}/permissions` and `/my-permissions`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use workstead_core::role::Role;
use workstead_core::workspace_file::Subject;

use crate::access::Permit;
use crate::app::AppState;
use crate::error::ApiError;
use crate::paging::Page;
use crate::query::Query;
use crate::schema::{Page as PageOf, PageQuery};
use crate::{reply, view};

/// A role on the workspace, and whose it is.
#[derive(Serialize, ToSchema)]
pub(crate) struct PermissionRow {
    /// `readonly`, `readandrun`, `readandrunwithassistant`, `readwrite` or `admin`.
    #[schema(value_type = String)]
    role: Role,
    /// The same as `role`, by the name that other clients read.
    #[schema(value_type = String)]
    permission: Role,
    /// The e-mail address of whose it is; either this or `group`.
    #[schema(required)]
    user: Option<String>,
    /// The group of this server whose members have it.
    #[schema(required)]
    group: Option<String>,
    /// Whether it comes by owning the workspace.
    owner: bool,
}

/// Lists who has which role: the owner, then what `spec.permissions` of the default branch says.
///
/// An entry whose role is unknown grants nothing and is left out.
#[utoipa::path(get, path = "/api/v3/workspaces/{workspace}/permissions", tag = "People", params(PageQuery),
    responses((status = 200, description = "One page.", body = PageOf<PermissionRow>)))]
pub(crate) async fn list(
    State(app): State<AppState>,
    Permit { workspace, .. }: Permit,
    query: Query,
) -> Result<Response, ApiError> {
    let page = Page::of(&query)?;
    let view = view::of_head(&app, &workspace).await?;
    let owner = PermissionRow {
        role: Role::Admin,
        permission: Role::Admin,
        user: Some(workspace.owner().to_owned()),
        group: None,
        owner: true,
    };
    let rows: Vec<_> = std::iter::once(owner).chain(view.roles().iter().map(row)).collect();
    let results: Vec<_> = page.cut(&rows)?.iter().map(|row| json!(row)).collect();
    let here = app.url(&format!("/api/v3/workspaces/{}/permissions", workspace.name()));
    page.answer(&here, rows.len() as u64, &query, &results)
}

fn row((subject, role): &(Subject, Role)) -> PermissionRow {
    let (user, group) = match subject {
        Subject::User(email) => (Some(email.clone()), None),
        Subject::Group(name) => (None, Some(name.clone())),
    };
    PermissionRow { role: *role, permission: *role, user, group, owner: false }
}

/// Lists the caller's roles on the workspace: their own first, then all lesser ones, which it includes.
#[utoipa::path(get, path = "/api/v3/workspaces/{workspace}/my-permissions", tag = "People",
    responses((status = 200, description = "All of them.", body = Vec<String>)))]
pub(crate) async fn mine(permit: Permit) -> Response {
    reply::json(StatusCode::OK, &json!(permit.roles()))
}
