//! Secrets at rest: AES-256-GCM under keys of the server key.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretBox, SecretString};

use crate::error::ApiError;

/// What a derived key is for; two purposes never share one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Secrets of workspaces.
    WorkspaceSecrets,
    /// The private keys that sign JWTs.
    SigningKeys,
    /// Tokens of integrations.
    Integrations,
    /// Credentials of mirrors.
    Mirrors,
    /// Keys to language models.
    LlmConfigs,
    /// The derivation of runner tokens.
    RunnerTokens,
    /// The signatures of states that travel through a browser.
    OauthStates,
    /// URLs and secrets of webhooks.
    Webhooks,
}

impl Purpose {
    /// Names the purpose in the derivation; a change of it makes everything sealed unreadable.
    fn label(self) -> &'static [u8] {
        match self {
            Self::WorkspaceSecrets => b"workstead workspace secrets v1",
            Self::SigningKeys => b"workstead signing keys v1",
            Self::Integrations => b"workstead integrations v1",
            Self::Mirrors => b"workstead mirrors v1",
            Self::LlmConfigs => b"workstead llm configs v1",
            Self::RunnerTokens => b"workstead runner tokens v1",
            Self::OauthStates => b"workstead oauth states v1",
            Self::Webhooks => b"workstead webhooks v1",
        }
    }
}

/// The server key, from which every other key is derived (RFC 5869).
#[derive(Clone)]
pub(crate) struct ServerKey(std::sync::Arc<SecretBox<[u8; 32]>>);

impl ServerKey {
    /// Takes the key of the data directory.
    pub(crate) fn new(key: [u8; 32]) -> Self {
        Self(std::sync::Arc::new(SecretBox::new(Box::new(key))))
    }

    /// Derives the key of a purpose, and for the context that it is bound to.
    pub(crate) fn derive(&self, purpose: Purpose, context: &[u8]) -> Result<[u8; 32], ApiError> {
        let failed = |_| ApiError::internal("a key could not be derived");
        let extracted = Salt::new(HKDF_SHA256, &[]).extract(self.0.expose_secret());
        let info = [purpose.label(), b"\0", context];
        let mut key = [0; 32];
        extracted.expand(&info, Bytes32).and_then(|okm| okm.fill(&mut key)).map_err(failed)?;
        Ok(key)
    }

    /// Encrypts a text; `bound_to` must be given again to open it, so that a row can't be moved elsewhere.
    pub(crate) fn seal(&self, purpose: Purpose, bound_to: &str, text: &str) -> Result<String, ApiError> {
        let key = self.key(purpose)?;
        let mut sealed = text.as_bytes().to_vec();
        let nonce = key.seal_in_place_append_tag(Aad::from(bound_to.as_bytes()), &mut sealed);
        let nonce = nonce.map_err(|_| ApiError::internal("a secret could not be encrypted"))?;
        let mut whole = nonce.as_ref().to_vec();
        whole.append(&mut sealed);
        Ok(STANDARD.encode(whole))
    }

    /// Decrypts what [`ServerKey::seal`] made.
    pub(crate) fn open(
        &self,
        purpose: Purpose,
        bound_to: &str,
        sealed: &str,
    ) -> Result<SecretString, ApiError> {
        let failed = || {
            ApiError::internal("a secret can't be decrypted: it was changed, or the server key is another")
        };
        let mut whole = STANDARD.decode(sealed).map_err(|_| failed())?;
        let (nonce, sealed) = whole.split_at_mut_checked(NONCE_LEN).ok_or_else(failed)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| failed())?;
        let opened = self.key(purpose)?.open_in_place(nonce, Aad::from(bound_to.as_bytes()), sealed);
        let opened = opened.map_err(|_| failed())?;
        let text = std::str::from_utf8(opened).map_err(|_| failed())?;
        Ok(SecretString::from(text))
    }

    fn key(&self, purpose: Purpose) -> Result<RandomizedNonceKey, ApiError> {
        let key = self.derive(purpose, b"")?;
        RandomizedNonceKey::new(&AES_256_GCM, &key).map_err(|_| ApiError::internal("a key was refused"))
    }
}

impl std::fmt::Debug for ServerKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("ServerKey(..)")
    }
}

/// The length of a derived key.
struct Bytes32;

impl KeyType for Bytes32 {
    fn len(&self) -> usize {
        32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_opens_only_where_it_belongs() {
        let key = ServerKey::new([7; 32]);
        let sealed = key.seal(Purpose::WorkspaceSecrets, "id/name", "geheim").unwrap();
        assert!(!sealed.contains("geheim"));
        let open = |key: &ServerKey, purpose, bound_to: &str, sealed: &str| {
            key.open(purpose, bound_to, sealed).map(|text| text.expose_secret().to_owned()).ok()
        };
        assert_eq!(open(&key, Purpose::WorkspaceSecrets, "id/name", &sealed).as_deref(), Some("geheim"));
        assert_eq!(open(&key, Purpose::Integrations, "id/name", &sealed), None);
        assert_eq!(open(&key, Purpose::WorkspaceSecrets, "id/other", &sealed), None);
        assert_eq!(open(&ServerKey::new([8; 32]), Purpose::WorkspaceSecrets, "id/name", &sealed), None);
        for damaged in
            ["", "%", "AAAA", &sealed[..sealed.len() - 4], &sealed.replace(&sealed[20..24], "AAAA")]
        {
            assert_eq!(open(&key, Purpose::WorkspaceSecrets, "id/name", damaged), None, "{damaged}");
        }
    }

    #[test]
    fn the_same_text_is_sealed_differently_each_time() {
        let key = ServerKey::new([7; 32]);
        let seal = || key.seal(Purpose::Integrations, "x", "same").unwrap();
        assert_ne!(seal(), seal());
    }

    #[test]
    fn derived_keys_differ_by_purpose_and_context() {
        let key = ServerKey::new([7; 32]);
        let derive = |purpose, context: &[u8]| key.derive(purpose, context).unwrap();
        assert_eq!(derive(Purpose::RunnerTokens, b"a"), derive(Purpose::RunnerTokens, b"a"));
        assert_ne!(derive(Purpose::RunnerTokens, b"a"), derive(Purpose::RunnerTokens, b"b"));
        assert_ne!(derive(Purpose::RunnerTokens, b"a"), derive(Purpose::OauthStates, b"a"));
        assert_eq!(format!("{key:?}"), "ServerKey(..)");
    }
}
