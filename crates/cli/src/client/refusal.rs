//! An answer that is a refusal, by the server or by its object store.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use serde::Deserialize;
use ureq::http::{HeaderMap, header};

use crate::diagnostics::Finding;
use crate::error::{CliError, Ending};

/// Most characters of an answer that is no error object of ours.
const MAX_SHOWN: usize = 200;

/// The error object of the server's answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Refusal {
    /// The HTTP status.
    #[serde(skip)]
    pub(crate) http_status: u16,
    /// Who answered, when it was not the server.
    #[serde(skip)]
    pub(crate) store: Option<String>,
    /// When to come again.
    #[serde(skip)]
    pub(crate) retry_after: Option<Duration>,
    /// What was tried about it.
    #[serde(skip)]
    pub(crate) note: Option<String>,
    /// One sentence.
    pub(crate) detail: String,
    /// The stable code.
    pub(crate) code: String,
    /// The request's id, for the server's log.
    pub(crate) request_id: String,
    /// What is wrong with the content.
    pub(crate) errors: Vec<Finding>,
}

impl Refusal {
    /// Reads an answer; `store` names who gave it when it was not the server.
    pub(super) fn read(status: u16, headers: &HeaderMap, text: &str, store: Option<String>) -> Self {
        let mut refusal: Self = serde_json::from_str(text).unwrap_or_default();
        refusal.http_status = status;
        refusal.retry_after =
            headers.get(header::RETRY_AFTER).and_then(|value| retry_after(value.to_str().ok()?));
        if refusal.detail.is_empty() {
            refusal.detail = foreign_detail(headers, text, store.is_some());
        }
        if refusal.code.is_empty() {
            element(text, "Code").unwrap_or_default().clone_into(&mut refusal.code);
        }
        refusal.store = store;
        refusal
    }

    /// Tells whether the same request may be answered otherwise in a moment.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self.http_status, 429 | 502 | 503 | 504)
            // Object stores say so when one of their parts is busy.
            || self.store.is_some() && matches!(self.http_status, 408 | 500)
    }

    /// Returns status and code, as `409 prune_guard`.
    pub(crate) fn label(&self) -> String {
        format!("{} {}", self.http_status, self.code).trim_end().to_owned()
    }

    fn ending(&self) -> Ending {
        match self.http_status {
            401 | 403 | 404 => Ending::Denied,
            409 | 410 | 412 => Ending::Conflict,
            413 | 422 => Ending::Refused,
            408 | 429 | 500.. => Ending::Unavailable,
            _ => Ending::User,
        }
    }

    /// Returns what to do about it, where the server's own words don't.
    fn cure(&self) -> Option<String> {
        let text = match (self.http_status, self.code.as_str()) {
            _ if self.store.is_some() => "--via server sends the bundle through the server",
            (500.., _) if !self.request_id.is_empty() => {
                return Some(format!("its log says more about the request `{}`", self.request_id));
            }
            (401, _) => "WORKSTEAD_TOKEN or --token-file must give a token of this very server",
            (403, _) => "the token's user needs the role readwrite on the workspace",
            (404, "workspace_not_found") => {
                "the name may be mistaken, or the token may not see the workspace"
            }
            (409, "prune_guard") => "is the bundle whole? if so, --allow-mass-prune insists",
            (409, "merge_conflict") => "--conflict existing or --conflict uploaded decides for one side",
            (422, _) if !self.errors.is_empty() => {
                "mend what is listed and upload again; nothing was changed"
            }
            _ => return None,
        };
        Some(text.to_owned())
    }
}

/// Reads seconds, or a date.
fn retry_after(value: &str) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = DateTimeParser::new().relaxed_weekday(true).parse_timestamp(value.trim()).ok()?;
    Some(Duration::try_from(date.duration_since(Timestamp::now())).unwrap_or_default())
}

