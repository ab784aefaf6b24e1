//! Sessions: signed in by password, carried on by refresh tokens, ended at once.
//!
//! A session's row holds the id of the one refresh token that is good. Using it replaces it; one that comes a second
//! time was stolen from somebody, thief or owner, so the session ends. Access tokens are good as long as the row is
//! there and their own time lasts.

use std::net::IpAddr;
use std::time::Duration;

use axum::http::StatusCode;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::AppState;
use crate::auth::jwt::{self, Claims, TokenType};
use crate::auth::login;
use crate::auth::signing;
use crate::auth::{self, Caller};
use crate::error::ApiError;
use crate::store::now;
use crate::store::sessions::{NewSession, Rotation, SessionRow};

/// How long an access token is good, if its session lasts.
const ACCESS_LIFETIME: Duration = Duration::from_mins(30);
/// How long a session lasts without being refreshed.
pub(crate) const REFRESH_LIFETIME: Duration = Duration::from_hours(14 * 24);

/// The tokens of a session; never shown otherwise than in the answer.
#[derive(Serialize, ToSchema)]
pub(crate) struct TokenPair {
    /// Asks the API, for half an hour.
    access: String,
    /// Gets the next pair, once, within 14 days.
    refresh: String,
}

/// Begins a session for whoever knows the password of an account.
pub(crate) async fn sign_in(
    app: &AppState,
    account: &str,
    password: SecretString,
    address: IpAddr,
) -> Result<TokenPair, ApiError> {
    let attempt = login::begin_attempt(app, account, Some(address))?;
    let known = app.database.find_login(account).await;
    let checked = async {
        let known = known?;
        let hash = known.as_ref().and_then(|login| login.password_hash.clone());
        // Unknown, disabled and without a password: all take as long as a wrong one.
        let is_right = app.passwords.check(&app.work, password, hash).await?;
        Ok::<_, ApiError>(known.filter(|login| is_right && login.user.is_active))
    };
    let login = match checked.await {
        Ok(login) => login.ok_or_else(wrong)?,
        Err(error) => {
            // Nothing was found out, so nothing counts.
            attempt.forgive(app);
            return Err(error);
        }
    };
    attempt.forgive(app);
    let Some(password_hash) = &login.password_hash else { return Err(wrong()) };
    let (id, refresh_id, now) = (new_id(), new_id(), now());
    let new = NewSession {
        id: &id,
        user_id: login.user.id,
        password_hash,
        refresh_id: &refresh_id,
        now,
        expires_at: now + REFRESH_LIFETIME,
    };
    if !app.database.add_session(&new).await? {
        return Err(wrong());
    }
    let subject = Subject { session_id: &id, user_id: login.user.id, email: &login.user.email };
    pair(app, &subject, refresh_id, now).await
}

/// Takes the next pair for a refresh token, which is dead from then on.
pub(crate) async fn refresh(app: &AppState, token: &str) -> Result<TokenPair, ApiError> {
    let now = now();
    let (claims, session) = find(app, token, TokenType::Refresh, now).await?.ok_or_else(stale)?;
    let refresh_id = new_id();
    let subject = Subject { session_id: &session.id, user_id: session.user_id, email: &session.email };
    // Made before the old one dies: a failure here leaves the client what it had.
    let next = pair(app, &subject, refresh_id.clone(), now).await?;
    let rotation = Rotation {
        session_id: &session.id,
        old: &claims.jti,
        new: &refresh_id,
        now,
        expires_at: now + REFRESH_LIFETIME,
    };
    if !app.database.rotate_session(rotation).await? {
        app.database.end_session(&session.id).await?;
        app.callers.forget_all();
        tracing::warn!(
            user = session.user_id,
            session = session.id,
            "a used refresh token came again; its session ends"
        );
        return Err(stale());
    }
    Ok(next)
}

/// Tells whether a token is good: one that may ask the API, or the present refresh token of a session.
pub(crate) async fn verify(app: &AppState, token: &str) -> Result<(), ApiError> {
    let refused = match auth::authenticate(app, token).await {
        // A runner's token is good, too, if not for what users do.
        Err(error) if error.status() != StatusCode::FORBIDDEN => error,
        _ => return Ok(()),
    };
    if refused.status().is_server_error() || !jwt::looks_like_one(token) {
        return Err(refused);
    }
    let found = find(app, token, TokenType::Refresh, now()).await?;
    let is_present = found.is_some_and(|(claims, session)| claims.jti == session.refresh_id);
    if is_present { Ok(()) } else { Err(refused) }
}

/// Ends the session that the caller asks in.
pub(crate) async fn sign_out(app: &AppState, caller: &Caller) -> Result<(), ApiError> {
    let id = caller.session_id().ok_or_else(|| {
        let detail = "this token belongs to no session; revoke it by POST /api/v3/users/tokens/{id}/revoke";
        ApiError::conflict("not_a_session", detail)
    })?;
    app.database.end_session(id).await?;
    app.callers.forget_all();
    Ok(())
}

/// Finds the living session of a JWT; nothing when either is not good.
pub(crate) async fn find(
    app: &AppState,
    token: &str,
    token_type: TokenType,
    now: Timestamp,
) -> Result<Option<(Claims, SessionRow)>, ApiError> {
    let ring = signing::ring(app).await?;
    let claims = match jwt::verify(&ring, &app.url(""), token, token_type, now) {
        Ok(claims) => claims,
        Err(refused) => {
            tracing::debug!(%refused, "a JWT is not believed");
            return Ok(None);
        }
    };
    let session = app.database.find_session(&claims.sid, now).await?;
    let session = session.filter(|session| session.user_id.to_string() == claims.sub);
    Ok(session.map(|session| (claims, session)))
}

/// Whose tokens are made.
struct Subject<'a> {
    session_id: &'a str,
    user_id: i64,
    email: &'a str,
}

async fn pair(
    app: &AppState,
    subject: &Subject<'_>,
    refresh_id: String,
    now: Timestamp,
) -> Result<TokenPair, ApiError> {
    let ring = signing::ring_to_sign(app).await?;
    let claims = |token_type, jti, lifetime: Duration| Claims {
        iss: app.url(""),
        aud: app.url(""),
        sub: subject.user_id.to_string(),
        email: subject.email.to_owned(),
        iat: now.as_second(),
        exp: (now + lifetime).as_second(),
        jti,
        sid: subject.session_id.to_owned(),
        token_type,
    };
    let access = claims(TokenType::Access, new_id(), ACCESS_LIFETIME);
    let refresh = claims(TokenType::Refresh, refresh_id, REFRESH_LIFETIME);
    let signed = app.work.blocking(move || {
        let key = ring.newest().ok_or_else(|| ApiError::internal("there is no key to sign with"))?;
        let text = |claims| Ok::<_, ApiError>(jwt::sign(key, claims)?.expose_secret().to_owned());
        Ok(TokenPair { access: text(&access)?, refresh: text(&refresh)? })
    });
    signed.await?
}

fn new_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// The same words for an unknown account, a wrong password and a disabled user.
fn wrong() -> ApiError {
    let detail = "there is no active account with this e-mail address and password";
    ApiError::unauthorized("wrong_credentials", detail)
}

fn stale() -> ApiError {
    let detail = "the refresh token is unknown, expired or was used before; sign in again";
    ApiError::unauthorized("invalid_token", detail)
}
