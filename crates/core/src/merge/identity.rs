//! What becomes of each uploaded SLX, by its identity.

use std::collections::HashSet;

use super::record::Record;
use super::slxs::{Slx, SlxIndex};
use crate::model::Manifest;
use crate::path::fold;

/// What becomes of an uploaded SLX.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// The repository does not have it.
    Added,
    /// The repository has this SLX with the same identity.
    Matched(usize),
    /// It takes the place of this SLX: the builder changed the identity of what it made.
    Replaces(usize),
    /// People deleted it.
    Tombstoned,
    /// It is left out, for the reason of this code.
    Conflict(&'static str),
}

/// The parts that decide about SLXs.
#[derive(Clone, Copy)]
pub(super) struct Sides<'a, 'b> {
    pub(super) repository: &'b SlxIndex<'a>,
    pub(super) upload: &'b SlxIndex<'a>,
    pub(super) manifest: &'b Manifest,
    pub(super) record: Record<'a>,
    /// The upload's location.
    pub(super) location: Option<&'b str>,
}

impl Sides<'_, '_> {
    /// Tells whether the upload's location made this SLX of the repository and nobody touched it since.
    pub(super) fn is_builders_own(&self, slx: &Slx<'_>) -> bool {
        self.is_from_here(slx) && !slx.facts.manually_created && self.record.is_untouched(slx)
    }

    /// Tells whether an SLX of the repository says that it comes from the upload's location.
    pub(super) fn is_from_here(&self, slx: &Slx<'_>) -> bool {
        slx.facts.location.as_deref() == self.location
    }

    /// Decides what becomes of every uploaded SLX, in their order.
    pub(super) fn fates(&self) -> Vec<Fate> {
        let mut identities = HashSet::with_capacity(self.upload.slxs.len());
        let mut claimed = HashSet::new();
        let mut fates = Vec::with_capacity(self.upload.slxs.len());
        for slx in &self.upload.slxs {
            let fate = self.fate(slx, &mut identities, &claimed);
            if matches!(fate, Fate::Added | Fate::Replaces(_)) {
                claimed.insert(fold(slx.directory));
            }
            fates.push(fate);
        }
        fates
    }

    fn fate<'u>(&self, slx: &'u Slx<'_>, seen: &mut HashSet<&'u str>, claimed: &HashSet<String>) -> Fate {
        let identity = slx.identity();
        if !seen.insert(identity) {
            return Fate::Conflict("duplicate_identity");
        }
        // Without a full name, it is first of all the SLX of that very directory.
        if slx.facts.full_name.is_none()
            && let Some(there) = self.repository.in_directory(slx.directory)
            && self.repository.slxs[there].identity() == identity
        {
            return Fate::Matched(there);
        }
        let known_name = self.manifest.slxs.get(identity).map_or(slx.directory, String::as_str);
        if let Some(found) = self.repository.with_identity(identity, &[slx.directory, known_name]) {
            return Fate::Matched(found);
        }
        if self.manifest.knows(identity) {
            return Fate::Tombstoned;
        }
        let folded = fold(slx.directory);
        if claimed.contains(&folded) || self.repository.is_blocked(slx.directory, &folded) {
            return Fate::Conflict("name_taken");
        }
        let Some(there) = self.repository.in_folded_directory(&folded) else {
            return Fate::Added;
        };
        let other = &self.repository.slxs[there];
        if self.upload.has_identity(other.identity()) || !self.is_builders_own(other) {
            return Fate::Conflict("name_taken");
        }
        Fate::Replaces(there)
    }
}
