//! What came of attempts to deliver, and what that means for the webhook.

use jiff::Timestamp;
use sqlx::SqliteConnection;

use super::webhook_deliveries::{Content, Due};
use super::{Database, micros, webhooks};

/// What came of an attempt.
#[derive(Debug)]
pub(crate) struct Attempted {
    pub(crate) duration_ms: i64,
    pub(crate) status: Option<u16>,
    /// Why it failed, as `{code, detail}`.
    pub(crate) error: Option<Failed>,
    pub(crate) shown_url: String,
    pub(crate) headers_json: String,
    /// How the answer began.
    pub(crate) answer: Option<String>,
}

/// A reason for a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failed {
    pub(crate) code: &'static str,
    pub(crate) detail: String,
}

impl Failed {
    fn to_json(&self) -> String {
        serde_json::json!({ "code": self.code, "detail": self.detail }).to_string()
    }
}

/// What is to become of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    Delivered,
    /// It is tried again then, unless its webhook became inactive.
    Again(Timestamp),
    /// It has failed; a webhook that has failed since before this time is switched off.
    Failed {
        switch_off: Timestamp,
    },
}

impl Database {
    /// Records what came of an attempt; false when another has the delivery by now, or it is gone.
    pub(crate) async fn settle_delivery(
        &self,
        due: &Due,
        owner: &str,
        attempted: &Attempted,
        next: Next,
        now: Timestamp,
    ) -> Result<bool, sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        let (state, due_at) = match next {
            Next::Delivered => ("delivered", None),
            Next::Again(at) => ("pending", Some(at)),
            Next::Failed { .. } => ("failed", None),
        };
        let error = attempted.error.as_ref().map(Failed::to_json);
        let done = sqlx::query(
            "UPDATE webhook_deliveries
             SET state = $1, due_at = COALESCE($2, due_at), finished_at = $3, last_status = $4, last_error_json = $5,
               lease_owner = NULL, leased_until = NULL
             WHERE id = $6 AND lease_owner = $7",
        )
        .bind(state)
        .bind(due_at.map(micros))
        .bind(due_at.is_none().then(|| micros(now)))
        .bind(attempted.status.map(i64::from))
        .bind(&error)
        .bind(&due.id)
        .bind(owner)
        .execute(&mut *transaction)
        .await?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        note_attempt(&mut transaction, due, attempted, error).await?;
        if matches!(due.content, Content::Event(_)) {
            note_webhook(&mut transaction, &due.webhook.id, attempted, next, now).await?;
        }
        transaction.commit().await?;
        Ok(true)
    }
}

async fn note_attempt(
    connection: &mut SqliteConnection,
    due: &Due,
    attempted: &Attempted,
    error: Option<String>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE webhook_attempts
         SET duration_ms = $1, status = $2, error_json = $3, shown_url = $4, headers_json = $5, answer = $6
         WHERE delivery_id = $7 AND number = $8",
    )
    .bind(attempted.duration_ms)
    .bind(attempted.status.map(i64::from))
    .bind(error)
    .bind(&attempted.shown_url)
    .bind(&attempted.headers_json)
    .bind(&attempted.answer)
    .bind(&due.id)
    .bind(due.attempt)
    .execute(connection)
    .await
    .map(drop)
}

/// Keeps how a webhook fares, and switches off one that has failed for too long.
async fn note_webhook(
    connection: &mut SqliteConnection,
    id: &str,
    attempted: &Attempted,
    next: Next,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let Some(error) = &attempted.error else {
        let sql = "UPDATE webhooks SET failing_since = NULL, last_error = NULL
                   WHERE id = $1 AND failing_since IS NOT NULL";
        return sqlx::query(sql).bind(id).execute(connection).await.map(drop);
    };
    sqlx::query(
        "UPDATE webhooks SET failing_since = COALESCE(failing_since, $1), last_error = $2 WHERE id = $3",
    )
    .bind(micros(now))
    .bind(&error.detail)
    .bind(id)
    .execute(&mut *connection)
    .await?;
    if let Next::Failed { switch_off } = next {
        sqlx::query(
            "UPDATE webhooks SET is_active = FALSE, inactive_since = $1, inactive_reason = last_error
             WHERE id = $2 AND is_active AND failing_since <= $3",
        )
        .bind(micros(now))
        .bind(id)
        .bind(micros(switch_off))
        .execute(&mut *connection)
        .await?;
    }
    // Also where somebody switched it off while this was being sent.
    webhooks::give_up(connection, id, now).await
}
