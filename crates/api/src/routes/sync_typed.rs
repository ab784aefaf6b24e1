//! `/api/v4`: SLXs written as typed payloads, each by one commit on the default branch.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use workstead_core::slx_config::{RunbookPayload, SliPayload, SloPayload};

use crate::access::Permit;
use crate::app::AppState;
use crate::body::read_object_if_any;
use crate::commit::WriteRequest;
use crate::context::RequestContext;
use crate::error::{ApiError, ErrorBody};
use crate::fields::Fields;
use crate::slxs::sync::{self, PartPayload, TypedBody};
use crate::slxs::write::{self, Change, Effect, SlxChange, SlxRef, SlxWritten, read_message};
use crate::{reply, schema, workspace};

/// What became of an SLX.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SlxSynced {
    status: Effect,
    /// `<workspace>--<short name>`.
    name: String,
    /// The SLX's number, for the payloads of its parts.
    resource_id: i64,
    /// The commit that the default branch is at.
    hexsha: String,
}

/// What became of a part of an SLX.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PartSynced {
    status: Effect,
    /// The SLX's number.
    slx_id: i64,
    /// The commit that the default branch is at.
    hexsha: String,
}

/// What became of an SLX that was removed.
#[derive(Serialize, ToSchema)]
pub(crate) struct SlxRemoved {
    status: Effect,
    /// `<workspace>--<short name>`.
    name: String,
    /// The commit that the default branch is at.
    hexsha: String,
}

/// Writes an SLX.
///
/// One that is there keeps what the payload does not name. Keys may be in `snake_case` or in `camelCase`.
#[utoipa::path(post, path = "/api/v4/workspaces/{workspace}/slxs/sync-typed", tag = "SLXs",
    request_body = schema::Typed<schema::SlxFields>,
    params(("If-Match" = Option<String>, Header, description = "The tag of the answer that the change is of.")),
    responses(
        (status = 200, description = "The SLX was there.", body = SlxSynced),
        (status = 201, description = "The SLX is new.", body = SlxSynced),
        (status = 412, description = "The branch is not at the commit of `If-Match`.", body = ErrorBody),
    ))]
pub(crate) async fn sync_slx(
    State(app): State<AppState>,
    permit: Permit,
    context: RequestContext,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let (request, body) = read(&app, permit, context, &headers, body).await?;
    let (shared, state) = (request.workspace.clone(), app.clone());
    let write = async move { sync::sync_slx(&state, request, body).await };
    let (SlxWritten { slx, effect, commit }, resource_id) = workspace::to_end(&app, &shared, write).await?;
    let name = slx.qualified(shared.name());
    answer(effect, &SlxSynced { status: effect, name, resource_id, hexsha: commit.to_string() })
}

/// Writes the runbook of an SLX.
///
/// One that is there keeps what the payload does not name. Keys may be in `snake_case` or in `camelCase`.
#[utoipa::path(post, path = "/api/v4/workspaces/{workspace}/runbooks/sync-typed", tag = "SLXs",
    request_body = schema::Typed<schema::RunbookFields>,
    params(("If-Match" = Option<String>, Header, description = "The tag of the answer that the change is of.")),
    responses(
        (status = 200, description = "The SLX had a runbook.", body = PartSynced),
        (status = 201, description = "The runbook is new.", body = PartSynced),
        (status = 412, description = "The branch is not at the commit of `If-Match`.", body = ErrorBody),
    ))]
pub(crate) async fn sync_runbook(
    app: State<AppState>,
    permit: Permit,
    context: RequestContext,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    sync_part::<RunbookPayload>(app, permit, context, headers, body).await
}

/// Writes the indicator of an SLX.
///
/// One that is there keeps what the payload does not name. Keys may be in `snake_case` or in `camelCase`.
#[utoipa::path(post, path = "/api/v4/workspaces/{workspace}/slis/sync-typed", tag = "SLXs",
    request_body = schema::Typed<schema::SliFields>,
    params(("If-Match" = Option<String>, Header, description = "The tag of the answer that the change is of.")),
    responses(
        (status = 200, description = "The SLX had an indicator.", body = PartSynced),
        (status = 201, description = "The indicator is new.", body = PartSynced),
        (status = 412, description = "The branch is not at the commit of `If-Match`.", body = ErrorBody),
    ))]
