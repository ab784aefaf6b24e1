//! `workstead admin reindex`: the index made anew from Git.

use serde::Serialize;

use super::{Admin, AdminError};
use crate::app::AppState;
use crate::error::ApiError;
use crate::store::workspaces::WorkspaceRow;
use crate::{index, workspace};

/// What was made anew, and what could not be.
#[derive(Debug, Default, Serialize)]
pub struct Reindexed {
    /// How many workspaces were read.
    pub workspaces: usize,
    /// Workspaces whose repository can't be read, with the reason.
    pub failed: Vec<(String, String)>,
}

impl Admin {
    /// Reads every workspace's head and writes what lists and counts are made of; twice is fine.
    pub async fn reindex(&self) -> Result<Reindexed, AdminError> {
        let mut done = Reindexed::default();
        for row in self.app.database.all_workspaces().await? {
            let name = row.name.to_string();
            match rebuild(&self.app, row).await {
                Ok(()) => done.workspaces += 1,
                // One broken repository must not keep the others from being read.
                Err(error) => done.failed.push((name, AdminError::from(error).to_string())),
            }
        }
        Ok(done)
    }
}

async fn rebuild(app: &AppState, row: WorkspaceRow) -> Result<(), ApiError> {
    let workspace = workspace::open(app, row).await?;
    index::rebuild(app, &workspace).await
}
