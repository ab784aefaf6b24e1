//! The files that a push brings.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use workstead_core::check::{file_too_large, irregular_entry, push_too_large};
use workstead_core::door::{Door, examine};
use workstead_core::model::FileKind;
use workstead_core::oid::BlobId;
use workstead_core::path::RepoPath;
use workstead_core::problem::Problems;
use workstead_core::repository::Snapshot;
use workstead_core::role::Role;
use workstead_core::tree::{FileTree, ReadError};

use super::report::Report;
use super::rules::{Rules, RulesError};

/// The files that a reference shall lead to, and those that were accepted before.
pub(super) struct Content {
    /// Accepted before, the branch's own first.
    pub(super) bases: Vec<Arc<Snapshot>>,
    /// What is pushed.
    pub(super) new: Arc<Snapshot>,
}

impl Content {
    /// Tells whether the branch's own files and those that are pushed differ at a name at the root or below it.
    pub(super) fn changes_below(&self, name: &str) -> bool {
        let below = |path: &RepoPath| path.as_str().split('/').next() == Some(name);
        let Some(base) = self.bases.first() else { return true };
        let (old, new) = (base.files(), self.new.files());
        new.iter().any(|(path, id)| below(path) && old.get(path) != Some(id))
            || old.keys().any(|path| below(path) && !new.contains_key(path))
    }
}

/// Checks sizes before anything is read, then asks the door-keeper.
pub(super) fn examine_content(
    rules: &Rules<'_>,
    content: &Content,
    report: &mut Report,
) -> Result<(), RulesError> {
    let Content { bases, new } = content;
    report.add(irregular(content));
    let accepted = accepted(content);
    let Sizes { problems, are_readable } = sizes(rules, accepted.as_ref(), new)?;
    report.add(problems);
    if !are_readable {
        return Ok(());
    }
    let old = accepted.as_ref().map(|tree| tree as &dyn FileTree);
    debug_assert_eq!(old.is_none(), bases.is_empty());
    let examination = examine(rules.workspace, rules.facts, old, new.as_ref(), Door::Push)?;
    report.add(examination.problems);
    if rules.role < examination.needs {
        for reason in &examination.reasons {
            let message = format!("{reason}; yours is `{}`", rules.role);
            report.refuse(
                "role_too_low",
                &message,
                "leave this out, or ask an admin of the workspace to push it",
            );
        }
        if examination.reasons.is_empty() {
            let message =
                format!("this push needs the role `{}`; yours is `{}`", examination.needs, rules.role);
            report.refuse("role_too_low", &message, "ask an admin of the workspace");
        }
    }
    if let Some(change) = &examination.permissions
        && let Err((code, why)) = (rules.check_permissions)(change)
    {
        report.refuse(&code, &why, "leave the permissions as they are");
    }
    Ok(())
}

/// Tells whether all files could have been pushed, if by an admin.
pub(super) fn is_sound(rules: &Rules<'_>, content: &Content) -> Result<bool, RulesError> {
    let mut report = Report::default();
    let rules = Rules { role: Role::Admin, ..*rules };
    examine_content(&rules, content, &mut report)?;
    Ok(report.verdict().accepted)
}

/// Lists what is new and no file.
fn irregular(content: &Content) -> Problems {
    let known = |entry| content.bases.iter().any(|base| base.irregular().contains(entry));
    let new = content.new.irregular().iter().filter(|entry| !known(entry));
    new.map(|entry| irregular_entry(&entry.path, &entry.kind)).collect()
}

/// What is known of a push before anything of it is read.
struct Sizes {
    problems: Problems,
    /// Whether what must be read to examine the rest is within the limits; files of no known kind are not read.
    are_readable: bool,
}

/// Lists what is new and larger than files may be.
fn sizes(rules: &Rules<'_>, old: Option<&Accepted>, new: &Snapshot) -> Result<Sizes, RulesError> {
    let mut problems = Problems::default();
    let mut are_readable = true;
    let (limit, total_limit) = (rules.limits.max_file_bytes, rules.limits.max_unpacked_bytes);
    let mut total = 0_u64;
    for (path, id) in new.files() {
        if old.and_then(|old| old.files.get(path)) == Some(id) {
            continue;
        }
        let size = new.size(*id)?;
        total = total.saturating_add(size);
        if size > limit {
            problems.push(file_too_large(path.as_str(), size, limit));
            are_readable &= FileKind::of(path) == FileKind::Other;
        }
    }
    if total > total_limit {
        problems.push(push_too_large(total, total_limit));
        are_readable = false;
    }
    Ok(Sizes { problems, are_readable })
}

/// What was accepted before, as one tree: the branch's own files, but another base's version where
/// the push has taken that over.
struct Accepted {
    files: BTreeMap<RepoPath, BlobId>,
    reader: Arc<Snapshot>,
}

fn accepted(content: &Content) -> Option<Accepted> {
    let (first, others) = content.bases.split_first()?;
    let mut files = first.files().clone();
    let wanted = content.new.files();
    for other in others.iter().map(FileTree::files) {
        for (path, id) in wanted {
            if other.get(path) == Some(id) {
                files.insert(path.clone(), *id);
            }
        }
        files.retain(|path, _| wanted.contains_key(path) || other.contains_key(path));
    }
    Some(Accepted { files, reader: Arc::clone(first) })
}

impl FileTree for Accepted {
    fn files(&self) -> &BTreeMap<RepoPath, BlobId> {
        &self.files
    }

    fn read(&self, id: BlobId) -> Result<Bytes, ReadError> {
        self.reader.read(id)
    }
}
