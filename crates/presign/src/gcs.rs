//! Google Cloud Storage.
//!
//! URLs are signed by Google's own crate (V4, GOOG4-RSA-SHA256), with the key of a service account's key file or, where
//! there is none, by the IAM service's `signBlob`. The server's own reads, writes, lists and deletes are requests of the
//! JSON API: Google's client for these speaks gRPC, which neither an emulator nor many a proxy serves.
//!
//! What the store enforces by itself: method, key and minutes; the size, by `x-goog-content-length-range`; and the type.
//! A declared SHA-256 is signed as `x-goog-content-sha256`, the hash of the payload in a V4 request. The checksums that the
//! store keeps are MD5 and CRC32C only, so the SHA-256 is always compared by the server too.
//!
//! A generation names one content of an object: [`GcsStore::seal`] notes it, and [`GcsStore::open`] asks for no other.

mod answer;
mod body;
mod client;
mod credentials;
mod sign_blob;
#[cfg(test)]
mod tests;

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use google_cloud_storage::builder::storage::SignedUrlBuilder;
use jiff::Timestamp;
use secrecy::SecretString;
use ureq::http::Method;
use url::Url;
use uuid::Uuid;

use self::client::{Client, Item, Patience};
use self::credentials::{Credentials, Services};
use crate::error::StoreError;
use crate::key::{ObjectKey, PREFIX, is_id};
use crate::secret_url::SecretUrl;
use crate::store::{Examination, Listing, ObjectInfo, StoredObject};
use crate::upload::{CONTENT_TYPE, Provider, PutConditions, SignedUpload};

/// Where Google Cloud Storage is.
const ENDPOINT: &str = "https://storage.googleapis.com";
/// What the names of the objects begin with that only try whether the store works; no key does.
const PROBES: &str = "uploads/.check/";
/// The longest life of a V4 URL.
const LONGEST_LIFE: i64 = 7 * 24 * 60 * 60;

/// Which bucket to use, and as whom.
#[derive(Debug, Clone)]
pub struct GcsConfig {
    /// The bucket's name.
    pub bucket: String,
    /// Where the server reaches the store, when not at `https://storage.googleapis.com`.
    pub endpoint: Option<Url>,
    /// Where clients reach it, when not at the same address.
    pub public_endpoint: Option<Url>,
    /// The file of Google's credentials; without one, that of `gcloud`, and then the metadata server, are asked.
    pub credentials_file: Option<PathBuf>,
    /// The service account that signs by `signBlob`, when the credentials don't name it themselves.
    pub signer: Option<String>,
    /// Most objects of one page of a list; the API allows 1000.
    pub page_size: u16,
}

impl GcsConfig {
    /// Describes a bucket at Google, with the credentials that are found there where the server runs.
    pub fn new(bucket: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
            endpoint: None,
            public_endpoint: None,
            credentials_file: None,
            signer: None,
            page_size: 1000,
        }
    }
}

/// Uploads in a bucket of Google Cloud Storage.
#[derive(Debug)]
pub struct GcsStore {
    client: Client,
    credentials: Credentials,
    bucket: String,
    public_endpoint: String,
}

impl GcsStore {
    /// Makes the store; asks nobody yet, so credentials that are missing or wrong show when it is used.
    pub fn new(config: GcsConfig) -> io::Result<Self> {
        Self::with(config, Services::default(), Patience::default())
    }

    fn with(config: GcsConfig, services: Services, patience: Patience) -> io::Result<Self> {
        let GcsConfig { bucket, endpoint, public_endpoint, credentials_file, signer, page_size } = config;
        let text = |url: &Url| url.as_str().trim_end_matches('/').to_owned();
        let own = endpoint.as_ref().map_or_else(|| ENDPOINT.to_owned(), text);
        let public_endpoint = public_endpoint.as_ref().map_or_else(|| own.clone(), text);
        Ok(Self {
            client: Client::new(&own, &bucket, page_size, patience),
            credentials: Credentials::new(credentials_file, signer, services, patience)?,
            bucket,
            public_endpoint,
        })
    }

    /// Signs an upload; where there is no key file, the IAM service is asked to.
    pub fn sign_put(&self, key: &ObjectKey, conditions: &PutConditions) -> Result<SignedUpload, StoreError> {
        let headers = signed_headers(conditions);
        let life = conditions.expires_at.as_second().saturating_sub(Timestamp::now().as_second());
        let life = Duration::from_secs(life.clamp(1, LONGEST_LIFE).unsigned_abs());
        let bucket = format!("projects/_/buckets/{}", self.bucket);
        let builder = SignedUrlBuilder::for_object(bucket, key.as_str())
            .with_endpoint(&self.public_endpoint)
            .with_method(Method::PUT)
            .with_expiration(life);
        let builder = headers.iter().fold(builder, |builder, (name, value)| builder.with_header(name, value));
        let url = self.credentials.sign(builder)?;
        // Google's crate made it of a valid endpoint.
        let url = Url::parse(&url).map_err(|error| StoreError::Refused {
            reason: format!("a signed URL came out malformed ({error})"),
            cure: "check WORKSTEAD_GCS_PUBLIC_ENDPOINT and WORKSTEAD_GCS_ENDPOINT".to_owned(),
        })?;
        Ok(SignedUpload {
            method: "PUT",
            url: SecretUrl::new(&url),
            headers,
            provider: Provider::Gcs,
            expires_at: conditions.expires_at,
            max_bytes: conditions.max_bytes,
        })
    }

