//! `PUT /uploads/local/...`: where URLs lead that we signed ourselves.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};

use crate::app::AppState;
use crate::error::ApiError;
use crate::{reply, upload};

/// Takes a bundle; the signature in the address is all the permission that is needed.
///
/// It is not described to clients: they put to the address that they are given, whatever store it is of.
pub(crate) async fn put_object(
    State(app): State<AppState>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let path_and_query = uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    upload::put(&app, path_and_query, headers, body).await?;
    Ok(reply::no_store(StatusCode::OK.into_response()))
}
