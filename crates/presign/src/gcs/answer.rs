//! From what Google answers to what an operator can do about it.
//!
//! Nothing of an answer's text is passed on but words that are names: a reason, a permission.

use std::io;
use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use serde_json::Value;
use ureq::http::Response;
use ureq::http::header::DATE;
use ureq::{Body, Error};

use crate::error::StoreError;

/// Most bytes of an error's body that are read.
const MAX_ERROR_BYTES: u64 = 64 << 10;
/// How far our clock may be off; Google takes signatures and tokens only a little from the future or the past.
const MAX_SKEW: Duration = Duration::from_mins(4);

/// A refusal, as far as it can be told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    /// Google's word for the reason, like `forbidden`.
    pub(super) reason: Option<String>,
    /// The permission that is missing, like `storage.objects.create`.
    pub(super) permission: Option<String>,
    /// Whether it is the bucket that does not exist.
    pub(super) lacks_bucket: bool,
    /// Whether it is certainly the object that does not exist.
    pub(super) lacks_object: bool,
    /// How far our clock is off, when it is.
    pub(super) skew: Option<String>,
}

impl Refusal {
    /// Reads an answer that is not a success.
    pub(super) fn read(mut response: Response<Body>, now: Timestamp) -> Self {
        let status = response.status().as_u16();
        let skew = skew(&response, now);
        let body = response.body_mut().with_config().limit(MAX_ERROR_BYTES).read_to_vec().unwrap_or_default();
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        let error = &body["error"];
        let message = error["message"].as_str().unwrap_or_default();
        let reason = error["errors"][0]["reason"].as_str().or(error["status"].as_str()).and_then(name);
        let permission = message.split(|c: char| !is_of_name(c)).find_map(permission);
        let lower = message.to_ascii_lowercase();
        Self {
            status,
            reason,
            permission,
            lacks_bucket: lower.contains("bucket does not exist"),
            lacks_object: lower.contains("no such object"),
            skew,
        }
    }

    /// Shapes a refusal by the bucket.
    pub(super) fn of_bucket(&self, bucket: &str) -> StoreError {
        if let Some(error) = self.of_anything("it") {
            return error;
        }
        let why = self.why();
        match (self.status, &self.permission) {
            (404, _) => lacks_bucket(bucket),
            (403, Some(permission)) => refused(
                format!("the service account lacks the permission {permission} on the bucket `{bucket}`"),
                "grant it the role roles/storage.objectUser on that bucket",
            ),
            (403, None) => refused(
                format!("access to the bucket `{bucket}` is forbidden{why}"),
                "grant the service account the role roles/storage.objectUser on that bucket, and see that its project is active",
            ),
            (status @ 300..400, _) => refused(
                format!("the endpoint answers with a redirect ({status})"),
                "correct WORKSTEAD_GCS_ENDPOINT",
            ),
            (status, _) => refused(
                format!("it answers {status}{why} for the bucket `{bucket}`"),
                "check WORKSTEAD_GCS_BUCKET and WORKSTEAD_GCS_ENDPOINT",
            ),
        }
    }

    /// Shapes a refusal by the IAM service to sign as an account.
    pub(super) fn of_signer(&self, email: &str) -> StoreError {
        if let Some(error) = self.of_anything("signBlob") {
            return error;
        }
        let why = self.why();
        match self.status {
            403 => refused(
                format!(
                    "the server lacks the permission iam.serviceAccounts.signBlob on `{email}`, or the IAM Service Account Credentials API is off{why}"
                ),
                "enable that API, and grant the server's account the role roles/iam.serviceAccountTokenCreator on that account, itself included",
            ),
            404 => refused(
                format!("the service account `{email}` does not exist"),
                "correct WORKSTEAD_GCS_SIGNER",
            ),
            status => refused(
                format!("signBlob answers {status}{why} for `{email}`"),
                "correct WORKSTEAD_GCS_SIGNER",
            ),
        }
    }

