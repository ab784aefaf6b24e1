//! Request bodies: bounded before they are buffered, then read as JSON.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tokio::time::Instant;

use crate::blocking::Work;
use crate::error::ApiError;

/// Longest pause between two pieces of a body.
const PAUSE: Duration = Duration::from_mins(1);
/// Bytes that must come each second on the whole, after the first minute.
const LEAST_RATE: u64 = 64 << 10;
/// Larger JSON is parsed where it holds up nobody else.
const LARGE_JSON: usize = 64 << 10;

/// How large a body may be, and which setting says so.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyLimit {
    /// What the body is, for the message.
    pub(crate) what: &'static str,
    pub(crate) max_bytes: u64,
    pub(crate) setting: &'static str,
}

impl BodyLimit {
    fn refuse(&self, actual: &str) -> ApiError {
        ApiError::too_large(self.what, actual, self.max_bytes, self.setting)
    }

    /// Refuses what the client declares to be too large, and returns the declared length.
    pub(crate) fn check_declared(&self, headers: &HeaderMap) -> Result<Option<u64>, ApiError> {
        let Some(value) = headers.get(CONTENT_LENGTH) else { return Ok(None) };
        let declared = value.to_str().ok().and_then(|text| text.parse::<u64>().ok());
        let declared = declared
            .ok_or_else(|| ApiError::bad_request("bad_content_length", "Content-Length is not a number"))?;
        if declared > self.max_bytes {
            return Err(self.refuse(&declared.to_string()));
        }
        Ok(Some(declared))
    }
}

/// Reads a whole body of at most the limit.
pub(crate) async fn read_body(headers: &HeaderMap, body: Body, limit: BodyLimit) -> Result<Bytes, ApiError> {
    let mut body = body.into_data_stream();
    let stream = &mut body;
    let declared = limit.check_declared(headers)?;
    let mut pace = Pace::new(None);
    let Some(first) = pace.next(stream).await? else { return Ok(Bytes::new()) };
    if declared == Some(first.len() as u64) && first.len() as u64 <= limit.max_bytes {
        return Ok(first);
    }
    // The declared length is bounded by the limit, so a lie about it costs no more than the truth.
    let mut whole = BytesMut::with_capacity(declared.unwrap_or(0) as usize);
    let mut piece = Some(first);
    while let Some(bytes) = piece {
        if (whole.len() + bytes.len()) as u64 > limit.max_bytes {
            return Err(limit.refuse(&format!("at least {}", whole.len() + bytes.len())));
        }
        whole.extend_from_slice(&bytes);
        piece = pace.next(stream).await?;
    }
    Ok(whole.freeze())
}

/// How fast a body must come: what waits for it (memory, a turn) is not held by a trickle.
pub(crate) struct Pace {
    begun: Instant,
    received: u64,
    /// When all of it must be there, however fast it comes.
    end: Option<Instant>,
}

impl Pace {
    /// Begins now.
    pub(crate) fn new(longest: Option<Duration>) -> Self {
        let begun = Instant::now();
        Self { begun, received: 0, end: longest.map(|longest| begun + longest) }
    }

    /// Reads the next piece of a body, or nothing at its end.
    pub(crate) async fn next(&mut self, stream: &mut BodyDataStream) -> Result<Option<Bytes>, ApiError> {
        let piece = tokio::time::timeout_at(self.deadline(), stream.next()).await;
        let piece = piece.map_err(|_| self.too_slow())?.transpose().map_err(|error| {
            ApiError::bad_request("body_cut_short", format!("the body ended before its end: {error}"))
        })?;
        self.received += piece.as_ref().map_or(0, |bytes| bytes.len() as u64);
        Ok(piece)
    }

    fn deadline(&self) -> Instant {
        let fair = self.begun + PAUSE + Duration::from_secs(self.received / LEAST_RATE);
        let soonest = fair.min(Instant::now() + PAUSE);
        self.end.map_or(soonest, |end| end.min(soonest))
    }

