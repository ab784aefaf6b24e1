//! What an administrator does to a stopped server's data: check and rebuild the index, examine repositories,
//! move workspaces.
//!
//! The data directory is locked as long as an [`Admin`] lives, so that no server runs beside it.

mod archive;
mod check;
mod export;
mod fsck;
mod import;
mod reindex;

use std::path::PathBuf;

use url::Url;
use workstead_core::name::WorkspaceName;

pub(crate) use self::archive::Upload as ArchivedUpload;
pub use self::check::{Difference, IndexCheck};
pub use self::fsck::{Problem, RepositoryCheck};
pub use self::import::Imported;
pub use self::reindex::Reindexed;
use crate::app::AppState;
use crate::data_dir::DataDir;
use crate::error::ApiError;
use crate::server::{StartError, open_app};
use crate::settings::Settings;
pub use workstead_core::repository::{Finding, Severity};

/// Why an administrator's command failed.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The data can't be opened.
    #[error(transparent)]
    Start(#[from] StartError),
    /// No workspace has this name.
    #[error("there is no workspace {0:?}")]
    NoWorkspace(String),
    /// The workspace is there already.
    #[error("there is a workspace {0} already; delete it first, or import on another server")]
    Exists(WorkspaceName),
    /// A file is not what [`Admin::export`] writes.
    #[error("{path:?} is no export of a workspace: {reason}")]
    NotAnExport {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file can't be read or written; the message names it.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// What should not fail did.
    #[error("{0}")]
    Failed(String),
}

impl From<ApiError> for AdminError {
    fn from(error: ApiError) -> Self {
        Self::Failed(error.cause().map_or_else(|| error.detail().to_owned(), ToString::to_string))
    }
}

impl From<sqlx::Error> for AdminError {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(format!("the database failed: {error}"))
    }
}

/// A data directory without a server.
pub struct Admin {
    app: AppState,
    data: DataDir,
}

impl Admin {
    /// Opens the data directory; a server that runs on it is in the way.
    pub async fn open(settings: Settings) -> Result<Self, AdminError> {
        let data = DataDir::open(&settings.data_dir).map_err(StartError::from)?;
        // Nothing is answered to anybody, so the address does not matter.
        let url = Url::parse("http://localhost").map_err(|error| AdminError::Failed(error.to_string()))?;
        let app = open_app(settings, url, &data).await?;
        Ok(Self { app, data })
    }

    /// Closes the database in order.
    pub async fn close(self) {
        self.app.work.finish().await;
        self.app.database.close().await;
    }
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Admin").finish_non_exhaustive()
    }
}
