//! Looking after a repository while it is used: packs joined, unreachable objects dropped after a grace time.
//!
//! Nobody waits for `git repack`, and nobody loses anything by it, because
//!
//! * it removes only packs that it saw when it began, once all of their objects are in others; packs that come meanwhile
//!   are none of its business. Commits and pushes bring whole packs and nothing else, and never change one.
//! * who reads has the removed packs open, or misses an object in them and looks for packs again: `git` does so by itself,
//!   libgit2 too, and a read that failed is tried on a new handle (`Objects::with`). A quarantine sees packs as its alternate
//!   and looks again in the same way.
//! * a crash leaves the old packs, the new ones, or both, and files with names of temporary ones, which are removed when
//!   they are old. Git runs with a lock file as its standard input, so that what outlives this process is not run into.
//!
//! Dropping is another matter, since "nothing leads to it" may cease to be true at any moment. So it has three steps, each
//! of which may be the last one before a crash, and `git` never drops anything:
//!
//! 1. **Set aside.** What no reference leads to is copied into a pack of its own, marked by a `.keep` file that says since
//!    when; then the packs that it came from are written anew without it (`git repack -a -k` keeps all but what is in kept
//!    packs). It is as readable as before.
//! 2. **Wait.** A pack of which something is led to again, or came in a second time, is an ordinary one again: what of it is
//!    still unreachable then begins another grace time. So the grace is counted from when housekeeping first saw that
//!    nothing leads to an object, not from when the object was written.
//! 3. **Drop.** When the grace is over, all references are followed (`git rev-list --objects`), without any lock. The pack is
//!    then removed under the writer's lock and while nobody has a [`Hold`], if the references are where they were when they
//!    were followed; if some have moved, what they lead to beyond that is followed first.
//!
//! At the moment of the removal, nothing in the pack is led to. Nor is it ever again:
//!
//! * A commit of ours, under the writer's lock, refers to objects that it writes; to the trees of its base and of the records,
//!   which references lead to, or it moves none; to blobs of links, each of which is looked for, by handles that know no
//!   removed pack, under that same lock; and to commits that a branch or tag leads to under that lock. Caches of content
//!   are asked for none of this.
//! * A push holds everything from before `git receive-pack` begins until its references are read again. What it refers to was
//!   there when Git checked that nothing is missing, and is there when the references move.
//! * Whoever lets another program write references has to do the same: [`Repository::hold`].
//!
//! A `git receive-pack` that outlived its server has no hook to ask, so its references don't move.

mod drop;
mod examine;
mod leftovers;
pub(super) mod packs;
mod reach;
mod set_aside;
mod state;

use std::ffi::OsStr;
use std::fs::TryLockError;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use fs_err as fs;
use jiff::Timestamp;

use super::error::{Error, Result};
use super::program::Run;
use super::{Inner, Repository, size};

/// Held by what looks after a repository, and by the `git` that it runs.
const LOCK: &str = "housekeeping.lock";
/// Longest that one step of the work may take.
const MAX_TIME: Duration = Duration::from_hours(1);

/// What is to be done for one repository.
#[derive(Clone, Copy)]
pub struct Housekeeping<'a> {
    /// How long objects are kept that nothing leads to.
    pub grace: Duration,
    /// The time, by which the grace is counted.
    pub now: Timestamp,
    /// Asked many times a second; once it says yes, the work ends as soon as it can.
    pub stop: &'a (dyn Fn() -> bool + Sync),
}

/// What was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HouseKept {
    /// Bytes of the objects before.
    pub bytes_before: u64,
    /// Bytes of the objects after.
    pub bytes_after: u64,
    /// Objects that were found unreachable and set aside.
    pub set_aside: usize,
    /// Objects that were dropped.
    pub dropped: usize,
    /// Whether something is left to do that had to wait.
    pub postponed: bool,
}

/// As long as it lives, nothing of the repository is dropped.
///
/// For whoever has another program move references: that program looks whether all is there, and must find it when it
/// moves them.
#[derive(Debug)]
pub struct Hold {
    pub(super) repository: Repository,
}

