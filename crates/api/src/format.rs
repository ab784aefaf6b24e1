//! JSON or YAML: what a client asks for, and how YAML is answered.

use axum::http::header::{ACCEPT, CONTENT_DISPOSITION, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};

use crate::error::ApiError;
use crate::query::Query;

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// A JSON object.
    Json,
    /// A YAML file.
    Yaml,
}

impl Format {
    /// Reads the parameter `format`, else `Accept`; JSON unless YAML is asked for.
    pub(crate) fn of(query: &Query, headers: &HeaderMap) -> Result<Self, ApiError> {
        let asked = query.parsed("format", "json or yaml", |text| match text {
            "yaml" => Some(Self::Yaml),
            "json" => Some(Self::Json),
            _ => None,
        })?;
        Ok(asked.unwrap_or_else(|| Self::accepted(headers)))
    }

    /// Follows `Accept` (RFC 9110 section 12.5.1): YAML when it is named and JSON is not liked more.
    fn accepted(headers: &HeaderMap) -> Self {
        let mut json = 0.0;
        let mut yaml = 0.0;
        for value in headers.get_all(ACCEPT) {
            for range in value.to_str().unwrap_or_default().split(',') {
                let (kind, weight) = weighted(range);
                match kind.as_str() {
                    "application/yaml" | "application/x-yaml" | "text/yaml" => yaml = weight.max(yaml),
                    "application/json" => json = weight.max(json),
                    _ => {}
                }
            }
        }
        if yaml > json { Self::Yaml } else { Self::Json }
    }
}

/// Splits a media range from its weight.
fn weighted(range: &str) -> (String, f32) {
    let mut parts = range.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
    let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    (kind, weight.and_then(|weight| weight.parse().ok()).unwrap_or(1.0))
}

/// Answers a YAML file that a browser saves under a name.
pub(crate) fn yaml_file(text: String, name: &'static str) -> Response {
    let disposition = format!("attachment; filename=\"{name}\"");
    let disposition = HeaderValue::from_str(&disposition).unwrap_or(HeaderValue::from_static("attachment"));
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/yaml")),
        (CONTENT_DISPOSITION, disposition),
        (VARY, HeaderValue::from_static("Authorization, Accept")),
    ];
    (headers, text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_must_be_asked_for() {
        let format = |query: &str, accept: &'static str| {
            let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
            Format::of(&Query::parse(query), &headers).map_err(|error| error.to_string())
        };
        for accept in [
            "",
            "*/*",
            "application/json",
            "application/json, application/yaml;q=0.5",
            "application/yaml;q=0",
        ] {
            assert_eq!(format("", accept), Ok(Format::Json), "{accept}");
            assert_eq!(format("format=yaml", accept), Ok(Format::Yaml), "{accept}");
        }
        for accept in [
            "application/yaml",
            "text/yaml, */*",
            "Application/X-YAML;q=0.9",
            "application/json;q=0.1, text/yaml;q=0.2",
        ] {
            assert_eq!(format("", accept), Ok(Format::Yaml), "{accept}");
            assert_eq!(format("format=json", accept), Ok(Format::Json), "{accept}");
        }
        assert_eq!(
            format("format=xml", "*/*").unwrap_err(),
            "the parameter format is \"xml\", expected json or yaml [invalid_parameter]"
        );
    }
}
