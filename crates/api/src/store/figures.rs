//! Whether the database can be read and written, and what it counts of a workspace.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use sqlx::Row;

use super::uploads::{IS_NO_PLAN, UploadState};
use super::{Database, timestamp};

/// Uploads of a workspace by where they stand.
pub(crate) type UploadsByState = BTreeMap<&'static str, u64>;

/// What is to be told, how much of it and since when.
pub(crate) type Waiting = (u64, Option<Timestamp>);

/// Connections of the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Connections {
    /// Those that are open.
    pub(crate) open: u64,
    /// Those of them that nobody uses.
    pub(crate) idle: u64,
    /// Most that may be open.
    pub(crate) most: u64,
}

impl Database {
    /// Counts the uploads of all workspaces that are not at their end, by state, and tells since when the oldest is
    /// queued.
    pub(crate) async fn upload_queue(
        &self,
    ) -> Result<(BTreeMap<String, u64>, Option<Timestamp>), sqlx::Error> {
        let rows = sqlx::query(
            "SELECT state, COUNT(*) AS count, MIN(COALESCE(queued_at, created_at)) AS oldest FROM uploads
             WHERE state IN ('open', 'queued', 'running') GROUP BY state",
        )
        .fetch_all(&self.pool)
        .await?;
        let (mut counts, mut oldest) = (BTreeMap::new(), None);
        for row in rows {
            let (state, count): (String, i64) = (row.try_get("state")?, row.try_get("count")?);
            if state == "queued" {
                oldest = Some(timestamp(row.try_get("oldest")?));
            }
            counts.insert(state, u64::try_from(count).unwrap_or(0));
        }
        Ok((counts, oldest))
    }

    /// Counts the messages that Slack is still to be told, and tells since when the oldest is.
    pub(crate) async fn slack_outbox(&self) -> Result<Waiting, sqlx::Error> {
        let row = sqlx::query("SELECT COUNT(*) AS count, MIN(finished_at) AS oldest FROM slack_messages")
            .fetch_one(&self.pool)
            .await?;
        let (count, oldest): (i64, Option<i64>) = (row.try_get("count")?, row.try_get("oldest")?);
        Ok((u64::try_from(count).unwrap_or(0), oldest.map(timestamp)))
    }

    /// Tells how many connections there are, without asking for one.
    pub(crate) fn connections(&self) -> Connections {
        Connections {
            open: u64::from(self.pool.size()),
            idle: self.pool.num_idle() as u64,
            most: u64::from(self.pool.options().get_max_connections()),
        }
    }

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
