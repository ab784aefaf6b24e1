//! Webhooks: each event of a workspace is sent to the addresses that its admins named, signed.
//!
//! | File | Does |
//! |---|---|
//! | `fields.rs` | what clients say of a webhook |
//! | `manage.rs` | added, changed, pinged, sent again |
//! | `shown.rs` | what clients are told of webhooks and deliveries |
//! | `signature.rs` | what a receiver can check |
//! | `exchange.rs` | one request and what came back |
//! | `courier.rs` | one attempt, from the opened secret to the record of what came of it |
//! | `sender.rs` | deliveries that are due are taken, each under a lease |
//! | `backoff.rs` | when a failed one is tried again, and when it was enough |
//!
//! What is to be delivered is written with the event, in one transaction (`store/webhook_deliveries.rs`), so nothing that
//! happened is missed; a delivery is over when its receiver answered with a status of success and that is recorded. So
//! each comes at least once: a crash between the two has it sent again, under the same id.

mod backoff;
mod courier;
mod exchange;
mod fields;
mod manage;
mod sender;
mod shown;
mod signature;

use secrecy::SecretString;

pub(crate) use self::fields::WebhookFields;
pub(crate) use self::manage::{add, change, find, find_delivery, ping, redeliver, remove};
pub(crate) use self::sender::{Webhooks, deliver_due, start};
pub(crate) use self::shown::{DeliveryShown, WebhookShown, delivery, whole_delivery};
use crate::error::ApiError;
use crate::seal::{Purpose, ServerKey};
use crate::store::webhooks::WebhookRow;

/// What of a webhook is sealed.
#[derive(Debug, Clone, Copy)]
enum Part {
    /// The whole URL: its query may hold a secret.
    Url,
    /// The key that signs.
    Secret,
}

impl Part {
    /// Names what it belongs to, so that it opens nowhere else.
    fn bound_to(self, workspace_id: &str, webhook_id: &str) -> String {
        let part = match self {
            Self::Url => "url",
            Self::Secret => "secret",
        };
        format!("{workspace_id}/{webhook_id}/{part}")
    }

    fn seal(
        self,
        key: &ServerKey,
        (workspace_id, webhook_id): (&str, &str),
        text: &str,
    ) -> Result<String, ApiError> {
        key.seal(Purpose::Webhooks, &self.bound_to(workspace_id, webhook_id), text)
    }

    fn open(self, key: &ServerKey, row: &WebhookRow) -> Result<SecretString, ApiError> {
        let sealed = match self {
            Self::Url => &row.sealed_url,
            Self::Secret => &row.sealed_secret,
        };
        key.open(Purpose::Webhooks, &self.bound_to(&row.workspace_id, &row.id), sealed)
    }
}

#[cfg(test)]
mod tests;
