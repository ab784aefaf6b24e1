//! The one way to the object store: each call is measured, counted and, where traces are on, a span.

use workstead_presign::{ObjectStore, StoreError};

use crate::app::App;
use crate::metrics::StoreOperation;

impl App {
    /// Calls the object store; blocks, so async callers come through [`crate::blocking::Work`].
    ///
    /// What the call opens is read after it: reading is not in its time.
    pub(crate) fn store_call<T>(
        &self,
        operation: StoreOperation,
        call: impl FnOnce(&ObjectStore) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let provider = self.objects.provider();
        // Neither key nor URL: both are somebody's.
        let span =
            tracing::info_span!("object_store", operation = operation.as_str(), provider = provider.as_str());
        span.in_scope(|| self.metrics.store_call(provider, operation, || call(&self.objects)))
    }
}

/// The words for failures.
pub(crate) const FAILURES: &[&str] = &["io", "unavailable", "refused"];

/// Returns the word for a failure of the store; what is the caller's doing or the object's state is none.
///
/// It must be one of [`FAILURES`].
pub(crate) fn failure(error: &StoreError) -> Option<&'static str> {
    match error {
        StoreError::Missing { .. } | StoreError::Closed { .. } | StoreError::InvalidId { .. } => None,
        StoreError::Io(_) => Some("io"),
    }
}
