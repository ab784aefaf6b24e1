//! Real object stores for tests, and a proxy that breaks connections to them.
//!
//! Every store is a process of its own on a free port of 127.0.0.1, with its data in a temporary
//! directory; it ends when its value is dropped. A test that needs one begins so:
//!
//! ```no_run
//! use workstead_test_stores::{Garage, Proxy};
//!
//! let Some(garage) = Garage::start() else { return };
//! let proxy = Proxy::start(&garage.endpoint());
//! ```
//!
//! `None` means that `scripts/test` found no way to install the store, and says so at its end. A
//! store that is merely not installed fails the test with the command that installs it.

mod garage;
mod gcs;
mod http;
mod ports;
mod process;
mod proxy;
mod tools;

pub use garage::{Garage, GarageKey, Rights};
pub use gcs::GcsEmulator;
pub use proxy::{Counts, Proxy, Rule};
