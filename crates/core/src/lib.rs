//! The model of a workspace repository and everything that changes one.
//!
//! No HTTP, no async, no environment, no printing: see `docs/ARCHITECTURE.md`.

pub mod check;
pub mod diff;
pub mod door;
pub mod merge;
pub mod merge_patch;
pub mod model;
pub mod name;
pub mod oid;
pub mod path;
pub mod problem;
pub mod repository;
pub mod role;
pub mod slx_config;
pub mod tree;
pub mod upload;
pub mod workspace_file;
pub mod yaml;
