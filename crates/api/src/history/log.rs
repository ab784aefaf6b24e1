//! Which commits there are.

use std::sync::Arc;

use jiff::Timestamp;
use workstead_core::oid::CommitId;
use workstead_core::repository::{CommitFilter, CommitInfo};

use crate::app::AppState;
use crate::error::ApiError;
use crate::paging::Page;
use crate::query::Query;
use crate::workspace::Workspace;

/// Most commits that are looked at when only some are wanted.
const LOOKED_AT: usize = 20_000;

/// A page of commits.
#[derive(Debug)]
pub(crate) struct Logged {
    /// How many there are on all pages.
    pub(crate) count: u64,
    /// Those of the page, the newest first.
    pub(crate) commits: Vec<CommitInfo>,
    /// Whether older ones were not looked at.
    pub(crate) truncated: bool,
}

/// What was asked for before: in which repository, from where, by which filter.
pub(super) type Asked = (String, CommitId, CommitFilter);

/// What was found.
#[derive(Debug)]
pub(super) struct Found {
    commits: Vec<CommitId>,
    is_whole: bool,
}

impl Found {
    pub(super) fn weight(&self) -> u32 {
        u32::try_from(self.commits.len() * size_of::<CommitId>() + 400).unwrap_or(u32::MAX)
    }
}

/// Reads which commits are asked for.
pub(crate) fn filter(query: &Query) -> Result<CommitFilter, ApiError> {
    let time =
        |name| query.parsed(name, "a time like 2026-11-24T06:00:00Z", |text| text.parse::<Timestamp>().ok());
    let path = query.text("path").map(|path| path.trim_matches('/').to_owned());
    let slx = query.text("slx").map(|slx| format!("slxs/{slx}"));
    if path.is_some() && slx.is_some() {
        let detail = "the parameters path and slx can't be given together; an SLX is the path slxs/<name>";
        return Err(ApiError::bad_request("invalid_parameter", detail));
    }
    Ok(CommitFilter {
        path: path.or(slx).filter(|path| !path.is_empty()),
        author: query.text("author").map(str::to_owned),
        since: time("since")?,
        until: time("until")?,
    })
}

/// Lists commits that lead to one.
pub(crate) async fn log(
    app: &AppState,
    workspace: &Arc<Workspace>,
    from: CommitId,
    filter: CommitFilter,
    page: Page,
) -> Result<Logged, ApiError> {
    let (state, workspace) = (app.clone(), Arc::clone(workspace));
    let logged = move || {
        if filter == CommitFilter::default() {
            return all(&workspace, from, page);
        }
        let repository = workspace.repository();
        let key = (workspace.id().to_owned(), from, filter);
        let found = if let Some(found) = state.history.found.get(&key) {
            found
        } else {
            let (commits, is_whole) = repository.find_commits(from, &key.2, LOOKED_AT)?;
            let found = Arc::new(Found { commits, is_whole });
            state.history.found.insert(key, Arc::clone(&found));
            found
        };
        let commits = page.cut(&found.commits)?.iter().map(|id| repository.commit_info(*id));
        Ok(Logged {
            count: found.commits.len() as u64,
            commits: commits.collect::<Result<_, _>>()?,
            truncated: !found.is_whole,
        })
    };
    app.work.blocking(logged).await?
}

fn all(workspace: &Workspace, from: CommitId, page: Page) -> Result<Logged, ApiError> {
    let repository = workspace.repository();
    let count = repository.count_commits(from, None)?;
    page.check(count)?;
    let place = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let commits = repository.log(from, place(page.offset), place(page.size))?;
    Ok(Logged { count, commits, truncated: false })
}
