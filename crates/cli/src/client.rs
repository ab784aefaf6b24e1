//! The commands' way to a server: HTTP with the caller's token.

use std::io::Read;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use ureq::http::{Method, Request, Response, header};
use ureq::{Agent, Body, SendBody};
use url::Url;

use crate::diagnostics::Finding;
use crate::error::CliError;

/// Most bytes of an answer that are read.
const MAX_ANSWER_BYTES: u64 = 64 << 20;

/// What a request carries.
pub(crate) struct Payload<'a> {
    /// The media type.
    pub(crate) content_type: &'a str,
    /// How many bytes the reader gives.
    pub(crate) length: u64,
    /// The bytes.
    pub(crate) reader: &'a mut dyn Read,
}

/// One server, spoken to with one token.
#[derive(Debug)]
pub(crate) struct Client {
    agent: Agent,
    server: Url,
    token: SecretString,
}

impl Client {
    /// Makes a client of a server at its base address.
    pub(crate) fn new(server: &str, token: SecretString) -> Result<Self, CliError> {
        let server = Url::parse(server)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| {
                CliError::user(format!("`{server}` is no address of a server"))
                    .hint("write it as http://host:port or https://host")
            })?;
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // A redirected POST loses its body, and a token goes nowhere but where it was meant to.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(Duration::from_secs(10)))
            .timeout_recv_response(Some(Duration::from_mins(15)))
            .user_agent(concat!("workstead/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self { agent: config.new_agent(), server, token })
    }

    /// Returns the address of an API route by its segments behind `/api/v3`.
    pub(crate) fn api(&self, segments: &[&str]) -> Url {
        let mut url = self.server.clone();
        // Only addresses that can't be a base have no segments, and `new` takes none of those.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["api", "v3"]).extend(segments);
        }
        url
    }

    /// Returns an address that the server named, on the origin that the user named.
    ///
    /// The token goes to no other host, whatever an answer says.
    pub(crate) fn on_this_server(&self, address: &str) -> Result<Url, CliError> {
        let named = self.server.join(address).map_err(|error| {
            CliError::unexpected(error, format!("the server answered with the bad address `{address}`"))
        })?;
        let mut url = self.server.clone();
        url.set_path(named.path());
        url.set_query(named.query());
        Ok(url)
    }

    /// Asks with the token and reads the JSON answer.
    pub(crate) fn call(
        &self,
        method: Method,
        url: &Url,
        payload: Option<Payload<'_>>,
    ) -> Result<Value, ClientError> {
        let bearer = format!("Bearer {}", self.token.expose_secret());
        let headers = [
            (header::AUTHORIZATION.as_str(), bearer.as_str()),
            (header::ACCEPT.as_str(), "application/json"),
        ];
        self.send(method, url, &headers, payload)
    }

    /// Sends to a signed address: with exactly the headers that were signed, and without the token.
    pub(crate) fn put_signed(
        &self,
        url: &Url,
        headers: &[(String, String)],
        payload: Payload<'_>,
    ) -> Result<(), ClientError> {
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.send(Method::PUT, url, &headers, Some(payload)).map(drop)
    }

    fn send(
        &self,
        method: Method,
        url: &Url,
        headers: &[(&str, &str)],
        payload: Option<Payload<'_>>,
    ) -> Result<Value, ClientError> {
        let mut request = Request::builder().method(method).uri(url.as_str());
        for (name, value) in headers {
            // The length is set from what is really sent, below.
            if !name.eq_ignore_ascii_case("content-length") && !name.eq_ignore_ascii_case("host") {
                request = request.header(*name, *value);
            }
        }
        let response = match payload {
            Some(payload) => {
                if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
                    request = request.header(header::CONTENT_TYPE, payload.content_type);
                }
                request = request
                    .header(header::CONTENT_LENGTH, payload.length)
                    // So that a refusal comes before the body is on its way, and is heard.
                    .header(header::EXPECT, "100-continue");
                let body = SendBody::from_reader(payload.reader);
                request.body(body).map_err(ureq::Error::from).and_then(|request| self.agent.run(request))
            }
            None => request.body(()).map_err(ureq::Error::from).and_then(|request| self.agent.run(request)),
        };
        read_answer(response.map_err(|error| self.unreachable(error))?)
    }

    fn unreachable(&self, error: ureq::Error) -> ClientError {
        let server = &self.server;
        ClientError::Failed(
            CliError::user_caused(error, format!("failed to talk to {server}"))
                .hint("is the server running there? `workstead serve` prints its address; --server names it"),
        )
    }
}

