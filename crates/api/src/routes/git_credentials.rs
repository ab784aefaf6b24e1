//! `/workspaces/{workspace}/get-gitlab-sas`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use workstead_core::role::Role;

use crate::access::Permit;
use crate::app::AppState;
use crate::auth;
use crate::auth::token::{self, TokenHash};
use crate::error::ApiError;
use crate::query::rfc3339;
use crate::reply;
use crate::store::now;
use crate::store::tokens::NewToken;

/// Credentials for Git.
#[derive(Serialize, ToSchema)]
pub(crate) struct GitCredentials {
    users: Vec<GitUser>,
}

/// A user name and a password, both fit for a URL as they are.
#[derive(Serialize, ToSchema)]
pub(crate) struct GitUser {
    #[schema(pattern = "^[A-Za-z0-9._~-]+$")]
    username: &'static str,
    #[schema(pattern = "^[A-Za-z0-9._~-]+$")]
    password: String,
    /// Whether it fetches only.
    is_readonly: bool,
    expires_at: String,
}

/// Makes credentials for the workspace's repository.
///
/// They are good for this repository alone, die soon (`WORKSTEAD_GIT_CREDENTIAL_MINUTES`), and never count for more
/// than the caller's present role. Who may push gets a pair that does first, then one that only fetches.
#[utoipa::path(get, path = "/api/v3/workspaces/{workspace}/get-gitlab-sas", tag = "Git",
    responses((status = 200, description = "New credentials.", body = GitCredentials)))]
pub(crate) async fn make(State(app): State<AppState>, permit: Permit) -> Result<Response, ApiError> {
    let now = now();
    let mut users = Vec::new();
    if permit.role >= Role::ReadWrite {
        users.push(make_one(&app, &permit, "workstead-readwrite", false, now).await?);
    }
    users.push(make_one(&app, &permit, "workstead-readonly", true, now).await?);
    Ok(reply::secret(StatusCode::OK, &json!(GitCredentials { users })))
}

async fn make_one(
    app: &AppState,
    Permit { workspace, caller, .. }: &Permit,
    username: &'static str,
    is_readonly: bool,
    now: Timestamp,
) -> Result<GitUser, ApiError> {
    let secret = token::generate();
    let text = secret.expose_secret();
    let (id, hash, suffix) = (uuid::Uuid::now_v7().to_string(), TokenHash::of(text), token::suffix(text));
    let (user_id, made_with) = (caller.user_id(), caller.token_id());
    let new = NewToken { id: &id, hash: &hash, suffix: &suffix, user_id, made_with, now };
    let expires_at = now + app.settings.git_credential_lifetime;
    if !app.database.add_git_token(&new, workspace.id(), is_readonly, expires_at).await? {
        // Unless what the caller asks by has ended.
        auth::authenticate_again(app, caller).await?;
        return Err(ApiError::workspace_not_found(workspace.name().as_str()));
    }
    Ok(GitUser { username, password: text.to_owned(), is_readonly, expires_at: rfc3339(expires_at) })
}
