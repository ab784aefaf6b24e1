//! The only place that writes to standard output and standard error.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use serde::Serialize;

use crate::error::CliError;

/// How a command prints its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum OutputFormat {
    /// For people.
    #[default]
    Text,
    /// For scripts: one JSON document.
    Json,
}

/// Writes data to standard output and talk to standard error.
#[derive(Debug, Clone)]
pub(crate) struct Printer {
    color: bool,
}

impl Printer {
    /// Makes a printer that colours only where a terminal shows it and `NO_COLOR` is not set.
    pub(crate) fn new() -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { color: wanted && io::stdout().is_terminal() }
    }

    /// Tells whether what goes to standard output may be coloured.
    pub(crate) fn color(&self) -> bool {
        self.color
    }

    /// Writes a line of data.
    #[expect(clippy::unused_self, reason = "output goes through a printer, never past it")]
    pub(crate) fn data(&self, text: impl Display) -> Result<(), CliError> {
        let mut stdout = io::stdout().lock();
        match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
            // Whoever closed the pipe (`| head`) has seen enough.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(CliError::unexpected(error, "failed to write to standard output"))
            }
            _ => Ok(()),
        }
    }

    /// Writes a value as one JSON document.
    pub(crate) fn json(&self, value: &impl Serialize) -> Result<(), CliError> {
        let text = serde_json::to_string_pretty(value)
            .map_err(|error| CliError::unexpected(error, "failed to write JSON"))?;
        self.data(text)
    }

    /// Writes a line of talk; nobody can be told when that fails.
    #[expect(clippy::unused_self, reason = "output goes through a printer, never past it")]
    pub(crate) fn say(&self, text: impl Display) {
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    /// Shows how far something is on a line that the next one replaces, and nothing but on a terminal.
    #[expect(clippy::unused_self, reason = "output goes through a printer, never past it")]
    pub(crate) fn progress(&self, text: impl Display) {
        let mut stderr = io::stderr().lock();
        if stderr.is_terminal() {
            let _ = write!(stderr, "\r\x1b[K{}", printable(&text.to_string())).and_then(|()| stderr.flush());
        }
    }

    /// Removes that line.
    pub(crate) fn end_progress(&self) {
        self.progress("");
    }

    /// Reports an error and returns its exit code.
    pub(crate) fn failure(&self, error: &CliError) -> ExitCode {
        self.say(error.report());
        error.exit_code()
    }
}

/// Replaces control characters, so that text from elsewhere can't drive the terminal.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_elsewhere_cannot_drive_the_terminal() {
        assert_eq!(printable("a\x1b[31mb\r\nc\u{9b}"), "a\u{fffd}[31mb\u{fffd}\nc\u{fffd}");
    }
}
