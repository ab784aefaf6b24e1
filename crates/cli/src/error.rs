//! Errors of the command line: a message, its causes, a hint and an exit code.

use std::error::Error;
use std::fmt::Write as _;
use std::process::ExitCode;

use crate::output::printable;

/// How a command that failed ends: who can mend it, as an exit code; docs/CI.md has the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The caller, here: arguments, files, settings.
    User = 1,
    /// Nobody here: it should not have happened.
    Unexpected = 2,
    /// Whoever made the content: the server does not take it.
    Refused = 3,
    /// Whoever gives tokens and roles.
    Denied = 4,
    /// The caller, after a look: what is there stands against it.
    Conflict = 5,
    /// Time, or the operator: the server or its store was not to be had.
    Unavailable = 6,
}

impl Ending {
    /// Returns the word of the report for scripts.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::User => "failed",
            Self::Unexpected => "unexpected",
            Self::Refused => "refused",
            Self::Denied => "denied",
            Self::Conflict => "conflict",
            Self::Unavailable => "unavailable",
        }
    }
}

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct CliError {
    ending: Ending,
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
    hint: Option<String>,
}

impl CliError {
    fn new(ending: Ending, message: String, source: Option<Box<dyn Error + Send + Sync>>) -> Self {
        Self { ending, message, source, hint: None }
    }

    /// Makes an error that the user can mend.
    pub(crate) fn user(message: impl Into<String>) -> Self {
        Self::new(Ending::User, message.into(), None)
    }

    /// Makes an error with a cause that the user can mend.
    pub(crate) fn user_caused(
        source: impl Into<Box<dyn Error + Send + Sync>>,
        message: impl Into<String>,
    ) -> Self {
        Self::new(Ending::User, message.into(), Some(source.into()))
    }

    /// Makes an error that should not have happened, with its cause.
    pub(crate) fn unexpected(
        source: impl Into<Box<dyn Error + Send + Sync>>,
        message: impl Into<String>,
    ) -> Self {
        Self::new(Ending::Unexpected, message.into(), Some(source.into()))
    }

    /// Makes an error that should not have happened.
    pub(crate) fn unexpected_message(message: impl Into<String>) -> Self {
        Self::new(Ending::Unexpected, message.into(), None)
    }

    /// Adds what to do about it.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Sets how the command ends.
    #[must_use]
    pub(crate) fn ends(mut self, ending: Ending) -> Self {
        self.ending = ending;
        self
    }

    /// Returns how the command ends.
    pub(crate) fn ending(&self) -> Ending {
        self.ending
    }

    /// Returns what is wrong.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Returns what to do about it.
    pub(crate) fn cure(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Returns the exit code.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.ending as u8)
    }

    /// Writes the error, its causes and its hint, one to a line.
    pub(crate) fn report(&self) -> String {
        let mut report = format!("error: {}", self.message);
        let mut last = self.message.clone();
        let mut cause = self.source.as_deref().map(|source| source as &dyn Error);
        while let Some(error) = cause {
            let text = error.to_string();
            // Some libraries repeat their source's text in their own.
            if !last.contains(&text) {
                let _ = write!(report, "\n  caused by: {text}");
            }
            last = text;
            cause = error.source();
        }
        if let Some(hint) = &self.hint {
            let _ = write!(report, "\nhint: {hint}");
        }
        printable(&report)
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn an_error_shows_its_causes_and_its_hint() {
        let inner = io::Error::other("the disk is full");
        let error = CliError::user_caused(inner, "failed to write `x.tar.gz`").hint("free some space");
        insta::assert_snapshot!(error.report(), @r"
        error: failed to write `x.tar.gz`
          caused by: the disk is full
        hint: free some space
        ");
    }

    #[test]
    fn a_cause_that_only_repeats_is_left_out() {
        let error = CliError::unexpected(io::Error::other("boom"), "it went boom");
        assert_eq!(error.report(), "error: it went boom");
    }
}
