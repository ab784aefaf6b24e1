//! The whole URL map.

use axum::Router;
use axum::extract::Request;
use axum::http::header::ALLOW;
use axum::http::{HeaderValue, Method};
use axum::middleware::from_fn;
use axum::routing::{MethodRouter, get, post, put};

use crate::app::AppState;
use crate::error::ApiError;
use crate::git_http;
use crate::middleware::envelope;
use crate::routes::{builder_config, health, objects, slxoptions, status, uploads, workspaces};

/// Returns the routes. [`crate::middleware::plain_paths`] must run before it, so that each has one spelling.
pub(crate) fn router(app: AppState) -> Router {
    let api = Router::new()
        .route("/workspaces", get(workspaces::list).post(workspaces::create))
        .route("/workspaces/upload-status/{task}", get(uploads::get_status))
        .route(
            "/workspaces/{workspace}",
            get(workspaces::get)
                .put(workspaces::replace)
                .patch(workspaces::update)
                .delete(workspaces::delete),
        )
        .route("/workspaces/{workspace}/status", get(status::get))
        .route("/workspaces/{workspace}/slxoptions", get(slxoptions::list))
        .route(
            "/workspaces/{workspace}/generate-workspace-builder-config",
            no_head(get(builder_config::generate), "GET"),
        )
        .route("/workspaces/{workspace}/upload-config", no_head(get(builder_config::generate), "GET"))
        .route(
            "/workspaces/{workspace}/upload",
            no_head(get(uploads::open).post(uploads::create), "GET,POST"),
        )
        .route("/workspaces/{workspace}/uploads", get(uploads::list))
        .route("/workspaces/{workspace}/uploads/{upload}", get(uploads::get))
        .route("/workspaces/{workspace}/uploads/{upload}/complete", post(uploads::complete))
        // The name under which a prune that was refused is insisted on.
        .route("/workspaces/{workspace}/uploads/{upload}/retry", post(uploads::complete));
    Router::new()
        .nest("/api/v3", api)
        .merge(git_http::routes())
        .route("/uploads/local/{*key}", put(objects::put_object))
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .fallback(no_such_route)
        .method_not_allowed_fallback(no_such_method)
        .layer(from_fn(git_http::require_credentials))
        .layer(from_fn(envelope))
        .with_state(app)
}

async fn no_such_route(request: Request) -> ApiError {
    let path: String = request.uri().path().chars().take(200).collect();
    ApiError::not_found("no_such_route", format!("there is nothing at {path:?} on this server"))
}

/// Refuses HEAD where GET makes something: a HEAD must be safe, and its answer could not say what was made.
fn no_head(methods: MethodRouter<AppState>, allow: &'static str) -> MethodRouter<AppState> {
    let refuse = move |method: Method| async move {
        ApiError::method_not_allowed(method.as_str()).header(ALLOW, HeaderValue::from_static(allow))
    };
    methods.head(refuse).fallback(refuse)
}

async fn no_such_method(method: Method) -> ApiError {
    ApiError::method_not_allowed(method.as_str())
}
