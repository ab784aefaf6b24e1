//! Names at the root that begin with a dot and that an admin brought.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{Database, micros};

impl Database {
    /// Notes that an admin brought names; those that are known stay as they are.
    pub(crate) async fn admit_dot_names(
        &self,
        workspace_id: &str,
        names: &BTreeSet<String>,
        admitted_by: &str,
        now: Timestamp,
    ) -> Result<(), sqlx::Error> {
        if names.is_empty() {
            return Ok(());
        }
        let mut transaction = self.pool.begin().await?;
        for name in names {
            sqlx::query(
                "INSERT INTO dot_names (workspace_id, name, admitted_by, admitted_at) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (workspace_id, name) DO NOTHING",
            )
            .bind(workspace_id)
            .bind(name)
            .bind(admitted_by)
            .bind(micros(now))
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await
    }

    /// Lists the names that admins brought.
    pub(crate) async fn admitted_dot_names(
        &self,
        workspace_id: &str,
    ) -> Result<BTreeSet<String>, sqlx::Error> {
        let names: Vec<String> = sqlx::query_scalar("SELECT name FROM dot_names WHERE workspace_id = $1")
            .bind(workspace_id)
            .fetch_all(&self.pool)
            .await?;
        Ok(names.into_iter().collect())
    }
}
