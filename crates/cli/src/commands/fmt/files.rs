//! Which files are formatted, and how they are replaced.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use workstead_bundler::{Limits, survey_directory};
use workstead_core::check::SchemaKind;
use workstead_core::model::{FileKind, WORKSPACE_FILE};

use crate::commands::validate::nearest_directory;
use crate::error::CliError;

/// A file with what it held when it was looked at.
#[derive(Debug)]
pub(super) struct Found {
    /// Where it is.
    pub(super) path: PathBuf,
    /// How people are told of it.
    pub(super) shown: String,
    /// What it held.
    pub(super) content: Bytes,
    /// Whether it was named itself, and not a directory above it.
    pub(super) is_named: bool,
}

/// Finds the files that paths name, each once.
pub(super) fn find(paths: &[PathBuf]) -> Result<Vec<Found>, CliError> {
    let here = [nearest_directory()];
    let paths = if paths.is_empty() { &here } else { paths };
    let mut all = BTreeMap::new();
    for path in paths {
        let failed = |error| CliError::user_caused(error, format!("failed to read `{}`", path.display()));
        let real = path.canonicalize().map_err(failed)?;
        if real.is_dir() {
            for found in below(path, &real)? {
                all.entry(found.path.clone()).or_insert(found);
            }
        } else {
            let content = fs_err::read(&real).map_err(failed)?.into();
            let shown = path.display().to_string();
            all.insert(real.clone(), Found { path: real, shown, content, is_named: true });
        }
    }
    Ok(all.into_values().collect())
}

/// Finds the files below a directory that the server reads; the record of uploads is the server's own.
fn below(named: &Path, real: &Path) -> Result<Vec<Found>, CliError> {
    let failed = |error| CliError::user_caused(error, format!("failed to read `{}`", named.display()));
    let root = real.ancestors().find(|directory| directory.join(WORKSPACE_FILE).is_file()).unwrap_or(real);
    let survey = survey_directory(root, &Limits::default()).map_err(failed)?;
    let mut found = Vec::new();
    for (path, content) in survey.found.files {
        let kind = FileKind::of(&path);
        if kind == FileKind::Manifest || SchemaKind::of(kind).is_none() {
            continue;
        }
        let path = root.join(path.as_str());
        let Ok(inner) = path.strip_prefix(real) else { continue };
        let shown = if named == Path::new(".") { inner.to_owned() } else { named.join(inner) };
        found.push(Found { shown: shown.display().to_string(), path, content, is_named: false });
    }
    Ok(found)
}

/// Replaces a file at once or not at all; its mode stays.
pub(super) fn replace(found: &Found, text: &str) -> Result<(), CliError> {
    let failed = |error| CliError::user_caused(error, format!("failed to write `{}`", found.shown));
    let permissions = fs_err::metadata(&found.path).map_err(failed)?.permissions();
    let directory = found.path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(directory).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    file.as_file().set_permissions(permissions).map_err(failed)?;
    // Whoever saved it meanwhile has the last word.
    if fs_err::read(&found.path).map_err(failed)? != found.content {
        return Err(CliError::user(format!("`{}` was changed meanwhile and is not formatted", found.shown))
            .hint("run it again"));
    }
    file.persist(&found.path).map_err(|error| failed(error.error))?;
    Ok(())
}
