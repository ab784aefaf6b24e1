//! The store of a server with nothing configured: a directory, and URLs that our own server signs.
//!
//! An object is one file below `uploads/<workspace id>/` and goes one way only:
//!
//! | File | Means |
//! |---|---|
//! | `<id>.tar.gz` | put; another PUT replaces it |
//! | `<id>.sealed` | frozen, being read or kept for a retry; a PUT is refused |
//! | `<id>.closed` | empty: deleted; a PUT is refused until this is forgotten |
//!
//! `uploads/<workspace id>.closed` ends all keys of a workspace. Writes go to a temporary file beside their target, are
//! synced, renamed, and the directory is synced, so an object is there whole and durably, or not at all.

mod directory;
mod signature;
#[cfg(test)]
mod tests;
mod writer;

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use secrecy::SecretBox;
use url::Url;

use self::directory::{Directory, State};
use self::signature::Claims;
pub use self::writer::PutWriter;
use crate::error::{RefusedPut, StoreError};
use crate::key::{ObjectKey, is_id};
use crate::secret_url::SecretUrl;
use crate::store::{Listing, ObjectInfo};
use crate::upload::{CONTENT_TYPE, Provider, PutConditions, SignedUpload};

/// The path of the PUT route below the public URL; the key follows.
pub const ROUTE: &str = "/uploads/local/";

/// Bytes that are copied at once.
const COPY_BUFFER: usize = 256 << 10;

/// Uploads in a directory of this machine. One process at a time may use the directory.
#[derive(Debug)]
pub struct LocalStore {
    directory: Arc<Directory>,
    signing_key: SecretBox<[u8; 32]>,
    public_url: Url,
}

/// A PUT that was verified: what may be written, and under which conditions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutPermit {
    /// The object.
    pub key: ObjectKey,
    /// What the body must fulfil.
    pub conditions: PutConditions,
}

impl LocalStore {
    /// Makes the store of a directory, which need not exist yet.
    ///
    /// The signing key is the server's own and stays the same over restarts, or open URLs stop working; the public
    /// URL is an `http` or `https` one.
    pub fn new(directory: PathBuf, signing_key: [u8; 32], public_url: Url) -> Self {
        let signing_key = SecretBox::new(Box::new(signing_key));
        Self { directory: Arc::new(Directory::new(directory)), signing_key, public_url }
    }

    /// Signs an upload.
    pub fn sign_put(&self, key: &ObjectKey, conditions: &PutConditions) -> SignedUpload {
        let claims = Claims::new(key.clone(), conditions);
        let mut url = self.public_url.clone();
        url.set_fragment(None);
        url.set_path(&format!("{}{ROUTE}{key}", self.public_path()));
        url.set_query(Some(&claims.to_query(&self.signing_key)));
        let permit = claims.into_permit();
        SignedUpload {
            method: "PUT",
            url: SecretUrl::new(&url),
            headers: permit.headers(),
            provider: Provider::Local,
            expires_at: permit.conditions.expires_at,
            max_bytes: permit.conditions.max_bytes,
        }
    }

    /// Verifies the path and query of a PUT request.
    ///
    /// The public URL's own path may be in front, or taken off by a proxy.
    pub fn verify_put(&self, path_and_query: &str, now: Timestamp) -> Result<PutPermit, RefusedPut> {
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        let path = path.strip_prefix(self.public_path()).filter(|rest| rest.starts_with('/')).unwrap_or(path);
        let malformed = |reason: String| RefusedPut::Malformed(reason);
        let key = path.strip_prefix(ROUTE).ok_or_else(|| malformed(format!("it is not below {ROUTE}")))?;
        let key = ObjectKey::parse(key).map_err(|invalid| malformed(invalid.to_string()))?;
        let permit = Claims::verify(key, query, &self.signing_key)?.into_permit();
        let expired_at = permit.conditions.expires_at;
        if now >= expired_at {
            return Err(RefusedPut::Expired { expired_at });
        }
        match self.directory.state(&permit.key) {
            Ok(State::Empty | State::Put) => Ok(permit),
            Ok(State::Sealed | State::Closed) => Err(RefusedPut::Closed { key: permit.key }),
            Err(source) => Err(RefusedPut::Io { key: permit.key, source }),
        }
    }

    /// Begins to write an object; nothing remains of it unless [`PutWriter::finish`] succeeds.
    pub fn writer(&self, permit: &PutPermit) -> Result<PutWriter, RefusedPut> {
        PutWriter::begin(Arc::clone(&self.directory), permit)
    }

    /// Puts a file of the server's own under a key, instead of an earlier object.
    pub fn put(&self, key: &ObjectKey, file: &Path, sha256: [u8; 32]) -> Result<ObjectInfo, StoreError> {
        let mut file = fs_err::File::open(file)?;
        let size = file.metadata()?.len();
        let conditions = PutConditions {
            size: Some(size),
            sha256: Some(sha256),
            max_bytes: size,
            expires_at: Timestamp::MAX,
        };
        let mut writer = self.writer(&PutPermit { key: key.clone(), conditions }).map_err(own_put)?;
        let mut buffer = vec![0; COPY_BUFFER];
        loop {
            let count = file.read(&mut buffer)?;
            if count == 0 {
                return writer.finish().map_err(own_put);
            }
            writer.write(&buffer[..count]).map_err(own_put)?;
        }
    }

