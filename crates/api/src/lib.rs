//! The HTTP server of Workstead: routes, authentication, database, smart HTTP.
//!
//! A request comes through `middleware` and the URL map of `router`, whose rule `access` enforces, to a handler in
//! `routes`, which extracts, calls one domain function (`config`, `slxs`, `upload`, `people`) and shapes the
//! reply. Nothing here prints or exits; Git, bundles and files are touched by way of `blocking` only. The rooms are
//! listed in `docs/ARCHITECTURE.md`.

mod access;
pub mod admin;
mod app;
mod auth;
mod blocking;
mod body;
mod branches;
mod codecollections;
mod commit;
mod config;
mod context;
mod data_dir;
mod egress;
mod error;
mod events;
mod fields;
mod format;
pub mod git_http;
mod health;
mod history;
mod housekeeping;
mod index;
mod lifecycle;
mod llm_config;
mod locations;
pub mod metrics;
mod middleware;
mod mirrors;
mod object_store;
mod organizations;
mod paging;
mod people;
mod query;
pub mod reference;
mod remembered;
mod reply;
mod revision;
mod right_of_way;
mod room;
mod router;
mod routes;
mod routing;
mod runners;
mod schema;
mod seal;
pub mod server;
pub mod settings;
mod slack;
mod slxs;
mod store;
mod traces;
mod turns;
mod upload;
mod view;
mod webhooks;
mod workspace;
mod workspace_secrets;

pub use crate::server::{Server, StartError, serve};
pub use crate::settings::Settings;
