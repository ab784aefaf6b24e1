//! `/token`: signing in by password, and what follows.

use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::app::AppState;
use crate::auth::Caller;
use crate::auth::client_address::ClientAddress;
use crate::auth::sessions::{self, TokenPair};
use crate::body::{BodyLimit, read_body, read_object};
use crate::error::{ApiError, ErrorBody};
use crate::fields::{self, Fields};
use crate::reply;
use crate::routes::users::Empty;

/// Larger than any password or token: whoever asks has shown no token yet.
const MAX_BYTES: u64 = 16 << 10;
const FORM: &str = "application/x-www-form-urlencoded";

/// Who signs in.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes the body")]
pub(crate) struct SignIn {
    /// The e-mail address; either this or `username`.
    email: Option<String>,
    /// The e-mail address, too.
    username: Option<String>,
    password: String,
}

/// A refresh token.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes the body")]
pub(crate) struct RefreshToken {
    refresh: String,
}

/// A token to be looked at.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes the body")]
pub(crate) struct AnyTokenText {
    token: String,
}

/// Signs in by password.
///
/// After 10 wrong passwords a minute for one account, or 100 from one address, there is a pause. An unknown account
/// and a wrong password are answered alike.
#[utoipa::path(post, path = "/api/v3/token", tag = "People",
    request_body(content((SignIn = "application/json"), (SignIn = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "The tokens of a new session.", body = TokenPair),
        (status = 401, description = "There is no such account, or the password is another.", body = ErrorBody),
        (status = 429, description = "Too many wrong passwords; `Retry-After` says when to try again.", body = ErrorBody),
    ))]
pub(crate) async fn sign_in(
    State(app): State<AppState>,
    address: ClientAddress,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let mut fields = read_fields(&app, &headers, body).await?;
    let (email, username) = (fields.text("email")?, fields.text("username")?);
    let account = email.or(username).ok_or_else(|| fields::missing("email", "an e-mail address"))?;
    let password = fields.required_secret("password")?;
    let state = app.clone();
    let signing_in = async move { sessions::sign_in(&state, &account, password, address.0).await };
    let pair = app.work.to_end(signing_in).await?;
    Ok(reply::secret(StatusCode::OK, &json!(pair)))
}

/// Takes the next pair of tokens for a refresh token.
///
/// The old refresh token is dead then. One that comes a second time ends its session: somebody stole it.
#[utoipa::path(post, path = "/api/v3/token/refresh", tag = "People",
    request_body(content((RefreshToken = "application/json"), (RefreshToken = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "The next tokens of the session.", body = TokenPair),
        (status = 401, description = "The refresh token is not good.", body = ErrorBody),
    ))]
pub(crate) async fn refresh(
    State(app): State<AppState>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let token = read_fields(&app, &headers, body).await?.required_secret("refresh")?;
    let state = app.clone();
    let pair = app.work.to_end(async move { sessions::refresh(&state, token.expose_secret()).await }).await?;
    Ok(reply::secret(StatusCode::OK, &json!(pair)))
}

/// Says whether a token is good.
///
/// Good are tokens that may ask the API, and the present refresh token of a session.
#[utoipa::path(post, path = "/api/v3/token/verify", tag = "People",
    request_body(content((AnyTokenText = "application/json"), (AnyTokenText = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "It is good.", body = Empty),
        (status = 401, description = "It is not.", body = ErrorBody),
    ))]
pub(crate) async fn verify(
    State(app): State<AppState>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let token = read_fields(&app, &headers, body).await?.required_secret("token")?;
    sessions::verify(&app, token.expose_secret()).await?;
    Ok(reply::json(StatusCode::OK, &json!(Empty {})))
}

/// Ends the session of the access token of this request, at once.
#[utoipa::path(post, path = "/api/v3/token/logout", tag = "People",
    responses(
        (status = 200, description = "It is ended.", body = Empty),
        (status = 409, description = "The token belongs to no session.", body = ErrorBody),
    ))]
pub(crate) async fn sign_out(State(app): State<AppState>, caller: Caller) -> Result<Response, ApiError> {
    sessions::sign_out(&app, &caller).await?;
    Ok(reply::json(StatusCode::OK, &json!(Empty {})))
}

/// Reads a small body: JSON, or a form.
async fn read_fields(app: &AppState, headers: &HeaderMap, body: Body) -> Result<Fields, ApiError> {
    let limit = BodyLimit { what: "the body", max_bytes: MAX_BYTES, setting: "nothing" };
    let read = async {
        if is_form(headers) {
            read_form(headers, body, limit).await
        } else {
            read_object(headers, body, limit, &app.work).await
        }
    };
    let object = read.await.map_err(|error| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            let detail = format!("the body has more than {MAX_BYTES} bytes, the most that this route takes");
            ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
        }
        _ => error,
    })?;
    Ok(Fields::of(object))
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(FORM))
}

async fn read_form(
    headers: &HeaderMap,
    body: Body,
    limit: BodyLimit,
) -> Result<Map<String, Value>, ApiError> {
    let bytes = read_body(headers, body, limit).await?;
    let pairs = url::form_urlencoded::parse(&bytes);
    Ok(pairs.map(|(name, value)| (name.into_owned(), Value::from(value.into_owned()))).collect())
}
