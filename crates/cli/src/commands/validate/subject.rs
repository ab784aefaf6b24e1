//! What is looked at: a directory, what is staged, or a change.

use std::path::PathBuf;

use workstead_core::name::WorkspaceName;

use super::report::Report;
use super::{Args, change, directory, workspace};
use crate::error::CliError;
use crate::git::{Span, WorkTree};

/// What is looked at, and as which workspace.
#[derive(Debug)]
pub(super) struct Subject {
    /// The workspace directory.
    pub(super) directory: PathBuf,
    /// The given name.
    pub(super) workspace: Option<WorkspaceName>,
    what: What,
}

#[derive(Debug)]
enum What {
    Directory,
    Staged(WorkTree),
    Change(WorkTree, Span),
}

impl Subject {
    /// Finds what the arguments name.
    pub(super) fn find(args: &Args) -> Result<Self, CliError> {
        let directory = args.directory.clone().unwrap_or_else(workspace::nearest_directory);
        if !directory.is_dir() {
            return Err(CliError::user(format!("`{}` is not a directory", directory.display()))
                .hint("name the directory that holds workspace.yaml"));
        }
        let what = match &args.diff {
            _ if args.staged => What::Staged(WorkTree::find(&directory)?),
            Some(span) => {
                let git = WorkTree::find(&directory)?;
                let span = git.span(span)?;
                What::Change(git, span)
            }
            None => What::Directory,
        };
        Ok(Self { directory, workspace: args.workspace.clone(), what })
    }

    /// Checks it.
    pub(super) fn check(&self) -> Result<Report, CliError> {
        match &self.what {
            What::Directory => directory::check(self),
            What::Staged(git) => {
                let prefix = git.prefix_of(&self.directory)?;
                let head = git.commit("HEAD")?;
                let old = head.map(|head| git.tree(&head, &prefix)).transpose()?;
                change::check(self, prefix.clone(), old.as_ref(), &git.staged(&prefix)?)
            }
            What::Change(git, span) => {
                let prefix = git.prefix_of(&self.directory)?;
                let old = span.from.as_ref().map(|from| git.tree(from, &prefix)).transpose()?;
                let new = match &span.to {
                    Some(to) => git.tree(to, &prefix)?,
                    None => git.work_tree(&prefix)?,
                };
                change::check(self, prefix, old.as_ref(), &new)
            }
        }
    }
}
