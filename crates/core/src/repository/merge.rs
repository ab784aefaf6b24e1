//! Three-way merges of revisions: of a branch into another, and of what undoes a commit.
//!
//! Paths decide first: what only one side changed is taken from it. A file that both changed is merged by lines, by
//! libgit2, from memory; no attribute, driver or filter of the repository is read, and renames are not looked for.

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;
use serde::Serialize;

use super::Repository;
use super::error::{Error, Result};
use super::objects::{Kind, Objects};
use super::tree_diff::{Leaf, differences};
use super::tree_format::is_file;
use crate::diff::is_text;
use crate::oid::{BlobId, CommitId};
use crate::path::RepoPath;
use crate::tree::{Edit, Edits, FileTree};

/// Largest file that is merged by lines.
const MAX_FILE_BYTES: u64 = 8 << 20;
/// So long are the lines that mark a conflict that no text holds them by chance.
const MARKER_BYTES: u16 = 61;

/// What a merge makes of one side.
#[derive(Debug, Default)]
pub struct Merged {
    /// What changes against our side.
    pub edits: Edits,
    /// Whether files may be run, where that changes.
    pub executable: BTreeMap<RepoPath, bool>,
    /// Where the sides contradict each other; with any, nothing else counts.
    pub conflicts: Vec<MergeConflict>,
}

/// Where two sides contradict each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MergeConflict {
    /// The file.
    pub path: String,
    /// What both did.
    pub kind: ConflictKind,
    /// The lines of our side that contradict, where it was merged by lines.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<Lines>,
}

/// Lines of a file, counted from 1. Where nothing of ours stands, `end` is before `start`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Lines {
    /// The first.
    pub start: usize,
    /// The last.
    pub end: usize,
}

/// How two sides contradict each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ConflictKind {
    /// Both changed the same lines.
    BothModified,
    /// Both added the file, with other content.
    BothAdded,
    /// We removed it, the other side changed it.
    RemovedByUs,
    /// We changed it, the other side removed it.
    RemovedByThem,
    /// Both changed it, and it is no text, or too large to be merged by lines.
    NotMergeable,
    /// It is a file on one side and a directory on the other.
    FileAndDirectory,
    /// The other side has a link or a submodule there.
    Irregular,
}

impl Repository {
    /// Merges what the other side changed since the base into ours; no revision is like an empty one.
    ///
    /// Undoing a commit is merging its parent, with the commit as the base.
    pub fn merge(&self, base: Option<CommitId>, ours: CommitId, theirs: Option<CommitId>) -> Result<Merged> {
        let objects = self.objects();
        let tree = |id: CommitId| Ok::<_, Error>(objects.commit(id)?.tree);
        let base = base.map(tree).transpose()?;
        let by_path = |side| {
            let found = differences(objects, base, side)?;
            Ok::<BTreeMap<_, _>, Error>(found.into_iter().map(|it| (it.path, (it.old, it.new))).collect())
        };
        let we = by_path(Some(tree(ours)?))?;
        let they = by_path(theirs.map(tree).transpose()?)?;
        let mut merged = Merged::default();
        for (path, (old, new)) in they {
            let sides = Sides { base: old, ours: we.get(&path).map_or(old, |(_, new)| *new), theirs: new };
            merged.take(objects, &path, sides)?;
        }
        merged.find_collisions(&*self.snapshot(ours)?);
        merged.conflicts.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(merged)
    }
}

/// What stands at a path.
#[derive(Debug, Clone, Copy)]
struct Sides {
    base: Option<Leaf>,
    ours: Option<Leaf>,
    theirs: Option<Leaf>,
}

impl Merged {
    fn take(&mut self, objects: &Objects, path: &[u8], sides: Sides) -> Result<()> {
        let Sides { base, ours, theirs } = sides;
        if ours == theirs {
            return Ok(());
        }
        let shown = String::from_utf8_lossy(path);
        let Ok(parsed) = RepoPath::parse(&shown) else {
            self.conflict(&shown, ConflictKind::Irregular, Vec::new());
            return Ok(());
        };
        if theirs.is_some_and(|leaf| !is_file(leaf.mode)) {
            self.conflict(&shown, ConflictKind::Irregular, Vec::new());
            return Ok(());
        }
        if ours == base {
            let edit = theirs.map_or(Edit::Remove, |leaf| Edit::Link(BlobId::from_bytes(leaf.id)));
            self.write(parsed, edit, ours, theirs);
            return Ok(());
        }
        let (Some(ours), Some(theirs)) = (ours, theirs) else {
            let kind = if ours.is_none() { ConflictKind::RemovedByUs } else { ConflictKind::RemovedByThem };
            self.conflict(&shown, kind, Vec::new());
            return Ok(());
        };
        if ours.id == theirs.id || base.is_some_and(|base| base.id == theirs.id) {
            // Only who may run it differs.
            self.write(parsed, Edit::Link(BlobId::from_bytes(ours.id)), Some(ours), Some(theirs));
            return Ok(());
        }
        match merge_lines(objects, base, ours, theirs)? {
            Lined::Clean(content) => {
                let mode = if base.is_some_and(|base| base.mode == ours.mode) { theirs } else { ours };
                self.write(parsed, Edit::Write(content), Some(ours), Some(mode));
            }
            Lined::Conflicts(lines) => {
                let kind = if base.is_some() { ConflictKind::BothModified } else { ConflictKind::BothAdded };
                self.conflict(&shown, kind, lines);
            }
            Lined::Impossible => self.conflict(&shown, ConflictKind::NotMergeable, Vec::new()),
        }
        Ok(())
    }

