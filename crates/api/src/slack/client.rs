//! Calls of Slack's Web API (<https://docs.slack.dev/apis/web-api/>).
//!
//! Every method takes a form by POST and answers JSON with `ok`, and `error` when that is false. Nearly all refusals
//! come with status 200; 429 says by `Retry-After` in how many seconds to try again.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;
use ureq::Agent;
use ureq::http::header::{AUTHORIZATION, RETRY_AFTER};
use ureq::http::{HeaderValue, Response};
use url::{Host, Url};

use super::SlackApp;
use crate::error::ApiError;

/// How long one call may take.
const CALL_TIME: Duration = Duration::from_secs(10);
/// Most bytes of an answer that are read.
const MAX_ANSWER_BYTES: u64 = 1 << 20;
/// Most characters of Slack's word for an error that are kept.
const MAX_ERROR_CHARS: usize = 60;
/// Longest time that Slack may have us wait.
const LONGEST_WAIT: Duration = Duration::from_hours(1);

/// A client of one Slack.
#[derive(Debug, Clone)]
pub(super) struct Client {
    agent: Agent,
    base: Url,
}

/// Who calls.
#[derive(Debug, Clone)]
pub(super) enum As {
    /// The bot of one team, by its token.
    Bot(SecretString),
    /// Our Slack app itself, by its id and secret, as RFC 6749 section 2.3.1 has it.
    App(SlackApp),
}

/// What Slack answered.
#[derive(Debug)]
pub(super) struct Reply<T> {
    pub(super) body: T,
    /// The token's scopes, which Slack tells with each answer.
    pub(super) scopes: Option<String>,
}

/// Why a call did not do what it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum CallError {
    /// Slack can't be reached, or answers with something else than it should.
    #[error("Slack could not be asked: {0}")]
    Away(String),
    /// Slack was asked too often.
    #[error("Slack was asked too often")]
    Limited(Option<Duration>),
    /// Slack refused, with this word.
    #[error("Slack refused: {0}")]
    Refused(String),
}

impl Client {
    /// Makes a client of the Slack at this address.
    pub(super) fn new(base: &Url) -> Self {
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            // A token goes nowhere but where it was meant to.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .https_only(base.scheme() == "https")
            .timeout_global(Some(CALL_TIME))
            .user_agent(concat!("workstead/", env!("CARGO_PKG_VERSION")));
        if is_loopback(base) {
            config = config.proxy(None);
        }
        Self { agent: config.build().new_agent(), base: base.clone() }
    }

    /// Returns an address below the base.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base.as_str().trim_end_matches('/'))
    }

    /// Calls a method; blocking.
    pub(super) fn call<T: DeserializeOwned>(
        &self,
        method: &str,
        caller: &As,
        form: &[(&str, &str)],
    ) -> Result<Reply<T>, CallError> {
        let request = self.agent.post(self.url(&format!("/api/{method}")));
        let request = request.header(AUTHORIZATION, caller.authorization()?);
        let answer = request.send_form(form.iter().copied());
        read(answer.map_err(|error| CallError::Away(error.to_string()))?)
    }
}

