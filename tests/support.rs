//! What every test needs: a server of its own, HTTP, `git`, and content to upload.

mod clone;
mod collector;
mod content;
mod git;
mod http;
mod mcp;
mod people;
mod raw;
mod server;
mod tools;
mod upstream;

pub(crate) use clone::{Clone, Run};
pub(crate) use collector::{Collector, attribute};
pub(crate) use content::{Content, bundle, inline_body, slx_yaml, workspace_files};
pub(crate) use git::Git;
pub(crate) use http::{Answer, send};
pub(crate) use mcp::{McpClient, Release, mcp_is_here};
pub(crate) use server::{ServerOptions, TestServer, cleaned, repository_root, workstead};
pub(crate) use tools::tool;
pub(crate) use upstream::Upstream;
