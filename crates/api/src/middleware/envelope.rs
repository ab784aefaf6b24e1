//! The envelope of every request: its id, its span, its line in the log, and the body of its error.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tracing::Instrument;

use super::drain::drained;
use crate::app::AppState;
use crate::context::{REQUEST_ID, RequestContext};
use crate::error::ApiError;
use crate::traces;

/// Wraps one request. Its log line names the route's pattern, never the query or a header.
pub(crate) async fn envelope(State(app): State<AppState>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let under_way = app.metrics.http.begin();
    let context = RequestContext::of(request.headers());
    request.extensions_mut().insert(context.clone());
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let wants_problem = accepts_problem_json(request.headers());
    let pattern = route.as_ref().map_or("none", MatchedPath::as_str);
    let span = tracing::info_span!("request", id = context.id());
    if app.settings.otlp_endpoint.is_some() {
        traces::begin(&span, &method, pattern, request.headers());
    }

    let answer = AssertUnwindSafe(next.run(drained(request))).catch_unwind().instrument(span.clone()).await;
    let mut response = answer.unwrap_or_else(|panic| panicked(&*panic).into_response());
    name_bare_error(&method, &mut response);
    let error = response.extensions_mut().remove::<ApiError>();
    if let Some(error) = &error {
        response = with_extra_headers(response.headers(), error.render(context.id(), wants_problem));
    }
    response.headers_mut().insert(REQUEST_ID.clone(), context.header());
    let line = Line {
        method: method.as_str(),
        route: pattern,
        status: response.status(),
        elapsed: started.elapsed(),
        context: &context,
    };
    span.in_scope(|| line.write(error.as_ref()));
    app.metrics.http.answered(&method, pattern, line.status, line.elapsed);
    if app.settings.otlp_endpoint.is_some() {
        traces::end(&span, line.status, error.as_ref());
    }
    drop(under_way);
    response
}

struct Line<'a> {
    method: &'a str,
    route: &'a str,
    status: StatusCode,
    elapsed: Duration,
    context: &'a RequestContext,
}

impl Line<'_> {
    fn write(&self, error: Option<&ApiError>) {
        let Self { method, route, status, context, .. } = self;
        let (status, caller) = (status.as_u16(), context.caller().unwrap_or("-"));
        let milliseconds = self.elapsed.as_secs_f64() * 1000.0;
        match error {
            Some(error) if status >= 500 => {
                let cause = error.cause().map(chain);
                tracing::error!(method, route, status, milliseconds, caller, cause, "{error}");
            }
            Some(error) => {
                tracing::info!(method, route, status, milliseconds, caller, code = error.code(), "answered");
            }
            None => tracing::info!(method, route, status, milliseconds, caller, "answered"),
        }
    }
}

/// Writes an error with everything below it in one line.
fn chain(error: &(dyn std::error::Error + Send + Sync + 'static)) -> String {
    let mut text = error.to_string();
    let mut below = error.source();
    while let Some(cause) = below {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        below = cause.source();
    }
    text
}

fn panicked(panic: &(dyn Any + Send)) -> ApiError {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    ApiError::internal(format!("a handler panicked: {}", text.unwrap_or("without a message")))
}

/// Gives an error that the framework answered without words the words of ours.
fn name_bare_error(method: &axum::http::Method, response: &mut Response<Body>) {
    let status = response.status();
    // The framework's own words are plain text; a page for people is a handler's.
    let has_own_words = response.headers().get(CONTENT_TYPE).is_some_and(|value| {
        [&b"application/json"[..], b"text/html"].iter().any(|kind| value.as_bytes().starts_with(kind))
    });
    if status.as_u16() < 400 || has_own_words || response.extensions().get::<ApiError>().is_some() {
        return;
    }
    let error = match status {
        StatusCode::METHOD_NOT_ALLOWED => ApiError::method_not_allowed(method.as_str()),
        StatusCode::BAD_REQUEST => {
            ApiError::bad_request("malformed_request", "the address or a header of the request can't be read")
        }
        _ => ApiError::new(
            status,
            "request_refused",
            status.canonical_reason().unwrap_or("the request was refused").to_lowercase(),
        ),
    };
    response.extensions_mut().insert(error);
}

/// Keeps headers that a handler added beside its error.
fn with_extra_headers(before: &HeaderMap, mut rendered: Response) -> Response {
    for (name, value) in before {
        let ours = rendered.headers().contains_key(name);
        if !ours && name != axum::http::header::CONTENT_LENGTH {
            rendered.headers_mut().append(name.clone(), value.clone());
        }
    }
    rendered
}

/// Tells whether the client asks for RFC 9457's type by name; `*/*` is no such wish.
fn accepts_problem_json(headers: &HeaderMap) -> bool {
    let accept = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accept.flat_map(|value| value.split(',')).any(|entry| {
        entry
            .split(';')
            .next()
            .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/problem+json"))
    })
}
