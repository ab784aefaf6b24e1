//! A URL whose query is a secret.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// A URL that lets whoever has it upload; Debug and Display leave out the query.
#[derive(Clone)]
pub struct SecretUrl {
    full: SecretString,
    /// Scheme, host and path.
    shown: String,
}

impl SecretUrl {
    /// Wraps a URL.
    pub fn new(url: &Url) -> Self {
        let mut shown = url.clone();
        shown.set_query(None);
        shown.set_fragment(None);
        // Both fail only for URLs that can't have user and password, so there is nothing to hide there.
        let _ = shown.set_username("");
        let _ = shown.set_password(None);
        let ellipsis = if url.query().is_some() { "?…" } else { "" };
        Self { full: url.as_str().into(), shown: format!("{shown}{ellipsis}") }
    }

    /// Returns the whole URL, to be sent to the client that may use it and to nobody else.
    pub fn expose(&self) -> &str {
        self.full.expose_secret()
    }
}

impl fmt::Display for SecretUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.shown)
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SecretUrl({})", self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_expose_shows_the_secret() {
        let url =
            Url::parse("https://user:pass@store.example.com/b/uploads/w/u.tar.gz?X-Sig=secret#frag").unwrap();
        let secret = SecretUrl::new(&url);
        insta::assert_snapshot!(secret, @"https://store.example.com/b/uploads/w/u.tar.gz?…");
        insta::assert_snapshot!(format!("{secret:?}"), @"SecretUrl(https://store.example.com/b/uploads/w/u.tar.gz?…)");
        assert_eq!(secret.expose(), url.as_str());
    }
}
