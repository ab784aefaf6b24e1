//! `/users/tokens`: the caller's own tokens.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use utoipa::ToSchema;

use crate::app::AppState;
use crate::auth::{self, Caller};
use crate::error::{ApiError, ErrorBody};
use crate::fields::Fields;
use crate::people::tokens::{self, NewUserToken, UserToken};
use crate::reply;

/// A token to be made.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes the body")]
pub(crate) struct UserTokenCreate {
    /// What it is for, at most 100 characters.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// How many days it works, 30 unless told.
    #[schema(minimum = 1, maximum = 180)]
    days: Option<u32>,
}

/// Lists the caller's tokens, the oldest first.
///
/// Those that builders' configurations hold are among them, with the kind `upload`.
#[utoipa::path(get, path = "/api/v3/users/tokens", tag = "People",
    responses((status = 200, description = "All of them.", body = Vec<UserToken>)))]
pub(crate) async fn list(State(app): State<AppState>, caller: Caller) -> Result<Response, ApiError> {
    let tokens = tokens::list(&app, &caller).await?;
    Ok(reply::json(StatusCode::OK, &json!(tokens)))
}

/// Makes a personal access token.
///
/// The token itself is in this answer and nowhere else.
#[utoipa::path(post, path = "/api/v3/users/tokens/create", tag = "People", request_body = UserTokenCreate,
    responses(
        (status = 201, description = "The new token.", body = NewUserToken),
        (status = 409, description = "There are too many that work.", body = ErrorBody),
    ))]
pub(crate) async fn create(
    State(app): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let fields = Fields::read(&app, &headers, body).await?;
    let caller = auth::authenticate_again(&app, &caller).await?;
    let token = tokens::create(&app, &caller, fields).await?;
    Ok(reply::secret(StatusCode::CREATED, &json!(token)))
}

/// Revokes one of the caller's tokens at once; it stays in the list.
#[utoipa::path(post, path = "/api/v3/users/tokens/{token}/revoke", tag = "People",
    responses((status = 200, description = "The token, revoked.", body = UserToken)))]
pub(crate) async fn revoke(
    State(app): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let token = tokens::revoke(&app, &caller, &id).await?;
    Ok(reply::json(StatusCode::OK, &json!(token)))
}

/// Removes one of the caller's tokens, which ends it at once.
#[utoipa::path(delete, path = "/api/v3/users/tokens/{token}", tag = "People",
    responses((status = 204, description = "It is gone.")))]
pub(crate) async fn delete(
    State(app): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    tokens::delete(&app, &caller, &id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