    /// Shapes what means the same wherever it comes from.
    fn of_anything(&self, who: &str) -> Option<StoreError> {
        match self.status {
            401 | 400 if self.skew.is_some() => {
                let skew = self.skew.clone().unwrap_or_default();
                Some(wrong_clock(&skew))
            }
            401 => Some(refused(
                format!("the server's credentials are not accepted{}", self.why()),
                "see that the key of GOOGLE_APPLICATION_CREDENTIALS was not deleted or disabled",
            )),
            status if is_temporary(status) => {
                Some(StoreError::Unavailable { reason: format!("{who} answers {status}{}", self.why()) })
            }
            _ => None,
        }
    }

    fn why(&self) -> String {
        self.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default()
    }
}

/// Tells whether the same request may succeed in a moment.
pub(super) const fn is_temporary(status: u16) -> bool {
    matches!(status, 408 | 429 | 500..)
}

/// Refuses when our clock is so far off that Google refuses what we sign.
pub(super) fn check_clock(response: &Response<Body>, now: Timestamp) -> Result<(), StoreError> {
    skew(response, now).map_or(Ok(()), |skew| Err(wrong_clock(&skew)))
}

/// Shapes a request that got no answer.
pub(super) fn unanswered(error: Error) -> StoreError {
    let reason = match error {
        Error::Io(error) => return broken(error),
        Error::Timeout(_) => "it does not answer in time".to_owned(),
        Error::HostNotFound => "its host name is not known".to_owned(),
        Error::ConnectionFailed => "it can't be connected to".to_owned(),
        Error::ConnectProxyFailed(_) | Error::InvalidProxyUrl => {
            "the proxy does not let through to it".to_owned()
        }
        Error::Tls(_) | Error::Rustls(_) | Error::Pem(_) => return without_tls(),
        Error::Http(_) | Error::BadUri(_) => {
            return refused("its address is malformed".to_owned(), "correct WORKSTEAD_GCS_ENDPOINT");
        }
        _ => "its answer makes no sense".to_owned(),
    };
    StoreError::Unavailable { reason }
}

/// Shapes a connection that broke.
pub(super) fn broken(error: io::Error) -> StoreError {
    match error.downcast::<Error>() {
        Ok(error) => unanswered(error),
        // So rustls tells of a certificate that it does not trust.
        Err(error) if error.kind() == io::ErrorKind::InvalidData => without_tls(),
        Err(error) => StoreError::Unavailable { reason: format!("its connection broke ({})", error.kind()) },
    }
}

fn without_tls() -> StoreError {
    refused(
        "no TLS connection to it can be made".to_owned(),
        "see that this machine's clock is right, and that WORKSTEAD_GCS_ENDPOINT has a certificate that is trusted here",
    )
}

pub(super) fn refused(reason: String, cure: &str) -> StoreError {
    StoreError::Refused { reason, cure: cure.to_owned() }
}

pub(super) fn lacks_bucket(bucket: &str) -> StoreError {
    refused(format!("the bucket `{bucket}` does not exist"), "make it, or correct WORKSTEAD_GCS_BUCKET")
}

fn wrong_clock(skew: &str) -> StoreError {
    refused(format!("this machine's clock is {skew} Google's"), "set the clock right, best by NTP")
}

/// Says how far our clock is off by an answer's date, when that is too far.
fn skew(response: &Response<Body>, now: Timestamp) -> Option<String> {
    let date = response.headers().get(DATE)?.to_str().ok()?;
    let theirs = DateTimeParser::new().parse_timestamp(date).ok()?;
    let seconds = now.as_second().saturating_sub(theirs.as_second());
    let off = Duration::from_secs(seconds.unsigned_abs());
    let side = if seconds < 0 { "behind" } else { "ahead of" };
    (off > MAX_SKEW).then(|| format!("{} minutes {side}", off.as_secs() / 60))
}

/// Returns a text that is made like the names of reasons and permissions, and no other.
fn name(text: &str) -> Option<String> {
    (!text.is_empty() && text.len() <= 60 && text.chars().all(is_of_name)).then(|| text.to_owned())
}

fn permission(word: &str) -> Option<String> {
    let word = word.trim_end_matches('.');
    let is_one = word.starts_with("storage.") && word.split('.').count() == 3;
    is_one.then(|| name(word)).flatten()
}

const fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_')
}
