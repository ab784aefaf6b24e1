//! Plain requests to a store's own interfaces.

use std::time::Duration;

use serde_json::Value;
use ureq::Agent;
use ureq::http::Request;

/// Returns a client that no environment changes and that remembers no connection.
pub(crate) fn agent() -> Agent {
    Agent::config_builder()
        .proxy(None)
        .http_status_as_error(false)
        .max_idle_connections(0)
        .timeout_global(Some(Duration::from_secs(10)))
        .build()
        .into()
}

/// Asks for an address and returns the status, or nothing when there is no answer.
pub(crate) fn status(url: &str) -> Option<u16> {
    Some(agent().get(url).call().ok()?.status().as_u16())
}

/// Posts JSON, or gets if there is none, and returns the JSON of the answer.
pub(crate) fn ask(url: &str, token: Option<&str>, body: &Value) -> Result<Value, String> {
    let method = if body.is_null() { "GET" } else { "POST" };
    let mut request = Request::builder().method(method).uri(url).header("content-type", "application/json");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let request = request.body(body).map_err(|error| format!("{url}: {error}"))?;
    let mut response = agent().run(request).map_err(|error| format!("{url}: {error}"))?;
    let text = response.body_mut().read_to_string().map_err(|error| format!("{url}: {error}"))?;
    if !response.status().is_success() {
        return Err(format!("{url}: {} {text}", response.status()));
    }
    serde_json::from_str(&text).map_err(|error| format!("{url}: {error}: {text}"))
}
