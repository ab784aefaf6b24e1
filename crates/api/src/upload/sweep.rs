//! What uploads leave behind: rows that a crash cut short, and objects that nobody completed.

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use super::run::recorded_error;
use super::worker;
use crate::app::AppState;
use crate::error::ApiError;
use crate::metrics::StoreOperation;
use crate::store::now;

/// How long the sweeper rests.
const PAUSE: Duration = Duration::from_mins(10);

/// Takes up what a crash cut short, at the start of a server that has its database for itself.
pub(crate) async fn settle_interrupted(app: &AppState) -> Result<(), ApiError> {
    app.database.release_upload_jobs(now()).await?;
    settle_lost(app, now()).await
}

/// Settles inline uploads whose worker is gone.
async fn settle_lost(app: &AppState, now: Timestamp) -> Result<(), ApiError> {
    let error = ApiError::unavailable(
        "interrupted",
        "the server stopped during this upload; the branch holds all of it or nothing, upload again to be sure",
        1,
    );
    app.database.settle_lost_uploads(&recorded_error(&error), now).await?;
    Ok(())
}

/// Sweeps from time to time, until the server stops.
pub(crate) async fn sweep_forever(app: AppState, mut stopped: watch::Receiver<bool>) {
    loop {
        let swept = sweep(&app, now()).await;
        app.metrics.swept(swept.is_ok(), now());
        if let Err(error) = swept {
            let cause = error.cause().map(ToString::to_string);
            tracing::warn!(cause, "sweeping old uploads failed; it is tried again");
        }
        if tokio::time::timeout(PAUSE, stopped.wait_for(|stopped| *stopped)).await.is_ok() {
            return;
        }
    }
}

/// Deletes objects that are kept long enough, and expires their uploads.
pub(crate) async fn sweep(app: &AppState, now: Timestamp) -> Result<(), ApiError> {
    settle_lost(app, now).await?;
    let before = now - app.settings.upload_retention;
    for (id, key) in app.database.stale_objects(before).await? {
        // One that can't be deleted must not keep the others.
        if let Err(error) = worker::delete_object(app, &id, &key).await {
            let cause = error.cause().map(ToString::to_string);
            tracing::warn!(id, key, cause, "an old upload's object can't be deleted; it is tried again");
        }
    }
    // Every URL of a deleted object is long dead by then.
    let dead = before - app.settings.presign_lifetime;
    let state = app.clone();
    let forget = move || state.store_call(StoreOperation::Forget, |objects| objects.forget_older_than(dead));
    app.work.blocking(forget).await??;
    Ok(())
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::server::Server;
    use crate::settings::Settings;
    use crate::store::uploads::{NewUpload, Opening, UploadState};
    use crate::store::workspaces::Indexed;
    use workstead_core::name::WorkspaceName;

    #[tokio::test]
    async fn what_nobody_completed_is_deleted_and_expires() {
        let temp = tempfile::tempdir().unwrap();
        let settings = Settings::from_lookup(|name| match name {
            "WORKSTEAD_DATA_DIR" => Some(temp.path().join("data").display().to_string()),
            "WORKSTEAD_LISTEN" => Some("127.0.0.1:0".to_owned()),
            _ => None,
        });
        let server = Server::bind(settings.unwrap()).await.unwrap();
        let (app, start) = (server.app(), now());
        let name = WorkspaceName::parse("abc").unwrap();
        assert!(app.database.begin_workspace("w", &name, "a@b", start).await.unwrap());
        app.database.finish_workspace("w", &Indexed::default()).await.unwrap();
        let new = |id: &'static str| NewUpload {
            id,
            workspace_id: "w",
            email: "a@b",
            token_id: "t",
            options_json: "{}",
            now: start,
        };
        let opening = |object_key: &'static str| Opening {
            via: "presigned",
            object_key,
            expires_at: start,
            max_open: 2,
            sha256: None,
            size_bytes: None,
        };
        // The first can't be deleted, which must not keep the second.
        assert!(app.database.open_upload(&new("bad"), &opening("../bad")).await.unwrap());
        assert!(app.database.open_upload(&new("u"), &opening("uploads/w/u.tar.gz")).await.unwrap());
        let state = async || app.database.find_upload("u").await.unwrap().unwrap().state;
        sweep(app, start + SignedDuration::from_hours(23)).await.unwrap();
        assert_eq!(state().await, UploadState::Open);
        sweep(app, start + SignedDuration::from_hours(25)).await.unwrap();
        assert_eq!(state().await, UploadState::Expired);
    }
}
