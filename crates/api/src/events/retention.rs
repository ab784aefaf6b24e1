//! Old events are forgotten.

use jiff::{SignedDuration, Timestamp};

use crate::app::AppState;
use crate::error::ApiError;

/// Removes the events that are older than the settings keep them.
pub(crate) async fn forget_old(app: &AppState, now: Timestamp) -> Result<(), ApiError> {
    let kept = SignedDuration::try_from(app.settings.event_retention).unwrap_or(SignedDuration::MAX);
    let Ok(before) = now.checked_sub(kept) else { return Ok(()) };
    let forgotten = app.database.forget_events(before).await?;
    tracing::debug!(forgotten, "old events are forgotten");
    Ok(())
}
