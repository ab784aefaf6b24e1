//! The handlers: extract, ask for permission, call one domain function, shape the reply.

pub(crate) mod agentfarm;
pub(crate) mod builder_config;
pub(crate) mod health;
pub(crate) mod objects;
pub(crate) mod openapi;
pub(crate) mod organizations;
pub(crate) mod slack;
pub(crate) mod slxoptions;
pub(crate) mod status;
pub(crate) mod uploads;
pub(crate) mod workspaces;
