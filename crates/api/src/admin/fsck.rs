//! `workstead admin fsck`: whether the repositories are whole, by `git fsck` and our own rules.

use std::collections::BTreeSet;

use serde::Serialize;
use workstead_core::repository::{Finding, RepositoryId, Severity};

use super::{Admin, AdminError};
use crate::error::ApiError;
use crate::store::workspaces::WorkspaceRow;
use crate::workspace::{default_branch, repository_id};

/// What was examined, and what is wrong with it.
#[derive(Debug, Default, Serialize)]
pub struct RepositoryCheck {
    /// How many workspaces were examined.
    pub workspaces: usize,
    /// What is not as it should be.
    pub problems: Vec<Problem>,
}

/// Something that is wrong with a workspace's repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The workspace's name, or the id of a repository that no workspace has.
    pub workspace: String,
    /// The directory of the repository below the data directory.
    pub repository: String,
    /// What is wrong, how bad it is, and what to do.
    #[serde(flatten)]
    pub finding: Finding,
}

impl RepositoryCheck {
    /// Tells whether something is lost, or will not work.
    pub fn has_errors(&self) -> bool {
        self.problems.iter().any(|problem| problem.finding.severity == Severity::Error)
    }

    fn add(&mut self, workspace: &str, repository: &str, finding: Finding) {
        let repository = format!("repositories/{repository}.git");
        self.problems.push(Problem { workspace: workspace.to_owned(), repository, finding });
    }
}

impl Admin {
    /// Examines the repositories of these workspaces, of all when none is named; changes nothing.
    ///
    /// `progress` is told before each how many are done, of how many, and its name. One that is broken keeps none of the
    /// others from being examined.
    pub async fn fsck(
        &self,
        names: &[String],
        progress: &(dyn Fn(usize, usize, &str) + Send + Sync),
    ) -> Result<RepositoryCheck, AdminError> {
        let mut rows = self.app.database.all_workspaces().await?;
        let mut check = RepositoryCheck::default();
        if names.is_empty() {
            self.find_orphans(&rows, &mut check).await?;
        } else {
            for name in names {
                if !rows.iter().any(|row| row.name.as_str() == name) {
                    return Err(AdminError::NoWorkspace(name.clone()));
                }
            }
            rows.retain(|row| names.iter().any(|name| row.name.as_str() == name));
        }
        check.workspaces = rows.len();
        for (done, row) in rows.iter().enumerate() {
            progress(done, rows.len(), row.name.as_str());
            for finding in self.examine(row).await? {
                check.add(row.name.as_str(), &row.id, finding);
            }
        }
        Ok(check)
    }

    async fn examine(&self, row: &WorkspaceRow) -> Result<Vec<Finding>, AdminError> {
        let (app, id) = (self.app.clone(), repository_id(&row.id)?);
        let examined = self.app.work.blocking(move || app.repositories.fsck(&id, &default_branch()));
        Ok(match examined.await? {
            Ok(findings) => findings,
            Err(error) => {
                let cure = "see that `git` 2.39 or later can be run, and try again";
                vec![Finding::error(format!("it can't be examined: {error}"), cure)]
            }
        })
    }

    /// Finds repositories that no workspace has.
    async fn find_orphans(
        &self,
        rows: &[WorkspaceRow],
        check: &mut RepositoryCheck,
    ) -> Result<(), AdminError> {
        let app = self.app.clone();
        let ids = self.app.work.blocking(move || app.repositories.ids()).await?;
        let mut orphans: BTreeSet<RepositoryId> = ids.map_err(ApiError::from)?.into_iter().collect();
        for row in rows {
            orphans.remove(&repository_id(&row.id)?);
        }
        // A creation or deletion that was cut short is finished by the next start.
        for id in self.app.database.unfinished_workspaces().await? {
            orphans.remove(&repository_id(&id)?);
        }
        for id in orphans {
            let cure = "see what it holds (`git log`), then move it away";
            let finding = Finding::warning("no workspace has this repository", cure);
            check.add(id.as_str(), id.as_str(), finding);
        }
        Ok(())
    }
}
