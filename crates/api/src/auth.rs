//! Who is asking.

pub(crate) mod client_address;
pub(crate) mod jwt;
pub(crate) mod login;
pub(crate) mod password;
pub(crate) mod rate_limit;
pub(crate) mod sessions;
pub(crate) mod signing;
pub(crate) mod token;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use jiff::Timestamp;

use self::jwt::TokenType;
use self::token::TokenHash;
use crate::app::AppState;
use crate::context::RequestContext;
use crate::error::ApiError;
use crate::runners::identity;
use crate::store::now;
use crate::store::sessions::SessionRow;
use crate::store::tokens::{Scope, TokenRow};

/// How old `lastUsedAt` may be before a use is written down again.
const TOUCH_AFTER: Duration = Duration::from_mins(5);

/// A signed-in user with the token that the request carries.
#[derive(Debug, Clone)]
pub(crate) struct Caller(Arc<Credentials>);

/// What a token stood for when it was last looked up.
#[derive(Debug)]
struct Credentials {
    row: TokenRow,
    source: Source,
}

/// Where the database has what a token stands for.
#[derive(Debug, Clone)]
enum Source {
    /// The tokens; the hash shows itself to nobody.
    Token(TokenHash),
    /// The sessions: the token was a JWT of this one, and good until then.
    Session { id: String, expires_at: Timestamp },
}

impl Caller {
    /// Returns the user's e-mail address.
    pub(crate) fn email(&self) -> &str {
        &self.0.row.email
    }

    /// Returns the user's id.
    pub(crate) fn user_id(&self) -> i64 {
        self.0.row.user_id
    }

    /// Returns the session that the token belongs to.
    pub(crate) fn session_id(&self) -> Option<&str> {
        match &self.0.source {
            Source::Token(_) => None,
            Source::Session { id, .. } => Some(id),
        }
    }

    /// Returns the id of the token, or of the session that it belongs to; it is no secret.
    pub(crate) fn token_id(&self) -> &str {
        &self.0.row.id
    }

    /// Tells whether the user sees and may do everything.
    pub(crate) fn is_staff(&self) -> bool {
        self.0.row.is_staff
    }

    /// Returns what the token may be used for.
    pub(crate) fn scope(&self) -> &Scope {
        &self.0.row.scope
    }

    /// Returns the groups that the user is a member of.
    pub(crate) fn groups(&self) -> &[String] {
        &self.0.row.groups
    }

    fn of_session(session: SessionRow, expires_at: Timestamp) -> Self {
        let source = Source::Session { id: session.id.clone(), expires_at };
        let row = TokenRow {
            id: session.id,
            scope: Scope::Full,
            user_id: session.user_id,
            email: session.email,
            is_staff: session.is_staff,
            groups: session.groups,
            expires_at: Some(expires_at),
            last_used_at: None,
        };
        Self(Arc::new(Credentials { row, source }))
    }

    fn is_expired(&self, now: Timestamp) -> bool {
        self.0.row.expires_at.is_some_and(|expires_at| expires_at <= now)
    }
}

/// Finds the caller that a token stands for, or answers 401.
///
/// The smart HTTP routes call it with the password of Basic authentication.
pub(crate) async fn authenticate(app: &AppState, token: &str) -> Result<Caller, ApiError> {
    let hash = TokenHash::of(token);
    let load = async {
        let session = if jwt::looks_like_one(token) { load_session_of(app, token).await? } else { None };
        match session {
            Some(caller) => Ok(Some(caller)),
            None => load_token(app, &hash).await,
        }
    };
    let caller = app.callers.get_or_load(&hash, load).await?;
    // A remembered token dies on time too.
    if let Some(caller) = caller.filter(|caller| !caller.is_expired(now())) {
        return Ok(caller);
    }
    // A runner's token is good, but not for what users do.
    let runner = identity::find(app, token).await?;
    Err(runner.map_or_else(invalid_token, |_| identity::out_of_scope()))
}

/// Asks the database itself whether the caller's token still is good, and whose it is.
///
/// For writes whose body took its time: what was allowed at its beginning may not be at its end.
pub(crate) async fn authenticate_again(app: &AppState, caller: &Caller) -> Result<Caller, ApiError> {
    let present = match &caller.0.source {
        Source::Token(hash) => load_token(app, hash).await?,
        Source::Session { expires_at, .. } if *expires_at <= now() => None,
        Source::Session { id, expires_at } => {
            let session = app.database.find_session(id, now()).await?;
            session.map(|session| Caller::of_session(session, *expires_at))
        }
    };
    present.ok_or_else(invalid_token)
}

/// Finds again who asked for something earlier, by the id of their token or session; nobody when it has ended.
pub(crate) async fn of_record(app: &AppState, id: &str) -> Result<Option<Caller>, ApiError> {
    let now = now();
    if let Some((row, hash)) = app.database.find_token_by_id(id, now).await? {
        return Ok(Some(Caller(Arc::new(Credentials { row, source: Source::Token(hash) }))));
    }
    // The JWT that was shown may be dead by now; what was asked with it stands as long as its session.
    let session = app.database.find_session(id, now).await?;
    Ok(session.map(|session| Caller::of_session(session, Timestamp::MAX)))
}

fn invalid_token() -> ApiError {
    ApiError::unauthorized("invalid_token", "the token is unknown, expired or revoked; make a new one")
}

async fn load_token(app: &AppState, hash: &TokenHash) -> Result<Option<Caller>, ApiError> {
    let now = now();
    let Some(row) = app.database.find_token(hash, now).await? else { return Ok(None) };
    let stale = |used: Timestamp| now.duration_since(used).unsigned_abs() > TOUCH_AFTER;
    if row.last_used_at.is_none_or(stale) {
        app.database.touch_token(&row.id, now).await?;
    }
    Ok(Some(Caller(Arc::new(Credentials { row, source: Source::Token(*hash) }))))
}

async fn load_session_of(app: &AppState, token: &str) -> Result<Option<Caller>, ApiError> {
    let found = sessions::find(app, token, TokenType::Access, now()).await?;
    Ok(found.map(|(claims, session)| {
        let expires_at = Timestamp::from_second(claims.exp).unwrap_or(Timestamp::UNIX_EPOCH);
        Caller::of_session(session, expires_at)
    }))
}

/// Returns the token of an `Authorization: Bearer` header (RFC 6750 section 2.1).
pub(crate) fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

impl FromRequestParts<AppState> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        if let Some(caller) = parts.extensions.get::<Self>() {
            return Ok(caller.clone());
        }
        let token = bearer_token(&parts.headers).ok_or_else(|| {
            ApiError::unauthorized(
                "not_signed_in",
                "this needs a token: send `Authorization: Bearer <token>`",
            )
        })?;
        let caller = authenticate(app, token).await?;
        if let Some(context) = parts.extensions.get::<RequestContext>() {
            context.note_caller(caller.email());
        }
        Ok(caller)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bearer_headers_are_read() {
        let token = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, value.parse().unwrap());
            bearer_token(&headers).map(str::to_owned)
        };
        assert_eq!(token("Bearer abc").as_deref(), Some("abc"));
        assert_eq!(token("bearer  abc").as_deref(), Some("abc"));
        for bad in ["abc", "Basic abc", "Bearer", "Bearer "] {
            assert_eq!(token(bad), None, "{bad}");
        }
    }
}
