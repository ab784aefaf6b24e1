//! The real binary, the real `git`, one server to a test, all in temporary directories.
#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]
#![allow(clippy::print_stderr, reason = "what a failed test, or one that could not run, tells people")]

mod support;

mod admin;
mod builder_reset;
mod clone_and_push;
mod command_line;
mod corpus;
mod crash;
mod demo;
mod deployment;
mod documents;
mod durability;
mod fmt;
mod git_clones;
mod git_credentials;
mod git_guide;
mod git_hooks;
mod git_hostile;
mod git_protocol;
mod git_push;
mod guide;
mod housekeeping;
mod mcp_clients;
mod mirrors;
mod new;
mod object_stores;
mod observability;
mod pipelines;
mod plan;
mod schema;
mod schemathesis;
mod secrets_in_logs;
mod shutdown;
mod traces;
mod upload;
mod upload_client;
mod validate;
mod webhooks;