/// Why a call did not succeed.
#[derive(Debug)]
pub(crate) enum ClientError {
    /// The server's answer is a refusal.
    Refused(Refusal),
    /// There was no answer, or none that can be read.
    Failed(CliError),
}

/// The error object of the server's answer.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Refusal {
    /// The HTTP status.
    #[serde(skip)]
    pub(crate) http_status: u16,
    /// One sentence.
    pub(crate) detail: String,
    /// The stable code.
    pub(crate) code: String,
    /// The request's id, for the server's log.
    pub(crate) request_id: String,
    /// What is wrong with the content.
    pub(crate) errors: Vec<Finding>,
}

impl From<Refusal> for CliError {
    fn from(refusal: Refusal) -> Self {
        let Refusal { http_status, detail, code, request_id, .. } = refusal;
        if http_status >= 500 {
            return Self::unexpected_message(format!("the server failed: {detail} [{http_status} {code}]"))
                .hint(format!("its log says more about the request `{request_id}`"));
        }
        let error = Self::user(format!("the server refused: {detail} [{http_status} {code}]"));
        match http_status {
            401 => error.hint("WORKSTEAD_TOKEN or --token-file must give a token of this very server"),
            _ => error,
        }
    }
}

impl From<ClientError> for CliError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Refused(refusal) => refusal.into(),
            ClientError::Failed(error) => error,
        }
    }
}

fn read_answer(mut response: Response<Body>) -> Result<Value, ClientError> {
    let status = response.status();
    let text = response
        .body_mut()
        .with_config()
        .limit(MAX_ANSWER_BYTES)
        .read_to_string()
        .map_err(|error| ClientError::Failed(CliError::unexpected(error, "failed to read the answer")))?;
    if status.is_success() {
        return match text.trim() {
            "" => Ok(Value::Null),
            text => serde_json::from_str(text).map_err(|error| {
                ClientError::Failed(
                    CliError::user_caused(error, "the answer is not JSON")
                        .hint("is this the address of a Workstead server?"),
                )
            }),
        };
    }
    let mut refusal: Refusal = serde_json::from_str(&text).unwrap_or_default();
    refusal.http_status = status.as_u16();
    if refusal.detail.is_empty() {
        refusal.detail = match response.headers().get(header::LOCATION).and_then(|to| to.to_str().ok()) {
            Some(target) => format!("it redirects to {target}, which is not followed"),
            None => text.lines().next().unwrap_or_default().chars().take(200).collect(),
        };
    }
    Err(ClientError::Refused(refusal))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(server: &str) -> Client {
        Client::new(server, SecretString::from("token-of-the-test")).unwrap()
    }

    #[test]
    fn addresses_are_made_below_the_servers_own_path() {
        let url = client("https://example.com/deep/").api(&["workspaces", "a b", "upload"]);
        assert_eq!(url.as_str(), "https://example.com/deep/api/v3/workspaces/a%20b/upload");
        let url = client("http://127.0.0.1:1").api(&["workspaces"]);
        assert_eq!(url.as_str(), "http://127.0.0.1:1/api/v3/workspaces");
    }

    #[test]
    fn the_token_goes_to_no_other_host() {
        let url = client("http://127.0.0.1:1").on_this_server("https://evil.example/api/x?y=1").unwrap();
        assert_eq!(url.as_str(), "http://127.0.0.1:1/api/x?y=1");
    }

    #[test]
    fn what_is_no_address_is_refused_with_a_hint() {
        for bad in ["", "example.com", "ftp://example.com", "unix:/x"] {
            let error = Client::new(bad, SecretString::from("t")).unwrap_err();
            assert!(error.report().contains("hint: write it as http"), "{bad}");
        }
    }

    #[test]
    fn the_token_is_not_in_debug() {
        assert!(!format!("{:?}", client("http://127.0.0.1:1")).contains("token-of-the-test"));
    }

    #[test]
    fn a_refusal_tells_what_the_server_said() {
        let refusal = Refusal {
            http_status: 409,
            detail: "the prune would take 9 of 12 SLXs".to_owned(),
            code: "prune_guard".to_owned(),
            ..Refusal::default()
        };
        insta::assert_snapshot!(CliError::from(refusal).report(), @r"
        error: the server refused: the prune would take 9 of 12 SLXs [409 prune_guard]
        ");
    }
}
