//! The HTTP server of Workstead: routes, authentication, database, smart HTTP.
//!
//! A request comes through `middleware` and the URL map of `router` to a handler in `routes`, which
//! extracts, asks `access` for permission, calls one domain function (`config`, `lifecycle`, `upload`) and
//! shapes the reply. Nothing here prints or exits; Git, bundles and files are touched by way of `blocking` only.

mod access;
mod app;
mod auth;
mod blocking;
mod body;
mod commit;
mod config;
mod context;
mod data_dir;
mod error;
pub mod git_http;
mod index;
mod lifecycle;
mod llm_config;
mod middleware;
mod organizations;
mod paging;
mod query;
mod remembered;
mod reply;
mod revision;
mod router;
mod routes;
mod routing;
mod schema;
mod seal;
pub mod server;
pub mod settings;
mod slack;
mod store;
mod token;
mod turns;
mod upload;
mod view;
mod workspace;

pub use crate::server::{Server, StartError, serve};
pub use crate::settings::Settings;
