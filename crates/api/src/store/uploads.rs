//! Uploads: what was asked, what came of it.

use jiff::Timestamp;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::{Database, int, micros, slack_messages, timestamp};
use crate::admin::ArchivedUpload;

/// Where an upload stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UploadState {
    /// Its URL was handed out; nothing was completed.
    Open,
    /// It is worked on.
    Running,
    /// It is in the repository.
    Succeeded,
    /// It was refused.
    Failed,
    /// Nobody completed it in time.
    Expired,
}

impl UploadState {
    /// All states.
    pub(crate) const ALL: [Self; 5] =
        [Self::Open, Self::Running, Self::Succeeded, Self::Failed, Self::Expired];

    /// Returns the word that the database and the history use.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Expired => "expired",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// One upload.
#[derive(Debug, Clone)]
pub(crate) struct UploadRow {
    pub(crate) id: String,
    pub(crate) workspace_id: String,
    pub(crate) via: String,
    pub(crate) state: UploadState,
    pub(crate) email: String,
    pub(crate) token_id: String,
    pub(crate) options_json: String,
    pub(crate) sha256: Option<String>,
    pub(crate) size_bytes: Option<u64>,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) created_at: Timestamp,
    pub(crate) finished_at: Option<Timestamp>,
    pub(crate) commit: Option<String>,
    /// What lists show of the answer.
    pub(crate) counts_json: Option<String>,
    /// What lists show of the error.
    pub(crate) error_brief_json: Option<String>,
    /// The whole answer; never in a row of a list.
    pub(crate) answer_json: Option<String>,
    /// The whole error; never in a row of a list.
    pub(crate) error_json: Option<String>,
}

/// A new upload.
#[derive(Debug)]
pub(crate) struct NewUpload<'a> {
    pub(crate) id: &'a str,
    pub(crate) workspace_id: &'a str,
    pub(crate) email: &'a str,
    pub(crate) token_id: &'a str,
    pub(crate) options_json: &'a str,
    pub(crate) now: Timestamp,
}

/// What is promised and demanded of a presigned upload.
#[derive(Debug)]
pub(crate) struct Opening<'a> {
    pub(crate) object_key: &'a str,
    pub(crate) expires_at: Timestamp,
    /// Most uploads that may be open at once, those included whose URL is dead but whose object may still be there.
    pub(crate) max_open: u32,
    /// What the client declared.
    pub(crate) sha256: Option<&'a str>,
    pub(crate) size_bytes: Option<u64>,
}

/// What came of an upload.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) state: UploadState,
    pub(crate) sha256: Option<String>,
    pub(crate) size_bytes: Option<u64>,
    pub(crate) commit: Option<String>,
    pub(crate) counts_json: Option<String>,
    pub(crate) error_brief_json: Option<String>,
    pub(crate) answer_json: Option<String>,
    pub(crate) error_json: Option<String>,
}

/// An error as it is recorded.
#[derive(Debug)]
pub(crate) struct RecordedError {
    pub(crate) brief_json: String,
    pub(crate) json: String,
}

const LISTED: &str = "id, workspace_id, via, state, email, token_id, options_json, sha256, size_bytes,
    expires_at, created_at, finished_at, commit_id, counts_json, error_brief_json";

/// Leaves plans out where only uploads count; quotes in other options are escaped, so that none looks like this.
pub(super) const IS_NO_PLAN: &str = r#"options_json NOT LIKE '%"dryRun":true%'"#;

