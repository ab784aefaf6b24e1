//! What webhooks delivered and what came of it, for those who look.

use jiff::Timestamp;
use serde_json::Value;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite};

use super::{Database, int, timestamp};

/// A delivery.
#[derive(Debug, Clone)]
pub(crate) struct DeliveryRow {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) event_id: Option<i64>,
    pub(crate) ping_json: Option<String>,
    /// `pending`, `delivered` or `failed`.
    pub(crate) state: String,
    pub(crate) created_at: Timestamp,
    pub(crate) due_at: Timestamp,
    pub(crate) finished_at: Option<Timestamp>,
    pub(crate) attempts: i64,
    pub(crate) leased_until: Option<Timestamp>,
    pub(crate) last_status: Option<i64>,
    /// Why the last attempt failed, as `{code, detail}`; null when it did not.
    pub(crate) last_error: Value,
}

/// An attempt.
#[derive(Debug, Clone)]
pub(crate) struct AttemptRow {
    pub(crate) number: i64,
    pub(crate) begun_at: Timestamp,
    /// Absent as long as it is under way, and for good when the server ended meanwhile.
    pub(crate) duration_ms: Option<i64>,
    pub(crate) status: Option<i64>,
    pub(crate) error: Value,
    pub(crate) shown_url: Option<String>,
    pub(crate) headers: Value,
    pub(crate) answer: Option<String>,
}

/// Which deliveries.
#[derive(Debug, Clone, Default)]
pub(crate) struct DeliveryFilter {
    pub(crate) kind: Option<String>,
    pub(crate) state: Option<String>,
}

impl Database {
    /// Counts deliveries of a webhook.
    pub(crate) async fn count_deliveries(
        &self,
        webhook_id: &str,
        filter: &DeliveryFilter,
    ) -> Result<u64, sqlx::Error> {
        let mut query = QueryBuilder::<Sqlite>::new("SELECT COUNT(*) FROM webhook_deliveries");
        narrow(&mut query, webhook_id, filter);
        let count: i64 = query.build_query_scalar().fetch_one(&self.pool).await?;
        Ok(u64::try_from(count).unwrap_or_default())
    }

    /// Lists a page of the deliveries of a webhook, the newest first.
    pub(crate) async fn list_deliveries(
        &self,
        webhook_id: &str,
        filter: &DeliveryFilter,
        offset: u64,
        limit: u64,
    ) -> Result<Vec<DeliveryRow>, sqlx::Error> {
        let mut query = QueryBuilder::<Sqlite>::new("SELECT * FROM webhook_deliveries");
        narrow(&mut query, webhook_id, filter);
        query.push(" ORDER BY created_at DESC, id DESC LIMIT ").push_bind(int(limit));
        query.push(" OFFSET ").push_bind(int(offset));
        query.build().fetch_all(&self.pool).await?.iter().map(read).collect()
    }

    /// Finds a delivery of a webhook.
    pub(crate) async fn find_delivery(
        &self,
        webhook_id: &str,
        id: &str,
    ) -> Result<Option<DeliveryRow>, sqlx::Error> {
        let row = sqlx::query("SELECT * FROM webhook_deliveries WHERE id = $1 AND webhook_id = $2")
            .bind(id)
            .bind(webhook_id)
            .fetch_optional(&self.pool)
            .await?;
        row.map(|row| read(&row)).transpose()
    }

    /// Lists the attempts of a delivery, the first first.
    pub(crate) async fn list_attempts(&self, delivery_id: &str) -> Result<Vec<AttemptRow>, sqlx::Error> {
        sqlx::query("SELECT * FROM webhook_attempts WHERE delivery_id = $1 ORDER BY number")
            .bind(delivery_id)
            .fetch_all(&self.pool)
            .await?
            .iter()
            .map(read_attempt)
            .collect()
    }
}

fn narrow(query: &mut QueryBuilder<Sqlite>, webhook_id: &str, filter: &DeliveryFilter) {
    query.push(" WHERE webhook_id = ").push_bind(webhook_id.to_owned());
    if let Some(kind) = &filter.kind {
        query.push(" AND kind = ").push_bind(kind.clone());
    }
    if let Some(state) = &filter.state {
        query.push(" AND state = ").push_bind(state.clone());
    }
}

fn parsed(json: Option<String>) -> Value {
    json.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
}

fn read(row: &SqliteRow) -> Result<DeliveryRow, sqlx::Error> {
    let time = |column: &str| -> Result<Option<Timestamp>, sqlx::Error> {
        Ok(row.try_get::<Option<i64>, _>(column)?.map(timestamp))
    };
    Ok(DeliveryRow {
        id: row.try_get("id")?,
        kind: row.try_get("kind")?,
        event_id: row.try_get("event_id")?,
        ping_json: row.try_get("ping_json")?,
        state: row.try_get("state")?,
        created_at: timestamp(row.try_get("created_at")?),
        due_at: timestamp(row.try_get("due_at")?),
        finished_at: time("finished_at")?,
        attempts: row.try_get("attempts")?,
        leased_until: time("leased_until")?,
        last_status: row.try_get("last_status")?,
        last_error: parsed(row.try_get("last_error_json")?),
    })
}

fn read_attempt(row: &SqliteRow) -> Result<AttemptRow, sqlx::Error> {
    Ok(AttemptRow {
        number: row.try_get("number")?,
        begun_at: timestamp(row.try_get("begun_at")?),
        duration_ms: row.try_get("duration_ms")?,
        status: row.try_get("status")?,
        error: parsed(row.try_get("error_json")?),
        shown_url: row.try_get("shown_url")?,
        headers: parsed(row.try_get("headers_json")?),
        answer: row.try_get("answer")?,
    })
}
