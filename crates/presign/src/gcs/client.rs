//! The requests of the store's JSON API (<https://cloud.google.com/storage/docs/json_api/v1>).

use std::io::Read;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use ureq::http::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use ureq::http::{HeaderValue, Response};
use ureq::{Agent, Body, Error, SendBody};
use url::form_urlencoded::byte_serialize;
use url::{Host, Url};

use super::answer::{self, Refusal};
use super::body::{Exact, Hashing};
use crate::error::StoreError;
use crate::key::ObjectKey;
use crate::store::ObjectInfo;
use crate::upload;

/// The fields of an object that are asked for.
const FIELDS: &str = "name,size,generation,timeCreated";
/// Most bytes of an answer that is not an object's content; a page of 1,000 objects has about 300 KB.
const MAX_ANSWER_BYTES: u64 = 8 << 20;
/// What a probe holds.
const PROBE: &[u8] = b"workstead";

/// What lies between attempts.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(500)];

/// How long the store is waited for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// For a connection, TLS included.
    pub(super) connect: Duration,
    /// For each next piece of an answer.
    pub(super) silence: Duration,
    /// Before each further attempt; there are no more attempts than that, and the first.
    pub(super) pauses: &'static [Duration],
    /// No further attempt is made after this time.
    pub(super) attempts: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            silence: Duration::from_secs(30),
            pauses: &PAUSES,
            attempts: Duration::from_secs(20),
        }
    }
}

/// An object as the API tells of it.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) name: String,
    pub(super) info: ObjectInfo,
}

/// A page of a list.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) items: Vec<Item>,
    /// Asks for the next one.
    pub(super) next: Option<String>,
}

/// A client of one bucket.
#[derive(Debug)]
pub(super) struct Client {
    agent: Agent,
    endpoint: String,
    bucket: String,
    page_size: u16,
    patience: Patience,
}

impl Client {
    pub(super) fn new(endpoint: &str, bucket: &str, page_size: u16, patience: Patience) -> Self {
        let agent = agent(endpoint, patience);
        Self { agent, endpoint: endpoint.to_owned(), bucket: bucket.to_owned(), page_size, patience }
    }

    /// Returns what is known of an object.
    pub(super) fn head(&self, token: &SecretString, name: &str) -> Result<Option<Item>, StoreError> {
        let url = format!("{}?fields={FIELDS}", self.object(name));
        let response = self.ask(|| self.agent.get(&url).header(AUTHORIZATION, bearer(token)).call())?;
        match success(response) {
            Ok(response) => item(&json(response)?).map(Some),
            Err(refusal) => self.missing(token, &refusal).map(|()| None),
        }
    }

    /// Opens an object's content as it was when it was sealed.
    pub(super) fn read(
        &self,
        token: &SecretString,
        key: &ObjectKey,
        frozen: &ObjectInfo,
    ) -> Result<Box<dyn Read + Send>, StoreError> {
        let mut url = format!("{}?alt=media", self.object(key.as_str()));
        if let Some(generation) = &frozen.version {
            url.extend(["&ifGenerationMatch=", generation]);
        }
        let response = self.ask(|| {
            // Google would unpack what was sent with a Content-Encoding.
            let request = self.agent.get(&url).header(ACCEPT_ENCODING, "identity");
            request.header(AUTHORIZATION, bearer(token)).call()
        })?;
        let response = match success(response) {
            Ok(response) => response,
            Err(Refusal { status: 412, .. }) => return Err(StoreError::Changed { key: key.clone() }),
            Err(refusal) => {
                self.missing(token, &refusal)?;
                return Err(StoreError::Missing { key: key.clone() });
            }
        };
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        if header("x-goog-generation").is_some_and(|it| frozen.version.as_deref().is_some_and(|v| v != it)) {
            return Err(StoreError::Changed { key: key.clone() });
        }
        let encodings = [header("x-goog-stored-content-encoding"), header(CONTENT_ENCODING.as_str())];
        if encodings.into_iter().flatten().any(|encoding| encoding != "identity") {
            let text = format!("`{key}` was sent with a Content-Encoding header, which must not be there");
            return Err(std::io::Error::other(text).into());
        }
        Ok(Box::new(Exact::new(response.into_body().into_reader(), frozen.size, key.clone())))
    }