impl Database {
    /// Begins an inline upload to a workspace that is still there; tells whether it was.
    pub(crate) async fn begin_inline_upload(&self, new: &NewUpload<'_>) -> Result<bool, sqlx::Error> {
        let done = sqlx::query(
            "INSERT INTO uploads
               (id, workspace_id, via, state, email, token_id, options_json, created_at, started_at)
             SELECT $1, id, 'inline', 'running', $2, $3, $4, $5, $5 FROM workspaces
             WHERE id = $6 AND state = 'ready'",
        )
        .bind(new.id)
        .bind(new.email)
        .bind(new.token_id)
        .bind(new.options_json)
        .bind(micros(new.now))
        .bind(new.workspace_id)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Opens a presigned upload, unless the workspace is gone or has its fill of open ones.
    pub(crate) async fn open_upload(
        &self,
        new: &NewUpload<'_>,
        opening: &Opening<'_>,
    ) -> Result<bool, sqlx::Error> {
        let done = sqlx::query(
            "INSERT INTO uploads
               (id, workspace_id, via, state, email, token_id, options_json, created_at, object_key, expires_at,
                sha256, size_bytes)
             SELECT $1, id, 'presigned', 'open', $2, $3, $4, $5, $6, $7, $10, $11 FROM workspaces
             WHERE id = $8 AND state = 'ready'
               AND (SELECT COUNT(*) FROM uploads
                    WHERE workspace_id = $8 AND state = 'open' AND object_key IS NOT NULL) < $9",
        )
        .bind(new.id)
        .bind(new.email)
        .bind(new.token_id)
        .bind(new.options_json)
        .bind(micros(new.now))
        .bind(opening.object_key)
        .bind(micros(opening.expires_at))
        .bind(new.workspace_id)
        .bind(i64::from(opening.max_open))
        .bind(opening.sha256)
        .bind(opening.size_bytes.and_then(|bytes| i64::try_from(bytes).ok()))
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Takes an open upload to work on it; false when somebody else has it, or it is done.
    pub(crate) async fn claim_upload(&self, id: &str, now: Timestamp) -> Result<bool, sqlx::Error> {
        let done = sqlx::query(
            "UPDATE uploads SET state = 'running', started_at = $1 WHERE id = $2 AND state = 'open'",
        )
        .bind(micros(now))
        .bind(id)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Records what came of an upload.
    pub(crate) async fn finish_upload(
        &self,
        id: &str,
        finished: &Finished,
        now: Timestamp,
    ) -> Result<(), sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query(
            "UPDATE uploads SET state = $1, sha256 = COALESCE($2, sha256), size_bytes = COALESCE($3, size_bytes), commit_id = $4, answer_json = $5,
               error_json = $6, finished_at = $7, counts_json = $8, error_brief_json = $9
             WHERE id = $10 AND state = 'running'",
        )
        .bind(finished.state.as_str())
        .bind(&finished.sha256)
        .bind(finished.size_bytes.and_then(|bytes| i64::try_from(bytes).ok()))
        .bind(&finished.commit)
        .bind(&finished.answer_json)
        .bind(&finished.error_json)
        .bind(micros(now))
        .bind(&finished.counts_json)
        .bind(&finished.error_brief_json)
        .bind(id)
        .execute(&mut *transaction)
        .await?;
        slack_messages::enqueue(&mut transaction, id, now).await?;
        transaction.commit().await
    }

    /// Finds an upload of a living workspace.
    pub(crate) async fn find_upload(&self, id: &str) -> Result<Option<UploadRow>, sqlx::Error> {
        let sql = format!(
            "SELECT {LISTED}, answer_json, error_json FROM uploads
             WHERE id = $1 AND workspace_id IN (SELECT id FROM workspaces WHERE state = 'ready')"
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id).fetch_optional(&self.pool).await?;
        row.map(|row| read(&row)).transpose()
    }

    /// Adds a finished upload of a workspace that came from elsewhere; nobody polls it any more.
    pub(crate) async fn import_upload(
        &self,
        workspace_id: &str,
        upload: &ArchivedUpload,
    ) -> Result<(), sqlx::Error> {
        sqlx::query(
            "INSERT INTO uploads (id, workspace_id, via, state, email, token_id, options_json, sha256, size_bytes,
               created_at, finished_at, commit_id, counts_json, error_brief_json)
             VALUES ($1, $2, $3, $4, $5, '', $6, $7, $8, $9, $10, $11, $12, $13)
             ON CONFLICT (id) DO NOTHING",
        )
        .bind(&upload.id)
        .bind(workspace_id)
        .bind(&upload.via)
        .bind(&upload.state)
        .bind(&upload.email)
        .bind(&upload.options)
        .bind(&upload.sha256)
        .bind(upload.size_bytes)
        .bind(micros(upload.created_at))
        .bind(upload.finished_at.map(micros))
        .bind(&upload.commit)
        .bind(&upload.counts)
        .bind(&upload.error_brief)
        .execute(&self.pool)
        .await
        .map(drop)
    }

    /// Counts the uploads of a workspace.
    pub(crate) async fn count_uploads(&self, workspace_id: &str) -> Result<u64, sqlx::Error> {
        let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM uploads WHERE workspace_id = $1")
            .bind(workspace_id)
            .fetch_one(&self.pool)
            .await?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Lists a page of the uploads of a workspace, the newest first.
    pub(crate) async fn list_uploads(
        &self,
        workspace_id: &str,
        offset: u64,
        limit: u64,
    ) -> Result<Vec<UploadRow>, sqlx::Error> {
        let sql = format!(
            "SELECT {LISTED}, NULL AS answer_json, NULL AS error_json FROM uploads WHERE workspace_id = $1
             ORDER BY created_at DESC, id DESC LIMIT $2 OFFSET $3"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(workspace_id)
            .bind(int(limit))
            .bind(int(offset))
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(read).collect()
    }

    /// Finds the last upload of a workspace that was worked on to its end.
    pub(crate) async fn last_finished_upload(
        &self,
        workspace_id: &str,
    ) -> Result<Option<UploadRow>, sqlx::Error> {
        let sql = format!(
            "SELECT {LISTED}, NULL AS answer_json, NULL AS error_json FROM uploads
             WHERE workspace_id = $1 AND state IN ('succeeded', 'failed') AND {IS_NO_PLAN}
             ORDER BY finished_at DESC, id DESC LIMIT 1"
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(workspace_id).fetch_optional(&self.pool).await?;
        row.map(|row| read(&row)).transpose()
    }

    /// Settles what a crash cut short: inline uploads failed, presigned ones can be completed again.
    pub(crate) async fn settle_interrupted_uploads(
        &self,
        error: &RecordedError,
        now: Timestamp,
    ) -> Result<(), sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query(
            "UPDATE uploads SET state = 'failed', error_json = $1, finished_at = $2, error_brief_json = $3
             WHERE state = 'running' AND via = 'inline'",
        )
        .bind(&error.json)
        .bind(micros(now))
        .bind(&error.brief_json)
        .execute(&mut *transaction)
        .await?;
        slack_messages::enqueue_all(&mut transaction, now).await?;
        sqlx::query("UPDATE uploads SET state = 'open' WHERE state = 'running' AND via = 'presigned'")
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await
    }

    /// Lists uploads that expired before a moment and may still have an object.
    pub(crate) async fn stale_objects(
        &self,
        before: Timestamp,
    ) -> Result<Vec<(String, String)>, sqlx::Error> {
        let rows = sqlx::query(
            "SELECT id, object_key FROM uploads
             WHERE state <> 'running' AND expires_at < $1 AND object_key IS NOT NULL
             ORDER BY expires_at LIMIT 1000",
        )
        .bind(micros(before))
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(|row| Ok((row.try_get("id")?, row.try_get("object_key")?))).collect()
    }

    /// Forgets an upload's object after it was deleted; an open upload is expired by that.
    pub(crate) async fn forget_object(&self, id: &str, now: Timestamp) -> Result<(), sqlx::Error> {
        sqlx::query(
            "UPDATE uploads SET object_key = NULL,
               finished_at = CASE WHEN state = 'open' THEN $1 ELSE finished_at END,
               state = CASE WHEN state = 'open' THEN 'expired' ELSE state END
             WHERE id = $2",
        )
        .bind(micros(now))
        .bind(id)
        .execute(&self.pool)
        .await
        .map(drop)
    }
}

fn read(row: &SqliteRow) -> Result<UploadRow, sqlx::Error> {
    let state: String = row.try_get("state")?;
    let time = |column: &str| -> Result<Option<Timestamp>, sqlx::Error> {
        Ok(row.try_get::<Option<i64>, _>(column)?.map(timestamp))
    };
    Ok(UploadRow {
        id: row.try_get("id")?,
        workspace_id: row.try_get("workspace_id")?,
        via: row.try_get("via")?,
        state: UploadState::parse(&state)
            .ok_or_else(|| sqlx::Error::Decode(format!("no upload state {state:?}").into()))?,
        email: row.try_get("email")?,
        token_id: row.try_get("token_id")?,
        options_json: row.try_get("options_json")?,
        sha256: row.try_get("sha256")?,
        size_bytes: row.try_get::<Option<i64>, _>("size_bytes")?.and_then(|bytes| u64::try_from(bytes).ok()),
        expires_at: time("expires_at")?,
        created_at: timestamp(row.try_get("created_at")?),
        finished_at: time("finished_at")?,
        commit: row.try_get("commit_id")?,
        counts_json: row.try_get("counts_json")?,
        error_brief_json: row.try_get("error_brief_json")?,
        answer_json: row.try_get("answer_json")?,
        error_json: row.try_get("error_json")?,
    })
}
