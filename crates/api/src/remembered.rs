//! A bounded memory of what the database said.

use std::fmt;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use moka::sync::Cache;

/// Values by key, loaded when absent, forgotten at once when something changes.
///
/// An answer that was under way while something was forgotten is not kept: it may be the old one.
pub(crate) struct Remembered<K, V> {
    cache: Cache<K, V>,
    forgotten: AtomicU64,
}

impl<K, V> Remembered<K, V>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Makes a memory of at most so many values, none older than so long.
    pub(crate) fn new(capacity: u64, lifetime: Duration) -> Self {
        Self::weighed(capacity, lifetime, |_, _| 1)
    }

    /// Makes a memory of values that weigh so much together at most, none older than so long.
    pub(crate) fn weighed(
        capacity: u64,
        lifetime: Duration,
        weigh: impl Fn(&K, &V) -> u32 + Send + Sync + 'static,
    ) -> Self {
        let cache = Cache::builder().max_capacity(capacity).time_to_live(lifetime).weigher(weigh).build();
        Self { cache, forgotten: AtomicU64::new(0) }
    }

    /// Returns the value, loading it when it is not in memory; absence is not remembered.
    pub(crate) async fn get_or_load<E>(
        &self,
        key: &K,
        load: impl Future<Output = Result<Option<V>, E>>,
    ) -> Result<Option<V>, E> {
        if let Some(value) = self.cache.get(key) {
            return Ok(Some(value));
        }
        let before = self.forgotten.load(Ordering::SeqCst);
        let Some(value) = load.await? else { return Ok(None) };
        self.cache.insert(key.clone(), value.clone());
        if self.forgotten.load(Ordering::SeqCst) != before {
            self.cache.invalidate(key);
        }
        Ok(Some(value))
    }

    /// Forgets one value; call it after the change is durable.
    pub(crate) fn forget(&self, key: &K) {
        self.forgotten.fetch_add(1, Ordering::SeqCst);
        self.cache.invalidate(key);
    }

    /// Forgets everything.
    pub(crate) fn forget_all(&self) {
        self.forgotten.fetch_add(1, Ordering::SeqCst);
        self.cache.invalidate_all();
    }
}

impl<K, V> fmt::Debug for Remembered<K, V> {
    /// Shows nothing of what it holds.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Remembered").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[tokio::test]
    async fn a_value_is_loaded_once_until_forgotten() {
        let memory = Remembered::new(10, Duration::from_mins(1));
        let load = async |value: Option<u8>| Ok::<_, Infallible>(value);
        assert_eq!(memory.get_or_load(&1, load(None)).await, Ok(None));
        assert_eq!(memory.get_or_load(&1, load(Some(7))).await, Ok(Some(7)));
        assert_eq!(memory.get_or_load(&1, load(Some(8))).await, Ok(Some(7)));
        memory.forget(&1);
        assert_eq!(memory.get_or_load(&1, load(Some(8))).await, Ok(Some(8)));
    }

    #[tokio::test]
    async fn what_was_loading_during_a_change_is_not_kept() {
        let memory = Remembered::new(10, Duration::from_mins(1));
        let old = memory.get_or_load(&1, async {
            memory.forget(&1);
            Ok::<_, Infallible>(Some("old"))
        });
        assert_eq!(old.await, Ok(Some("old")));
        let new = memory.get_or_load(&1, async { Ok::<_, Infallible>(Some("new")) });
        assert_eq!(new.await, Ok(Some("new")));
    }
}
