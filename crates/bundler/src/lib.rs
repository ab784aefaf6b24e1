//! Bundles: reading hostile ones, writing deterministic ones, and what belongs around them.
//!
//! A bundle is a gzip tar rooted at the workspace's directory. [`read()`] checks one while it streams and
//! never writes anything to disk; [`write()`] makes the same bytes of the same files, whatever the clock;
//! [`read_directory()`] collects the files of a directory for it. No network, no Git.

pub mod builder_config;
pub mod directory;
mod error;
mod limits;
pub mod manifest;
mod names;
mod read;
pub mod sample;
mod write;

pub use directory::{DirectoryError, DirectoryFiles, Survey, read_directory, survey_directory};
pub use error::BundleError;
pub use limits::{Limit, LimitExceeded, Limits};
pub use names::NameClash;
pub use read::{Bundle, read, read_observed};
pub use write::write;
