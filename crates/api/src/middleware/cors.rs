//! Uploads from pages of other origins, where the setting names them.

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, ETAG, IF_MATCH, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;
use tower::Layer;
use tower::util::ServiceExt;
use tower_http::cors::CorsLayer;

use crate::context::REQUEST_ID;
use crate::settings::Origin;

/// How long a browser may remember what it was allowed.
const REMEMBERED: std::time::Duration = std::time::Duration::from_mins(10);

/// Returns what browsers are told, or nothing when no origin is named.
///
/// Cookies play no part: pages send a token of their own, and the signed address of a PUT needs none.
pub(crate) fn upload_cors(origins: &[Origin]) -> Option<CorsLayer> {
    let origins: Vec<HeaderValue> = origins.iter().map(Origin::header).collect();
    let layer = CorsLayer::new()
        .allow_origin(origins.clone())
        .allow_methods([Method::GET, Method::POST, Method::PUT])
        .allow_headers([
            AUTHORIZATION,
            CONTENT_TYPE,
            IF_MATCH,
            HeaderName::from_static("prefer"),
            REQUEST_ID.clone(),
        ])
        .expose_headers([ETAG, RETRY_AFTER, REQUEST_ID.clone()])
        .max_age(REMEMBERED);
    (!origins.is_empty()).then_some(layer)
}

/// Answers preflights and adds headers on the routes that an upload takes, and leaves all others alone.
pub(crate) async fn allow_uploads(State(cors): State<CorsLayer>, request: Request, next: Next) -> Response {
    let is_upload = request.extensions().get::<MatchedPath>().is_some_and(|path| is_upload(path.as_str()));
    if !is_upload {
        return next.run(request).await;
    }
    // The error of this service is `Infallible`.
    match cors.layer(next).oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// Tells whether a route belongs to an upload: to open it, put it, complete it and ask after it.
fn is_upload(route: &str) -> bool {
    let of_workspace = route.strip_prefix("/api/v3/workspaces/{workspace}/");
    route == "/uploads/local/{*key}"
        || route.starts_with("/api/v3/workspaces/upload-status/")
        || of_workspace.is_some_and(|rest| {
            // `upload-config` makes a token and is none of it.
            matches!(rest, "upload" | "uploads") || rest.starts_with("uploads/")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_an_upload_needs_is_open() {
        for route in [
            "/uploads/local/{*key}",
            "/api/v3/workspaces/{workspace}/upload",
            "/api/v3/workspaces/{workspace}/uploads/{upload}/complete",
            "/api/v3/workspaces/upload-status/{task}",
        ] {
            assert!(is_upload(route), "{route}");
        }
        for route in [
            "/api/v3/workspaces/{workspace}/upload-config",
            "/api/v3/workspaces/{workspace}",
            "/api/v3/workspaces/{workspace}/runner-token",
        ] {
            assert!(!is_upload(route), "{route}");
        }
    }

    #[test]
    fn without_origins_there_is_nothing() {
        assert!(upload_cors(&[]).is_none());
    }
}
