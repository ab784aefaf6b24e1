//! The fields of a small JSON body, read one by one.

use std::ops::RangeInclusive;

use axum::body::Body;
use axum::http::HeaderMap;
use secrecy::SecretString;
use serde_json::{Map, Value};

use crate::app::AppState;
use crate::body::read_object;
use crate::context::safe_line;
use crate::error::ApiError;

/// Most differing letters of a name that somebody may have meant.
const NEAR: usize = 2;

/// A body whose fields are taken out by name; what nobody asked for is unknown.
pub(crate) struct Fields {
    left: Map<String, Value>,
    known: Vec<&'static str>,
}

impl Fields {
    /// Reads the body of a request.
    pub(crate) async fn read(app: &AppState, headers: &HeaderMap, body: Body) -> Result<Self, ApiError> {
        Ok(Self::of(read_object(headers, body, app.json_limit(), &app.work).await?))
    }

    /// Takes an object that was read.
    pub(crate) fn of(object: Map<String, Value>) -> Self {
        Self { left: object, known: Vec::new() }
    }

    /// Takes a text; null and an empty one are the same as absent.
    pub(crate) fn text(&mut self, name: &'static str) -> Result<Option<String>, ApiError> {
        Ok(self.text_or_empty(name)?.filter(|text| !text.is_empty()))
    }

    /// Takes a text that must be there.
    pub(crate) fn required_text(&mut self, name: &'static str) -> Result<String, ApiError> {
        self.text(name)?.ok_or_else(|| missing(name, "a text"))
    }

    /// Takes a text where null, like an empty one, is to take away what is there.
    pub(crate) fn text_or_empty(&mut self, name: &'static str) -> Result<Option<String>, ApiError> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Null) => Ok(Some(String::new())),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(refuse(name, &other, "a string")),
        }
    }

    /// Takes a text that must be there, made one line of at most so many characters.
    pub(crate) fn line(&mut self, name: &'static str, max_chars: usize) -> Result<String, ApiError> {
        let expected = format!("a text of 1 to {max_chars} characters");
        let text = self.text(name)?.ok_or_else(|| missing(name, &expected))?;
        let line = safe_line(&text, max_chars);
        if line.is_empty() || text.chars().count() > max_chars {
            return Err(refuse(name, &Value::from(text), &expected));
        }
        Ok(line)
    }

    /// Takes a secret, which no refusal shows.
    pub(crate) fn secret(&mut self, name: &'static str) -> Result<Option<SecretString>, ApiError> {
        match self.take(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(SecretString::from(text))),
            Some(_) => Err(ApiError::invalid("invalid_field", format!("the field {name} is not a string"))),
        }
    }

    /// Takes a secret that must be there.
    pub(crate) fn required_secret(&mut self, name: &'static str) -> Result<SecretString, ApiError> {
        self.secret(name)?.ok_or_else(|| missing(name, "a string"))
    }

    /// Takes a value of any kind.
    pub(crate) fn value(&mut self, name: &'static str) -> Option<Value> {
        self.take(name)
    }

    /// Takes a yes or no.
    pub(crate) fn boolean(&mut self, name: &'static str) -> Result<Option<bool>, ApiError> {
        match self.take(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(yes)) => Ok(Some(yes)),
            Some(other) => Err(refuse(name, &other, "true or false")),
        }
    }

    /// Takes a whole number within bounds.
    pub(crate) fn whole_number(
        &mut self,
        name: &'static str,
        bounds: RangeInclusive<u32>,
    ) -> Result<Option<u32>, ApiError> {
        let value = match self.take(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(value) => value,
        };
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
        let number = number.filter(|number| bounds.contains(number));
        let expected = || format!("a whole number from {} to {}", bounds.start(), bounds.end());
        number.map(Some).ok_or_else(|| refuse(name, &value, &expected()))
    }

    /// Refuses what is left, with the nearest name that is known.
    pub(crate) fn finish(self) -> Result<(), ApiError> {
        let Some(unknown) = self.left.keys().next() else { return Ok(()) };
        let near = self.known.iter().map(|known| (strsim::osa_distance(known, unknown), known));
        let cure = match near.min().filter(|(distance, _)| *distance <= NEAR) {
            Some((_, known)) => format!("did you mean {known}?"),
            None => format!("known are {}", self.known.join(", ")),
        };
        let shown: String = unknown.chars().take(100).collect();
        Err(ApiError::invalid("unknown_field", format!("the field {shown:?} is unknown; {cure}")))
    }

    fn take(&mut self, name: &'static str) -> Option<Value> {
        self.known.push(name);
        self.left.shift_remove(name)
    }
}

