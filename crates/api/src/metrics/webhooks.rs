//! Attempts to tell webhooks.

use super::registrar::{Counters, Registrar, about, begin};
use super::words::WebhookEnd;

/// What deliveries to webhooks are counted by; a clone counts into the same.
#[derive(Debug, Clone)]
pub(crate) struct WebhookMetrics {
    attempts: Counters<1>,
}

impl WebhookMetrics {
    pub(super) fn register(r: &mut Registrar) -> Self {
        let about = about(
            "workstead_webhook_attempts",
            &["outcome"],
            "Attempts to send events to webhooks, by what became of them",
        );
        let metrics = Self { attempts: r.counter(&about) };
        for end in WebhookEnd::ALL {
            begin(&metrics.attempts, &[("outcome", end.as_str())]);
        }
        metrics
    }

    /// Counts one attempt.
    pub(crate) fn sent(&self, end: WebhookEnd) {
        self.attempts.get_or_create(&[("outcome", end.as_str())]).inc();
    }
}
