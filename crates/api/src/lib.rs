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
mod client_address;
mod commit;
mod config;
mod context;
mod data_dir;
mod error;
mod fields;
pub mod git_http;
mod index;
mod jwt;
mod last_admin;
mod lifecycle;
mod login;
mod middleware;
mod paging;
mod password;
mod people;
mod query;
mod rate_limit;
mod remembered;
mod reply;
mod revision;
mod router;
mod routes;
mod routing;
mod schema;
mod seal;
pub mod server;
mod sessions;
pub mod settings;
mod signing;
mod store;
mod token;
mod turns;
mod upload;
mod view;
mod workspace;

pub use crate::server::{Server, StartError, serve};
pub use crate::settings::Settings;
