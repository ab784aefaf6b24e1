//! Which runner is asking: what a runner token stands for.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::token::PREFIX;
use crate::app::AppState;
use crate::auth::token::TokenHash;
use crate::auth::{self, bearer_token};
use crate::context::RequestContext;
use crate::error::ApiError;

/// The workspace and location whose token a request carries.
///
/// It is looked up for each request, so that a rotation ends the old token at once.
#[derive(Debug, Clone)]
pub(crate) struct RunnerIdentity {
    pub(crate) workspace_id: String,
    pub(crate) workspace_name: String,
    pub(crate) location: String,
    hash: TokenHash,
}

impl RunnerIdentity {
    /// Returns the token's hash, by which a later write asks whether it still is good.
    pub(crate) fn hash(&self) -> &TokenHash {
        &self.hash
    }
}

/// Finds what a token stands for if it is a runner's.
pub(crate) async fn find(app: &AppState, token: &str) -> Result<Option<RunnerIdentity>, ApiError> {
    if !token.starts_with(PREFIX) {
        return Ok(None);
    }
    let hash = TokenHash::of(token);
    let found = app.database.find_runner_identity(&hash).await?;
    Ok(found.map(|(workspace_id, workspace_name, location)| RunnerIdentity {
        workspace_id,
        workspace_name,
        location,
        hash,
    }))
}

/// Answers 403 for a runner's token where a user's is needed.
pub(crate) fn out_of_scope() -> ApiError {
    ApiError::forbidden("token_scope", "this token may only register runners and send their heartbeats")
}

/// Answers 401 for a token that ended while it was used.
pub(crate) fn ended() -> ApiError {
    ApiError::unauthorized("invalid_token", "the runner token was rotated; ask an admin for the present one")
}

async fn authenticate(app: &AppState, token: &str) -> Result<RunnerIdentity, ApiError> {
    if let Some(identity) = find(app, token).await? {
        return Ok(identity);
    }
    // Whoever has a good token of another kind hears that, not that it is bad.
    auth::authenticate(app, token).await?;
    let detail = "this needs a runner token; an admin of the workspace gets it from its runner-token route";
    Err(ApiError::forbidden("token_scope", detail))
}

impl FromRequestParts<AppState> for RunnerIdentity {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        if let Some(identity) = parts.extensions.get::<Self>() {
            return Ok(identity.clone());
        }
        let token = bearer_token(&parts.headers).ok_or_else(|| {
            let detail = "this needs a runner token: send `Authorization: Bearer <token>`";
            ApiError::unauthorized("not_signed_in", detail)
        })?;
        let identity = authenticate(app, token).await?;
        if let Some(context) = parts.extensions.get::<RequestContext>() {
            context.note_caller(&format!("runner of {} at {}", identity.workspace_name, identity.location));
        }
        Ok(identity)
    }
}
