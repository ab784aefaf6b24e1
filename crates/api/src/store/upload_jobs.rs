//! Uploads as jobs: queued, leased, begun again, settled.
//!
//! A lease is a conditional UPDATE: whoever sets owner and end has the job, and whoever no longer is the owner records
//! nothing. Only the first of a workspace's uploads that wait or run may be begun.

use jiff::Timestamp;
use sqlx::Row;

use super::uploads::{Finished, LISTED, RecordedError, UploadRow, UploadState, read};
use super::{Database, micros, slack_messages, timestamp, upload_events};

/// What an upload is queued with.
#[derive(Debug)]
pub(crate) struct Queueing<'a> {
    /// `client`, `notification` or `sweeper`.
    pub(crate) completed_by: &'a str,
    pub(crate) options_json: &'a str,
    pub(crate) errand_json: &'a str,
    pub(crate) now: Timestamp,
}

/// What is about to be committed, for whoever takes the upload over.
#[derive(Debug)]
pub(crate) struct Promise<'a> {
    pub(crate) commit: &'a str,
    pub(crate) answer_json: &'a str,
    pub(crate) counts_json: &'a str,
}

/// A job that was taken.
#[derive(Debug)]
pub(crate) struct UploadJob {
    pub(crate) row: UploadRow,
    pub(crate) errand_json: String,
    /// The answer that an earlier worker promised with the row's commit, if it came that far.
    pub(crate) promised_json: Option<String>,
}

/// States from which a first completion queues an upload.
const COMPLETES: &str = "state = 'open'";
/// States from which somebody may have it tried once more.
const RETRIES: &str = "state IN ('open', 'failed', 'cancelled')";

impl Database {
    /// Queues an open upload; false when it is not open any more.
    pub(crate) async fn queue_upload(&self, id: &str, queueing: &Queueing<'_>) -> Result<bool, sqlx::Error> {
        self.queue_from(COMPLETES, id, queueing).await
    }

    /// Queues an upload that did not succeed and whose bundle is kept; false when it is neither.
    pub(crate) async fn retry_upload(&self, id: &str, queueing: &Queueing<'_>) -> Result<bool, sqlx::Error> {
        self.queue_from(RETRIES, id, queueing).await
    }

