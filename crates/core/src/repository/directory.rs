//! One directory of a revision.

use super::Repository;
use super::error::{Error, Result};
use super::objects::{Kind, Objects};
use super::tree_format::{self, Entry, SUBMODULE, SYMLINK};
use crate::oid::{BlobId, CommitId, TreeId};

/// What stands in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryEntry {
    /// Its name; bytes that are not UTF-8 are replaced.
    pub name: String,
    /// What it is.
    pub kind: EntryKind,
    /// The object's id, in hexadecimal digits.
    pub id: String,
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A file.
    File {
        /// Whether it may be run.
        executable: bool,
    },
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A link to a commit of another repository.
    Submodule,
}

impl Repository {
    /// Lists one directory in Git's order; nothing is returned when there is none at the path.
    ///
    /// The path has no slash at its ends; the empty one is the root.
    pub fn list_directory(&self, commit: CommitId, path: &str) -> Result<Option<Vec<DirectoryEntry>>> {
        let mut tree = self.objects().commit(commit)?.tree;
        for name in path.split('/').filter(|name| !name.is_empty()) {
            match child(self.objects(), tree, name)? {
                Some(below) => tree = below,
                None => return Ok(None),
            }
        }
        let raw = self.objects().tree(tree)?;
        Ok(Some(parse(tree, &raw)?.iter().map(described).collect()))
    }

    /// Returns the size of a blob, in bytes, without reading it.
    pub fn blob_size(&self, id: BlobId) -> Result<u64> {
        self.objects().size(Kind::Blob, *id.as_bytes())
    }
}

fn child(objects: &Objects, tree: TreeId, name: &str) -> Result<Option<TreeId>> {
    let raw = objects.tree(tree)?;
    let entries = parse(tree, &raw)?;
    let order =
        |entry: &Entry<'_>| tree_format::compare_names(entry.name, entry.is_tree(), name.as_bytes(), true);
    let found = entries.binary_search_by(order).ok().map(|index| entries[index]);
    Ok(found.filter(Entry::is_tree).map(|entry| TreeId::from_bytes(entry.id)))
}

fn parse(id: TreeId, raw: &[u8]) -> Result<Vec<Entry<'_>>> {
    tree_format::parse(raw).map_err(|reason| Error::MalformedTree { id: id.to_string(), reason })
}

fn described(entry: &Entry<'_>) -> DirectoryEntry {
    let kind = match entry.mode {
        _ if entry.is_tree() => EntryKind::Directory,
        SYMLINK => EntryKind::Symlink,
        SUBMODULE => EntryKind::Submodule,
        mode => EntryKind::File { executable: mode & 0o111 != 0 },
    };
    DirectoryEntry { name: String::from_utf8_lossy(entry.name).into_owned(), kind, id: hex::encode(entry.id) }
}
