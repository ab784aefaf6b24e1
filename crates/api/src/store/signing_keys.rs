//! The keys that sign JWTs, their private halves encrypted.

use jiff::Timestamp;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::{Database, micros, timestamp};

/// One key.
#[derive(Clone)]
pub(crate) struct SigningKeyRow {
    pub(crate) id: String,
    /// PKCS #8, encrypted under the server key.
    pub(crate) sealed_private: String,
    pub(crate) created_at: Timestamp,
}

impl Database {
    /// Lists all keys, the newest first.
    pub(crate) async fn signing_keys(&self) -> Result<Vec<SigningKeyRow>, sqlx::Error> {
        let rows = sqlx::query(
            "SELECT id, sealed_private, created_at FROM signing_keys
             ORDER BY created_at DESC, id DESC",
        )
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(read).collect()
    }

    /// Adds a key, and forgets those of which nothing that they signed can be alive.
    pub(crate) async fn add_signing_key(
        &self,
        key: &SigningKeyRow,
        dead: &[String],
    ) -> Result<(), sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query("INSERT INTO signing_keys (id, sealed_private, created_at) VALUES ($1, $2, $3)")
            .bind(&key.id)
            .bind(&key.sealed_private)
            .bind(micros(key.created_at))
            .execute(&mut *transaction)
            .await?;
        for id in dead {
            sqlx::query("DELETE FROM signing_keys WHERE id = $1").bind(id).execute(&mut *transaction).await?;
        }
        transaction.commit().await
    }
}

fn read(row: &SqliteRow) -> Result<SigningKeyRow, sqlx::Error> {
    Ok(SigningKeyRow {
        id: row.try_get("id")?,
        sealed_private: row.try_get("sealed_private")?,
        created_at: timestamp(row.try_get("created_at")?),
    })
}
