//! The sending of what the database holds to be told, apart from every request.
//!
//! It goes by what is there, not by what it is told: a wake only makes it look sooner. So it makes no difference
//! whether a message was left by this process or by one that is gone.

use std::sync::{Arc, Weak};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde::Deserialize;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::client::{As, CallError, Client, breaks_connection};
use super::{message, open_token};
use crate::app::{App, AppState};
use crate::blocking::Work;
use crate::error::ApiError;
use crate::metrics::{SlackEnd, SlackMetrics};
use crate::seal::ServerKey;
use crate::store::slack::SlackRow;
use crate::store::slack_messages::SlackMessage;
use crate::store::{Database, now};

/// How long it rests when nothing is said to be due.
const REST: Duration = Duration::from_mins(10);
/// How long it rests when the database fails.
const AFTER_FAILURE: Duration = Duration::from_mins(1);
/// How long nobody else takes a message that is being sent: longer than a call may take.
const LEASE: SignedDuration = SignedDuration::from_mins(1);
/// How long a connection rests after each failure of its message; after the last the message is given up.
const PAUSES: [SignedDuration; 7] = [
    SignedDuration::from_secs(5),
    SignedDuration::from_secs(30),
    SignedDuration::from_mins(2),
    SignedDuration::from_mins(10),
    SignedDuration::from_mins(30),
    SignedDuration::from_hours(1),
    SignedDuration::from_hours(2),
];

/// How the sender is spoken to.
#[derive(Debug, Default)]
pub(super) struct Signals {
    wake: Notify,
    stopped: CancellationToken,
}

impl Signals {
    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }

    pub(super) fn stop(&self) {
        self.stopped.cancel();
    }
}

/// Starts the sender, which ends by [`super::Slack::stop`] or with the server.
pub(crate) fn start(app: &AppState) {
    let sender = Sender {
        database: app.database.clone(),
        work: app.work.clone(),
        client: app.slack.client.clone(),
        server_key: app.server_key.clone(),
        base: app.url(""),
        signals: Arc::clone(&app.slack.signals),
        server: app.downgrade(),
        metrics: app.metrics.slack.clone(),
    };
    app.work.spawn(sender.send_forever());
}

/// What sending needs, and no more: it must not keep alive a server that nobody else uses.
struct Sender {
    database: Database,
    work: Work,
    client: Client,
    server_key: ServerKey,
    /// The address for clients, without a trailing slash.
    base: String,
    signals: Arc<Signals>,
    server: Weak<App>,
    metrics: SlackMetrics,
}

impl Sender {
    async fn send_forever(self) {
        while self.server.strong_count() > 0 && !self.signals.stopped.is_cancelled() {
            let rest = self.send_due().await.unwrap_or_else(|error| {
                let cause = error.cause().map(ToString::to_string);
                tracing::warn!(cause, "messages to Slack can't be looked up; it is tried again");
                AFTER_FAILURE
            });
            tokio::select! {
                () = self.signals.stopped.cancelled() => return,
                () = self.signals.wake.notified() => {}
                () = tokio::time::sleep(rest) => {}
            }
        }
    }

    /// Sends all that is due, and returns how long to rest.
    async fn send_due(&self) -> Result<Duration, ApiError> {
        while !self.signals.stopped.is_cancelled() {
            let now = now();
            let Some(message) = self.database.take_slack_message(now, now + LEASE).await? else { break };
            self.send(&message).await?;
        }
        let next = self.database.next_slack_message().await?;
        let wait = next.map(|next| Duration::try_from(next.duration_since(now())).unwrap_or_default());
        // A millisecond more, so that it is due when it is looked for.
        Ok(wait.map_or(REST, |wait| wait + Duration::from_millis(1)).min(REST))
    }

