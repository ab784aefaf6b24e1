//! The handlers: extract, call one domain function, shape the reply. Who may ask is the rule beside each in
//! [`crate::router`].

pub(crate) mod agentfarm;
pub(crate) mod branch_list;
pub(crate) mod branches;
pub(crate) mod builder_config;
pub(crate) mod codecollections;
pub(crate) mod commits;
pub(crate) mod configuration_index;
pub(crate) mod default_manifest;
pub(crate) mod events;
pub(crate) mod files;
pub(crate) mod git_credentials;
pub(crate) mod groups;
pub(crate) mod health;
pub(crate) mod health_report;
pub(crate) mod jwks;
pub(crate) mod locations;
pub(crate) mod notifications;
pub(crate) mod objects;
pub(crate) mod openapi;
pub(crate) mod organizations;
pub(crate) mod permissions;
pub(crate) mod runner_token;
pub(crate) mod runners;
pub(crate) mod secrets;
pub(crate) mod session_tokens;
pub(crate) mod slack;
pub(crate) mod slxoptions;
pub(crate) mod slxs;
pub(crate) mod status;
pub(crate) mod sync_status;
pub(crate) mod sync_typed;
pub(crate) mod uploads;
pub(crate) mod user_tokens;
pub(crate) mod users;
pub(crate) mod workspaces;
