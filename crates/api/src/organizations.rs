//! Organizations: a name, and the language models of their workspaces.
//!
//! What is secret in a configuration is taken and never given: it is sealed with the whole, and only the rest is kept
//! in clear for answers. A change merges into the whole, so that who sends back what was read loses no key.

use secrecy::ExposeSecret;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use workstead_core::merge_patch::merge_patch;

use crate::app::AppState;
use crate::error::ApiError;
use crate::llm_config;
use crate::query::rfc3339;
use crate::seal::Purpose;
use crate::store::now;
use crate::store::organizations::{Change, OrganizationRow};

/// Most characters of a name for people.
const MAX_DISPLAY_CHARS: usize = 200;
/// How often a change is applied again to an organization that others change meanwhile.
const ATTEMPTS: usize = 8;
/// What may be written.
const FIELDS: [&str; 3] = ["name", "displayName", "llmConfig"];
/// What an answer has and may be sent back.
const IGNORED: [&str; 5] = ["id", "llmConfigSecrets", "workspaceCount", "createdAt", "updatedAt"];

/// An organization.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Organization {
    id: String,
    name: String,
    #[schema(required)]
    display_name: Option<String>,
    /// The language models by category (DEFAULT, CHAT, BACKGROUND, EMBEDDING), without what is secret in them.
    llm_config: Map<String, Value>,
    /// The JSON pointers of the secrets that are kept but not shown.
    llm_config_secrets: Vec<String>,
    /// How many workspaces are its.
    workspace_count: u64,
    created_at: String,
    updated_at: String,
}

/// An organization to be made, or what changes of one.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "it describes what `read` reads field by field")]
pub(crate) struct OrganizationWrite {
    /// 2 to 63 lower-case letters, digits and single hyphens; needed to make one.
    name: Option<String>,
    display_name: Option<String>,
    /// The language models by category (DEFAULT, CHAT, BACKGROUND, EMBEDDING). Keys and tokens in them are kept
    /// encrypted and never answered.
    llm_config: Option<Map<String, Value>>,
}

impl Organization {
    /// Shows a row.
    pub(crate) fn of(row: &OrganizationRow) -> Result<Self, ApiError> {
        let secrets = row.llm_secrets_json.as_deref().map_or(Ok(Vec::new()), serde_json::from_str);
        Ok(Self {
            id: row.id.clone(),
            name: row.name.clone(),
            display_name: row.display_name.clone(),
            llm_config: public_config(row)?.as_object().cloned().unwrap_or_default(),
            llm_config_secrets: secrets.map_err(ApiError::internal)?,
            workspace_count: row.workspaces,
            created_at: rfc3339(row.created_at),
            updated_at: rfc3339(row.updated_at),
        })
    }
}

/// Returns the language models without what is secret.
pub(crate) fn public_config(row: &OrganizationRow) -> Result<Value, ApiError> {
    let Some(json) = &row.llm_json else { return Ok(Value::Object(Map::new())) };
    serde_json::from_str(json).map_err(ApiError::internal)
}

/// Returns the language models with all that was sent.
fn whole(app: &AppState, row: &OrganizationRow) -> Result<Value, ApiError> {
    let Some(sealed) = &row.llm_sealed else { return public_config(row) };
    let text = app.server_key.open(Purpose::LlmConfigs, &bound_to(&row.id), sealed)?;
    serde_json::from_str(text.expose_secret()).map_err(ApiError::internal)
}

fn bound_to(id: &str) -> String {
    format!("{id}/llm")
}

/// Makes an organization of a body.
pub(crate) async fn create(app: &AppState, body: &Map<String, Value>) -> Result<OrganizationRow, ApiError> {
    let now = now();
    let blank = OrganizationRow {
        id: uuid::Uuid::now_v7().to_string(),
        name: String::new(),
        display_name: None,
        llm_json: None,
        llm_sealed: None,
        llm_secrets_json: None,
        version: 0,
        created_at: now,
        updated_at: now,
        workspaces: 0,
    };
    if !body.contains_key("name") {
        let detail = "the field name is missing, expected the organization's name";
        return Err(ApiError::invalid("missing_field", detail));
    }
    let row = changed(app, &blank, body)?;
    if app.database.add_organization(&row).await? { Ok(row) } else { Err(name_taken(&row.name)) }
}

