//! What `status` and `health` say that somebody should know or do.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use url::Url;
use utoipa::ToSchema;

use crate::app::AppState;
use crate::query::rfc3339;
use crate::store::now;
use crate::store::tokens::LocationExpiry;
use crate::store::webhooks::WebhookRow;
use crate::store::workspaces::WorkspaceRow;
use crate::view::WORKSPACE_FILE;

/// From when on the end of an upload token is announced.
const ANNOUNCE: Duration = Duration::from_hours(7 * 24);
/// How long a webhook may fail before it is spoken of: most receivers that are away come back by then.
const FAILING: Duration = Duration::from_hours(1);
/// How long a dead upload token is still spoken of.
const REMEMBER: Duration = Duration::from_hours(30 * 24);

/// One statement on how something stands, as Kubernetes writes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Condition {
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    /// `True`, `False` or `Unknown`.
    pub(crate) status: &'static str,
    pub(crate) reason: &'static str,
    pub(crate) message: String,
    pub(crate) last_transition_time: String,
}

/// Whether the default branch says what the workspace is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readable {
    /// It does.
    Yes,
    /// Its `workspace.yaml` is missing or can't be read.
    NoFile,
    /// The repository itself can't be read.
    NoRepository,
}

impl Readable {
    /// Says so as the condition `Ready`.
    pub(crate) fn condition(self, since: Timestamp) -> Condition {
        let (status, reason, message) = match self {
            Self::Yes => ("True", "Read", format!("{WORKSPACE_FILE} was read")),
            Self::NoFile => ("False", "Unreadable", self.message()),
            Self::NoRepository => ("False", "RepositoryUnreadable", self.message()),
        };
        Condition { kind: "Ready", status, reason, message, last_transition_time: rfc3339(since) }
    }

    /// Says what is wrong and what helps.
    pub(crate) fn message(self) -> String {
        match self {
            Self::Yes => String::new(),
            Self::NoFile => format!("{WORKSPACE_FILE} is missing or can't be read; repair it by a push"),
            Self::NoRepository => {
                "the repository can't be read; the server's log has the cause, and a backup the content"
                    .to_owned()
            }
        }
    }
}

/// Lists the builders that will soon fail or do already, since they fail unseen.
pub(crate) async fn expiring(app: &AppState, row: &WorkspaceRow) -> Result<Vec<Condition>, sqlx::Error> {
    let now = now();
    let found = app.database.expiring_locations(&row.id, now - REMEMBER, now + ANNOUNCE).await?;
    Ok(found.iter().map(|expiry| announce(expiry, now)).collect())
}

/// Lists the webhooks that were switched off or are on their way to it.
///
/// Whoever reads the workspace sees it, so it names the host and not the URL; how it fails only admins are told.
pub(crate) async fn webhooks(app: &AppState, row: &WorkspaceRow) -> Result<Vec<Condition>, sqlx::Error> {
    let found = app.database.troubled_webhooks(&row.id, now() - FAILING).await?;
    Ok(found.iter().filter_map(troubled).collect())
}

fn troubled(webhook: &WebhookRow) -> Option<Condition> {
    let host = Url::parse(&webhook.shown_url).ok().and_then(|url| url.host_str().map(str::to_owned));
    let what = format!("webhook {} to {}", webhook.id, host.unwrap_or_default());
    let (reason, message, since) = match (&webhook.inactive, webhook.failing_since) {
        (Some((since, _)), _) => {
            let cure = "repair the receiver, set active to true and send again what failed";
            ("SwitchedOff", format!("{what} was switched off after days of failures; {cure}"), *since)
        }
        (None, Some(since)) => ("Failing", format!("{what} fails; its deliveries say how"), since),
        (None, None) => return None,
    };
    Some(Condition {
        kind: "WebhookFailing",
        status: "True",
        reason,
        message,
        last_transition_time: rfc3339(since),
    })
}

fn announce(LocationExpiry { location, expires_at }: &LocationExpiry, now: Timestamp) -> Condition {
    let when = rfc3339(*expires_at);
    let (reason, message) = if *expires_at <= now {
        ("Expired", format!("the last upload token of location {location} expired at {when}"))
    } else {
        ("ExpiresSoon", format!("the last upload token of location {location} expires at {when}"))
    };
    Condition {
        kind: "UploadTokenExpiring",
        status: "True",
        reason,
        message: format!("{message}; give the builder a new generate-workspace-builder-config"),
        last_transition_time: rfc3339(*expires_at - ANNOUNCE),
    }
}