/// Answers 422 for a field that is not what it should be.
pub(crate) fn refuse(name: &str, value: &Value, expected: &str) -> ApiError {
    let shown: String = value.to_string().chars().take(100).collect();
    ApiError::invalid("invalid_field", format!("the field {name} is {shown}, expected {expected}"))
}

/// Answers 422 for a field that must be there.
pub(crate) fn missing(name: &str, expected: &str) -> ApiError {
    ApiError::invalid("missing_field", format!("the field {name} is missing, expected {expected}"))
}

/// Says what a value is, without the value.
pub(crate) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(value: Value) -> Fields {
        let Value::Object(object) = value else { unreachable!() };
        Fields::of(object)
    }

    #[test]
    fn fields_are_read_by_kind() {
        let mut read = fields(json!({"a": "x", "b": null, "c": true, "d": 7, "e": " one\nline "}));
        assert_eq!(read.text("a").unwrap().as_deref(), Some("x"));
        assert_eq!(read.text_or_empty("b").unwrap().as_deref(), Some(""));
        assert_eq!(read.text_or_empty("z").unwrap(), None);
        assert_eq!((read.boolean("c").unwrap(), read.boolean("y").unwrap()), (Some(true), None));
        assert_eq!(read.whole_number("d", 1..=7).unwrap(), Some(7));
        assert_eq!(read.line("e", 20).unwrap(), "one line");
        assert!(read.finish().is_ok());
    }

    #[test]
    fn a_mistake_names_the_field_and_what_was_expected() {
        let say = |error: ApiError| error.to_string();
        insta::assert_snapshot!(say(fields(json!({"a": 1})).text("a").unwrap_err()), @"the field a is 1, expected a string [invalid_field]");
        insta::assert_snapshot!(say(fields(json!({"a": "yes"})).boolean("a").unwrap_err()), @r#"the field a is "yes", expected true or false [invalid_field]"#);
        for bad in [json!(0), json!(181), json!(1.5), json!(-1), json!("7")] {
            let error = fields(json!({ "days": bad })).whole_number("days", 1..=180).unwrap_err();
            assert_eq!(
                say(error),
                format!("the field days is {bad}, expected a whole number from 1 to 180 [invalid_field]")
            );
        }
        insta::assert_snapshot!(say(fields(json!({})).line("name", 100).unwrap_err()), @"the field name is missing, expected a text of 1 to 100 characters [missing_field]");
        insta::assert_snapshot!(say(fields(json!({"name": "\n"})).line("name", 100).unwrap_err()), @r#"the field name is "\n", expected a text of 1 to 100 characters [invalid_field]"#);
        assert!(fields(json!({"name": "x".repeat(101)})).line("name", 100).is_err());
    }

    #[test]
    fn a_secret_is_never_shown() {
        let error = fields(json!({"password": ["hunter2"]})).secret("password").unwrap_err();
        insta::assert_snapshot!(error, @"the field password is not a string [invalid_field]");
    }

    #[test]
    fn what_is_left_is_unknown() {
        let left = |value: Value| {
            let mut read = fields(value);
            let _ = (read.boolean("isActive"), read.text("fullName"));
            read.finish().unwrap_err().to_string()
        };
        insta::assert_snapshot!(left(json!({"isActve": false})), @r#"the field "isActve" is unknown; did you mean isActive? [unknown_field]"#);
        insta::assert_snapshot!(left(json!({"colour": 1})), @r#"the field "colour" is unknown; known are isActive, fullName [unknown_field]"#);
    }
}
