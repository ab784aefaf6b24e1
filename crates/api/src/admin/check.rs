//! `workstead admin check`: the index against Git.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use super::{Admin, AdminError};
use crate::app::AppState;
use crate::slxs::ids;
use crate::store::workspaces::WorkspaceRow;
use crate::view;
use crate::workspace::{self, repository_id};

/// What the check looked at and found.
#[derive(Debug, Default, Serialize)]
pub struct IndexCheck {
    /// How many workspaces were compared.
    pub workspaces: usize,
    /// Where the index and Git differ.
    pub differences: Vec<Difference>,
}

/// One place where the index says something else than Git.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The workspace's name, or the id of a repository that no workspace has.
    pub workspace: String,
    /// What differs.
    pub what: &'static str,
    /// What the index has.
    pub index: String,
    /// What Git has.
    pub git: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { workspace, what, index, git } = self;
        write!(formatter, "{workspace}: {what}: the index has {index}, Git has {git}")
    }
}

impl Admin {
    /// Compares what lists and counts are made of with what Git holds; changes nothing.
    pub async fn check(&self) -> Result<IndexCheck, AdminError> {
        let rows = self.app.database.all_workspaces().await?;
        let mut check = IndexCheck { workspaces: rows.len(), differences: Vec::new() };
        let mut orphans: BTreeSet<_> =
            self.app.repositories.ids().map_err(super::ApiError::from)?.into_iter().collect();
        // A creation or deletion that was cut short is finished by the next start.
        for id in self.app.database.unfinished_workspaces().await? {
            orphans.remove(&repository_id(&id)?);
        }
        for row in rows {
            orphans.remove(&repository_id(&row.id)?);
            compare(&self.app, row, &mut check.differences).await?;
        }
        check.differences.extend(orphans.into_iter().map(|id| Difference {
            workspace: id.to_string(),
            what: "repository",
            index: "none".to_owned(),
            git: "one that no workspace has".to_owned(),
        }));
        Ok(check)
    }
}

async fn compare(
    app: &AppState,
    row: WorkspaceRow,
    differences: &mut Vec<Difference>,
) -> Result<(), AdminError> {
    let name = row.name.to_string();
    let mut differ = |what, index: String, git: String| {
        if index != git {
            differences.push(Difference { workspace: name.clone(), what, index, git });
        }
    };
    let members = app.database.members(&row.id).await?;
    let (revision, display_name, locations) =
        (row.revision.clone(), row.display_name.clone(), row.locations.clone());
    let groups = app.database.workspace_groups(&row.id).await?;
    let read = async {
        let workspace = workspace::open(app, row).await?;
        let view = view::of_head(app, &workspace).await?;
        let unnumbered = ids::missing(app, &workspace, view.commit).await?;
        Ok::<_, super::ApiError>((view, unnumbered))
    };
    let (view, unnumbered) = match read.await {
        Ok(read) => read,
        Err(error) => {
            let why = error.cause().map_or_else(|| error.detail().to_owned(), ToString::to_string);
            differ("repository", "one".to_owned(), format!("what can't be read: {why}"));
            return Ok(());
        }
    };
    let git = view.indexed();
    differ("revision", revision.unwrap_or_else(none), git.revision);
    differ("display name", display_name.unwrap_or_else(none), git.display_name.unwrap_or_else(none));
    differ("locations", list(&locations), list(&git.locations));
    differ("members", list(&members), list(&sorted(git.members)));
    differ("groups", list(&groups), list(&sorted(git.groups)));
    differ("numbers of SLXs", none(), list(&unnumbered));
    Ok(())
}

/// Sorts as the database does, each once.
fn sorted(words: Vec<String>) -> Vec<String> {
    BTreeSet::from_iter(words).into_iter().collect()
}

fn none() -> String {
    "none".to_owned()
}

fn list(words: &[String]) -> String {
    if words.is_empty() { none() } else { words.join(", ") }
}
