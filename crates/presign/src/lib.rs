//! Signed upload URLs and access to what was uploaded.
//!
//! A client gets a [`SignedUpload`]: one method, one key, some minutes, and, as far as it declared them, one size and one
//! SHA-256. What then lies under the [`ObjectKey`] is hostile until the server has read and checked it.
//!
//! # How the stores fit one shape
//!
//! [`ObjectStore`] is an enum; every store gives the same blocking calls.
//!
//! * **local** ([`LocalStore`]): the URL names our own server, signed by HMAC-SHA256; the server calls
//!   [`LocalStore::verify_put`] and [`LocalStore::writer`] in its PUT route.
//! * **s3, minio** ([`S3Store`]): `sign_put` is a presigned `PutObject` for the public endpoint, with `content-length` and
//!   `x-amz-checksum-sha256` among the signed headers, so [`SignedUpload::headers`] must be sent exactly. The store
//!   verifies the URL; `verify_put` and `writer` don't exist there.
//! * **gcs** ([`GcsStore`]): a V4 signed URL (GOOG4-RSA-SHA256); size and size limit are `x-goog-content-length-range`, the
//!   SHA-256 is `x-goog-content-sha256`.
//!
//! `seal` freezes an object before it is read: a rename here, the object's version (`ETag`, generation) kept and asked for
//! by `If-Match` there. `delete` also ends the key: a late PUT is refused here, and left to the sweeper there.

mod error;
mod gcs;
mod key;
pub mod local;
pub mod s3;
mod secret_url;
mod store;
mod upload;

pub use error::{RefusedPut, StoreError};
pub use gcs::{GcsConfig, GcsStore};
pub use key::{InvalidKey, ObjectKey};
pub use local::{LocalStore, PutPermit, PutWriter};
pub use s3::{ObjectReader, Patience, S3Config, S3Credentials, S3Store};
pub use secret_url::SecretUrl;
pub use store::{Examination, Listing, ObjectInfo, ObjectStore, StoredObject};
pub use upload::{Provider, PutConditions, SignedUpload};