    async fn send(&self, message: &SlackMessage) -> Result<(), ApiError> {
        let row = self.database.find_slack(&message.workspace_id).await?;
        let row = row.filter(|row| row.id == message.integration_id);
        let workspace = self.database.find_workspace_by_id(&message.workspace_id).await?;
        let (Some(row), Some(workspace)) = (row, workspace) else {
            return Ok(self.database.drop_slack_message(message).await?);
        };
        let name = workspace.name.as_str();
        let link = format!("{}/api/v3/workspaces/{name}/uploads/{}", self.base, message.upload_id);
        let text = message::text(name, message, &link);
        let token = match open_token(&self.server_key, &row) {
            Ok(token) => token,
            Err(error) => {
                tracing::error!(workspace = name, cause = error.cause(), "a Slack token can't be opened");
                return Ok(self.database.break_slack(&row.id, "not_authed", now()).await?);
            }
        };
        match self.post(token, row.channel.clone(), text).await? {
            Ok(()) => {
                self.metrics.told(SlackEnd::Sent);
                Ok(self.database.slack_message_sent(message, now()).await?)
            }
            Err(error) => {
                let attempt = message.attempts;
                tracing::info!(workspace = name, %error, attempt, "a message to Slack failed");
                self.settle(&row, message, error).await
            }
        }
    }

    async fn post(
        &self,
        token: SecretString,
        channel: String,
        text: String,
    ) -> Result<Result<(), CallError>, ApiError> {
        let client = self.client.clone();
        let call = move || {
            let form = [
                ("channel", channel.as_str()),
                ("text", text.as_str()),
                ("parse", "none"),
                ("link_names", "false"),
                ("unfurl_links", "false"),
                ("unfurl_media", "false"),
            ];
            client.call::<Posted>("chat.postMessage", &As::Bot(token), &form).map(drop)
        };
        self.work.blocking(call).await
    }

    /// Decides what becomes of a message that was not taken.
    async fn settle(&self, row: &SlackRow, message: &SlackMessage, error: CallError) -> Result<(), ApiError> {
        let (database, now) = (&self.database, now());
        let wait = match &error {
            CallError::Refused(word) if breaks_connection(word) => {
                self.metrics.told(SlackEnd::Lost);
                return Ok(database.break_slack(&row.id, word, now).await?);
            }
            // Another message may fare better, this one not.
            CallError::Refused(word) => {
                self.metrics.told(SlackEnd::Lost);
                return Ok(database.slack_message_lost(message, word, now).await?);
            }
            CallError::Limited(wait) => *wait,
            CallError::Away(_) => None,
        };
        let Some(held_until) = next_attempt(message.attempts, wait, now) else {
            let word =
                if matches!(error, CallError::Limited(_)) { "ratelimited" } else { "slack_unavailable" };
            self.metrics.told(SlackEnd::Lost);
            return Ok(database.slack_message_lost(message, word, now).await?);
        };
        self.metrics.told(SlackEnd::Delayed);
        Ok(database.hold_slack(message, held_until).await?)
    }
}

/// What `chat.postMessage` answers, of which nothing matters.
#[derive(Deserialize)]
struct Posted {}

/// Returns when to try again: as Slack says, else the later the more often it failed; nothing when it was enough.
fn next_attempt(attempts: u32, wait: Option<Duration>, now: Timestamp) -> Option<Timestamp> {
    let pause = PAUSES.get(attempts.saturating_sub(1) as usize)?;
    Some(now + wait.and_then(|wait| SignedDuration::try_from(wait).ok()).unwrap_or(*pause))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_bounded_and_slack_says_when() {
        let now = Timestamp::UNIX_EPOCH;
        let seconds = |attempts, wait: Option<u64>| {
            next_attempt(attempts, wait.map(Duration::from_secs), now).map(Timestamp::as_second)
        };
        assert_eq!([seconds(1, None), seconds(2, None), seconds(7, None)], [Some(5), Some(30), Some(7200)]);
        assert_eq!((seconds(1, Some(40)), seconds(7, Some(1))), (Some(40), Some(1)));
        assert_eq!((seconds(8, None), seconds(8, Some(1))), (None, None));
    }
}
