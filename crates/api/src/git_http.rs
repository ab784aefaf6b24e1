//! Git over HTTP: clone, fetch and push (gitprotocol-http), by the `git` program.
//!
//! A request passes four rooms: the routes (authentication, permission), the gateway (headers),
//! the exchange (bytes both ways through one process) and, for a push, the push check.

mod alias;
mod command;
mod credentials;
mod exchange;
mod gateway;
pub mod hook;
mod input;
mod limits;
mod pkt;
mod process;
mod push_check;
mod routes;
mod service;
mod settle;
#[cfg(test)]
mod tests;

pub(crate) use self::push_check::wire::RefUpdate;
pub(crate) use self::routes::{require_credentials, routes};

pub use self::alias::AliasPrefix;
pub use self::gateway::GitHttp;
pub use self::limits::GitLimits;
pub use self::push_check::PushCheckError;
