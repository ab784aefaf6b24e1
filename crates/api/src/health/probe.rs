//! One look at each dependency.

use std::time::Duration;

use workstead_core::name::BranchName;
use workstead_core::oid::CommitId;
use workstead_core::repository;
use workstead_presign::ObjectStore;

use super::{Asked, Dependency, PATIENCE, ask};
use crate::app::AppState;
use crate::error::{ApiError, one_line};
use crate::health::report::HealthStatus;
use crate::metrics::StoreOperation;
use crate::store::workspaces::WorkspaceRow;
use crate::workspace::repository_id;

/// What a look at a dependency showed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Seen {
    pub(super) standing: HealthStatus,
    /// What is wrong, in words for everybody.
    pub(super) message: Option<String>,
    /// How long it took to answer; nothing when it did not.
    pub(super) latency: Option<Duration>,
}

impl Seen {
    fn well(latency: Duration) -> Self {
        Self { standing: HealthStatus::Healthy, message: None, latency: Some(latency) }
    }

    fn ill(standing: HealthStatus, message: impl Into<String>, latency: Option<Duration>) -> Self {
        Self { standing, message: Some(message.into()), latency }
    }

    fn hangs(standing: HealthStatus, what: &str) -> Self {
        Self::ill(standing, format!("{what} did not answer within {} seconds", PATIENCE.as_secs()), None)
    }

    /// Keeps what is wrong as the dependency's last failure.
    fn noted(self, app: &AppState, row: &WorkspaceRow, dependency: Dependency) -> Self {
        if let Some(message) = &self.message {
            app.health.note_failure(&row.id, dependency, message);
        }
        self
    }
}

/// Reads the head from the disk.
pub(super) async fn repository(app: &AppState, row: &WorkspaceRow, branch: BranchName) -> Seen {
    let (state, id) = (app.clone(), row.id.clone());
    let name = row.name.clone();
    let probe = async move {
        let id = repository_id(&id)?;
        let work = state.work.clone();
        let probed: Result<CommitId, repository::Error> =
            work.blocking(move || state.repositories.probe(&id, &branch)).await?;
        Ok(probed.map_err(|error| {
            tracing::error!(workspace = %name, cause = %causes(&error), "the repository of a workspace can't be read");
            said(&error)
        }))
    };
    let seen = match ask(app, format!("repository/{}", row.id), probe).await {
        Asked::Answered(Ok(Ok(_)), latency) => Seen::well(latency),
        Asked::Answered(Ok(Err(message)), latency) => {
            Seen::ill(HealthStatus::Unhealthy, message, Some(latency))
        }
        Asked::Answered(Err(error), latency) => {
            logged("the repository", &error);
            Seen::ill(
                HealthStatus::Unhealthy,
                "the repository can't be read; the server's log has the cause",
                Some(latency),
            )
        }
        Asked::Hangs => Seen::hangs(HealthStatus::Unhealthy, "the repository's disk"),
    };
    seen.noted(app, row, Dependency::Repository)
}

/// Reads a row of the database, and asks whether it could be written.
pub(super) async fn database(app: &AppState, row: &WorkspaceRow) -> Seen {
    let (state, id) = (app.clone(), row.id.clone());
    let read = async move { Ok(state.database.probe_read(&id).await?) };
    let (state, id) = (app.clone(), row.id.clone());
    let write = async move { Ok(state.database.probe_write(&id).await?) };
    // Both at once: a database that can be read but not written is told from one that is away.
    let (read, write) = tokio::join!(
        ask(app, "database/read".to_owned(), read),
        ask(app, "database/write".to_owned(), write)
    );
    let seen = match (read, write) {
        (Asked::Answered(Ok(_), latency), Asked::Answered(Ok(()), _)) => Seen::well(latency),
        (Asked::Answered(Ok(_), latency), Asked::Hangs) => {
            let message = format!(
                "the database can be read, but was locked against writing for {} seconds",
                PATIENCE.as_secs()
            );
            Seen::ill(HealthStatus::Degraded, message, Some(latency))
        }
        (Asked::Answered(Ok(_), latency), Asked::Answered(Err(error), _)) => {
            logged("the database", &error);
            let message = "the database can be read but not written; the server's log has the cause";
            Seen::ill(HealthStatus::Degraded, message, Some(latency))
        }
        (Asked::Answered(Err(error), latency), _) => {
            logged("the database", &error);
            let message = "the database can't be read; the server's log has the cause";
            Seen::ill(HealthStatus::Unhealthy, message, Some(latency))
        }
        (Asked::Hangs, _) => Seen::hangs(HealthStatus::Unhealthy, "the database"),
    };
    seen.noted(app, row, Dependency::Database)
}

/// Asks whether the store would take an upload; without it only presigned uploads fail.
pub(super) async fn object_store(app: &AppState, row: &WorkspaceRow) -> Seen {
    let state = app.clone();
    let check = async move {
        let work = state.work.clone();
        Ok(work.blocking(move || state.store_call(StoreOperation::Check, ObjectStore::check)).await??)
    };
    let seen = match ask(app, "objects".to_owned(), check).await {
        Asked::Answered(Ok(()), latency) => Seen::well(latency),
        Asked::Answered(Err(error), latency) => {
            logged("the object store", &error);
            let message = "the object store takes no uploads; the server's log has the cause";
            Seen::ill(HealthStatus::Degraded, message, Some(latency))
        }
        Asked::Hangs => Seen::hangs(HealthStatus::Degraded, "the object store"),
    };
    seen.noted(app, row, Dependency::ObjectStore)
}

fn logged(what: &str, error: &ApiError) {
    tracing::error!(cause = error.cause(), %error, "{what} failed when it was examined");
}

/// Says what is wrong with a repository without naming a path of the server.
fn said(error: &repository::Error) -> String {
    use repository::Error;
    let cure = "restore it from a backup";
    match error {
        Error::Damaged(_)
        | Error::MissingObject { .. }
        | Error::WrongKind { .. }
        | Error::MalformedTree { .. } => {
            format!("{}; {cure}", one_line(&error.to_string()))
        }
        _ => "the repository can't be read; the server's log has the cause".to_owned(),
    }
}

/// Writes an error with its causes, for the log.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
