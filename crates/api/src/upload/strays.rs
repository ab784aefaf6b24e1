//! Objects in the store that nobody spoke of: completed for their makers, or deleted when they are nobody's.
//!
//! What is found is compared with the records. Each step is a conditional change of a record or the deletion of an
//! object whose record can't come back to life, so several sweepers at once do no more than one.

use std::sync::atomic::Ordering;

use jiff::{SignedDuration, Timestamp};
use workstead_presign::{ObjectKey, StoredObject};

use super::hint;
use super::retention;
use super::sweep::Failures;
use crate::app::AppState;
use crate::error::ApiError;
use crate::metrics::StoreOperation;
use crate::store::upload_leftovers::Standing;
use crate::store::uploads::UploadState;

/// How long a client has to complete by itself what it put.
const GRACE: SignedDuration = SignedDuration::from_mins(1);
/// How much longer than any URL lives an object without a record is left alone.
const MARGIN: SignedDuration = SignedDuration::from_hours(1);

/// What becomes of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Somebody has it, or keeps it.
    Stays,
    /// It was put and never completed.
    IsCompleted,
    /// Its upload is over: it was put again, or could not be deleted.
    Goes,
    /// There is no upload that it could be of.
    GoesWhenOld,
}

/// Looks through the store.
pub(super) async fn sweep(app: &AppState, now: Timestamp) -> Result<(), ApiError> {
    let state = app.clone();
    let listing = app
        .work
        .blocking(move || {
            state.store_call(StoreOperation::List, |objects| objects.list_older_than(now - GRACE))
        })
        .await??;
    let ids: Vec<_> = listing.objects.iter().map(|object| object.key.upload_id()).collect();
    let standings = app.database.find_standings(&ids).await?;
    let (mut completed, mut deleted, mut failures) = (0_u64, 0_u64, Failures::default());
    let old = now - app.settings.presign_lifetime - MARGIN;
    for StoredObject { key, info } in &listing.objects {
        let standing = standings.get(key.upload_id());
        let goes = match fate(key, standing) {
            Fate::Stays => false,
            Fate::IsCompleted => {
                if let Some(standing) = standing {
                    completed += u64::from(hint::queue(app, &standing.row, "sweeper", now).await?);
                }
                false
            }
            Fate::Goes => true,
            Fate::GoesWhenOld => info.modified_at < old,
        };
        if goes {
            match retention::delete(app, key.as_str()).await {
                Ok(()) => deleted += 1,
                Err(error) => failures.note(key.as_str(), error)?,
            }
        }
    }
    if completed > 0 {
        app.uploads.wake();
    }
    if completed + deleted > 0 {
        tracing::info!(
            completed,
            deleted,
            "bundles that nobody completed were queued, and those of nobody deleted"
        );
    }
    let known = app.uploads.foreign_objects.swap(listing.foreign, Ordering::Relaxed);
    if listing.foreign > 0 && listing.foreign != known {
        tracing::warn!(
            count = listing.foreign,
            "objects below uploads/ have names that are none of ours; they are left alone"
        );
    }
    failures.result()
}

fn fate(key: &ObjectKey, standing: Option<&Standing>) -> Fate {
    let Some(Standing { row, is_living }) =
        standing.filter(|standing| standing.row.workspace_id == key.workspace_id())
    else {
        return Fate::GoesWhenOld;
    };
    if !is_living {
        // The workspace's deletion takes it along.
        return Fate::Stays;
    }
    match row.state {
        UploadState::Open if hint::may_complete(row) => Fate::IsCompleted,
        UploadState::Open | UploadState::Queued | UploadState::Running => Fate::Stays,
        UploadState::Failed | UploadState::Cancelled if row.object_key.is_some() => Fate::Stays,
        UploadState::Succeeded | UploadState::Failed | UploadState::Cancelled => Fate::Goes,
        UploadState::Expired => Fate::GoesWhenOld,
    }
}
