//! The S3 store against a real one, Garage, and through a network that breaks.

mod examination;
mod logs;
mod objects;
mod outages;
mod signed;
mod store;
