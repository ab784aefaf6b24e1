//! The database: SQL lives in the modules below and nowhere else.
//!
//! Statements are written for SQLite and PostgreSQL alike: `$1` placeholders, `RETURNING`,
//! `ON CONFLICT`, no function that only one of them has.

pub(crate) mod organizations;
pub(crate) mod slack;
pub(crate) mod slack_messages;
pub(crate) mod tokens;
pub(crate) mod uploads;
pub(crate) mod users;
pub(crate) mod workspaces;

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

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
        Ok(Self { pool, derived })
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
