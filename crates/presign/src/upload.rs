//! What a client is told about where and how to put a bundle.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use crate::secret_url::SecretUrl;

/// The type that every bundle is sent with.
pub(crate) const CONTENT_TYPE: &str = "application/gzip";

/// The kind of store behind a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// Our own server's data directory.
    Local,
    /// An S3-compatible store with an endpoint of its own.
    Minio,
    /// AWS S3.
    S3,
    /// Google Cloud Storage.
    Gcs,
}

impl Provider {
    /// Returns the provider's name as the API writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Minio => "minio",
            Self::S3 => "s3",
            Self::Gcs => "gcs",
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// What an upload must fulfil.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutConditions {
    /// The exact size, when the client declared it.
    pub size: Option<u64>,
    /// The SHA-256 of the content, when the client declared it.
    pub sha256: Option<[u8; 32]>,
    /// The most bytes that are taken.
    pub max_bytes: u64,
    /// When the URL stops working; whole seconds count.
    pub expires_at: Timestamp,
}

/// A signed upload: everything that a client needs to put one bundle.
#[derive(Debug, Clone)]
pub struct SignedUpload {
    /// The HTTP method, always `PUT`.
    pub method: &'static str,
    /// Where to; a secret.
    pub url: SecretUrl,
    /// The headers that must be sent, exactly.
    pub headers: Vec<(String, String)>,
    /// The store behind the URL.
    pub provider: Provider,
    /// When the URL stops working.
    pub expires_at: Timestamp,
    /// The most bytes that are taken.
    pub max_bytes: u64,
}
