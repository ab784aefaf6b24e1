//! The one shape that all stores have.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use crate::error::StoreError;
use crate::gcs::GcsStore;
use crate::key::ObjectKey;
use crate::local::LocalStore;
use crate::s3::S3Store;
use crate::upload::{Provider, PutConditions, SignedUpload};

/// What is known of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Its size in bytes.
    pub size: u64,
    /// When it was last written.
    pub modified_at: Timestamp,
    /// Which content it is, where the store keeps a name for that: an `ETag` or a generation.
    pub version: Option<String>,
}

/// One object in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredObject {
    /// Its key.
    pub key: ObjectKey,
    /// What is known of it.
    pub info: ObjectInfo,
}

/// What a look at everything that uploads need showed.
#[derive(Debug)]
pub struct Examination {
    /// Why uploads don't work, if they don't.
    pub failure: Option<StoreError>,
    /// What may not be as it should, in sentences for the log.
    pub warnings: Vec<String>,
}

/// What a store holds below the prefix of uploads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// Objects whose keys are of our form, by key.
    pub objects: Vec<StoredObject>,
    /// How many others there are: not ours, and nobody here touches them.
    pub foreign: u64,
}

/// Where uploads lie. All calls block; an async caller wraps them.
#[derive(Debug)]
pub enum ObjectStore {
    /// A directory of this machine.
    Local(Arc<LocalStore>),
    /// A bucket of S3, or of a store that speaks its protocol.
    S3(Arc<S3Store>),
    /// A bucket of Google Cloud Storage.
    Gcs(Arc<GcsStore>),
}

impl ObjectStore {
    /// Returns the kind of store.
    pub fn provider(&self) -> Provider {
        match self {
            Self::Local(_) => Provider::Local,
            Self::S3(store) => store.provider(),
            Self::Gcs(_) => Provider::Gcs,
        }
    }

    /// Returns the name that notifications call the store by: the bucket's.
    ///
    /// A directory has none and goes by its provider's name, so that a script that watches it can notify too.
    pub fn bucket(&self) -> &str {
        match self {
            Self::Local(_) => "local",
            Self::S3(store) => store.bucket(),
            Self::Gcs(store) => store.bucket(),
        }
    }

    /// Signs an upload; fails where signing asks a service that does not answer.
    pub fn sign_put(&self, key: &ObjectKey, conditions: &PutConditions) -> Result<SignedUpload, StoreError> {
        match self {
            Self::Local(store) => Ok(store.sign_put(key, conditions)),
            Self::S3(store) => store.sign_put(key, conditions),
            Self::Gcs(store) => store.sign_put(key, conditions),
        }
    }

    /// Puts a file of the server's own under a key, instead of an earlier object.
    pub fn put(&self, key: &ObjectKey, file: &Path, sha256: [u8; 32]) -> Result<ObjectInfo, StoreError> {
        match self {
            Self::Local(store) => store.put(key, file, sha256),
            Self::S3(store) => store.put(key, file, sha256),
            Self::Gcs(store) => store.put(key, file, sha256),
        }
    }

    /// Returns what is known of an object, or nothing when there is none.
    pub fn head(&self, key: &ObjectKey) -> Result<Option<ObjectInfo>, StoreError> {
        match self {
            Self::Local(store) => store.head(key),
            Self::S3(store) => store.head(key),
            Self::Gcs(store) => store.head(key),
        }
    }

    /// Freezes an object: what is read afterwards can't be changed by a late PUT. Twice is fine.
    pub fn seal(&self, key: &ObjectKey) -> Result<ObjectInfo, StoreError> {
        match self {
            Self::Local(store) => store.seal(key),
            Self::S3(store) => store.seal(key),
            Self::Gcs(store) => store.seal(key),
        }
    }

    /// Opens an object for reading from its start, as it was when it was frozen.
    ///
    /// Another content fails with [`StoreError::Changed`]. An error of the reader says what happened to the store;
    /// [`StoreError::of_read`] tells whether the same call may succeed later.
    pub fn open(&self, key: &ObjectKey, frozen: &ObjectInfo) -> Result<Box<dyn Read + Send>, StoreError> {
        match self {
            // Frozen by its name.
            Self::Local(store) => Ok(Box::new(store.open(key)?)),
            Self::S3(store) => Ok(Box::new(store.open(key, frozen)?)),
            Self::Gcs(store) => store.open(key, frozen),
        }
    }

    /// Deletes an object and ends its key: a PUT that comes later is refused. Twice is fine.
    pub fn delete(&self, key: &ObjectKey) -> Result<(), StoreError> {
        match self {
            Self::Local(store) => store.delete(key),
            Self::S3(store) => store.delete(key),
            Self::Gcs(store) => store.delete(key),
        }
    }

    /// Deletes all objects of a workspace, by its immutable id.
    pub fn delete_workspace(&self, workspace_id: &str) -> Result<(), StoreError> {
        match self {
            Self::Local(store) => store.delete_workspace(workspace_id),
            Self::S3(store) => store.delete_workspace(workspace_id),
            Self::Gcs(store) => store.delete_workspace(workspace_id),
        }
    }

    /// Tells whether the store would take an object just now.
    pub fn check(&self) -> Result<(), StoreError> {
        match self {
            Self::Local(store) => store.check(),
            Self::S3(store) => store.check(),
            Self::Gcs(store) => store.check(),
        }
    }

    /// Looks once at all that uploads need, and says what is wrong or may be.
    pub fn examine(&self) -> Examination {
        match self {
            Self::Local(store) => Examination { failure: store.check().err(), warnings: Vec::new() },
            Self::S3(store) => store.examine(),
            Self::Gcs(store) => store.examine(),
        }
    }

    /// Lists objects last written before a time, and counts what else lies there.
    pub fn list_older_than(&self, time: Timestamp) -> Result<Listing, StoreError> {
        match self {
            Self::Local(store) => store.list_older_than(time),
            Self::S3(store) => store.list_older_than(time),
            Self::Gcs(store) => store.list_older_than(time),
        }
    }

    /// Forgets what deleted objects and broken writes left behind before a time.
    ///
    /// The time must lie further back than any URL's life, or a URL of a deleted object works again.
    pub fn forget_older_than(&self, time: Timestamp) -> Result<usize, StoreError> {
        match self {
            Self::Local(store) => store.forget_older_than(time),
            // Nothing is left behind there.
            Self::S3(_) => Ok(0),
            Self::Gcs(store) => store.forget_older_than(time),
        }
    }
}
