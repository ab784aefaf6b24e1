//! `/schemas/`: JSON Schemas of the files of a workspace, for editors and other programs.

use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;
use workstead_core::check::SchemaKind;

use crate::app::AppState;
use crate::error::ApiError;
use crate::revision::is_unmodified;

/// They change with the server's version only.
const KEEP: HeaderValue = HeaderValue::from_static("public, max-age=3600");

/// A catalog of schemas, as editors read it (the form of `SchemaStore`).
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes what the handler writes")]
pub(crate) struct SchemaCatalog {
    #[schema(rename = "$schema")]
    schema: String,
    version: f64,
    schemas: Vec<CatalogEntry>,
}

/// One schema of the catalog.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes what the handler writes")]
pub(crate) struct CatalogEntry {
    name: String,
    description: String,
    /// Patterns of the paths that it is for.
    #[schema(rename = "fileMatch")]
    file_match: Vec<String>,
    url: String,
}

/// Lists the schemas of all kinds of file, as a catalog for editors.
#[utoipa::path(get, path = "/schemas", tag = "Server", responses(
    (status = 200, description = "The catalog.", body = SchemaCatalog),
    (status = 304, description = "`If-None-Match` names this very answer."),
))]
pub(crate) async fn list(State(app): State<AppState>, headers: HeaderMap) -> Response {
    let server = app.url("");
    let schemas: Vec<_> = SchemaKind::ALL.into_iter().map(|schema| entry(schema, &server)).collect();
    let catalog = json!({
        "$schema": "https://json.schemastore.org/schema-catalog.json",
        "version": 1.0,
        "schemas": schemas,
    });
    cacheable(&headers, &catalog, HeaderValue::from_static("application/json"))
}

fn entry(schema: SchemaKind, server: &str) -> Value {
    json!({
        "name": format!("Workstead {}", schema.name()),
        "description": schema.title(),
        "fileMatch": [schema.file_match()],
        "url": schema.url(server),
    })
}

/// Gives the JSON Schema (draft 2020-12) of one kind of file, made from the tables that the server's own check reads.
///
/// The kinds are `workspace`, `slx`, `sli`, `slo`, `runbook`, `workflow`, `persona`, `workspaceinfo`, `uploadinfo` and
/// `manifest`. Editors with the YAML language server find a file's schema by the first line of the files that this server hands out.
#[utoipa::path(get, path = "/schemas/{schema}", tag = "Server",
    params(("schema" = String, Path, description = "The kind with `.json` behind it, as `slx.json`.")),
    responses(
        (status = 200, description = "The schema.", body = Object, content_type = "application/schema+json"),
        (status = 304, description = "`If-None-Match` names this very answer."),
    ))]
pub(crate) async fn get(
    State(app): State<AppState>,
    Path(file): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let kind = file.strip_suffix(".json").and_then(SchemaKind::parse).ok_or_else(|| no_such_schema(&file))?;
    let schema = kind.json(Some(&app.url("")));
    Ok(cacheable(&headers, &schema, HeaderValue::from_static("application/schema+json")))
}

/// Answers what is the same for everybody, or 304 to a client that has it.
fn cacheable(request: &HeaderMap, value: &Value, content_type: HeaderValue) -> Response {
    let body = value.to_string();
    let tag = format!("\"{}\"", hex::encode(&Sha256::digest(&body)[..16]));
    // Hexadecimal digits are a valid header value, so the fallback is never taken.
    let tag = HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\""));
    let mut response = if is_unmodified(request, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(CONTENT_TYPE, content_type)], body).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(ETAG, tag);
    headers.insert(CACHE_CONTROL, KEEP);
    response
}

fn no_such_schema(file: &str) -> ApiError {
    let file: String = file.chars().take(100).collect();
    let known = SchemaKind::ALL.map(SchemaKind::file_name).join(", ");
    ApiError::not_found("schema_not_found", format!("there is no schema {file:?}; the schemas are {known}"))
}
