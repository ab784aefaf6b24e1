//! Repositories that are full, or nearly: what is refused, and what is said of it before.

use std::sync::Arc;

use axum::http::StatusCode;
use jiff::Timestamp;
use workstead_core::name::WorkspaceName;
use workstead_core::repository;

use crate::app::AppState;
use crate::error::ApiError;
use crate::health::conditions::Condition;
use crate::query::rfc3339;
use crate::workspace::Workspace;

/// The code of every refusal.
pub(crate) const TOO_LARGE: &str = "repository_too_large";
/// Percent of the limit from which on it is announced.
const NEAR: u64 = 90;
/// What helps.
pub(crate) const CURE: &str = "delete branches that nobody needs, which frees their space once \
    WORKSTEAD_GIT_UNREACHABLE_DAYS are over, or have WORKSTEAD_REPOSITORY_MAX_BYTES raised";

/// Says what would be too much.
pub(crate) fn excess(workspace: &WorkspaceName, bytes: u64, adding: u64, limit: u64) -> String {
    format!(
        "the repository of workspace {workspace} has {bytes} bytes and would get {adding} more, which exceeds the limit of {limit}"
    )
}

/// Answers a failed write; one that would make the repository too large with the workspace's name.
pub(crate) fn refused(workspace: &WorkspaceName, error: repository::Error) -> ApiError {
    match error {
        repository::Error::RepositoryTooLarge { bytes, adding, limit } => {
            let detail = format!("{}; {CURE}", excess(workspace, bytes, adding, limit));
            ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, TOO_LARGE, detail)
        }
        error => error.into(),
    }
}

/// Announces that a repository is nearly full, or that it is.
pub(crate) async fn announced(
    app: &AppState,
    workspace: &Arc<Workspace>,
    since: Timestamp,
) -> Option<Condition> {
    let limit = workspace.repository().max_object_bytes()?;
    let shared = Arc::clone(workspace);
    let counted = app.work.blocking(move || Ok(shared.repository().object_bytes()?));
    match counted.await.flatten() {
        Ok(bytes) => announce(bytes, limit, since),
        Err::<_, ApiError>(error) => {
            // What is wrong with the repository is for others to say.
            tracing::debug!(workspace = %workspace.name(), cause = error.cause(), "a repository can't be measured");
            None
        }
    }
}

fn announce(bytes: u64, limit: u64, since: Timestamp) -> Option<Condition> {
    let percent = u64::try_from(u128::from(bytes) * 100 / u128::from(limit.max(1))).unwrap_or(u64::MAX);
    if percent < NEAR {
        return None;
    }
    let reason = if bytes < limit { "NearLimit" } else { "Full" };
    Some(Condition {
        kind: "RepositoryNearLimit",
        status: "True",
        reason,
        message: format!(
            "the repository has {bytes} bytes, {percent} % of the limit of {limit}; what exceeds it is refused: {CURE}"
        ),
        last_transition_time: rfc3339(since),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_announced_from_ninety_percent_on() {
        let reason = |bytes, limit| announce(bytes, limit, Timestamp::UNIX_EPOCH).map(|it| it.reason);
        assert_eq!(reason(899, 1000), None);
        assert_eq!(reason(900, 1000), Some("NearLimit"));
        assert_eq!(reason(1000, 1000), Some("Full"));
        assert_eq!(reason(u64::MAX, 1), Some("Full"));
    }
}
