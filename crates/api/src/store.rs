//! The database: SQL lives in the modules below and nowhere else.
//!
//! Statements are written for SQLite and PostgreSQL alike: `$1` placeholders, `RETURNING`,
//! `ON CONFLICT`, no function that only one of them has.

mod dot_names;
pub(crate) mod events;
pub(crate) mod figures;
pub(crate) mod groups;
pub(crate) mod lists;
pub(crate) mod mirrors;
pub(crate) mod organizations;
pub(crate) mod runners;
pub(crate) mod secrets;
pub(crate) mod sessions;
pub(crate) mod signing_keys;
pub(crate) mod slack;
pub(crate) mod slack_messages;
pub(crate) mod slx_ids;
pub(crate) mod tokens;
mod upload_events;
pub(crate) mod upload_jobs;
pub(crate) mod upload_leftovers;
pub(crate) mod uploads;
pub(crate) mod users;
pub(crate) mod webhook_deliveries;
pub(crate) mod webhook_log;
pub(crate) mod webhook_outcomes;
pub(crate) mod webhooks;
pub(crate) mod workspaces;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

use self::lists::Lists;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// Why the database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The file can't be opened as a database.
    #[error("failed to open the database {path:?}")]
    Open {
        /// The database's file.
        path: String,
        /// What SQLite said.
        #[source]
        source: sqlx::Error,
    },
    /// The schema can't be brought up to date.
    #[error("failed to bring the database {path:?} up to date")]
    Migrate {
        /// The database's file.
        path: String,
        /// What went wrong.
        #[source]
        source: sqlx::migrate::MigrateError,
    },
}

/// The pools of connections.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    pool: SqlitePool,
    /// For what is derived from Git only: it does not wait for the disk, since the next start makes it
    /// anew when a power cut takes it.
    derived: SqlitePool,
    lists: Arc<Lists>,
}

impl Database {
    /// Opens the file, creating it when absent, and migrates it.
    pub(crate) async fn open(path: &Path) -> Result<Self, DatabaseError> {
        let named = || path.display().to_string();
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // What was answered must survive a power cut, so every commit waits for the disk.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10));
        let pool = SqlitePoolOptions::new().max_connections(8).connect_with(options.clone()).await;
        let pool = pool.map_err(|source| DatabaseError::Open { path: named(), source })?;
        let relaxed = options.synchronous(SqliteSynchronous::Normal);
        let derived = SqlitePoolOptions::new().max_connections(1).connect_lazy_with(relaxed);
        let migrated = MIGRATIONS.run(&pool).await;
        migrated.map_err(|source| DatabaseError::Migrate { path: named(), source })?;
        Ok(Self { pool, derived, lists: Arc::new(lists::lists()) })
    }

    /// Asks the simplest question, for readiness.
    pub(crate) async fn ping(&self) -> Result<(), sqlx::Error> {
        sqlx::query("SELECT 1").execute(&self.pool).await.map(drop)
    }

    /// Closes all connections, which folds the write-ahead log into the file.
    pub(crate) async fn close(&self) {
        self.derived.close().await;
        self.pool.close().await;
    }
}

/// Writes a count as the database takes it; one that is too large becomes the largest.
pub(crate) fn int(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Writes a time as the database keeps it.
pub(crate) fn micros(time: Timestamp) -> i64 {
    time.as_microsecond()
}

/// Reads a time as the database keeps it; one outside jiff's years becomes the epoch.
pub(crate) fn timestamp(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Returns the present time, cut to what the database keeps.
pub(crate) fn now() -> Timestamp {
    timestamp(micros(Timestamp::now()))
}

/// Returns the form of an e-mail address that comparisons use.
pub(crate) fn email_key(email: &str) -> String {
    email.trim().to_lowercase()
}

/// Tells whether a statement failed because a unique value is taken.
pub(crate) fn is_taken(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use sqlx::migrate::Migrator;

    use super::*;
    use crate::auth::token::TokenHash;
    use crate::store::tokens::Scope;

    #[tokio::test]
    async fn tokens_from_before_there_were_more_kinds_go_on_working() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("x.db");
        let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true).foreign_keys(true);
        let pool = SqlitePool::connect_with(options).await.unwrap();
        let first = MIGRATIONS.migrations.iter().take(1).cloned().collect();
        Migrator { migrations: Cow::Owned(first), ..Migrator::DEFAULT }.run(&pool).await.unwrap();
        let (admin, upload) = (TokenHash::of("admin"), TokenHash::of("upload"));
        for sql in [
            "INSERT INTO users VALUES (1, 'A@b.c', 'a@b.c', TRUE, TRUE, 0)".to_owned(),
            "INSERT INTO workspaces (id, name, owner, owner_key, state, version, created_at, updated_at, revision, locations_json)
             VALUES ('w', 'abc', 'A@b.c', 'a@b.c', 'ready', 0, 1, 2, 'commit', '[]')".to_owned(),
            format!("INSERT INTO tokens (id, hash, suffix, kind, user_id, created_at, last_used_at)
                     VALUES ('1', '{}', 'x', 'admin', 1, 5, 6)", admin.to_hex()),
            format!("INSERT INTO tokens (id, hash, suffix, kind, user_id, workspace_id, location, created_at, expires_at)
                     VALUES ('2', '{}', 'x', 'upload', 1, 'w', 'here', 5, {})", upload.to_hex(), i64::MAX),
        ] {
            sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&pool).await.unwrap();
        }
        pool.close().await;
        let database = Database::open(&path).await.unwrap();
        let found = database.find_token(&admin, now()).await.unwrap().unwrap();
        assert_eq!((found.scope, found.last_used_at), (Scope::Full, Some(timestamp(6))));
        let found = database.find_token(&upload, now()).await.unwrap().unwrap();
        assert_eq!(found.scope, Scope::Upload("w".to_owned()));
        // To be read again, for its groups, without having moved.
        let row = database.find_workspace("abc").await.unwrap().unwrap();
        assert_eq!((row.revision, row.updated_at), (None, timestamp(2)));
    }
}
