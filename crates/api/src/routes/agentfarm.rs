//! `/workspaces/{workspace}/agentfarm-params`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use workstead_core::role::Role;

use crate::access::Permit;
use crate::app::AppState;
use crate::error::ApiError;
use crate::llm_config::{self, Category, Source};
use crate::organizations::public_config;
use crate::query::Query;
use crate::{reply, view};

/// What an agent needs to know to work on a workspace.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AgentfarmParams {
    /// The language model, without what is secret; empty when nobody names one.
    #[schema(value_type = Object)]
    llm_config: Value,
    llm_config_source: Source,
    /// The category that the model was found under: the one asked for, or DEFAULT.
    llm_category: &'static str,
    organization: OrganizationRef,
    permissions: CallerPermissions,
    /// Where Git clones the workspace from.
    repo_url: String,
    branch: String,
}

/// The workspace's organization; all fields are absent when it has none.
#[derive(Serialize, ToSchema, Default)]
#[serde(rename_all = "camelCase")]
struct OrganizationRef {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<String>,
}

/// What the caller may do.
#[derive(Serialize, ToSchema)]
struct CallerPermissions {
    role: &'static str,
    /// The role and all that it includes, the least first.
    permissions: Vec<&'static str>,
}

/// Tells an agent what it needs to work on a workspace.
///
/// The language model of a category is the workspace's (`spec.llmConfig` in Git), else its organization's, else the
/// platform's (`WORKSTEAD_LLM_CONFIG`), each asked for that category. When none of them names the category, DEFAULT is
/// looked for in the same way. Keys and tokens are never answered, wherever they were written.
#[utoipa::path(get, path = "/api/v3/workspaces/{workspace}/agentfarm-params", tag = "Agents",
    params(("llm_category" = Option<String>, Query,
        description = "DEFAULT (unless told), CHAT, BACKGROUND or EMBEDDING.",
        pattern = "^(DEFAULT|CHAT|BACKGROUND|EMBEDDING)?$")),
    responses(
        (status = 200, description = "The parameters.", body = AgentfarmParams),
        (status = 422, description = "The category is not known.", body = crate::error::ErrorBody),
    ))]
pub(crate) async fn get(
    State(app): State<AppState>,
    Permit { workspace, role, .. }: Permit,
    query: Query,
) -> Result<Response, ApiError> {
    let category = query.text("llm_category").map_or(Ok(Category::Default), Category::parse)?;
    let view = view::of_head(&app, &workspace).await?;
    let organization = app.database.organization_of(workspace.id()).await?;
    let organizations = organization.as_ref().map(public_config).transpose()?;
    let levels = [
        (Source::Workspace, view.file().and_then(|file| file.spec.get("llmConfig"))),
        (Source::Organization, organizations.as_ref()),
        (Source::Platform, app.platform_llm.as_ref()),
    ];
    let resolved = llm_config::resolve(category, &levels);
    let organization = organization.map_or_else(OrganizationRef::default, |row| OrganizationRef {
        id: Some(row.id),
        name: Some(row.name),
        display_name: row.display_name,
    });
    let included = Role::ALL.into_iter().filter(|included| *included <= role).map(Role::as_str);
    let params = AgentfarmParams {
        llm_config: resolved.config,
        llm_config_source: resolved.source,
        llm_category: resolved.category.as_str(),
        organization,
        permissions: CallerPermissions { role: role.as_str(), permissions: included.collect() },
        repo_url: app.url(&format!("/git/{}.git", workspace.name())),
        branch: workspace.branch().to_string(),
    };
    let params = serde_json::to_value(params).map_err(ApiError::internal)?;
    Ok(reply::json(StatusCode::OK, &params))
}
