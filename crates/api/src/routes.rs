//! The handlers: extract, ask for permission, call one domain function, shape the reply.

pub(crate) mod builder_config;
pub(crate) mod default_manifest;
pub(crate) mod health;
pub(crate) mod health_report;
pub(crate) mod objects;
pub(crate) mod openapi;
pub(crate) mod slxoptions;
pub(crate) mod status;
pub(crate) mod uploads;
pub(crate) mod workspaces;