    fn too_slow(&self) -> ApiError {
        let (received, seconds) = (self.received, self.begun.elapsed().as_secs());
        let detail = format!(
            "{received} bytes of the body came in {seconds} seconds; send it without long pauses, at {LEAST_RATE} bytes a second or more"
        );
        ApiError::new(StatusCode::REQUEST_TIMEOUT, "body_too_slow", detail)
    }
}

/// Refuses a body that is compressed as a whole (RFC 9110 section 12.5.3 has the answer's header).
fn check_identity(headers: &HeaderMap) -> Result<(), ApiError> {
    let plain = |value: &&HeaderValue| value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity");
    let Some(other) = headers.get_all(CONTENT_ENCODING).iter().find(|value| !plain(value)) else {
        return Ok(());
    };
    let shown: String = other.as_bytes().escape_ascii().to_string().chars().take(100).collect();
    let detail = format!(
        "the body has the Content-Encoding \"{shown}\", which is not read here; send the JSON as it is, without that header"
    );
    let refusal = ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "encoding_not_supported", detail);
    Err(refusal.header(ACCEPT_ENCODING, HeaderValue::from_static("identity")))
}

/// Refuses a body that says it is something else than JSON.
pub(crate) fn check_json_type(headers: &HeaderMap) -> Result<(), ApiError> {
    check_identity(headers)?;
    let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(()) };
    let kind = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let kind = kind.to_ascii_lowercase();
    if kind.is_empty() || kind == "application/json" || kind.ends_with("+json") {
        return Ok(());
    }
    Err(ApiError::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "not_json",
        format!("the body is {kind:?}, expected application/json"),
    ))
}

/// Reads JSON; a mistake is named with line and column.
pub(crate) fn parse_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|error| malformed(&error))
}

/// Reads a JSON object; a list in the order of the fields is none, though the reader would take it.
pub(crate) fn parse_object<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, ApiError> {
    let read = serde_json::from_slice(body);
    let is_json = !matches!(&read, Err(error) if !error.is_data());
    if is_json && !body.trim_ascii_start().starts_with(b"{") {
        return Err(not_an_object());
    }
    read.map_err(|error| malformed(&error))
}

fn not_an_object() -> ApiError {
    ApiError::invalid("not_an_object", "the body must be a JSON object")
}

/// Answers 400 for JSON that can't be read, 422 for JSON of another shape.
fn malformed(error: &serde_json::Error) -> ApiError {
    use serde_json::error::Category;
    match error.classify() {
        Category::Data => ApiError::invalid("wrong_shape", format!("the body has the wrong shape: {error}")),
        Category::Io | Category::Syntax | Category::Eof => {
            ApiError::bad_request("malformed_json", format!("the body is not JSON: {error}"))
        }
    }
}

/// Reads a JSON object of at most the limit.
pub(crate) async fn read_object(
    headers: &HeaderMap,
    body: Body,
    limit: BodyLimit,
    work: &Work,
) -> Result<Map<String, Value>, ApiError> {
    check_json_type(headers)?;
    let bytes = read_body(headers, body, limit).await?;
    read_whole(bytes, work).await
}

/// Reads a JSON object where a request may come without a body.
///
/// Clients say of an absent body too that it is JSON.
pub(crate) async fn read_object_if_any(
    headers: &HeaderMap,
    body: Body,
    limit: BodyLimit,
    work: &Work,
) -> Result<Map<String, Value>, ApiError> {
    let bytes = read_body(headers, body, limit).await?;
    if bytes.trim_ascii().is_empty() {
        return Ok(Map::new());
    }
    check_json_type(headers)?;
    read_whole(bytes, work).await
}

