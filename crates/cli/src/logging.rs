//! What the program tells about itself while it runs: structured, on standard error.

use std::io::{self, IsTerminal};

use tracing::{Level, Metadata};
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{EnvFilter, Layer, Registry};
use workstead_api::settings::{LogFormat, Settings};

use crate::error::CliError;
use crate::traces::Traces;

/// Sends events that pass the settings' filter to standard error, and spans of ours to the traces.
///
/// Without a format, lines are text where a terminal shows them and JSON elsewhere.
pub(crate) fn init(settings: &Settings, traces: Option<&Traces>) -> Result<(), CliError> {
    let filter = filter(&settings.log)?;
    let terminal = io::stderr().is_terminal();
    let fallback = if terminal { LogFormat::Text } else { LogFormat::Json };
    let lines = settings.log_format.unwrap_or(fallback);
    let discreet = filter_fn(is_discreet);
    let installed = match traces {
        // One filter for all is the cheapest there is.
        None => {
            let lines = layer(lines, terminal, io::stderr);
            Registry::default().with(filter).with(discreet).with(lines).try_init()
        }
        Some(traces) => {
            with_traces(layer(lines, terminal, io::stderr).with_filter(filter.and(discreet)), traces)
        }
    };
    installed.map_err(|error| CliError::unexpected(error, "failed to set up logging"))
}

/// Lines and traces are filtered apart: a quiet log has no fewer traces, and a loud one no more.
fn with_traces<L>(lines: L, traces: &Traces) -> Result<(), TryInitError>
where
    L: Layer<Registry> + Send + Sync,
{
    let spans = tracing_opentelemetry::layer()
        .with_tracer(traces.tracer())
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_filter(filter_fn(|metadata: &Metadata<'_>| {
            // Events hold more than traces are for.
            metadata.is_span() && metadata.target().starts_with("workstead")
        }));
    Registry::default().with(lines).with(spans).try_init()
}

fn layer<S, W>(format: LogFormat, terminal: bool, writer: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: tracing::Subscriber + for<'span> tracing_subscriber::registry::LookupSpan<'span>,
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    match format {
        LogFormat::Text => lines.with_ansi(terminal).with_target(false).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    }
}

/// The clients of HTTP that tell whole requests, with signatures, session tokens and queries, each with the last level at
/// which it does not. ureq does so at `debug` too once it takes `trace` for enabled, which with traces it always does.
const TELLTALES: [(&str, Level); 4] = [
    ("aws_sigv4", Level::DEBUG),
    ("aws_smithy_runtime", Level::DEBUG),
    ("ureq", Level::INFO),
    ("ureq_proto", Level::INFO),
];

/// Tells whether an event may be logged at all, whatever the settings' filter says.
fn is_discreet(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    let is_of =
        |name: &str| target.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"));
    !TELLTALES.iter().any(|(name, last)| is_of(name) && metadata.level() > last)
}

fn filter(directives: &str) -> Result<EnvFilter, CliError> {
    EnvFilter::try_new(directives).map_err(|error| {
        CliError::user_caused(error, format!("WORKSTEAD_LOG={directives:?} is no log filter")).hint(
            "use a level (error, warn, info, debug, trace) or directives such as `info,workstead_api=debug`",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_to_others_are_never_told() {
        let log = Log::default();
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(filter("trace").unwrap())
            .with_writer(log.clone())
            .finish()
            .with(filter_fn(is_discreet));
        tracing::subscriber::with_default(subscriber, || {
            tracing::trace!(target: "aws_sigv4::http_request::sign", "told-a");
            tracing::trace!(target: "aws_smithy_runtime::client::orchestrator", "told-b");
            tracing::debug!(target: "ureq::run", "told-c");
            tracing::trace!(target: "ureq_proto::util", "told-d");
            tracing::debug!(target: "aws_smithy_runtime::client::orchestrator", "kept-a");
            tracing::trace!(target: "aws_smithy_runtime_api::client", "kept-b");
        });
        let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        assert!(log.contains("kept-a") && log.contains("kept-b") && !log.contains("told"), "{log}");
    }

    #[derive(Clone, Default)]
    struct Log(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

    impl io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl tracing_subscriber::fmt::MakeWriter<'_> for Log {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    #[test]
    fn a_filter_that_cannot_be_read_is_refused() {
        assert!(filter("info,workstead_api=debug").is_ok());
        assert!(filter("=loud=").unwrap_err().report().starts_with("error: WORKSTEAD_LOG="));
    }
}
