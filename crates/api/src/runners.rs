//! Runners: what runs a workspace's SLIs and runbooks at a location, and says that it is alive.

pub(crate) mod identity;
pub(crate) mod token;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use self::identity::RunnerIdentity;
use crate::app::AppState;
use crate::context::safe_line;
use crate::error::ApiError;
use crate::locations::Health;
use crate::query::rfc3339;
use crate::store::now;
use crate::store::runners::{NewRunner, Registered, RunnerRow};

const MAX_NAME_CHARS: usize = 200;
const MAX_VERSION_CHARS: usize = 100;

/// A runner that registers.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RunnerRegistration)]
pub(crate) struct Registration {
    /// By which the runner is known; without it, its name tells it from others of its location, and it gets one.
    /// `runnerUuid` is read too.
    #[serde(alias = "runnerUuid")]
    #[schema(format = "uuid")]
    runner_uuid: Option<String>,
    /// What people call it; without it, the location's name.
    name: Option<String>,
    /// Which release it is.
    version: Option<String>,
}

/// A registered runner.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the names are the contract's")]
pub(crate) struct Runner {
    id: i64,
    runner_uuid: String,
    name: String,
    workspace_name: String,
    /// Where it runs.
    location: String,
    /// Which release it is.
    #[schema(required)]
    version: Option<String>,
    health: Health,
    last_heartbeat: String,
    created_at: String,
}

impl Runner {
    /// Writes a row as it stands now.
    pub(crate) fn of(app: &AppState, row: RunnerRow) -> Self {
        let health = Health::of(Some(row.last_heartbeat), now(), app.settings.runner_stale_after);
        Self {
            id: row.id,
            runner_uuid: row.runner_uuid,
            name: row.name,
            workspace_name: row.workspace_name,
            location: row.location,
            version: row.version,
            health,
            last_heartbeat: rfc3339(row.last_heartbeat),
            created_at: rfc3339(row.created_at),
        }
    }
}

impl Registration {
    /// Reads and checks the body of a registration.
    pub(crate) fn read(body: Map<String, Value>) -> Result<Self, ApiError> {
        let read: Self = serde_json::from_value(Value::Object(body)).map_err(|error| {
            ApiError::invalid("wrong_shape", format!("the body has the wrong shape: {error}"))
        })?;
        let runner_uuid = read.runner_uuid.map(|text| parse_uuid(&text)).transpose()?;
        let name = line("name", read.name, MAX_NAME_CHARS)?;
        let version = line("version", read.version, MAX_VERSION_CHARS)?;
        Ok(Self { runner_uuid, name, version })
    }
}

fn parse_uuid(text: &str) -> Result<String, ApiError> {
    let parsed = Uuid::parse_str(text).map(|uuid| uuid.to_string());
    parsed.map_err(|_| {
        let shown: String = text.chars().take(100).collect();
        ApiError::invalid("invalid_field", format!("the field runner_uuid is {shown:?}, expected a UUID"))
    })
}

/// Reads a text of one line; an empty one counts as absent.
fn line(field: &str, text: Option<String>, max_chars: usize) -> Result<Option<String>, ApiError> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    if safe_line(&text, max_chars) == text {
        return Ok(Some(text));
    }
    let detail = format!(
        "the field {field} has {} characters, expected one line of at most {max_chars}, without control characters and needless blanks",
        text.chars().count()
    );
    Err(ApiError::invalid("invalid_field", detail))
}