pub(crate) async fn sync_sli(
    app: State<AppState>,
    permit: Permit,
    context: RequestContext,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    sync_part::<SliPayload>(app, permit, context, headers, body).await
}

/// Writes the objective of an SLX.
///
/// One that is there keeps what the payload does not name. Keys may be in `snake_case` or in `camelCase`.
#[utoipa::path(post, path = "/api/v4/workspaces/{workspace}/slos/sync-typed", tag = "SLXs",
    request_body = schema::Typed<schema::SloFields>,
    params(("If-Match" = Option<String>, Header, description = "The tag of the answer that the change is of.")),
    responses(
        (status = 200, description = "The SLX had an objective.", body = PartSynced),
        (status = 201, description = "The objective is new.", body = PartSynced),
        (status = 412, description = "The branch is not at the commit of `If-Match`.", body = ErrorBody),
    ))]
pub(crate) async fn sync_slo(
    app: State<AppState>,
    permit: Permit,
    context: RequestContext,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    sync_part::<SloPayload>(app, permit, context, headers, body).await
}

/// Removes an SLX.
///
/// The whole directory goes, and what names the SLX in groups and relationships.
#[utoipa::path(delete, path = "/api/v4/workspaces/{workspace}/slxs/{slx}", tag = "SLXs",
    request_body = Option<schema::Message>,
    params(("If-Match" = Option<String>, Header, description = "The tag of the answer that the change is of.")),
    responses(
        (status = 200, description = "It is gone.", body = SlxRemoved),
        (status = 412, description = "The branch is not at the commit of `If-Match`.", body = ErrorBody),
    ))]
pub(crate) async fn delete(
    State(app): State<AppState>,
    permit: Permit,
    context: RequestContext,
    Path((_, slx)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let mut body = Fields::of(read_object_if_any(&headers, body, app.json_limit(), &app.work).await?);
    let message = read_message(&mut body)?;
    body.finish()?;
    let change = SlxChange { slx: SlxRef::Text(slx), change: Change::Delete, message };
    let request = on_default(&app, permit, context, &headers).await?;
    let (shared, state) = (request.workspace.clone(), app.clone());
    let write = async move { write::write(&state, request, change).await };
    let SlxWritten { slx, effect, commit } = workspace::to_end(&app, &shared, write).await?;
    let name = slx.qualified(shared.name());
    answer(effect, &SlxRemoved { status: effect, name, hexsha: commit.to_string() })
}

async fn sync_part<P: PartPayload>(
    State(app): State<AppState>,
    permit: Permit,
    context: RequestContext,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let (request, body) = read(&app, permit, context, &headers, body).await?;
    let (shared, state) = (request.workspace.clone(), app.clone());
    let write = async move { sync::sync_part::<P>(&state, request, body).await };
    let (SlxWritten { effect, commit, .. }, slx_id) = workspace::to_end(&app, &shared, write).await?;
    answer(effect, &PartSynced { status: effect, slx_id, hexsha: commit.to_string() })
}

/// Reads the body, and asks again whether the caller may write.
async fn read(
    app: &AppState,
    permit: Permit,
    context: RequestContext,
    headers: &HeaderMap,
    body: Body,
) -> Result<(WriteRequest, TypedBody), ApiError> {
    let mut body = Fields::read(app, headers, body).await?;
    let message = read_message(&mut body)?;
    let Some(Value::Object(payload)) = body.value("payload") else {
        return Err(ApiError::invalid("invalid_payload", "the field payload must be an object"));
    };
    body.finish()?;
    Ok((on_default(app, permit, context, headers).await?, TypedBody { payload, message }))
}

async fn on_default(
    app: &AppState,
    permit: Permit,
    context: RequestContext,
    headers: &HeaderMap,
) -> Result<WriteRequest, ApiError> {
    // Asked again: the body may have taken long to come.
    let permit = permit.renewed(app).await?;
    let branch = permit.workspace.branch().clone();
    Ok(WriteRequest::new(permit, branch, context, headers))
}

fn answer(effect: Effect, body: &impl Serialize) -> Result<Response, ApiError> {
    let status = if effect == Effect::Created { StatusCode::CREATED } else { StatusCode::OK };
    Ok(reply::json(status, &serde_json::to_value(body).map_err(ApiError::internal)?))
}
