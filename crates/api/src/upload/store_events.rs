//! What object stores send when an object was put.
//!
//! | Sender | Body |
//! |---|---|
//! | MinIO's webhook, and S3 by way of SNS, SQS or Lambda | `Records` of the event message structure 2.x |
//! | S3 by way of `EventBridge` | `source`, `detail-type`, `detail` |
//! | Google Cloud Storage by way of a Pub/Sub push | `message.attributes` |
//!
//! Only bucket and key are read: what else such a message says of an object is older than what the store says.

use serde_json::{Map, Value};
use url::form_urlencoded;
use workstead_presign::ObjectKey;

/// An object that was put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Created {
    pub(crate) bucket: String,
    /// The key as it was sent, URL-encoded.
    pub(crate) sent_key: String,
}

/// What a message says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Notification {
    pub(crate) created: Vec<Created>,
    /// Events of other kinds, and what can't be read.
    pub(crate) others: usize,
}

impl Created {
    /// Returns the key when it is of our form.
    pub(crate) fn key(&self) -> Option<ObjectKey> {
        // To the reader of forms these would end the key.
        if self.sent_key.contains(['&', '=']) {
            return None;
        }
        let (key, _) = form_urlencoded::parse(self.sent_key.as_bytes()).next()?;
        ObjectKey::parse(&key).ok()
    }
}

/// Reads a message of any of the forms; one of no form counts as one event of another kind.
pub(crate) fn read(message: &Map<String, Value>) -> Notification {
    let mut read = Notification::default();
    let mut take = |created: Option<Created>| match created {
        Some(created) => read.created.push(created),
        None => read.others += 1,
    };
    if let Some(records) = message.get("Records").and_then(Value::as_array) {
        for record in records {
            take(of_record(record));
        }
    } else if let Some(attributes) = message.get("message").and_then(|inner| inner.get("attributes")) {
        take(of_attributes(attributes));
    } else {
        take(of_event_bridge(message));
    }
    read
}

fn of_record(record: &Value) -> Option<Created> {
    let name = record.get("eventName")?.as_str()?;
    // MinIO writes the prefix, AWS does not.
    let is_created = name.strip_prefix("s3:").unwrap_or(name).starts_with("ObjectCreated:");
    let created = || created(record, "/s3/bucket/name", "/s3/object/key");
    is_created.then(created)?
}

fn of_event_bridge(message: &Map<String, Value>) -> Option<Created> {
    let is = |field: &str, text: &str| message.get(field).is_some_and(|value| value == text);
    let is_created = is("source", "aws.s3") && is("detail-type", "Object Created");
    let detail = message.get("detail").filter(|_| is_created)?;
    created(detail, "/bucket/name", "/object/key")
}

fn of_attributes(attributes: &Value) -> Option<Created> {
    let is_created = attributes.get("eventType").is_some_and(|kind| kind == "OBJECT_FINALIZE");
    created(Some(attributes).filter(|_| is_created)?, "/bucketId", "/objectId")
}

fn created(from: &Value, bucket: &str, key: &str) -> Option<Created> {
    let text = |pointer| Some(from.pointer(pointer)?.as_str()?.to_owned());
    Some(Created { bucket: text(bucket)?, sent_key: text(key)? })
}

#[cfg(test)]
mod tests;
