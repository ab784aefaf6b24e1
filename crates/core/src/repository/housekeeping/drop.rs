//! Dropping what was set aside long enough ago; the head of the parent module says why that is safe.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::examine::{Aside, Found};
use super::reach::{self, Following};
use super::state::later;
use super::{House, HouseKept, Housekeeping, MAX_TIME};
use crate::repository::error::{Error, Result};
use crate::repository::layout::sync_directory;
use crate::repository::tree_format::RawId;

/// How long a moment is waited for in which nothing is written.
const PATIENCE: Duration = if cfg!(test) { Duration::from_secs(1) } else { Duration::from_secs(30) };
/// Rounds after which writers wait until what was just written is followed, since otherwise there is always more.
const ROUNDS: usize = 10;
/// How long they wait for that at most.
const HELD: Duration = Duration::from_secs(2);
/// How long it rests while somebody holds the repository.
const REST: Duration = Duration::from_millis(50);

/// What came of a look under the lock.
enum Look {
    Dropped,
    /// References have moved: to these.
    Moved(BTreeSet<RawId>),
    Held,
}

impl House<'_> {
    /// Drops the packs that have outlived the grace and that nothing leads to.
    pub(super) fn drop_outlived(
        &self,
        task: &Housekeeping<'_>,
        found: &mut Found,
        kept: &mut HouseKept,
    ) -> Result<()> {
        let is_outlived = |aside: &Aside| !aside.is_in_use && later(aside.since, task.grace) <= task.now;
        let (mut doomed, rest): (Vec<_>, _) =
            std::mem::take(&mut found.aside).into_iter().partition(is_outlived);
        found.aside = rest;
        self.spare_what_others_need(&mut doomed, found)?;
        let begun = Instant::now();
        let mut round = 0;
        while !doomed.is_empty() {
            self.refuse_to_go_on()?;
            if begun.elapsed() > PATIENCE {
                kept.postponed = true;
                return Ok(());
            }
            match self.look(&mut doomed, &mut found.seen, round >= ROUNDS)? {
                Look::Dropped => return self.remove(&doomed, kept),
                Look::Moved(new) => {
                    round += 1;
                    self.spare(&mut doomed, &mut found.seen, new, MAX_TIME)?;
                }
                Look::Held => std::thread::sleep(REST),
            }
        }
        Ok(())
    }

    /// Takes out what other unreachable objects lead to that stay: `git fsck` would miss it.
    fn spare_what_others_need(&self, doomed: &mut Vec<Aside>, found: &Found) -> Result<()> {
        if doomed.is_empty() {
            return Ok(());
        }
        let mut staying =
            found.unreachable.iter().chain(found.aside.iter().flat_map(|aside| &aside.ids)).copied();
        let following = Following { leniently: true, limit: MAX_TIME };
        let mut needed = vec![false; doomed.len()];
        self.follow(&mut staying, &found.seen, following, |id| note(&mut needed, doomed, id))?;
        take_out(doomed, &needed);
        Ok(())
    }

    /// Takes out what references lead to by now.
    fn spare(
        &self,
        doomed: &mut Vec<Aside>,
        seen: &mut BTreeSet<RawId>,
        new: BTreeSet<RawId>,
        limit: Duration,
    ) -> Result<()> {
        let following = Following { leniently: false, limit };
        let mut needed = vec![false; doomed.len()];
        self.follow(&mut new.iter().copied(), seen, following, |id| note(&mut needed, doomed, id))?;
        seen.extend(new);
        take_out(doomed, &needed);
        Ok(())
    }

    /// Looks whether all that references lead to was followed, and if so drops the packs, while nobody writes.
    fn look(&self, doomed: &mut Vec<Aside>, seen: &mut BTreeSet<RawId>, urgently: bool) -> Result<Look> {
        let writer = self.repository.writer()?;
        let holds = self.repository.inner.holds();
        if *holds > 0 {
            return Ok(Look::Held);
        }
        let mut new = reach::tips(&writer.handle)?;
        new.retain(|tip| !seen.contains(tip));
        if !new.is_empty() {
            if !urgently {
                return Ok(Look::Moved(new));
            }
            match self.spare(doomed, seen, new.clone(), HELD) {
                // So much can be followed without a lock only.
                Err(Error::ProgramTooSlow { .. }) => return Ok(Look::Moved(new)),
                spared => spared?,
            }
        }
        doomed.iter().try_for_each(|aside| aside.pack.hide())?;
        // From here on no handle finds it, so whoever looks for an object of it under the lock does not.
        self.repository.objects().renew();
        drop(holds);
        Ok(Look::Dropped)
    }

    fn remove(&self, doomed: &[Aside], kept: &mut HouseKept) -> Result<()> {
        // An index that came back after a loss of power would have no pack.
        sync_directory(&self.repository.objects().directory().join("pack"))?;
        for aside in doomed {
            aside.pack.remove()?;
            kept.dropped += aside.ids.len();
        }
        self.repository.recount();
        Ok(())
    }
}

fn note(needed: &mut [bool], doomed: &[Aside], id: &RawId) {
    for (needed, aside) in needed.iter_mut().zip(doomed) {
        *needed |= aside.has(id);
    }
}

fn take_out(doomed: &mut Vec<Aside>, needed: &[bool]) {
    let mut needed = needed.iter();
    doomed.retain(|_| needed.next() != Some(&true));
}
