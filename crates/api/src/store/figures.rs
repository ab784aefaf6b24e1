//! Whether the database can be read and written, and what it counts of a workspace.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use sqlx::Row;

use super::uploads::{IS_NO_PLAN, UploadState};
use super::{Database, timestamp};

/// Uploads of a workspace by where they stand.
pub(crate) type UploadsByState = BTreeMap<&'static str, u64>;

impl Database {
    /// Reads a workspace's row from the file, which memory can't answer; tells whether it is there.
    pub(crate) async fn probe_read(&self, workspace_id: &str) -> Result<bool, sqlx::Error> {
        let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM workspaces WHERE id = $1")
            .bind(workspace_id)
            .fetch_one(&self.pool)
            .await?;
        Ok(count > 0)
    }

    /// Takes the right to write a workspace's row and gives it back: nothing is changed.
    pub(crate) async fn probe_write(&self, workspace_id: &str) -> Result<(), sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query("UPDATE workspaces SET version = version WHERE id = $1")
            .bind(workspace_id)
            .execute(&mut *transaction)
            .await?;
        transaction.rollback().await
    }

    /// Counts the uploads of a workspace by where they stand; every state is named.
    pub(crate) async fn count_uploads_by_state(
        &self,
        workspace_id: &str,
    ) -> Result<UploadsByState, sqlx::Error> {
        let sql = format!(
            "SELECT state, COUNT(*) AS count FROM uploads
             WHERE workspace_id = $1 AND (state <> 'succeeded' OR {IS_NO_PLAN}) GROUP BY state"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(workspace_id).fetch_all(&self.pool).await?;
        let mut counts: UploadsByState = UploadState::ALL.map(|state| (state.as_str(), 0)).into();
        for row in rows {
            let (state, count): (String, i64) = (row.try_get("state")?, row.try_get("count")?);
            if let Some(known) = counts.get_mut(state.as_str()) {
                *known = u64::try_from(count).unwrap_or(0);
            }
        }
        Ok(counts)
    }

    /// Returns how long the last upload took that came in one way and was worked on to its end.
    pub(crate) async fn last_upload_duration(
        &self,
        workspace_id: &str,
        via: &str,
    ) -> Result<Option<SignedDuration>, sqlx::Error> {
        let sql = format!(
            "SELECT started_at, finished_at FROM uploads
             WHERE workspace_id = $1 AND via = $2 AND state IN ('succeeded', 'failed') AND {IS_NO_PLAN}
               AND started_at IS NOT NULL AND finished_at IS NOT NULL
             ORDER BY created_at DESC, id DESC LIMIT 1"
        );
        let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(workspace_id).bind(via);
        let row = query.fetch_optional(&self.pool).await?;
        let Some(row) = row else { return Ok(None) };
        let time = |column: &str| -> Result<Timestamp, sqlx::Error> { Ok(timestamp(row.try_get(column)?)) };
        Ok(Some(time("finished_at")?.duration_since(time("started_at")?)))
    }
}
