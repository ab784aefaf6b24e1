//! What an examination answers.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

use super::figures::{HealthMetrics, metrics};
use super::probe::{self, Seen};
use super::{Asked, Dependency, ask};
use crate::access::Examination;
use crate::app::AppState;
use crate::health::conditions::{self, Condition, Readable};
use crate::mirrors;
use crate::query::rfc3339;
use crate::room;
use crate::store::mirrors::MirrorRow;
use crate::store::workspaces::WorkspaceRow;
use crate::view;
use crate::workspace::{Workspace, default_branch};

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum HealthStatus {
    /// All is well.
    Healthy,
    /// It works, but for a part of it.
    Degraded,
    /// It does not work.
    Unhealthy,
}

/// What the answer is to hold beside the checks.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Options {
    pub(crate) details: bool,
    pub(crate) metrics: bool,
}

/// How a workspace is.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct WorkspaceHealth {
    /// The worst of the checks.
    pub(crate) status: HealthStatus,
    checks: HealthChecks,
    /// What somebody should know or do; it does not change `status`.
    conditions: Vec<Condition>,
    /// Each dependency, with `include_details=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<HealthDetails>,
    /// Figures, with `include_metrics=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    metrics: Option<HealthMetrics>,
}

/// What was looked at.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HealthChecks {
    /// Whether the head of the default branch can be read from the disk.
    pub(crate) repository: HealthCheck,
    /// Whether the head's `workspace.yaml` says what the workspace is.
    configuration: HealthCheck,
    /// Whether the database can be read and written.
    database: HealthCheck,
    /// Whether the object store takes uploads.
    object_store: HealthCheck,
    /// Whether the mirror is in step with its upstream; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    mirror: Option<HealthCheck>,
}

/// What a look at one thing showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct HealthCheck {
    pub(crate) status: HealthStatus,
    /// What is wrong; null when nothing is.
    #[schema(required)]
    message: Option<String>,
}

/// What the workspace depends on.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HealthDetails {
    repository: DependencyHealth,
    database: DependencyHealth,
    object_store: DependencyHealth,
}

/// How a dependency answered.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DependencyHealth {
    status: HealthStatus,
    /// How long it took to answer; null when it did not in time.
    #[schema(required)]
    latency_ms: Option<f64>,
    /// The last failure that an examination saw since the server began; it may be over.
    #[schema(required)]
    last_error: Option<DependencyFailure>,
}

/// A failure that was seen.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct DependencyFailure {
    message: String,
    at: String,
}

/// Examines a workspace.
pub(crate) async fn report(app: &AppState, examination: &Examination, options: Options) -> WorkspaceHealth {
    let Examination { row, workspace } = examination;
    let figures =
        async { if options.metrics { Some(metrics(app, &row.id, workspace.as_ref()).await) } else { None } };
    let (repository, database, object_store, readable, expiring, full, mirror, metrics) = tokio::join!(
        probe::repository(app, row, default_branch()),
        probe::database(app, row),
        probe::object_store(app, row),
        readable(app, workspace.as_ref()),
        expiring(app, row),
        near_limit(app, row, workspace.as_ref()),
        mirror(app, row),
        figures,
    );
    let mut conditions = vec![readable.condition(row.updated_at)];
    conditions.extend(expiring);
    conditions.extend(full);
    conditions.extend(mirror.as_ref().map(mirrors::condition));
    let details = options.details.then(|| HealthDetails {
        repository: details(app, row, Dependency::Repository, &repository),
        database: details(app, row, Dependency::Database, &database),
        object_store: details(app, row, Dependency::ObjectStore, &object_store),
    });
    let checks = HealthChecks {
        repository: repository.into_check(),
        configuration: configuration(readable),
        database: database.into_check(),
        object_store: object_store.into_check(),
        mirror: mirror.as_ref().map(mirror_check),
    };
    WorkspaceHealth { status: checks.worst(), checks, conditions, details, metrics }
}

impl WorkspaceHealth {
    /// Tells whether the repository is what fails.
    pub(crate) fn repository_fails(&self) -> bool {
        self.checks.repository.status == HealthStatus::Unhealthy
    }
}

