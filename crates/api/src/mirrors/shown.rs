//! What everybody who reads a workspace is told of its mirror.

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::AppState;
use crate::error::ApiError;
use crate::health::conditions::Condition;
use crate::query::rfc3339;
use crate::store::mirrors::{Direction, MirrorRow, MirrorState};
use crate::store::now;

/// A workspace's mirror.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MirrorShown {
    /// `push` or `pull`.
    direction: &'static str,
    /// The upstream repository.
    url: String,
    /// The branch there.
    branch: String,
    /// The user name for the upstream.
    #[schema(required)]
    username: Option<String>,
    /// Whether a password is kept.
    has_password: bool,
    /// How often the upstream is looked at when nothing is heard.
    interval_minutes: u32,
    /// As whose a pull is judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    /// Where the upstream's webhook of a pull leads.
    #[serde(skip_serializing_if = "Option::is_none")]
    hook_url: Option<String>,
    /// What that webhook proves itself by; only in the answer that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    hook_secret: Option<String>,
    /// Who set it.
    set_by: String,
    set_at: String,
    /// `pending`, `syncing`, `idle`, `failing` or `diverged`.
    state: &'static str,
    /// Since when it was not otherwise, `syncing` aside.
    since: String,
    /// The commit that both sides had last.
    #[schema(required)]
    last_revision: Option<String>,
    #[schema(required)]
    last_attempt_at: Option<String>,
    #[schema(required)]
    last_success_at: Option<String>,
    /// When it is looked at next; null while it is, or as soon as there is somebody to.
    #[schema(required)]
    next_attempt_at: Option<String>,
    /// What went wrong at the last attempt; null when nothing did.
    #[schema(required)]
    last_error: Option<MirrorError>,
}

/// What went wrong with a mirror.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct MirrorError {
    /// A stable word for programs.
    code: String,
    /// What it is, and what helps.
    detail: String,
}

/// Finds the mirror of a workspace, or says that there is none.
pub(crate) async fn find(app: &AppState, workspace_id: &str) -> Result<MirrorRow, ApiError> {
    app.database.find_mirror(workspace_id).await?.ok_or_else(|| {
        ApiError::not_found("mirror_not_found", "the workspace has no mirror; staff can set one")
    })
}

/// Shows a mirror.
pub(crate) fn shown(
    app: &AppState,
    workspace: &str,
    row: &MirrorRow,
    hook_secret: Option<&SecretString>,
) -> MirrorShown {
    let is_pull = row.direction == Direction::Pull;
    let is_syncing = row.leased_until.is_some_and(|until| until > now());
    let hook = || app.url(&format!("/api/v3/workspaces/{workspace}/mirror/hook"));
    MirrorShown {
        direction: row.direction.as_str(),
        url: row.url.clone(),
        branch: row.branch.clone(),
        username: row.username.clone(),
        has_password: row.sealed_password.is_some(),
        interval_minutes: row.interval_minutes,
        role: is_pull.then_some(row.role.as_str()),
        hook_url: is_pull.then(hook),
        hook_secret: hook_secret.map(|secret| secret.expose_secret().to_owned()),
        set_by: row.set_by.clone(),
        set_at: rfc3339(row.set_at),
        state: if is_syncing { "syncing" } else { row.state.as_str() },
        since: rfc3339(row.since),
        last_revision: row.revision.clone(),
        last_attempt_at: row.last_attempt_at.map(rfc3339),
        last_success_at: row.last_success_at.map(rfc3339),
        next_attempt_at: row.due_at.map(rfc3339),
        last_error: row.error.clone().map(|(code, detail)| MirrorError { code, detail }),
    }
}

/// Says how a mirror stands as the condition `Mirrored`.
pub(crate) fn condition(row: &MirrorRow) -> Condition {
    let (url, branch) = (&row.url, &row.branch);
    let way = match row.direction {
        Direction::Push => "pushed to",
        Direction::Pull => "pulled from",
    };
    let (status, reason, message) = match (row.state, &row.error) {
        (MirrorState::Pending, _) => ("Unknown", "Pending", format!("it is to be {way} {url} ({branch})")),
        (MirrorState::Idle, _) => {
            let revision = row.revision.as_deref().unwrap_or_default();
            ("True", "InSync", format!("{way} {url} ({branch}): {revision}"))
        }
        (MirrorState::Diverged, error) => ("False", "Diverged", says(error.as_ref())),
        (MirrorState::Failing, error) => ("False", "Failing", says(error.as_ref())),
    };
    Condition { kind: "Mirrored", status, reason, message, last_transition_time: rfc3339(row.since) }
}

fn says(error: Option<&(String, String)>) -> String {
    error.map(|(code, detail)| format!("{detail} [{code}]")).unwrap_or_default()
}

impl MirrorRow {
    /// Tells whether somebody has to know that it does not work.
    pub(crate) fn is_broken(&self) -> bool {
        matches!(self.state, MirrorState::Failing | MirrorState::Diverged)
    }
}
