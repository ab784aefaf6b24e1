//! The check of a whole directory, whatever Git knows of it.

use std::path::Path;

use bytes::Bytes;
use workstead_bundler::directory::DirectoryError;
use workstead_bundler::{Limit, LimitExceeded, Limits, Survey, survey_directory};
use workstead_core::check::{check_tree, file_too_large, irregular_entry, push_too_large};
use workstead_core::model::{FactsCache, MANIFEST_FILE, WORKSPACE_FILE};
use workstead_core::path::RepoPath;
use workstead_core::problem::{Problem, Problems};
use workstead_core::repository::IrregularKind;
use workstead_core::tree::MemoryTree;

use super::report::Report;
use super::subject::Subject;
use super::workspace;
use crate::error::CliError;

/// Checks every file of the directory.
pub(super) fn check(subject: &Subject) -> Result<Report, CliError> {
    let failed = |error| {
        let message = format!("failed to read the workspace in `{}`", subject.directory.display());
        CliError::user_caused(error, message)
    };
    let root = subject.directory.canonicalize().map_err(failed)?;
    let Survey { found, refused } = survey_directory(&root, &Limits::default()).map_err(failed)?;
    let mut files = found.files;
    add_manifest(&root, &mut files).map_err(failed)?;
    let workspace_file = files.get(WORKSPACE_FILE).map(AsRef::as_ref);
    let named = workspace::name(subject.workspace.as_ref(), workspace_file, &root)?;
    let tree: MemoryTree = files.iter().map(|(path, content)| (path.clone(), content.clone())).collect();
    let mut problems: Problems = refused.into_iter().map(|error| refusal(&root, error)).collect();
    let checked = check_tree(&named.name, &tree, None, &FactsCache::new())
        .map_err(|error| CliError::unexpected(error, "failed to check the directory"))?;
    problems.absorb(checked);
    let mut report = Report::new(named.name, place_in_repository(&root), problems);
    report.notes.extend(named.note);
    report.files = files.len();
    report.sources = files;
    Ok(report)
}

/// Adds the manifest of uploads, which no bundle holds but a clone does.
fn add_manifest(root: &Path, files: &mut std::collections::BTreeMap<RepoPath, Bytes>) -> std::io::Result<()> {
    let path = root.join(MANIFEST_FILE);
    if path.is_file()
        && let Ok(name) = RepoPath::parse(MANIFEST_FILE)
    {
        files.insert(name, fs_err::read(path)?.into());
    }
    Ok(())
}

/// Says of what no repository would take what a push would say.
fn refusal(root: &Path, error: DirectoryError) -> Problem {
    let inner = |path: &Path| path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned();
    match error {
        DirectoryError::SymbolicLink { path } => irregular_entry(&inner(&path), &IrregularKind::Symlink),
        DirectoryError::SpecialFile { path } => {
            let kind = IrregularKind::BadPath("is neither a file nor a directory".to_owned());
            irregular_entry(&inner(&path), &kind).hint("take it away")
        }
        DirectoryError::NotUtf8 { path } => {
            irregular_entry(&inner(&path), &IrregularKind::BadPath("is not UTF-8".to_owned()))
        }
        DirectoryError::InvalidPath { path, rule } => {
            irregular_entry(&inner(&path), &IrregularKind::BadPath(rule))
        }
        DirectoryError::LimitExceeded(LimitExceeded {
            limit: Limit::FileBytes,
            maximum,
            actual,
            member: Some(member),
        }) => file_too_large(&member, actual, maximum),
        DirectoryError::LimitExceeded(LimitExceeded {
            limit: Limit::UnpackedBytes, maximum, actual, ..
        }) => push_too_large(actual, maximum),
        other => irregular_entry("(all files)", &IrregularKind::BadPath(format!("can't be taken: {other}"))),
    }
}

/// Returns where the directory lies in its repository; empty at the top, and where there is none.
fn place_in_repository(root: &Path) -> String {
    let top = root.ancestors().find(|directory| directory.join(".git").exists());
    let below = top.and_then(|top| root.strip_prefix(top).ok());
    below.map(|below| below.to_string_lossy().into_owned()).unwrap_or_default()
}
