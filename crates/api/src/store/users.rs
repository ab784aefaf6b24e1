//! Users.

use jiff::Timestamp;

use super::{Database, email_key, micros};

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
}
