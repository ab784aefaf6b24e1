//! `/workspaces/{workspace}/generate-workspace-builder-config` and `/upload-config`.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use jiff::SignedDuration;
use secrecy::ExposeSecret;
use workstead_bundler::builder_config::BuilderConfig;

use crate::access::Permit;
use crate::app::AppState;
use crate::auth;
use crate::auth::token::{self, TokenHash};
use crate::context::safe_line;
use crate::error::{ApiError, ErrorBody};
use crate::format::{Format, yaml_file};
use crate::query::Query;
use crate::schema::{BuilderConfig as BuilderConfigAnswer, BuilderConfigQuery};
use crate::store::now;
use crate::store::tokens::NewToken;
use crate::{reply, view};

const DEFAULT_HOURS: u64 = 720;
const MAX_HOURS: u64 = 4320;

/// Makes the builder's configuration with a new upload token.
///
/// The token may upload to this workspace, poll that upload, and nothing else; its uploads are its maker's.
#[utoipa::path(get, path = "/api/v3/workspaces/{workspace}/generate-workspace-builder-config", tag = "Uploads",
    params(BuilderConfigQuery), responses(
        (status = 200, description = "`uploadInfo.yaml`, as JSON or as YAML.", content(
            (BuilderConfigAnswer = "application/json"), (BuilderConfigAnswer = "application/yaml"))),
        (status = 422, description = "`hours` is out of range.", body = ErrorBody),
    ))]
pub(crate) async fn generate(
    app: State<AppState>,
    permit: Permit,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    answer(app, permit, query, headers).await
}

/// Makes the builder's configuration: another name of `generate-workspace-builder-config`.
#[utoipa::path(get, path = "/api/v3/workspaces/{workspace}/upload-config", tag = "Uploads",
    params(BuilderConfigQuery), responses(
        (status = 200, description = "`uploadInfo.yaml`, as JSON or as YAML.", content(
            (BuilderConfigAnswer = "application/json"), (BuilderConfigAnswer = "application/yaml"))),
        (status = 422, description = "`hours` is out of range.", body = ErrorBody),
    ))]
pub(crate) async fn generate_by_other_name(
    app: State<AppState>,
    permit: Permit,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    answer(app, permit, query, headers).await
}

async fn answer(
    State(app): State<AppState>,
    Permit { workspace, caller, .. }: Permit,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let hours = read_hours(&query)?;
    let format = Format::of(&query, &headers)?;
    let view = view::of_head(&app, &workspace).await?;
    // The builder can't do without one.
    let default = view.default_location().to_owned();
    let location = query.text("location").map(|text| safe_line(text, 200)).filter(|text| !text.is_empty());
    let location = location.unwrap_or_else(|| default.clone());

    let secret = token::generate();
    let text = secret.expose_secret();
    let (id, hash, suffix, now) =
        (uuid::Uuid::now_v7().to_string(), TokenHash::of(text), token::suffix(text), now());
    let (user_id, made_with) = (caller.user_id(), caller.token_id());
    let new = NewToken { id: &id, hash: &hash, suffix: &suffix, user_id, made_with, now };
    let expires_at = now + SignedDuration::from_hours(i64::try_from(hours).unwrap_or(i64::MAX));
    if !app.database.add_upload_token(&new, workspace.id(), &location, expires_at).await? {
        // Unless what the caller asks by has ended.
        auth::authenticate_again(&app, &caller).await?;
        return Err(ApiError::workspace_not_found(workspace.name().as_str()));
    }
    let config = BuilderConfig {
        workspace_name: workspace.name().clone(),
        token: secret,
        workspace_owner_email: workspace.owner().to_owned(),
        papi_url: app.url(""),
        location_id: location.clone(),
        location_name: location,
        default_location: default.clone(),
        default_location_name: default,
    };
    Ok(match format {
        Format::Yaml => reply::no_store(yaml_file(config.to_yaml(), "uploadInfo.yaml")),
        Format::Json => reply::secret(StatusCode::OK, &config.to_json()),
    })
}

fn read_hours(query: &Query) -> Result<u64, ApiError> {
    let Some(text) = query.text("hours") else { return Ok(DEFAULT_HOURS) };
    let hours = text.parse().ok().filter(|hours| (1..=MAX_HOURS).contains(hours));
    hours.ok_or_else(|| {
        let shown: String = text.chars().take(100).collect();
        let detail =
            format!("the parameter hours is {shown:?}, expected a whole number from 1 to {MAX_HOURS}");
        ApiError::invalid("invalid_hours", detail)
    })
}
