//! What webhooks are to deliver: written with the event, leased, tried, settled.
//!
//! An event and its deliveries are rows of one transaction, and a delivery is pending until somebody recorded that the
//! receiver took it. So each event reaches each webhook at least once, whatever ends in between; more than once when the
//! end comes between the receiver's answer and its record.

use jiff::Timestamp;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::events::{EventRow, NewEvent};
use super::webhooks::{self, WebhookRow};
use super::{Database, events, micros};

/// Deliveries of one workspace that are sent at the same time.
const MOST_OF_ONE: i64 = 4;
/// Attempts of one delivery that are remembered.
const MOST_ATTEMPTS: i64 = 50;

/// A delivery that was taken to be sent.
#[derive(Debug)]
pub(crate) struct Due {
    pub(crate) id: String,
    /// How often it was tried since it was made or asked for again, this time included.
    pub(crate) tries: u32,
    /// The same in all.
    pub(crate) attempt: i64,
    pub(crate) webhook: WebhookRow,
    /// The name of the workspace.
    pub(crate) workspace: String,
    pub(crate) content: Content,
}

/// What a delivery tells.
#[derive(Debug)]
pub(crate) enum Content {
    Event(EventRow),
    /// Nothing but that it comes through.
    Ping(String),
}

const TAKE: &str = "UPDATE webhook_deliveries
    SET lease_owner = $1, leased_until = $2, tries = tries + 1, attempts = attempts + 1
    WHERE id =
      (SELECT d.id FROM webhook_deliveries d JOIN webhooks w ON w.id = d.webhook_id
       WHERE d.state = 'pending' AND d.due_at <= $3 AND (d.leased_until IS NULL OR d.leased_until <= $3)
         AND (w.is_active OR d.kind = 'ping')
         AND NOT EXISTS
           (SELECT 1 FROM webhook_deliveries o
            WHERE o.workspace_id = d.workspace_id AND o.webhook_id = d.webhook_id AND o.leased_until > $3)
         AND NOT EXISTS
           (SELECT 1 FROM webhook_deliveries o
            WHERE o.webhook_id = d.webhook_id AND o.state = 'pending' AND o.event_id < d.event_id
              AND o.attempts = 0 AND d.attempts = 0)
         AND (SELECT COUNT(*) FROM webhook_deliveries o
              WHERE o.workspace_id = d.workspace_id AND o.leased_until > $3) < $4
       ORDER BY CASE WHEN w.failing_since IS NULL THEN 0 ELSE 1 END, d.due_at, d.id LIMIT 1)
    RETURNING *";

