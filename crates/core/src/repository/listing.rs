//! All files of a tree.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::error::Result;
use super::objects::Objects;
use super::tree_diff::{Leaf, differences, is_too_deep};
use super::tree_format::{SUBMODULE, SYMLINK, is_file};
use crate::oid::{BlobId, TreeId};
use crate::path::{MAX_PATH_DEPTH, RepoPath};

/// Why an entry of a tree is no file of a workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IrregularKind {
    /// A symbolic link.
    Symlink,
    /// A submodule: a link to a commit of another repository.
    Submodule,
    /// A path that no workspace may have; the text says why, as the end of a sentence about the path.
    BadPath(String),
    /// A directory deeper than paths may be.
    TooDeep,
    /// A mode that Git does not define.
    UnknownMode(u32),
}

impl std::fmt::Display for IrregularKind {
    /// Writes the end of a sentence about the path.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Symlink => write!(formatter, "is a symbolic link"),
            Self::Submodule => write!(formatter, "is a submodule"),
            Self::BadPath(rule) => write!(formatter, "{rule}"),
            Self::TooDeep => write!(formatter, "is a directory more than {MAX_PATH_DEPTH} levels deep"),
            Self::UnknownMode(mode) => write!(formatter, "has the unknown mode {mode:o}"),
        }
    }
}

/// An entry of a tree that is no file of a workspace and is not among its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Irregular {
    /// The path; bytes that are not UTF-8 are replaced.
    pub path: String,
    /// What is wrong with it.
    pub kind: IrregularKind,
}

/// The files of one tree, and what else is in it.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) files: BTreeMap<RepoPath, BlobId>,
    pub(super) irregular: Vec<Irregular>,
}

impl Listing {
    /// Lists a tree by what it does not share with another one.
    pub(super) fn read(objects: &Objects, base: Option<(TreeId, Arc<Self>)>, tree: TreeId) -> Result<Self> {
        // Irregular entries are rare, and never there in what passed the door.
        let base = base.filter(|(_, listing)| listing.irregular.is_empty());
        let changes = differences(objects, base.as_ref().map(|(id, _)| *id), Some(tree))?;
        let mut files = Vec::new();
        let mut gone = Vec::new();
        let mut irregular = Vec::new();
        for change in changes {
            match (classify(&change.path, change.new), change.new) {
                (Ok(path), Some(new)) => files.push((path, BlobId::from_bytes(new.id))),
                (Ok(path), None) => gone.push(path),
                (Err(kind), Some(_)) => {
                    let path = String::from_utf8_lossy(&change.path).into_owned();
                    irregular.push(Irregular { path, kind });
                    // What was a file may have become a link.
                    gone.extend(classify(&change.path, None).ok());
                }
                (Err(_), None) => {}
            }
        }
        let Some((_, base)) = base else {
            return Ok(Self { files: files.into_iter().collect(), irregular });
        };
        let mut all = base.files.clone();
        for path in gone {
            all.remove(&path);
        }
        all.extend(files);
        Ok(Self { files: all, irregular })
    }

    /// Returns roughly how many bytes of memory the listing takes.
    pub(super) fn weight(&self) -> usize {
        // A path of some 60 bytes with its allocation, an id, and the map's share.
        200 + self.files.len() * 130 + self.irregular.len() * 200
    }
}

fn classify(path: &[u8], leaf: Option<Leaf>) -> Result<RepoPath, IrregularKind> {
    match leaf {
        Some(leaf) if is_too_deep(leaf) => Err(IrregularKind::TooDeep),
        Some(Leaf { mode, .. }) => file_path(path, mode),
        None => parse(path),
    }
}

/// Reads the path of a tree's entry with this mode, if it is a file that a workspace may have.
pub fn file_path(path: &[u8], mode: u32) -> Result<RepoPath, IrregularKind> {
    match mode {
        SYMLINK => Err(IrregularKind::Symlink),
        SUBMODULE => Err(IrregularKind::Submodule),
        mode if !is_file(mode) => Err(IrregularKind::UnknownMode(mode)),
        _ => parse(path),
    }
}

fn parse(path: &[u8]) -> Result<RepoPath, IrregularKind> {
    let text = std::str::from_utf8(path).map_err(|_| IrregularKind::BadPath("is not UTF-8".to_owned()))?;
    RepoPath::parse(text).map_err(|error| IrregularKind::BadPath(error.rule))
}
