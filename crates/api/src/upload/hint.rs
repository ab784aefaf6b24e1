//! Completions that no client asked for: the store or the sweeper says that a bundle lies there.
//!
//! That is a hint and nothing more. It queues the upload in its maker's name; what the object really is, the worker
//! finds out, and an upload whose bundle turns out missing is open again.

use jiff::Timestamp;
use workstead_presign::ObjectKey;

use super::errand::Errand;
use super::store_events::{Created, Notification};
use crate::app::AppState;
use crate::error::ApiError;
use crate::store::now;
use crate::store::upload_jobs::Queueing;
use crate::store::uploads::{UploadRow, UploadState};

/// Most objects that one notification may name; the sweeper finds the others.
const MOST: usize = 1000;

/// What a notification did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct Noted {
    /// Uploads that it queued.
    taken: u64,
    /// Events that say nothing new: of other kinds, buckets and keys, or of uploads that are not open.
    ignored: u64,
}

/// Queues the open uploads that a notification names. Twice, late and out of order are fine.
pub(crate) async fn note(app: &AppState, notification: &Notification) -> Result<Noted, ApiError> {
    let ours = |bucket: &str| bucket == app.objects.bucket();
    let created = notification.created.iter().take(MOST);
    let keys: Vec<_> = created.filter(|object| ours(&object.bucket)).filter_map(Created::key).collect();
    let other = notification.created.iter().find(|object| !ours(&object.bucket));
    if let Some(other) = other {
        let bucket: String = other.bucket.chars().take(100).collect();
        tracing::warn!(bucket, ours = app.objects.bucket(), "a notification is of another bucket");
    }
    let taken = take(app, &keys).await.map_err(|error| {
        tracing::error!(%error, "a notification can't be taken while the database fails");
        ApiError::unavailable("database_down", "the database does not answer; send it again", 5)
    })?;
    if taken > 0 {
        app.uploads.wake();
    }
    let all = (notification.created.len() + notification.others) as u64;
    Ok(Noted { taken, ignored: all - taken })
}

async fn take(app: &AppState, keys: &[ObjectKey]) -> Result<u64, ApiError> {
    let ids: Vec<_> = keys.iter().map(ObjectKey::upload_id).collect();
    let standings = app.database.find_standings(&ids).await?;
    let mut taken = 0;
    for key in keys {
        let Some(standing) = standings.get(key.upload_id()).filter(|standing| standing.is_living) else {
            continue;
        };
        if standing.row.object_key.as_deref() == Some(key.as_str()) && may_complete(&standing.row) {
            taken += u64::from(queue(app, &standing.row, "notification", now()).await?);
        }
    }
    Ok(taken)
}

/// Tells whether others than its client may complete an upload.
///
/// One that was put aside for a request is completed by that request, with its conditions.
pub(super) fn may_complete(row: &UploadRow) -> bool {
    row.state == UploadState::Open && row.via != "inline"
}

/// Queues an open upload in its maker's name; false when it is not open any more.
pub(super) async fn queue(
    app: &AppState,
    row: &UploadRow,
    completed_by: &str,
    now: Timestamp,
) -> Result<bool, ApiError> {
    let errand_json = Errand::for_maker(&row.token_id).to_json()?;
    let options_json = &row.options_json;
    let queueing = Queueing { completed_by, options_json, errand_json: &errand_json, now };
    Ok(app.database.queue_upload(&row.id, &queueing).await?)
}
