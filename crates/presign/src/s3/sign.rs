//! Signing what a client may put.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::presigning::PresigningConfig;
use jiff::Timestamp;
use url::Url;

use super::S3Store;
use crate::error::StoreError;
use crate::key::ObjectKey;
use crate::secret_url::SecretUrl;
use crate::upload::{CONTENT_TYPE, PutConditions, SignedUpload};

/// The longest life that the protocol gives a URL: a week.
const LONGEST_LIFE: i64 = 7 * 24 * 3600;

impl S3Store {
    /// Signs an upload for the public endpoint: one key, PUT only, with the declared size and hash.
    pub fn sign_put(&self, key: &ObjectKey, conditions: &PutConditions) -> Result<SignedUpload, StoreError> {
        self.sign_put_at(key, conditions, Timestamp::now())
    }

    /// Signs an upload as if it were another time.
    pub fn sign_put_at(
        &self,
        key: &ObjectKey,
        conditions: &PutConditions,
        now: Timestamp,
    ) -> Result<SignedUpload, StoreError> {
        // The signature has whole seconds.
        let now = Timestamp::from_second(now.as_second()).unwrap_or(now);
        let life = (conditions.expires_at.as_second() - now.as_second()).clamp(1, LONGEST_LIFE);
        let life = Duration::from_secs(life.unsigned_abs());
        let times = PresigningConfig::builder()
            .start_time(SystemTime::UNIX_EPOCH + Duration::from_secs(now.as_second().unsigned_abs()))
            .expires_in(life)
            .build();
        let times = times.map_err(|error| StoreError::Io(std::io::Error::other(error)))?;
        let request = self
            .public
            .put_object()
            .bucket(&self.config.bucket)
            .key(key.as_str())
            .content_type(CONTENT_TYPE)
            .set_content_length(conditions.size.and_then(|size| i64::try_from(size).ok()))
            .set_checksum_sha256(conditions.sha256.map(super::objects::checksum));
        let before = self.credentials.expires_at();
        let signed = self.runtime.block_on(request.presigned(times));
        let signed = signed.map_err(|error| self.call("s3:PutObject", Some(key)).failed(error))?;
        let url = Url::parse(signed.uri()).map_err(|error| StoreError::Io(std::io::Error::other(error)))?;
        let mut headers: Vec<_> =
            signed.headers().map(|(name, value)| (written(name), value.to_owned())).collect();
        headers.sort();
        // With temporary keys, the URL ends when they do.
        let ends = [before, self.credentials.expires_at()];
        let expires_at = ends.into_iter().flatten().fold(now + life, Timestamp::min);
        Ok(SignedUpload {
            method: "PUT",
            url: SecretUrl::new(&url),
            headers,
            provider: self.provider(),
            expires_at,
            max_bytes: conditions.max_bytes,
        })
    }
}

/// Writes a header's name as people know it.
fn written(name: &str) -> String {
    match name {
        "content-length" => "Content-Length".to_owned(),
        "content-type" => "Content-Type".to_owned(),
        other => other.to_owned(),
    }
}
