//! The routes, through the real router, a real database and real repositories. One module for each part of the URL map.

#![allow(clippy::unwrap_used)]

mod access;
mod admin;
mod app;
mod builder_config;
mod conforms;
mod corpus;
mod default_manifest;
mod every_route;
mod health;
mod http;
mod lists;
mod presigned;
mod restart;
mod serve;
mod slxoptions;
mod status;
mod uploads;
mod workspaces;
