//! Passwords: hashed by Argon2id, off the async threads, few at a time.

use std::num::NonZero;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::blocking::Work;
use crate::error::ApiError;

/// OWASP's first choice for Argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// What is checked where there is no password, so that the answer takes as long.
const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5cyBwYXNzd29yZA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
/// How long a password may wait for others.
const PATIENCE: Duration = Duration::from_secs(10);
/// Fewest characters of a password (NIST SP 800-63B section 3.1.1).
const LEAST_CHARS: usize = 8;
/// Most bytes of one: enough for any sentence.
const MOST_BYTES: usize = 1024;

/// Hashes and checks passwords.
pub(crate) struct Passwords {
    /// Each takes a processor for a while, and memory.
    turns: Arc<Semaphore>,
}

impl Passwords {
    /// Leaves half of the processors to other work.
    pub(crate) fn new() -> Self {
        let turns = (available_parallelism().map_or(1, NonZero::get) / 2).clamp(1, 8);
        Self { turns: Arc::new(Semaphore::new(turns)) }
    }

    /// Hashes a new password to its PHC form, with a salt of its own.
    pub(crate) async fn hash(&self, work: &Work, password: SecretString) -> Result<SecretString, ApiError> {
        let turn = self.take_turn().await?;
        let hashed = work.blocking(move || {
            let _turn = turn;
            let salt: [u8; 16] = rand::random();
            argon2()?.hash_password_with_salt(password.expose_secret().as_bytes(), &salt).map_err(failed)
        });
        Ok(SecretString::from(hashed.await??.to_string()))
    }

    /// Checks a password against a PHC form; without one it takes as long and is wrong.
    pub(crate) async fn check(
        &self,
        work: &Work,
        password: SecretString,
        hash: Option<SecretString>,
    ) -> Result<bool, ApiError> {
        let turn = self.take_turn().await?;
        let checked = work.blocking(move || {
            let _turn = turn;
            let known = hash.is_some();
            let text = hash.as_ref().map_or(NOBODYS, ExposeSecret::expose_secret);
            let hash = PasswordHash::new(text).map_err(|_| failed("a stored password can't be read"))?;
            // An overlong one is no password, but is checked all the same.
            let bytes = password.expose_secret().as_bytes();
            let bytes = bytes.get(..MOST_BYTES + 1).unwrap_or(bytes);
            Ok::<_, ApiError>(argon2()?.verify_password(bytes, &hash).is_ok() && known)
        });
        checked.await?
    }

    async fn take_turn(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        let turn = tokio::time::timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned()).await;
        let busy =
            |_| ApiError::unavailable("logins_busy", "too many passwords are being checked; try again", 5);
        turn.map_err(busy)?.map_err(ApiError::internal)
    }
}

/// Refuses a new password that is too short to be one, or too long.
pub(crate) fn check_new(password: &SecretString) -> Result<(), ApiError> {
    let text = password.expose_secret();
    let (chars, bytes) = (text.chars().count(), text.len());
    if chars < LEAST_CHARS {
        let detail =
            format!("the password has {chars} characters, fewer than {LEAST_CHARS}; choose a longer one");
        return Err(ApiError::invalid("password_too_short", detail));
    }
    if bytes > MOST_BYTES {
        let detail = format!("the password has {bytes} bytes, more than {MOST_BYTES}; choose a shorter one");
        return Err(ApiError::invalid("password_too_long", detail));
    }
    Ok(())
}

fn argon2() -> Result<Argon2<'static>, ApiError> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(failed)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn failed(error: impl std::fmt::Display) -> ApiError {
    ApiError::internal(format!("a password could not be hashed: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> SecretString {
        SecretString::from(text)
    }

    #[tokio::test]
    async fn a_password_is_known_by_its_hash_alone() {
        let (passwords, work) = (Passwords::new(), Work::default());
        let hash = passwords.hash(&work, secret("correct horse")).await.unwrap();
        let again = passwords.hash(&work, secret("correct horse")).await.unwrap();
        assert_ne!(hash.expose_secret(), again.expose_secret());
        let check = async |text: &str, hash| passwords.check(&work, secret(text), hash).await.unwrap();
        assert!(check("correct horse", Some(hash.clone())).await);
        assert!(!check("Correct horse", Some(hash.clone())).await);
        assert!(!check(&"x".repeat(100_000), Some(hash)).await);
        assert!(!check("", None).await);
    }

    #[tokio::test]
    async fn nobodys_password_costs_the_same() {
        let hash = Passwords::new().hash(&Work::default(), secret("correct horse")).await.unwrap();
        let (real, nobodys) =
            (PasswordHash::new(hash.expose_secret()).unwrap(), PasswordHash::new(NOBODYS).unwrap());
        assert_eq!((real.algorithm, real.version), (nobodys.algorithm, nobodys.version));
        assert_eq!(real.params, nobodys.params);
        assert_eq!(real.salt.map(|salt| salt.len()), nobodys.salt.map(|salt| salt.len()));
        assert_eq!(real.hash.map(|hash| hash.len()), nobodys.hash.map(|hash| hash.len()));
    }

    #[test]
    fn new_passwords_have_a_length() {
        let refused = |text: &str| check_new(&secret(text)).unwrap_err().to_string();
        insta::assert_snapshot!(refused("short"), @"the password has 5 characters, fewer than 8; choose a longer one [password_too_short]");
        insta::assert_snapshot!(refused(&"x".repeat(1025)), @"the password has 1025 bytes, more than 1024; choose a shorter one [password_too_long]");
        assert!(check_new(&secret("pässwörd")).is_ok());
    }
}
