//! `/workspaces/{workspace}/default-manifest/{type}`.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use workstead_bundler::manifest::{ManifestType, ManifestValues, default_manifest, default_manifest_json};
use workstead_core::check::check_file;
use workstead_core::name::SlxName;
use workstead_core::path::RepoPath;
use workstead_core::problem::Problems;

use crate::access::Permit;
use crate::app::AppState;
use crate::context::safe_line;
use crate::error::{ApiError, ErrorBody};
use crate::format::{Format, yaml_file};
use crate::query::Query;
use crate::schema::DefaultManifestQuery;
use crate::{reply, view};

/// The SLX that templates are about when nobody names one.
const DEFAULT_SLX: &str = "my-slx";

/// Gives a template of a file, ready to be committed.
///
/// It is filled with the workspace's name, owner and location. The YAML says in its comments what is what and where it
/// belongs; the JSON is what this YAML says. Types are `workspace`, `slx`, `sli`, `slo`, `runbook`, `workflow`, `persona`,
/// `workspaceinfo`, `uploadinfo` (without a token) and `helm-values`.
#[utoipa::path(get, path = "/api/v3/workspaces/{workspace}/default-manifest/{type}", tag = "Workspaces",
    params(
        ("type" = String, Path, description = "Which file; a type that does not exist is 404, which lists those that do."),
        DefaultManifestQuery,
    ),
    responses(
        (status = 200, description = "The file, as YAML with comments or as JSON.", content(
            (Object = "application/json"), (String = "application/yaml"))),
        (status = 422, description = "`name` can't be the name of an SLX.", body = ErrorBody),
    ))]
pub(crate) async fn get(
    State(app): State<AppState>,
    Permit { workspace, .. }: Permit,
    Path((_, kind)): Path<(String, String)>,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let kind = ManifestType::parse(&kind).ok_or_else(|| no_such_type(&kind))?;
    let format = Format::of(&query, &headers)?;
    let name = query.text("name").unwrap_or(DEFAULT_SLX);
    let short = name.strip_prefix(workspace.name().as_str()).and_then(|rest| rest.strip_prefix("--"));
    let slx = SlxName::parse(short.unwrap_or(name));
    let slx = slx.map_err(|error| ApiError::invalid("invalid_slx_name", error.to_string()))?;
    let view = view::of_head(&app, &workspace).await?;
    let location = query.text("location").map(|text| safe_line(text, 200)).filter(|text| !text.is_empty());
    let location = location.unwrap_or_else(|| view.default_location().to_owned());
    let values = ManifestValues {
        workspace: workspace.name().clone(),
        owner: workspace.owner().to_owned(),
        slx,
        name: None,
        location_id: location.clone(),
        location_name: location,
        papi_url: app.url(""),
    };
    let text = checked(kind, &values)?;
    match format {
        Format::Yaml => Ok(yaml_file(text, kind.file_name())),
        Format::Json => {
            let json = default_manifest_json(kind, &values);
            let json = json.map_err(|errors| ApiError::internal(format!("template {kind}: {errors:?}")))?;
            Ok(reply::json(StatusCode::OK, &json))
        }
    }
}

/// Returns the template, after the check that a commit of it would have to pass: a name may be too long for its path.
fn checked(kind: ManifestType, values: &ManifestValues) -> Result<String, ApiError> {
    let path = RepoPath::parse(&kind.file_path(values));
    let path = path.map_err(|error| ApiError::invalid("invalid_slx_name", error.to_string()))?;
    let text = default_manifest(kind, values);
    let problems: Problems = check_file(&values.workspace, &path, text.as_bytes()).into_iter().collect();
    if problems.error_count() > 0 {
        return Err(ApiError::invalid_content("invalid_content", problems));
    }
    Ok(text)
}

fn no_such_type(kind: &str) -> ApiError {
    let kind: String = kind.chars().take(100).collect();
    let types = ManifestType::ALL.map(ManifestType::as_str).join(", ");
    let detail = format!("there is no default manifest of type {kind:?}; the types are {types}");
    ApiError::not_found("manifest_type_not_found", detail)
}
