//! How often something may happen within a minute.

use std::collections::VecDeque;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use moka::sync::Cache;

const MINUTE: Duration = Duration::from_mins(1);
/// Most keys that are counted at the same time; beyond it, those that were quiet longest are forgotten.
const MOST_KEYS: u64 = 100_000;

/// Counts what happened for each key in the last minute.
pub(crate) struct RateLimit<K> {
    each: usize,
    taken: Cache<K, Taken>,
}

/// When it happened, the oldest first.
type Taken = Arc<Mutex<VecDeque<Instant>>>;

/// Too often; there is room again after so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooOften {
    wait: Duration,
}

impl TooOften {
    /// Returns whole seconds to wait, at least one.
    pub(crate) fn seconds(self) -> u32 {
        let whole = u32::try_from(self.wait.as_secs()).unwrap_or(60);
        whole + u32::from(self.wait.subsec_nanos() > 0 || whole == 0)
    }
}

impl<K: Eq + Hash + Clone + Send + Sync + 'static> RateLimit<K> {
    /// Lets it happen so often a minute for each key.
    pub(crate) fn a_minute(each: usize) -> Self {
        // What was quiet for two minutes counts for nothing any more.
        let taken = Cache::builder().max_capacity(MOST_KEYS).time_to_idle(2 * MINUTE).build();
        Self { each, taken }
    }

    /// Takes one, if it is not too often; `now` is a parameter so that tests need not wait.
    pub(crate) fn take(&self, key: &K, now: Instant) -> Result<(), TooOften> {
        let taken = self.taken.get_with_by_ref(key, Taken::default);
        let mut taken = lock(&taken);
        while taken.front().is_some_and(|first| now.saturating_duration_since(*first) >= MINUTE) {
            taken.pop_front();
        }
        if taken.len() < self.each {
            taken.push_back(now);
            return Ok(());
        }
        let first = taken.front().copied().unwrap_or(now);
        Err(TooOften { wait: MINUTE.saturating_sub(now.saturating_duration_since(first)) })
    }

    /// Gives one back that turned out not to count.
    pub(crate) fn give_back(&self, key: &K) {
        if let Some(taken) = self.taken.get(key) {
            lock(&taken).pop_back();
        }
    }
}

fn lock(taken: &Taken) -> MutexGuard<'_, VecDeque<Instant>> {
    // A poisoned lock only means that somebody panicked; the list is whole.
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_fit_into_any_minute() {
        let limit = RateLimit::a_minute(3);
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        assert_eq!([0, 10, 50].map(|second| limit.take(&"a", at(second))), [Ok(()); 3]);
        assert_eq!(limit.take(&"a", at(50)).unwrap_err().seconds(), 10);
        assert_eq!(limit.take(&"a", at(59)).unwrap_err().seconds(), 1);
        // Another key is not concerned, and what was refused was not counted.
        assert!(limit.take(&"b", at(59)).is_ok());
        assert!(limit.take(&"a", at(60)).is_ok());
        assert_eq!(limit.take(&"a", at(60)).unwrap_err().seconds(), 10);
        assert!(limit.take(&"a", at(70)).is_ok());
    }

    #[test]
    fn what_is_given_back_is_there_again() {
        let limit = RateLimit::a_minute(1);
        let now = Instant::now();
        assert!(limit.take(&1, now).is_ok());
        limit.give_back(&1);
        limit.give_back(&2);
        assert!(limit.take(&1, now).is_ok());
        assert!(limit.take(&1, now).is_err());
    }

    #[test]
    fn a_wait_is_never_nothing() {
        let seconds = |millis| TooOften { wait: Duration::from_millis(millis) }.seconds();
        assert_eq!([0, 1, 1000, 1001, 60_000].map(seconds), [1, 1, 1, 2, 60]);
    }
}
