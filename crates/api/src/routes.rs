//! The handlers: extract, ask for permission, call one domain function, shape the reply.

pub(crate) mod builder_config;
pub(crate) mod groups;
pub(crate) mod health;
pub(crate) mod jwks;
pub(crate) mod objects;
pub(crate) mod openapi;
pub(crate) mod permissions;
pub(crate) mod session_tokens;
pub(crate) mod slxoptions;
pub(crate) mod status;
pub(crate) mod uploads;
pub(crate) mod user_tokens;
pub(crate) mod users;
pub(crate) mod workspaces;
