//! `/workspaces/{workspace}/slxoptions`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use bytes::Bytes;
use serde_json::{Value, json};
use workstead_core::model::{FileKind, slx_directory};
use workstead_core::tree::FileTree;

use crate::access::Permit;
use crate::app::AppState;
use crate::error::ApiError;
use crate::query::Query;
use crate::reply;
use crate::revision::etag;
use crate::schema::SlxOption as ChoiceOfSlx;
use crate::workspace::Workspace;

/// Lists the SLXs as choices: the short name is the value, the alias the label.
#[utoipa::path(get, path = "/api/v3/workspaces/{workspace}/slxoptions", tag = "SLXs",
    params(
        ("search" = Option<String>, Query, description = "What the alias or the short name holds."),
        ("limit" = Option<u64>, Query, minimum = 1, description = "How many to answer, all unless told."),
    ),
    responses(
        (status = 200, description = "All of them, by label.", body = [ChoiceOfSlx]),
        (status = 304, description = "`If-None-Match` names this very answer."),
    ))]
pub(crate) async fn list(
    State(app): State<AppState>,
    Permit { workspace, .. }: Permit,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let head = workspace.head()?;
    let limit =
        query.positive("limit")?.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let search = query.text("search").map(str::to_lowercase);
    let (state, shared) = (app.clone(), Arc::clone(&workspace));
    let options = app.work.blocking(move || {
        let mut options = options(&state, &shared, head)?;
        if let Some(search) = search {
            options.retain(|option| option.matches(&search));
        }
        options.truncate(limit);
        Ok::<_, ApiError>(options.iter().map(SlxOption::to_json).collect::<Value>())
    });
    let options = options.await??;
    // The query belongs to the address, so the commit alone tells two answers apart.
    Ok(reply::revisioned(&headers, etag(head, 0), || Bytes::from(options.to_string())))
}

struct SlxOption {
    label: String,
    value: String,
}

impl SlxOption {
    fn matches(&self, search: &str) -> bool {
        self.label.to_lowercase().contains(search) || self.value.to_lowercase().contains(search)
    }

    fn to_json(&self) -> Value {
        json!({ "value": self.value, "label": self.label })
    }
}

fn options(
    app: &AppState,
    workspace: &Workspace,
    commit: workstead_core::oid::CommitId,
) -> Result<Vec<SlxOption>, ApiError> {
    let snapshot = workspace.repository().snapshot(commit)?;
    let mut options = Vec::new();
    for (path, id) in snapshot.files() {
        let (FileKind::Slx, Some((value, _))) = (FileKind::of(path), slx_directory(path)) else { continue };
        let facts = app.facts.slx(*id, || snapshot.read(*id))?;
        let label = facts.alias.clone().unwrap_or_else(|| value.to_owned());
        options.push(SlxOption { label, value: value.to_owned() });
    }
    options.sort_by_cached_key(|option| (option.label.to_lowercase(), option.value.clone()));
    Ok(options)
}
