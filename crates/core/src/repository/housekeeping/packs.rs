//! Packs by their files: which are set aside, and which objects are in them.

use std::collections::BTreeSet;
use std::io::{BufReader, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use fs_err as fs;
use jiff::Timestamp;

use crate::repository::error::{Error, Result};
use crate::repository::layout::write_durably;
use crate::repository::tree_format::RawId;

/// How the `.keep` file of a pack begins that was set aside.
const MARK: &str = "workstead: nothing leads here since ";
/// How the files of a pack end, the one first by which it is found, the one last that marks it.
const EXTENSIONS: [&str; 6] = ["idx", "pack", "rev", "bitmap", "mtimes", "keep"];
/// How an index begins (gitformat-pack): its signature, and version 2, the only one that is still written.
const INDEX_HEADER: [u8; 8] = [0xff, b't', b'O', b'c', 0, 0, 0, 2];

/// Why a pack is kept as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::repository) enum Keep {
    /// It is not.
    No,
    /// Since this time nothing leads to what is in it.
    Aside(Timestamp),
    /// Another program says so: a push that has not moved its references yet.
    Foreign,
}

/// A pack that has an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::repository) struct Pack {
    /// Its path without an extension.
    stem: PathBuf,
    pub(in crate::repository) keep: Keep,
}

impl Pack {
    pub(super) fn at(directory: &Path, name: &str) -> Self {
        Self { stem: directory.join(name), keep: Keep::No }
    }

    /// Returns its name as `git repack --keep-pack` takes it.
    pub(super) fn file_name(&self) -> String {
        let stem = self.stem.file_name().unwrap_or_default().to_string_lossy();
        format!("{stem}.pack")
    }

    /// Reads the ids of its objects, in order.
    pub(super) fn ids(&self) -> Result<Vec<RawId>> {
        let path = self.file("idx");
        let damaged = || Error::Damaged(format!("{} is no index of a pack", path.display()));
        let mut index = BufReader::new(fs::File::open(&path)?);
        let mut head = [0; INDEX_HEADER.len() + 256 * 4];
        index.read_exact(&mut head)?;
        let (header, fan) = head.split_at(INDEX_HEADER.len());
        let count = fan.last_chunk().map(|last| u32::from_be_bytes(*last) as usize).ok_or_else(damaged)?;
        let bytes = index.get_ref().metadata()?.len();
        if header != INDEX_HEADER || bytes < (head.len() + count * 20) as u64 {
            return Err(damaged());
        }
        let mut ids = vec![[0; 20]; count];
        for id in &mut ids {
            index.read_exact(id)?;
        }
        Ok(ids)
    }

    /// Marks it as set aside, durably but for the directory.
    pub(super) fn mark(&self, since: Timestamp) -> Result<()> {
        write_durably(&self.file("keep"), &format!("{MARK}{}\n", since.as_second()))
    }

    /// Makes it an ordinary one.
    pub(super) fn unmark(&self) -> Result<()> {
        gone(fs::remove_file(self.file("keep")))
    }

    /// Has nobody find it any more who does not know it yet.
    pub(super) fn hide(&self) -> Result<()> {
        gone(fs::remove_file(self.file("idx")))
    }

    /// Removes all of its files.
    pub(super) fn remove(&self) -> Result<()> {
        EXTENSIONS.iter().try_for_each(|extension| gone(fs::remove_file(self.file(extension))))
    }

    fn file(&self, extension: &str) -> PathBuf {
        self.stem.with_extension(extension)
    }
}

fn gone(removed: std::io::Result<()>) -> Result<()> {
    match removed {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => Ok(removed?),
    }
}

/// Lists the packs of a directory, in the order of their names.
pub(super) fn list(directory: &Path) -> Result<Vec<Pack>> {
    let (mut indexes, mut kept) = (BTreeSet::new(), BTreeSet::new());
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("idx") => indexes.insert(path.with_extension("")),
            Some("keep") => kept.insert(path.with_extension("")),
            _ => false,
        };
    }
    let pack = |stem: PathBuf| {
        let keep = if kept.contains(&stem) { read_mark(&stem.with_extension("keep"))? } else { Keep::No };
        Ok(Pack { stem, keep })
    };
    indexes.into_iter().map(pack).collect()
}

/// Counts the packs that may be joined: those that nobody keeps.
pub(in crate::repository) fn count_joinable(directory: &Path) -> Result<usize> {
    let (mut packs, mut kept) = (0_usize, 0);
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("pack") => packs += 1,
            Some("keep") => kept += 1,
            _ => {}
        }
    }
    Ok(packs.saturating_sub(kept))
}

fn read_mark(path: &Path) -> Result<Keep> {
    let text = match fs::read_to_string(path) {
        // A push has moved its references.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Keep::No),
        text => text?,
    };
    let since = text.strip_prefix(MARK).and_then(|seconds| seconds.trim_end().parse().ok());
    Ok(since.and_then(|seconds| Timestamp::from_second(seconds).ok()).map_or(Keep::Foreign, Keep::Aside))
}
