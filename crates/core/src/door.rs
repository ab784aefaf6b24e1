//! The one door-keeper: what a change must satisfy, whichever door it came through.

use std::collections::BTreeSet;

use itertools::{EitherOrBoth, Itertools};

use crate::check::check_tree;
use crate::model::{FactsCache, MANIFEST_FILE, WORKSPACE_FILE};
use crate::name::WorkspaceName;
use crate::path::RepoPath;
use crate::problem::Problems;
use crate::role::Role;
use crate::tree::{FileTree, ReadError};
use crate::workspace_file::Permission;

/// Which door a change came through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// The HTTP API.
    Api,
    /// The HTTP API, taking over what other revisions have: a merge, or what undoes a commit.
    Merge,
    /// `git push`.
    Push,
}

/// What the door-keeper found.
#[derive(Debug)]
pub struct Examination {
    /// Problems of what changed; errors refuse the change.
    pub problems: Problems,
    /// The least role that may make the change.
    pub needs: Role,
    /// Why more than [`Role::ReadWrite`] is needed, one sentence each.
    pub reasons: Vec<String>,
    /// The paths that differ.
    pub changed: BTreeSet<RepoPath>,
    /// Who may do what before and after, where that differs.
    pub permissions: Option<PermissionChange>,
}

/// A change of who may do what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermissionChange {
    /// As it was.
    pub before: Vec<Permission>,
    /// As it shall be.
    pub after: Vec<Permission>,
}

/// Examines the step from one revision's files to another's.
///
/// Only what differs is validated: the rest was when it came in. Changing `spec.permissions` needs
/// [`Role::Admin`], and so does pushing what a mirror of the repository might run (root names that
/// begin with a dot). The server's own notes on uploads may be taken away by whoever may push, but not written.
pub fn examine(
    workspace: &WorkspaceName,
    facts: &FactsCache,
    old: Option<&dyn FileTree>,
    new: &dyn FileTree,
    door: Door,
) -> Result<Examination, ReadError> {
    let changed = changed_paths(old, new);
    let problems = check_tree(workspace, new, Some(&changed), facts)?;
    let mut reasons = Vec::new();
    let permissions =
        if changed.contains(WORKSPACE_FILE) { permission_change(old, new, facts)? } else { None };
    if permissions.is_some() {
        reasons.push("changing `spec.permissions` of workspace.yaml needs the role `admin`".to_owned());
    }
    // Changes over HTTP make no such names, nor can an upload; its own notes come back with what undoes it.
    if door != Door::Api {
        // Taking those away begins anew, which mirrors run as little, and is how builders' pipelines empty a workspace.
        let is_own = |path: &RepoPath| {
            path.as_str() == MANIFEST_FILE
                && (door == Door::Merge || !new.files().contains_key(MANIFEST_FILE))
        };
        for path in changed.iter().filter(|path| path.as_str().starts_with('.') && !is_own(path)) {
            reasons.push(format!(
                "changing `{path}` needs the role `admin`, because its name begins with a dot"
            ));
        }
    }
    let needs = if reasons.is_empty() { Role::ReadWrite } else { Role::Admin };
    Ok(Examination { problems, needs, reasons, changed, permissions })
}

/// Returns the paths whose blobs differ, or that only one side has.
fn changed_paths(old: Option<&dyn FileTree>, new: &dyn FileTree) -> BTreeSet<RepoPath> {
    let Some(old) = old.map(FileTree::files) else { return new.files().keys().cloned().collect() };
    // Side by side: looking each of many long paths up would take several times as long.
    let differs = |both| match both {
        EitherOrBoth::Left((path, _)) | EitherOrBoth::Right((path, _)) => Some(path),
        EitherOrBoth::Both((path, id), (_, other)) => (id != other).then_some(path),
    };
    old.iter()
        .merge_join_by(new.files(), |one, other| one.0.cmp(other.0))
        .filter_map(differs)
        .cloned()
        .collect()
}

fn permission_change(
    old: Option<&dyn FileTree>,
    new: &dyn FileTree,
    facts: &FactsCache,
) -> Result<Option<PermissionChange>, ReadError> {
    let (before, after) = (permissions(old, facts)?, permissions(Some(new), facts)?);
    Ok((before != after).then_some(PermissionChange { before, after }))
}

