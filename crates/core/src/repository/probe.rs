//! A look at a repository on its disk, past all that is in memory of it.

use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use fs_err as fs;

use super::caches::Caches;
use super::error::{Error, Result};
use super::names::RepositoryId;
use super::objects::{MAX_BLOB_BYTES, Objects};
use super::refs::raw;
use super::store::RepositoryStore;
use super::{Repository, tree_diff, tree_format};
use crate::model::WORKSPACE_FILE;
use crate::name::BranchName;
use crate::oid::{CommitId, TreeId};

/// Where a pack's checksum begins, from its end.
const CHECKSUM_OF_PACK: i64 = -20;
/// Where the pack's checksum begins in the pack's index, from its end; that of the index follows.
const CHECKSUM_IN_INDEX: i64 = -40;
/// Bytes of the smallest pack: its header and its checksum.
const SMALLEST_PACK: u64 = 32;
/// Most directories at the root that are read.
const MAX_DIRECTORIES: usize = 64;

impl RepositoryStore {
    /// Reads what a commit begins with from the disk, and tells where the branch is.
    ///
    /// That is: the branch, its commit, the directories at its root, `workspace.yaml`, and the ends of every pack. A
    /// read of these checks their hashes. Damage elsewhere shows when it is read.
    pub fn probe(&self, id: &RepositoryId, branch: &BranchName) -> Result<CommitId> {
        let directory = self.directory(id);
        if !directory.is_dir() {
            return Err(Error::Damaged("its directory is missing".to_owned()));
        }
        if !directory.join("objects").is_dir() {
            return Err(Error::Damaged("its objects are missing".to_owned()));
        }
        check_packs(&directory.join("objects/pack"))?;
        let head = read_branch(&directory, branch)?;
        // A reader of its own: what others have in memory says nothing of the disk.
        let objects = Objects::new(0, directory.join("objects"), Arc::new(Caches::new()));
        let tree = objects.commit(head)?.tree;
        let root = objects.tree(tree)?;
        let entries = tree_format::parse(&root)
            .map_err(|reason| Error::MalformedTree { id: hex::encode(tree.as_bytes()), reason })?;
        for directory in entries.iter().filter(|entry| entry.is_tree()).take(MAX_DIRECTORIES) {
            objects.tree(TreeId::from_bytes(directory.id))?;
        }
        if let Some(blob) = tree_diff::find(&objects, tree, WORKSPACE_FILE)? {
            objects.blob(blob, MAX_BLOB_BYTES)?;
        }
        Ok(head)
    }
}

impl Repository {
    /// Returns how many bytes its files take.
    pub fn disk_bytes(&self) -> Result<u64> {
        Ok(bytes_below(self.directory())?)
    }
}

fn read_branch(directory: &Path, branch: &BranchName) -> Result<CommitId> {
    let handle = git2::Repository::open_bare(directory).map_err(Error::git("open a repository"))?;
    match handle.refname_to_id(&branch.reference()) {
        Ok(id) => Ok(CommitId::from_bytes(raw(id))),
        Err(error) if error.code() == git2::ErrorCode::NotFound => {
            Err(Error::Damaged(format!("its branch {branch} is missing")))
        }
        Err(error) => Err(Error::git("read the branch")(error)),
    }
}

/// Checks that every pack is there whole, as far as its beginning and its end tell.
pub(super) fn check_packs(directory: &Path) -> Result<()> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        // A repository may have only loose objects.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    for entry in entries {
        let index = entry?.path();
        if index.extension().is_none_or(|extension| extension != "idx") {
            continue;
        }
        match check_pack(&index) {
            // Packs that were joined go, their indexes first.
            Err(_) if !index.try_exists()? => {}
            checked => checked?,
        }
    }
    Ok(())
}

fn check_pack(index: &Path) -> Result<()> {
    let name = || index.with_extension("pack").file_name().unwrap_or_default().to_string_lossy().into_owned();
    let damaged = |what: &str| Error::Damaged(format!("{} {what}", name()));
    let mut pack = match fs::File::open(index.with_extension("pack")) {
        Ok(pack) => pack,
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(damaged("is missing")),
        Err(error) => return Err(error.into()),
    };
    if pack.metadata()?.len() < SMALLEST_PACK {
        return Err(damaged("is cut short"));
    }
    let mut begin = [0; 4];
    pack.read_exact(&mut begin)?;
    let mut index = fs::File::open(index)?;
    if index.metadata()?.len() < CHECKSUM_IN_INDEX.unsigned_abs() {
        return Err(damaged("has an index that is cut short"));
    }
    if begin != *b"PACK" || checksum(&mut pack, CHECKSUM_OF_PACK)? != checksum(&mut index, CHECKSUM_IN_INDEX)?
    {
        return Err(damaged("is cut short or overwritten"));
    }
    Ok(())
}

fn checksum(file: &mut fs::File, from_end: i64) -> std::io::Result<[u8; 20]> {
    let mut checksum = [0; 20];
    file.seek(SeekFrom::End(from_end))?;
    file.read_exact(&mut checksum)?;
    Ok(checksum)
}

/// Adds up the files below a directory; one that goes meanwhile counts nothing.
pub fn bytes_below(directory: &Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let counted = match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes_below(&entry.path()),
            Ok(metadata) => Ok(metadata.len()),
            Err(error) => Err(error),
        };
        bytes += match counted {
            Err(error) if error.kind() == ErrorKind::NotFound => 0,
            counted => counted?,
        };
    }
    Ok(bytes)
}
