//! Personal access tokens.

use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::AppState;
use crate::auth::token::{self, TokenHash};
use crate::auth::{self, Caller};
use crate::error::ApiError;
use crate::fields::Fields;
use crate::query::rfc3339;
use crate::store::now;
use crate::store::tokens::{NewToken, TokenListing};

const DEFAULT_DAYS: u32 = 30;
const MAX_DAYS: u32 = 180;
const MAX_NAME_CHARS: usize = 100;
/// Most personal tokens of one user that work.
const MOST: u32 = 500;

/// A token as its user sees it, without the token itself.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserToken {
    id: String,
    name: String,
    /// `personal`, or `upload` for one that a builder's configuration holds.
    kind: String,
    /// The only workspace that it is good for.
    #[schema(required)]
    workspace: Option<String>,
    /// The last characters, by which tokens are told apart.
    token_suffix: String,
    created_at: String,
    #[schema(required)]
    expires_at: Option<String>,
    is_revoked: bool,
    is_expired: bool,
    /// Whether it works: it is neither revoked nor expired.
    is_active: bool,
    /// When it was last used, to within five minutes.
    #[schema(required)]
    last_used_at: Option<String>,
}

impl UserToken {
    fn of(row: TokenListing, now: Timestamp) -> Self {
        let is_revoked = row.revoked_at.is_some();
        let is_expired = row.expires_at.is_some_and(|expires_at| expires_at <= now);
        let place = row.location.as_deref().unwrap_or_default();
        Self {
            name: row.name.unwrap_or_else(|| format!("workspace builder at {place}")),
            id: row.id,
            kind: row.kind,
            workspace: row.workspace,
            token_suffix: row.suffix,
            created_at: rfc3339(row.created_at),
            expires_at: row.expires_at.map(rfc3339),
            is_revoked,
            is_expired,
            is_active: !is_revoked && !is_expired,
            last_used_at: row.last_used_at.map(rfc3339),
        }
    }
}

/// A token that was just made, shown this once.
#[derive(Serialize, ToSchema)]
pub(crate) struct NewUserToken {
    #[serde(flatten)]
    row: UserToken,
    /// The token itself: it is kept as a hash only.
    token: String,
}

/// Lists the caller's tokens, and the upload tokens that the caller made.
pub(crate) async fn list(app: &AppState, caller: &Caller) -> Result<Vec<UserToken>, ApiError> {
    let now = now();
    let rows = app.database.tokens_of(caller.user_id()).await?;
    Ok(rows.into_iter().map(|row| UserToken::of(row, now)).collect())
}

/// Makes a personal token of the fields name and days.
pub(crate) async fn create(
    app: &AppState,
    caller: &Caller,
    mut fields: Fields,
) -> Result<NewUserToken, ApiError> {
    let name = fields.line("name", MAX_NAME_CHARS)?;
    let days = fields.whole_number("days", 1..=MAX_DAYS)?.unwrap_or(DEFAULT_DAYS);
    fields.finish()?;
    let secret = token::generate();
    let text = secret.expose_secret();
    let (id, hash, suffix, now) =
        (uuid::Uuid::now_v7().to_string(), TokenHash::of(text), token::suffix(text), now());
    let (user_id, made_with) = (caller.user_id(), caller.token_id());
    let new = NewToken { id: &id, hash: &hash, suffix: &suffix, user_id, made_with, now };
    let expires_at = now + SignedDuration::from_hours(i64::from(days) * 24);
    if !app.database.add_personal_token(&new, &name, expires_at, MOST).await? {
        // Unless what the caller asks by has ended.
        auth::authenticate_again(app, caller).await?;
        let detail = format!("you have {MOST} tokens that work, the most there may be; revoke some");
        return Err(ApiError::conflict("too_many_tokens", detail));
    }
    let row = find(app, caller, &id).await?;
    Ok(NewUserToken { row, token: text.to_owned() })
}

/// Revokes one of the caller's tokens and returns it; twice is fine.
pub(crate) async fn revoke(app: &AppState, caller: &Caller, id: &str) -> Result<UserToken, ApiError> {
    app.database.revoke_token(caller.user_id(), id, now()).await?;
    app.callers.forget_all();
    find(app, caller, id).await
}

/// Removes one of the caller's tokens, which ends it too.
pub(crate) async fn delete(app: &AppState, caller: &Caller, id: &str) -> Result<(), ApiError> {
    let is_done = app.database.delete_token(caller.user_id(), id).await?;
    app.callers.forget_all();
    if is_done { Ok(()) } else { Err(not_found(id)) }
}

async fn find(app: &AppState, caller: &Caller, id: &str) -> Result<UserToken, ApiError> {
    let row = app.database.token_of(caller.user_id(), id).await?;
    row.map(|row| UserToken::of(row, now())).ok_or_else(|| not_found(id))
}

fn not_found(id: &str) -> ApiError {
    let id: String = id.chars().take(100).collect();
    ApiError::not_found("token_not_found", format!("you have no token {id:?}"))
}