/// Returns who may do what; nobody, where the file is absent or can't be read.
fn permissions(tree: Option<&dyn FileTree>, facts: &FactsCache) -> Result<Vec<Permission>, ReadError> {
    let Some(tree) = tree else { return Ok(Vec::new()) };
    let Some(id) = tree.files().get(WORKSPACE_FILE).copied() else { return Ok(Vec::new()) };
    let file = facts.workspace(id, || tree.read(id))?;
    Ok(file.as_ref().as_ref().map(|file| file.config.permissions.clone()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::MemoryTree;

    const WORKSPACE: &str = "apiVersion: runwhen.com/v1\nkind: Workspace\nmetadata: {name: demo}\nspec:\n";

    fn tree(files: &[(&str, &str)]) -> MemoryTree {
        files.iter().map(|(path, text)| (RepoPath::parse(path).unwrap(), (*text).to_owned().into())).collect()
    }

    fn examined(old: &[(&str, &str)], new: &[(&str, &str)], door: Door) -> Examination {
        let name = WorkspaceName::parse("demo").unwrap();
        let (old, new) = (tree(old), tree(new));
        examine(&name, &FactsCache::new(), Some(&old), &new, door).unwrap()
    }

    #[test]
    fn an_ordinary_change_needs_readwrite() {
        let old = format!("{WORKSPACE}  displayName: a\n");
        let new = format!("{WORKSPACE}  displayName: b\n");
        let found =
            examined(&[("workspace.yaml", &old)], &[("workspace.yaml", &new), ("x.md", "x")], Door::Push);
        assert_eq!((found.needs, found.problems.error_count()), (Role::ReadWrite, 0));
        assert_eq!(found.changed.len(), 2);
    }

    #[test]
    fn only_an_admin_changes_permissions() {
        let old = format!("{WORKSPACE}  permissions:\n  - {{user: a@example.com, role: admin}}\n");
        let written_otherwise =
            format!("{WORKSPACE}  permissions: [{{role: admin, user: 'a@example.com'}}] # x\n");
        let taken_away = format!("{WORKSPACE}  permissions: []\n");
        let needs =
            |new: &str| examined(&[("workspace.yaml", &old)], &[("workspace.yaml", new)], Door::Api).needs;
        assert_eq!(needs(&written_otherwise), Role::ReadWrite);
        assert_eq!(needs(&taken_away), Role::Admin);
        let removed = examined(&[("workspace.yaml", &old)], &[], Door::Api);
        assert_eq!(removed.needs, Role::Admin);
        let change = removed.permissions.unwrap();
        assert_eq!((change.before.len(), change.after.len()), (1, 0));
    }

    #[test]
    fn only_an_admin_pushes_what_a_mirror_may_run() {
        let files = [("workspace.yaml", WORKSPACE), (".github/workflows/x.yaml", "on: push")];
        let found = examined(&files[..1], &files, Door::Push);
        assert_eq!(found.needs, Role::Admin);
        insta::assert_snapshot!(found.reasons.join("\n"), @"changing `.github/workflows/x.yaml` needs the role `admin`, because its name begins with a dot");
        assert_eq!(examined(&files[..1], &files, Door::Api).needs, Role::ReadWrite);
        assert_eq!(examined(&files[..1], &files, Door::Merge).needs, Role::Admin);
        let notes = [files[0], (".workspace-builder-manifest.yaml", "tombstones: []")];
        let needs = |door| examined(&notes[..1], &notes, door).needs;
        assert_eq!((needs(Door::Merge), needs(Door::Push)), (Role::ReadWrite, Role::Admin));
        assert_eq!(examined(&notes, &notes[..1], Door::Push).needs, Role::ReadWrite);
        let edited = [files[0], (".workspace-builder-manifest.yaml", "tombstones: [] # mine")];
        assert_eq!(examined(&notes, &edited, Door::Push).needs, Role::Admin);
        let nested = [files[0], (".github/.workspace-builder-manifest.yaml", "x")];
        assert_eq!(examined(&nested, &nested[..1], Door::Push).needs, Role::Admin);
    }

    #[test]
    fn what_is_wrong_is_refused_and_what_was_wrong_before_is_not() {
        let bad = ("slxs/a/slx.yaml", "kind: Nonsense");
        let files = [("workspace.yaml", WORKSPACE), bad];
        assert!(!examined(&files[..1], &files, Door::Push).problems.is_acceptable());
        let more = [files[0], bad, ("README.md", "hello")];
        assert!(examined(&files, &more, Door::Push).problems.is_acceptable());
    }
}
