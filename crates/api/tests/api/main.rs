//! The routes, through the real router, a real database and real repositories. One module for each part of the URL map.

#![allow(clippy::unwrap_used)]

mod access;
mod app;
mod builder_config;
mod corpus;
mod groups;
mod http;
mod lists;
mod people;
mod permissions;
mod presigned;
mod restart;
mod serve;
mod sessions;
mod slxoptions;
mod status;
mod uploads;
mod user_tokens;
mod workspaces;
