//! The whole URL map.

use axum::Router;
use axum::extract::Request;
use axum::http::Method;
use axum::middleware::from_fn;
use axum::routing::put;
use utoipa_axum::routes;

use crate::access::Action::{Delete, MakeUploadToken, Read, Upload};
use crate::app::AppState;
use crate::error::ApiError;
use crate::git_http;
use crate::middleware::envelope;
use crate::routes::{builder_config, health, objects, openapi, slxoptions, status, uploads, workspaces};
use crate::routing::Routes;
use crate::routing::Rule::{AnyToken, Person, Public, Workspace};

/// Returns every route of the API with its rule; the paths stand at the handlers.
pub(crate) fn table() -> Routes {
    server()
        .merge(workspaces())
        .merge(uploads())
        .merge(people())
        .merge(slxs())
        .merge(slx_writes())
        .merge(runners())
        .merge(secrets())
        .merge(integrations())
}

fn server() -> Routes {
    Routes::new()
        .add(Public, routes!(health::live))
        .add(Public, routes!(health::ready))
        .add(Public, routes!(openapi::description))
}

fn workspaces() -> Routes {
    Routes::new()
        .add(Person, routes!(workspaces::list))
        .add(Person, routes!(workspaces::create))
        .add(Workspace(Read), routes!(workspaces::get))
        // What a change needs is known only when it is known what changes.
        .add(Workspace(Read), routes!(workspaces::replace))
        .add(Workspace(Read), routes!(workspaces::update))
        .add(Workspace(Delete), routes!(workspaces::delete))
        .add(Workspace(Read), routes!(status::get))
}

fn uploads() -> Routes {
    Routes::new()
        .add_making(Workspace(MakeUploadToken), routes!(builder_config::generate))
        .add_making(Workspace(MakeUploadToken), routes!(builder_config::generate_by_other_name))
        .add_making(Workspace(Upload), routes!(uploads::open))
        .add(Workspace(Upload), routes!(uploads::create))
        .add(Workspace(Upload), routes!(uploads::complete))
        .add(Workspace(Upload), routes!(uploads::retry))
        .add(Workspace(Read), routes!(uploads::list))
        .add(Workspace(Read), routes!(uploads::get))
        .add(AnyToken, routes!(uploads::get_status))
}

/// Users, tokens, groups, organizations, permissions.
fn people() -> Routes {
    Routes::new()
}

/// Reading SLXs.
fn slxs() -> Routes {
    Routes::new().add(Workspace(Read), routes!(slxoptions::list))
}

/// Writing SLXs: the branch routes and v4.
fn slx_writes() -> Routes {
    Routes::new()
}

/// Runners, their tokens, and locations.
fn runners() -> Routes {
    Routes::new()
}

/// Secrets of workspaces and Git credentials.
fn secrets() -> Routes {
    Routes::new()
}

/// Slack, organizations and the agent farm.
fn integrations() -> Routes {
    use crate::access::Action::Integrate;
    use crate::routes::{agentfarm, organizations, slack};
    use crate::routing::Rule::Staff;
    Routes::new()
        .add(Workspace(Read), routes!(agentfarm::get))
        .add(Staff, routes!(organizations::list))
        .add(Staff, routes!(organizations::create))
        .add(Staff, routes!(organizations::get))
        .add(Staff, routes!(organizations::update))
        .add(Staff, routes!(organizations::delete))
        .add(Staff, routes!(organizations::assign))
        .add(Staff, routes!(organizations::unassign))
        .add(Workspace(Integrate), routes!(slack::get))
        .add(Workspace(Integrate), routes!(slack::connect))
        .add(Workspace(Integrate), routes!(slack::disconnect))
        .add_making(Public, routes!(slack::callback))
}

/// Returns the router. [`crate::middleware::plain_paths`] must run before it, so that each route has one spelling.
pub(crate) fn router(app: AppState) -> Router {
    table()
        .into_router(&app)
        .merge(git_http::routes())
        // Where signed URLs of the local store lead: no part of the API.
        .route("/uploads/local/{*key}", put(objects::put_object))
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

async fn no_such_method(method: Method) -> ApiError {
    ApiError::method_not_allowed(method.as_str())
}
