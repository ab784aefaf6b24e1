//! Applies edits to a tree in memory: only directories on the way to an edit are made anew.

use std::collections::BTreeMap;

use bytes::Bytes;
use indexmap::IndexMap;

use super::error::{Error, Result};
use super::objects::Objects;
use super::tree_format::{self, EXECUTABLE, Entry, FILE, RawId, TREE, compare_names, is_file, object_id};
use crate::oid::{BlobId, TreeId};
use crate::path::RepoPath;

/// What an edit leaves at its path.
#[derive(Debug, Clone, Copy)]
pub(super) enum Target {
    Nothing,
    File {
        id: BlobId,
        /// Whether it may be run; nothing where that stays as it is.
        may_run: Option<bool>,
    },
}

/// Makes trees; those that are new are collected.
pub(super) struct TreeEditor<'a> {
    objects: &'a Objects,
    /// The trees that were made and may not be in the repository.
    pub(super) made: IndexMap<TreeId, Bytes>,
}

/// Edits by directory: what happens to the name itself, and below it.
#[derive(Default)]
struct Node<'a> {
    target: Option<Target>,
    below: BTreeMap<&'a str, Node<'a>>,
}

/// A directory to edit.
struct Directory<'a> {
    path: &'a str,
    tree: Option<RawId>,
}

impl<'a> TreeEditor<'a> {
    pub(super) fn new(objects: &'a Objects) -> Self {
        Self { objects, made: IndexMap::new() }
    }

    /// Applies edits to a tree, or to an empty one, and returns the id of the result.
    pub(super) fn edit<'p>(
        &mut self,
        base: Option<TreeId>,
        edits: impl Iterator<Item = (&'p RepoPath, Target)>,
    ) -> Result<TreeId> {
        let mut root = Node::default();
        for (path, target) in edits {
            let mut node = &mut root;
            for component in path.components() {
                node = node.below.entry(component).or_default();
            }
            node.target = Some(target);
        }
        let directory = Directory { path: "", tree: base.map(|id| *id.as_bytes()) };
        match self.directory(&directory, &root.below)? {
            Some(id) => Ok(TreeId::from_bytes(id)),
            None => Ok(self.make(Vec::new())),
        }
    }

    /// Reads a tree that the repository has or that was made just now.
    fn read(&self, id: TreeId) -> Result<Bytes> {
        self.made.get(&id).map_or_else(|| self.objects.tree(id), |raw| Ok(raw.clone()))
    }

    fn make(&mut self, raw: Vec<u8>) -> TreeId {
        let id = TreeId::from_bytes(object_id("tree", &raw));
        self.made.entry(id).or_insert_with(|| raw.into());
        id
    }

    /// Edits one directory; nothing is returned when nothing is left in it.
    fn directory(&mut self, at: &Directory<'_>, edits: &BTreeMap<&str, Node<'_>>) -> Result<Option<RawId>> {
        let raw = at.tree.map(|id| self.read(TreeId::from_bytes(id))).transpose()?.unwrap_or_default();
        let entries = tree_format::parse(&raw).map_err(|reason| Error::MalformedTree {
            id: at.tree.map(hex::encode).unwrap_or_default(),
            reason,
        })?;
        let find = |name: &str, is_tree: bool| {
            entries.binary_search_by(|entry| {
                compare_names(entry.name, entry.is_tree(), name.as_bytes(), is_tree)
            })
        };
        let mut removed = Vec::new();
        let mut added: Vec<Entry<'_>> = Vec::new();
        let mut changed = false;
        for (name, node) in edits {
            let (file, tree) = (find(name, false).ok(), find(name, true).ok());
            let old_file = file.map(|index| entries[index]);
            let old_tree = tree.map(|index| entries[index].id);
            let new_file = match node.target {
                None => old_file,
                Some(Target::Nothing) => None,
                Some(Target::File { id, may_run }) => {
                    // The mode of a file stays; a link becomes a file.
                    let old = old_file.map(|entry| entry.mode).filter(|mode| is_file(*mode)).unwrap_or(FILE);
                    let mode = may_run.map_or(old, |may_run| if may_run { EXECUTABLE } else { FILE });
                    Some(Entry { mode, name: name.as_bytes(), id: *id.as_bytes() })
                }
            };
            let new_tree = if node.below.is_empty() {
                old_tree
            } else {
                let path =
                    if at.path.is_empty() { (*name).to_owned() } else { format!("{}/{name}", at.path) };
                self.directory(&Directory { path: &path, tree: old_tree }, &node.below)?
            };
            if new_file.is_some() && new_tree.is_some() {
                let path =
                    if at.path.is_empty() { (*name).to_owned() } else { format!("{}/{name}", at.path) };
                return Err(Error::PathConflict { path });
            }
            if new_file != old_file {
                removed.extend(file);
                added.extend(new_file);
                changed = true;
            }
            if new_tree != old_tree {
                removed.extend(tree);
                added.extend(new_tree.map(|id| Entry { mode: TREE, name: name.as_bytes(), id }));
                changed = true;
            }
        }
        if !changed {
            return Ok(at.tree.filter(|_| !entries.is_empty()));
        }
        removed.sort_unstable();
        added.sort_by(Entry::compare);
        let kept = entries.iter().enumerate().filter(|(index, _)| removed.binary_search(index).is_err());
        let merged = merge(kept.map(|(_, entry)| *entry), &added);
        let size = raw.len() + added.iter().map(|entry| entry.name.len() + 28).sum::<usize>();
        let raw = tree_format::write(merged, size);
        if raw.is_empty() {
            return Ok(None);
        }
        Ok(Some(*self.make(raw).as_bytes()))
    }
}

/// Merges sorted entries.
fn merge<'e>(kept: impl Iterator<Item = Entry<'e>>, added: &[Entry<'e>]) -> impl Iterator<Item = Entry<'e>> {
    let mut kept = kept.peekable();
    let mut added = added.iter().copied().peekable();
    std::iter::from_fn(move || match (kept.peek(), added.peek()) {
        (Some(one), Some(other)) if one.compare(other).is_gt() => added.next(),
        (Some(_), _) => kept.next(),
        (None, _) => added.next(),
    })
}
