//! Which SLXs a prune takes.

use std::collections::HashSet;

use super::identity::{Fate, Sides};
use super::slxs::Slx;
use super::summary::{KeptReason, PrunedKept};
use super::{MergeError, MergeOptions};

/// What a prune takes and what it leaves.
#[derive(Debug, Default)]
pub(super) struct Prune {
    /// SLXs of the repository that go.
    pub(super) taken: HashSet<usize>,
    /// SLXs that the upload lacks and that stay.
    pub(super) kept: Vec<PrunedKept>,
}

/// A prune is guarded when it takes at least so many SLXs.
const GUARDED_FROM: usize = 5;

impl Prune {
    /// Decides about every SLX that the upload lacks.
    pub(super) fn decide(
        sides: Sides<'_, '_>,
        fates: &[Fate],
        options: &MergeOptions,
        workspace_allows: bool,
    ) -> Result<Self, MergeError> {
        let mut prune = Self::default();
        if !options.prunes_slxs() {
            return Ok(prune);
        }
        let replaced: HashSet<usize> = fates
            .iter()
            .filter_map(|fate| if let Fate::Replaces(number) = fate { Some(*number) } else { None })
            .collect();
        for (number, slx) in sides.repository.slxs.iter().enumerate() {
            if sides.upload.has_identity(slx.identity()) || replaced.contains(&number) {
                continue;
            }
            match reason_to_keep(sides, slx) {
                Some(reason) => prune.kept.push(PrunedKept { name: slx.directory.to_owned(), reason }),
                None => {
                    prune.taken.insert(number);
                }
            }
        }
        let total = sides.repository.slxs.iter().filter(|slx| sides.is_from_here(slx)).count();
        let stale = prune.taken.len();
        if stale >= GUARDED_FROM && stale * 2 > total && !options.allow_mass_prune && !workspace_allows {
            let location = sides.location.unwrap_or_default().to_owned();
            return Err(MergeError::PruneGuard { location, stale, total });
        }
        Ok(prune)
    }
}

/// Returns why an SLX that the upload lacks stays, or nothing if it goes.
fn reason_to_keep(sides: Sides<'_, '_>, slx: &Slx<'_>) -> Option<KeptReason> {
    if !sides.manifest.knows(slx.identity()) || slx.facts.manually_created {
        return Some(KeptReason::HandMade);
    }
    if !sides.is_from_here(slx) {
        let has_one = slx.facts.location.is_some();
        return Some(if has_one { KeptReason::OtherLocation } else { KeptReason::NoLocation });
    }
    if sides.record.is_empty() {
        return Some(KeptReason::NoRecord);
    }
    if sides.record.is_untouched(slx) { None } else { Some(KeptReason::Edited) }
}
