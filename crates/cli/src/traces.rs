//! Traces by OpenTelemetry, where a setting says where they go.
//!
//! Spans are collected by a thread of their own and sent by the same HTTP client that all else is sent by. What can't be
//! sent is dropped: no request waits for a collector.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};
use ureq::Agent;
use url::Url;
use workstead_api::settings::Settings;

use crate::error::CliError;

/// What the service is called when the environment does not say.
const SERVICE: &str = "workstead";
/// How long one batch may take to be sent, and the last ones at the end.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long it is not said again that nothing can be sent.
const SILENCE: Duration = Duration::from_mins(1);
/// Most bytes of a collector's answer that are read.
const MAX_ANSWER_BYTES: u64 = 64 << 10;

/// The traces of this process; sent to the end by [`Traces::finish`].
#[derive(Debug)]
pub(crate) struct Traces(SdkTracerProvider);

impl Traces {
    /// Begins to collect, when the settings say where to send.
    pub(crate) fn begin(settings: &Settings) -> Result<Option<Self>, CliError> {
        let Some(endpoint) = &settings.otlp_endpoint else { return Ok(None) };
        // The standard's variables for headers and compression are read by the exporter itself.
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Sender::new())
            .with_endpoint(traces_url(endpoint))
            .with_timeout(PATIENCE)
            .build();
        let exporter = exporter
            .map_err(|error| CliError::user_caused(error, "traces can't be sent as the settings say"))?;
        let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(settings.trace_ratio)));
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_sampler(sampler)
            .with_resource(resource(|name| std::env::var(name).ok()))
            .build();
        opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
        Ok(Some(Self(provider)))
    }

    /// Returns what makes spans.
    pub(crate) fn tracer(&self) -> SdkTracer {
        self.0.tracer(SERVICE)
    }

    /// Sends what is left, within a moment.
    pub(crate) fn finish(self) {
        if let Err(error) = self.0.shutdown_with_timeout(PATIENCE) {
            tracing::warn!(%error, "the last traces may be lost");
        }
    }
}

/// Returns where a collector takes traces (OTLP/HTTP: its base, with the path of the signal).
fn traces_url(base: &Url) -> String {
    format!("{}/v1/traces", base.as_str().trim_end_matches('/'))
}

/// Says who sends: what the standard's variables say, or else our own name.
fn resource(lookup: impl Fn(&str) -> Option<String>) -> Resource {
    let named = lookup("OTEL_SERVICE_NAME").is_some_and(|name| !name.is_empty())
        || lookup("OTEL_RESOURCE_ATTRIBUTES").is_some_and(|all| all.contains("service.name="));
    let builder = Resource::builder()
        .with_attribute(opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
    if named { builder.build() } else { builder.with_service_name(SERVICE).build() }
}

/// Sends batches; called by the collecting thread, which has nothing else to do.
#[derive(Debug)]
struct Sender {
    agent: Agent,
    complained: Mutex<Option<Instant>>,
}

impl Sender {
    fn new() -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(PATIENCE));
        Self { agent: config.build().into(), complained: Mutex::default() }
    }

    fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let response = self.agent.run(request.map(|body| body.to_vec()))?;
        let (parts, mut body) = response.into_parts();
        let body = body.with_config().limit(MAX_ANSWER_BYTES).read_to_vec()?;
        Ok(Response::from_parts(parts, Bytes::from(body)))
    }

    /// Says that something is wrong, but not for every batch.
    fn complain(&self, problem: &dyn std::fmt::Display) {
        // A poisoned lock only means that a complainer panicked.
        let mut complained = self.complained.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if complained.is_none_or(|last| last.elapsed() > SILENCE) {
            tracing::warn!(%problem, "traces can't be sent and are dropped");
            *complained = Some(Instant::now());
        }
    }
}

#[async_trait::async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let sent = self.send(request);
        match &sent {
            Ok(response) if !response.status().is_success() => self.complain(&response.status()),
            Ok(_) => {}
            Err(error) => self.complain(error),
        }
        sent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_the_signal_is_added_to_the_base() {
        let url = |base: &str| traces_url(&base.parse().unwrap());
        assert_eq!(url("http://collector:4318"), "http://collector:4318/v1/traces");
        assert_eq!(url("https://a.example/otlp"), "https://a.example/otlp/v1/traces");
    }

    #[test]
    fn the_service_is_named_by_us_unless_the_environment_does() {
        let name = |variable: &'static str, value: &'static str| {
            let resource = resource(|asked| (asked == variable).then(|| value.to_owned()));
            resource.get(&opentelemetry::Key::new("service.name")).unwrap().to_string()
        };
        assert_eq!(name("PATH", "x"), "workstead");
        // What stands in the real environment of this test is the kit's to read.
        assert_ne!(name("OTEL_SERVICE_NAME", "x"), "workstead");
    }
}
