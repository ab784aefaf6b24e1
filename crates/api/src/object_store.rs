//! Which object store the server uses, what its start says about it, and the one way to call it.

use std::io;
use std::sync::Arc;

use workstead_presign::{
    Examination, GcsConfig, GcsStore, LocalStore, ObjectStore, S3Config, S3Store, StoreError,
};

use crate::app::{App, AppState};
use crate::error::one_line;
use crate::metrics::StoreOperation;
use crate::settings::{Settings, StoreSettings};

/// Opens the store of the settings, without a word on the network.
pub(crate) fn from_settings(settings: &Settings, local: &Arc<LocalStore>) -> io::Result<ObjectStore> {
    Ok(match &settings.object_store {
        StoreSettings::Local => ObjectStore::Local(Arc::clone(local)),
        StoreSettings::Gcs(config) => ObjectStore::Gcs(Arc::new(GcsStore::new(GcsConfig::clone(config))?)),
        StoreSettings::S3(config) => ObjectStore::S3(Arc::new(S3Store::new(S3Config::clone(config))?)),
    })
}

/// Looks at the store in the background and tells the log what is wrong; everything else works meanwhile.
pub(crate) fn examine_at_start(app: &AppState) {
    // The data directory was just opened; nothing more can be told of it.
    if matches!(app.objects, ObjectStore::Local(_)) {
        return;
    }
    let state = app.clone();
    app.work.in_background(move || tell(&state.objects.examine()));
}

fn tell(seen: &Examination) {
    for warning in &seen.warnings {
        tracing::warn!("about the object store: {warning}");
    }
    match &seen.failure {
        None => tracing::info!("the object store takes uploads"),
        Some(error) => {
            let cause = one_line(&error.to_string());
            tracing::error!(cause, "uploads by signed URLs don't work now; everything else does");
        }
    }
}

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
        StoreError::Missing { .. }
        | StoreError::Closed { .. }
        | StoreError::Changed { .. }
        | StoreError::InvalidId { .. } => None,
        StoreError::Io(_) => Some("io"),
        StoreError::Unavailable { .. } => Some("unavailable"),
        StoreError::Refused { .. } => Some("refused"),
    }
}

#[cfg(test)]
mod tests {
    use workstead_presign::Provider;

    use super::*;

    #[test]
    fn the_store_is_that_of_the_settings() {
        let provider = |bucket: &'static str| {
            let settings =
                Settings::from_lookup(|name| (name == bucket).then(|| "uploads".to_owned())).unwrap();
            let directory = tempfile::tempdir().unwrap();
            let url = "https://workstead.example.com".parse().unwrap();
            let local = Arc::new(LocalStore::new(directory.path().to_owned(), [0; 32], url));
            from_settings(&settings, &local).unwrap().provider()
        };
        assert_eq!(provider("no setting"), Provider::Local);
        assert_eq!(provider("WORKSTEAD_S3_BUCKET"), Provider::S3);
        assert_eq!(provider("WORKSTEAD_GCS_BUCKET"), Provider::Gcs);
    }
}
