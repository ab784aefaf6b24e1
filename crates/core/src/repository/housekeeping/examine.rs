//! What is in a repository, and what of it nothing leads to.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::packs::{self, Keep, Pack};
use super::reach::{self, Following};
use super::{House, MAX_TIME};
use crate::repository::error::Result;
use crate::repository::tree_format::RawId;

/// What an examination found.
pub(super) struct Found {
    /// Packs that nobody keeps.
    pub(super) ordinary: Vec<Pack>,
    /// What is in them and nothing leads to, in order.
    pub(super) unreachable: Vec<RawId>,
    /// Packs that were set aside.
    pub(super) aside: Vec<Aside>,
    /// All that was followed.
    pub(super) seen: BTreeSet<RawId>,
}

/// A pack that was set aside.
pub(super) struct Aside {
    pub(super) pack: Pack,
    pub(super) since: Timestamp,
    /// Its objects, in order.
    pub(super) ids: Vec<RawId>,
    /// Whether something leads to one of them again, or brought it again.
    pub(super) is_in_use: bool,
}

impl Aside {
    pub(super) fn has(&self, id: &RawId) -> bool {
        self.ids.binary_search(id).is_ok()
    }
}

impl House<'_> {
    /// Looks what is there, and follows all references.
    pub(super) fn examine(&self) -> Result<Found> {
        let (mut ordinary, mut ids, mut aside) = (Vec::new(), Vec::new(), Vec::new());
        for pack in packs::list(&self.repository.objects().directory().join("pack"))? {
            match pack.keep {
                Keep::No => {
                    ids.extend(pack.ids()?);
                    ordinary.push(pack);
                }
                Keep::Aside(since) => {
                    aside.push(Aside { ids: pack.ids()?, pack, since, is_in_use: false });
                }
                // Its references move later.
                Keep::Foreign => {}
            }
        }
        ids.sort_unstable();
        ids.dedup();
        for aside in &mut aside {
            // A copy that came in later may be what something leads to soon.
            aside.is_in_use = aside.ids.iter().any(|id| ids.binary_search(id).is_ok());
        }
        // Who has written a pack by now has moved the reference once it has let go of the lock.
        let seen = reach::tips(&self.repository.writer()?.handle)?;
        let mut is_reached = vec![false; ids.len()];
        let following = Following { leniently: false, limit: MAX_TIME };
        self.follow(&mut seen.iter().copied(), &BTreeSet::new(), following, |id| {
            if let Ok(place) = ids.binary_search(id) {
                is_reached[place] = true;
            }
            for aside in &mut aside {
                aside.is_in_use |= aside.has(id);
            }
        })?;
        let unreachable = ids.into_iter().zip(is_reached).filter(|(_, is_reached)| !is_reached);
        Ok(Found { ordinary, unreachable: unreachable.map(|(id, _)| id).collect(), aside, seen })
    }
}
