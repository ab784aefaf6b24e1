//! The token that a Git client sends.

use axum::http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;

/// The challenge without which `git` never asks for credentials.
pub(crate) const CHALLENGE: HeaderValue = HeaderValue::from_static("Basic realm=\"Workstead\"");

/// Returns the token of `Authorization: Basic` (the password; the user name does not matter) or `Bearer`.
pub(crate) fn token(headers: &HeaderMap) -> Option<SecretString> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = value.split_once(' ')?;
    let rest = rest.trim();
    let token = if scheme.eq_ignore_ascii_case("basic") {
        let pair = String::from_utf8(STANDARD.decode(rest).ok()?).ok()?;
        pair.split_once(':')?.1.to_owned()
    } else if scheme.eq_ignore_ascii_case("bearer") {
        rest.to_owned()
    } else {
        return None;
    };
    (!token.is_empty()).then(|| token.into())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn read(value: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, value.parse().unwrap());
        token(&headers).map(|token| token.expose_secret().to_owned())
    }

    #[test]
    fn the_password_is_the_token_whoever_the_user_is() {
        assert_eq!(read(&format!("Basic {}", STANDARD.encode("git:secret:x"))).as_deref(), Some("secret:x"));
        assert_eq!(read(&format!("basic {}", STANDARD.encode(":secret"))).as_deref(), Some("secret"));
        assert_eq!(read("Bearer secret").as_deref(), Some("secret"));
    }

    #[test]
    fn what_is_no_credential_counts_as_absent() {
        let empty = format!("Basic {}", STANDARD.encode("user:"));
        let no_colon = format!("Basic {}", STANDARD.encode("user"));
        for bad in ["", "Basic", "Basic !!", "Digest x", "Bearer ", &empty, &no_colon] {
            assert_eq!(read(bad), None, "{bad}");
        }
        assert!(token(&HeaderMap::new()).is_none());
    }
}