    /// Puts a file of the server's own under a key, instead of an earlier object.
    pub fn put(&self, key: &ObjectKey, file: &Path, sha256: [u8; 32]) -> Result<ObjectInfo, StoreError> {
        let open = || Ok(fs_err::File::open(file)?);
        let size = open()?.metadata()?.len();
        let (item, sent) = self.ask(|token| self.client.upload(token, key.as_str(), size, open))?;
        if sent != sha256 || item.info.size != size {
            // Only a file that somebody changes while it is sent does that.
            self.delete(key)?;
            return Err(io::Error::other(format!("`{key}` was changed while it was sent")).into());
        }
        Ok(item.info)
    }

    /// Returns what is known of an object, or nothing when there is none.
    pub fn head(&self, key: &ObjectKey) -> Result<Option<ObjectInfo>, StoreError> {
        Ok(self.ask(|token| self.client.head(token, key.as_str()))?.map(|item| item.info))
    }

    /// Notes which content of the object is read afterwards. Twice is fine.
    pub fn seal(&self, key: &ObjectKey) -> Result<ObjectInfo, StoreError> {
        self.head(key)?.ok_or_else(|| StoreError::Missing { key: key.clone() })
    }

    /// Opens an object for reading from its start; one that was written anew since it was sealed is refused.
    pub fn open(&self, key: &ObjectKey, frozen: &ObjectInfo) -> Result<Box<dyn Read + Send>, StoreError> {
        self.ask(|token| self.client.read(token, key, frozen))
    }

    /// Deletes an object. Twice is fine. A URL that was given out for it works until it expires.
    pub fn delete(&self, key: &ObjectKey) -> Result<(), StoreError> {
        self.ask(|token| self.client.delete(token, key.as_str()))
    }

    /// Deletes all objects of a workspace, by its immutable id. Twice is fine.
    pub fn delete_workspace(&self, workspace_id: &str) -> Result<(), StoreError> {
        if !is_id(workspace_id) {
            return Err(StoreError::InvalidId { id: workspace_id.chars().take(300).collect() });
        }
        for item in self.list(&format!("{PREFIX}{workspace_id}/"))? {
            self.ask(|token| self.client.delete(token, &item.name))?;
        }
        Ok(())
    }

    /// Returns the bucket's name.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// Signs, writes, reads, lists and deletes a little; fails with what an operator can do about it.
    pub fn check(&self) -> Result<(), StoreError> {
        let name = format!("{PROBES}{}", Uuid::now_v7());
        self.credentials.check_signer()?;
        self.ask(|token| self.client.probe(token, &name))
    }

    /// Does all that uploads need once, and looks whether the public endpoint answers.
    pub fn examine(&self) -> Examination {
        let failure = self.check().err();
        let unreachable = self.client.reach(&self.public_endpoint);
        let warnings = unreachable.map(|error| {
            format!("the public endpoint can't be used from here ({error}); signed URLs work only for clients that can")
        });
        Examination { failure, warnings: warnings.into_iter().collect() }
    }

    /// Lists objects last written before a time, by key.
    pub fn list_older_than(&self, time: Timestamp) -> Result<Listing, StoreError> {
        let mut listing = Listing::default();
        for Item { name, info, .. } in self.list(PREFIX)? {
            match ObjectKey::parse(&name) {
                Ok(key) if info.modified_at < time => listing.objects.push(StoredObject { key, info }),
                Ok(_) => {}
                Err(_) => listing.foreign += 1,
            }
        }
        listing.objects.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(listing)
    }

    /// Deletes what checks that broke off left behind before a time, and counts it.
    pub fn forget_older_than(&self, time: Timestamp) -> Result<usize, StoreError> {
        let left: Vec<_> =
            self.list(PROBES)?.into_iter().filter(|item| item.info.modified_at < time).collect();
        for item in &left {
            self.ask(|token| self.client.delete(token, &item.name))?;
        }
        Ok(left.len())
    }

    fn list(&self, prefix: &str) -> Result<Vec<Item>, StoreError> {
        let mut items = Vec::new();
        let mut next = None;
        loop {
            let page = self.ask(|token| self.client.list(token, prefix, next.as_deref()))?;
            items.extend(page.items);
            next = page.next;
            if next.is_none() {
                return Ok(items);
            }
        }
    }

    /// Makes requests with a token; after a refusal the credentials are found anew, for they may be other ones by now.
    fn ask<T>(&self, request: impl FnOnce(&SecretString) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let token = self.credentials.token()?;
        request(&token).inspect_err(|error| {
            if matches!(error, StoreError::Refused { .. }) {
                self.credentials.forget();
            }
        })
    }
}

/// Returns the headers that the client must send and that the signature covers.
fn signed_headers(conditions: &PutConditions) -> Vec<(String, String)> {
    let PutConditions { size, sha256, max_bytes, .. } = conditions;
    let range = size.map_or_else(|| format!("0,{max_bytes}"), |size| format!("{size},{size}"));
    let mut headers = vec![
        ("Content-Type".to_owned(), CONTENT_TYPE.to_owned()),
        ("x-goog-content-length-range".to_owned(), range),
    ];
    headers.extend(sha256.map(|hash| ("x-goog-content-sha256".to_owned(), hex::encode(hash))));
    headers
}
