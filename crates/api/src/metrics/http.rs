//! Requests: how many, how long, how many at once.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

use super::registrar::{Buckets, REQUEST_SECONDS, Registrar, about};
use super::words;

/// The metrics of requests.
#[derive(Debug)]
pub(crate) struct HttpMetrics {
    requests: Family<Answered, Counter>,
    seconds: Family<Asked, Histogram, Buckets>,
    in_flight: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Asked {
    method: &'static str,
    route: Arc<str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: &'static str,
    route: Arc<str>,
    class: &'static str,
}

impl HttpMetrics {
    pub(super) fn register(r: &mut Registrar) -> Self {
        Self {
            requests: r.counter(&about(
                "workstead_http_requests",
                &["method", "route", "class"],
                "Requests by method, template of the route (`none` where nothing is) and class of the status",
            )),
            seconds: r.histograms(
                &about(
                    "workstead_http_request_duration_seconds",
                    &["method", "route"],
                    "How long requests took until their answer began; the bodies of clones are streamed after that",
                ),
                REQUEST_SECONDS,
            ),
            in_flight: r.gauge(&about(
                "workstead_http_requests_in_flight",
                &[],
                "Requests whose answers have not begun",
            )),
        }
    }

    /// Counts a request as under way until what is returned is dropped, also by a client that hangs up.
    pub(crate) fn begin(&self) -> InFlight<'_> {
        self.in_flight.inc();
        InFlight(&self.in_flight)
    }

    /// Counts a request that was answered; `route` is the template, never a path.
    pub(crate) fn answered(&self, method: &Method, route: &str, status: StatusCode, took: Duration) {
        let (method, route) = (words::method(method), Arc::<str>::from(route));
        let asked = Asked { method, route: Arc::clone(&route) };
        self.seconds.get_or_create(&asked).observe(took.as_secs_f64());
        self.requests.get_or_create(&Answered { method, route, class: words::class(status) }).inc();
    }
}

/// A request that is under way.
#[derive(Debug)]
pub(crate) struct InFlight<'a>(&'a Gauge);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}
