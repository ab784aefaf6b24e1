//! The commands' way to a server: HTTP with the caller's token.

mod failure;
mod proxy;
mod refusal;
pub(crate) mod retry;

use std::io::Read;
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use ureq::http::{Method, Request, Response, header};
use ureq::{Agent, AsSendBody, Body, SendBody};
use url::Url;

pub(crate) use self::failure::{ClientError, Unreachable};
use self::proxy::Proxies;
pub(crate) use self::refusal::Refusal;
use crate::error::CliError;

/// Most bytes of an answer that are read.
const MAX_ANSWER_BYTES: u64 = 64 << 20;
/// How long a connection may take to stand.
const CONNECT_TIME: Duration = Duration::from_secs(10);
/// How long the server may think: a completion comes after the commit.
const SERVER_TIME: Duration = Duration::from_mins(15);
/// How long a store may think once it has all bytes.
const STORE_TIME: Duration = Duration::from_mins(2);
/// How long a connection may take no bytes.
const STALL_TIME: Duration = Duration::from_mins(1);

/// What a request carries.
pub(crate) struct Payload<'a> {
    /// The media type.
    pub(crate) content_type: &'a str,
    /// How many bytes the reader gives.
    pub(crate) length: u64,
    /// The bytes.
    pub(crate) reader: &'a mut dyn Read,
}

/// An answer that is no refusal.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The body; null when there is none.
    pub(crate) json: Value,
}

/// One server, spoken to with one token.
#[derive(Debug)]
pub(crate) struct Client {
    agent: Agent,
    proxies: Proxies,
    server: Url,
    token: SecretString,
    deadline: Option<Instant>,
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
            // Each request is told its own.
            .proxy(None)
            .timeout_connect(Some(CONNECT_TIME))
            .timeout_per_write(Some(STALL_TIME))
            .user_agent(concat!("workstead/", env!("CARGO_PKG_VERSION")))
            .build();
        let (agent, proxies) = (config.new_agent(), Proxies::from_environment());
        Ok(Self { agent, proxies, server, token, deadline: None })
    }

    /// Lets no request go on behind a moment.
    #[must_use]
    pub(crate) fn until(self, deadline: Instant) -> Self {
        Self { deadline: Some(deadline), ..self }
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
        let named = self
            .server
            .join(address)
            .map_err(|error| CliError::unexpected(error, "the server named an address that can't be read"))?;
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
        self.ask(method, url, &[], payload).map(|answer| answer.json)
    }

    /// Asks with the token and more headers.
    pub(crate) fn ask(
        &self,
        method: Method,
        url: &Url,
        more: &[(&str, &str)],
        mut payload: Option<Payload<'_>>,
    ) -> Result<Answer, ClientError> {
        let bearer = format!("Bearer {}", self.token.expose_secret());
        let mut headers = vec![
            (header::AUTHORIZATION.as_str(), bearer.as_str()),
            (header::ACCEPT.as_str(), "application/json"),
        ];
        headers.extend(payload.iter().map(|payload| (header::CONTENT_TYPE.as_str(), payload.content_type)));
        headers.extend(more);
        let response = self.send(method, url, &headers, payload.as_mut(), SERVER_TIME)?;
        let (status, text) = read_text(url, response, None)?;
        let json = match text.trim() {
            "" => Value::Null,
            text => serde_json::from_str(text).map_err(|error| {
                ClientError::Failed(
                    CliError::user_caused(error, "the answer is not JSON")
                        .hint("is this the address of a Workstead server?"),
                )
            })?,
        };
        Ok(Answer { status, json })
    }

    /// Puts to a signed address: with exactly the headers that were signed, and without the token.
    ///
    /// `store` names whose address it is when it is not the server's.
    pub(crate) fn put_signed(
        &self,
        url: &Url,
        headers: &[(String, String)],
        mut payload: Payload<'_>,
        store: Option<String>,
    ) -> Result<(), ClientError> {
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let response = self.send(Method::PUT, url, &headers, Some(&mut payload), STORE_TIME)?;
        read_text(url, response, store).map(drop)
    }

    fn send(
        &self,
        method: Method,
        url: &Url,
        headers: &[(&str, &str)],
        payload: Option<&mut Payload<'_>>,
        time_to_answer: Duration,
    ) -> Result<Response<Body>, ClientError> {
        let mut request = Request::builder().method(method).uri(url.as_str());
        for (name, value) in headers {
            // The length is set from what is really sent, below.
            if !name.eq_ignore_ascii_case("content-length") && !name.eq_ignore_ascii_case("host") {
                request = request.header(*name, *value);
            }
        }
        let run = match payload {
            Some(payload) => {
                request = request
                    .header(header::CONTENT_LENGTH, payload.length)
                    // So that a refusal comes before the body is on its way, and is heard.
                    .header(header::EXPECT, "100-continue");
                let body = SendBody::from_reader(&mut payload.reader);
                self.run(url, request.body(body), time_to_answer)?
            }
            None => self.run(url, request.body(()), time_to_answer)?,
        };
        run.map_err(|error| unreachable(url, &error))
    }

    /// Runs a request; the outer error is one of its making.
    fn run<S: AsSendBody>(
        &self,
        url: &Url,
        request: Result<Request<S>, ureq::http::Error>,
        time_to_answer: Duration,
    ) -> Result<Result<Response<Body>, ureq::Error>, ClientError> {
        let proxy = self.proxies.find(url).map_err(ClientError::Failed)?;
        let left = self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let request = match request {
            Ok(request) => request,
            Err(error) => return Ok(Err(error.into())),
        };
        let request = self.agent.configure_request(request).proxy(proxy).timeout_global(left);
        Ok(self.agent.run(request.timeout_recv_response(Some(time_to_answer)).build()))
    }
}

/// Reads an answer as text, and makes an error of a refusal.
fn read_text(
    url: &Url,
    mut response: Response<Body>,
    store: Option<String>,
) -> Result<(u16, String), ClientError> {
    let text = response.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_string();
    let text = text.map_err(|error| unreachable(url, &error))?;
    let status = response.status();
    if status.is_success() {
        return Ok((status.as_u16(), text));
    }
    Err(Refusal::read(status.as_u16(), response.headers(), &text, store).into())
}

fn unreachable(url: &Url, error: &ureq::Error) -> ClientError {
    ClientError::Unreachable(Unreachable::of(url.origin().ascii_serialization(), error))
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
}
