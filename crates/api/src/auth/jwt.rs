//! The tokens of logins: JWTs, signed by RS256 and nothing else (RFC 7519, RFC 8725).

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header, encode};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::auth::signing::{KeyRing, SigningKey};
use crate::error::ApiError;

/// What a token is for; one is never taken for the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TokenType {
    /// Asking the API.
    Access,
    /// Getting the next pair.
    Refresh,
}

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims {
    /// Our public URL.
    pub(crate) iss: String,
    /// Our public URL, too: the tokens are for ourselves.
    pub(crate) aud: String,
    /// The user's id.
    pub(crate) sub: String,
    pub(crate) email: String,
    /// Seconds since 1970.
    pub(crate) iat: i64,
    pub(crate) exp: i64,
    /// The token's own id.
    pub(crate) jti: String,
    /// The session that it belongs to, and dies with.
    pub(crate) sid: String,
    pub(crate) token_type: TokenType,
}

/// Why a token is not believed; clients are told no more than that it is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    /// It is none of ours, or was changed.
    #[error("the token is not signed by a key of this server, for this server: {0}")]
    NotOurs(String),
    /// Its time is over.
    #[error("the token expired")]
    Expired,
    /// An access token is no refresh token, nor the other way round.
    #[error("the token is for another use")]
    OtherUse,
}

/// Tells whether a bearer token may be one of these: three parts, the first of them a JSON object.
pub(crate) fn looks_like_one(token: &str) -> bool {
    token.starts_with("eyJ") && token.split('.').count() == 3
}

/// Signs claims.
pub(crate) fn sign(key: &SigningKey, claims: &Claims) -> Result<SecretString, ApiError> {
    let mut header = Header::new(Algorithm::RS256);
    header.kid = Some(key.id.clone());
    encode(&header, claims, key.private()).map(SecretString::from).map_err(ApiError::internal)
}

