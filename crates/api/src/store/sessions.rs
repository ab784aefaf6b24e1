//! Sessions: what a login began and refreshing carries on.

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::{Database, micros};

/// A living session with its user.
#[derive(Debug, Clone)]
pub(crate) struct SessionRow {
    pub(crate) id: String,
    pub(crate) user_id: i64,
    pub(crate) email: String,
    pub(crate) is_staff: bool,
    /// The groups that the user is a member of.
    pub(crate) groups: Vec<String>,
    /// The id of the refresh token that is good now.
    pub(crate) refresh_id: String,
}

/// A session to begin.
#[derive(Debug)]
pub(crate) struct NewSession<'a> {
    pub(crate) id: &'a str,
    pub(crate) user_id: i64,
    /// The password that was checked, in PHC form: one that changed meanwhile begins no session.
    pub(crate) password_hash: &'a SecretString,
    pub(crate) refresh_id: &'a str,
    pub(crate) now: Timestamp,
    pub(crate) expires_at: Timestamp,
}

/// The step from one refresh token to the next.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rotation<'a> {
    pub(crate) session_id: &'a str,
    pub(crate) old: &'a str,
    pub(crate) new: &'a str,
    pub(crate) now: Timestamp,
    pub(crate) expires_at: Timestamp,
}

impl Database {
    /// Begins a session; false when the user was disabled or the password changed meanwhile.
    pub(crate) async fn add_session(&self, new: &NewSession<'_>) -> Result<bool, sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query("DELETE FROM sessions WHERE expires_at <= $1")
            .bind(micros(new.now))
            .execute(&mut *transaction)
            .await?;
        let done = sqlx::query(
            "INSERT INTO sessions (id, user_id, refresh_id, created_at, expires_at)
             SELECT $1, id, $2, $3, $4 FROM users WHERE id = $5 AND is_active AND password_hash = $6",
        )
        .bind(new.id)
        .bind(new.refresh_id)
        .bind(micros(new.now))
        .bind(micros(new.expires_at))
        .bind(new.user_id)
        .bind(new.password_hash.expose_secret())
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(done.rows_affected() == 1)
    }

    /// Finds a session that goes on and whose user is active.
    pub(crate) async fn find_session(
        &self,
        id: &str,
        now: Timestamp,
    ) -> Result<Option<SessionRow>, sqlx::Error> {
        let row = sqlx::query(
            "SELECT sessions.id, user_id, email, is_staff, refresh_id
             FROM sessions JOIN users ON users.id = sessions.user_id
             WHERE sessions.id = $1 AND is_active AND expires_at > $2",
        )
        .bind(id)
        .bind(micros(now))
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let mut session = read(&row)?;
        session.groups = self.groups_of(&session.email).await?;
        Ok(Some(session))
    }

    /// Takes the next refresh token for the present one; false when another is the present one.
    pub(crate) async fn rotate_session(&self, rotation: Rotation<'_>) -> Result<bool, sqlx::Error> {
        let done = sqlx::query(
            "UPDATE sessions SET refresh_id = $1, expires_at = $2
             WHERE id = $3 AND refresh_id = $4 AND expires_at > $5",
        )
        .bind(rotation.new)
        .bind(micros(rotation.expires_at))
        .bind(rotation.session_id)
        .bind(rotation.old)
        .bind(micros(rotation.now))
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Ends a session; false when it had ended.
    pub(crate) async fn end_session(&self, id: &str) -> Result<bool, sqlx::Error> {
        let done = sqlx::query("DELETE FROM sessions WHERE id = $1").bind(id).execute(&self.pool).await?;
        Ok(done.rows_affected() == 1)
    }
}

fn read(row: &SqliteRow) -> Result<SessionRow, sqlx::Error> {
    Ok(SessionRow {
        id: row.try_get("id")?,
        user_id: row.try_get("user_id")?,
        email: row.try_get("email")?,
        is_staff: row.try_get("is_staff")?,
        groups: Vec::new(),
        refresh_id: row.try_get("refresh_id")?,
    })
}
