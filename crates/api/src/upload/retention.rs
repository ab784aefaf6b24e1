//! How long bundles and records are kept.
//!
//! A record lets go of its bundle before that is deleted. So nobody takes up a bundle that is just going, and one that
//! can't be deleted now belongs to nobody, which is what [`super::strays`] looks for.

use jiff::Timestamp;
use workstead_presign::{ObjectKey, Provider};

use super::sweep::Failures;
use crate::app::AppState;
use crate::error::ApiError;
use crate::metrics::StoreOperation;
use crate::store::upload_leftovers::Keeping;

/// Most bundles of one workspace that are kept of uploads that failed or were cancelled.
const FAILED_BUNDLES: u32 = 20;
/// Records of one workspace that are kept however old they are.
const NEWEST_RECORDS: u32 = 100;

/// Deletes bundles that are kept long enough; open uploads expire by that.
pub(super) async fn release_outlived(app: &AppState, now: Timestamp) -> Result<(), ApiError> {
    let keeping = Keeping {
        open_since: now - app.settings.upload_retention,
        failed_since: now - app.settings.upload_failed_retention,
        most_failed: FAILED_BUNDLES,
    };
    let mut failures = Failures::default();
    for (id, key) in app.database.outlived_bundles(&keeping).await? {
        // One that can't be deleted must not keep the others.
        if let Err(error) = release(app, &id, &key, now).await {
            failures.note(&key, error)?;
        }
    }
    failures.result()
}

/// Deletes the bundle of an upload that is over, or expires.
async fn release(app: &AppState, id: &str, key: &str, now: Timestamp) -> Result<(), ApiError> {
    if !app.database.release_object(id, key, now).await? {
        return Ok(());
    }
    delete(app, key).await
}

/// Deletes an object that belongs to no upload.
pub(super) async fn delete(app: &AppState, key: &str) -> Result<(), ApiError> {
    let key = ObjectKey::parse(key).map_err(ApiError::internal)?;
    let state = app.clone();
    Ok(app
        .work
        .blocking(move || state.store_call(StoreOperation::Delete, |objects| objects.delete(&key)))
        .await??)
}

/// Forgets records of uploads that are long over, and what deletions left in the store.
pub(super) async fn tidy(app: &AppState, now: Timestamp) -> Result<(), ApiError> {
    let forgotten = app.database.forget_uploads(now - app.settings.upload_history, NEWEST_RECORDS).await?;
    if forgotten > 0 {
        tracing::info!(forgotten, "old records of uploads were removed (WORKSTEAD_UPLOAD_HISTORY_DAYS)");
    }
    // Every URL of a deleted object is long dead by then.
    let dead = now - app.settings.upload_retention - app.settings.presign_lifetime;
    let state = app.clone();
    let forgetting = app.work.blocking(move || {
        // What was on its way to a store elsewhere and broke off lies here all the same.
        if state.objects.provider() != Provider::Local {
            state.local.forget_older_than(dead)?;
        }
        state.store_call(StoreOperation::Forget, |objects| objects.forget_older_than(dead))
    });
    forgetting.await??;
    Ok(())
}
