//! What the program tells about itself while it runs: structured, on standard error.

use std::io::{self, IsTerminal};

use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use workstead_api::settings::{LogFormat, Settings};

use crate::error::CliError;

/// Sends events that pass the settings' filter to standard error.
///
/// Without a format, lines are text where a terminal shows them and JSON elsewhere.
pub(crate) fn init(settings: &Settings) -> Result<(), CliError> {
    let filter = filter(&settings.log)?;
    let terminal = io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let fallback = if terminal { LogFormat::Text } else { LogFormat::Json };
    let installed = match settings.log_format.unwrap_or(fallback) {
        LogFormat::Text => {
            builder.with_ansi(terminal).with_target(false).finish().with(filter_fn(is_discreet)).try_init()
        }
        LogFormat::Json => {
            builder.json().flatten_event(true).finish().with(filter_fn(is_discreet)).try_init()
        }
    };
    installed.map_err(|error| CliError::unexpected(error, "failed to set up logging"))
}

/// Tells whether an event may be logged at all: two crates below S3 tell whole requests at `trace`, with signatures and
/// session tokens, whatever the settings' filter says.
fn is_discreet(metadata: &Metadata<'_>) -> bool {
    let tells_requests = ["aws_sigv4", "aws_smithy_runtime"].iter().any(|name| {
        metadata.target() == *name
            || metadata.target().strip_prefix(name).is_some_and(|rest| rest.starts_with("::"))
    });
    !tells_requests || *metadata.level() <= Level::DEBUG
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
    fn requests_to_the_store_are_never_told() {
        let log = Log::default();
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(filter("trace").unwrap())
            .with_writer(log.clone())
            .finish()
            .with(filter_fn(is_discreet));
        tracing::subscriber::with_default(subscriber, || {
            tracing::trace!(target: "aws_sigv4::http_request::sign", "told-a");
            tracing::trace!(target: "aws_smithy_runtime::client::orchestrator", "told-b");
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
