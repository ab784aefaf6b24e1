//! The keys that sign JWTs: made when first needed, replaced in time, kept encrypted.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::app::AppState;
use crate::auth::sessions::REFRESH_LIFETIME;
use crate::error::ApiError;
use crate::seal::Purpose;
use crate::store::now;
use crate::store::signing_keys::SigningKeyRow;

/// Columns of PEM (RFC 7468 section 2).
const PEM_COLUMNS: usize = 64;

/// One key; its private half is there only where it is to sign.
pub(crate) struct SigningKey {
    pub(crate) id: String,
    modulus: String,
    exponent: String,
    created_at: Timestamp,
    private: EncodingKey,
    public: DecodingKey,
}

impl SigningKey {
    /// Makes a key that nothing keeps.
    #[cfg(test)]
    pub(crate) fn generate(id: String, created_at: Timestamp) -> Result<Self, ApiError> {
        let pem = generate_pem()?;
        Self::of(id, created_at, &pem)
    }

    fn of(id: String, created_at: Timestamp, pem: &SecretString) -> Result<Self, ApiError> {
        let private =
            EncodingKey::from_rsa_pem(pem.expose_secret().as_bytes()).map_err(ApiError::internal)?;
        let jwk = Jwk::from_encoding_key(&private, Algorithm::RS256).map_err(ApiError::internal)?;
        let AlgorithmParameters::RSA(parameters) = jwk.algorithm else {
            return Err(ApiError::internal("a signing key is of another kind than RSA"));
        };
        let (modulus, exponent) = (parameters.n, parameters.e);
        let public = DecodingKey::from_rsa_components(&modulus, &exponent).map_err(ApiError::internal)?;
        Ok(Self { id, modulus, exponent, created_at, private, public })
    }

    /// Returns the half that signs.
    pub(crate) fn private(&self) -> &EncodingKey {
        &self.private
    }

    /// Returns the half that verifies.
    pub(crate) fn public(&self) -> &DecodingKey {
        &self.public
    }

