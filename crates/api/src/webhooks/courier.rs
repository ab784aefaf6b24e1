//! One attempt to deliver, from the opened secret to the record of what came of it.

use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;

use super::exchange::{self, Exchanged, Message};
use super::{Part, backoff};
use crate::app::AppState;
use crate::blocking::Work;
use crate::egress::{Destination, Egress, Refusal};
use crate::error::ApiError;
use crate::events;
use crate::metrics::{WebhookEnd, WebhookMetrics};
use crate::seal::ServerKey;
use crate::store::Database;
use crate::store::webhook_deliveries::{Content, Due};
use crate::store::webhook_outcomes::{Attempted, Failed, Next};

/// What delivering needs, and no more: it must not keep alive a server that nobody else uses.
#[derive(Clone)]
pub(super) struct Courier {
    pub(super) database: Database,
    pub(super) work: Work,
    pub(super) egress: Egress,
    pub(super) server_key: ServerKey,
    pub(super) metrics: WebhookMetrics,
}

/// A delivery that was taken, and by whom.
pub(super) struct Taken {
    pub(super) due: Due,
    pub(super) owner: String,
}

impl Courier {
    pub(super) fn of(app: &AppState) -> Self {
        Self {
            database: app.database.clone(),
            work: app.work.clone(),
            egress: app.egress.clone(),
            server_key: app.server_key.clone(),
            metrics: app.metrics.webhooks.clone(),
        }
    }

    /// Makes one attempt and records what came of it.
    pub(super) async fn deliver(&self, Taken { due, owner }: Taken, now: Timestamp) {
        let begun = Instant::now();
        let (exchanged, headers_json) = self.attempt(&due, now).await;
        let took = begun.elapsed();
        let now =
            SignedDuration::try_from(took).ok().and_then(|took| now.checked_add(took).ok()).unwrap_or(now);
        let next = after(&due, &exchanged, now);
        let (webhook, delivery, attempt) = (due.webhook.id.as_str(), due.id.as_str(), due.attempt);
        let code = exchanged.error.as_ref().map(|error| error.code);
        tracing::info!(
            webhook,
            delivery,
            attempt,
            status = exchanged.status,
            code,
            "an event was sent to a webhook"
        );
        self.metrics.sent(match next {
            Next::Delivered => WebhookEnd::Delivered,
            Next::Again(_) => WebhookEnd::Delayed,
            Next::Failed { .. } => WebhookEnd::Lost,
        });
        let attempted = Attempted {
            duration_ms: i64::try_from(took.as_millis()).unwrap_or(i64::MAX),
            status: exchanged.status,
            error: exchanged.error,
            shown_url: due.webhook.shown_url.clone(),
            headers_json,
            answer: exchanged.answer,
        };
        match self.database.settle_delivery(&due, &owner, &attempted, next, now).await {
            Ok(true) => {}
            Ok(false) => tracing::info!(webhook, delivery, "a delivery was gone before it was recorded"),
            // Its lease ends, and it is sent again.
            Err(error) => {
                tracing::warn!(webhook, delivery, %error, "what came of a delivery can't be recorded");
            }
        }
    }

    /// Sends a delivery if that is allowed; returns the headers too, as the log keeps them.
    async fn attempt(&self, due: &Due, now: Timestamp) -> (Exchanged, String) {
        let failed =
            |code, detail: String| Exchanged { error: Some(Failed { code, detail }), ..Exchanged::default() };
        let none = || "null".to_owned();
        let message = match self.message(due, now) {
            Ok(message) => message,
            Err(error) => {
                tracing::error!(webhook = due.webhook.id, cause = error.cause(), "a webhook can't be opened");
                let detail = "the secret of the webhook can't be opened; set url and secret anew".to_owned();
                return (failed("sealed", detail), none());
            }
        };
        let destination = match self.destination(due).await {
            Ok(destination) => destination,
            Err(Some(refusal)) => return (failed(refusal.code(), refusal.to_string()), none()),
            Err(None) => {
                let detail = "the URL of the webhook can't be opened; set url and secret anew".to_owned();
                return (failed("sealed", detail), none());
            }
        };
        let headers = message.headers();
        let headers_json = exchange::headers_json(&headers);
        let sending = move || exchange::send(&destination, &headers, &message.body, exchange::TIME);
        let exchanged = self.work.blocking(sending).await;
        let exchanged =
            exchanged.unwrap_or_else(|_| failed("connection_failed", "the request failed".to_owned()));
        (exchanged, headers_json)
    }

    fn message(&self, due: &Due, now: Timestamp) -> Result<Message, ApiError> {
        let body = match &due.content {
            Content::Event(event) => events::shown(event, &due.workspace).to_string(),
            Content::Ping(text) => text.clone(),
        };
        Ok(Message {
            delivery_id: due.id.clone(),
            kind: due.content.kind(),
            seconds: now.as_second(),
            secret: Part::Secret.open(&self.server_key, &due.webhook)?,
            body,
        })
    }

    /// Checks anew where a webhook leads: its name may mean something else by now.
    async fn destination(&self, due: &Due) -> Result<Destination, Option<Refusal>> {
        let url = Part::Url.open(&self.server_key, &due.webhook).map_err(|_| None)?;
        let target = self.egress.target(url.expose_secret())?;
        Ok(self.egress.check(&target).await?)
    }
}

/// Decides what becomes of a delivery.
fn after(due: &Due, exchanged: &Exchanged, now: Timestamp) -> Next {
    if exchanged.error.is_none() {
        return Next::Delivered;
    }
    let failed = Next::Failed { switch_off: backoff::switch_off(now) };
    match due.content {
        // Somebody waits for what comes of it.
        Content::Ping(_) => failed,
        Content::Event(_) => {
            let next = backoff::next_attempt(due.tries, exchanged.wait, backoff::jitter(), now);
            next.map_or(failed, Next::Again)
        }
    }
}