fn is_loopback(base: &Url) -> bool {
    match base.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

fn read<T: DeserializeOwned>(mut response: Response<ureq::Body>) -> Result<Reply<T>, CallError> {
    let status = response.status().as_u16();
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
    if status == 429 {
        let seconds = header(RETRY_AFTER.as_str()).and_then(|text| text.trim().parse().ok());
        return Err(CallError::Limited(
            seconds.map(|seconds| Duration::from_secs(seconds).min(LONGEST_WAIT)),
        ));
    }
    let scopes = header("x-oauth-scopes").map(str::to_owned);
    let body = response.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_vec();
    let body = body.map_err(|error| CallError::Away(error.to_string()))?;
    let unexpected = || CallError::Away(format!("it answered {status} with something else than its JSON"));
    let body: Value = serde_json::from_slice(&body).map_err(|_| unexpected())?;
    match body["ok"].as_bool() {
        Some(true) if status == 200 => {
            let body = serde_json::from_value(body).map_err(|_| unexpected())?;
            Ok(Reply { body, scopes })
        }
        Some(false) if status < 500 => Err(refused(body["error"].as_str().unwrap_or("no_reason_given"))),
        _ => Err(unexpected()),
    }
}

/// Keeps of Slack's word only what such a word is made of.
fn refused(word: &str) -> CallError {
    let plain = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
    let word: String = word.chars().filter(plain).take(MAX_ERROR_CHARS).collect();
    match word.as_str() {
        // Slack's own troubles and limits, which it tells with status 200 too.
        "ratelimited" | "rate_limited" | "message_limit_exceeded" => CallError::Limited(None),
        "internal_error"
        | "fatal_error"
        | "service_unavailable"
        | "request_timeout"
        | "team_added_to_org" => CallError::Away(word),
        _ => CallError::Refused(word),
    }
}

impl As {
    fn authorization(&self) -> Result<HeaderValue, CallError> {
        let text = match self {
            Self::Bot(token) => format!("Bearer {}", token.expose_secret()),
            Self::App(SlackApp { client_id, client_secret }) => {
                let pair = format!("{client_id}:{}", client_secret.expose_secret());
                format!("Basic {}", STANDARD.encode(pair))
            }
        };
        let mut value =
            HeaderValue::from_str(&text).map_err(|_| CallError::Refused("token_is_no_header".to_owned()))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

impl CallError {
    /// Answers the person who waits for the call.
    pub(super) fn answer(self, what: &str) -> ApiError {
        match self {
            Self::Away(reason) => {
                tracing::warn!(reason, "Slack could not be asked");
                let detail = "Slack can't be reached; try again, the server's log says what it is";
                ApiError::unavailable("slack_unavailable", detail, 30)
            }
            Self::Limited(wait) => {
                let seconds = wait.map_or(30, |wait| u32::try_from(wait.as_secs()).unwrap_or(30).max(1));
                let detail = "Slack was asked too often and wants a pause; try again then";
                ApiError::unavailable("slack_busy", detail, seconds)
            }
            Self::Refused(word) => {
                let detail = format!("Slack refused {what} ({word}): {}", cure(&word));
                ApiError::invalid("slack_refused", detail)
            }
        }
    }
}

/// Tells whether a refusal is of the token or the channel, so that no other message would fare better.
pub(super) fn breaks_connection(word: &str) -> bool {
    is_of_channel(word) || is_of_token(word)
}

/// Tells whether another channel would help.
pub(super) fn is_of_channel(word: &str) -> bool {
    matches!(
        word,
        "channel_not_found"
            | "not_in_channel"
            | "is_archived"
            | "restricted_action"
            | "restricted_action_read_only_channel"
            | "restricted_action_thread_only_channel"
            | "messages_tab_disabled"
    )
}

fn is_of_token(word: &str) -> bool {
    matches!(
        word,
        "invalid_auth"
            | "not_authed"
            | "token_revoked"
            | "token_expired"
            | "token_is_no_header"
            | "account_inactive"
            | "missing_scope"
            | "no_permission"
            | "not_allowed_token_type"
            | "org_login_required"
            | "ekm_access_denied"
            | "access_denied"
            | "accesslimited"
            | "enterprise_is_restricted"
            | "team_access_not_granted"
            | "two_factor_setup_required"
    )
}

/// Says what to do about a refusal.
pub(super) fn cure(word: &str) -> &'static str {
    match word {
        "not_in_channel" => "invite the app to the channel, then name the channel again",
        "is_archived" => "unarchive the channel, or name another",
        "missing_scope" => "give the app the scope chat:write and connect again",
        "invalid_code" => "the installation is too old or was used; begin again",
        "bad_redirect_uri" => {
            "add this server's callback address, as installUrl names it, to the redirect URLs of the Slack app"
        }
        "bad_client_secret" | "invalid_client_id" => {
            "check WORKSTEAD_SLACK_CLIENT_ID and WORKSTEAD_SLACK_CLIENT_SECRET"
        }
        word if is_of_channel(word) => "name a channel that exists and that the app may post to",
        word if is_of_token(word) => "connect again with a token that works",
        _ => "see this word in Slack's documentation of the method",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_slack_is_kept_plain() {
        assert_eq!(refused("invalid_auth"), CallError::Refused("invalid_auth".to_owned()));
        assert_eq!(refused("<b>\n&x"), CallError::Refused("bx".to_owned()));
        assert_eq!(refused(&"x".repeat(99)), CallError::Refused("x".repeat(60)));
        assert_eq!(refused("ratelimited"), CallError::Limited(None));
        assert!(matches!(refused("fatal_error"), CallError::Away(_)));
    }

    #[test]
    fn answers_name_the_cure() {
        let answer = |word: &str| CallError::Refused(word.to_owned()).answer("the token").to_string();
        insta::assert_snapshot!(answer("invalid_auth"), @"Slack refused the token (invalid_auth): connect again with a token that works [slack_refused]");
        insta::assert_snapshot!(answer("channel_not_found"), @"Slack refused the token (channel_not_found): name a channel that exists and that the app may post to [slack_refused]");
        insta::assert_snapshot!(CallError::Limited(None).answer(""), @"Slack was asked too often and wants a pause; try again then [slack_busy]");
    }

    #[test]
    fn who_calls_is_not_shown() {
        let app = SlackApp { client_id: "1.2".to_owned(), client_secret: SecretString::from("geheim") };
        let header = As::App(app.clone()).authorization().unwrap();
        assert_eq!(header.to_str().unwrap(), "Basic MS4yOmdlaGVpbQ==");
        assert!(header.is_sensitive() && !format!("{app:?} {header:?}").contains("geheim"));
        assert!(As::Bot(SecretString::from("a\nb")).authorization().is_err());
    }
}
