//! `/uploads/notifications`: what a bucket's notifications say.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use secrecy::ExposeSecret;
use serde_json::json;

use crate::app::AppState;
use crate::auth::bearer_token;
use crate::auth::token::TokenHash;
use crate::body::{BodyLimit, read_object};
use crate::error::{ApiError, ErrorBody};
use crate::reply;
use crate::schema::StoreNotification;
use crate::upload::{self, Noted};

/// Largest notification: a thousand events of a kilobyte.
const MAX_BYTES: u64 = 1 << 20;

/// Takes a notification of the bucket that uploads are put to; not for people.
///
/// It needs `Authorization: Bearer` with the secret of `WORKSTEAD_UPLOAD_NOTIFY_SECRET`. Uploads that it names and that
/// are open are queued, as if their clients had completed them. Events of other kinds, buckets and keys are ignored.
#[utoipa::path(post, path = "/api/v3/uploads/notifications", tag = "Uploads", request_body = StoreNotification,
    responses(
        (status = 200, description = "It is taken, and need not come again.", body = Noted),
        (status = 401, description = "The secret is missing or another one.", body = ErrorBody),
        (status = 404, description = "This server takes no notifications.", body = ErrorBody),
    ))]
pub(crate) async fn take(
    State(app): State<AppState>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    check_secret(&app, &headers)?;
    let limit = BodyLimit { what: "the notification", max_bytes: MAX_BYTES, setting: "" };
    let message = read_object(&headers, body, limit, &app.work).await.map_err(shorter)?;
    let noted = upload::note(&app, &upload::read_store_events(&message)).await?;
    Ok(reply::json(StatusCode::OK, &json!(noted)))
}

fn check_secret(app: &AppState, headers: &HeaderMap) -> Result<(), ApiError> {
    let Some(secret) = &app.settings.upload_notify_secret else {
        let detail = "this server takes no notifications; set WORKSTEAD_UPLOAD_NOTIFY_SECRET on both sides";
        return Err(ApiError::not_found("notifications_off", detail));
    };
    // Hashes compare in constant time, whatever the lengths.
    let wanted = TokenHash::of(secret.expose_secret());
    if bearer_token(headers).is_some_and(|given| TokenHash::of(given) == wanted) {
        return Ok(());
    }
    let detail = "the notification does not carry the secret of WORKSTEAD_UPLOAD_NOTIFY_SECRET as `Authorization: Bearer`";
    Err(ApiError::unauthorized("wrong_secret", detail))
}

/// Says what to do about a notification that is too large: no setting lets it in.
fn shorter(error: ApiError) -> ApiError {
    if error.code() != "too_large" {
        return error;
    }
    let detail = format!("the notification has more than {MAX_BYTES} bytes; send fewer events at once");
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
}
