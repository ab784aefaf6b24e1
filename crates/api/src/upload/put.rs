//! Our own PUT route: the local store's way in, and the way for clients that can't reach the store.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderMap;
use bytes::BytesMut;
use jiff::Timestamp;
use tokio::sync::OwnedSemaphorePermit;
use workstead_presign::{ObjectKey, ObjectStore, Provider, PutWriter, RefusedPut};

use crate::app::AppState;
use crate::body::Pace;
use crate::error::ApiError;
use crate::metrics::StoreOperation;
use crate::store::now;
use crate::store::uploads::UploadState;

/// Bytes of a PUT that are written at once.
const PUT_BUFFER: usize = 256 << 10;
/// How long a PUT may wait for others.
const PUT_PATIENCE: Duration = Duration::from_secs(10);

/// Takes a bundle that is put to a URL that we signed.
pub(crate) async fn put(
    app: &AppState,
    path_and_query: String,
    headers: HeaderMap,
    body: Body,
) -> Result<(), ApiError> {
    let state = app.clone();
    let verified =
        app.work.blocking(move || state.local.verify_put(&path_and_query, now()).map_err(ApiError::from));
    let permit = verified.await??;
    permit.check_headers(|name| headers.get(name).and_then(|value| value.to_str().ok()))?;
    let key = permit.key.clone();
    let is_on_its_way = app.objects.provider() != Provider::Local;
    check_open(app, &key).await?;
    let _turn = take_put_turn(app, key.workspace_id()).await?;
    let mut pace = Pace::new(Some(time_to_put(permit.conditions.expires_at, now())));
    let state = app.clone();
    let mut writer = app.work.blocking(move || state.local.writer(&permit).map_err(ApiError::from)).await??;
    let mut stream = body.into_data_stream();
    let mut buffer = BytesMut::new();
    // A thread is taken for each full buffer, never while a client thinks.
    while let Some(piece) = pace.next(&mut stream).await? {
        buffer.extend_from_slice(&piece);
        if buffer.len() >= PUT_BUFFER {
            let full = buffer.split();
            writer = app.work.blocking(move || write(writer, &full)).await??;
        }
    }
    let writer = app.work.blocking(move || write(writer, &buffer)).await??;
    if is_on_its_way {
        // A late PUT must not bring back what was completed meanwhile.
        check_open(app, &key).await?;
    }
    let state = app.clone();
    let finishing = app.work.blocking(move || {
        if !is_on_its_way {
            return writer.finish().map(drop).map_err(ApiError::from);
        }
        let (file, sha256) = writer.into_file()?;
        let put = |objects: &ObjectStore| objects.put(&key, file.path(), sha256);
        state.store_call(StoreOperation::Put, put).map(drop).map_err(ApiError::from)
    });
    finishing.await?
}

fn write(mut writer: PutWriter, bytes: &[u8]) -> Result<PutWriter, ApiError> {
    writer.write(bytes)?;
    Ok(writer)
}

/// Refuses a PUT to an upload that was completed; a store elsewhere does not know of that.
async fn check_open(app: &AppState, key: &ObjectKey) -> Result<(), ApiError> {
    let row = app.database.find_upload(key.upload_id()).await?;
    match row.filter(|row| row.workspace_id == key.workspace_id() && row.state == UploadState::Open) {
        Some(_) => Ok(()),
        None => Err(RefusedPut::Closed { key: key.clone() }.into()),
    }
}

/// Waits a moment until there are fewer PUTs, of this workspace and of all.
async fn take_put_turn(app: &AppState, workspace_id: &str) -> Result<[OwnedSemaphorePermit; 2], ApiError> {
    let taking = async {
        let turn = app.put_turns.take(workspace_id).await?;
        let any = Arc::clone(&app.puts).acquire_owned().await;
        Ok([any.map_err(ApiError::internal)?, turn])
    };
    let waited = tokio::time::timeout(PUT_PATIENCE, taking).await;
    waited
        .map_err(|_| ApiError::unavailable("puts_busy", "too many bundles are being sent; try again", 15))?
}

/// Returns how long a body may take: not longer than its URL lives, but a URL's last moment still is a minute.
fn time_to_put(expires_at: Timestamp, now: Timestamp) -> Duration {
    let left = Duration::try_from(expires_at.duration_since(now)).unwrap_or_default();
    left.clamp(Duration::from_mins(1), Duration::from_mins(15))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_put_ends_with_its_url_but_has_a_minute() {
        let now = now();
        let time = |seconds: i64| time_to_put(now + jiff::SignedDuration::from_secs(seconds), now).as_secs();
        assert_eq!([time(-5), time(1), time(300), time(40_000)], [60, 60, 300, 900]);
    }
}
