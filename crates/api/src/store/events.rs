//! Events: what happened to workspaces, in order, for some time.

use jiff::Timestamp;
use serde_json::Value;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite, SqliteConnection};

use super::{Database, int, micros, timestamp, webhook_deliveries};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum EventKind {
    /// A branch has new commits.
    Commit,
    /// A push was accepted.
    Push,
    /// An upload is over.
    Upload,
    /// A mirror has caught up, or can't.
    Sync,
}

impl EventKind {
    /// Every kind.
    pub(crate) const ALL: [Self; 4] = [Self::Commit, Self::Push, Self::Upload, Self::Sync];

    /// Returns the word for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Push => "push",
            Self::Upload => "upload",
            Self::Sync => "sync",
        }
    }

    /// Reads the word.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// An event that has yet to be recorded.
#[derive(Debug, Clone)]
pub(crate) struct NewEvent {
    pub(crate) workspace_id: String,
    pub(crate) kind: EventKind,
    /// The e-mail address of who made it, where one person did.
    pub(crate) actor: Option<String>,
    /// What followers are told; the kinds' shapes stand in `docs/EVENTS.md`.
    pub(crate) data: Value,
}

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct EventRow {
    /// Ascending, with gaps; never given twice.
    pub(crate) id: i64,
    pub(crate) workspace_id: String,
    pub(crate) kind: EventKind,
    pub(crate) at: Timestamp,
    pub(crate) actor: Option<String>,
    pub(crate) data: Value,
}

/// Writes an event down, in the transaction of what it tells, and for the webhooks that are to tell it.
pub(super) async fn insert(
    connection: &mut SqliteConnection,
    event: &NewEvent,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    // Nobody follows a workspace that is going.
    let id: Option<i64> = sqlx::query_scalar(
        "INSERT INTO events (workspace_id, kind, at, actor, data_json)
         SELECT id, $1, $2, $3, $4 FROM workspaces WHERE id = $5 AND state = 'ready' RETURNING id",
    )
    .bind(event.kind.as_str())
    .bind(micros(now))
    .bind(&event.actor)
    .bind(event.data.to_string())
    .bind(&event.workspace_id)
    .fetch_optional(&mut *connection)
    .await?;
    match id {
        Some(id) => webhook_deliveries::enqueue(connection, event, id, now).await,
        None => Ok(()),
    }
}

impl Database {
    /// Writes an event down by itself.
    pub(crate) async fn record_event(&self, event: &NewEvent, now: Timestamp) -> Result<(), sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        insert(&mut transaction, event, now).await?;
        transaction.commit().await
    }

    /// Returns the id of the newest event of all workspaces, 0 before there is any.
    pub(crate) async fn last_event(&self) -> Result<i64, sqlx::Error> {
        sqlx::query_scalar("SELECT COALESCE(MAX(id), 0) FROM events").fetch_one(&self.pool).await
    }

    /// Lists the events of a workspace behind one, in order.
    pub(crate) async fn events_after(
        &self,
        workspace_id: &str,
        after: i64,
        limit: u32,
    ) -> Result<Vec<EventRow>, sqlx::Error> {
        sqlx::query("SELECT * FROM events WHERE workspace_id = $1 AND id > $2 ORDER BY id LIMIT $3")
            .bind(workspace_id)
            .bind(after)
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await?
            .iter()
            .map(read)
            .collect()
    }

    /// Counts the events of some kinds of a workspace; no kinds are all.
    pub(crate) async fn count_events(
        &self,
        workspace_id: &str,
        kinds: &[EventKind],
    ) -> Result<u64, sqlx::Error> {
        let mut query = QueryBuilder::<Sqlite>::new("SELECT COUNT(*) FROM events");
        of_kinds(&mut query, workspace_id, kinds);
        let count: i64 = query.build_query_scalar().fetch_one(&self.pool).await?;
        Ok(u64::try_from(count).unwrap_or_default())
    }

    /// Lists a page of the events of some kinds of a workspace, the newest first.
    pub(crate) async fn list_events(
        &self,
        workspace_id: &str,
        kinds: &[EventKind],
        offset: u64,
        limit: u64,
    ) -> Result<Vec<EventRow>, sqlx::Error> {
        let mut query = QueryBuilder::<Sqlite>::new("SELECT * FROM events");
        of_kinds(&mut query, workspace_id, kinds);
        query.push(" ORDER BY id DESC LIMIT ").push_bind(int(limit));
        query.push(" OFFSET ").push_bind(int(offset));
        query.build().fetch_all(&self.pool).await?.iter().map(read).collect()
    }

    /// Forgets the events from before a time, and that they were delivered.
    pub(crate) async fn forget_events(&self, before: Timestamp) -> Result<u64, sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        webhook_deliveries::forget(&mut transaction, before).await?;
        let done = sqlx::query("DELETE FROM events WHERE at < $1").bind(micros(before));
        let forgotten = done.execute(&mut *transaction).await?.rows_affected();
        transaction.commit().await?;
        Ok(forgotten)
    }

    /// Finds an event of a workspace.
    pub(crate) async fn find_event(
        &self,
        workspace_id: &str,
        id: i64,
    ) -> Result<Option<EventRow>, sqlx::Error> {
        let row = sqlx::query("SELECT * FROM events WHERE id = $1 AND workspace_id = $2")
            .bind(id)
            .bind(workspace_id)
            .fetch_optional(&self.pool)
            .await?;
        row.map(|row| read(&row)).transpose()
    }
}

fn of_kinds(query: &mut QueryBuilder<Sqlite>, workspace_id: &str, kinds: &[EventKind]) {
    query.push(" WHERE workspace_id = ").push_bind(workspace_id.to_owned());
    if kinds.is_empty() {
        return;
    }
    let mut words = query.push(" AND kind IN (").separated(", ");
    for kind in kinds {
        words.push_bind(kind.as_str());
    }
    query.push(")");
}

pub(super) fn read(row: &SqliteRow) -> Result<EventRow, sqlx::Error> {
    let decode = |what: &str| sqlx::Error::Decode(format!("an event has a bad {what}").into());
    let (kind, data): (String, String) = (row.try_get("kind")?, row.try_get("data_json")?);
    Ok(EventRow {
        id: row.try_get("id")?,
        workspace_id: row.try_get("workspace_id")?,
        kind: EventKind::parse(&kind).ok_or_else(|| decode("kind"))?,
        at: timestamp(row.try_get("at")?),
        actor: row.try_get("actor")?,
        data: serde_json::from_str(&data).map_err(|_| decode("text"))?,
    })
}
