//! S3 and what speaks its protocol: MinIO, Garage, Ceph and others.
//!
//! Clients put to the public endpoint by a signed URL; the server itself talks to the endpoint, with requests that it signs.
//! Both names are part of what is signed, so each has a client of its own.
//!
//! What differs from a directory: another PUT to an open URL replaces the object as long as the URL lives, also after
//! [`S3Store::seal`]. So `seal` keeps the `ETag`, and [`S3Store::open`] reads that content only or fails. What a late PUT
//! leaves behind falls to the sweeper, which lists.

mod call;
mod client;
mod connection;
mod credentials;
mod examine;
mod objects;
mod reader;
mod runtime;
mod sign;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::Client;
use url::Url;

use self::call::Call;
use self::credentials::CredentialSource;
pub use self::credentials::S3Credentials;
pub use self::reader::ObjectReader;
use self::runtime::Runtime;
use crate::key::ObjectKey;
use crate::upload::Provider;

/// How a bucket is reached.
#[derive(Debug, Clone)]
pub struct S3Config {
    /// The bucket's name.
    pub bucket: String,
    /// The region that requests are signed for.
    pub region: String,
    /// Where the server itself reaches the store; `None` is AWS.
    pub endpoint: Option<Url>,
    /// Where clients reach it; `None` is the endpoint.
    pub public_endpoint: Option<Url>,
    /// Whether the bucket is named in the path and not in the host; `None` is: wherever an endpoint is set.
    pub path_style: Option<bool>,
    /// Where the keys come from.
    pub credentials: S3Credentials,
    /// How long the store may take.
    pub patience: Patience,
    /// Most objects of one page of a listing; the protocol allows 1000.
    pub page_size: u16,
}

/// How long the store may take; tests have less of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Until a connection stands. In-cluster stores take milliseconds; five seconds outlast two lost packets.
    pub connect: Duration,
    /// Until an answer begins, for each attempt.
    pub answer: Duration,
    /// How long a body may stand still.
    pub stall: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            answer: Duration::from_secs(15),
            stall: Duration::from_secs(20),
        }
    }
}

impl S3Config {
    /// Describes a bucket of AWS in a region, with the standard chain of credentials.
    pub fn new(bucket: impl Into<String>, region: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
            region: region.into(),
            endpoint: None,
            public_endpoint: None,
            path_style: None,
            credentials: S3Credentials::Chain,
            patience: Patience::default(),
            page_size: 1000,
        }
    }

    fn public_endpoint(&self) -> Option<&Url> {
        self.public_endpoint.as_ref().or(self.endpoint.as_ref())
    }
}

/// Uploads in a bucket. All calls block: call them from threads that may, never from an async one.
pub struct S3Store {
    config: S3Config,
    /// Talks to the endpoint.
    client: Client,
    /// Signs for the public endpoint.
    public: Client,
    credentials: Arc<CredentialSource>,
    runtime: Arc<Runtime>,
}

impl S3Store {
    /// Opens a store. Nothing is sent before the first call.
    pub fn new(config: S3Config) -> io::Result<Self> {
        let runtime = Arc::new(Runtime::start()?);
        let credentials = Arc::new(CredentialSource::new(&config));
        let client = client::connect(&config, config.endpoint.as_ref(), &credentials);
        let public = client::connect(&config, config.public_endpoint(), &credentials);
        Ok(Self { config, client, public, credentials, runtime })
    }

    /// Returns the bucket's name.
    pub fn bucket(&self) -> &str {
        &self.config.bucket
    }

    /// Returns the kind of store: AWS, or an endpoint of its own.
    pub const fn provider(&self) -> Provider {
        match self.config.endpoint {
            Some(_) => Provider::Minio,
            None => Provider::S3,
        }
    }

    /// Names a call for its errors.
    fn call<'a>(&'a self, permission: &'static str, key: Option<&'a ObjectKey>) -> Call<'a> {
        Call { permission, bucket: &self.config.bucket, endpoint: self.config.endpoint.as_ref(), key }
    }
}

impl fmt::Debug for S3Store {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("S3Store").field("config", &self.config).finish_non_exhaustive()
    }
}
