//! Objects: what is known of them, written, read, listed and deleted.

use std::path::Path;
use std::pin::pin;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::Config;
use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_sdk_s3::types::Object;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;

use super::S3Store;
use super::client::{time_to_send, timeouts};
use super::reader::ObjectReader;
use crate::error::StoreError;
use crate::key::{ObjectKey, PREFIX, is_id};
use crate::store::{Listing, ObjectInfo, StoredObject};
use crate::upload::CONTENT_TYPE;

/// How many objects are deleted at the same time. One request for many is not understood by all stores.
const DELETED_AT_ONCE: usize = 8;

impl S3Store {
    /// Puts a file of the server's own under a key, instead of an earlier object.
    pub fn put(&self, key: &ObjectKey, file: &Path, sha256: [u8; 32]) -> Result<ObjectInfo, StoreError> {
        let size = fs_err::metadata(file)?.len();
        let limits = timeouts(self.config.patience, time_to_send(self.config.patience, size));
        let put = async {
            let body = ByteStream::from_path(file).await;
            let body = body.map_err(|error| StoreError::Io(std::io::Error::other(error)))?;
            let request = self
                .client
                .put_object()
                .bucket(&self.config.bucket)
                .key(key.as_str())
                .content_type(CONTENT_TYPE)
                .checksum_sha256(checksum(sha256))
                .body(body);
            let sent = request.customize().config_override(Config::builder().timeout_config(limits)).send();
            sent.await.map_err(|error| self.call("s3:PutObject", Some(key)).failed(&error))
        };
        let answer = self.runtime.block_on(put)?;
        let version = answer.e_tag().map(str::to_owned);
        Ok(ObjectInfo { size, modified_at: Timestamp::now(), version })
    }

    /// Returns what is known of an object, or nothing when there is none.
    pub fn head(&self, key: &ObjectKey) -> Result<Option<ObjectInfo>, StoreError> {
        match self.runtime.block_on(self.ask_head(key)) {
            Err(StoreError::Missing { .. }) => Ok(None),
            found => found.map(Some),
        }
    }

    /// Notes which content an object has, for [`S3Store::open`]. Twice is fine.
    pub fn seal(&self, key: &ObjectKey) -> Result<ObjectInfo, StoreError> {
        let info = self.runtime.block_on(self.ask_head(key))?;
        if info.version.is_none() {
            return Err(StoreError::Refused {
                reason: format!("{} gives objects no ETag", self.call("", None).store()),
                cure: "use a store that does, so that an upload can't change while it is read".to_owned(),
            });
        }
        Ok(info)
    }

    async fn ask_head(&self, key: &ObjectKey) -> Result<ObjectInfo, StoreError> {
        let asked = self.client.head_object().bucket(&self.config.bucket).key(key.as_str()).send().await;
        match asked.map_err(|error| self.call("s3:GetObject", Some(key)).failed(&error)) {
            Ok(found) => Ok(ObjectInfo {
                size: size(found.content_length()),
                modified_at: time(found.last_modified()),
                version: found.e_tag().map(str::to_owned),
            }),
            // An answer without a body does not tell an absent object from an absent bucket.
            Err(missing @ StoreError::Missing { .. }) => {
                self.find_bucket(&self.client).await?;
                Err(missing)
            }
            Err(error) => Err(error),
        }
    }

    /// Fails when the bucket is not there; other failures don't tell.
    async fn find_bucket(&self, client: &Client) -> Result<(), StoreError> {
        let asked = client.head_bucket().bucket(&self.config.bucket).send().await;
        let is_absent =
            asked.err().and_then(|error| error.raw_response().map(|answer| answer.status().as_u16()))
                == Some(404);
        if is_absent { Err(self.call("s3:ListBucket", None).no_bucket()) } else { Ok(()) }
    }