    /// Writes an object from a file and returns it with the SHA-256 of what was sent.
    pub(super) fn upload<R: Read>(
        &self,
        token: &SecretString,
        name: &str,
        size: u64,
        open: impl Fn() -> Result<R, StoreError>,
    ) -> Result<(Item, [u8; 32]), StoreError> {
        let mut failure = None;
        let mut sent = [0; 32];
        let response = self.ask(|| {
            let mut content = match open() {
                Ok(content) => Hashing::new(content.take(size)),
                Err(error) => {
                    failure = Some(error);
                    return Err(Error::ConnectionFailed);
                }
            };
            let request = self.agent.post(self.upload_url(name)).header(AUTHORIZATION, bearer(token));
            let request = request.header(CONTENT_TYPE, upload::CONTENT_TYPE).header(CONTENT_LENGTH, size);
            let response = request.send(SendBody::from_reader(&mut content));
            sent = content.finish();
            response
        });
        match failure {
            Some(error) => Err(error),
            None => Ok((item(&json(self.allowed(response?)?)?)?, sent)),
        }
    }

    /// Deletes an object; none is fine.
    pub(super) fn delete(&self, token: &SecretString, name: &str) -> Result<(), StoreError> {
        let url = self.object(name);
        let response = self.ask(|| self.agent.delete(&url).header(AUTHORIZATION, bearer(token)).call())?;
        match success(response) {
            Ok(_) => Ok(()),
            Err(refusal) => self.missing(token, &refusal),
        }
    }

    /// Lists a page of the objects whose names begin so.
    pub(super) fn list(
        &self,
        token: &SecretString,
        prefix: &str,
        page: Option<&str>,
    ) -> Result<Page, StoreError> {
        let mut url = format!("{}?prefix={}", self.objects(), encoded(prefix));
        url.extend(["&maxResults=", &self.page_size.to_string()]);
        url.extend(["&fields=nextPageToken,items(", FIELDS, ")"]);
        if let Some(page) = page {
            url.extend(["&pageToken=", &encoded(page)]);
        }
        let response = self.ask(|| self.agent.get(&url).header(AUTHORIZATION, bearer(token)).call())?;
        let answer = json(self.allowed(response)?)?;
        let items = answer["items"].as_array().map(Vec::as_slice).unwrap_or_default();
        let items = items.iter().map(item).collect::<Result<_, _>>()?;
        let next = answer["nextPageToken"].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        Ok(Page { items, next })
    }

    /// Writes, reads, lists and deletes a little, and looks at the clock.
    pub(super) fn probe(&self, token: &SecretString, name: &str) -> Result<(), StoreError> {
        let response = self.ask(|| {
            let request = self.agent.post(self.upload_url(name)).header(AUTHORIZATION, bearer(token));
            request.header(CONTENT_TYPE, "text/plain").send(PROBE)
        })?;
        let response = self.allowed(response)?;
        let clock = answer::check_clock(&response, Timestamp::now());
        let tried = self.head(token, name).and_then(|found| {
            let listed = self.list(token, name, None)?;
            if found.is_none() || listed.items.is_empty() {
                let reason = "an object that was just written can't be found".to_owned();
                return Err(answer::refused(
                    reason,
                    "see that nothing deletes objects of the bucket at once",
                ));
            }
            Ok(())
        });
        self.delete(token, name)?;
        tried.and(clock)
    }

    /// Tells why another endpoint gives no answer at all, if so.
    pub(super) fn reach(&self, endpoint: &str) -> Option<StoreError> {
        if endpoint == self.endpoint {
            return None;
        }
        agent(endpoint, self.patience).get(endpoint).call().err().map(answer::unanswered)
    }

    /// Makes a request until it is answered with something that lasts.
    fn ask(
        &self,
        mut request: impl FnMut() -> Result<Response<Body>, Error>,
    ) -> Result<Response<Body>, StoreError> {
        ask(self.patience, &mut request)
    }

    /// Takes nothing but a success.
    fn allowed(&self, response: Response<Body>) -> Result<Response<Body>, StoreError> {
        success(response).map_err(|refusal| refusal.of_bucket(&self.bucket))
    }

    /// Takes the refusal of an object that is not there, in a bucket that is.
    fn missing(&self, token: &SecretString, refusal: &Refusal) -> Result<(), StoreError> {
        if refusal.status != 404 || refusal.lacks_bucket {
            return Err(refusal.of_bucket(&self.bucket));
        }
        if refusal.lacks_object {
            return Ok(());
        }
        // An emulator does not say which of the two is missing.
        self.list(token, super::PROBES, None).map(|_| ())
    }