impl HealthChecks {
    fn worst(&self) -> HealthStatus {
        let Self { repository, configuration, database, object_store, mirror } = self;
        let all = [repository, configuration, database, object_store];
        all.into_iter().chain(mirror).map(|check| check.status).max().unwrap_or(HealthStatus::Healthy)
    }
}

impl Seen {
    fn into_check(self) -> HealthCheck {
        HealthCheck { status: self.standing, message: self.message }
    }
}

/// Tells whether the head says what the workspace is.
async fn readable(app: &AppState, workspace: Option<&Arc<Workspace>>) -> Readable {
    let Some(workspace) = workspace else { return Readable::NoRepository };
    let (state, shared) = (app.clone(), Arc::clone(workspace));
    let read = async move { Ok(view::of_head(&state, &shared).await?.readable()) };
    match ask(app, format!("head/{}", workspace.id()), read).await {
        Asked::Answered(Ok(readable), _) => readable,
        Asked::Answered(Err(_), _) | Asked::Hangs => Readable::NoRepository,
    }
}

fn configuration(readable: Readable) -> HealthCheck {
    match readable {
        Readable::Yes => HealthCheck { status: HealthStatus::Healthy, message: None },
        Readable::NoFile => HealthCheck { status: HealthStatus::Degraded, message: Some(readable.message()) },
        Readable::NoRepository => {
            HealthCheck { status: HealthStatus::Unhealthy, message: Some(readable.message()) }
        }
    }
}

/// Lists what expires and what webhooks fail; a database that does not answer is told of by its own check.
async fn expiring(app: &AppState, row: &WorkspaceRow) -> Vec<Condition> {
    let (state, row) = (app.clone(), row.clone());
    let turn = format!("expiring/{}", row.id);
    let asking = async move {
        let mut found = conditions::expiring(&state, &row).await?;
        found.extend(conditions::webhooks(&state, &row).await?);
        Ok(found)
    };
    match ask(app, turn, asking).await {
        Asked::Answered(Ok(conditions), _) => conditions,
        Asked::Answered(Err(_), _) | Asked::Hangs => Vec::new(),
    }
}

/// Tells when the repository is nearly as large as it may be.
async fn near_limit(
    app: &AppState,
    row: &WorkspaceRow,
    workspace: Option<&Arc<Workspace>>,
) -> Option<Condition> {
    let (state, shared, since) = (app.clone(), Arc::clone(workspace?), row.updated_at);
    let asked = async move { Ok(room::announced(&state, &shared, since).await) };
    match ask(app, format!("room/{}", row.id), asked).await {
        Asked::Answered(Ok(condition), _) => condition,
        Asked::Answered(Err(_), _) | Asked::Hangs => None,
    }
}

/// Finds the mirror; a database that does not answer is told of by its own check.
async fn mirror(app: &AppState, row: &WorkspaceRow) -> Option<MirrorRow> {
    let (state, id) = (app.clone(), row.id.clone());
    let turn = format!("mirror/{id}");
    match ask(app, turn, async move { Ok(state.database.find_mirror(&id).await?) }).await {
        Asked::Answered(Ok(mirror), _) => mirror,
        Asked::Answered(Err(_), _) | Asked::Hangs => None,
    }
}

/// A mirror that fails takes nothing from who reads and writes here, so it is no worse than degraded.
fn mirror_check(row: &MirrorRow) -> HealthCheck {
    if !row.is_broken() {
        return HealthCheck { status: HealthStatus::Healthy, message: None };
    }
    HealthCheck { status: HealthStatus::Degraded, message: Some(mirrors::condition(row).message) }
}

fn details(app: &AppState, row: &WorkspaceRow, dependency: Dependency, seen: &Seen) -> DependencyHealth {
    let last = app.health.last_failure(&row.id, dependency);
    DependencyHealth {
        status: seen.standing,
        latency_ms: seen.latency.map(milliseconds),
        last_error: last
            .map(|failure| DependencyFailure { message: failure.message, at: rfc3339(failure.at) }),
    }
}

/// Writes a duration in milliseconds, to the microsecond.
fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1_000_000.0).round() / 1000.0
}
