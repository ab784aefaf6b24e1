//! Room in memory, taken before a bundle is unpacked.
//!
//! How large a bundle is once unpacked stands in its last four bytes (RFC 1952 section 2.3.1, `ISIZE`). A bundle that
//! lies about it is damaged and refused as soon as it turns out larger, so what was reserved is enough.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use workstead_bundler::{BundleError, Limit, Limits};

use crate::error::ApiError;

/// How often the unpacked bytes are in memory at the peak, with all that is made of them; docs/PERFORMANCE.md measures it.
const COPIES: u64 = 6;
/// What a permit stands for.
const UNIT: u64 = 64 << 10;

/// The memory that all uploads share.
#[derive(Debug, Clone)]
pub(crate) struct UploadMemory {
    room: Arc<Semaphore>,
    units: u32,
}

impl UploadMemory {
    /// Takes the setting.
    pub(crate) fn new(bytes: u64) -> Self {
        let units = u32::try_from((bytes / UNIT).max(1)).unwrap_or(u32::MAX).min(MOST_UNITS);
        Self { room: Arc::new(Semaphore::new(units as usize)), units }
    }

    /// Waits for the room that a bundle needs; one that needs more than there is gets all of it, and is alone.
    pub(crate) async fn reserve(&self, declared: u32) -> Result<OwnedSemaphorePermit, ApiError> {
        let units = (u64::from(declared) * COPIES).div_ceil(UNIT).max(1);
        let units = u32::try_from(units).unwrap_or(u32::MAX).min(self.units);
        Arc::clone(&self.room).acquire_many_owned(units).await.map_err(ApiError::internal)
    }

    /// Returns how many bytes are reserved.
    pub(crate) fn reserved_bytes(&self) -> u64 {
        (u64::from(self.units) - self.room.available_permits() as u64) * UNIT
    }
}

/// As many as fit every platform's semaphore.
const MOST_UNITS: u32 = 1 << 28;

/// Returns the limits of a bundle that declares its size: no more than was reserved for it.
pub(crate) fn limits_of(limits: Limits, declared: u32) -> Limits {
    Limits { max_unpacked_bytes: limits.max_unpacked_bytes.min(u64::from(declared)), ..limits }
}

/// Explains a bundle that turned out larger than it declared.
pub(crate) fn explain(error: BundleError, limits: &Limits, declared: u32) -> ApiError {
    let BundleError::LimitExceeded(exceeded) = &error else { return error.into() };
    if exceeded.limit != Limit::UnpackedBytes || exceeded.actual > limits.max_unpacked_bytes {
        return error.into();
    }
    let detail = format!(
        "the bundle ends by saying that it unpacks to {declared} bytes, but there are more: it is damaged, or larger than 4 GiB; make it anew"
    );
    ApiError::invalid("bundle_size_wrong", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_needs_more_than_there_is_waits_to_be_alone() {
        let memory = UploadMemory::new(64 << 20);
        let small = memory.reserve(1 << 20).await.unwrap();
        assert_eq!(memory.reserved_bytes(), 6 << 20);
        let huge = memory.reserve(u32::MAX);
        let mut huge = std::pin::pin!(huge);
        assert!(futures_util::poll!(huge.as_mut()).is_pending());
        drop(small);
        let huge = huge.await.unwrap();
        assert_eq!(memory.reserved_bytes(), 64 << 20);
        drop(huge);
        assert_eq!(memory.reserved_bytes(), 0);
    }

    #[test]
    fn no_bundle_has_more_than_it_declared() {
        let limits = Limits::default();
        assert_eq!(limits_of(limits, 1000).max_unpacked_bytes, 1000);
        assert_eq!(limits_of(limits, u32::MAX).max_unpacked_bytes, limits.max_unpacked_bytes);
    }
}
