//! Tokens, by their hash.

use jiff::Timestamp;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::{Database, micros, timestamp};
use crate::auth::token::TokenHash;

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
    /// The id of the token or session that it is made with; it must still be good when this one is written.
    pub(crate) made_with: &'a str,
    pub(crate) now: Timestamp,
}

/// What $2 names is neither a revoked token nor an ended session: nobody makes a token that outlives the end of all
/// that they were signed in by, however many requests wait for their turn to write.
const MAKER_LASTS: &str = "(EXISTS (SELECT 1 FROM tokens WHERE id = $2 AND revoked_at IS NULL)
    OR EXISTS (SELECT 1 FROM sessions WHERE id = $2))
    AND EXISTS (SELECT 1 FROM users WHERE id = $1 AND is_active)";

/// A token as its user sees it: one of the user's own, or an upload token that the user made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TokenListing {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) name: Option<String>,
    /// The name of the only workspace that it is good for.
    pub(crate) workspace: Option<String>,
    pub(crate) location: Option<String>,
    pub(crate) suffix: String,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) revoked_at: Option<Timestamp>,
    pub(crate) last_used_at: Option<Timestamp>,
}

/// Which tokens their user sees and may end; an admin token is the operator's, a Git token dies soon.
const LISTED: &str = "SELECT tokens.id, kind, tokens.name, workspaces.name AS workspace, location, suffix,
    tokens.created_at, expires_at, revoked_at, last_used_at
    FROM tokens LEFT JOIN workspaces ON workspaces.id = workspace_id
    WHERE user_id = $1 AND kind IN ('personal', 'upload')";

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
        Ok(self.find_working_token("hash", &hash.to_hex(), now).await?.map(|(token, _)| token))
    }

    /// Finds the same by the token's id, with its hash.
    pub(crate) async fn find_token_by_id(
        &self,
        id: &str,
        now: Timestamp,
    ) -> Result<Option<(TokenRow, TokenHash)>, sqlx::Error> {
        let Some((token, hash)) = self.find_working_token("tokens.id", id, now).await? else {
            return Ok(None);
        };
        let hash = TokenHash::from_hex(&hash);
        hash.map(|hash| Some((token, hash)))
            .ok_or_else(|| sqlx::Error::Decode("a token's hash is none".into()))
    }

    async fn find_working_token(
        &self,
        column: &str,
        value: &str,
        now: Timestamp,
    ) -> Result<Option<(TokenRow, String)>, sqlx::Error> {
        let sql = format!(
            "SELECT tokens.id, hash, kind, workspace_id, read_only, user_id, email, is_staff, expires_at, last_used_at
             FROM tokens JOIN users ON users.id = tokens.user_id
             WHERE {column} = $1 AND revoked_at IS NULL AND is_active
               AND (expires_at IS NULL OR expires_at > $2)"
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(value)
            .bind(micros(now))
            .fetch_optional(&self.pool)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let mut token = read(&row)?;
        token.groups = self.groups_of(&token.email).await?;
        Ok(Some((token, row.try_get("hash")?)))
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

    /// Makes a personal token; false when the user has so many that work, or what it is made with ended meanwhile.
    pub(crate) async fn add_personal_token(
        &self,
        token: &NewToken<'_>,
        name: &str,
        expires_at: Timestamp,
        most: u32,
    ) -> Result<bool, sqlx::Error> {
        let sql = format!(
            "INSERT INTO tokens (id, hash, suffix, kind, user_id, name, created_at, expires_at)
             SELECT $3, $4, $5, 'personal', id, $6, $7, $8 FROM users
             WHERE id = $1 AND {MAKER_LASTS} AND $9 > (SELECT COUNT(*) FROM tokens
               WHERE user_id = $1 AND kind = 'personal' AND revoked_at IS NULL AND expires_at > $7)"
        );
        let done = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(token.user_id)
            .bind(token.made_with)
            .bind(token.id)
            .bind(token.hash.to_hex())
            .bind(token.suffix)
            .bind(name)
            .bind(micros(token.now))
            .bind(micros(expires_at))
            .bind(i64::from(most))
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Lists a user's personal tokens and the upload tokens that the user made, the oldest first.
    pub(crate) async fn tokens_of(&self, user_id: i64) -> Result<Vec<TokenListing>, sqlx::Error> {
        let sql = format!("{LISTED} ORDER BY tokens.created_at, tokens.id");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(user_id).fetch_all(&self.pool).await?;
        rows.iter().map(read_listing).collect()
    }

    /// Finds one of those that [`Database::tokens_of`] lists.
    pub(crate) async fn token_of(&self, user_id: i64, id: &str) -> Result<Option<TokenListing>, sqlx::Error> {
        let sql = format!("{LISTED} AND tokens.id = $2");
        let row =
            sqlx::query(sqlx::AssertSqlSafe(sql)).bind(user_id).bind(id).fetch_optional(&self.pool).await?;
        row.map(|row| read_listing(&row)).transpose()
    }

    /// Revokes one of a user's tokens, which may be revoked already.
    pub(crate) async fn revoke_token(
        &self,
        user_id: i64,
        id: &str,
        now: Timestamp,
    ) -> Result<(), sqlx::Error> {
        sqlx::query(
            "UPDATE tokens SET revoked_at = $1
             WHERE user_id = $2 AND id = $3 AND revoked_at IS NULL AND kind IN ('personal', 'upload')",
        )
        .bind(micros(now))
        .bind(user_id)
        .bind(id)
        .execute(&self.pool)
        .await
        .map(drop)
    }

    /// Removes one of a user's tokens; false when there was none.
    pub(crate) async fn delete_token(&self, user_id: i64, id: &str) -> Result<bool, sqlx::Error> {
        let done = sqlx::query(
            "DELETE FROM tokens WHERE user_id = $1 AND id = $2 AND kind IN ('personal', 'upload')",
        )
        .bind(user_id)
        .bind(id)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Makes an upload token for a workspace; false when that is gone, or what it is made with ended meanwhile.
    pub(crate) async fn add_upload_token(
        &self,
        token: &NewToken<'_>,
        workspace_id: &str,
        location: &str,
        expires_at: Timestamp,
    ) -> Result<bool, sqlx::Error> {
        let sql = format!(
            "INSERT INTO tokens (id, hash, suffix, kind, user_id, workspace_id, location, created_at, expires_at)
             SELECT $3, $4, $5, 'upload', $1, id, $6, $7, $8 FROM workspaces
             WHERE id = $9 AND state = 'ready' AND {MAKER_LASTS}"
        );
        let done = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(token.user_id)
            .bind(token.made_with)
            .bind(token.id)
            .bind(token.hash.to_hex())
            .bind(token.suffix)
            .bind(location)
            .bind(micros(token.now))
            .bind(micros(expires_at))
            .bind(workspace_id)
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Makes a token that fetches from a workspace, and pushes to it unless it is read-only; false when the workspace
    /// is gone, or what it is made with ended meanwhile. Those of the same user that died are forgotten.
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
        let sql = format!(
            "INSERT INTO tokens (id, hash, suffix, kind, user_id, workspace_id, read_only, created_at, expires_at)
             SELECT $3, $4, $5, 'git', $1, id, $6, $7, $8 FROM workspaces
             WHERE id = $9 AND state = 'ready' AND {MAKER_LASTS}"
        );
        let done = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(token.user_id)
            .bind(token.made_with)
            .bind(token.id)
            .bind(token.hash.to_hex())
            .bind(token.suffix)
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

fn read_listing(row: &SqliteRow) -> Result<TokenListing, sqlx::Error> {
    let time = |name| Ok::<_, sqlx::Error>(row.try_get::<Option<i64>, _>(name)?.map(timestamp));
    Ok(TokenListing {
        id: row.try_get("id")?,
        kind: row.try_get("kind")?,
        name: row.try_get("name")?,
        workspace: row.try_get("workspace")?,
        location: row.try_get("location")?,
        suffix: row.try_get("suffix")?,
        created_at: timestamp(row.try_get("created_at")?),
        expires_at: time("expires_at")?,
        revoked_at: time("revoked_at")?,
        last_used_at: time("last_used_at")?,
    })
}