    /// Returns what is known of an object, or nothing when there is none.
    pub fn head(&self, key: &ObjectKey) -> Result<Option<ObjectInfo>, StoreError> {
        Ok(self.directory.info(key)?)
    }

    /// Freezes an object: what is read afterwards can't be changed by a late PUT. Twice is fine.
    pub fn seal(&self, key: &ObjectKey) -> Result<ObjectInfo, StoreError> {
        let state = self.directory.seal(key)?;
        self.info_of(key, state)
    }

    /// Opens an object for reading from its start.
    pub fn open(&self, key: &ObjectKey) -> Result<fs_err::File, StoreError> {
        match self.directory.open(key)? {
            (_, Some(file)) => Ok(file),
            (State::Closed, None) => Err(StoreError::Closed { key: key.clone() }),
            (_, None) => Err(StoreError::Missing { key: key.clone() }),
        }
    }

    /// Deletes an object and ends its key: a PUT that comes later is refused. Twice is fine.
    pub fn delete(&self, key: &ObjectKey) -> Result<(), StoreError> {
        Ok(self.directory.close(key)?)
    }

    /// Deletes all objects of a workspace, by its immutable id, and ends their keys. Twice is fine.
    pub fn delete_workspace(&self, workspace_id: &str) -> Result<(), StoreError> {
        if !is_id(workspace_id) {
            return Err(StoreError::InvalidId { id: workspace_id.chars().take(300).collect() });
        }
        Ok(self.directory.close_workspace(workspace_id)?)
    }

    /// Writes a little and takes it away again; fails when the directory is missing or can't be written.
    pub fn check(&self) -> Result<(), StoreError> {
        Ok(self.directory.check()?)
    }

    /// Lists objects last written before a time, and counts files that are none of ours.
    pub fn list_older_than(&self, time: Timestamp) -> Result<Listing, StoreError> {
        Ok(self.directory.list_older_than(time)?)
    }

    /// Forgets marks of deleted objects and temporary files of broken writes from before a time, and counts them.
    ///
    /// The time must lie further back than any URL's life, or a URL of a deleted object works again.
    pub fn forget_older_than(&self, time: Timestamp) -> Result<usize, StoreError> {
        Ok(self.directory.forget_older_than(time)?)
    }

    fn info_of(&self, key: &ObjectKey, state: State) -> Result<ObjectInfo, StoreError> {
        match state {
            State::Closed => Err(StoreError::Closed { key: key.clone() }),
            _ => self.head(key)?.ok_or_else(|| StoreError::Missing { key: key.clone() }),
        }
    }

    fn public_path(&self) -> &str {
        self.public_url.path().trim_end_matches('/')
    }
}

/// Shapes what stopped a write of the server's own.
fn own_put(refused: RefusedPut) -> StoreError {
    match refused {
        RefusedPut::Closed { key } => StoreError::Closed { key },
        RefusedPut::Io { source, .. } => StoreError::Io(source),
        // Only a file that somebody changes while it is copied breaks its own conditions.
        other => StoreError::Io(io::Error::other(other.to_string())),
    }
}

impl PutPermit {
    /// Returns the headers that the client must send.
    fn headers(&self) -> Vec<(String, String)> {
        let mut headers = vec![("Content-Type".to_owned(), CONTENT_TYPE.to_owned())];
        headers.extend(self.conditions.size.map(|size| ("Content-Length".to_owned(), size.to_string())));
        headers
    }

    /// Checks the request's headers, before the body is read; `header` looks one up by its lower-case name.
    pub fn check_headers<'a>(&self, header: impl Fn(&str) -> Option<&'a str>) -> Result<(), RefusedPut> {
        let wrong = |name, wanted: String, actual: Option<&str>| {
            Err(RefusedPut::WrongHeader { name, wanted, actual: actual.map(str::to_owned) })
        };
        let content_type = header("content-type").map(str::trim);
        if !content_type.is_some_and(|value| value.eq_ignore_ascii_case(CONTENT_TYPE)) {
            return wrong("Content-Type", CONTENT_TYPE.to_owned(), content_type);
        }
        let sent = header("content-length").map(str::trim);
        let length = sent.and_then(|value| value.parse::<u64>().ok());
        match (self.conditions.size, length) {
            (Some(size), _) if length != Some(size) => wrong("Content-Length", size.to_string(), sent),
            (_, Some(actual)) if actual > self.conditions.max_bytes => {
                Err(RefusedPut::TooLarge { actual, maximum: self.conditions.max_bytes })
            }
            _ => Ok(()),
        }
    }
}
