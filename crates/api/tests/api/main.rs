//! The routes, through the real router, a real database and real repositories. One module for each part of the URL map.

#![allow(clippy::unwrap_used)]

mod access;
mod agentfarm;
mod app;
mod builder_config;
mod corpus;
mod http;
mod lists;
mod organizations;
mod presigned;
mod restart;
mod serve;
mod slack;
mod slack_messages;
mod slack_stand_in;
mod slxoptions;
mod status;
mod uploads;
mod workspaces;
