//! The manifest after a merge.

use jiff::{SignedDuration, Timestamp};

use super::identity::{Fate, Sides};
use super::names::Names;
use crate::model::{Manifest, date};

/// How old `lastSeen` must be to move although nothing else changes.
const LAST_SEEN_IS_DUE_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// The manifest after a merge, and whether it has to be written for its own sake.
#[derive(Debug)]
pub(super) struct NextManifest {
    pub(super) manifest: Manifest,
    /// Whether more than dates changed, or the date of a tombstone is due.
    pub(super) is_due: bool,
}

impl NextManifest {
    /// Derives the manifest from what becomes of the SLXs.
    ///
    /// The tombstones of SLXs that the upload still has say `now`; the caller takes the manifest only if
    /// something is due or something else changed.
    pub(super) fn new(
        sides: Sides<'_, '_>,
        fates: &[Fate],
        names: &Names<'_>,
        now: Timestamp,
        build_date: Option<String>,
    ) -> Self {
        let old = sides.manifest;
        let now = date::whole_seconds(now);
        let mut manifest =
            Manifest { last_build_date: build_date, last_upload_date: Some(now), ..Manifest::default() };
        add_uploaded(sides, fates, now, &mut manifest);
        add_known(sides, names, now, &mut manifest);
        add_buried(sides, names, &mut manifest);
        let is_overdue = |(identity, seen): (&String, &Timestamp)| {
            let old = old.tombstones.get(identity);
            *seen == now && old.is_some_and(|old| now.duration_since(*old) > LAST_SEEN_IS_DUE_AFTER)
        };
        let is_due = manifest.slxs != old.slxs
            || !manifest.tombstones.keys().eq(old.tombstones.keys())
            || manifest.tombstones.iter().any(is_overdue);
        Self { manifest, is_due }
    }
}

/// Adds what the upload brings, or would bring had people not deleted it.
fn add_uploaded(sides: Sides<'_, '_>, fates: &[Fate], now: Timestamp, manifest: &mut Manifest) {
    for (slx, fate) in sides.upload.slxs.iter().zip(fates) {
        let identity = slx.identity().to_owned();
        let name = match fate {
            Fate::Added | Fate::Replaces(_) => slx.directory,
            Fate::Matched(number) => sides.repository.slxs[*number].directory,
            Fate::Tombstoned => {
                manifest.tombstones.insert(identity, now);
                continue;
            }
            Fate::Conflict(_) => continue,
        };
        manifest.slxs.insert(identity, name.to_owned());
    }
}

/// Adds what earlier uploads brought and this one lacks: what was pruned or replaced is forgotten.
fn add_known(sides: Sides<'_, '_>, names: &Names<'_>, now: Timestamp, manifest: &mut Manifest) {
    let old = sides.manifest;
    for (identity, name) in &old.slxs {
        if sides.upload.has_identity(identity) {
            continue;
        }
        if let Some(number) = sides.repository.with_identity(identity, &[name]) {
            add_if_it_stays(sides, names, (identity, number), manifest);
        } else {
            let seen = old.last_upload_date.unwrap_or(now);
            let seen = old.tombstones.get(identity).map_or(seen, |earlier| seen.max(*earlier));
            manifest.tombstones.insert(identity.clone(), seen);
        }
    }
}

/// Adds the other tombstones, but for SLXs that people put back: those are as known as before.
fn add_buried(sides: Sides<'_, '_>, names: &Names<'_>, manifest: &mut Manifest) {
    let old = sides.manifest;
    for (identity, seen) in &old.tombstones {
        if sides.upload.has_identity(identity) || old.slxs.contains_key(identity) {
            continue;
        }
        match sides.repository.with_identity(identity, &[]) {
            Some(number) => add_if_it_stays(sides, names, (identity, number), manifest),
            None => drop(manifest.tombstones.insert(identity.clone(), *seen)),
        }
    }
}

fn add_if_it_stays(
    sides: Sides<'_, '_>,
    names: &Names<'_>,
    (identity, number): (&String, usize),
    manifest: &mut Manifest,
) {
    if names.stays(number) {
        let directory = sides.repository.slxs[number].directory;
        manifest.slxs.insert(identity.clone(), directory.to_owned());
    }
}
