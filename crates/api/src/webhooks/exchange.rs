//! One request to a receiver, and what came back.

use std::io::Read as _;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use ureq::Body;
use ureq::http::Response;
use ureq::http::header::RETRY_AFTER;

use super::signature;
use crate::egress::Destination;
use crate::store::webhook_outcomes::Failed;

/// How long an exchange may take.
pub(super) const TIME: Duration = Duration::from_secs(10);
/// Bytes of an answer that are kept.
const KEPT_BYTES: u64 = 4096;

/// What is sent.
pub(super) struct Message {
    pub(super) delivery_id: String,
    pub(super) kind: &'static str,
    /// The time of the attempt.
    pub(super) seconds: i64,
    pub(super) secret: SecretString,
    pub(super) body: String,
}

/// What came back.
#[derive(Debug, Default)]
pub(super) struct Exchanged {
    pub(super) status: Option<u16>,
    /// Why that is no success.
    pub(super) error: Option<Failed>,
    /// How long the receiver wants us to wait.
    pub(super) wait: Option<Duration>,
    /// How its answer began.
    pub(super) answer: Option<String>,
}

impl Message {
    /// Returns the headers that are sent beside those of every request.
    pub(super) fn headers(&self) -> Vec<(&'static str, String)> {
        let Self { delivery_id, kind, seconds, secret, body } = self;
        let key = signature::key(secret.expose_secret());
        vec![
            ("Content-Type", "application/json".to_owned()),
            ("User-Agent", concat!("Workstead/", env!("CARGO_PKG_VERSION")).to_owned()),
            ("X-Workstead-Event", (*kind).to_owned()),
            ("X-Workstead-Delivery", delivery_id.clone()),
            ("X-Workstead-Timestamp", seconds.to_string()),
            ("X-Workstead-Signature", signature::of_body(&key, body)),
            ("X-Workstead-Timed-Signature", signature::of_attempt(&key, delivery_id, *seconds, body)),
        ]
    }
}

/// Writes headers for the log of deliveries.
pub(super) fn headers_json(headers: &[(&'static str, String)]) -> String {
    let pairs = headers.iter().map(|(name, value)| ((*name).to_owned(), Value::from(value.clone())));
    Value::Object(pairs.collect::<Map<_, _>>()).to_string()
}

/// Sends a message; blocking.
pub(super) fn send(
    destination: &Destination,
    headers: &[(&'static str, String)],
    body: &str,
    time: Duration,
) -> Exchanged {
    let mut request = destination.agent(time).post(destination.target().url().as_str());
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    match request.send(body) {
        Ok(response) => read(response),
        Err(error) => Exchanged { error: Some(explained(&error, time)), ..Exchanged::default() },
    }
}

fn read(mut response: Response<Body>) -> Exchanged {
    let status = response.status().as_u16();
    let wait = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let wait = wait.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
    let mut answer = Vec::new();
    // What breaks off has begun all the same, and the status stands before it.
    let _ = response.body_mut().as_reader().take(KEPT_BYTES).read_to_end(&mut answer);
    let failed = |code, detail: String| Some(Failed { code, detail });
    let error = match status {
        200..=299 => None,
        300..=399 => failed(
            "redirected",
            format!(
                "the receiver answered {status}: redirects are not followed, so name the URL where it leads"
            ),
        ),
        _ => failed("refused", format!("the receiver answered {status}")),
    };
    Exchanged {
        status: Some(status),
        error,
        wait,
        answer: Some(String::from_utf8_lossy(&answer).into_owned()),
    }
}

/// Says why there was no answer; never with the URL, which may hold a secret.
fn explained(error: &ureq::Error, time: Duration) -> Failed {
    let (code, detail) = match error {
        ureq::Error::Timeout(_) => {
            ("timeout", format!("the receiver did not answer within {} seconds", time.as_secs()))
        }
        ureq::Error::Io(error) => ("connection_failed", format!("the connection failed: {error}")),
        ureq::Error::ConnectionFailed => ("connection_failed", "the connection failed".to_owned()),
        ureq::Error::Tls(cause) => ("tls_failed", format!("the connection could not be secured: {cause}")),
        ureq::Error::Rustls(error) => ("tls_failed", format!("the connection could not be secured: {error}")),
        ureq::Error::Protocol(_) | ureq::Error::LargeResponseHeader(..) => {
            ("no_http", "the receiver answered with something that is no answer of HTTP".to_owned())
        }
        _ => ("connection_failed", "the request could not be sent".to_owned()),
    };
    Failed { code, detail }
}

#[cfg(test)]
mod tests;