impl Repository {
    /// Keeps everything that is there now until the hold is gone; waits while something is being dropped, for a moment.
    pub fn hold(&self) -> Hold {
        *self.inner.holds() += 1;
        Hold { repository: self.clone() }
    }

    /// Looks after the repository: sets aside what is unreachable, and drops what has been for longer than the grace.
    ///
    /// The head of this module says why nobody waits for it or loses anything.
    pub fn keep_house(&self, task: &Housekeeping<'_>) -> Result<HouseKept> {
        let house = House::enter(self, task.stop)?;
        let kept = house.keep(task);
        match &kept {
            // It is due at once again.
            Err(Error::Stopped | Error::NotFound(_)) => {}
            Ok((kept, known)) if !kept.postponed => state::write(self.directory(), task.now, known)?,
            _ => state::write(self.directory(), task.now, state::UNFINISHED)?,
        }
        kept.map(|(kept, _)| kept)
    }
}

impl Inner {
    fn holds(&self) -> MutexGuard<'_, usize> {
        self.holds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut holds = self.repository.inner.holds();
        *holds = holds.saturating_sub(1);
    }
}

/// The one who looks after a repository, alone.
pub(super) struct House<'a> {
    repository: &'a Repository,
    stop: Box<dyn Fn() -> bool + Sync + 'a>,
    lock: std::fs::File,
    _alone: MutexGuard<'a, ()>,
}

impl<'a> House<'a> {
    /// Waits until nobody else looks after the repository.
    pub(super) fn enter(repository: &'a Repository, stop: &'a (dyn Fn() -> bool + Sync)) -> Result<Self> {
        let inner: &'a Arc<Inner> = &repository.inner;
        let alone = inner.house.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.retiring.load(Ordering::Acquire) {
            return Err(Error::NotFound(inner.id.clone()));
        }
        let path = repository.directory().join(LOCK);
        let lock = fs::File::options().create(true).truncate(false).read(true).write(true).open(path)?;
        let lock = lock.into_parts().0;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::Housekeeping),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        let stop = Box::new(move || stop() || inner.retiring.load(Ordering::Acquire));
        Ok(Self { repository, stop, lock, _alone: alone })
    }

    /// Does it, and tells what the repository was like that needs no more.
    fn keep(&self, task: &Housekeeping<'_>) -> Result<(HouseKept, String)> {
        let objects = self.repository.objects().directory();
        leftovers::remove(objects)?;
        let mut kept = HouseKept { bytes_before: size::count(objects)?, ..HouseKept::default() };
        if self.repository.needs_consolidation()? {
            self.consolidate(MAX_TIME)?;
        }
        // References first: one that moves from now on is seen as a change.
        let references = state::references(self.repository.directory())?;
        let mut found = self.examine()?;
        self.drop_outlived(task, &mut found, &mut kept)?;
        self.set_aside(task, &found, &mut kept)?;
        self.repository.recount();
        kept.bytes_after = self.repository.object_bytes()?;
        Ok((kept, references))
    }

    /// Runs `git repack` with these arguments; then the packs that were there may be gone.
    pub(super) fn replace_packs(&self, arguments: &[&OsStr], limit: Duration) -> Result<()> {
        let run = self.run("repack", arguments, limit).reading(self.lock.try_clone()?);
        let ended = run.run();
        // Whatever git did, old handles may know packs that are gone.
        self.repository.objects().renew();
        self.repository.recount();
        ended
    }

    fn run<'b>(&'b self, command: &'static str, arguments: &'b [&'b OsStr], limit: Duration) -> Run<'b> {
        let Repository { inner } = self.repository;
        let run = Run::new(&inner.shared.git_program, &inner.directory, command, arguments, limit);
        run.in_background(&*self.stop)
    }

    fn refuse_to_go_on(&self) -> Result<()> {
        if (self.stop)() { Err(Error::Stopped) } else { Ok(()) }
    }
}

impl Drop for House<'_> {
    fn drop(&mut self) {
        // What was run has ended; another child that is just being forked may hold the same open file.
        let _ = self.lock.unlock();
    }
}
