//! What was found, as every format tells it.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Serialize;
use workstead_core::name::WorkspaceName;
use workstead_core::path::RepoPath;
use workstead_core::problem::Problems;

use super::count;
use crate::diagnostics::{Diagnostics, Finding};
use crate::error::CliError;
use crate::output::Printer;

/// What `--format json` prints.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// The workspace.
    pub(super) workspace: WorkspaceName,
    /// Where the workspace lies in the repository, empty at its top; what paths of other formats begin with.
    pub(super) directory: String,
    /// How many files there are, or changed.
    pub(super) files: usize,
    /// Problems that refuse the change, listed or not.
    pub(super) errors: usize,
    /// Problems that don't, listed or not.
    pub(super) warnings: usize,
    /// The problems, by path, line and column, up to a limit.
    pub(super) problems: Vec<Finding>,
    /// What else whoever sends this should know.
    pub(super) notes: Vec<String>,
    /// Whether only a change was looked at.
    #[serde(skip)]
    pub(super) is_change: bool,
    /// The files that problems point into.
    #[serde(skip)]
    pub(super) sources: BTreeMap<RepoPath, Bytes>,
}

impl Report {
    /// Begins a report of problems.
    pub(super) fn new(workspace: WorkspaceName, directory: String, problems: Problems) -> Self {
        let (errors, warnings) = (problems.error_count(), problems.warning_count());
        let problems = problems.into_sorted().into_iter().map(Finding::from).collect();
        let (notes, sources) = (Vec::new(), BTreeMap::new());
        Self { workspace, directory, files: 0, errors, warnings, problems, notes, is_change: false, sources }
    }

    /// Says how many files were looked at.
    pub(super) fn looked_at(&self) -> String {
        let noun = if self.is_change { "changed file" } else { "file" };
        count(self.files, noun)
    }

    /// Returns a finding's path from the top of the repository.
    pub(super) fn path_of(&self, finding: &Finding) -> String {
        if self.directory.is_empty() {
            finding.path.clone()
        } else {
            format!("{}/{}", self.directory, finding.path)
        }
    }

    /// Prints the problems for people.
    pub(super) fn print(&self, printer: &Printer) -> Result<(), CliError> {
        let diagnostics = Diagnostics::new(&self.sources, printer.color());
        for finding in &self.problems {
            printer.data(format_args!("{}\n", diagnostics.render(finding)))?;
        }
        Ok(())
    }
}
