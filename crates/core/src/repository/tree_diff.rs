//! What differs between two trees, at the cost of what differs.

use std::cmp::Ordering as Order;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::error::{Error, Result};
use super::objects::Objects;
use super::tree_format::{self, Entry, RawId, TREE};
use crate::oid::{BlobId, TreeId};
use crate::path::MAX_PATH_DEPTH;

/// Most files that two trees may differ in.
///
/// A tree may name one subtree many times, so a small push could otherwise list without end.
const MAX_DIFFERENCES: usize = 1_000_000;
/// Subdirectories from which on they are read on all cores.
const PARALLEL_FROM: usize = 32;

/// What stands at a path: anything but a directory that was looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Leaf {
    pub(super) mode: u32,
    pub(super) id: RawId,
}

/// One path at which two trees differ.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) path: Vec<u8>,
    pub(super) old: Option<Leaf>,
    pub(super) new: Option<Leaf>,
}

/// Returns where two trees differ; no tree is like an empty one.
///
/// Directories deeper than any path may be are not looked into and come as leaves.
pub(super) fn differences(
    objects: &Objects,
    old: Option<TreeId>,
    new: Option<TreeId>,
) -> Result<Vec<Difference>> {
    if old == new {
        return Ok(Vec::new());
    }
    let walk = Walk { objects, found: AtomicUsize::new(0) };
    let raw = |tree: Option<TreeId>| tree.map(|id| *id.as_bytes());
    walk.directory(&Step { path: Vec::new(), depth: 1, old: raw(old), new: raw(new) })
}

struct Walk<'a> {
    objects: &'a Objects,
    found: AtomicUsize,
}

/// A directory that differs: its path with a slash behind it, and its two trees.
struct Step {
    path: Vec<u8>,
    depth: usize,
    old: Option<RawId>,
    new: Option<RawId>,
}

impl Walk<'_> {
    fn directory(&self, step: &Step) -> Result<Vec<Difference>> {
        let read = |id: Option<RawId>| id.map(|id| self.objects.tree(TreeId::from_bytes(id))).transpose();
        let (old, new) = (read(step.old)?, read(step.new)?);
        let old_entries = parse(step.old, old.as_deref())?;
        let new_entries = parse(step.new, new.as_deref())?;
        let mut leaves = Vec::new();
        let mut directories = Vec::new();
        for (old, new) in (Pairs { old: &old_entries, new: &new_entries }) {
            let same = |one: Entry<'_>, other: Entry<'_>| one.id == other.id && one.mode == other.mode;
            if old.zip(new).is_some_and(|(old, new)| same(old, new)) {
                continue;
            }
            // Pairs have one name, and are both directories or both not.
            let Some(either) = old.or(new) else { continue };
            let mut path = [&step.path, either.name].concat();
            if either.is_tree() && step.depth < MAX_PATH_DEPTH {
                path.push(b'/');
                let id = |entry: Option<Entry<'_>>| entry.map(|entry| entry.id);
                directories.push(Step { path, depth: step.depth + 1, old: id(old), new: id(new) });
            } else {
                let leaf = |entry: Entry<'_>| Leaf { mode: entry.mode, id: entry.id };
                leaves.push(Difference { path, old: old.map(leaf), new: new.map(leaf) });
            }
        }
        // Directories count too: those without a file would otherwise cost time for nothing.
        let added = leaves.len() + directories.len();
        if self.found.fetch_add(added, Ordering::Relaxed) + added > MAX_DIFFERENCES {
            return Err(Error::TooManyFiles { limit: MAX_DIFFERENCES });
        }
        let below: Vec<Vec<Difference>> = if directories.len() < PARALLEL_FROM {
            directories.iter().map(|step| self.directory(step)).collect::<Result<_>>()?
        } else {
            directories.par_iter().map(|step| self.directory(step)).collect::<Result<_>>()?
        };
        leaves.extend(below.into_iter().flatten());
        Ok(leaves)
    }
}

fn parse(id: Option<RawId>, raw: Option<&[u8]>) -> Result<Vec<Entry<'_>>> {
    tree_format::parse(raw.unwrap_or_default())
        .map_err(|reason| Error::MalformedTree { id: id.map(hex::encode).unwrap_or_default(), reason })
}

/// Walks two sorted lists of entries in step.
struct Pairs<'a> {
    old: &'a [Entry<'a>],
    new: &'a [Entry<'a>],
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (Option<Entry<'a>>, Option<Entry<'a>>);

    fn next(&mut self) -> Option<Self::Item> {
        let order = match (self.old.first(), self.new.first()) {
            (None, None) => return None,
            (Some(_), None) => Order::Less,
            (None, Some(_)) => Order::Greater,
            (Some(old), Some(new)) => old.compare(new),
        };
        let mut take = |which: bool| {
            let list = if which { &mut self.old } else { &mut self.new };
            let (first, rest) = list.split_first()?;
            *list = rest;
            Some(*first)
        };
        let old = if order == Order::Greater { None } else { take(true) };
        let new = if order == Order::Less { None } else { take(false) };
        Some((old, new))
    }
}

/// Tells whether a leaf is a directory that was too deep to look into.
pub(super) fn is_too_deep(leaf: Leaf) -> bool {
    leaf.mode == TREE
}

/// Finds the file at a path, reading only the directories on the way.
pub(super) fn find(objects: &Objects, tree: TreeId, path: &str) -> Result<Option<BlobId>> {
    let leaf = entry(objects, tree, path)?;
    Ok(leaf.filter(|leaf| tree_format::is_file(leaf.mode)).map(|leaf| BlobId::from_bytes(leaf.id)))
}

/// Finds what stands at a path, directories too, reading only the directories on the way.
pub(super) fn entry(objects: &Objects, tree: TreeId, path: &str) -> Result<Option<Leaf>> {
    let mut directory = tree;
    let mut components = path.split('/').peekable();
    while let Some(name) = components.next() {
        let raw = objects.tree(directory)?;
        let entries = parse(Some(*directory.as_bytes()), Some(&raw))?;
        // A name may be that of a directory or of anything else, which have their own places in the order.
        let find = |is_tree: bool| {
            let order = |entry: &Entry<'_>| {
                tree_format::compare_names(entry.name, entry.is_tree(), name.as_bytes(), is_tree)
            };
            entries.binary_search_by(order).ok().map(|index| entries[index])
        };
        let is_last = components.peek().is_none();
        let found = if is_last { find(false).or_else(|| find(true)) } else { find(true) };
        match found {
            Some(entry) if is_last => return Ok(Some(Leaf { mode: entry.mode, id: entry.id })),
            Some(entry) => directory = TreeId::from_bytes(entry.id),
            None => return Ok(None),
        }
    }
    Ok(None)
}