    fn write(&mut self, path: RepoPath, edit: Edit, old: Option<Leaf>, new: Option<Leaf>) {
        let may_run = |leaf: Option<Leaf>| leaf.is_some_and(|leaf| leaf.mode & 0o111 != 0);
        if new.is_some() && may_run(new) != may_run(old) {
            self.executable.insert(path.clone(), may_run(new));
        }
        self.edits.insert(path, edit);
    }

    fn conflict(&mut self, path: &str, kind: ConflictKind, lines: Vec<Lines>) {
        self.conflicts.push(MergeConflict { path: path.to_owned(), kind, lines });
    }

    /// Finds files that would stand where ours has a directory, and the other way round.
    fn find_collisions(&mut self, ours: &dyn FileTree) {
        let stays = |path: &RepoPath| !matches!(self.edits.get(path), Some(Edit::Remove));
        let mut found = Vec::new();
        for (path, edit) in &self.edits {
            if *edit == Edit::Remove {
                continue;
            }
            let text = path.as_str();
            let above = text.match_indices('/').map(|(end, _)| &text[..end]);
            let is_below_file =
                above.filter_map(|above| ours.files().get_key_value(above)).any(|(file, _)| stays(file));
            let (first, end) = (format!("{text}/"), format!("{text}0"));
            let range = (Bound::Included(first.as_str()), Bound::Excluded(end.as_str()));
            let is_directory = ours.files().range::<str, _>(range).any(|(file, _)| stays(file));
            if is_below_file || is_directory {
                found.push(text.to_owned());
            }
        }
        for path in found {
            self.conflict(&path, ConflictKind::FileAndDirectory, Vec::new());
        }
    }
}

/// What a merge by lines gives.
enum Lined {
    Clean(Bytes),
    /// The lines of our side that contradict.
    Conflicts(Vec<Lines>),
    Impossible,
}

fn merge_lines(objects: &Objects, base: Option<Leaf>, ours: Leaf, theirs: Leaf) -> Result<Lined> {
    let mut contents = Vec::with_capacity(3);
    for leaf in [base, Some(ours), Some(theirs)] {
        let Some(leaf) = leaf else {
            contents.push(Bytes::new());
            continue;
        };
        if !is_file(leaf.mode) || objects.size(Kind::Blob, leaf.id)? > MAX_FILE_BYTES {
            return Ok(Lined::Impossible);
        }
        contents.push(objects.blob(BlobId::from_bytes(leaf.id), MAX_FILE_BYTES)?);
    }
    if !contents.iter().all(|content| is_text(content)) {
        return Ok(Lined::Impossible);
    }
    let inputs: Vec<git2::MergeFileInput<'_>> = contents
        .iter()
        .map(|content| {
            let mut input = git2::MergeFileInput::new();
            input.content(content);
            input
        })
        .collect();
    let mut options = git2::MergeFileOptions::new();
    options.marker_size(MARKER_BYTES);
    let result = git2::merge_file(&inputs[0], &inputs[1], &inputs[2], Some(&mut options));
    let result = result.map_err(Error::git("merge a file by lines"))?;
    if result.is_automergeable() {
        return Ok(Lined::Clean(Bytes::copy_from_slice(result.content())));
    }
    Ok(Lined::Conflicts(contradicting(result.content())))
}

/// Finds the lines of our side between the marks of conflicts.
fn contradicting(marked: &[u8]) -> Vec<Lines> {
    let mark = |sign: &str| sign.repeat(MARKER_BYTES.into());
    let (begin, middle, end) = (mark("<"), mark("="), mark(">"));
    let mut found = Vec::new();
    let (mut line, mut start, mut is_theirs) = (0, 0, false);
    for text in marked.split_inclusive(|byte| *byte == b'\n') {
        if text.starts_with(begin.as_bytes()) {
            start = line + 1;
        } else if text.starts_with(middle.as_bytes()) {
            found.push(Lines { start, end: line });
            is_theirs = true;
        } else if text.starts_with(end.as_bytes()) {
            is_theirs = false;
        } else if !is_theirs {
            line += 1;
        }
    }
    found
}
