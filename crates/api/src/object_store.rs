//! Which object store the server uses, and what its start says about it.

use std::io;
use std::sync::Arc;

use workstead_presign::{Examination, GcsStore, LocalStore, ObjectStore, S3Store};

use crate::app::AppState;
use crate::error::one_line;
use crate::settings::{Settings, StoreSettings};

/// Opens the store of the settings, without a word on the network.
pub(crate) fn from_settings(settings: &Settings, local: &Arc<LocalStore>) -> io::Result<ObjectStore> {
    Ok(match &settings.object_store {
        StoreSettings::Local => ObjectStore::Local(Arc::clone(local)),
        StoreSettings::Gcs(config) => ObjectStore::Gcs(Arc::new(GcsStore::new(config.clone())?)),
        StoreSettings::S3(config) => ObjectStore::S3(Arc::new(S3Store::new(config.clone())?)),
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
