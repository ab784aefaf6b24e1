//! Attempts to tell Slack.

use super::registrar::{Counters, Registrar, about, begin};
use super::words::SlackEnd;

/// What messages to Slack are counted by; a clone counts into the same.
#[derive(Debug, Clone)]
pub(crate) struct SlackMetrics {
    messages: Counters<1>,
}

impl SlackMetrics {
    pub(super) fn register(r: &mut Registrar) -> Self {
        let about =
            about("workstead_slack_messages", &["outcome"], "Attempts to tell Slack, by what became of them");
        let metrics = Self { messages: r.counter(&about) };
        for end in SlackEnd::ALL {
            begin(&metrics.messages, &[("outcome", end.as_str())]);
        }
        metrics
    }

    /// Counts one attempt.
    pub(crate) fn told(&self, end: SlackEnd) {
        self.messages.get_or_create(&[("outcome", end.as_str())]).inc();
    }
}
