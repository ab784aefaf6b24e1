//! What clients say of a webhook.

use axum::body::Body;
use axum::http::HeaderMap;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::app::AppState;
use crate::context::safe_line;
use crate::error::ApiError;
use crate::fields::{Fields, refuse};
use crate::store::events::EventKind;

/// Characters of a secret.
const SECRET_CHARS: std::ops::RangeInclusive<usize> = 16..=256;
/// Most characters of a description.
const MAX_DESCRIPTION_CHARS: usize = 200;

/// The fields of a webhook, as far as they were sent.
pub(crate) struct WebhookFields {
    pub(super) url: Option<String>,
    pub(super) kinds: Option<Vec<EventKind>>,
    pub(super) is_active: Option<bool>,
    pub(super) secret: Option<SecretString>,
    pub(super) description: Option<String>,
}

impl WebhookFields {
    /// Reads the body of a request.
    pub(crate) async fn read(app: &AppState, headers: &HeaderMap, body: Body) -> Result<Self, ApiError> {
        Self::of(Fields::read(app, headers, body).await?)
    }

    fn of(mut fields: Fields) -> Result<Self, ApiError> {
        let read = Self {
            url: fields.text("url")?,
            kinds: fields.value("events").map(|value| read_kinds(&value)).transpose()?.flatten(),
            is_active: fields.boolean("active")?,
            secret: fields.secret("secret")?.map(check_secret).transpose()?,
            description: fields
                .text_or_empty("description")?
                .map(|text| check_description(&text))
                .transpose()?,
        };
        fields.finish()?;
        Ok(read)
    }
}

fn read_kinds(value: &Value) -> Result<Option<Vec<EventKind>>, ApiError> {
    let parse = |word: &Value| word.as_str().and_then(EventKind::parse);
    let kinds: Option<Vec<_>> = match value {
        Value::Null => return Ok(None),
        Value::Array(words) => words.iter().map(parse).collect(),
        _ => None,
    };
    let words = EventKind::ALL.map(EventKind::as_str).join(", ");
    let refused = || refuse("events", value, &format!("a list of at least one of {words}"));
    let kinds = kinds.filter(|kinds| !kinds.is_empty()).ok_or_else(refused)?;
    // Each once, in one order.
    Ok(Some(EventKind::ALL.into_iter().filter(|kind| kinds.contains(kind)).collect()))
}

/// Takes a secret that every receiver can be given; no refusal shows it.
fn check_secret(secret: SecretString) -> Result<SecretString, ApiError> {
    let text = secret.expose_secret();
    if SECRET_CHARS.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(secret);
    }
    let detail = format!(
        "the field secret has {} characters, expected {} to {} visible ASCII characters without blanks; leave it out to have one made",
        text.chars().count(),
        SECRET_CHARS.start(),
        SECRET_CHARS.end()
    );
    Err(ApiError::invalid("invalid_field", detail))
}

fn check_description(text: &str) -> Result<String, ApiError> {
    if text.chars().count() > MAX_DESCRIPTION_CHARS {
        let expected = format!("a text of at most {MAX_DESCRIPTION_CHARS} characters");
        return Err(refuse("description", &Value::from(text), &expected));
    }
    Ok(safe_line(text, MAX_DESCRIPTION_CHARS))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: Value) -> Result<WebhookFields, String> {
        let Value::Object(object) = value else { unreachable!() };
        WebhookFields::of(Fields::of(object)).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_absent_stays_and_lists_are_put_in_order() {
        let fields =
            read(json!({ "url": "https://a.example", "events": ["upload", "commit", "upload"] })).unwrap();
        assert_eq!(fields.kinds, Some(vec![EventKind::Commit, EventKind::Upload]));
        assert!(fields.secret.is_none() && fields.description.is_none() && fields.is_active.is_none());
        let fields = read(json!({ "events": null, "description": null, "active": false })).unwrap();
        assert_eq!(
            (fields.kinds, fields.description.as_deref(), fields.is_active),
            (None, Some(""), Some(false))
        );
    }

    #[test]
    fn a_mistake_is_named_and_a_secret_is_not_shown() {
        let refused = |value| read(value).err().unwrap();
        insta::assert_snapshot!(refused(json!({ "events": [] })), @"the field events is [], expected a list of at least one of commit, push, upload, sync [invalid_field]");
        insta::assert_snapshot!(refused(json!({ "events": ["push", "pull"] })), @r#"the field events is ["push","pull"], expected a list of at least one of commit, push, upload, sync [invalid_field]"#);
        insta::assert_snapshot!(refused(json!({ "secret": "geheim" })), @"the field secret has 6 characters, expected 16 to 256 visible ASCII characters without blanks; leave it out to have one made [invalid_field]");
        assert!(!refused(json!({ "secret": "geheim geheim geheim" })).contains("geheim"));
        insta::assert_snapshot!(refused(json!({ "event": ["push"] })), @r#"the field "event" is unknown; did you mean events? [unknown_field]"#);
        assert!(refused(json!({ "description": "x".repeat(201) })).contains("at most 200 characters"));
    }
}
