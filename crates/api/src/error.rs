//! The one error of the HTTP surface: a status, a stable code and a sentence.

mod convert;

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use workstead_core::problem::Problems;

pub(crate) use self::convert::field_problems;

/// Seconds that a recorded error has a client wait, when it is one that passes.
const RECORDED_PAUSE: u32 = 5;

/// What a handler answers instead of a result.
///
/// As a response it is a status and headers; the outermost middleware writes the body, because only
/// it knows the request's id and what the client accepts.
#[derive(Clone)]
pub(crate) struct ApiError(Box<Content>);

#[derive(Clone)]
struct Content {
    status: StatusCode,
    code: Cow<'static, str>,
    detail: String,
    errors: Vec<Value>,
    /// Further members of the body.
    members: Vec<(&'static str, Value)>,
    headers: Vec<(HeaderName, HeaderValue)>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// An error as it is answered.
#[derive(utoipa::ToSchema)]
#[schema(as = Error, rename_all = "camelCase")]
#[expect(dead_code, reason = "it describes what `ApiError::render` writes")]
pub(crate) struct ErrorBody {
    /// One sentence that names the object, the limit and the cure.
    detail: String,
    /// A stable word for programs.
    code: String,
    /// The HTTP status.
    status: u16,
    /// The request's id, under which the log has it.
    request_id: String,
    /// Every problem of invalid content, or what else there is to list.
    #[schema(value_type = Option<Vec<Object>>)]
    errors: Option<Vec<Value>>,
    /// Keys of a typed payload that nobody knows.
    #[schema(rename = "unknown_keys")]
    unknown_keys: Option<Vec<String>>,
    /// What a typed payload was to be.
    model: Option<String>,
}

impl ApiError {
    /// Makes an error of any status.
    pub(crate) fn new(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        detail: impl Into<String>,
    ) -> Self {
        let (code, detail) = (code.into(), detail.into());
        Self(Box::new(Content {
            status,
            code,
            detail,
            errors: Vec::new(),
            members: Vec::new(),
            headers: Vec::new(),
            source: None,
        }))
    }

    /// Answers 400: the request can't be read.
    pub(crate) fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// Answers 401 with the challenge for bearer tokens (RFC 6750 section 3).
    pub(crate) fn unauthorized(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code, detail)
            .header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    /// Answers 403: seen, but not allowed.
    pub(crate) fn forbidden(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, detail)
    }

    /// Answers 404.
    pub(crate) fn not_found(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, detail)
    }

    /// Answers 404 for a workspace that is not there, or that the caller may not see: the two are one.
    pub(crate) fn workspace_not_found(name: &str) -> Self {
        let name: String = name.chars().take(100).collect();
        Self::not_found("workspace_not_found", format!("there is no workspace {name:?} that you may see"))
    }

    /// Answers 405; the router adds the header `Allow` (RFC 9110 section 10.2.1).
    pub(crate) fn method_not_allowed(method: &str) -> Self {
        let detail =
            format!("the method {method} is not allowed here; the header Allow lists those that are");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
    }