/// Says what an answer says that is no error object of ours.
///
/// Of a store's XML only two elements are shown: others repeat the signature. Nor is the query of an address shown.
fn foreign_detail(headers: &HeaderMap, text: &str, is_store: bool) -> String {
    if let Some(target) = headers.get(header::LOCATION).and_then(|to| to.to_str().ok()) {
        let target = target.split(['?', '#']).next().unwrap_or_default();
        return format!("it redirects to {target}, which is not followed");
    }
    if let Some(message) = element(text, "Message") {
        return message.chars().take(MAX_SHOWN).collect();
    }
    if is_store {
        return "it gives no reason".to_owned();
    }
    text.lines().next().unwrap_or_default().chars().take(MAX_SHOWN).collect()
}

/// Returns the text of the first XML element of a name.
fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    rest.split('<').next()
}

impl From<Refusal> for CliError {
    fn from(refusal: Refusal) -> Self {
        let (ending, label, cure) = (refusal.ending(), refusal.label(), refusal.cure());
        let Refusal { http_status, store, detail, note, .. } = refusal;
        let who = store.as_deref().unwrap_or("the server");
        let verb = if http_status >= 500 { "failed" } else { "refused" };
        let error = Self::user(format!("{who} {verb}: {detail} [{label}]")).ends(ending);
        match [note, cure].into_iter().flatten().reduce(|one, two| format!("{one}; {two}")) {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(http_status: u16, code: &str) -> Refusal {
        let (code, detail) = (code.to_owned(), "why".to_owned());
        Refusal { http_status, code, detail, request_id: "req-1".to_owned(), ..Refusal::default() }
    }

    #[test]
    fn a_refusal_tells_what_the_server_said_and_what_to_do() {
        let mut refusal = refusal(409, "prune_guard");
        refusal.detail = "the prune would take 9 of 12 SLXs".to_owned();
        insta::assert_snapshot!(CliError::from(refusal).report(), @r"
        error: the server refused: the prune would take 9 of 12 SLXs [409 prune_guard]
        hint: is the bundle whole? if so, --allow-mass-prune insists
        ");
    }

    #[test]
    fn the_exit_code_says_who_can_mend_it() {
        let codes = [400, 401, 403, 404, 405, 409, 410, 412, 413, 422, 429, 500, 502, 503, 504]
            .map(|status| format!("{status}: {}", CliError::from(refusal(status, "x")).ending() as u8));
        insta::assert_snapshot!(codes.join(", "), @"400: 1, 401: 4, 403: 4, 404: 4, 405: 1, 409: 5, 410: 5, 412: 5, 413: 3, 422: 3, 429: 6, 500: 6, 502: 6, 503: 6, 504: 6");
    }

    #[test]
    fn a_stores_answer_shows_its_message_and_never_the_signature() {
        let xml = "<?xml version=\"1.0\"?>\n<Error><Code>SignatureDoesNotMatch</Code><Message>Check your key</Message>\
                   <SignatureProvided>geheim</SignatureProvided></Error>";
        let store = Some("the object store at https://store.example".to_owned());
        let read = Refusal::read(403, &HeaderMap::new(), xml, store.clone());
        insta::assert_snapshot!(CliError::from(read).report(), @r"
        error: the object store at https://store.example refused: Check your key [403 SignatureDoesNotMatch]
        hint: --via server sends the bundle through the server
        ");
        let mut headers = HeaderMap::new();
        headers.insert("location", "https://other.example/key?X-Amz-Signature=geheim".parse().unwrap());
        for (headers, text) in [(headers, ""), (HeaderMap::new(), "<p>sig=geheim</p>")] {
            let shown = CliError::from(Refusal::read(307, &headers, text, store.clone())).report();
            assert!(!shown.contains("geheim"), "{shown}");
        }
    }

    #[test]
    fn a_pause_is_in_seconds_or_until_a_date() {
        assert_eq!(retry_after(" 7 "), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
        let later = retry_after("Tue, 31 Dec 2999 23:59:59 GMT").unwrap();
        assert!(later > Duration::from_hours(24));
        assert_eq!(retry_after("soon"), None);
    }
}
