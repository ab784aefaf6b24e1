//! Why a call did not succeed, and whether another may.

use std::io::ErrorKind;
use std::time::Duration;

use ureq::Timeout;

use super::refusal::Refusal;
use crate::error::{CliError, Ending};

/// Why a call did not succeed.
#[derive(Debug)]
pub(crate) enum ClientError {
    /// The answer is a refusal.
    Refused(Box<Refusal>),
    /// There was no answer.
    Unreachable(Unreachable),
    /// It could not be asked, or the answer can't be read.
    Failed(CliError),
}

/// How a connection came to nothing.
#[derive(Debug)]
pub(crate) struct Unreachable {
    /// Whom it was to, without what stands behind the host.
    pub(crate) peer: String,
    /// Whether it stood at all.
    pub(crate) connected: bool,
    /// Whether the next may do better.
    pub(crate) passing: bool,
    /// What the network said.
    pub(crate) cause: String,
    /// What was tried about it.
    pub(crate) note: Option<String>,
}

impl ClientError {
    /// Tells whether the same request may succeed in a moment.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Refused(refusal) => refusal.is_passing(),
            Self::Unreachable(unreachable) => unreachable.passing,
            Self::Failed(_) => false,
        }
    }

    /// Returns how long the other side asks to be left alone.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused(refusal) => refusal.retry_after,
            _ => None,
        }
    }

    /// Tells whether it is a refusal with a code.
    pub(crate) fn has_code(&self, code: &str) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.code == code)
    }

    /// Says it in some words, for a line of progress.
    pub(crate) fn brief(&self) -> String {
        match self {
            Self::Refused(refusal) => {
                format!("{} answered {}", refusal.store.as_deref().unwrap_or("the server"), refusal.label())
            }
            Self::Unreachable(Unreachable { peer, cause, .. }) => format!("{peer}: {cause}"),
            Self::Failed(error) => error.report(),
        }
    }

    /// Adds what was tried about it.
    pub(crate) fn noting(mut self, text: String) -> Self {
        match &mut self {
            Self::Refused(refusal) => refusal.note = Some(text),
            Self::Unreachable(unreachable) => unreachable.note = Some(text),
            Self::Failed(_) => {}
        }
        self
    }
}

impl From<Refusal> for ClientError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

impl From<ClientError> for CliError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Refused(refusal) => (*refusal).into(),
            ClientError::Unreachable(unreachable) => unreachable.into(),
            ClientError::Failed(error) => error,
        }
    }
}

impl Unreachable {
    /// Reads the library's error. Its text never holds what stands behind the host of an address.
    pub(super) fn of(peer: String, error: &ureq::Error) -> Self {
        let (connected, passing) = match error {
            ureq::Error::Io(error) => of_io(error.kind()),
            ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect)
            | ureq::Error::HostNotFound
            | ureq::Error::ConnectionFailed
            | ureq::Error::ConnectProxyFailed(_) => (false, true),
            ureq::Error::Timeout(_) | ureq::Error::Protocol(_) | ureq::Error::BodyStalled => (true, true),
            // Certificates, addresses, answers without end: the same again.
            _ => (false, false),
        };
        let cause = match error {
            ureq::Error::Io(error) => error.to_string(),
            ureq::Error::BadUri(_) | ureq::Error::Http(_) => "its address can't be called".to_owned(),
            ureq::Error::Timeout(Timeout::Global) => "the time of --timeout is over".to_owned(),
            ureq::Error::Timeout(_) => "it takes too long".to_owned(),
            other => other.to_string(),
        };
        Self { peer, connected, passing, cause, note: None }
    }
}

/// Tells whether a connection stood, and whether the next may do better.
fn of_io(kind: ErrorKind) -> (bool, bool) {
    match kind {
        ErrorKind::ConnectionRefused
        | ErrorKind::HostUnreachable
        | ErrorKind::NetworkUnreachable
        | ErrorKind::NetworkDown
        | ErrorKind::AddrNotAvailable
        | ErrorKind::NotFound => (false, true),
        // A handshake that failed.
        ErrorKind::InvalidData | ErrorKind::InvalidInput => (false, false),
        _ => (true, true),
    }
}

impl From<Unreachable> for CliError {
    fn from(unreachable: Unreachable) -> Self {
        let Unreachable { peer, cause, note, .. } = unreachable;
        let hint = "is the server running there? `workstead serve` prints its address; --server names it";
        let hint = note.map_or_else(|| hint.to_owned(), |note| format!("{hint}; {note}"));
        Self::user_caused(cause, format!("failed to talk to {peer}")).hint(hint).ends(Ending::Unavailable)
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn what_may_pass_is_told_from_what_stays() {
        let of = |error: ureq::Error| {
            let unreachable = Unreachable::of("https://store.example".to_owned(), &error);
            (unreachable.connected, unreachable.passing)
        };
        let io = |kind: ErrorKind| ureq::Error::Io(io::Error::from(kind));
        assert_eq!(of(io(ErrorKind::ConnectionRefused)), (false, true));
        assert_eq!(of(io(ErrorKind::ConnectionReset)), (true, true));
        assert_eq!(of(io(ErrorKind::UnexpectedEof)), (true, true));
        assert_eq!(of(io(ErrorKind::InvalidData)), (false, false));
        assert_eq!(of(ureq::Error::HostNotFound), (false, true));
        assert_eq!(of(ureq::Error::Timeout(Timeout::Connect)), (false, true));
        assert_eq!(of(ureq::Error::Timeout(Timeout::RecvResponse)), (true, true));
        assert_eq!(of(ureq::Error::BadUri("x".to_owned())), (false, false));
    }

    #[test]
    fn an_address_is_never_shown_whole() {
        let error = ureq::Error::BadUri("https://store.example/k?sig=geheim".to_owned());
        let report = CliError::from(Unreachable::of("https://store.example".to_owned(), &error)).report();
        insta::assert_snapshot!(report, @r"
        error: failed to talk to https://store.example
          caused by: its address can't be called
        hint: is the server running there? `workstead serve` prints its address; --server names it
        ");
    }
}
