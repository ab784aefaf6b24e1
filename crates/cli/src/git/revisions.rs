//! Revisions as people name them.

use super::WorkTree;
use crate::error::CliError;

/// What is compared: from a commit, to a commit or to the work tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    /// Where it begins; nothing when everything is new.
    pub(crate) from: Option<String>,
    /// Where it ends; nothing for the work tree.
    pub(crate) to: Option<String>,
}

impl WorkTree {
    /// Reads `REV`, `A..B` or `A...B`, each side left out being `HEAD`.
    pub(crate) fn span(&self, text: &str) -> Result<Span, CliError> {
        let side = |name: &str| self.known_commit(if name.is_empty() { "HEAD" } else { name });
        if let Some((from, to)) = text.split_once("...") {
            let (from, to) = (side(from)?, side(to)?);
            let base = self.output(&["merge-base", &from, &to], &[])?;
            let base = String::from_utf8_lossy(&base.stdout).lines().next().map(str::to_owned);
            return Ok(Span { from: base, to: Some(to) });
        }
        match text.split_once("..") {
            Some((from, to)) => Ok(Span { from: Some(side(from)?), to: Some(side(to)?) }),
            None => Ok(Span { from: Some(self.known_commit(text)?), to: None }),
        }
    }

    /// Returns the commit that a revision names; nothing when there is none.
    pub(crate) fn commit(&self, revision: &str) -> Result<Option<String>, CliError> {
        // No branch is called so, and `git` would take it for an option.
        if revision.is_empty() || revision.starts_with('-') {
            return Ok(None);
        }
        let output =
            self.output(&["rev-parse", "--verify", "--quiet", &format!("{revision}^{{commit}}")], &[])?;
        let id = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        Ok(Some(id).filter(|id| output.status.success() && !id.is_empty()))
    }

    fn known_commit(&self, revision: &str) -> Result<String, CliError> {
        self.commit(revision)?.ok_or_else(|| {
            CliError::user(format!("there is no revision {revision:?} in `{}`", self.top.display()))
                .hint("fetch it, or deepen a shallow clone: `git fetch --unshallow`, in GitHub's checkout `fetch-depth: 0`")
        })
    }
}
