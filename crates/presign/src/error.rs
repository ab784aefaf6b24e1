//! Why a PUT or a call of the store was refused.

use std::io;

use jiff::Timestamp;

use crate::key::ObjectKey;

/// Why a PUT to a signed URL was refused.
#[derive(Debug, thiserror::Error)]
pub enum RefusedPut {
    /// The URL lacks a part, has one twice or one that is none of ours, or names no object.
    #[error("the upload URL is malformed: {0}")]
    Malformed(String),
    /// The signature is not this server's for this method, key and conditions.
    #[error("the upload URL's signature does not match: use the URL exactly as it was given, with PUT")]
    BadSignature,
    /// The URL is too old.
    #[error("the upload URL expired at {expired_at}; ask for a new one")]
    Expired {
        /// When it stopped working.
        expired_at: Timestamp,
    },
    /// A header that must be sent is missing or different.
    #[error("the header {name} must be {wanted:?} and is {}", given(actual.as_deref()))]
    WrongHeader {
        /// The header's name.
        name: &'static str,
        /// The value that the signed upload named.
        wanted: String,
        /// The value that came, if any.
        actual: Option<String>,
    },
    /// The body is longer than the most that the URL allows.
    #[error(
        "the upload has at least {actual} bytes, more than the limit of {maximum} (setting WORKSTEAD_UPLOAD_MAX_COMPRESSED_BYTES)"
    )]
    TooLarge {
        /// The bytes that came so far, or were announced.
        actual: u64,
        /// The most that the URL allows.
        maximum: u64,
    },
    /// The body has another length than was declared.
    #[error("the upload has {} bytes; {declared} were declared when its URL was made", amount(*actual, *declared))]
    WrongSize {
        /// The bytes that came; counting stops one behind the declared ones.
        actual: u64,
        /// The declared ones.
        declared: u64,
    },
    /// The body has another hash than was declared.
    #[error(
        "the upload's SHA-256 is {}; {} was declared when its URL was made",
        hex::encode(actual),
        hex::encode(declared)
    )]
    WrongHash {
        /// The SHA-256 of what came.
        actual: [u8; 32],
        /// The declared one.
        declared: [u8; 32],
    },
    /// The upload was completed or deleted, and its URL with it.
    #[error("`{key}` was completed or deleted, so its upload URL works no more; ask for a new one")]
    Closed {
        /// The object.
        key: ObjectKey,
    },
    /// The store failed.
    #[error("`{key}` could not be stored: {source}")]
    Io {
        /// The object.
        key: ObjectKey,
        /// What went wrong.
        #[source]
        source: io::Error,
    },
}

impl RefusedPut {
    /// Returns the stable code of the error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "upload_url_malformed",
            Self::BadSignature => "upload_url_signature",
            Self::Expired { .. } => "upload_url_expired",
            Self::WrongHeader { .. } => "upload_header_wrong",
            Self::TooLarge { .. } => "upload_too_large",
            Self::WrongSize { .. } => "upload_size_wrong",
            Self::WrongHash { .. } => "upload_hash_wrong",
            Self::Closed { .. } => "upload_closed",
            Self::Io { .. } => "store_failed",
        }
    }
}

fn given(actual: Option<&str>) -> String {
    actual.map_or_else(
        || "missing".to_owned(),
        |text| format!("{:?}", text.chars().take(100).collect::<String>()),
    )
}

fn amount(actual: u64, declared: u64) -> String {
    if actual > declared { format!("more than {declared}") } else { actual.to_string() }
}

impl StoreError {
    /// Returns why an object could not be read to its end; readers wrap these errors.
    pub fn of_read(error: io::Error) -> Self {
        match error.downcast::<Self>() {
            Ok(inner) => inner,
            Err(error) => Self::Io(error),
        }
    }

    /// Tells whether the same call may succeed later.
    pub const fn is_temporary(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Refused { .. } | Self::Io(_))
    }
}

/// Why a call of the store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no object.
    #[error("nothing was uploaded under `{key}`")]
    Missing {
        /// The key that was asked for.
        key: ObjectKey,
    },
    /// The object was deleted and can't come back.
    #[error("`{key}` was deleted")]
    Closed {
        /// The key that was asked for.
        key: ObjectKey,
    },
    /// The object is no longer what it was when it was frozen.
    #[error("`{key}` was changed while it was read")]
    Changed {
        /// The key that was read.
        key: ObjectKey,
    },
    /// The store does not answer, or says that it can't now: the same call may succeed later.
    #[error("the object store is not available: {reason}")]
    Unavailable {
        /// What happened; without anything secret.
        reason: String,
    },
    /// The store refuses for a reason that waiting does not cure: credentials, bucket, permissions, the clock.
    #[error("the object store refuses: {reason}; {cure}")]
    Refused {
        /// What it said; without anything secret.
        reason: String,
        /// What an operator can do about it.
        cure: String,
    },
    /// The text is no workspace's id.
    #[error("{id:?} is not a workspace's id")]
    InvalidId {
        /// The text, cut to 300 characters.
        id: String,
    },
    /// The store failed.
    #[error("the object store failed: {0}")]
    Io(#[from] io::Error),
}