    /// Writes the public half as RFC 7517 says.
    pub(crate) fn jwk(&self) -> Value {
        json!({
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": self.id,
            "n": self.modulus,
            "e": self.exponent,
        })
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("SigningKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// All keys of which something that they signed may be alive, the newest first.
#[derive(Debug)]
pub(crate) struct KeyRing(Vec<SigningKey>);

impl KeyRing {
    /// Takes keys, the newest first.
    pub(crate) fn of(keys: Vec<SigningKey>) -> Self {
        Self(keys)
    }

    /// Finds the key that a token names.
    pub(crate) fn find(&self, id: &str) -> Option<&SigningKey> {
        self.0.iter().find(|key| key.id == id)
    }

    /// Returns the key that signs, whatever its age.
    pub(crate) fn newest(&self) -> Option<&SigningKey> {
        self.0.first()
    }

    /// Writes all public halves (RFC 7517 section 5), but for those of which nothing can be alive.
    pub(crate) fn jwks(&self, now: Timestamp) -> Value {
        let times: Vec<_> = self.0.iter().map(|key| key.created_at).collect();
        let alive = self.0.iter().zip(is_alive(&times, now)).filter(|(_, alive)| *alive);
        json!({ "keys": alive.map(|(key, _)| key.jwk()).collect::<Vec<_>>() })
    }

    /// Tells whether there is a key that is young enough to sign.
    fn can_sign(&self, now: Timestamp, lifetime: Duration) -> bool {
        self.newest().is_some_and(|key| is_young(key.created_at, now, lifetime))
    }
}

fn is_young(created_at: Timestamp, now: Timestamp, lifetime: Duration) -> bool {
    now.duration_since(created_at).as_secs() < i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX)
}

/// Tells of each key, by when it was made and the newest first, whether something that it signed may be alive.
///
/// A key signs until its successor is there, and the last token that it signed lives so long after.
fn is_alive(created: &[Timestamp], now: Timestamp) -> Vec<bool> {
    let successors = std::iter::once(None).chain(created.iter().copied().map(Some));
    let alive = |successor: Option<Timestamp>| successor.is_none_or(|at| is_young(at, now, REFRESH_LIFETIME));
    successors.take(created.len()).map(alive).collect()
}

/// The keys in memory.
#[derive(Default)]
pub(crate) struct SigningKeys {
    ring: RwLock<Option<Arc<KeyRing>>>,
    /// Whoever reads or makes keys; there must not be two who make one.
    turn: Mutex<()>,
}

impl SigningKeys {
    fn remembered(&self) -> Option<Arc<KeyRing>> {
        // A poisoned lock only means that somebody panicked; what it guards is whole.
        self.ring.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn remember(&self, ring: Arc<KeyRing>) {
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Some(ring);
    }
}

/// Returns all keys, to verify by.
pub(crate) async fn ring(app: &AppState) -> Result<Arc<KeyRing>, ApiError> {
    if let Some(ring) = app.signing_keys.remembered() {
        return Ok(ring);
    }
    let _turn = app.signing_keys.turn.lock().await;
    if let Some(ring) = app.signing_keys.remembered() {
        return Ok(ring);
    }
    load(app).await
}

/// Returns all keys, the newest of them young enough to sign: one is made when there is none.
pub(crate) async fn ring_to_sign(app: &AppState) -> Result<Arc<KeyRing>, ApiError> {
    let lifetime = app.settings.jwt_key_lifetime;
    let known = ring(app).await?;
    if known.can_sign(now(), lifetime) {
        return Ok(known);
    }
    let _turn = app.signing_keys.turn.lock().await;
    let known = load(app).await?;
    if known.can_sign(now(), lifetime) {
        return Ok(known);
    }
    make(app).await?;
    load(app).await
}

async fn load(app: &AppState) -> Result<Arc<KeyRing>, ApiError> {
    let rows = app.database.signing_keys().await?;
    let state = app.clone();
    let ring = app.work.blocking(move || open(&state, rows)).await?;
    let ring = Arc::new(ring);
    app.signing_keys.remember(Arc::clone(&ring));
    Ok(ring)
}

/// Opens the keys that can be opened; after a change of the server key none can, and logins begin anew.
fn open(app: &AppState, rows: Vec<SigningKeyRow>) -> KeyRing {
    let open = |row: SigningKeyRow| {
        let pem = app.server_key.open(Purpose::SigningKeys, &row.id, &row.sealed_private);
        let key = pem.and_then(|pem| SigningKey::of(row.id.clone(), row.created_at, &pem));
        key.inspect_err(|error| {
            let cause = error.cause().map(ToString::to_string);
            tracing::warn!(
                id = row.id,
                cause,
                "a signing key can't be opened, so its tokens are not believed"
            );
        })
        .ok()
    };
    KeyRing::of(rows.into_iter().filter_map(open).collect())
}

async fn make(app: &AppState) -> Result<(), ApiError> {
    let (id, now) = (uuid::Uuid::now_v7().simple().to_string(), now());
    let state = app.clone();
    let row = app.work.blocking(move || {
        let pem = generate_pem()?;
        let sealed_private = state.server_key.seal(Purpose::SigningKeys, &id, pem.expose_secret())?;
        Ok::<_, ApiError>(SigningKeyRow { id, sealed_private, created_at: now })
    });
    let row = row.await??;
    let known = app.database.signing_keys().await?;
    let times: Vec<_> = std::iter::once(now).chain(known.iter().map(|key| key.created_at)).collect();
    let alive = is_alive(&times, now);
    let dead = known.iter().zip(&alive[1..]).filter(|(_, alive)| !**alive).map(|(key, _)| key.id.clone());
    let dead: Vec<_> = dead.collect();
    tracing::info!(id = row.id, forgotten = dead.len(), "a new key signs the tokens of logins");
    Ok(app.database.add_signing_key(&row, &dead).await?)
}

/// Makes a key of 2048 bits, which takes a while.
fn generate_pem() -> Result<SecretString, ApiError> {
    let failed = |_| ApiError::internal("a signing key could not be made");
    let pair = KeyPair::generate(KeySize::Rsa2048).map_err(failed)?;
    let der = pair.as_der().map_err(failed)?;
    let base64 = STANDARD.encode(der.as_ref());
    let mut pem = String::from("-----BEGIN PRIVATE KEY-----\n");
    for line in base64.as_bytes().chunks(PEM_COLUMNS) {
        pem.extend(line.iter().copied().map(char::from));
        pem.push('\n');
    }
    pem.push_str("-----END PRIVATE KEY-----\n");
    Ok(SecretString::from(pem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_listed_until_what_it_signed_is_dead() {
        let day = |day: i64| Timestamp::from_second(1_800_000_000 + day * 86_400).unwrap();
        let lifetime = i64::try_from(REFRESH_LIFETIME.as_secs()).unwrap() / 86_400;
        assert_eq!(is_alive(&[], day(0)), [false; 0]);
        assert_eq!(is_alive(&[day(0)], day(10_000)), [true]);
        assert_eq!(is_alive(&[day(90), day(0)], day(90 + lifetime - 1)), [true, true]);
        assert_eq!(is_alive(&[day(90), day(0)], day(90 + lifetime)), [true, false]);
        assert_eq!(is_alive(&[day(180), day(90), day(0)], day(180)), [true, true, false]);
    }

    #[test]
    fn a_key_signs_for_its_time() {
        let created = Timestamp::from_second(1_800_000_000).unwrap();
        let ring = KeyRing::of(vec![SigningKey::generate("one".to_owned(), created).unwrap()]);
        let after =
            |seconds: u64| ring.can_sign(created + Duration::from_secs(seconds), Duration::from_secs(100));
        assert!(after(0) && after(99) && !after(100));
        assert!(!KeyRing::of(Vec::new()).can_sign(created, Duration::from_secs(100)));
    }

    #[test]
    fn nothing_shows_a_private_key() {
        let key = SigningKey::generate("one".to_owned(), Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(format!("{key:?}"), r#"SigningKey { id: "one", .. }"#);
        let names: Vec<_> = key.jwk().as_object().unwrap().keys().cloned().collect();
        assert_eq!(names, ["kty", "use", "alg", "kid", "n", "e"]);
        assert_eq!(key.jwk()["e"], "AQAB");
    }
}
