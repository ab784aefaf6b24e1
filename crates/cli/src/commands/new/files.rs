//! New files: made, checked and put in their place.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use bytes::Bytes;
use workstead_bundler::manifest::{ManifestType, ManifestValues, default_manifest};
use workstead_bundler::{Limits, survey_directory};
use workstead_core::check::{check_file, check_tree};
use workstead_core::model::FactsCache;
use workstead_core::name::WorkspaceName;
use workstead_core::path::RepoPath;
use workstead_core::problem::{Problem, Severity};
use workstead_core::tree::MemoryTree;

use crate::diagnostics::{Diagnostics, Finding};
use crate::error::CliError;
use crate::output::Printer;

/// What people read first in a new workspace.
const README: &str = "README.md";

/// Files by their path in the workspace.
pub(super) struct NewFiles(BTreeMap<RepoPath, Bytes>);

impl NewFiles {
    /// Fills the templates.
    pub(super) fn make(kinds: &[ManifestType], values: &ManifestValues) -> Result<Self, CliError> {
        let path = |text: &str| RepoPath::parse(text).map_err(|error| CliError::user(error.to_string()));
        let mut files = BTreeMap::new();
        for kind in kinds {
            files.insert(path(&kind.file_path(values))?, default_manifest(*kind, values).into());
        }
        if kinds.len() > 1 {
            files.insert(path(README)?, readme(values).into());
        }
        Ok(Self(files))
    }

    /// Checks the files by themselves.
    pub(super) fn check_alone(&self, workspace: &WorkspaceName, printer: &Printer) -> Result<(), CliError> {
        let problems = self.0.iter().flat_map(|(path, text)| check_file(workspace, path, text));
        self.judge(problems.collect(), printer)
    }

    /// Checks the files beside those that are there, whose own problems don't count.
    pub(super) fn check_beside(
        &self,
        directory: &Path,
        workspace: &WorkspaceName,
        printer: &Printer,
    ) -> Result<(), CliError> {
        let failed =
            |error| CliError::user_caused(error, format!("failed to read `{}`", directory.display()));
        let mut files = BTreeMap::new();
        if directory.exists() {
            files = survey_directory(directory, &Limits::default()).map_err(failed)?.found.files;
        }
        let changed = self.0.keys().cloned().collect();
        let check = |files: &BTreeMap<RepoPath, Bytes>| {
            let tree: MemoryTree =
                files.iter().map(|(path, content)| (path.clone(), content.clone())).collect();
            check_tree(workspace, &tree, Some(&changed), &FactsCache::new())
                .map_err(|error| CliError::unexpected(error, "failed to check the new files"))
        };
        let before: Vec<_> = check(&files)?.into_sorted();
        files.extend(self.0.iter().map(|(path, content)| (path.clone(), content.clone())));
        let after = check(&files)?.into_sorted().into_iter();
        self.judge(after.filter(|problem| !before.contains(problem)).collect(), printer)
    }

    /// Shows problems of the new files; errors end it.
    fn judge(&self, problems: Vec<Problem>, printer: &Printer) -> Result<(), CliError> {
        let is_bad = problems.iter().any(|problem| problem.severity == Severity::Error);
        let diagnostics = Diagnostics::new(&self.0, false);
        for finding in problems.into_iter().map(Finding::from) {
            printer.say(format_args!("{}\n", diagnostics.render(&finding)));
        }
        if is_bad {
            return Err(CliError::user("the server would refuse this, so nothing was written"));
        }
        Ok(())
    }

    /// Writes the files; nothing is written when one of them is there already, unless it shall be replaced.
    pub(super) fn write(&self, directory: &Path, force: bool, printer: &Printer) -> Result<(), CliError> {
        let refuse = |path: &Path| {
            CliError::user(format!("`{}` is there already, so nothing was written", path.display()))
                .hint("choose another name, or replace it with --force")
        };
        if !force
            && let Some(path) = self
                .0
                .keys()
                .map(|path| directory.join(path.as_str()))
                .find(|path| path.symlink_metadata().is_ok())
        {
            return Err(refuse(&path));
        }
        for (path, content) in &self.0 {
            let path = directory.join(path.as_str());
            put(&path, content, force).map_err(|error| {
                if error.kind() == std::io::ErrorKind::AlreadyExists {
                    return refuse(&path);
                }
                CliError::user_caused(error, format!("failed to write `{}`", path.display()))
            })?;
            printer.data(path.display())?;
        }
        Ok(())
    }
}

/// Writes one file at once or not at all.
fn put(path: &Path, content: &[u8], force: bool) -> std::io::Result<()> {
    let parent = path.parent().unwrap_or(Path::new("."));
    fs_err::create_dir_all(parent)?;
    let mode = std::fs::Permissions::from_mode(0o666);
    let mut file = tempfile::Builder::new().permissions(mode).tempfile_in(parent)?;
    file.write_all(content)?;
    let put = if force { file.persist(path) } else { file.persist_noclobber(path) };
    put.map(drop).map_err(|error| error.error)
}

fn readme(values: &ManifestValues) -> String {
    let ManifestValues { workspace, slx, .. } = values;
    format!(
        "# {workspace}\n\nThe configuration of the workspace `{workspace}`. `workspace.yaml` says who may do what and what belongs \
         together; each directory\nbelow `slxs/` is one thing to watch, `slxs/{slx}/` an example.\n\n```sh\nworkstead validate          # \
         before a push\nworkstead new slx NAME      # another one\n```\n"
    )
}
