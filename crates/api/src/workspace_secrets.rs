//! The secrets of a workspace: written, named, removed, and never shown.

pub(crate) mod usage;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use workstead_core::workspace_file::FieldProblem;

use crate::app::AppState;
use crate::error::{ApiError, field_problems};
use crate::fields::kind_of;
use crate::seal::{Purpose, ServerKey};
use crate::settings::Settings;
use crate::store::now;
use crate::store::secrets::{SealedSecret, Stored};
use crate::workspace::Workspace;

const MAX_NAME_BYTES: usize = 128;

/// Secrets as a client sent them, checked.
#[derive(Debug)]
pub(crate) struct NewSecrets(Vec<(String, SecretString)>);

impl NewSecrets {
    /// Reads the body of a write; no message ever holds a value.
    pub(crate) fn read(settings: &Settings, mut body: Map<String, Value>) -> Result<Self, ApiError> {
        let secrets = body.shift_remove("secrets");
        let mut problems: Vec<_> = body.keys().map(|key| unknown(key)).collect();
        let secrets = match secrets {
            Some(Value::Object(secrets)) => secrets,
            Some(other) => {
                problems.push(problem(
                    "",
                    "wrong_type",
                    format!("secrets is {}", expected(&other, "an object")),
                ));
                Map::new()
            }
            None => {
                problems.push(problem("", "missing_field", "the field secrets is missing".to_owned()));
                Map::new()
            }
        };
        let mut read = Vec::new();
        for (name, value) in secrets {
            match check(settings, &name, value) {
                Ok(value) => read.push((name, value)),
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() { Ok(Self(read)) } else { Err(field_problems(problems)) }
    }

    /// Returns the names, in the order of the alphabet.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.0.iter().map(|(name, _)| name.clone()).collect();
        names.sort_unstable();
        names
    }

    /// Encrypts the values, each bound to its workspace and name.
    fn seal(&self, key: &ServerKey, workspace_id: &str) -> Result<Vec<SealedSecret>, ApiError> {
        let seal = |(name, value): &(String, SecretString)| {
            let bound_to = format!("{workspace_id}/{name}");
            let sealed = key.seal(Purpose::WorkspaceSecrets, &bound_to, value.expose_secret())?;
            Ok(SealedSecret { name: name.clone(), sealed: SecretString::from(sealed) })
        };
        self.0.iter().map(seal).collect()
    }
}

/// Writes all of the secrets, or none.
pub(crate) async fn write(
    app: &AppState,
    workspace: &Workspace,
    secrets: NewSecrets,
) -> Result<(), ApiError> {
    let (key, id) = (app.server_key.clone(), workspace.id().to_owned());
    let sealed = app.work.blocking(move || secrets.seal(&key, &id)).await??;
    let max_secrets = app.settings.max_secrets;
    match app.database.put_secrets(workspace.id(), &sealed, max_secrets, now()).await? {
        Stored::All => Ok(()),
        Stored::Gone => Err(ApiError::workspace_not_found(workspace.name().as_str())),
        Stored::TooMany(count) => {
            let detail = format!(
                "workspace {} would have {count} secrets, more than the limit of {max_secrets}, so none was written; delete some, or raise WORKSTEAD_SECRETS_MAX",
                workspace.name()
            );
            Err(ApiError::invalid("too_many_secrets", detail))
        }
    }
}

/// Removes a secret.
pub(crate) async fn delete(app: &AppState, workspace: &Workspace, name: &str) -> Result<(), ApiError> {
    if app.database.delete_secret(workspace.id(), name).await? { Ok(()) } else { Err(not_found(name)) }
}

fn not_found(name: &str) -> ApiError {
    let shown: String = name.chars().take(100).collect();
    ApiError::not_found("secret_not_found", format!("the workspace has no secret {shown:?}"))
}

fn check(settings: &Settings, name: &str, value: Value) -> Result<SecretString, FieldProblem> {
    if !is_name(name) {
        let shown: String = name.chars().take(100).collect();
        let message = format!(
            "{shown:?} is no name of a secret: expected at most {MAX_NAME_BYTES} letters, digits, `.`, `_` and `-`, beginning with a letter, a digit or `_`"
        );
        return Err(problem(name, "invalid_name", message));
    }
    let Value::String(value) = value else {
        let message = format!("the secret {name} is {}", expected(&value, "a string"));
        return Err(problem(name, "wrong_type", message));
    };
    let (bytes, limit) = (value.len() as u64, settings.max_secret_bytes);
    if bytes == 0 {
        let message = format!("the secret {name} is empty; delete it instead");
        return Err(problem(name, "empty_secret", message));
    }
    if bytes > limit {
        let message = format!(
            "the secret {name} has {bytes} bytes, more than the limit of {limit} bytes; send less, or raise WORKSTEAD_SECRET_MAX_BYTES"
        );
        return Err(problem(name, "too_large", message));
    }
    Ok(SecretString::from(value))
}

/// A name goes into URLs and YAML as it is, and never looks like a key of another store, which holds `:` or `@`.
fn is_name(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let allowed = |byte: u8| word(byte) || matches!(byte, b'.' | b'-');
    text.len() <= MAX_NAME_BYTES && text.bytes().next().is_some_and(word) && text.bytes().all(allowed)
}

/// Says what a value is, without the value.
fn expected(value: &Value, what: &str) -> String {
    format!("{}, expected {what}", kind_of(value))
}

fn problem(name: &str, code: &'static str, message: String) -> FieldProblem {
    let step: String = name.chars().take(100).collect::<String>().replace('~', "~0").replace('/', "~1");
    let pointer = if name.is_empty() { "/secrets".to_owned() } else { format!("/secrets/{step}") };
    FieldProblem { pointer, code, message, hint: None }
}

fn unknown(key: &str) -> FieldProblem {
    let shown: String = key.chars().take(100).collect();
    let pointer = format!("/{}", shown.replace('~', "~0").replace('/', "~1"));
    let message = format!("the field {shown:?} is unknown, expected `secrets` with values by name");
    FieldProblem { pointer, code: "unknown_field", message, hint: None }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(body: Value) -> Result<NewSecrets, String> {
        let settings =
            Settings::from_lookup(|name| (name == "WORKSTEAD_SECRET_MAX_BYTES").then(|| "12".to_owned()));
        let Value::Object(body) = body else { unreachable!("the tests give objects") };
        NewSecrets::read(&settings.unwrap(), body).map_err(|error| error.to_string())
    }

    #[test]
    fn names_and_values_are_checked() {
        let good = read(json!({ "secrets": { "b": "geheim", "_a.B-1": "x" } })).unwrap();
        assert_eq!(good.names(), ["_a.B-1", "b"]);
        let errors: Vec<_> = [
            json!({}),
            json!({ "secrets": ["geheim"] }),
            json!({ "secrets": {}, "secret": "geheim" }),
            json!({ "secrets": { "k8s:file@x": "geheim" } }),
            json!({ "secrets": { "": "geheim" } }),
            json!({ "secrets": { ".a": "geheim" } }),
            json!({ "secrets": { "a": { "geheim": 1 }, "b": "" } }),
            json!({ "secrets": { "a": "geheimgeheimg" } }),
        ]
        .map(|body| read(body).unwrap_err())
        .into();
        assert!(!errors.concat().contains("geheim"));
        insta::assert_snapshot!(errors.join("\n"), @r#"
        the field secrets is missing [missing_field]
        secrets is a list, expected an object [wrong_type]
        the field "secret" is unknown, expected `secrets` with values by name [unknown_field]
        "k8s:file@x" is no name of a secret: expected at most 128 letters, digits, `.`, `_` and `-`, beginning with a letter, a digit or `_` [invalid_name]
        "" is no name of a secret: expected at most 128 letters, digits, `.`, `_` and `-`, beginning with a letter, a digit or `_` [invalid_name]
        ".a" is no name of a secret: expected at most 128 letters, digits, `.`, `_` and `-`, beginning with a letter, a digit or `_` [invalid_name]
        the secret a is an object, expected a string (and 1 more problem) [wrong_type]
        the secret a has 13 bytes, more than the limit of 12 bytes; send less, or raise WORKSTEAD_SECRET_MAX_BYTES [too_large]
        "#);
        assert!(read(json!({ "secrets": { "x".repeat(129): "y" } })).is_err());
    }

    #[test]
    fn values_are_hidden_and_sealed_for_their_place() {
        let secrets = read(json!({ "secrets": { "a": "geheim" } })).unwrap();
        assert!(!format!("{secrets:?}").contains("geheim"));
        let key = ServerKey::new([7; 32]);
        let sealed = secrets.seal(&key, "id").unwrap();
        assert!(!format!("{sealed:?}").contains(sealed[0].sealed.expose_secret()));
        let open =
            |bound_to: &str| key.open(Purpose::WorkspaceSecrets, bound_to, sealed[0].sealed.expose_secret());
        assert_eq!(open("id/a").unwrap().expose_secret(), "geheim");
        assert!(open("other/a").is_err());
    }
}
