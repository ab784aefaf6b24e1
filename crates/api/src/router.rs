//! The whole URL map.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method};
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{get, put};
use secrecy::ExposeSecret;
use utoipa_axum::routes;

use crate::access::Action::{Delete, Examine, MakeUploadToken, Read, Upload};
use crate::app::AppState;
use crate::auth::bearer_token;
use crate::auth::token::TokenHash;
use crate::error::ApiError;
use crate::git_http;
use crate::metrics;
use crate::middleware::{allow_uploads, envelope, upload_cors};
use crate::routes::{
    builder_config, default_manifest, health, health_report, notifications, objects, openapi, slxoptions,
    status, uploads, workspaces,
};
use crate::routing::Routes;
use crate::routing::Rule::{AnyToken, Person, Public, Workspace};

/// Returns every route of the API with its rule; the paths stand at the handlers.
pub(crate) fn table() -> Routes {
    workspaces()
        .merge(uploads())
        .merge(people())
        .merge(slxs())
        .merge(slx_writes())
        .merge(runners())
        .merge(secrets())
        .merge(integrations())
        .merge(events())
        .merge(history())
        .merge(branches())
        .merge(server())
}

fn server() -> Routes {
    Routes::new()
        .add(Public, routes!(health::live))
        .add(Public, routes!(health::ready))
        .add(Public, routes!(openapi::description))
        .add(Public, routes!(openapi::page))
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
        .add(Workspace(Examine), routes!(status::get))
        .add(Workspace(Examine), routes!(health_report::get))
        .add(Workspace(Read), routes!(default_manifest::get))
}

fn uploads() -> Routes {
    Routes::new()
        .add_making(Workspace(MakeUploadToken), routes!(builder_config::generate))
        .add_making(Workspace(MakeUploadToken), routes!(builder_config::generate_by_other_name))
        .add_making(Workspace(Upload), routes!(uploads::open))
        .add(Workspace(Upload), routes!(uploads::create))
        .add(Workspace(Upload), routes!(uploads::complete))
        .add(Workspace(Upload), routes!(uploads::retry))
        .add(Workspace(Upload), routes!(uploads::cancel))
        .add(Workspace(Read), routes!(uploads::list))
        .add(Workspace(Read), routes!(uploads::get))
        .add(AnyToken, routes!(uploads::get_status))
        .add(AnyToken, routes!(uploads::get_events))
        // Who sends it has a secret of its own.
        .add(Public, routes!(notifications::take))
}

/// Users, tokens, groups, organizations, permissions.
fn people() -> Routes {
    use crate::routes::{groups, jwks, permissions, session_tokens, user_tokens, users};
    use crate::routing::Rule::Staff;
    Routes::new()
        .add(Staff, routes!(users::list))
        .add(Staff, routes!(users::create))
        .add(Staff, routes!(users::get))
        .add(Staff, routes!(users::update))
        .add(Person, routes!(users::change_password))
        .add(Person, routes!(users::whoami))
        .add(Person, routes!(user_tokens::list))
        .add(Person, routes!(user_tokens::create))
        .add(Person, routes!(user_tokens::revoke))
        .add(Person, routes!(user_tokens::delete))
        .add(Public, routes!(session_tokens::sign_in))
        .add(Public, routes!(session_tokens::refresh))
        .add(Public, routes!(session_tokens::verify))
        .add(Person, routes!(session_tokens::sign_out))
        .add(Public, routes!(jwks::get))
        .add(Staff, routes!(groups::list))
        .add(Staff, routes!(groups::create))
        .add(Staff, routes!(groups::get))
        .add(Staff, routes!(groups::delete))
        .add(Staff, routes!(groups::add_member))
        .add(Staff, routes!(groups::remove_member))
        .add(Workspace(Read), routes!(permissions::list))
        .add(Workspace(Read), routes!(permissions::mine))
}

/// Reading SLXs.
fn slxs() -> Routes {
    use crate::routes::{configuration_index, slxs, sync_status};
    Routes::new()
        .add(Workspace(Read), routes!(slxoptions::list))
        .add(Workspace(Read), routes!(slxs::list))
        .add(Workspace(Read), routes!(slxs::get))
        .add(Workspace(Read), routes!(slxs::get_runbook))
        .add(Workspace(Read), routes!(slxs::get_sli))
        .add(Workspace(Read), routes!(slxs::get_slo))
        .add(Workspace(Read), routes!(configuration_index::get))
        .add(Workspace(Read), routes!(sync_status::get))
}

/// Writing SLXs: the branch routes and v4.
fn slx_writes() -> Routes {
    use crate::access::Action::Write;
    use crate::routes::{branches, sync_typed};
    Routes::new()
        .add(Workspace(Read), routes!(branches::get))
        .add(Workspace(Write), routes!(branches::put_files))
        .add(Workspace(Write), routes!(branches::patch))
        .add(Workspace(Write), routes!(branches::delete))
        .add(Workspace(Write), routes!(sync_typed::sync_slx))
        .add(Workspace(Write), routes!(sync_typed::sync_runbook))
        .add(Workspace(Write), routes!(sync_typed::sync_sli))
        .add(Workspace(Write), routes!(sync_typed::sync_slo))
        .add(Workspace(Write), routes!(sync_typed::delete))
}

