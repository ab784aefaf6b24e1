//! Bearer tokens: made once, shown once, kept as a hash.

use std::fmt;

use secrecy::SecretString;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// What a secret scanner looks for.
pub(crate) const PREFIX: &str = "wst_";

/// The SHA-256 of a token.
///
/// A token has 256 random bits, so a plain hash is as good as a slow one: there is nothing to guess.
/// Looking a hash up in an index tells by its time at most how a hash begins, never how a token does.
#[derive(Clone, Copy, Eq)]
pub(crate) struct TokenHash([u8; 32]);

impl TokenHash {
    /// Hashes a token as a client sent it.
    pub(crate) fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }

    /// Reads the form that the database keeps.
    pub(crate) fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok().map(|()| Self(bytes))
    }

    /// Returns the form that the database keeps.
    pub(crate) fn to_hex(self) -> String {
        hex::encode(self.0)
    }
}

impl PartialEq for TokenHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl std::hash::Hash for TokenHash {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TokenHash(..)")
    }
}

/// Makes a new token.
pub(crate) fn generate() -> SecretString {
    // The thread's generator is ChaCha12, seeded by the operating system: fit for keys.
    let random: [u8; 32] = rand::random();
    SecretString::from(format!("{PREFIX}{}", hex::encode(random)))
}

/// Returns the last characters of a token, by which people tell their tokens apart.
pub(crate) fn suffix(token: &str) -> String {
    let count = token.chars().count();
    token.chars().skip(count.saturating_sub(4)).collect()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_token_is_long_random_and_hidden() {
        let (one, two) = (generate(), generate());
        assert_ne!(one.expose_secret(), two.expose_secret());
        assert!(one.expose_secret().starts_with("wst_") && one.expose_secret().len() == 68);
        let hash = TokenHash::of(one.expose_secret());
        assert_eq!(hash, TokenHash::of(one.expose_secret()));
        assert_ne!(hash, TokenHash::of(two.expose_secret()));
        assert_eq!(format!("{hash:?} {one:?}"), "TokenHash(..) SecretBox<str>([REDACTED])");
        assert_eq!(suffix("wst_1234abcd"), "abcd");
    }
}
