//! What a name of an SLX means after the merge.
//!
//! A merge writes the name of now for every earlier one and drops those that are gone. Whatever else it leaves
//! means nothing to either side, so that no name means another SLX when the same merge is made again.

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};

use super::identity::{Fate, Sides};
use crate::name::WorkspaceName;
use crate::path::fold;

/// What a name means after the merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning<'n> {
    /// The SLX of this name.
    Slx(&'n str),
    /// An SLX that this merge takes away or leaves out.
    Gone,
    /// Nothing that is known.
    Unknown,
}

/// Finds what names of SLXs mean after the merge.
#[derive(Debug)]
pub(super) struct Names<'a> {
    prefix: String,
    /// What uploaded directories are called in the repository; nothing for those that stay out.
    uploaded: HashMap<&'a str, Option<&'a str>>,
    uploaded_folded: OnceCell<HashMap<String, &'a str>>,
    /// The names that the repository has after the merge.
    present: HashSet<&'a str>,
    present_folded: OnceCell<HashMap<String, &'a str>>,
    /// Earlier names of SLXs that have another one now.
    moved: HashMap<&'a str, &'a str>,
    /// Names that this merge takes away.
    gone: HashSet<&'a str>,
    /// Names of SLXs that an earlier upload brought and that have stood in a group since.
    grouped_before: HashSet<&'a str>,
    /// Numbers of the repository's SLXs that go.
    leaving: HashSet<usize>,
}

impl<'a> Names<'a> {
    /// Derives the names from what becomes of the SLXs; `pruned` are numbers of the repository's.
    pub(super) fn new(
        workspace: &WorkspaceName,
        sides: Sides<'_, 'a>,
        fates: &[Fate],
        pruned: &HashSet<usize>,
    ) -> Self {
        let slxs = &sides.repository.slxs;
        let mut uploaded = HashMap::with_capacity(fates.len());
        let mut replaced = HashMap::new();
        for (slx, fate) in sides.upload.slxs.iter().zip(fates) {
            let name = match fate {
                Fate::Added => Some(slx.directory),
                Fate::Replaces(number) => {
                    replaced.insert(*number, slx.directory);
                    Some(slx.directory)
                }
                Fate::Matched(number) => Some(slxs[*number].directory),
                Fate::Tombstoned | Fate::Conflict(_) => None,
            };
            uploaded.insert(slx.directory, name);
        }
        let staying = || {
            slxs.iter()
                .enumerate()
                .filter(|(number, _)| !pruned.contains(number) && !replaced.contains_key(number))
        };
        let mut present: HashSet<&str> = staying().map(|(_, slx)| slx.directory).collect();
        present.extend(uploaded.values().flatten());
        let mut names = Self {
            prefix: format!("{workspace}--"),
            uploaded,
            uploaded_folded: OnceCell::new(),
            present,
            present_folded: OnceCell::new(),
            moved: HashMap::new(),
            gone: HashSet::new(),
            grouped_before: HashSet::new(),
            leaving: pruned.iter().chain(replaced.keys()).copied().collect(),
        };
        // The repository knows best what a name meant until now, then the manifest, then the upload.
        names.gone.extend(pruned.iter().map(|number| slxs[*number].directory));
        for (number, new_name) in &replaced {
            names.note_move(slxs[*number].directory, new_name);
        }
        for (number, slx) in staying() {
            let identity = slx.identity();
            let Some(known) = sides.manifest.slxs.get(identity) else { continue };
            // Of several with this identity, the one that the manifest means decides for its copies.
            let Some(meant) = sides.repository.with_identity(identity, &[known]) else { continue };
            if names.stays(meant) && !sides.record.ungrouped().contains(identity) {
                names.grouped_before.insert(slx.directory);
            }
            if meant == number {
                names.note_move(known, slx.directory);
            }
        }
        for (identity, known) in &sides.manifest.slxs {
            if !sides.repository.has_identity(identity) {
                names.note_gone(known);
            }
        }
        for (uploaded, name) in names.uploaded.clone() {
            match name {
                Some(name) => names.note_move(uploaded, name),
                None => names.note_gone(uploaded),
            }
        }
        names
    }

