//! What a URL claims, and the HMAC that makes it true.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretBox};
use sha2::Sha256;
use uuid::Uuid;

use super::PutPermit;
use crate::error::RefusedPut;
use crate::key::ObjectKey;
use crate::upload::PutConditions;

/// The first line of what is signed; another form of it gets another one.
const VERSION: &str = "workstead-local-upload-1";

/// The only method that is signed.
pub(super) const METHOD: &str = "PUT";

/// Everything that a URL's signature covers.
#[derive(Debug)]
pub(super) struct Claims {
    key: ObjectKey,
    conditions: PutConditions,
    /// Makes two URLs of one key differ.
    id: Uuid,
}

impl Claims {
    /// Makes the claims of a new URL; parts of a second are dropped from the expiry.
    pub(super) fn new(key: ObjectKey, conditions: &PutConditions) -> Self {
        let mut conditions = conditions.clone();
        conditions.expires_at = whole_seconds(conditions.expires_at.as_second());
        Self { key, conditions, id: Uuid::now_v7() }
    }

    pub(super) fn into_permit(self) -> PutPermit {
        PutPermit { key: self.key, conditions: self.conditions }
    }

    /// Returns the URL's query, signed.
    pub(super) fn to_query(&self, signing_key: &SecretBox<[u8; 32]>) -> String {
        self.signed_query(METHOD, signing_key)
    }

    pub(super) fn signed_query(&self, method: &str, signing_key: &SecretBox<[u8; 32]>) -> String {
        let signature = hex::encode(self.mac(method, signing_key).finalize().into_bytes());
        let PutConditions { size, sha256, max_bytes, expires_at } = &self.conditions;
        let size = size.map(|size| format!("&size={size}")).unwrap_or_default();
        let sha256 = sha256.map(|hash| format!("&sha256={}", hex::encode(hash))).unwrap_or_default();
        let expires = expires_at.as_second();
        format!(
            "expires={expires}&max={max_bytes}{size}{sha256}&id={}&signature={signature}",
            self.id.simple()
        )
    }

    /// Reads a URL's query and verifies its signature, in constant time.
    pub(super) fn verify(
        key: ObjectKey,
        query: &str,
        signing_key: &SecretBox<[u8; 32]>,
    ) -> Result<Self, RefusedPut> {
        let (claims, signature) = Self::read(key, query).map_err(RefusedPut::Malformed)?;
        let mac = claims.mac(METHOD, signing_key);
        mac.verify_slice(&signature).map_err(|_| RefusedPut::BadSignature)?;
        Ok(claims)
    }

    fn read(key: ObjectKey, query: &str) -> Result<(Self, [u8; 32]), String> {
        let mut parts = BTreeMap::new();
        for part in query.split('&') {
            let (name, value) = part.split_once('=').ok_or("its query has a part without a value")?;
            if parts.insert(name, value).is_some() {
                return Err(format!("its query has {name:?} twice"));
            }
        }
        let mut take = |name: &str| parts.remove(name);
        let needed = |name: &str, value: Option<&str>| {
            value.map(str::to_owned).ok_or(format!("its query lacks {name:?}"))
        };
        let expires = number("expires", &needed("expires", take("expires"))?)?;
        let conditions = PutConditions {
            size: take("size").map(|text| number("size", text)).transpose()?,
            sha256: take("sha256").map(|text| digest("sha256", text)).transpose()?,
            max_bytes: number("max", &needed("max", take("max"))?)?,
            expires_at: i64::try_from(expires)
                .map(whole_seconds)
                .map_err(|_| "its expiry is too far away")?,
        };
        let id = needed("id", take("id"))?;
        let id = Uuid::try_parse(&id).map_err(|_| "its id is none")?;
        let signature = digest("signature", &needed("signature", take("signature"))?)?;
        match parts.keys().next() {
            Some(name) => Err(format!("its query has the unknown {name:?}")),
            None => Ok((Self { key, conditions, id }, signature)),
        }
    }

    /// Feeds the canonical string: one claim a line, none of which can hold a line break.
    fn mac(&self, method: &str, signing_key: &SecretBox<[u8; 32]>) -> Hmac<Sha256> {
        let PutConditions { size, sha256, max_bytes, expires_at } = &self.conditions;
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let lines = [
            VERSION.to_owned(),
            method.to_owned(),
            self.key.to_string(),
            expires_at.as_second().to_string(),
            max_bytes.to_string(),
            or_dash(size.map(|size| size.to_string())),
            or_dash(sha256.map(hex::encode)),
            self.id.simple().to_string(),
        ];
        // HMAC takes keys of every length (RFC 2104 section 2), so this can't fail.
        let mut mac =
            Hmac::<Sha256>::new_from_slice(signing_key.expose_secret()).expect("any key length is fine");
        mac.update(lines.join("\n").as_bytes());
        mac
    }
}

/// Returns the time, at most the last one that can be told.
fn whole_seconds(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
}

fn number(name: &str, text: &str) -> Result<u64, String> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or_else(|| format!("its {name:?} is no number"))
}

fn digest(name: &str, text: &str) -> Result<[u8; 32], String> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes)
        .map_err(|_| format!("its {name:?} is not 64 hexadecimal digits"))?;
    Ok(bytes)
}