    fn objects(&self) -> String {
        format!("{}/storage/v1/b/{}/o", self.endpoint, encoded(&self.bucket))
    }

    fn object(&self, name: &str) -> String {
        format!("{}/{}", self.objects(), encoded(name))
    }

    fn upload_url(&self, name: &str) -> String {
        let path = format!("/upload/storage/v1/b/{}/o", encoded(&self.bucket));
        format!("{}{path}?uploadType=media&fields={FIELDS}&name={}", self.endpoint, encoded(name))
    }
}

/// Makes what sends requests to one endpoint.
pub(super) fn agent(endpoint: &str, patience: Patience) -> Agent {
    let mut config = Agent::config_builder()
        .http_status_as_error(false)
        // A token goes nowhere but where it was meant to.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .https_only(endpoint.starts_with("https:"))
        .timeout_resolve(Some(patience.connect))
        .timeout_connect(Some(patience.connect))
        .timeout_recv_response(Some(patience.silence))
        .timeout_per_read(Some(patience.silence))
        .timeout_per_write(Some(patience.silence))
        .user_agent(concat!("workstead/", env!("CARGO_PKG_VERSION")));
    if is_loopback(endpoint) {
        config = config.proxy(None);
    }
    config.build().new_agent()
}

/// Makes a request until it is answered with something that lasts, or the attempts are used up.
pub(super) fn ask(
    patience: Patience,
    request: &mut dyn FnMut() -> Result<Response<Body>, Error>,
) -> Result<Response<Body>, StoreError> {
    let begun = Instant::now();
    let mut pauses = patience.pauses.iter();
    loop {
        let answer = request();
        let is_temporary = match &answer {
            Ok(response) => answer::is_temporary(response.status().as_u16()),
            Err(Error::Io(_) | Error::Timeout(_) | Error::ConnectionFailed | Error::HostNotFound) => true,
            Err(_) => false,
        };
        match pauses.next().filter(|_| is_temporary && begun.elapsed() < patience.attempts) {
            Some(pause) => std::thread::sleep(*pause),
            None => return answer.map_err(answer::unanswered),
        }
    }
}

/// Tells a success from a refusal.
pub(super) fn success(response: Response<Body>) -> Result<Response<Body>, Refusal> {
    if response.status().is_success() { Ok(response) } else { Err(Refusal::read(response, Timestamp::now())) }
}

/// Makes the header of a token.
pub(super) fn bearer(token: &SecretString) -> HeaderValue {
    // Google's tokens are visible ASCII; an empty one is refused as what it is.
    let mut value = HeaderValue::try_from(format!("Bearer {}", token.expose_secret()))
        .unwrap_or(HeaderValue::from_static("Bearer"));
    value.set_sensitive(true);
    value
}

/// Reads an answer's JSON.
pub(super) fn json(mut response: Response<Body>) -> Result<Value, StoreError> {
    let body = response.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_vec();
    let body = body.map_err(answer::unanswered)?;
    serde_json::from_slice(&body).map_err(|_| nonsense())
}

fn nonsense() -> StoreError {
    let reason = "it answers with something else than the JSON API of Google Cloud Storage".to_owned();
    answer::refused(reason, "correct WORKSTEAD_GCS_ENDPOINT")
}

/// Reads what the API tells of an object; its numbers are texts.
fn item(value: &Value) -> Result<Item, StoreError> {
    let read = || {
        let text = |name: &str| value[name].as_str();
        Some(Item {
            name: text("name")?.to_owned(),
            info: ObjectInfo {
                size: text("size")?.parse().ok()?,
                modified_at: text("timeCreated")?.parse().ok()?,
                version: Some(text("generation")?.to_owned()),
            },
        })
    };
    read().ok_or_else(nonsense)
}

fn encoded(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect()
}

fn is_loopback(endpoint: &str) -> bool {
    match Url::parse(endpoint).as_ref().map(Url::host) {
        Ok(Some(Host::Ipv4(address))) => address.is_loopback(),
        Ok(Some(Host::Ipv6(address))) => address.is_loopback(),
        Ok(Some(Host::Domain(name))) => name == "localhost",
        _ => false,
    }
}