async fn read_whole(bytes: Bytes, work: &Work) -> Result<Map<String, Value>, ApiError> {
    let parsed = if bytes.len() > LARGE_JSON {
        work.blocking(move || parse_json(&bytes)).await??
    } else {
        parse_json(&bytes)?
    };
    match parsed {
        Value::Object(object) => Ok(object),
        _ => Err(not_an_object()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: BodyLimit =
        BodyLimit { what: "the body", max_bytes: 10, setting: "WORKSTEAD_MAX_BODY_BYTES" };

    async fn read(headers: &HeaderMap, pieces: &[&'static str]) -> Result<Bytes, ApiError> {
        let pieces: Vec<_> =
            pieces.iter().map(|piece| Ok::<_, std::io::Error>(Bytes::from(*piece))).collect();
        read_body(headers, Body::from_stream(futures_util::stream::iter(pieces)), LIMIT).await
    }

    #[tokio::test]
    async fn a_body_is_bounded_by_what_comes() {
        let none = HeaderMap::new();
        assert_eq!(read(&none, &["12345", "67890"]).await.unwrap(), "1234567890");
        assert_eq!(read(&none, &[]).await.unwrap(), "");
        let error = read(&none, &["12345", "678901"]).await.unwrap_err();
        insta::assert_snapshot!(error, @"the body has at least 11 bytes, more than the limit of 10 bytes; send less, or raise WORKSTEAD_MAX_BODY_BYTES [too_large]");
    }

    #[tokio::test]
    async fn a_declared_length_is_refused_before_reading() {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_LENGTH, 11.into());
        let body = Body::from_stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>());
        let error = read_body(&headers, body, LIMIT).await.unwrap_err();
        assert_eq!(error.status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert!(error.detail().starts_with("the body has 11 bytes"), "{error}");
    }

    #[tokio::test]
    async fn a_trickled_body_is_given_up() {
        let pending = futures_util::stream::pending::<Result<Bytes, std::io::Error>>();
        let mut stream = Body::from_stream(pending).into_data_stream();
        let now = Instant::now();
        let hour = Duration::from_hours(1);
        // Bytes keep coming, but so few that the whole would take days.
        let mut slow = Pace { begun: now.checked_sub(hour).unwrap(), received: 100 << 10, end: None };
        let error = slow.next(&mut stream).await.unwrap_err();
        assert_eq!((error.status(), error.code()), (StatusCode::REQUEST_TIMEOUT, "body_too_slow"));
        let fair = Pace { received: LEAST_RATE * 3600, ..slow };
        assert!(fair.deadline() > now);
        let mut late = Pace { end: Some(now), ..fair };
        assert_eq!(late.next(&mut stream).await.unwrap_err().code(), "body_too_slow");
    }

    #[tokio::test]
    async fn large_json_is_read_like_small() {
        let limit = BodyLimit { max_bytes: 1 << 20, ..LIMIT };
        let body = format!("{{\"a\": \"{}\"}}", "x".repeat(LARGE_JSON));
        let work = Work::default();
        let read = read_object(&HeaderMap::new(), Body::from(body), limit, &work).await.unwrap();
        assert_eq!(read["a"].as_str().map(str::len), Some(LARGE_JSON));
        let bad = Body::from("[".repeat(LARGE_JSON + 1));
        let error = read_object(&HeaderMap::new(), bad, limit, &work).await.unwrap_err();
        assert_eq!(error.code(), "malformed_json");
    }

    #[test]
    fn mistakes_have_a_place() {
        let error = parse_json::<Value>(b"{\n \"a\": }").unwrap_err();
        insta::assert_snapshot!(error, @"the body is not JSON: expected value at line 2 column 7 [malformed_json]");
        assert_eq!(parse_json::<u8>(b"\"x\"").unwrap_err().code(), "wrong_shape");
    }

    #[test]
    fn json_types_are_taken() {
        let with = |kind: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, kind.parse().unwrap());
            check_json_type(&headers).map_err(|error| error.status())
        };
        for good in ["application/json", "application/JSON; charset=utf-8", "application/merge-patch+json"] {
            assert_eq!(with(good), Ok(()), "{good}");
        }
        for bad in ["text/plain", "application/x-www-form-urlencoded"] {
            assert_eq!(with(bad), Err(StatusCode::UNSUPPORTED_MEDIA_TYPE), "{bad}");
        }
    }
}
