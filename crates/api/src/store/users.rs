//! Users.

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::{Database, email_key, int, micros, timestamp};

/// A user as the database knows it, without the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UserRow {
    pub(crate) id: i64,
    pub(crate) email: String,
    pub(crate) full_name: Option<String>,
    pub(crate) is_staff: bool,
    pub(crate) is_active: bool,
    pub(crate) created_at: Timestamp,
}

/// A user to be made.
#[derive(Debug)]
pub(crate) struct NewUser {
    pub(crate) email: String,
    pub(crate) full_name: Option<String>,
    pub(crate) is_staff: bool,
    /// In PHC form.
    pub(crate) password_hash: Option<SecretString>,
}

/// What changes of a user; the rest stays.
#[derive(Debug, Default)]
pub(crate) struct UserChange {
    /// The new name; an empty one takes it away.
    pub(crate) full_name: Option<String>,
    pub(crate) is_staff: Option<bool>,
    pub(crate) is_active: Option<bool>,
    /// In PHC form.
    pub(crate) password_hash: Option<SecretString>,
}

impl UserChange {
    /// Tells whether everything that the user is signed in by must end.
    pub(crate) fn ends_sessions(&self) -> bool {
        self.is_active == Some(false) || self.password_hash.is_some()
    }

    /// Tells whether the server may have one member of the staff less.
    fn takes_staff(&self) -> bool {
        self.is_active == Some(false) || self.is_staff == Some(false)
    }
}

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Changed {
    /// It is done.
    Done(UserRow),
    /// Nobody would be left who is active and staff.
    LastStaff,
    /// There is no such user.
    NotFound,
}

/// A user with what a password is checked against.
#[derive(Debug, Clone)]
pub(crate) struct Login {
    pub(crate) user: UserRow,
    pub(crate) password_hash: Option<SecretString>,
}

const COLUMNS: &str = "id, email, full_name, is_staff, is_active, created_at";

impl Database {
    /// Makes the user an active member of the staff, creating it when absent, and returns its id.
    pub(crate) async fn put_staff_user(&self, email: &str, now: Timestamp) -> Result<i64, sqlx::Error> {
        // `WHERE true` keeps SQLite from reading ON CONFLICT as a join's condition.
        sqlx::query_scalar(
            "INSERT INTO users (id, email, email_key, is_staff, is_active, created_at)
             SELECT COALESCE(MAX(id), 0) + 1, $1, $2, TRUE, TRUE, $3 FROM users WHERE TRUE
             ON CONFLICT (email_key) DO UPDATE SET is_staff = TRUE, is_active = TRUE
             RETURNING id",
        )
        .bind(email)
        .bind(email_key(email))
        .bind(micros(now))
        .fetch_one(&self.pool)
        .await
    }

    /// Makes a user; nothing when the address is taken, in whatever case.
    pub(crate) async fn add_user(
        &self,
        new: &NewUser,
        now: Timestamp,
    ) -> Result<Option<UserRow>, sqlx::Error> {
        let sql = format!(
            "INSERT INTO users (id, email, email_key, full_name, is_staff, is_active, password_hash, created_at)
             SELECT COALESCE(MAX(id), 0) + 1, $1, $2, $3, $4, TRUE, $5, $6 FROM users WHERE TRUE
             ON CONFLICT (email_key) DO NOTHING
             RETURNING {COLUMNS}"
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(&new.email)
            .bind(email_key(&new.email))
            .bind(&new.full_name)
            .bind(new.is_staff)
            .bind(new.password_hash.as_ref().map(|hash| hash.expose_secret().to_owned()))
            .bind(micros(now))
            .fetch_optional(&self.pool)
            .await?;
        row.map(|row| read(&row)).transpose()
    }

    /// Finds a user, active or not.
    pub(crate) async fn find_user(&self, id: i64) -> Result<Option<UserRow>, sqlx::Error> {
        let sql = format!("SELECT {COLUMNS} FROM users WHERE id = $1");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id).fetch_optional(&self.pool).await?;
        row.map(|row| read(&row)).transpose()
    }

    /// Finds a user by address, with what a password is checked against.
    pub(crate) async fn find_login(&self, email: &str) -> Result<Option<Login>, sqlx::Error> {
        let sql = format!("SELECT {COLUMNS}, password_hash FROM users WHERE email_key = $1");
        let row =
            sqlx::query(sqlx::AssertSqlSafe(sql)).bind(email_key(email)).fetch_optional(&self.pool).await?;
        let login = |row: SqliteRow| {
            let hash: Option<String> = row.try_get("password_hash")?;
            Ok(Login { user: read(&row)?, password_hash: hash.map(SecretString::from) })
        };
        row.map(login).transpose()
    }