/// Notes that an event is to be delivered, in the transaction that records it.
pub(super) async fn enqueue(
    connection: &mut SqliteConnection,
    event: &NewEvent,
    event_id: i64,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    for webhook_id in webhooks::told_of(connection, &event.workspace_id, event.kind).await? {
        sqlx::query(
            "INSERT INTO webhook_deliveries (id, webhook_id, workspace_id, kind, event_id, state, created_at, due_at)
             VALUES ($1, $2, $3, $4, $5, 'pending', $6, $6)",
        )
        .bind(new_id())
        .bind(webhook_id)
        .bind(&event.workspace_id)
        .bind(event.kind.as_str())
        .bind(event_id)
        .bind(micros(now))
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// Forgets the deliveries from before a time, with their attempts.
pub(super) async fn forget(connection: &mut SqliteConnection, before: Timestamp) -> Result<(), sqlx::Error> {
    let done = sqlx::query("DELETE FROM webhook_deliveries WHERE created_at < $1").bind(micros(before));
    done.execute(connection).await.map(drop)
}

impl Database {
    /// Notes a ping, unless one is under way; returns its id.
    pub(crate) async fn add_ping(
        &self,
        webhook_id: &str,
        ping_json: &str,
        now: Timestamp,
    ) -> Result<Option<String>, sqlx::Error> {
        let id = new_id();
        let done = sqlx::query(
            "INSERT INTO webhook_deliveries
               (id, webhook_id, workspace_id, kind, ping_json, state, created_at, due_at)
             SELECT $1, id, workspace_id, 'ping', $2, 'pending', $3, $3 FROM webhooks w WHERE id = $4
               AND NOT EXISTS (SELECT 1 FROM webhook_deliveries d
                               WHERE d.webhook_id = w.id AND d.kind = 'ping' AND d.state = 'pending')",
        )
        .bind(&id)
        .bind(ping_json)
        .bind(micros(now))
        .bind(webhook_id)
        .execute(&self.pool)
        .await?;
        Ok((done.rows_affected() == 1).then_some(id))
    }

    /// Has a delivery tried again at once, with as many tries as a new one; false when it is being sent.
    pub(crate) async fn redeliver(&self, id: &str, now: Timestamp) -> Result<bool, sqlx::Error> {
        let done = sqlx::query(
            "UPDATE webhook_deliveries SET state = 'pending', due_at = $1, tries = 0, finished_at = NULL
             WHERE id = $2 AND (leased_until IS NULL OR leased_until <= $1)",
        )
        .bind(micros(now))
        .bind(id)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Takes a delivery that is due, until a moment when another may take it.
    ///
    /// A webhook gets one at a time, each for the first time in the order of events, which is not always that of their
    /// times. Those that failed lately come last: receivers that are away must not keep others waiting.
    pub(crate) async fn take_delivery(
        &self,
        owner: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Due>, sqlx::Error> {
        loop {
            let mut transaction = self.pool.begin().await?;
            let row = sqlx::query(TAKE)
                .bind(owner)
                .bind(micros(until))
                .bind(micros(now))
                .bind(MOST_OF_ONE)
                .fetch_optional(&mut *transaction)
                .await?;
            let Some(row) = row else { return Ok(None) };
            let (id, attempt): (String, i64) = (row.try_get("id")?, row.try_get("attempts")?);
            let due = read_due(&mut transaction, &row).await?;
            if due.is_some() {
                begin_attempt(&mut transaction, &id, attempt, now).await?;
            } else {
                // What it was to tell is forgotten, or nobody is there any more whom it is of.
                let sql = "DELETE FROM webhook_deliveries WHERE id = $1";
                sqlx::query(sql).bind(&id).execute(&mut *transaction).await?;
            }
            transaction.commit().await?;
            if due.is_some() {
                return Ok(due);
            }
        }
    }

    /// Returns when the next delivery may be taken, when there is any.
    pub(crate) async fn next_delivery(&self, now: Timestamp) -> Result<Option<Timestamp>, sqlx::Error> {
        let next: Option<i64> = sqlx::query_scalar(
            "SELECT MIN(CASE WHEN COALESCE(d.leased_until, 0) > d.due_at THEN d.leased_until ELSE d.due_at END)
             FROM webhook_deliveries d JOIN webhooks w ON w.id = d.webhook_id
             WHERE d.state = 'pending' AND (w.is_active OR d.kind = 'ping')
               AND NOT EXISTS
                 (SELECT 1 FROM webhook_deliveries o
                  WHERE o.workspace_id = d.workspace_id AND o.webhook_id = d.webhook_id AND o.id <> d.id
                    AND o.leased_until > $1)",
        )
        .bind(micros(now))
        .fetch_one(&self.pool)
        .await?;
        Ok(next.map(super::timestamp))
    }
}

async fn begin_attempt(
    connection: &mut SqliteConnection,
    delivery_id: &str,
    number: i64,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO webhook_attempts (delivery_id, number, begun_at) VALUES ($1, $2, $3)")
        .bind(delivery_id)
        .bind(number)
        .bind(micros(now))
        .execute(&mut *connection)
        .await?;
    sqlx::query("DELETE FROM webhook_attempts WHERE delivery_id = $1 AND number <= $2")
        .bind(delivery_id)
        .bind(number - MOST_ATTEMPTS)
        .execute(connection)
        .await
        .map(drop)
}

/// Reads what a taken delivery needs; nothing when its event or its workspace is gone.
async fn read_due(connection: &mut SqliteConnection, row: &SqliteRow) -> Result<Option<Due>, sqlx::Error> {
    let webhook_id: String = row.try_get("webhook_id")?;
    let webhook = sqlx::query("SELECT * FROM webhooks WHERE id = $1")
        .bind(webhook_id)
        .fetch_one(&mut *connection)
        .await?;
    let webhook = webhooks::read(&webhook)?;
    let workspace: Option<String> =
        sqlx::query_scalar("SELECT name FROM workspaces WHERE id = $1 AND state = 'ready'")
            .bind(&webhook.workspace_id)
            .fetch_optional(&mut *connection)
            .await?;
    let content = if let Some(text) = row.try_get::<Option<String>, _>("ping_json")? {
        Some(Content::Ping(text))
    } else {
        let event_id: Option<i64> = row.try_get("event_id")?;
        let event = sqlx::query("SELECT * FROM events WHERE id = $1 AND workspace_id = $2")
            .bind(event_id)
            .bind(&webhook.workspace_id)
            .fetch_optional(connection)
            .await?;
        event.map(|event| events::read(&event)).transpose()?.map(Content::Event)
    };
    let Some((workspace, content)) = workspace.zip(content) else { return Ok(None) };
    let tries: i64 = row.try_get("tries")?;
    Ok(Some(Due {
        id: row.try_get("id")?,
        tries: u32::try_from(tries).unwrap_or(u32::MAX),
        attempt: row.try_get("attempts")?,
        webhook,
        workspace,
        content,
    }))
}

impl Content {
    /// Returns the word that the receiver is told.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Event(event) => event.kind.as_str(),
            Self::Ping(_) => "ping",
        }
    }
}

/// Ids ascend, so that what was made in one microsecond keeps its order.
fn new_id() -> String {
    uuid::Uuid::now_v7().to_string()
}
