//! `/workspaces/{workspace}/workspace-configuration-index`.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use bytes::Bytes;
use serde::Serialize;
use utoipa::ToSchema;
use workstead_core::oid::CommitId;
use workstead_core::slx_config::{ConfigurationIndex, configuration_index};

use crate::access::Permit;
use crate::app::AppState;
use crate::error::ApiError;
use crate::query::Query;
use crate::revision::{etag, is_unmodified};
use crate::{reply, workspace};

/// Everything that is configured, at a glance.
#[derive(Serialize)]
struct Index {
    /// The commit that it was read from.
    revision: CommitId,
    #[serde(flatten)]
    index: ConfigurationIndex,
}

/// Everything that is configured, at a glance.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes the core's type")]
pub(crate) struct WorkspaceConfigurationIndex {
    /// The commit that it was read from.
    revision: String,
    workspace: String,
    /// How many there are: `slxs`, `runbooks`, `slis`, `slos`, `workflows`, `groups`, `relationships`.
    counts: BTreeMap<String, u64>,
    slxs: Vec<IndexedSlx>,
    groups: Vec<IndexedGroup>,
    relationships: Vec<IndexedRelationship>,
}

/// An SLX in the index.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "it describes the core's type")]
pub(crate) struct IndexedSlx {
    /// `<workspace>--<short name>`.
    name: String,
    short_name: String,
    alias: String,
    /// What it consists of: `slx`, `runbook`, `sli`, `slo`, `workflow`.
    kinds: Vec<String>,
    has_runbook: bool,
    has_sli: bool,
    has_slo: bool,
    has_workflow: bool,
    /// The groups that it is in.
    groups: Vec<String>,
    resource_path: Option<String>,
    resource_type: Option<String>,
}

/// A group in the index.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "it describes the core's type")]
pub(crate) struct IndexedGroup {
    name: String,
    slxs: Vec<String>,
    depends_on: Vec<String>,
}

/// A relationship in the index.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes the core's type")]
pub(crate) struct IndexedRelationship {
    subject: String,
    verb: String,
    object: String,
}

/// Lists everything that is configured, at a glance.
///
/// All SLXs with what they consist of, the groups and relationships, and how many there are of each.
#[utoipa::path(get, path = "/api/v3/workspaces/{workspace}/workspace-configuration-index", tag = "SLXs",
    params(("ref" = Option<String>, Query, description = "A branch, tag or commit.")),
    responses(
        (status = 200, description = "The index.", body = WorkspaceConfigurationIndex,
            headers(("ETag", description = "The commit that it was read from."))),
        (status = 304, description = "`If-None-Match` names this very answer."),
    ))]
pub(crate) async fn get(
    State(app): State<AppState>,
    Permit { workspace, .. }: Permit,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let revision = workspace::revision(&app, &workspace, &query).await?;
    let tag = etag(revision, 0);
    if is_unmodified(&headers, &tag) {
        return Ok(reply::revisioned(&headers, tag, Bytes::new));
    }
    let (state, shared) = (app.clone(), Arc::clone(&workspace));
    let body = app.work.blocking(move || {
        let snapshot = shared.repository().snapshot(revision)?;
        let index = configuration_index(shared.name(), &*snapshot, &state.facts)?;
        serde_json::to_vec(&Index { revision, index }).map_err(ApiError::internal)
    });
    let body = Bytes::from(body.await??);
    Ok(reply::revisioned(&headers, tag, || body))
}
