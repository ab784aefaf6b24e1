//! Webhooks: where a workspace's events are sent.

use jiff::Timestamp;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::events::EventKind;
use super::{Database, int, micros, timestamp};

/// A webhook.
#[derive(Debug, Clone)]
pub(crate) struct WebhookRow {
    pub(crate) id: String,
    pub(crate) workspace_id: String,
    /// The URL without its query.
    pub(crate) shown_url: String,
    pub(crate) sealed_url: String,
    pub(crate) sealed_secret: String,
    pub(crate) kinds: Vec<EventKind>,
    pub(crate) description: String,
    pub(crate) is_active: bool,
    /// Since when and why the server switched it off, if it did.
    pub(crate) inactive: Option<(Timestamp, String)>,
    /// Since when no attempt has succeeded.
    pub(crate) failing_since: Option<Timestamp>,
    /// How the last attempt failed, as long as none succeeded since.
    pub(crate) last_error: Option<String>,
    pub(crate) created_by: String,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

/// A new webhook.
#[derive(Debug)]
pub(crate) struct NewWebhook<'a> {
    pub(crate) id: &'a str,
    pub(crate) workspace_id: &'a str,
    pub(crate) shown_url: &'a str,
    pub(crate) sealed_url: &'a str,
    pub(crate) sealed_secret: &'a str,
    pub(crate) kinds: &'a [EventKind],
    pub(crate) description: &'a str,
    pub(crate) is_active: bool,
    pub(crate) created_by: &'a str,
    pub(crate) now: Timestamp,
}

/// What is to change of a webhook; what is absent stays.
#[derive(Debug, Default)]
pub(crate) struct WebhookChange {
    /// As it is shown, and sealed.
    pub(crate) url: Option<(String, String)>,
    pub(crate) sealed_secret: Option<String>,
    pub(crate) kinds: Option<Vec<EventKind>>,
    pub(crate) description: Option<String>,
    pub(crate) is_active: Option<bool>,
}

/// What became of a webhook that was to be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Added {
    Done,
    /// The workspace has as many as it may.
    TooMany,
    /// The workspace is gone.
    Gone,
}

/// Why deliveries are given up whose webhook is inactive.
const GIVEN_UP: &str =
    r#"{"code":"webhook_inactive","detail":"the webhook became inactive before it was delivered"}"#;

impl Database {
    /// Adds a webhook, unless the workspace has as many as it may.
    pub(crate) async fn add_webhook(&self, new: &NewWebhook<'_>, max: u32) -> Result<Added, sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        // A write that changes nothing: it takes the turn, and tells whether the workspace lives.
        let lives = sqlx::query("UPDATE workspaces SET version = version WHERE id = $1 AND state = 'ready'")
            .bind(new.workspace_id)
            .execute(&mut *transaction)
            .await?;
        if lives.rows_affected() == 0 {
            return Ok(Added::Gone);
        }
        let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM webhooks WHERE workspace_id = $1")
            .bind(new.workspace_id)
            .fetch_one(&mut *transaction)
            .await?;
        if count >= i64::from(max) {
            return Ok(Added::TooMany);
        }
        sqlx::query(
            "INSERT INTO webhooks (id, workspace_id, shown_url, sealed_url, sealed_secret, kinds, description,
               is_active, created_by, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)",
        )
        .bind(new.id)
        .bind(new.workspace_id)
        .bind(new.shown_url)
        .bind(new.sealed_url)
        .bind(new.sealed_secret)
        .bind(written(new.kinds))
        .bind(new.description)
        .bind(new.is_active)
        .bind(new.created_by)
        .bind(micros(new.now))
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(Added::Done)
    }

    /// Changes a webhook and returns it; nothing when it is gone.
    ///
    /// One that is switched off gives up what was to be delivered; one that is switched on, or sent elsewhere, begins anew.
    pub(crate) async fn change_webhook(
        &self,
        workspace_id: &str,
        id: &str,
        change: &WebhookChange,
        now: Timestamp,
    ) -> Result<Option<WebhookRow>, sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        let begins_anew = change.url.is_some() || change.is_active == Some(true);
        let row = sqlx::query(
            "UPDATE webhooks SET
               shown_url = COALESCE($1, shown_url), sealed_url = COALESCE($2, sealed_url),
               sealed_secret = COALESCE($3, sealed_secret), kinds = COALESCE($4, kinds),
               description = COALESCE($5, description), is_active = COALESCE($6, is_active),
               inactive_since = CASE WHEN $7 THEN NULL ELSE inactive_since END,
               inactive_reason = CASE WHEN $7 THEN NULL ELSE inactive_reason END,
               failing_since = CASE WHEN $8 THEN NULL ELSE failing_since END,
               last_error = CASE WHEN $8 THEN NULL ELSE last_error END,
               updated_at = $9
             WHERE id = $10 AND workspace_id = $11 RETURNING *",
        )
        .bind(change.url.as_ref().map(|(shown, _)| shown))
        .bind(change.url.as_ref().map(|(_, sealed)| sealed))
        .bind(&change.sealed_secret)
        .bind(change.kinds.as_deref().map(written))
        .bind(&change.description)
        .bind(change.is_active)
        .bind(change.is_active.is_some())
        .bind(begins_anew)
        .bind(micros(now))
        .bind(id)
        .bind(workspace_id)
        .fetch_optional(&mut *transaction)
        .await?;
        let row = row.map(|row| read(&row)).transpose()?;
        if row.is_some() && change.is_active == Some(false) {
            give_up(&mut transaction, id, now).await?;
        }
        transaction.commit().await?;
        Ok(row)
    }

    /// Removes a webhook with all that it was to deliver and has delivered; false when there is none.
    pub(crate) async fn remove_webhook(&self, workspace_id: &str, id: &str) -> Result<bool, sqlx::Error> {
        let done = sqlx::query("DELETE FROM webhooks WHERE id = $1 AND workspace_id = $2")
            .bind(id)
            .bind(workspace_id)
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Finds a webhook of a workspace.
    pub(crate) async fn find_webhook(
        &self,
        workspace_id: &str,
        id: &str,
    ) -> Result<Option<WebhookRow>, sqlx::Error> {
        let row = sqlx::query("SELECT * FROM webhooks WHERE id = $1 AND workspace_id = $2")
            .bind(id)
            .bind(workspace_id)
            .fetch_optional(&self.pool)
            .await?;
        row.map(|row| read(&row)).transpose()
    }

    /// Counts the webhooks of a workspace.
    pub(crate) async fn count_webhooks(&self, workspace_id: &str) -> Result<u64, sqlx::Error> {
        let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM webhooks WHERE workspace_id = $1")
            .bind(workspace_id)
            .fetch_one(&self.pool)
            .await?;
        Ok(u64::try_from(count).unwrap_or_default())
    }

    /// Lists a page of the webhooks of a workspace, the oldest first.
    pub(crate) async fn list_webhooks(
        &self,
        workspace_id: &str,
        offset: u64,
        limit: u64,
    ) -> Result<Vec<WebhookRow>, sqlx::Error> {
        sqlx::query(
            "SELECT * FROM webhooks WHERE workspace_id = $1 ORDER BY created_at, id LIMIT $2 OFFSET $3",
        )
        .bind(workspace_id)
        .bind(int(limit))
        .bind(int(offset))
        .fetch_all(&self.pool)
        .await?
        .iter()
        .map(read)
        .collect()
    }

    /// Lists the webhooks of a workspace that were switched off, or have failed since before a time.
    pub(crate) async fn troubled_webhooks(
        &self,
        workspace_id: &str,
        before: Timestamp,
    ) -> Result<Vec<WebhookRow>, sqlx::Error> {
        sqlx::query(
            "SELECT * FROM webhooks WHERE workspace_id = $1
               AND (inactive_since IS NOT NULL OR is_active AND failing_since <= $2)
             ORDER BY created_at, id",
        )
        .bind(workspace_id)
        .bind(micros(before))
        .fetch_all(&self.pool)
        .await?
        .iter()
        .map(read)
        .collect()
    }
}

