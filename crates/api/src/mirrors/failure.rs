//! What went wrong with a mirror, in words that hold no secret.

use crate::egress::Refusal;
use crate::error::{ApiError, one_line};

/// Most characters of what `git` complains of that are told.
const MAX_SAID_CHARS: usize = 600;
/// Most characters of a whole sentence.
const MAX_DETAIL_CHARS: usize = 4000;

/// What helps against a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cure {
    /// Time, perhaps: it is tried again, the later the more often it failed.
    Time,
    /// Somebody has to do something on one side; another commit may be just that.
    Somebody,
    /// The two histories have to be brought together.
    Merge,
    /// None is wanted: the attempt was called off.
    None,
}

/// Why an attempt came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) cure: Cure,
    pub(super) code: String,
    pub(super) detail: String,
}

impl Failure {
    /// Makes a failure of a sentence.
    pub(super) fn new(cure: Cure, code: &str, detail: impl Into<String>) -> Self {
        let detail: String = detail.into();
        let detail = one_line(&detail).chars().take(MAX_DETAIL_CHARS).collect();
        Self { cure, code: code.to_owned(), detail }
    }

    /// Says that the attempt was called off.
    pub(super) fn cancelled() -> Self {
        Self::new(Cure::None, "cancelled", "the attempt was called off")
    }

    /// Says that each side has commits of its own.
    pub(super) fn diverged(detail: impl Into<String>) -> Self {
        Self::new(Cure::Merge, "diverged", detail)
    }

    /// Reads what a `git` complained of that talked with an upstream.
    pub(super) fn of_git(said: &str) -> Self {
        let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
        let told = told(said);
        let (cure, code, detail) = if has(&[
            "Authentication failed",
            "could not read Username",
            "could not read Password",
            "error: 401",
        ]) {
            (
                Cure::Time,
                "credentials_refused",
                "the upstream refuses the credentials; have staff set a user name and token that work there",
            )
        } else if has(&["error: 403"]) {
            (
                Cure::Time,
                "forbidden",
                "the upstream does not allow it; give the token the right to read and, for a push, to write",
            )
        } else if has(&[
            "error: 301",
            "error: 302",
            "error: 303",
            "error: 307",
            "error: 308",
            "update url base from redirection",
        ]) {
            (
                Cure::Time,
                "redirected",
                "the upstream redirects, which is not followed; have staff set the address that it redirects to",
            )
        } else if has(&["not found", "error: 404"]) {
            (Cure::Time, "not_found", "the upstream has no such repository, or not for these credentials")
        } else if has(&["SSL", "TLS", "certificate"]) {
            (Cure::Time, "tls_failed", "the upstream's certificate or encryption is not accepted")
        } else if has(&["fsck", "object corrupt", "invalid index-pack", "fatal: fsck error"]) {
            (
                Cure::Somebody,
                "malformed_objects",
                "the upstream's history holds malformed objects; repair it there",
            )
        } else {
            (Cure::Time, "unreachable", "the upstream can't be talked with")
        };
        Self::new(cure, code, if told.is_empty() { detail.to_owned() } else { format!("{detail} ({told})") })
    }
}

/// Shortens what `git` said to what matters: its last lines, without its progress.
fn told(said: &str) -> String {
    let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let text = one_line(&lines[lines.len().saturating_sub(6)..].join("; "));
    let count = text.chars().count();
    text.chars().skip(count.saturating_sub(MAX_SAID_CHARS)).collect()
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        if error.status().is_server_error() {
            let cause = error.cause().map(ToString::to_string);
            tracing::error!(cause, %error, "a mirror failed on this server");
            return Self::new(Cure::Time, error.code(), "this server failed; its log has the cause");
        }
        Self::new(Cure::Somebody, error.code(), error.detail())
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::new(Cure::Time, refusal.code(), format!("the upstream's URL can't be used: {refusal}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_of_git_have_a_code_and_a_cure() {
        let code = |said: &str| Failure::of_git(said).code;
        for (said, expected) in [
            ("fatal: Authentication failed for 'https://x/'", "credentials_refused"),
            (
                "fatal: could not read Username for 'https://x': terminal prompts disabled",
                "credentials_refused",
            ),
            ("fatal: unable to access 'https://x/': The requested URL returned error: 403", "forbidden"),
            ("fatal: unable to access 'https://x/': The requested URL returned error: 302", "redirected"),
            ("remote: Repository not found.\nfatal: repository 'https://x/' not found", "not_found"),
            (
                "fatal: unable to access 'https://x/': SSL certificate problem: self-signed certificate",
                "tls_failed",
            ),
            ("fatal: unable to access 'https://x/': Failed to connect to x port 443", "unreachable"),
            ("", "unreachable"),
        ] {
            assert_eq!(code(said), expected, "{said}");
        }
    }

    #[test]
    fn words_are_one_line_and_bounded() {
        let said = format!("{}\nremote: cleared\u{1b}[2J\nfatal: no", "x".repeat(5000));
        let failure = Failure::of_git(&said);
        assert!(failure.detail.ends_with("remote: cleared [2J; fatal: no)"), "{}", failure.detail);
        assert!(failure.detail.chars().count() < 800);
    }
}
