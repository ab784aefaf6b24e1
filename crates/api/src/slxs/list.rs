//! The list of SLXs.

use std::sync::Arc;

use serde_json::Value;
use workstead_core::oid::CommitId;
use workstead_core::slx_config::{SlxDocument, SlxFilter, SlxPage, list_slx_page};

use super::{Slx, ids};
use crate::app::AppState;
use crate::error::ApiError;
use crate::paging::Page;
use crate::query::Query;
use crate::workspace::Workspace;

/// Reads which SLXs a list is to show.
///
/// Tags and owners may be given several times, or with commas between.
pub(crate) fn read_filter(query: &Query) -> SlxFilter {
    let text = |name: &str| query.text(name).map(str::to_owned);
    let texts = |name: &str| {
        let given = query.pairs().filter(|(known, _)| *known == name);
        let parts = given.flat_map(|(_, value)| value.split(',')).map(str::trim);
        parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
    };
    SlxFilter {
        search: text("search"),
        tags: texts("tags"),
        owners: texts("owners"),
        resource_type: text("resource_type"),
        resource_path_prefix: text("resource_path_prefix"),
    }
}

/// Returns how many SLXs of a commit match a filter, and one page of them by short name.
pub(crate) async fn list(
    app: &AppState,
    workspace: &Arc<Workspace>,
    commit: CommitId,
    filter: SlxFilter,
    page: Page,
) -> Result<(u64, Vec<Value>), ApiError> {
    let (state, shared) = (app.clone(), Arc::clone(workspace));
    let found = app.work.blocking(move || matching(&state, &shared, commit, &filter, page));
    let (count, documents) = found.await??;
    let names: Vec<String> = documents.iter().map(|document| document.short.clone()).collect();
    let numbers = ids::of(app, workspace, &names).await?;
    let shared = Arc::clone(workspace);
    // What SLXs say may be long, so it is not put into the answer on an async thread either.
    let rendered = app.work.blocking(move || {
        let row = |document: &SlxDocument| {
            let number = numbers.get(&document.short).copied();
            let number =
                number.ok_or_else(|| ApiError::internal(format!("{} has no number", document.short)))?;
            serde_json::to_value(Slx::new(shared.name(), document, number)).map_err(ApiError::internal)
        };
        documents.iter().map(row).collect::<Result<Vec<_>, _>>()
    });
    Ok((count, rendered.await??))
}

fn matching(
    app: &AppState,
    workspace: &Workspace,
    commit: CommitId,
    filter: &SlxFilter,
    page: Page,
) -> Result<(u64, Vec<SlxDocument>), ApiError> {
    let snapshot = workspace.repository().snapshot(commit)?;
    let first = usize::try_from(page.offset).unwrap_or(usize::MAX);
    let end = first.saturating_add(usize::try_from(page.size).unwrap_or(usize::MAX));
    let SlxPage { count, slxs } =
        list_slx_page(workspace.name(), &*snapshot, &app.facts, filter, first..end)?;
    page.check(count as u64)?;
    Ok((count as u64, slxs))
}
