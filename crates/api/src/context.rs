//! What belongs to one request: its id, and who turned out to ask.

use std::sync::{Arc, OnceLock};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};

use crate::app::AppState;
use crate::error::{ApiError, one_line};

/// The header that carries a request's id both ways.
pub(crate) static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
static TOOL: HeaderName = HeaderName::from_static("x-runwhen-mcp-tool");
/// Most characters of a tool's name that enter a commit.
const MAX_TOOL_CHARS: usize = 100;

/// The context of one request.
#[derive(Debug, Clone)]
pub(crate) struct RequestContext(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    id: HeaderValue,
    tool: Option<String>,
    caller: OnceLock<String>,
}

impl RequestContext {
    /// Takes the client's request id when it is sane, or makes one.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let id = headers.get(&REQUEST_ID).filter(|value| is_sane(value.as_bytes())).cloned();
        let tool = headers
            .get(&TOOL)
            .map(|value| safe_line(&value.as_bytes().escape_ascii().to_string(), MAX_TOOL_CHARS));
        let id = id.unwrap_or_else(make_id);
        Self(Arc::new(Inner { id, tool: tool.filter(|tool| !tool.is_empty()), caller: OnceLock::new() }))
    }

    /// Returns the request's id.
    pub(crate) fn id(&self) -> &str {
        // Both a sane client's id and ours are ASCII.
        self.0.id.to_str().unwrap_or_default()
    }

    /// Returns the id as a header.
    pub(crate) fn header(&self) -> HeaderValue {
        self.0.id.clone()
    }

    /// Returns the tool that the client says it is, made safe.
    pub(crate) fn tool(&self) -> Option<&str> {
        self.0.tool.as_deref()
    }

    /// Notes who asks, for the log.
    pub(crate) fn note_caller(&self, email: &str) {
        self.0.caller.get_or_init(|| email.to_owned());
    }

    /// Returns who asks, once that is known.
    pub(crate) fn caller(&self) -> Option<&str> {
        self.0.caller.get().map(String::as_str)
    }

    /// Returns the trailers that every commit of this request carries.
    pub(crate) fn trailers(&self) -> Vec<(String, String)> {
        let mut trailers = vec![("Request-Id".to_owned(), self.id().to_owned())];
        trailers.extend(self.tool().map(|tool| ("Tool".to_owned(), tool.to_owned())));
        trailers
    }
}

/// Makes a text one line of at most so many characters, without control characters.
pub(crate) fn safe_line(text: &str, max_chars: usize) -> String {
    one_line(text).chars().take(max_chars).collect::<String>().trim_end().to_owned()
}

fn is_sane(id: &[u8]) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=64).contains(&id.len()) && id.iter().all(allowed)
}

fn make_id() -> HeaderValue {
    let mut buffer = uuid::Uuid::encode_buffer();
    let id = uuid::Uuid::now_v7().simple().encode_lower(&mut buffer);
    // Hexadecimal digits are a valid header value, so the fallback is never taken.
    HeaderValue::from_str(id).unwrap_or(HeaderValue::from_static("unknown"))
}

impl FromRequestParts<AppState> for RequestContext {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _app: &AppState) -> Result<Self, ApiError> {
        // The outermost middleware puts it there; a route outside of it still gets an id.
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_else(|| Self::of(&parts.headers)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(name: &'static str, value: &str) -> RequestContext {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        RequestContext::of(&headers)
    }

    #[test]
    fn a_sane_id_is_taken_and_another_is_replaced() {
        assert_eq!(context("x-request-id", "Build.7_a-b").id(), "Build.7_a-b");
        for bad in ["", "a b", "a/b", "é", &"x".repeat(65)] {
            let made = context("x-request-id", bad);
            assert!(made.id().len() == 32 && made.id() != bad, "{bad}");
        }
    }

    #[test]
    fn a_tool_is_one_short_line() {
        let tool = |value: &str| context("x-runwhen-mcp-tool", value).tool().map(str::to_owned);
        assert_eq!(tool("write  slx").as_deref(), Some("write slx"));
        assert_eq!(tool(&"t".repeat(300)).unwrap().len(), 100);
        assert_eq!(tool(" "), None);
    }

    #[test]
    fn a_line_holds_no_control_characters() {
        assert_eq!(safe_line("a\r\nRequest-Id: x\u{7}\tb", 500), "a Request-Id: x b");
        assert_eq!(safe_line("ab cd", 3), "ab");
    }
}
