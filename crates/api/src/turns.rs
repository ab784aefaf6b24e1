//! Turns of workspaces: none may take all of what is there for all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::ApiError;

/// Keys beyond which those without a holder are forgotten.
const MANY_KEYS: usize = 256;

/// So many turns at once for each key; who comes later waits.
pub(crate) struct Turns {
    each: usize,
    semaphores: Mutex<HashMap<String, Weak<Semaphore>>>,
}

impl Turns {
    /// Makes turns, so many at once for each key.
    pub(crate) fn new(each: usize) -> Self {
        Self { each, semaphores: Mutex::default() }
    }

    /// Waits for a turn, which ends when the permit is dropped.
    pub(crate) async fn take(&self, key: &str) -> Result<OwnedSemaphorePermit, ApiError> {
        self.semaphore(key).acquire_owned().await.map_err(ApiError::internal)
    }

    fn semaphore(&self, key: &str) -> Arc<Semaphore> {
        // A poisoned lock only means that somebody panicked; the map is whole.
        let mut known = self.semaphores.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(semaphore) = known.get(key).and_then(Weak::upgrade) {
            return semaphore;
        }
        if known.len() >= MANY_KEYS {
            known.retain(|_, semaphore| semaphore.strong_count() > 0);
        }
        let semaphore = Arc::new(Semaphore::new(self.each));
        known.insert(key.to_owned(), Arc::downgrade(&semaphore));
        semaphore
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn one_key_does_not_take_the_turns_of_another() {
        let turns = Turns::new(2);
        let first = turns.take("a").await.unwrap();
        let _second = turns.take("a").await.unwrap();
        assert!(turns.take("a").now_or_never().is_none());
        assert!(turns.take("b").now_or_never().is_some());
        drop(first);
        assert!(turns.take("a").now_or_never().is_some());
    }

    #[tokio::test]
    async fn keys_without_a_holder_are_forgotten() {
        let turns = Turns::new(1);
        let _held = turns.take("held").await.unwrap();
        for number in 0..1000 {
            drop(turns.take(&number.to_string()).await.unwrap());
        }
        assert!(turns.semaphores.lock().unwrap().len() <= MANY_KEYS);
        assert!(turns.take("held").now_or_never().is_none());
    }
}