    /// Answers 409.
    pub(crate) fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// Answers 412: `If-Match` named another revision than the current one.
    pub(crate) fn precondition_failed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::PRECONDITION_FAILED, "revision_changed", detail)
    }

    /// Answers 413, naming the limit, the actual size and the setting.
    pub(crate) fn too_large(what: &str, actual: &str, limit_bytes: u64, setting: &str) -> Self {
        let detail = format!(
            "{what} has {actual} bytes, more than the limit of {limit_bytes} bytes; send less, or raise {setting}"
        );
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
    }

    /// Answers 422: well-formed, but not valid.
    pub(crate) fn invalid(code: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }

    /// Answers 422 with every problem; the detail says the first and how many more there are.
    pub(crate) fn invalid_content(code: &'static str, problems: Problems) -> Self {
        let count = problems.error_count();
        let listed = problems.into_sorted();
        let first =
            listed.iter().find(|problem| problem.severity == workstead_core::problem::Severity::Error);
        let mut detail = first.map_or_else(|| "the content is not valid".to_owned(), ToString::to_string);
        detail.push_str(&more(count));
        let mut error = Self::invalid(code, one_line(&detail));
        error.0.errors = listed.iter().filter_map(|problem| serde_json::to_value(problem).ok()).collect();
        error
    }

    /// Answers 429 with the seconds to wait.
    pub(crate) fn too_many(code: &'static str, detail: impl Into<String>, retry_after_seconds: u32) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, code, detail)
            .header(RETRY_AFTER, HeaderValue::from(retry_after_seconds))
    }

    /// Answers 503 with the seconds to wait.
    pub(crate) fn unavailable(
        code: &'static str,
        detail: impl Into<String>,
        retry_after_seconds: u32,
    ) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail)
            .header(RETRY_AFTER, HeaderValue::from(retry_after_seconds))
    }

    /// Answers 500, saying nothing of the cause, which is logged with the request's id.
    pub(crate) fn internal(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let mut error = Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal_error",
            "the server failed to answer; its log has the cause under this request's id",
        );
        error.0.source = Some(Arc::from(source.into()));
        error
    }

    /// Adds a header to the answer.
    #[must_use]
    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// Replaces the entries of `errors`.
    #[must_use]
    pub(crate) fn errors(mut self, errors: Vec<Value>) -> Self {
        self.0.errors = errors;
        self
    }

    /// Adds a member to the body.
    #[must_use]
    pub(crate) fn member(mut self, name: &'static str, value: Value) -> Self {
        self.0.members.push((name, value));
        self
    }

    /// Says the error itself as the one entry of `errors`, about a file or, by an empty path, the whole.
    #[must_use]
    pub(crate) fn about(mut self, path: &str) -> Self {
        let Content { code, detail, .. } = &*self.0;
        let entry =
            json!({ "path": path, "line": 0, "column": 0, "pointer": "", "code": code, "message": detail });
        self.0.errors = vec![entry];
        self
    }

    /// Adds a part to the sentence.
    #[must_use]
    pub(crate) fn adding(mut self, part: &str) -> Self {
        self.0.detail.push_str("; ");
        self.0.detail.push_str(part);
        self
    }

    /// Returns the status.
    pub(crate) fn status(&self) -> StatusCode {
        self.0.status
    }

    /// Returns the stable code.
    pub(crate) fn code(&self) -> &str {
        &self.0.code
    }

    /// Returns the sentence.
    pub(crate) fn detail(&self) -> &str {
        &self.0.detail
    }

    /// Returns the cause that only the log may tell.
    pub(crate) fn cause(&self) -> Option<&(dyn StdError + Send + Sync + 'static)> {
        self.0.source.as_deref()
    }

    /// Returns the body without the request's id, as an upload's record keeps it.
    pub(crate) fn to_json(&self) -> Map<String, Value> {
        let Content { status, code, detail, errors, members, .. } = &*self.0;
        let mut body = Map::new();
        body.insert("detail".to_owned(), json!(detail));
        body.extend(members.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        body.insert("code".to_owned(), json!(code));
        body.insert("status".to_owned(), json!(status.as_u16()));
        if !errors.is_empty() {
            body.insert("errors".to_owned(), json!(errors));
        }
        body
    }

    /// Makes the error again that [`ApiError::to_json`] recorded.
    pub(crate) fn from_json(recorded: &Value) -> Self {
        let status = recorded["status"].as_u64().and_then(|status| u16::try_from(status).ok());
        let status = status.and_then(|status| StatusCode::from_u16(status).ok());
        let text = |key: &str| recorded[key].as_str().unwrap_or_default().to_owned();
        let error =
            Self::new(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), text("code"), text("detail"))
                .errors(recorded["errors"].as_array().cloned().unwrap_or_default());
        // Headers are not recorded; this one is all that such errors have.
        let passes = error.status() == StatusCode::SERVICE_UNAVAILABLE;
        if passes { error.header(RETRY_AFTER, HeaderValue::from(RECORDED_PAUSE)) } else { error }
    }

    /// Writes the whole answer, for a client that may have asked for `application/problem+json` (RFC 9457).
    pub(crate) fn render(&self, request_id: &str, wants_problem_json: bool) -> Response {
        let mut body = self.to_json();
        body.insert("requestId".to_owned(), json!(request_id));
        let content_type = if wants_problem_json {
            body.insert("type".to_owned(), json!("about:blank"));
            let title = self.0.status.canonical_reason().unwrap_or("Error");
            body.insert("title".to_owned(), json!(title));
            "application/problem+json"
        } else {
            "application/json"
        };
        let mut response = (self.0.status, Value::Object(body).to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        for (name, value) in &self.0.headers {
            headers.append(name.clone(), value.clone());
        }
        response
    }
}

/// Says how many problems there are beside the first.
pub(crate) fn more(count: usize) -> String {
    match count {
        0 | 1 => String::new(),
        2 => " (and 1 more problem)".to_owned(),
        _ => format!(" (and {} more problems)", count - 1),
    }
}

/// Makes a text one line without control characters.
pub(crate) fn one_line(text: &str) -> String {
    let spaced = text.replace(|c: char| c.is_control(), " ");
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.0.status.into_response();
        for (name, value) in &self.0.headers {
            response.headers_mut().append(name.clone(), value.clone());
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl fmt::Debug for ApiError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Content { status, code, detail, source, .. } = &*self.0;
        let mut debug = formatter.debug_struct("ApiError");
        debug.field("status", status).field("code", code).field("detail", detail);
        debug.field("source", source).finish_non_exhaustive()
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} [{}]", self.0.detail, self.0.code)
    }
}