    /// Tells whether there is a user of this address who is active.
    pub(crate) async fn is_active(&self, email: &str) -> Result<bool, sqlx::Error> {
        Ok(self.activity_of(email).await? == Some(true))
    }

    /// Tells whether there is a user of this address who is disabled.
    pub(crate) async fn is_disabled(&self, email: &str) -> Result<bool, sqlx::Error> {
        Ok(self.activity_of(email).await? == Some(false))
    }

    async fn activity_of(&self, email: &str) -> Result<Option<bool>, sqlx::Error> {
        sqlx::query_scalar("SELECT is_active FROM users WHERE email_key = $1")
            .bind(email_key(email))
            .fetch_optional(&self.pool)
            .await
    }

    /// Counts all users.
    pub(crate) async fn count_users(&self) -> Result<u64, sqlx::Error> {
        let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM users").fetch_one(&self.pool).await?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Lists a page of all users, by address.
    pub(crate) async fn list_users(&self, offset: u64, limit: u64) -> Result<Vec<UserRow>, sqlx::Error> {
        let sql = format!("SELECT {COLUMNS} FROM users ORDER BY email_key LIMIT $1 OFFSET $2");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(int(limit))
            .bind(int(offset))
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(read).collect()
    }

    /// Changes a user and, where that is to end them, all its sessions and tokens in the same step.
    pub(crate) async fn change_user(
        &self,
        id: i64,
        change: &UserChange,
        now: Timestamp,
    ) -> Result<Changed, sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        let sql = format!(
            "UPDATE users SET full_name = NULLIF(COALESCE($1, full_name), ''),
               is_staff = COALESCE($2, is_staff), is_active = COALESCE($3, is_active),
               password_hash = COALESCE($4, password_hash)
             WHERE id = $5 AND (NOT $6 OR EXISTS
               (SELECT 1 FROM users AS others WHERE others.is_staff AND others.is_active AND others.id <> $5))
             RETURNING {COLUMNS}"
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(&change.full_name)
            .bind(change.is_staff)
            .bind(change.is_active)
            .bind(change.password_hash.as_ref().map(|hash| hash.expose_secret().to_owned()))
            .bind(id)
            .bind(change.takes_staff())
            .fetch_optional(&mut *transaction)
            .await?;
        let Some(row) = row else {
            drop(transaction);
            let known = self.find_user(id).await?.is_some();
            return Ok(if known { Changed::LastStaff } else { Changed::NotFound });
        };
        if change.ends_sessions() {
            end_all(&mut transaction, id, now).await?;
        }
        transaction.commit().await?;
        Ok(Changed::Done(read(&row)?))
    }

    /// Replaces a password that still is the one that was checked, and ends all sessions and tokens.
    pub(crate) async fn replace_password(
        &self,
        id: i64,
        old: &SecretString,
        new: &SecretString,
        now: Timestamp,
    ) -> Result<bool, sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        let done = sqlx::query("UPDATE users SET password_hash = $1 WHERE id = $2 AND password_hash = $3")
            .bind(new.expose_secret())
            .bind(id)
            .bind(old.expose_secret())
            .execute(&mut *transaction)
            .await?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        end_all(&mut transaction, id, now).await?;
        transaction.commit().await?;
        Ok(true)
    }
}

/// Ends everything that a user is signed in by, upload and Git tokens and installations that it began included.
async fn end_all(
    connection: &mut sqlx::SqliteConnection,
    user_id: i64,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE tokens SET revoked_at = $1 WHERE user_id = $2 AND revoked_at IS NULL")
        .bind(micros(now))
        .bind(user_id)
        .execute(&mut *connection)
        .await?;
    sqlx::query("DELETE FROM sessions WHERE user_id = $1").bind(user_id).execute(&mut *connection).await?;
    // An installation that is under way needs no token to be finished.
    sqlx::query("DELETE FROM slack_states WHERE user_id = $1")
        .bind(user_id)
        .execute(&mut *connection)
        .await?;
    Ok(())
}

fn read(row: &SqliteRow) -> Result<UserRow, sqlx::Error> {
    Ok(UserRow {
        id: row.try_get("id")?,
        email: row.try_get("email")?,
        full_name: row.try_get("full_name")?,
        is_staff: row.try_get("is_staff")?,
        is_active: row.try_get("is_active")?,
        created_at: timestamp(row.try_get("created_at")?),
    })
}
