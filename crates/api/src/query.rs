//! The query of a request's address.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use jiff::Timestamp;

use crate::app::AppState;
use crate::error::ApiError;

/// Parameters by name, in the order they came; the first of a name counts, an empty one is absent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads the text after the question mark.
    pub(crate) fn parse(text: &str) -> Self {
        Self(url::form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// Returns a parameter's text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.pairs().find(|(known, value)| *known == name && !value.is_empty()).map(|(_, value)| value)
    }

    /// Returns a parameter's number.
    pub(crate) fn number(&self, name: &str) -> Result<Option<u64>, ApiError> {
        self.parsed(name, "a whole number", number)
    }

    /// Returns a parameter's number that counts something, so that there must be one at least.
    pub(crate) fn positive(&self, name: &str) -> Result<Option<u64>, ApiError> {
        self.parsed(name, "a whole number from 1", |text| number(text).filter(|number| *number > 0))
    }

    /// Returns whether a parameter says yes.
    pub(crate) fn boolean(&self, name: &str) -> Result<Option<bool>, ApiError> {
        self.parsed(name, "true or false", |text| match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" => Some(true),
            "false" | "0" | "no" => Some(false),
            _ => None,
        })
    }

    /// Returns all parameters.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Returns a parameter parsed, or says what was expected.
    pub(crate) fn parsed<T>(
        &self,
        name: &str,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, ApiError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let shown: String = text.chars().take(100).collect();
        let refuse = || {
            let detail = format!("the parameter {name} is {shown:?}, expected {expected}");
            ApiError::bad_request("invalid_parameter", detail)
        };
        parse(text).map(Some).ok_or_else(refuse)
    }
}

/// Reads a number that a database can count to.
fn number(text: &str) -> Option<u64> {
    text.parse::<i64>().ok().and_then(|number| u64::try_from(number).ok())
}

impl FromRequestParts<AppState> for Query {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _app: &AppState) -> Result<Self, ApiError> {
        Ok(parts.uri.query().map(Self::parse).unwrap_or_default())
    }
}

/// Writes a time as RFC 3339 in UTC, to the second like Git's.
pub(crate) fn rfc3339(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read() {
        let query = Query::parse("a=1&b=&c=yes&d=x%20y&a=2");
        assert_eq!(query.number("a").unwrap(), Some(1));
        assert_eq!((query.text("b"), query.text("d")), (None, Some("x y")));
        assert_eq!(query.boolean("c").unwrap(), Some(true));
        assert!(query.boolean("d").is_err());
    }
}