/// Runners, their tokens, and locations.
fn runners() -> Routes {
    use crate::access::Action::ManageRunners;
    use crate::routes::{codecollections, locations, runner_token, runners};
    use crate::routing::Rule::Runner;
    Routes::new()
        .add_making(Workspace(ManageRunners), routes!(runner_token::get))
        .add(Workspace(ManageRunners), routes!(runner_token::rotate))
        .add(Runner, routes!(runners::register))
        .add(Runner, routes!(runners::beat))
        .add(Person, routes!(runners::list_all))
        .add(Workspace(Read), routes!(runners::list))
        .add(Workspace(ManageRunners), routes!(runners::delete))
        .add(Workspace(Read), routes!(locations::list))
        .add(Person, routes!(locations::list_all))
        .add(Person, routes!(codecollections::list))
}

/// Secrets of workspaces and Git credentials.
fn secrets() -> Routes {
    use crate::access::Action::WriteSecrets;
    use crate::routes::{git_credentials, secrets};
    Routes::new()
        // Not `Fetch`: credentials for Git must not make others.
        .add_making(Workspace(Read), routes!(git_credentials::make))
        .add(Workspace(Read), routes!(secrets::list))
        .add(Workspace(WriteSecrets), routes!(secrets::write))
        .add(Workspace(WriteSecrets), routes!(secrets::delete))
        .add(Workspace(Read), routes!(secrets::get_usage))
}

/// Reading history, and files of any revision.
fn history() -> Routes {
    use crate::routes::{commits, files};
    Routes::new()
        .add(Workspace(Read), routes!(commits::list))
        .add(Workspace(Read), routes!(commits::get))
        .add(Workspace(Read), routes!(commits::diff))
        .add(Workspace(Read), routes!(files::tree))
        .add(Workspace(Read), routes!(files::get))
        .add(Workspace(Read), routes!(files::last_changes))
}

/// Branches, merges, and commits undone.
fn branches() -> Routes {
    use crate::access::Action::Write;
    use crate::routes::branch_list;
    Routes::new()
        .add(Workspace(Read), routes!(branch_list::list))
        .add(Workspace(Read), routes!(branch_list::get))
        .add(Workspace(Write), routes!(branch_list::create))
        .add(Workspace(Write), routes!(branch_list::delete))
        .add(Workspace(Write), routes!(branch_list::merge))
        .add(Workspace(Write), routes!(branch_list::revert))
}

/// Following a workspace.
fn events() -> Routes {
    use crate::routes::events;
    Routes::new().add(Workspace(Read), routes!(events::list))
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
    let cors = upload_cors(&app.settings.upload_cors_origins);
    let mut router = table().into_router(&app);
    if app.settings.metrics_token.is_some() {
        router = router.route("/metrics", get(scrape_by_token));
    }
    let router = router
        .merge(git_http::routes(app.settings.git_alias_prefix.as_ref()))
        // Where signed URLs of the local store lead: no part of the API.
        .route("/uploads/local/{*key}", put(objects::put_object))
        .fallback(no_such_route)
        .method_not_allowed_fallback(no_such_method)
        .layer(from_fn_with_state(app.clone(), git_http::require_credentials))
        .layer(from_fn_with_state(app.clone(), envelope));
    // Outside the envelope: a page may read errors too.
    let router = match cors {
        Some(cors) => router.layer(from_fn_with_state(cors, allow_uploads)),
        None => router,
    };
    router.with_state(app)
}

/// Returns the router of the address that answers metrics and nothing else.
pub(crate) fn metrics_router(app: AppState) -> Router {
    Router::new()
        .route("/metrics", get(metrics::scrape))
        .fallback(no_such_route)
        .method_not_allowed_fallback(no_such_method)
        .layer(from_fn_with_state(app.clone(), envelope))
        .with_state(app)
}

/// Answers metrics to whoever has the token of the settings; others learn no more than that there is one.
async fn scrape_by_token(state: State<AppState>, headers: HeaderMap) -> Result<Response, ApiError> {
    let expected = state.settings.metrics_token.as_ref().map(|token| TokenHash::of(token.expose_secret()));
    let given = bearer_token(&headers).map(TokenHash::of);
    // Hashes are compared in constant time.
    if expected.is_none() || expected != given {
        let detail =
            "metrics need the token of WORKSTEAD_METRICS_TOKEN: send `Authorization: Bearer <token>`";
        return Err(ApiError::unauthorized("not_signed_in", detail));
    }
    metrics::scrape(state, headers).await
}

async fn no_such_route(request: Request) -> ApiError {
    let path: String = request.uri().path().chars().take(200).collect();
    ApiError::not_found("no_such_route", format!("there is nothing at {path:?} on this server"))
}

async fn no_such_method(method: Method) -> ApiError {
    ApiError::method_not_allowed(method.as_str())
}
