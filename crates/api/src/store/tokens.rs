//! Tokens, by their hash.

use jiff::Timestamp;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::{Database, micros, timestamp};
use crate::token::TokenHash;

/// What a token may be used for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Everything that its user may do.
    Full,
    /// Uploading to one workspace, by its immutable id, and polling that upload.
    Upload(String),
    /// Fetching from one workspace and, unless it is read-only, pushing to it.
    Git { workspace_id: String, read_only: bool },
}

/// A live token with its user.
#[derive(Debug, Clone)]
pub(crate) struct TokenRow {
    pub(crate) id: String,
    pub(crate) scope: Scope,
    pub(crate) user_id: i64,
    pub(crate) email: String,
    pub(crate) is_staff: bool,
    /// The groups that the user is a member of.
    pub(crate) groups: Vec<String>,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) last_used_at: Option<Timestamp>,
}

/// A new token.
#[derive(Debug)]
pub(crate) struct NewToken<'a> {
    pub(crate) id: &'a str,
    pub(crate) hash: &'a TokenHash,
    pub(crate) suffix: &'a str,
    pub(crate) user_id: i64,
    pub(crate) now: Timestamp,
}

/// The last moment at which any upload token of one location works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LocationExpiry {
    pub(crate) location: String,
    pub(crate) expires_at: Timestamp,
}

impl Database {
    /// Finds a token that is neither revoked nor expired, and whose user is active.
    pub(crate) async fn find_token(
        &self,
        hash: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<TokenRow>, sqlx::Error> {
        let row = sqlx::query(
            "SELECT tokens.id, kind, workspace_id, read_only, user_id, email, is_staff, expires_at, last_used_at
             FROM tokens JOIN users ON users.id = tokens.user_id
             WHERE hash = $1 AND revoked_at IS NULL AND is_active
               AND (expires_at IS NULL OR expires_at > $2)",
        )
        .bind(hash.to_hex())
        .bind(micros(now))
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let mut token = read(&row)?;
        token.groups = self.groups_of(&token.email).await?;
        Ok(Some(token))
    }

    /// Notes that a token was used.
    pub(crate) async fn touch_token(&self, id: &str, now: Timestamp) -> Result<(), sqlx::Error> {
        sqlx::query("UPDATE tokens SET last_used_at = $1 WHERE id = $2")
            .bind(micros(now))
            .bind(id)
            .execute(&self.pool)
            .await
            .map(drop)
    }

    /// Tells whether any admin token works.
    pub(crate) async fn has_admin_token(&self) -> Result<bool, sqlx::Error> {
        let count: i64 =
            sqlx::query_scalar("SELECT COUNT(*) FROM tokens WHERE kind = 'admin' AND revoked_at IS NULL")
                .fetch_one(&self.pool)
                .await?;
        Ok(count > 0)
    }

    /// Makes this the only working admin token.
    pub(crate) async fn put_admin_token(&self, token: &NewToken<'_>) -> Result<(), sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query(
            "UPDATE tokens SET revoked_at = $1 WHERE kind = 'admin' AND revoked_at IS NULL AND hash <> $2",
        )
        .bind(micros(token.now))
        .bind(token.hash.to_hex())
        .execute(&mut *transaction)
        .await?;
        sqlx::query(
            "INSERT INTO tokens (id, hash, suffix, kind, user_id, created_at)
             VALUES ($1, $2, $3, 'admin', $4, $5)
             ON CONFLICT (hash) DO UPDATE SET revoked_at = NULL, user_id = excluded.user_id
             WHERE tokens.kind = 'admin'",
        )
        .bind(token.id)
        .bind(token.hash.to_hex())
        .bind(token.suffix)
        .bind(token.user_id)
        .bind(micros(token.now))
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await
    }

    /// Makes an upload token for a workspace that is still there; tells whether it was.
    pub(crate) async fn add_upload_token(
        &self,
        token: &NewToken<'_>,
        workspace_id: &str,
        location: &str,
        expires_at: Timestamp,
    ) -> Result<bool, sqlx::Error> {
        let done = sqlx::query(
            "INSERT INTO tokens (id, hash, suffix, kind, user_id, workspace_id, location, created_at, expires_at)
             SELECT $1, $2, $3, 'upload', $4, id, $5, $6, $7 FROM workspaces
             WHERE id = $8 AND state = 'ready'",
        )
        .bind(token.id)
        .bind(token.hash.to_hex())
        .bind(token.suffix)
        .bind(token.user_id)
        .bind(location)
        .bind(micros(token.now))
        .bind(micros(expires_at))
        .bind(workspace_id)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Makes a token that fetches from a workspace that is still there, and pushes to it unless it is read-only;
    /// tells whether it was. Those of the same user that died are forgotten.
    pub(crate) async fn add_git_token(
        &self,
        token: &NewToken<'_>,
        workspace_id: &str,
        read_only: bool,
        expires_at: Timestamp,
    ) -> Result<bool, sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query("DELETE FROM tokens WHERE kind = 'git' AND user_id = $1 AND expires_at <= $2")
            .bind(token.user_id)
            .bind(micros(token.now))
            .execute(&mut *transaction)
            .await?;
        let done = sqlx::query(
            "INSERT INTO tokens (id, hash, suffix, kind, user_id, workspace_id, read_only, created_at, expires_at)
             SELECT $1, $2, $3, 'git', $4, id, $5, $6, $7 FROM workspaces WHERE id = $8 AND state = 'ready'",
        )
        .bind(token.id)
        .bind(token.hash.to_hex())
        .bind(token.suffix)
        .bind(token.user_id)
        .bind(read_only)
        .bind(micros(token.now))
        .bind(micros(expires_at))
        .bind(workspace_id)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(done.rows_affected() == 1)
    }

    /// Lists the locations whose last upload token dies between two moments.
    pub(crate) async fn expiring_locations(
        &self,
        workspace_id: &str,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<LocationExpiry>, sqlx::Error> {
        let rows = sqlx::query(
            "SELECT location, MAX(expires_at) AS last FROM tokens
             WHERE workspace_id = $1 AND revoked_at IS NULL AND location IS NOT NULL
             GROUP BY location HAVING MAX(expires_at) > $2 AND MAX(expires_at) < $3
             ORDER BY location",
        )
        .bind(workspace_id)
        .bind(micros(from))
        .bind(micros(until))
        .fetch_all(&self.pool)
        .await?;
        let read = |row: &SqliteRow| {
            Ok(LocationExpiry {
                location: row.try_get("location")?,
                expires_at: timestamp(row.try_get("last")?),
            })
        };
        rows.iter().map(read).collect()
    }
}

fn read(row: &SqliteRow) -> Result<TokenRow, sqlx::Error> {
    let workspace_id: Option<String> = row.try_get("workspace_id")?;
    let kind: String = row.try_get("kind")?;
    let scope = match (kind.as_str(), workspace_id) {
        ("admin" | "personal", None) => Scope::Full,
        ("git", Some(workspace_id)) => Scope::Git { workspace_id, read_only: row.try_get("read_only")? },
        // A narrow token without its workspace may do nothing: no workspace has an empty id.
        (_, workspace_id) => Scope::Upload(workspace_id.unwrap_or_default()),
    };
    Ok(TokenRow {
        id: row.try_get("id")?,
        scope,
        user_id: row.try_get("user_id")?,
        email: row.try_get("email")?,
        is_staff: row.try_get("is_staff")?,
        groups: Vec::new(),
        expires_at: row.try_get::<Option<i64>, _>("expires_at")?.map(timestamp),
        last_used_at: row.try_get::<Option<i64>, _>("last_used_at")?.map(timestamp),
    })
}
