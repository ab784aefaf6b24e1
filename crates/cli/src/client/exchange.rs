//! One request and what came of it.

use std::time::Duration;

use ureq::Body;
use ureq::http::{Method, Response};
use url::Url;

use super::failure::{ClientError, Unreachable};
use super::refusal::Refusal;

/// Most bytes of an answer that are read.
const MAX_ANSWER_BYTES: u64 = 64 << 20;

/// One request and its answer, but for the payload.
pub(super) struct Exchange<'a> {
    /// GET, POST or PUT.
    pub(super) method: Method,
    /// Where to.
    pub(super) url: &'a Url,
    /// What is sent before the body.
    pub(super) headers: &'a [(&'a str, &'a str)],
    /// Who is asked, when it is not the server.
    pub(super) store: Option<&'a str>,
    /// How long the other side may think.
    pub(super) time_to_answer: Duration,
}

impl Exchange<'_> {
    /// Reads an answer as text, and makes an error of a refusal.
    pub(super) fn read_text(&self, mut response: Response<Body>) -> Result<(u16, String), ClientError> {
        let text = response.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_string();
        let text = text.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok((status.as_u16(), text));
        }
        let store = self.store.map(str::to_owned);
        Err(Refusal::read(status.as_u16(), response.headers(), &text, store).into())
    }

    /// Makes an error of no answer.
    pub(super) fn unreachable(&self, error: &ureq::Error) -> ClientError {
        let origin = self.url.origin().ascii_serialization();
        ClientError::Unreachable(Unreachable::of(origin, self.store.map(str::to_owned), error))
    }
}
