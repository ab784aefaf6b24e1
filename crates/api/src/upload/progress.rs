//! How far an upload is, while it is worked on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use tokio::sync::watch;
use utoipa::ToSchema;

/// What is being done for an upload.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Phase {
    /// It waits for its turn: behind another of its workspace, or for memory.
    #[default]
    Waiting,
    /// The bundle is read from the store and hashed.
    Fetching,
    /// The bundle is unpacked and checked.
    Checking,
    /// It is merged with the branch, and committed.
    Merging,
}

/// How far an upload is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Progress {
    pub(crate) phase: Phase,
    /// Bytes of the bundle that were fetched.
    pub(crate) bytes: u64,
    /// Bytes that the bundle has, once that is known.
    pub(crate) bytes_total: Option<u64>,
    /// Members of the archive that were read.
    pub(crate) members: u64,
    /// Which attempt it is, from 1.
    pub(crate) attempt: u32,
}

/// The uploads that this process works on.
#[derive(Debug, Clone, Default)]
pub(crate) struct UnderWay(Arc<Mutex<HashMap<String, watch::Sender<Progress>>>>);

/// Says how far one upload is, as long as it lives.
#[derive(Debug)]
pub(crate) struct Reporter {
    id: String,
    sender: watch::Sender<Progress>,
    under_way: UnderWay,
}

impl UnderWay {
    /// Begins to report on an upload.
    pub(crate) fn begin(&self, id: &str, attempt: u32) -> Reporter {
        let sender = watch::Sender::new(Progress { attempt, ..Progress::default() });
        self.lock().insert(id.to_owned(), sender.clone());
        Reporter { id: id.to_owned(), sender, under_way: self.clone() }
    }

    /// Follows an upload that is worked on here.
    pub(crate) fn follow(&self, id: &str) -> Option<watch::Receiver<Progress>> {
        self.lock().get(id).map(watch::Sender::subscribe)
    }

    /// Returns how far an upload is that is worked on here.
    pub(crate) fn of(&self, id: &str) -> Option<Progress> {
        self.lock().get(id).map(|sender| sender.borrow().clone())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, watch::Sender<Progress>>> {
        // Nothing panics while it is held; what it holds is whole anyway.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reporter {
    /// Changes what is known.
    pub(crate) fn update(&self, change: impl FnOnce(&mut Progress)) {
        self.sender.send_modify(change);
    }

    /// Returns what is told how many members were read, on whatever thread.
    pub(crate) fn members(&self) -> impl FnMut(u64) + Send + 'static {
        let sender = self.sender.clone();
        move |members| sender.send_modify(|progress| progress.members = members)
    }

    /// Says that the next phase has begun.
    pub(crate) fn enter(&self, phase: Phase) {
        self.update(|progress| progress.phase = phase);
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        let mut under_way = self.under_way.lock();
        // A worker that took the upload over reports by itself.
        if under_way.get(&self.id).is_some_and(|sender| sender.same_channel(&self.sender)) {
            under_way.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_is_under_way_as_long_as_its_reporter_lives() {
        let under_way = UnderWay::default();
        let first = under_way.begin("u", 1);
        first.enter(Phase::Fetching);
        let mut follower = under_way.follow("u").unwrap();
        first.update(|progress| progress.bytes = 7);
        assert!(follower.has_changed().unwrap());
        first.members()(512);
        let seen = follower.borrow_and_update().clone();
        assert_eq!((seen.phase, seen.bytes, seen.members, seen.attempt), (Phase::Fetching, 7, 512, 1));
        // Taken over: the end of the first worker is not the end of the second's report.
        let second = under_way.begin("u", 2);
        drop(first);
        assert_eq!(under_way.of("u").unwrap().attempt, 2);
        drop(second);
        assert_eq!(under_way.of("u"), None);
        assert!(under_way.follow("u").is_none());
    }
}
