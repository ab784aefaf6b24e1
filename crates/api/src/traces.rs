//! Traces of requests, where a setting asks for them: who began the trace, what the request was, how it ended.
//!
//! Who runs the server installs the layer that makes spans of `tracing` into traces; this adds to the request's span what
//! is no word of the log. Attributes name routes by their template: no path, query, header or body is among them.

use std::collections::HashMap;

use axum::http::{HeaderMap, Method, StatusCode};
use opentelemetry::global::get_text_map_propagator;
use opentelemetry::trace::{Status, TraceContextExt as _};
use opentelemetry_http::HeaderExtractor;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::error::ApiError;

/// The header of W3C Trace Context.
const TRACEPARENT: &str = "traceparent";

/// Joins the trace of the client's `traceparent`, and names the span as HTTP's conventions do.
///
/// Must come before the span is entered.
pub(crate) fn begin(span: &Span, method: &Method, route: &str, headers: &HeaderMap) {
    let parent = get_text_map_propagator(|propagator| propagator.extract(&HeaderExtractor(headers)));
    // Without the layer there is nothing to join, which is no failure of the request.
    let _ = span.set_parent(parent);
    let method = crate::metrics::method_label(method);
    span.set_attribute("http.request.method", method);
    span.set_attribute("http.route", route.to_owned());
    span.context().span().update_name(format!("{method} {route}"));
}

/// Returns the present trace as the value of a `traceparent`, for work that goes on without its request.
pub(crate) fn current() -> Option<String> {
    let mut carrier = HashMap::new();
    get_text_map_propagator(|propagator| propagator.inject_context(&Span::current().context(), &mut carrier));
    carrier.remove(TRACEPARENT)
}

/// Makes a span a part of the trace that [`current`] returned; must come before the span is entered.
pub(crate) fn join(span: &Span, traceparent: &str) {
    let carrier = HashMap::from([(TRACEPARENT.to_owned(), traceparent.to_owned())]);
    let _ = span.set_parent(get_text_map_propagator(|propagator| propagator.extract(&carrier)));
}

/// Says how the request ended; only a failure of the server is one of the span.
pub(crate) fn end(span: &Span, status: StatusCode, error: Option<&ApiError>) {
    span.set_attribute("http.response.status_code", i64::from(status.as_u16()));
    let code = error.map(|error| error.code().to_owned());
    if let Some(code) = &code {
        span.set_attribute("error.type", code.clone());
    }
    if status.is_server_error() {
        span.set_status(Status::error(code.unwrap_or_default()));
    }
}
