//! The S3 store against a real one, Garage, and through a network that breaks.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod examination;
mod logs;
mod objects;
mod outages;
mod signed;
mod store;