/// Registers a runner at the location of its token; tells whether it is new.
pub(crate) async fn register(
    app: &AppState,
    identity: &RunnerIdentity,
    registration: &Registration,
) -> Result<(bool, Runner), ApiError> {
    let made_uuid = Uuid::new_v4().to_string();
    let new = NewRunner {
        token: identity.hash(),
        given_uuid: registration.runner_uuid.as_deref(),
        made_uuid: &made_uuid,
        name: registration.name.as_deref().unwrap_or(&identity.location),
        version: registration.version.as_deref(),
        max_runners: app.settings.max_runners,
        now: now(),
    };
    match app.database.register_runner(&new).await? {
        Registered::New(row) => Ok((true, Runner::of(app, row))),
        Registered::Known(row) => Ok((false, Runner::of(app, row))),
        Registered::Elsewhere(location) => {
            let detail = format!(
                "this runner_uuid is registered at the location {location:?}; use the token of that location, or delete that runner first"
            );
            Err(ApiError::conflict("runner_elsewhere", detail))
        }
        Registered::TooMany => {
            let detail = format!(
                "workspace {} has {} runners already, the most that it may have; delete one, or raise WORKSTEAD_RUNNERS_MAX",
                identity.workspace_name, app.settings.max_runners
            );
            Err(ApiError::conflict("too_many_runners", detail))
        }
        Registered::Refused => Err(identity::ended()),
    }
}

/// Notes that a runner is alive.
pub(crate) async fn beat(
    app: &AppState,
    identity: &RunnerIdentity,
    runner: &str,
) -> Result<Runner, ApiError> {
    let place = (identity.workspace_id.as_str(), identity.location.as_str());
    let found = match Uuid::parse_str(runner) {
        Ok(uuid) => app.database.beat_runner(place, &uuid.to_string(), now()).await?,
        Err(_) => None,
    };
    found.map(|row| Runner::of(app, row)).ok_or_else(|| not_found(runner).adding("register it first"))
}

/// Removes a runner of a workspace.
pub(crate) async fn delete(app: &AppState, workspace_id: &str, runner: &str) -> Result<(), ApiError> {
    let deleted = match Uuid::parse_str(runner) {
        Ok(uuid) => app.database.delete_runner(workspace_id, &uuid.to_string()).await?,
        Err(_) => false,
    };
    if deleted { Ok(()) } else { Err(not_found(runner)) }
}

fn not_found(runner: &str) -> ApiError {
    let shown: String = runner.chars().take(100).collect();
    ApiError::not_found("runner_not_found", format!("there is no runner with the runner_uuid {shown:?} here"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(body: Value) -> Result<Registration, String> {
        let Value::Object(body) = body else { unreachable!("the tests give objects") };
        Registration::read(body).map_err(|error| error.to_string())
    }

    #[test]
    fn a_registration_is_read_in_both_spellings() {
        let uuid = "67E55044-10B1-426F-9247-BB680E5FE0C8";
        for key in ["runnerUuid", "runner_uuid"] {
            let registration = read(json!({ key: uuid, "name": "r 1", "version": "" })).unwrap();
            assert_eq!(registration.runner_uuid.as_deref(), Some("67e55044-10b1-426f-9247-bb680e5fe0c8"));
            assert_eq!((registration.name.as_deref(), registration.version), (Some("r 1"), None));
        }
    }

    #[test]
    fn a_bad_registration_says_what_is_expected() {
        let errors: Vec<_> = [
            json!({ "runner_uuid": "x" }),
            json!({ "name": "a\nb" }),
            json!({ "name": "x".repeat(201) }),
            json!({ "version": 5 }),
            json!({ "loc": "x" }),
        ]
        .map(|body| read(body).unwrap_err())
        .into();
        insta::assert_snapshot!(errors.join("\n"), @r#"
        the field runner_uuid is "x", expected a UUID [invalid_field]
        the field name has 3 characters, expected one line of at most 200, without control characters and needless blanks [invalid_field]
        the field name has 201 characters, expected one line of at most 200, without control characters and needless blanks [invalid_field]
        the body has the wrong shape: invalid type: integer `5`, expected a string [wrong_shape]
        the body has the wrong shape: unknown field `loc`, expected one of `runnerUuid`, `runner_uuid`, `name`, `version` [wrong_shape]
        "#);
    }
}
