//! A repository examined as a whole: by `git fsck`, and for what only we know of it.

use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use fs_err as fs;
use serde::Serialize;

use super::error::Result;
use super::layout::ANY_TEMPORARY_OBJECTS;
use super::names::{RecordName, RepositoryId};
use super::probe::check_packs;
use super::program::Run;
use super::store::RepositoryStore;
use crate::name::BranchName;

/// Longest that one repository may take.
const MAX_TIME: Duration = Duration::from_hours(1);
/// Most lines of `git fsck` that are told.
const MAX_LINES: usize = 20;

/// How the names of all references begin that clients don't see.
const HIDDEN: &str = "refs/workstead/";
const RESTORE: &str = "restore the repository from a backup";
const LEFT_OVER: &str = "nothing need be done: the server removes it when it runs";

/// How bad something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It does no harm.
    Warning,
    /// Something is lost, or will not work.
    Error,
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub cure: &'static str,
}

impl Finding {
    /// Makes one that is bad.
    pub fn error(what: impl Into<String>, cure: &'static str) -> Self {
        Self { severity: Severity::Error, what: what.into(), cure }
    }

    /// Makes one that does no harm.
    pub fn warning(what: impl Into<String>, cure: &'static str) -> Self {
        Self { severity: Severity::Warning, what: what.into(), cure }
    }
}

impl RepositoryStore {
    /// Examines a repository on its disk, all of it; `branch` is the one that it must have.
    ///
    /// Nothing is changed, and what is broken keeps nothing else from being looked at. Only a `git` that can't be run is
    /// an error.
    pub fn fsck(&self, id: &RepositoryId, branch: &BranchName) -> Result<Vec<Finding>> {
        let directory = self.directory(id);
        let mut findings = Vec::new();
        if !directory.is_dir() {
            let cure = "restore the repository from a backup, or delete the workspace";
            return Ok(vec![Finding::error("its repository is missing", cure)]);
        }
        if let Err(error) = look_for_leftovers(&directory, &mut findings) {
            findings.push(Finding::error(format!("its files can't be listed: {error}"), RESTORE));
        }
        if let Err(error) = check_packs(&directory.join("objects/pack")) {
            findings.push(Finding::error(error.to_string(), RESTORE));
        }
        check_head(&directory, branch, &mut findings);
        check_references(&directory, branch, &mut findings);
        self.ask_git(&directory, &mut findings)?;
        Ok(findings)
    }

    fn ask_git(&self, directory: &Path, findings: &mut Vec<Finding>) -> Result<()> {
        let (mut lines, mut more) = (Vec::new(), 0);
        let arguments = ["--strict", "--full", "--no-dangling", "--no-progress"].map(OsStr::new);
        let run = Run::new(self.git_program(), directory, "fsck", &arguments, MAX_TIME);
        let status = run.report(|line| {
            let line = String::from_utf8_lossy(line).trim().to_owned();
            // Where HEAD leads is our own affair.
            if line.is_empty() || line.starts_with("notice: HEAD points to an unborn branch") {
            } else if lines.len() < MAX_LINES {
                lines.push(line);
            } else {
                more += 1;
            }
        })?;
        if more > 0 {
            lines.push(format!("... and {more} more lines"));
        }
        if !status.success() && lines.is_empty() {
            lines.push(status.to_string());
        }
        findings.extend(lines.into_iter().map(|line| {
            let what = format!("git fsck: {line}");
            if status.success() {
                Finding::warning(what, "nothing need be done: all that references lead to is there")
            } else {
                Finding::error(what, RESTORE)
            }
        }));
        Ok(())
    }
}

/// Finds files that a crash left, and packs that lack a part.
fn look_for_leftovers(directory: &Path, findings: &mut Vec<Finding>) -> Result<()> {
    let objects = directory.join("objects");
    let mut left_over = |path: &Path| {
        let path = path.strip_prefix(directory).unwrap_or(path);
        findings.push(Finding::warning(format!("{} is left from a crash", path.display()), LEFT_OVER));
    };
    for entry in fs::read_dir(&objects)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(ANY_TEMPORARY_OBJECTS) {
            left_over(&entry.path());
        }
    }
    for entry in fs::read_dir(objects.join("pack"))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_index = path.extension().is_some_and(|extension| extension == "idx");
        if name.starts_with("tmp_")
            || name.starts_with(".tmp-")
            || (name.starts_with("pack-") && !is_index && !path.with_extension("idx").try_exists()?)
        {
            left_over(&path);
        }
    }
    look_for_locks(&directory.join("refs"), &mut left_over)
}

fn look_for_locks(directory: &Path, left_over: &mut dyn FnMut(&Path)) -> Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            look_for_locks(&path, left_over)?;
        } else if path.extension().is_some_and(|extension| extension == "lock") {
            left_over(&path);
        }
    }
    Ok(())
}

fn check_head(directory: &Path, branch: &BranchName, findings: &mut Vec<Finding>) {
    let expected = format!("ref: {}", branch.reference());
    match fs::read_to_string(directory.join("HEAD")) {
        Ok(text) if text.trim_end() == expected => {}
        Ok(text) => {
            let what = format!(
                "HEAD is {:?}, not {expected:?}",
                text.trim_end().chars().take(100).collect::<String>()
            );
            findings.push(Finding::error(what, "write that into the file HEAD of the repository"));
        }
        Err(error) => findings.push(Finding::error(format!("HEAD can't be read: {error}"), RESTORE)),
    }
}

/// Checks that every reference is one of ours and leads to what it should.
fn check_references(directory: &Path, branch: &BranchName, findings: &mut Vec<Finding>) {
    let mut has_branch = false;
    let mut look = || {
        let handle = git2::Repository::open_bare(directory)?;
        for reference in handle.references()? {
            let reference = reference?;
            let name = String::from_utf8_lossy(reference.name_bytes()).into_owned();
            has_branch |= name == branch.reference();
            let leads = match &name {
                name if name.starts_with("refs/heads/") || name.starts_with("refs/tags/") => {
                    reference.peel_to_commit().err().map(|error| ("a commit", error))
                }
                name if name.starts_with(RecordName::PREFIX) => {
                    reference.peel_to_tree().err().map(|error| ("a tree", error))
                }
                // Whatever of ours it is, git looks whether it leads anywhere.
                name if name.starts_with(HIDDEN) => None,
                _ => {
                    let cure = "see who made it; with the server stopped, `git update-ref -d` removes it";
                    findings.push(Finding::warning(format!("the reference {name} is none of ours"), cure));
                    None
                }
            };
            if let Some((what, error)) = leads {
                let what = format!("the reference {name} does not lead to {what}: {}", error.message());
                findings.push(Finding::error(what, RESTORE));
            }
        }
        Ok::<_, git2::Error>(())
    };
    if let Err(error) = look() {
        findings.push(Finding::error(format!("its references can't be read: {}", error.message()), RESTORE));
    } else if !has_branch {
        findings.push(Finding::error(format!("it has no branch {branch}"), RESTORE));
    }
}
