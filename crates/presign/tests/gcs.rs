//! Google Cloud Storage by an emulator: the server's own reads, writes, lists and deletes.
//!
//! The emulator speaks the JSON API and takes PUTs, but looks at no token and no signature; what Google makes of those is
//! in the crate's own tests.
#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

#[path = "gcs/account.rs"]
mod account;
#[path = "gcs/objects.rs"]
mod objects;
#[path = "gcs/outage.rs"]
mod outage;
#[path = "gcs/uploads.rs"]
mod uploads;
