//! The upstream's own webhook, which says that there may be something to pull.
//!
//! What it says is not read: it only wakes, and the pull looks for itself. So it need not be more than proven.

use aws_lc_rs::hmac;
use axum::http::HeaderMap;
use secrecy::ExposeSecret;

use super::bound_to;
use crate::app::AppState;
use crate::auth::token::TokenHash;
use crate::error::ApiError;
use crate::seal::Purpose;
use crate::store::mirrors::MirrorRow;

/// Headers that carry an HMAC-SHA-256 of the body: GitHub's, Gitea's, and this server's own.
const SIGNATURES: [&str; 3] = ["x-hub-signature-256", "x-gitea-signature", "x-workstead-signature"];
/// GitLab's header, which carries the secret itself.
const TOKEN: &str = "x-gitlab-token";

/// How a webhook shows that it knows the secret.
pub(crate) enum Proof {
    /// A signature of the body.
    Signature([u8; 32]),
    /// The hash of the secret.
    Token(TokenHash),
}

impl Proof {
    /// Reads it from the headers; nothing when there is none.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let text = |name: &str| headers.get(name)?.to_str().ok();
        if let Some(signature) = SIGNATURES.iter().find_map(|name| text(name)) {
            let mut bytes = [0; 32];
            let digits = signature.strip_prefix("sha256=").unwrap_or(signature);
            return hex::decode_to_slice(digits, &mut bytes).ok().map(|()| Self::Signature(bytes));
        }
        text(TOKEN).map(|token| Self::Token(TokenHash::of(token)))
    }
}

/// Tells whether a webhook knows a mirror's secret; it is compared in constant time.
pub(crate) fn is_proven(
    app: &AppState,
    row: &MirrorRow,
    proof: &Proof,
    body: &[u8],
) -> Result<bool, ApiError> {
    let Some(sealed) = &row.sealed_hook_secret else { return Ok(false) };
    let secret = app.server_key.open(Purpose::Mirrors, &bound_to(&row.workspace_id, "hook"), sealed)?;
    Ok(match proof {
        Proof::Token(hash) => *hash == TokenHash::of(secret.expose_secret()),
        Proof::Signature(signature) => {
            let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes());
            hmac::verify(&key, body, signature).is_ok()
        }
    })
}