/// Gives up what a webhook was to deliver if it is inactive, but for what is being sent right now.
pub(super) async fn give_up(
    connection: &mut SqliteConnection,
    webhook_id: &str,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE webhook_deliveries SET state = 'failed', finished_at = $1, last_error_json = $2
         WHERE webhook_id = $3 AND state = 'pending' AND kind <> 'ping'
           AND (leased_until IS NULL OR leased_until <= $1)
           AND EXISTS (SELECT 1 FROM webhooks w WHERE w.id = webhook_id AND NOT w.is_active)",
    )
    .bind(micros(now))
    .bind(GIVEN_UP)
    .bind(webhook_id)
    .execute(connection)
    .await
    .map(drop)
}

/// Lists the active webhooks of a workspace that are told events of a kind.
pub(super) async fn told_of(
    connection: &mut SqliteConnection,
    workspace_id: &str,
    kind: EventKind,
) -> Result<Vec<String>, sqlx::Error> {
    let rows = sqlx::query("SELECT id, kinds FROM webhooks WHERE workspace_id = $1 AND is_active")
        .bind(workspace_id)
        .fetch_all(connection)
        .await?;
    let mut told = Vec::new();
    for row in rows {
        let (id, kinds): (String, String) = (row.try_get("id")?, row.try_get("kinds")?);
        if parsed(&kinds).contains(&kind) {
            told.push(id);
        }
    }
    Ok(told)
}

fn written(kinds: &[EventKind]) -> String {
    kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(",")
}

fn parsed(kinds: &str) -> Vec<EventKind> {
    kinds.split(',').filter_map(EventKind::parse).collect()
}

pub(super) fn read(row: &SqliteRow) -> Result<WebhookRow, sqlx::Error> {
    let time = |column: &str| -> Result<Option<Timestamp>, sqlx::Error> {
        Ok(row.try_get::<Option<i64>, _>(column)?.map(timestamp))
    };
    let reason: Option<String> = row.try_get("inactive_reason")?;
    Ok(WebhookRow {
        id: row.try_get("id")?,
        workspace_id: row.try_get("workspace_id")?,
        shown_url: row.try_get("shown_url")?,
        sealed_url: row.try_get("sealed_url")?,
        sealed_secret: row.try_get("sealed_secret")?,
        kinds: parsed(row.try_get("kinds")?),
        description: row.try_get("description")?,
        is_active: row.try_get("is_active")?,
        inactive: time("inactive_since")?.zip(reason),
        failing_since: time("failing_since")?,
        last_error: row.try_get("last_error")?,
        created_by: row.try_get("created_by")?,
        created_at: timestamp(row.try_get("created_at")?),
        updated_at: timestamp(row.try_get("updated_at")?),
    })
}

#[cfg(test)]
mod tests;
