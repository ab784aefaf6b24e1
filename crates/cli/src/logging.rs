//! What the program tells about itself while it runs: structured, on standard error.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;
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
        LogFormat::Text => builder.with_ansi(terminal).with_target(false).finish().try_init(),
        LogFormat::Json => builder.json().flatten_event(true).finish().try_init(),
    };
    installed.map_err(|error| CliError::unexpected(error, "failed to set up logging"))
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
    fn a_filter_that_cannot_be_read_is_refused() {
        assert!(filter("info,workstead_api=debug").is_ok());
        assert!(filter("=loud=").unwrap_err().report().starts_with("error: WORKSTEAD_LOG="));
    }
}