    fn note_move(&mut self, from: &'a str, to: &'a str) {
        if from != to && !self.present.contains(from) && !self.gone.contains(from) {
            self.moved.entry(from).or_insert(to);
        }
    }

    fn note_gone(&mut self, name: &'a str) {
        if !self.present.contains(name) && !self.moved.contains_key(name) {
            self.gone.insert(name);
        }
    }

    /// Tells whether the repository's SLX of this number is still there after the merge.
    pub(super) fn stays(&self, number: usize) -> bool {
        !self.leaving.contains(&number)
    }

    /// Tells whether the repository has an SLX of this name after the merge.
    pub(super) fn is_present(&self, name: &str) -> bool {
        self.present.contains(name)
    }

    /// Tells whether an earlier upload brought the SLX that has this name, and it has stood in a group since.
    pub(super) fn was_grouped(&self, name: &str) -> bool {
        self.grouped_before.contains(name)
    }

    /// Finds what a name in the repository's files means.
    pub(super) fn in_repository<'n>(&'n self, name: &'n str) -> Meaning<'n> {
        self.with_and_without_prefix(name, |name| {
            if let Some(present) = self.present.get(name) {
                return Meaning::Slx(present);
            }
            if let Some(new_name) = self.moved.get(name) {
                return Meaning::Slx(new_name);
            }
            if self.gone.contains(name) { Meaning::Gone } else { Meaning::Unknown }
        })
    }

    /// Finds what a name in the upload means.
    pub(super) fn in_upload<'n>(&'n self, name: &'n str) -> Meaning<'n> {
        self.with_and_without_prefix(name, |name| {
            if let Some(fate) = self.uploaded.get(name) {
                return fate.map_or(Meaning::Gone, Meaning::Slx);
            }
            if let Some(present) = self.present.get(name) {
                return Meaning::Slx(present);
            }
            self.by_folded_name(name)
        })
    }

    fn by_folded_name(&self, name: &str) -> Meaning<'_> {
        let name = fold(name);
        let uploaded = self.uploaded_folded.get_or_init(|| fold_all(self.uploaded.keys().copied()));
        if let Some(found) = uploaded.get(&name).and_then(|found| self.uploaded.get(found)) {
            return found.map_or(Meaning::Gone, Meaning::Slx);
        }
        let present = self.present_folded.get_or_init(|| fold_all(self.present.iter().copied()));
        present.get(&name).map_or(Meaning::Unknown, |found| Meaning::Slx(found))
    }

    /// Looks a name up as it stands and, unless that is known, as `<workspace>--<name>`.
    fn with_and_without_prefix<'n>(
        &'n self,
        name: &'n str,
        find: impl Fn(&'n str) -> Meaning<'n>,
    ) -> Meaning<'n> {
        match (find(name), name.strip_prefix(&self.prefix)) {
            (Meaning::Unknown, Some(short)) => find(short),
            (meaning, _) => meaning,
        }
    }

    /// Returns a name in the form in which an old one stood: with the workspace if that had it.
    pub(super) fn like(&self, old: &str, new: &str) -> String {
        let is_qualified =
            old.starts_with(&self.prefix) && !self.present.contains(old) && !self.uploaded.contains_key(old);
        if is_qualified { format!("{}{new}", self.prefix) } else { new.to_owned() }
    }
}

/// Indexes names by their folded form; of several the first in order.
fn fold_all<'a>(names: impl Iterator<Item = &'a str>) -> HashMap<String, &'a str> {
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    let mut folded = HashMap::with_capacity(names.len());
    for name in names {
        folded.entry(fold(name)).or_insert(name);
    }
    folded
}