/// Checks a token's signature, issuer, audience, time and use.
pub(crate) fn verify(
    ring: &KeyRing,
    issuer: &str,
    token: &str,
    token_type: TokenType,
    now: Timestamp,
) -> Result<Claims, Refused> {
    let not_ours = |error: jsonwebtoken::errors::Error| Refused::NotOurs(error.to_string());
    let header = decode_header(token).map_err(not_ours)?;
    let key = header.kid.as_deref().and_then(|id| ring.find(id));
    let key = key.ok_or_else(|| Refused::NotOurs("the key is unknown".to_owned()))?;
    // The algorithm is ours to say, never the token's.
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_issuer(&[issuer]);
    validation.set_audience(&[issuer]);
    validation.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
    // By our own clock, below, and to the second.
    validation.validate_exp = false;
    let claims = decode::<Claims>(token, key.public(), &validation).map_err(not_ours)?.claims;
    if claims.exp <= now.as_second() {
        return Err(Refused::Expired);
    }
    if claims.token_type != token_type {
        return Err(Refused::OtherUse);
    }
    Ok(claims)
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use jsonwebtoken::EncodingKey;
    use secrecy::ExposeSecret;
    use serde_json::{Value, json};

    use super::*;

    const ISSUER: &str = "https://ws.example";

    fn now() -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    fn claims(token_type: TokenType) -> Claims {
        Claims {
            iss: ISSUER.to_owned(),
            aud: ISSUER.to_owned(),
            sub: "7".to_owned(),
            email: "ann@example.com".to_owned(),
            iat: now().as_second(),
            exp: now().as_second() + 60,
            jti: "j".to_owned(),
            sid: "s".to_owned(),
            token_type,
        }
    }

    fn key(id: &str) -> SigningKey {
        SigningKey::generate(id.to_owned(), now()).unwrap()
    }

    fn token(key: &SigningKey, claims: &Claims) -> String {
        sign(key, claims).unwrap().expose_secret().to_owned()
    }

    fn read(ring: &KeyRing, token: &str) -> Result<Claims, Refused> {
        verify(ring, ISSUER, token, TokenType::Access, now())
    }

    #[test]
    fn what_we_sign_we_believe_until_it_expires() {
        let ring = KeyRing::of(vec![key("one")]);
        let access = claims(TokenType::Access);
        let text = token(ring.newest().unwrap(), &access);
        assert!(looks_like_one(&text));
        assert_eq!(read(&ring, &text), Ok(access));
        let later = |seconds| Timestamp::from_second(now().as_second() + seconds).unwrap();
        assert!(verify(&ring, ISSUER, &text, TokenType::Access, later(59)).is_ok());
        assert_eq!(verify(&ring, ISSUER, &text, TokenType::Access, later(60)), Err(Refused::Expired));
        assert_eq!(verify(&ring, ISSUER, &text, TokenType::Refresh, now()), Err(Refused::OtherUse));
        let refresh = token(ring.newest().unwrap(), &claims(TokenType::Refresh));
        assert_eq!(read(&ring, &refresh), Err(Refused::OtherUse));
    }

    #[test]
    fn a_rotated_key_still_verifies_and_a_strange_one_never_did() {
        let (old, new, strange) = (key("old"), key("new"), key("old"));
        let text = token(&old, &claims(TokenType::Access));
        let forged = token(&strange, &claims(TokenType::Access));
        let ring = KeyRing::of(vec![new, old]);
        assert!(read(&ring, &text).is_ok());
        assert!(matches!(read(&ring, &forged), Err(Refused::NotOurs(_))));
        let unknown = token(&key("unknown"), &claims(TokenType::Access));
        assert!(matches!(read(&ring, &unknown), Err(Refused::NotOurs(_))));
    }

    #[test]
    fn another_server_is_not_believed_nor_addressed() {
        let ring = KeyRing::of(vec![key("one")]);
        let with = |change: fn(&mut Claims)| {
            let mut claims = claims(TokenType::Access);
            change(&mut claims);
            read(&ring, &token(ring.newest().unwrap(), &claims))
        };
        assert!(with(|_| {}).is_ok());
        assert!(with(|claims| claims.iss = "https://other.example".to_owned()).is_err());
        assert!(with(|claims| claims.aud = "https://other.example".to_owned()).is_err());
    }

    /// Makes a token with a header and a signature of one's own.
    fn crafted(header: &Value, claims: &Claims, sign: impl Fn(&str) -> String) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(header), part(&json!(claims)));
        let signature = sign(&message);
        format!("{message}.{signature}")
    }

    #[test]
    fn the_token_does_not_choose_the_algorithm() {
        let ring = KeyRing::of(vec![key("one")]);
        let signed = ring.newest().unwrap();
        let access = claims(TokenType::Access);
        for alg in ["none", "None", "NONE", ""] {
            for signature in ["", "AAAA"] {
                let header = json!({ "alg": alg, "typ": "JWT", "kid": "one" });
                assert!(read(&ring, &crafted(&header, &access, |_| signature.to_owned())).is_err());
            }
        }
        // The public key as a shared secret: the classic confusion, by each form that the key has.
        let jwk = signed.jwk();
        let modulus = jwk["n"].as_str().unwrap();
        for secret in [modulus.as_bytes().to_vec(), URL_SAFE_NO_PAD.decode(modulus).unwrap()] {
            let mut header = Header::new(Algorithm::HS256);
            header.kid = Some("one".to_owned());
            let forged = encode(&header, &access, &EncodingKey::from_secret(&secret)).unwrap();
            assert!(matches!(read(&ring, &forged), Err(Refused::NotOurs(_))));
        }
        // Another algorithm of the right key.
        for algorithm in [Algorithm::RS384, Algorithm::RS512, Algorithm::PS256] {
            let mut header = Header::new(algorithm);
            header.kid = Some("one".to_owned());
            let other = encode(&header, &access, signed.private()).unwrap();
            assert!(matches!(read(&ring, &other), Err(Refused::NotOurs(_))));
        }
        // A key that the token brings along, or none named at all.
        let own = key("own");
        for header in [json!({ "alg": "RS256", "jwk": own.jwk() }), json!({ "alg": "RS256" })] {
            assert!(read(&ring, &crafted(&header, &access, |_| "AAAA".to_owned())).is_err());
        }
    }

    #[test]
    fn what_was_changed_or_is_garbage_is_refused() {
        let ring = KeyRing::of(vec![key("one")]);
        let text = token(ring.newest().unwrap(), &claims(TokenType::Access));
        let parts: Vec<_> = text.split('.').collect();
        let mut changed = claims(TokenType::Access);
        changed.sub = "1".to_owned();
        let payload = URL_SAFE_NO_PAD.encode(json!(changed).to_string());
        let cases = [
            format!("{}.{payload}.{}", parts[0], parts[2]),
            format!("{}.{}.", parts[0], parts[1]),
            format!("{}.{}", parts[0], parts[1]),
            format!("{text}.x"),
            "..".to_owned(),
            "eyJ.eyJ.eyJ".to_owned(),
            "eyJhbGciOiJSUzI1NiJ9.e30.AAAA".to_owned(),
            String::new(),
        ];
        for bad in cases {
            assert!(read(&ring, &bad).is_err(), "{bad}");
        }
        // Claims that are missing, or of another kind.
        for name in ["sub", "exp", "iss", "aud", "sid", "jti", "token_type", "email"] {
            let mut value = json!(claims(TokenType::Access));
            value.as_object_mut().unwrap().remove(name);
            let mut header = Header::new(Algorithm::RS256);
            header.kid = Some("one".to_owned());
            let signed = encode(&header, &value, ring.newest().unwrap().private()).unwrap();
            assert!(read(&ring, &signed).is_err(), "{name}");
        }
    }
}