/// Changes an organization by a JSON merge patch (RFC 7396).
pub(crate) async fn update(
    app: &AppState,
    id_or_name: &str,
    body: &Map<String, Value>,
) -> Result<OrganizationRow, ApiError> {
    // The id holds when the name is what changes.
    let id = find(app, id_or_name).await?.id;
    for _ in 0..ATTEMPTS {
        let old = find(app, &id).await?;
        let new = changed(app, &old, body)?;
        match app.database.update_organization(&new).await? {
            Change::Done => return find(app, &id).await,
            Change::NameTaken => return Err(name_taken(&new.name)),
            Change::Overtaken => {}
        }
    }
    let detail = "the organization changes faster than this change can follow; try again";
    Err(ApiError::unavailable("organization_busy", detail, 1))
}

/// Finds an organization by id or name, or answers 404.
pub(crate) async fn find(app: &AppState, id_or_name: &str) -> Result<OrganizationRow, ApiError> {
    let row = app.database.find_organization(id_or_name).await?;
    row.ok_or_else(|| {
        let shown: String = id_or_name.chars().take(100).collect();
        ApiError::not_found("organization_not_found", format!("there is no organization {shown:?}"))
    })
}

fn name_taken(name: &str) -> ApiError {
    let detail = format!("there is an organization {name} already; choose another name");
    ApiError::conflict("organization_exists", detail)
}

/// Applies a body to a row.
fn changed(
    app: &AppState,
    old: &OrganizationRow,
    body: &Map<String, Value>,
) -> Result<OrganizationRow, ApiError> {
    let known = |field: &&String| !FIELDS.contains(&field.as_str()) && !IGNORED.contains(&field.as_str());
    if let Some(field) = body.keys().find(known) {
        let shown: String = field.chars().take(100).collect();
        let detail = format!("the field {shown:?} is not known; the fields are {}", FIELDS.join(", "));
        return Err(ApiError::invalid("unknown_field", detail));
    }
    let mut new = OrganizationRow { updated_at: now(), ..old.clone() };
    if let Some(value) = body.get("name") {
        new.name = read_name(value)?;
    }
    if let Some(value) = body.get("displayName") {
        new.display_name = read_display_name(value)?;
    }
    if let Some(patch) = body.get("llmConfig") {
        let mut config = whole(app, old)?;
        merge_patch(&mut config, patch);
        if config.is_null() {
            config = Value::Object(Map::new());
        }
        llm_config::check(&config)?;
        let secrets = llm_config::secret_paths(&config);
        new.llm_json = Some(llm_config::public(&config).to_string());
        new.llm_sealed = None;
        if !secrets.is_empty() {
            let (key, bound_to) = (&app.server_key, bound_to(&new.id));
            new.llm_sealed = Some(key.seal(Purpose::LlmConfigs, &bound_to, &config.to_string())?);
        }
        new.llm_secrets_json = Some(Value::from(secrets).to_string());
    }
    Ok(new)
}

fn read_name(value: &Value) -> Result<String, ApiError> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let text = value.as_str().unwrap_or_default();
    let is_name = (2..=63).contains(&text.len())
        && text.chars().all(plain)
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !text.contains("--");
    // An id must never be taken for a name.
    if is_name && uuid::Uuid::parse_str(text).is_err() {
        return Ok(text.to_owned());
    }
    let shown: String = value.to_string().chars().take(100).collect();
    let detail = format!(
        "the name {shown} can't be one: expected 2 to 63 lower-case letters, digits and single hyphens, a letter or digit first and last, and no UUID"
    );
    Err(ApiError::invalid("invalid_name", detail))
}

fn read_display_name(value: &Value) -> Result<Option<String>, ApiError> {
    match value {
        Value::Null => Ok(None),
        Value::String(text)
            if text.chars().count() <= MAX_DISPLAY_CHARS && !text.chars().any(char::is_control) =>
        {
            Ok(Some(text.clone()))
        }
        _ => {
            let detail = format!(
                "the field displayName must be one line of at most {MAX_DISPLAY_CHARS} characters, or null"
            );
            Err(ApiError::invalid("invalid_field", detail))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_are_slugs_and_no_ids() {
        for good in ["ab", "a1-b2", &"x".repeat(63)] {
            assert_eq!(read_name(&json!(good)).unwrap(), good);
        }
        let id = uuid::Uuid::now_v7().to_string();
        for bad in [
            json!("a"),
            json!("A1"),
            json!("a--b"),
            json!("-ab"),
            json!("ab-"),
            json!(7),
            json!(null),
            json!(id),
        ] {
            assert_eq!(read_name(&bad).unwrap_err().code(), "invalid_name", "{bad}");
        }
    }
}
