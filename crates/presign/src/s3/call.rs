//! What a call's failure means, in words for the operator.

use std::error::Error;
use std::io;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use url::Url;

use super::connection;
use crate::error::StoreError;
use crate::key::ObjectKey;

/// Most characters of what the store itself said.
const MAX_QUOTE: usize = 200;

/// One call of the store: what it needs and what it is about.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    /// The permission that it takes, as policies name it.
    pub(super) permission: &'static str,
    pub(super) bucket: &'a str,
    /// The server's way to the store; `None` is AWS.
    pub(super) endpoint: Option<&'a Url>,
    pub(super) key: Option<&'a ObjectKey>,
}

impl Call<'_> {
    /// Says what a failure means. The answer holds no secret and no signed URL.
    pub(super) fn failed<E>(&self, error: SdkError<E, HttpResponse>) -> StoreError
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        let status = error.raw_response().map(|response| response.status().as_u16());
        match (&error, status) {
            (SdkError::ServiceError(_), Some(status)) => {
                self.refused(status, error.code().unwrap_or_default(), error.message().unwrap_or_default())
            }
            (SdkError::TimeoutError(_), _) => self.unavailable("did not answer in time"),
            (SdkError::ResponseError(_), Some(status)) if status >= 500 => {
                self.unavailable(&format!("answered with status {status}"))
            }
            (SdkError::ResponseError(_), Some(status)) => StoreError::Refused {
                reason: format!("{} gave an answer with status {status} that is none of S3's", self.store()),
                cure: "check that WORKSTEAD_S3_ENDPOINT is the address of the S3 interface".to_owned(),
            },
            _ => connection::failure(self, &error),
        }
    }

    /// Says what an answer means that the store gave by the protocol.
    fn refused(&self, status: u16, code: &str, message: &str) -> StoreError {
        let (bucket, store) = (self.bucket, self.store());
        let quote = quote(message);
        let refused = |reason: String, cure: &str| StoreError::Refused { reason, cure: cure.to_owned() };
        match (code, status) {
            ("NoSuchBucket", _) => self.no_bucket(),
            ("RequestTimeTooSkewed" | "RequestExpired", _) => refused(
                format!("the clock of this machine differs too much from that of {store}"),
                "set both clocks by NTP",
            ),
            ("InvalidAccessKeyId", _) => refused(
                format!("{store} does not know the access key"),
                "check AWS_ACCESS_KEY_ID, or where else the credentials come from",
            ),
            ("ExpiredToken" | "InvalidToken" | "TokenRefreshRequired", _) => refused(
                format!("the temporary credentials for {store} ended or are not valid"),
                "renew AWS_SESSION_TOKEN, or give the server a role that renews them",
            ),
            ("SignatureDoesNotMatch", _) => refused(
                format!("{store} finds another signature"),
                "check AWS_SECRET_ACCESS_KEY; a proxy before the store must pass the Host header as it is",
            ),
            (
                "PermanentRedirect"
                | "TemporaryRedirect"
                | "AuthorizationHeaderMalformed"
                | "IllegalLocationConstraintException",
                _,
            )
            | (_, 301 | 307) => refused(
                format!("the bucket `{bucket}` lies in another region{quote}"),
                "set WORKSTEAD_S3_REGION to the bucket's region",
            ),
            ("InvalidBucketName", _) => refused(
                format!("`{bucket}` is no name that a bucket of {store} can have"),
                "set WORKSTEAD_S3_BUCKET to the bucket's name",
            ),
            ("PreconditionFailed", _) | (_, 412) => match self.key {
                Some(key) => StoreError::Changed { key: key.clone() },
                None => self.unexpected(status, code, &quote),
            },
            // Objects in an archive class must be fetched from there first, which nobody waits for.
            ("InvalidObjectState", _) => refused(
                format!("an object of `{bucket}` lies in an archive and can't be read"),
                "let no lifecycle rule of the bucket move objects below uploads/ to an archive",
            ),
            ("AccessDenied" | "AccessForbidden" | "Forbidden" | "AllAccessDisabled", _) | (_, 401 | 403) => {
                refused(
                    format!("{store} denies {} for the bucket `{bucket}`{quote}", self.permission),
                    "check the credentials, and give them the permissions listed in docs/STORES.md",
                )
            }
            ("NoSuchKey" | "NotFound", _) | (_, 404) => match self.key {
                Some(key) => StoreError::Missing { key: key.clone() },
                None => self.no_bucket(),
            },
            ("SlowDown" | "RequestTimeout" | "ServiceUnavailable" | "InternalError", _)
            | (_, 408 | 425 | 429 | 500..) => {
                self.unavailable(&format!("answered {status}{}{quote}", named(code)))
            }
            // The content on its way is not what was announced; for the server's own files, that is its disk's fault.
            ("BadDigest" | "InvalidDigest" | "XAmzContentChecksumMismatch" | "IncompleteBody", _) => {
                StoreError::Io(io::Error::other(format!("{store} got other content than was sent")))
            }
            _ => self.unexpected(status, code, &quote),
        }
    }

    fn unexpected(&self, status: u16, code: &str, quote: &str) -> StoreError {
        StoreError::Refused {
            reason: format!(
                "{} answered {} with {status}{}{quote}",
                self.store(),
                self.permission,
                named(code)
            ),
            cure:
                "look the code up in the store's manual; docs/STORES.md says what the server needs of a store"
                    .to_owned(),
        }
    }

    /// Says that the bucket is not there.
    pub(super) fn no_bucket(&self) -> StoreError {
        StoreError::Refused {
            reason: format!("there is no bucket `{}` at {}", self.bucket, self.store()),
            cure: "create it, or check WORKSTEAD_S3_BUCKET and WORKSTEAD_S3_ENDPOINT".to_owned(),
        }
    }

    pub(super) fn unavailable(&self, what: &str) -> StoreError {
        StoreError::Unavailable { reason: format!("{} {what}", self.store()) }
    }

    /// Names the store as the operator knows it.
    pub(super) fn store(&self) -> String {
        self.endpoint.map_or_else(|| "AWS S3".to_owned(), |url| url.as_str().trim_end_matches('/').to_owned())
    }
}

fn named(code: &str) -> String {
    if code.is_empty() { String::new() } else { format!(" {}", one_line(code)) }
}

/// Quotes what the store said, on one line and cut.
fn quote(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(" ({})", one_line(message)) }
}

/// Returns a text of others without line breaks and controls, cut.
pub(super) fn one_line(text: &str) -> String {
    let words: Vec<_> = text.split(|c: char| c.is_whitespace() || c.is_control()).collect();
    let line = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    line.chars().take(MAX_QUOTE).collect()
}
