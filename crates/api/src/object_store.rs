//! Which object store the server uses, and what its start says about it.

use std::io;
use std::sync::Arc;

use workstead_presign::{Examination, LocalStore, ObjectStore, S3Config, S3Store};

use crate::app::AppState;
use crate::error::one_line;
use crate::settings::{Settings, StoreSettings};

/// Opens the store of the settings, without a word on the network.
pub(crate) fn from_settings(settings: &Settings, local: &Arc<LocalStore>) -> io::Result<ObjectStore> {
    Ok(match &settings.object_store {
        StoreSettings::Local => ObjectStore::Local(Arc::clone(local)),
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