    async fn queue_from(&self, from: &str, id: &str, queueing: &Queueing<'_>) -> Result<bool, sqlx::Error> {
        let sql = format!(
            "UPDATE uploads SET state = 'queued', queued_at = $1, due_at = $1, attempts = 0, completed_by = $2,
               options_json = $3, errand_json = $4, finished_at = NULL, cancel_asked_at = NULL, error_json = NULL,
               error_brief_json = NULL, commit_id = NULL, answer_json = NULL, counts_json = NULL
             WHERE id = $5 AND {from} AND object_key IS NOT NULL"
        );
        let done = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(micros(queueing.now))
            .bind(queueing.completed_by)
            .bind(queueing.options_json)
            .bind(queueing.errand_json)
            .bind(id)
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Has a queued upload tried at once, whenever its next attempt would have been.
    pub(crate) async fn hurry_upload(&self, id: &str, now: Timestamp) -> Result<(), sqlx::Error> {
        sqlx::query("UPDATE uploads SET due_at = $1 WHERE id = $2 AND state = 'queued' AND due_at > $1")
            .bind(micros(now))
            .bind(id)
            .execute(&self.pool)
            .await
            .map(drop)
    }

    /// Takes the next job that is due, or whose worker let its lease end, until a moment when another may.
    pub(crate) async fn take_upload_job(
        &self,
        owner: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<UploadJob>, sqlx::Error> {
        let sql = format!(
            "UPDATE uploads SET state = 'running', lease_owner = $1, leased_until = $2, started_at = $3,
               attempts = attempts + 1
             WHERE id =
               (SELECT job.id FROM uploads job
                WHERE job.object_key IS NOT NULL AND job.state IN ('queued', 'running')
                  AND (job.state = 'queued' AND job.due_at <= $3
                       OR job.state = 'running' AND job.leased_until <= $3)
                  AND NOT EXISTS
                    (SELECT 1 FROM uploads earlier
                     WHERE earlier.workspace_id = job.workspace_id AND earlier.state IN ('queued', 'running')
                       AND (earlier.queued_at < job.queued_at
                            OR (earlier.queued_at = job.queued_at AND earlier.id < job.id)))
                ORDER BY job.queued_at, job.id LIMIT 1)
               AND (state = 'queued' OR (state = 'running' AND leased_until <= $3))
             RETURNING {LISTED}, answer_json, NULL AS error_json, errand_json"
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(owner)
            .bind(micros(until))
            .bind(micros(now))
            .fetch_optional(&self.pool)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let errand_json = row.try_get::<Option<String>, _>("errand_json")?.unwrap_or_default();
        let mut row = read(&row)?;
        let promised_json = row.answer_json.take();
        Ok(Some(UploadJob { row, errand_json, promised_json }))
    }

    /// Returns when the next job may be taken, when there is any.
    pub(crate) async fn next_upload_job(&self) -> Result<Option<Timestamp>, sqlx::Error> {
        let next: Option<i64> = sqlx::query_scalar(
            "SELECT MIN(CASE WHEN job.state = 'queued' THEN job.due_at ELSE job.leased_until END)
             FROM uploads job
             WHERE job.state IN ('queued', 'running') AND job.object_key IS NOT NULL
               AND NOT EXISTS
                 (SELECT 1 FROM uploads earlier
                  WHERE earlier.workspace_id = job.workspace_id AND earlier.state IN ('queued', 'running')
                    AND (earlier.queued_at < job.queued_at
                         OR (earlier.queued_at = job.queued_at AND earlier.id < job.id)))",
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(next.map(timestamp))
    }

    /// Keeps a lease, and writes how far the job is; false when it is another's by now.
    pub(crate) async fn renew_upload_lease(
        &self,
        id: &str,
        owner: &str,
        until: Timestamp,
        progress_json: &str,
    ) -> Result<bool, sqlx::Error> {
        let done = sqlx::query(
            "UPDATE uploads SET leased_until = $1, progress_json = $2
             WHERE id = $3 AND state = 'running' AND lease_owner = $4",
        )
        .bind(micros(until))
        .bind(progress_json)
        .bind(id)
        .bind(owner)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Writes down what is about to be committed, if the upload may go on to it: it is still this worker's, nobody called
    /// it off, and its workspace lives.
    pub(crate) async fn promise_commit(
        &self,
        id: &str,
        owner: Option<&str>,
        promise: &Promise<'_>,
        now: Timestamp,
    ) -> Result<bool, sqlx::Error> {
        let done = sqlx::query(
            "UPDATE uploads SET commit_id = $1, answer_json = $2, counts_json = $3
             WHERE id = $4 AND state = 'running' AND cancel_asked_at IS NULL AND leased_until > $5
               AND lease_owner IS NOT DISTINCT FROM $6
               AND workspace_id IN (SELECT id FROM workspaces WHERE state = 'ready')",
        )
        .bind(promise.commit)
        .bind(promise.answer_json)
        .bind(promise.counts_json)
        .bind(id)
        .bind(micros(now))
        .bind(owner)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Records what came of an upload, or of an attempt; false, and nothing, when it is another's by now.
    ///
    /// One that succeeded lets go of its object, which is to be deleted then.
    pub(crate) async fn finish_upload(
        &self,
        id: &str,
        owner: Option<&str>,
        finished: &Finished,
        now: Timestamp,
    ) -> Result<bool, sqlx::Error> {
        let is_over = !matches!(finished.state, UploadState::Open | UploadState::Queued);
        let mut transaction = self.pool.begin().await?;
        // What was called off meanwhile does not wait for another attempt.
        let called_off = sqlx::query(
            "UPDATE uploads SET state = 'cancelled', finished_at = $1, lease_owner = NULL, leased_until = NULL,
               progress_json = NULL, commit_id = NULL, answer_json = NULL, counts_json = NULL
             WHERE id = $2 AND state = 'running' AND lease_owner IS NOT DISTINCT FROM $3
               AND cancel_asked_at IS NOT NULL AND $4",
        )
        .bind(micros(now))
        .bind(id)
        .bind(owner)
        .bind(!is_over)
        .execute(&mut *transaction)
        .await?;
        let done = sqlx::query(
            "UPDATE uploads SET state = $1,
               sha256 = CASE WHEN $1 = 'succeeded' OR via = 'inline' THEN COALESCE($2, sha256) ELSE sha256 END,
               size_bytes = CASE WHEN $1 = 'succeeded' OR via = 'inline' THEN COALESCE($3, size_bytes) ELSE size_bytes END,
               commit_id = CASE WHEN $1 = 'queued' THEN commit_id ELSE $4 END,
               answer_json = CASE WHEN $1 = 'queued' THEN answer_json ELSE $5 END, error_json = $6, finished_at = $7,
               counts_json = CASE WHEN $1 = 'queued' THEN counts_json ELSE $8 END, error_brief_json = $9, due_at = $10, lease_owner = NULL, leased_until = NULL, progress_json = NULL,
               queued_at = CASE WHEN $1 = 'open' THEN NULL ELSE queued_at END,
               object_key = CASE WHEN $1 = 'succeeded' THEN NULL ELSE object_key END
             WHERE id = $11 AND state = 'running' AND lease_owner IS NOT DISTINCT FROM $12",
        )
        .bind(finished.state.as_str())
        .bind(&finished.sha256)
        .bind(finished.size_bytes.and_then(|bytes| i64::try_from(bytes).ok()))
        .bind(&finished.commit)
        .bind(&finished.answer_json)
        .bind(&finished.error_json)
        .bind(is_over.then(|| micros(now)))
        .bind(&finished.counts_json)
        .bind(&finished.error_brief_json)
        .bind(finished.due_at.map(micros))
        .bind(id)
        .bind(owner)
        .execute(&mut *transaction)
        .await?;
        slack_messages::enqueue(&mut transaction, id, now).await?;
        if done.rows_affected() + called_off.rows_affected() > 0 {
            upload_events::tell(&mut transaction, id, now).await?;
        }
        transaction.commit().await?;
        Ok(done.rows_affected() == 1)
    }

    /// Calls an upload off: at once while nobody works on it, else before its commit. False when it is over.
    pub(crate) async fn cancel_upload(&self, id: &str, now: Timestamp) -> Result<bool, sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        let done = sqlx::query(
            "UPDATE uploads SET
               finished_at = CASE WHEN state = 'running' THEN finished_at ELSE $1 END,
               cancel_asked_at = $1,
               state = CASE WHEN state = 'running' THEN 'running' ELSE 'cancelled' END
             WHERE id = $2 AND state IN ('open', 'queued', 'running')",
        )
        .bind(micros(now))
        .bind(id)
        .execute(&mut *transaction)
        .await?;
        let is_changed = done.rows_affected() == 1;
        if is_changed {
            upload_events::tell(&mut transaction, id, now).await?;
        }
        transaction.commit().await?;
        Ok(is_changed)
    }

    /// Gives back what this machine worked on when it stopped: what lies in the store is queued again.
    ///
    /// For the start of a server that has its database for itself.
    pub(crate) async fn release_upload_jobs(&self, now: Timestamp) -> Result<(), sqlx::Error> {
        sqlx::query(
            "UPDATE uploads SET state = 'queued', due_at = $1, queued_at = COALESCE(queued_at, $1),
               completed_by = COALESCE(completed_by, 'client'), lease_owner = NULL, leased_until = NULL
             WHERE state = 'running' AND object_key IS NOT NULL",
        )
        .bind(micros(now))
        .execute(&self.pool)
        .await?;
        sqlx::query("UPDATE uploads SET leased_until = $1 WHERE state = 'running'")
            .bind(micros(now))
            .execute(&self.pool)
            .await
            .map(drop)
    }

    /// Settles inline uploads whose worker is gone: their bundle was in its memory only.
    pub(crate) async fn settle_lost_uploads(
        &self,
        error: &RecordedError,
        now: Timestamp,
    ) -> Result<(), sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        // Both states are named because the index of those under way names them; else all uploads are read.
        let settled: Vec<String> = sqlx::query_scalar(
            "UPDATE uploads SET state = 'failed', error_json = $1, finished_at = $2, error_brief_json = $3,
               lease_owner = NULL, leased_until = NULL
             WHERE state IN ('queued', 'running') AND state = 'running' AND object_key IS NULL
               AND leased_until <= $2
             RETURNING id",
        )
        .bind(&error.json)
        .bind(micros(now))
        .bind(&error.brief_json)
        .fetch_all(&mut *transaction)
        .await?;
        for id in &settled {
            upload_events::tell(&mut transaction, id, now).await?;
        }
        slack_messages::enqueue_all(&mut transaction, now).await?;
        transaction.commit().await
    }
}
