//! Outcomes of uploads that Slack is still to be told: rows that come with the outcome and go when they are told.

use jiff::Timestamp;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::uploads::IS_NO_PLAN;
use super::{Database, micros, timestamp};

/// One outcome to tell.
#[derive(Debug)]
pub(crate) struct SlackMessage {
    pub(crate) upload_id: String,
    pub(crate) finished_at: Timestamp,
    pub(crate) workspace_id: String,
    pub(crate) integration_id: String,
    /// `succeeded` or `failed`.
    pub(crate) state: String,
    pub(crate) email: String,
    pub(crate) commit: Option<String>,
    pub(crate) counts_json: Option<String>,
    pub(crate) error_brief_json: Option<String>,
    /// How often it was tried, this time included.
    pub(crate) attempts: u32,
}

/// The outcomes that people are told, but for plans.
const ENQUEUE: &str = "INSERT INTO slack_messages
      (upload_id, finished_at, workspace_id, integration_id, state, email, commit_id, counts_json,
       error_brief_json, attempts)
    SELECT u.id, u.finished_at, u.workspace_id, i.id, u.state, u.email, u.commit_id, u.counts_json,
       u.error_brief_json, 0
    FROM uploads u JOIN slack_integrations i ON i.workspace_id = u.workspace_id
    WHERE u.finished_at = $1 AND i.broken_at IS NULL
      AND u.state IN ('succeeded', 'failed')";
const ONCE: &str = "ON CONFLICT (upload_id, finished_at) DO NOTHING";

/// Notes that the outcome of an upload is to be told, in the transaction that records it.
pub(super) async fn enqueue(
    connection: &mut SqliteConnection,
    upload_id: &str,
    finished_at: Timestamp,
) -> Result<(), sqlx::Error> {
    let sql = format!("{ENQUEUE} AND u.{IS_NO_PLAN} AND u.id = $2 {ONCE}");
    let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(micros(finished_at)).bind(upload_id);
    query.execute(connection).await.map(drop)
}

/// Notes the same of all uploads that were finished at a moment.
pub(super) async fn enqueue_all(
    connection: &mut SqliteConnection,
    finished_at: Timestamp,
) -> Result<(), sqlx::Error> {
    let sql = format!("{ENQUEUE} AND u.{IS_NO_PLAN} {ONCE}");
    sqlx::query(sqlx::AssertSqlSafe(sql)).bind(micros(finished_at)).execute(connection).await.map(drop)
}

impl Database {
    /// Takes the oldest message that may be sent, until a moment when another may take it.
    pub(crate) async fn take_slack_message(
        &self,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<SlackMessage>, sqlx::Error> {
        let row = sqlx::query(
            "UPDATE slack_messages SET leased_until = $1, attempts = attempts + 1
             WHERE (upload_id, finished_at) =
               (SELECT m.upload_id, m.finished_at
                FROM slack_messages m JOIN slack_integrations i ON i.id = m.integration_id
                WHERE i.broken_at IS NULL AND (i.held_until IS NULL OR i.held_until <= $2)
                  AND (m.leased_until IS NULL OR m.leased_until <= $2)
                ORDER BY m.finished_at, m.upload_id LIMIT 1)
               AND (leased_until IS NULL OR leased_until <= $2)
             RETURNING *",
        )
        .bind(micros(until))
        .bind(micros(now))
        .fetch_optional(&self.pool)
        .await?;
        row.map(|row| read(&row)).transpose()
    }

    /// Returns when the next message may be sent, when there is any.
    pub(crate) async fn next_slack_message(&self) -> Result<Option<Timestamp>, sqlx::Error> {
        let next: Option<i64> = sqlx::query_scalar(
            "SELECT MIN(CASE WHEN COALESCE(i.held_until, 0) > COALESCE(m.leased_until, 0)
                        THEN COALESCE(i.held_until, 0) ELSE COALESCE(m.leased_until, 0) END)
             FROM slack_messages m JOIN slack_integrations i ON i.id = m.integration_id
             WHERE i.broken_at IS NULL",
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(next.map(timestamp))
    }

    /// Notes that a message was sent.
    pub(crate) async fn slack_message_sent(
        &self,
        message: &SlackMessage,
        now: Timestamp,
    ) -> Result<(), sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        remove(&mut transaction, message).await?;
        sqlx::query("UPDATE slack_integrations SET last_sent_at = $1, held_until = NULL WHERE id = $2")
            .bind(micros(now))
            .bind(&message.integration_id)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await
    }

    /// Gives a message up, and notes by which word.
    pub(crate) async fn slack_message_lost(
        &self,
        message: &SlackMessage,
        word: &str,
        now: Timestamp,
    ) -> Result<(), sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        remove(&mut transaction, message).await?;
        sqlx::query("UPDATE slack_integrations SET lost_at = $1, lost_error = $2 WHERE id = $3")
            .bind(micros(now))
            .bind(word)
            .bind(&message.integration_id)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await
    }

    /// Gives a message back to be sent later, and with it all of its connection.
    pub(crate) async fn hold_slack(
        &self,
        message: &SlackMessage,
        until: Timestamp,
    ) -> Result<(), sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query("UPDATE slack_integrations SET held_until = $1 WHERE id = $2")
            .bind(micros(until))
            .bind(&message.integration_id)
            .execute(&mut *transaction)
            .await?;
        sqlx::query(
            "UPDATE slack_messages SET leased_until = NULL WHERE upload_id = $1 AND finished_at = $2",
        )
        .bind(&message.upload_id)
        .bind(micros(message.finished_at))
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await
    }

    /// Drops a message whose connection is gone.
    pub(crate) async fn drop_slack_message(&self, message: &SlackMessage) -> Result<(), sqlx::Error> {
        let mut connection = self.pool.acquire().await?;
        remove(&mut connection, message).await
    }
}

async fn remove(connection: &mut SqliteConnection, message: &SlackMessage) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM slack_messages WHERE upload_id = $1 AND finished_at = $2")
        .bind(&message.upload_id)
        .bind(micros(message.finished_at))
        .execute(connection)
        .await
        .map(drop)
}

fn read(row: &SqliteRow) -> Result<SlackMessage, sqlx::Error> {
    let attempts: i64 = row.try_get("attempts")?;
    Ok(SlackMessage {
        upload_id: row.try_get("upload_id")?,
        finished_at: timestamp(row.try_get("finished_at")?),
        workspace_id: row.try_get("workspace_id")?,
        integration_id: row.try_get("integration_id")?,
        state: row.try_get("state")?,
        email: row.try_get("email")?,
        commit: row.try_get("commit_id")?,
        counts_json: row.try_get("counts_json")?,
        error_brief_json: row.try_get("error_brief_json")?,
        attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
    })
}
