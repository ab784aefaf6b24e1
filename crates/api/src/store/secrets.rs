//! The secrets of workspaces, sealed.

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use super::{Database, micros};

/// A secret as it is kept.
#[derive(Debug)]
pub(crate) struct SealedSecret {
    pub(crate) name: String,
    /// Encrypted, and hidden all the same.
    pub(crate) sealed: SecretString,
}

/// What became of secrets that were to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stored {
    All,
    /// The workspace would have this many; nothing was written.
    TooMany(i64),
    /// The workspace is gone.
    Gone,
}

impl Database {
    /// Writes all of the secrets, or none.
    pub(crate) async fn put_secrets(
        &self,
        workspace_id: &str,
        secrets: &[SealedSecret],
        max_secrets: u32,
        now: Timestamp,
    ) -> Result<Stored, sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        // A write that changes nothing: it takes the turn, and tells whether the workspace lives.
        let lives = sqlx::query("UPDATE workspaces SET version = version WHERE id = $1 AND state = 'ready'")
            .bind(workspace_id)
            .execute(&mut *transaction)
            .await?;
        if lives.rows_affected() == 0 {
            return Ok(Stored::Gone);
        }
        for secret in secrets {
            sqlx::query(
                "INSERT INTO workspace_secrets (workspace_id, name, sealed, updated_at)
                 VALUES ($1, $2, $3, $4)
                 ON CONFLICT (workspace_id, name)
                 DO UPDATE SET sealed = excluded.sealed, updated_at = excluded.updated_at",
            )
            .bind(workspace_id)
            .bind(&secret.name)
            .bind(secret.sealed.expose_secret())
            .bind(micros(now))
            .execute(&mut *transaction)
            .await?;
        }
        let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM workspace_secrets WHERE workspace_id = $1")
            .bind(workspace_id)
            .fetch_one(&mut *transaction)
            .await?;
        if count > i64::from(max_secrets) {
            return Ok(Stored::TooMany(count));
        }
        transaction.commit().await?;
        Ok(Stored::All)
    }

    /// Lists the names of a workspace's secrets.
    pub(crate) async fn secret_names(&self, workspace_id: &str) -> Result<Vec<String>, sqlx::Error> {
        sqlx::query_scalar("SELECT name FROM workspace_secrets WHERE workspace_id = $1 ORDER BY name")
            .bind(workspace_id)
            .fetch_all(&self.pool)
            .await
    }

    /// Tells whether a workspace has a secret.
    pub(crate) async fn has_secret(&self, workspace_id: &str, name: &str) -> Result<bool, sqlx::Error> {
        let count: i64 = sqlx::query_scalar(
            "SELECT COUNT(*) FROM workspace_secrets WHERE workspace_id = $1 AND name = $2",
        )
        .bind(workspace_id)
        .bind(name)
        .fetch_one(&self.pool)
        .await?;
        Ok(count > 0)
    }

    /// Removes a secret; false when there is none.
    pub(crate) async fn delete_secret(&self, workspace_id: &str, name: &str) -> Result<bool, sqlx::Error> {
        let done = sqlx::query("DELETE FROM workspace_secrets WHERE workspace_id = $1 AND name = $2")
            .bind(workspace_id)
            .bind(name)
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected() == 1)
    }
}
