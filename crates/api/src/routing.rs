//! The table of routes: each with its description and the rule of who may ask.
//!
//! A handler is entered here once, by `routes!`, with its rule. The router, the enforcement of the rule, the
//! OpenAPI description and the test of all routes with all callers are made from this table, so none of them
//! can know a route that another does not.

mod describe;
mod enforce;

use std::collections::BTreeMap;

use axum::Router;
use axum::http::header::ALLOW;
use axum::http::{HeaderValue, Method};
use axum::middleware::from_fn_with_state;
use axum::routing::MethodRouter;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa_axum::router::UtoipaMethodRouter;

use crate::access::Action;
use crate::app::AppState;
use crate::error::ApiError;

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Anybody, without a token.
    Public,
    /// Any signed-in user by a token of full scope.
    Person,
    /// Staff.
    Staff,
    /// Any good token; the handler decides what it shows to whom.
    AnyToken,
    /// Runners, by the token of their location.
    Runner,
    /// Whoever may do this to the workspace that the path names.
    Workspace(Action),
}

/// One handler with its description and rule.
pub(crate) struct Route {
    pub(crate) rule: Rule,
    pub(crate) method: Method,
    /// As axum and OpenAPI both write it, `/api/v3/workspaces/{workspace}`.
    pub(crate) path: String,
    pub(crate) operation: Operation,
    /// Whether a GET makes something, so that HEAD must not do it too.
    makes: bool,
    handler: MethodRouter<AppState>,
}

/// All routes with the schemas that they speak of.
#[derive(Default)]
pub(crate) struct Routes {
    pub(crate) routes: Vec<Route>,
    pub(crate) schemas: Vec<Schema>,
}

type Schema = (String, utoipa::openapi::RefOr<utoipa::openapi::schema::Schema>);

impl Routes {
    /// Begins an empty table.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Enters one handler: `routes!(module::handler)`.
    ///
    /// # Panics
    ///
    /// When `routes!` was given other than one handler of one method: each has a rule of its own.
    pub(crate) fn add(self, rule: Rule, route: UtoipaMethodRouter<AppState>) -> Self {
        self.enter(rule, false, route)
    }

    /// Enters a GET that makes something: a HEAD must be safe, and could not say what was made.
    pub(crate) fn add_making(self, rule: Rule, route: UtoipaMethodRouter<AppState>) -> Self {
        self.enter(rule, true, route)
    }

    /// Adds all routes of another table.
    pub(crate) fn merge(mut self, other: Self) -> Self {
        self.routes.extend(other.routes);
        self.schemas.extend(other.schemas);
        self
    }

    fn enter(mut self, rule: Rule, makes: bool, route: UtoipaMethodRouter<AppState>) -> Self {
        let (schemas, paths, handler) = route;
        let mut operations = paths.paths.into_iter().flat_map(|(path, item)| operations(&path, item));
        // `routes!` writes the path and method of each handler that it is given, and takes no fewer than one.
        let (path, method, operation) = operations.next().expect("a route has an operation");
        assert!(operations.next().is_none(), "{path}: enter each handler by itself, with its rule");
        self.routes.push(Route { rule, method, path, operation, makes, handler });
        self.schemas.extend(schemas);
        self
    }

    /// Makes the router, each handler behind its rule.
    pub(crate) fn into_router(self, app: &AppState) -> Router<AppState> {
        let mut by_path: BTreeMap<String, Methods> = BTreeMap::new();
        for route in self.routes {
            by_path.entry(route.path.clone()).or_default().add(route, app);
        }
        by_path
            .into_iter()
            .fold(Router::new(), |router, (path, methods)| router.route(&path, methods.finish()))
    }
}

/// The handlers of one path.
#[derive(Default)]
struct Methods {
    handlers: MethodRouter<AppState>,
    names: Vec<Method>,
    makes: bool,
}

impl Methods {
    fn add(&mut self, route: Route, app: &AppState) {
        let enforce = from_fn_with_state((app.clone(), route.rule), enforce::enforce);
        let handlers = std::mem::take(&mut self.handlers);
        self.handlers = handlers.merge(route.handler.route_layer(enforce));
        self.names.push(route.method);
        self.makes |= route.makes;
    }

    fn finish(self) -> MethodRouter<AppState> {
        if !self.makes {
            return self.handlers;
        }
        let allow = self.names.iter().map(Method::as_str).collect::<Vec<_>>().join(",");
        let refuse = move |method: Method| {
            let allow = HeaderValue::from_str(&allow).unwrap_or(HeaderValue::from_static("GET"));
            async move { ApiError::method_not_allowed(method.as_str()).header(ALLOW, allow) }
        };
        self.handlers.head(refuse.clone()).fallback(refuse)
    }
}

fn operations(path: &str, item: PathItem) -> Vec<(String, Method, Operation)> {
    let PathItem { get, put, post, delete, patch, .. } = item;
    let all = [
        (Method::GET, get),
        (Method::PUT, put),
        (Method::POST, post),
        (Method::DELETE, delete),
        (Method::PATCH, patch),
    ];
    all.into_iter().filter_map(|(method, operation)| Some((path.to_owned(), method, operation?))).collect()
}
