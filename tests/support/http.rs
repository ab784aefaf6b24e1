//! HTTP as a client of the server speaks it.

use std::sync::LazyLock;
use std::time::Duration;

use serde_json::Value;
use ureq::http::{Method, Request};
use ureq::{Agent, SendBody};

use super::TestServer;

static AGENT: LazyLock<Agent> = LazyLock::new(|| {
    Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_global(Some(Duration::from_mins(2)))
        // A server of an earlier test may have had the same port.
        .max_idle_connections(0)
        .build()
        .into()
});

/// What the server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The status; 0 when there was no answer at all.
    pub(crate) status: u16,
    /// The body, null when it is not JSON.
    pub(crate) json: Value,
    /// The body as text.
    pub(crate) text: String,
}

impl Answer {
    /// Asserts the status, showing the whole answer when it is another.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// Returns a text field.
    #[track_caller]
    pub(crate) fn field(&self, name: &str) -> &str {
        self.json[name].as_str().unwrap_or_else(|| panic!("no text `{name}` in {}", self.text))
    }
}

/// Sends one request; no answer is an answer with the status 0.
pub(crate) fn send(method: Method, url: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Answer {
    let mut request = Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut reader = body.unwrap_or_default();
    let response = match body {
        Some(body) => {
            let request = request.header("content-length", body.len());
            AGENT.run(request.body(SendBody::from_reader(&mut reader)).unwrap())
        }
        None => AGENT.run(request.body(()).unwrap()),
    };
    match response {
        Ok(mut response) => {
            let status = response.status().as_u16();
            match response.body_mut().with_config().limit(256 << 20).read_to_string() {
                Ok(text) => Answer { status, json: serde_json::from_str(&text).unwrap_or_default(), text },
                // The answer broke off: nothing was acknowledged.
                Err(error) => Answer { status: 0, json: Value::Null, text: error.to_string() },
            }
        }
        Err(error) => Answer { status: 0, json: Value::Null, text: error.to_string() },
    }
}

impl TestServer {
    /// Gets a path without a token.
    pub(crate) fn get_anonymous(&self, path: &str) -> Answer {
        send(Method::GET, &format!("{}{path}", self.url), &[], None)
    }

    /// Sends a request with the admin's token.
    pub(crate) fn call(&self, method: Method, path: &str, body: Option<&[u8]>) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        send(method, &format!("{}{path}", self.url), &headers, body)
    }

    /// Gets a path.
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None)
    }

    /// Posts JSON.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::POST, path, Some(body.to_string().as_bytes()))
    }

    /// Patches with JSON.
    pub(crate) fn patch(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::PATCH, path, Some(body.to_string().as_bytes()))
    }

    /// Creates a workspace.
    pub(crate) fn create(&self, workspace: &str) {
        self.post("/api/v3/workspaces/", &serde_json::json!({"name": workspace})).expect(201);
    }
}