    /// Opens an object for reading from its start, as it was when it was sealed.
    pub fn open(&self, key: &ObjectKey, sealed: &ObjectInfo) -> Result<ObjectReader, StoreError> {
        let request = self
            .client
            .get_object()
            .bucket(&self.config.bucket)
            .key(key.as_str())
            .set_if_match(sealed.version.clone());
        let call = self.call("s3:GetObject", Some(key));
        let answer = self.runtime.block_on(request.send()).map_err(|error| call.failed(&error))?;
        if size(answer.content_length()) != sealed.size {
            return Err(StoreError::Changed { key: key.clone() });
        }
        let patience = time_to_send(self.config.patience, sealed.size);
        Ok(ObjectReader::new(self.runtime.clone(), answer.body, sealed.size, patience, call.store()))
    }

    /// Deletes an object. Twice is fine. A late PUT by a URL that still lives puts one again.
    pub fn delete(&self, key: &ObjectKey) -> Result<(), StoreError> {
        self.runtime.block_on(self.ask_delete(key.as_str(), Some(key)))
    }

    pub(super) async fn ask_delete(&self, name: &str, key: Option<&ObjectKey>) -> Result<(), StoreError> {
        let asked = self.client.delete_object().bucket(&self.config.bucket).key(name).send().await;
        match asked.map_err(|error| self.call("s3:DeleteObject", key).failed(&error)) {
            Ok(_) | Err(StoreError::Missing { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Deletes all objects of a workspace, by its immutable id. Twice is fine.
    pub fn delete_workspace(&self, workspace_id: &str) -> Result<(), StoreError> {
        if !is_id(workspace_id) {
            return Err(StoreError::InvalidId { id: workspace_id.chars().take(300).collect() });
        }
        let prefix = format!("{PREFIX}{workspace_id}/");
        self.runtime.block_on(async {
            self.each_page(&prefix, async |objects| {
                let names = objects.iter().filter_map(Object::key);
                let deleting = names.map(|name| self.ask_delete(name, None));
                let mut deleted = pin!(stream::iter(deleting).buffer_unordered(DELETED_AT_ONCE));
                while let Some(result) = deleted.next().await {
                    result?;
                }
                Ok(())
            })
            .await
        })
    }

    /// Lists objects last written before a time, by key.
    pub fn list_older_than(&self, before: Timestamp) -> Result<Listing, StoreError> {
        let mut listing = Listing::default();
        self.runtime.block_on(self.each_page(PREFIX, async |objects| {
            for object in objects {
                match stored(object) {
                    Some(object) if object.info.modified_at < before => listing.objects.push(object),
                    Some(_) => {}
                    None => listing.foreign += 1,
                }
            }
            Ok(())
        }))?;
        listing.objects.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(listing)
    }

    /// Does something with each page of a listing.
    async fn each_page(
        &self,
        prefix: &str,
        mut work: impl AsyncFnMut(&[Object]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let listing = self.client.list_objects_v2().bucket(&self.config.bucket).prefix(prefix);
        let mut pages = listing.into_paginator().page_size(self.config.page_size.into()).send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| self.call("s3:ListBucket", None).failed(&error))?;
            work(page.contents()).await?;
        }
        Ok(())
    }
}

/// Reads an entry of a listing; what is no upload of ours is nothing.
fn stored(object: &Object) -> Option<StoredObject> {
    let key = ObjectKey::parse(object.key()?).ok()?;
    let info = ObjectInfo {
        size: size(object.size()),
        modified_at: time(object.last_modified()),
        version: object.e_tag().map(str::to_owned),
    };
    Some(StoredObject { key, info })
}

/// Writes a hash as the protocol does.
pub(super) fn checksum(sha256: [u8; 32]) -> String {
    BASE64_STANDARD.encode(sha256)
}

fn size(number: Option<i64>) -> u64 {
    number.and_then(|number| u64::try_from(number).ok()).unwrap_or_default()
}

/// Reads a time; an object without one is as young as can be, so that nothing takes it for abandoned.
fn time(time: Option<&DateTime>) -> Timestamp {
    let read = |time: &DateTime| {
        Timestamp::new(time.secs(), i32::try_from(time.subsec_nanos()).unwrap_or_default()).ok()
    };
    time.and_then(read).unwrap_or(Timestamp::MAX)
}
