//! What differs between two revisions, file by file, with diffs.

use bytes::Bytes;

use super::Repository;
use super::error::{Error, Result};
use super::history::ChangeKind;
use super::objects::Kind;
use super::tree_diff::{Leaf, differences};
use super::tree_format::is_file;
use crate::diff::{DiffLimits, DiffOmission, Diffed, Side, diff};
use crate::oid::{BlobId, CommitId};
use crate::path::RepoPath;

/// How much of a comparison is made; what is over is counted.
#[derive(Debug, Clone, Copy)]
pub struct CompareLimits {
    /// Most files that are listed.
    pub max_files: usize,
    /// Most files that are compared line by line.
    pub max_diffs: usize,
    /// Most bytes of all diffs.
    pub max_total_bytes: usize,
    /// The bounds of each diff.
    pub each: DiffLimits,
}

/// What differs between two revisions.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// The files that differ, in the order of paths, as many as are listed.
    pub files: Vec<FileChange>,
    /// How many differ.
    pub count: usize,
    /// Whether something was left out: files, or diffs of those that have one.
    pub truncated: bool,
}

/// A file that differs.
#[derive(Debug, Clone)]
pub struct FileChange {
    /// Where it is.
    pub path: RepoPath,
    /// How it differs.
    pub kind: ChangeKind,
    /// Its content before.
    pub old: Option<BlobId>,
    /// Its content after.
    pub new: Option<BlobId>,
    /// Its diff.
    pub diff: Diffed,
}

impl Repository {
    /// Compares two revisions; without the first one everything is new.
    ///
    /// What is no file of a workspace is left out. Sizes are looked at before contents are read.
    pub fn compare(
        &self,
        old: Option<CommitId>,
        new: CommitId,
        limits: &CompareLimits,
    ) -> Result<Comparison> {
        let tree = |id| Ok::<_, Error>(self.objects().commit(id)?.tree);
        let found = differences(self.objects(), old.map(tree).transpose()?, Some(tree(new)?))?;
        let mut changed: Vec<_> =
            found.iter().filter_map(|it| Changed::of(&it.path, it.old, it.new)).collect();
        changed.sort_by(|one, other| one.path.cmp(&other.path));
        let count = changed.len();
        let mut room = Room { diffs: limits.max_diffs, bytes: limits.max_total_bytes };
        let mut files = Vec::with_capacity(count.min(limits.max_files));
        for change in changed.into_iter().take(limits.max_files) {
            let diff = self.diff(&change, limits, &mut room)?;
            let id = |leaf: Option<Leaf>| leaf.map(|leaf| BlobId::from_bytes(leaf.id));
            let Changed { path, old, new } = change;
            let kind = match (old, new) {
                (None, _) => ChangeKind::Added,
                (_, None) => ChangeKind::Removed,
                _ => ChangeKind::Modified,
            };
            files.push(FileChange { path, kind, old: id(old), new: id(new), diff });
        }
        let left_out = |file: &FileChange| {
            matches!(file.diff.omitted, Some(DiffOmission::TooLarge | DiffOmission::Full))
        };
        let truncated = count > files.len() || files.iter().any(left_out);
        Ok(Comparison { files, count, truncated })
    }

    fn diff(&self, change: &Changed, limits: &CompareLimits, room: &mut Room) -> Result<Diffed> {
        if room.diffs == 0 || room.bytes == 0 {
            return Ok(Diffed::omitted(DiffOmission::Full));
        }
        room.diffs -= 1;
        let mut contents = [None, None];
        for (content, leaf) in contents.iter_mut().zip([change.old, change.new]) {
            let Some(leaf) = leaf else { continue };
            let size = self.objects().size(Kind::Blob, leaf.id)?;
            if size > limits.each.max_file_bytes as u64 {
                return Ok(Diffed::omitted(DiffOmission::TooLarge));
            }
            *content = Some((self.objects().blob(BlobId::from_bytes(leaf.id), size)?, leaf.mode));
        }
        let [old, new] = &contents;
        let mut diffed = diff(&change.path, side(old.as_ref()), side(new.as_ref()), limits.each);
        let length = diffed.text.as_ref().map_or(0, String::len);
        if length > room.bytes {
            // A smaller one may still have room.
            diffed = Diffed { text: None, omitted: Some(DiffOmission::Full), ..diffed };
        } else {
            room.bytes -= length;
        }
        Ok(diffed)
    }
}

fn side(content: Option<&(Bytes, u32)>) -> Option<Side<'_>> {
    content.map(|(content, mode)| Side { content, mode: *mode })
}

/// What other diffs leave.
struct Room {
    diffs: usize,
    bytes: usize,
}

/// A path with a file on one side at least.
struct Changed {
    path: RepoPath,
    old: Option<Leaf>,
    new: Option<Leaf>,
}

impl Changed {
    fn of(path: &[u8], old: Option<Leaf>, new: Option<Leaf>) -> Option<Self> {
        let file = |leaf: Option<Leaf>| leaf.filter(|leaf| is_file(leaf.mode));
        let (old, new) = (file(old), file(new));
        let path = RepoPath::parse(std::str::from_utf8(path).ok()?).ok()?;
        (old.is_some() || new.is_some()).then_some(Self { path, old, new })
    }
}
