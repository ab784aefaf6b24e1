//! The routes, through the real router, a real database and real repositories. One module for each part of the URL map.

#![allow(clippy::unwrap_used)]

mod access;
mod admin;
mod agentfarm;
mod app;
mod branches;
mod builder_config;
mod configuration_index;
mod conforms;
mod corpus;
mod cors;
mod default_manifest;
mod events;
mod every_route;
mod git_credentials;
mod groups;
mod health;
mod http;
mod lists;
mod locations;
mod metrics;
mod notifications;
mod organizations;
mod people;
mod permissions;
mod plan;
mod presigned;
mod restart;
mod runners;
mod secrets;
mod serve;
mod sessions;
mod slack;
mod slack_messages;
mod slack_stand_in;
mod slxoptions;
mod slxs;
mod status;
mod sync_typed;
mod threeway;
mod upload_jobs;
mod upload_sweep;
mod uploads;
mod user_tokens;
mod workspaces;
