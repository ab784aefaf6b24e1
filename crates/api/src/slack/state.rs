//! The state that goes to Slack and comes back through a person's browser.
//!
//! It names a row that is used once, and whom and what it was made for, signed by the server: who makes up or changes
//! one gets nowhere, and without the row it is worth nothing.

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};

use crate::error::ApiError;
use crate::seal::{Purpose, ServerKey};
use crate::store::slack::StateRow;

/// How long a person may take at Slack.
pub(super) const LIFETIME: SignedDuration = SignedDuration::from_mins(10);
/// Longest state that is looked at.
const MAX_CHARS: usize = 500;

/// What a state says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct State {
    /// The row that it is good for.
    pub(super) id: String,
    pub(super) workspace_id: String,
    pub(super) user_id: i64,
    pub(super) expires_at: Timestamp,
}

impl State {
    /// Writes it down with its signature.
    pub(super) fn sign(&self, key: &ServerKey) -> Result<String, ApiError> {
        let Self { id, workspace_id, user_id, expires_at } = self;
        let said = format!("{id}/{workspace_id}/{user_id}/{}", expires_at.as_microsecond());
        let tag = hmac::sign(&signing_key(key)?, said.as_bytes());
        Ok(format!("{}.{}", URL_SAFE_NO_PAD.encode(said), URL_SAFE_NO_PAD.encode(tag)))
    }

    /// Reads what this server signed and what is not too old.
    pub(super) fn verify(key: &ServerKey, text: &str, now: Timestamp) -> Result<Self, ApiError> {
        let state = Self::read(&signing_key(key)?, text).ok_or_else(invalid)?;
        if state.expires_at <= now { Err(expired()) } else { Ok(state) }
    }

    /// Returns the row that it names.
    pub(super) fn row<'a>(&'a self, channel: Option<&'a str>) -> StateRow<'a> {
        let Self { id, workspace_id, user_id, expires_at } = self;
        StateRow { id, workspace_id, user_id: *user_id, channel, expires_at: *expires_at }
    }

    fn read(key: &hmac::Key, text: &str) -> Option<Self> {
        let (said, tag) = text.split_once('.').filter(|_| text.len() <= MAX_CHARS)?;
        let said = URL_SAFE_NO_PAD.decode(said).ok()?;
        hmac::verify(key, &said, &URL_SAFE_NO_PAD.decode(tag).ok()?).ok()?;
        let said = String::from_utf8(said).ok()?;
        let mut parts = said.split('/');
        let state = Self {
            id: parts.next()?.to_owned(),
            workspace_id: parts.next()?.to_owned(),
            user_id: parts.next()?.parse().ok()?,
            expires_at: Timestamp::from_microsecond(parts.next()?.parse().ok()?).ok()?,
        };
        parts.next().is_none().then_some(state)
    }
}

fn signing_key(key: &ServerKey) -> Result<hmac::Key, ApiError> {
    Ok(hmac::Key::new(HMAC_SHA256, &key.derive(Purpose::OauthStates, b"slack")?))
}

fn invalid() -> ApiError {
    let detail = "the state is missing or is none that this server made; begin the installation again";
    ApiError::bad_request("slack_state_invalid", detail)
}

/// Says that somebody took too long.
pub(super) fn expired() -> ApiError {
    let detail = "the installation took longer than 10 minutes; begin it again";
    ApiError::bad_request("slack_state_expired", detail)
}

/// Says that a state came a second time.
pub(super) fn used() -> ApiError {
    let detail = "this installation was finished or given up before; begin it again";
    ApiError::bad_request("slack_state_used", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> State {
        State {
            id: "0193-a".to_owned(),
            workspace_id: "0193-w".to_owned(),
            user_id: 7,
            expires_at: Timestamp::from_second(1_000_000).unwrap(),
        }
    }

    #[test]
    fn only_what_we_signed_is_read() {
        let (key, before) = (ServerKey::new([7; 32]), Timestamp::from_second(999_999).unwrap());
        let signed = state().sign(&key).unwrap();
        assert_eq!(State::verify(&key, &signed, before).unwrap(), state());
        let (said, tag) = signed.split_once('.').unwrap();
        let other = State { user_id: 8, ..state() }.sign(&key).unwrap();
        let (other_said, _) = other.split_once('.').unwrap();
        for bad in [
            "",
            ".",
            said,
            &format!("{said}."),
            &format!("{other_said}.{tag}"),
            &format!("{said}.{}", &tag[..tag.len() - 2]),
            &format!("{signed}.x"),
            &"x".repeat(1000),
        ] {
            assert_eq!(State::verify(&key, bad, before).unwrap_err().code(), "slack_state_invalid", "{bad}");
        }
        let another = State::verify(&ServerKey::new([8; 32]), &signed, before);
        assert_eq!(another.unwrap_err().code(), "slack_state_invalid");
    }

    #[test]
    fn it_dies_on_time() {
        let key = ServerKey::new([7; 32]);
        let signed = state().sign(&key).unwrap();
        let error = State::verify(&key, &signed, state().expires_at).unwrap_err();
        insta::assert_snapshot!(error, @"the installation took longer than 10 minutes; begin it again [slack_state_expired]");
    }
}
