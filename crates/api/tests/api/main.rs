//! The routes, through the real router, a real database and real repositories. One module for each part of the URL map.

#![allow(clippy::unwrap_used)]

mod access;
mod app;
mod branches;
mod builder_config;
mod configuration_index;
mod corpus;
mod http;
mod lists;
mod presigned;
mod restart;
mod serve;
mod slxoptions;
mod slxs;
mod status;
mod sync_typed;
mod uploads;
mod workspaces;
