//! The check of a change, as the server checks a push.

use workstead_bundler::Limits;
use workstead_core::check::{file_too_large, irregular_entry, push_too_large};
use workstead_core::door::{Door, Examination, examine};
use workstead_core::model::{FactsCache, WORKSPACE_FILE};
use workstead_core::problem::Problems;
use workstead_core::role::Role;
use workstead_core::tree::{FileTree, ReadError};

use super::report::Report;
use super::subject::Subject;
use super::workspace;
use crate::error::CliError;
use crate::git::CommitTree;

/// Most reasons that are told why a change takes more than an ordinary role.
const MAX_REASONS: usize = 5;

/// Checks what differs between two commits, and what that breaks elsewhere.
pub(super) fn check(
    subject: &Subject,
    prefix: String,
    old: Option<&CommitTree>,
    new: &CommitTree,
) -> Result<Report, CliError> {
    let unreadable = |error: ReadError| CliError::user_caused(error, "failed to read a file's content");
    let workspace_file = new.read_path(WORKSPACE_FILE).map_err(unreadable)?;
    let directory = subject.directory.canonicalize();
    let directory =
        directory.map_err(|error| CliError::user_caused(error, "failed to look at the directory"))?;
    let named = workspace::name(subject.workspace.as_ref(), workspace_file.as_deref(), &directory)?;
    let old_tree = old.map(|tree| tree as &dyn FileTree);
    let mut problems: Problems = irregular(old, new).collect();
    let too_large = sizes(old, new)?;
    // What is too large is not read, here as there.
    let examination = if too_large.is_acceptable() {
        Some(examine(&named.name, &FactsCache::new(), old_tree, new, Door::Push).map_err(unreadable)?)
    } else {
        None
    };
    problems.extend(too_large.into_sorted());
    let mut notes: Vec<_> = named.note.into_iter().collect();
    let mut files = changed(old, new).count();
    if let Some(examination) = examination {
        files = examination.changed.len();
        notes.extend(what_it_takes(&examination));
        problems.absorb(examination.problems);
    }
    let mut report = Report::new(named.name, prefix, problems);
    for path in report.problems.iter().map(|finding| finding.path.as_str()) {
        if let Some((path, id)) = new.files().get_key_value(path)
            && !report.sources.contains_key(path)
        {
            report.sources.insert(path.clone(), new.read(*id).map_err(unreadable)?);
        }
    }
    Ok(Report { files, is_change: true, notes, ..report })
}

/// Lists what is new and no file of a workspace.
fn irregular<'a>(
    old: Option<&'a CommitTree>,
    new: &'a CommitTree,
) -> impl Iterator<Item = workstead_core::problem::Problem> + use<'a> {
    let known = old.map(CommitTree::irregular).unwrap_or_default();
    let new = new.irregular().iter().filter(move |entry| !known.contains(entry));
    new.map(|entry| irregular_entry(&entry.path, &entry.kind))
}

/// Returns what is new or other than before.
fn changed<'a>(
    old: Option<&'a CommitTree>,
    new: &'a CommitTree,
) -> impl Iterator<Item = (&'a workstead_core::path::RepoPath, &'a workstead_core::oid::BlobId)> {
    new.files().iter().filter(move |(path, id)| old.and_then(|old| old.files().get(*path)) != Some(*id))
}

/// Lists what is new and larger than files may be, by the limits of a server with its defaults.
fn sizes(old: Option<&CommitTree>, new: &CommitTree) -> Result<Problems, CliError> {
    let limits = Limits::default();
    let changed: Vec<_> = changed(old, new).collect();
    let ids: Vec<_> = changed.iter().map(|(_, id)| **id).collect();
    let sizes = if ids.is_empty() { Vec::new() } else { new.sizes(&ids)? };
    let mut problems = Problems::default();
    for ((path, _), size) in changed.iter().zip(&sizes) {
        if *size > limits.max_file_bytes {
            problems.push(file_too_large(path.as_str(), *size, limits.max_file_bytes));
        }
    }
    let total = sizes.iter().fold(0_u64, |total, size| total.saturating_add(*size));
    if total > limits.max_unpacked_bytes {
        problems.push(push_too_large(total, limits.max_unpacked_bytes));
    }
    Ok(problems)
}

/// Says why not everybody who may push may push this.
fn what_it_takes(examination: &Examination) -> Vec<String> {
    let reasons = &examination.reasons;
    if examination.needs <= Role::ReadWrite {
        return Vec::new();
    }
    let mut notes: Vec<_> = reasons.iter().take(MAX_REASONS).cloned().collect();
    if reasons.len() > MAX_REASONS {
        notes.push(format!(
            "{} more changes need the role `{}`",
            reasons.len() - MAX_REASONS,
            examination.needs
        ));
    }
    notes
}
