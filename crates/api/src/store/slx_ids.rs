//! The numbers of SLXs.

use std::collections::HashMap;

use jiff::Timestamp;
use sqlx::{QueryBuilder, Row, Sqlite};

use super::{Database, micros, timestamp};

/// Names in one statement: far below the least number of parameters that a database takes.
const BATCH: usize = 1000;

/// The number of an SLX, and when the server first saw it; neither ever changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SlxId {
    pub(crate) id: i64,
    pub(crate) created_at: Timestamp,
}

impl Database {
    /// Returns the numbers of SLXs by short name; one that has none is left out.
    pub(crate) async fn slx_ids(
        &self,
        workspace_id: &str,
        names: &[String],
    ) -> Result<HashMap<String, SlxId>, sqlx::Error> {
        let mut known = HashMap::with_capacity(names.len());
        for batch in names.chunks(BATCH) {
            let mut query =
                QueryBuilder::<Sqlite>::new("SELECT name, id, created_at FROM slx_ids WHERE workspace_id = ");
            query.push_bind(workspace_id).push(" AND name IN (");
            let mut list = query.separated(", ");
            for name in batch {
                list.push_bind(name);
            }
            query.push(")");
            for row in query.build().fetch_all(&self.pool).await? {
                let created_at = timestamp(row.try_get("created_at")?);
                known.insert(row.try_get("name")?, SlxId { id: row.try_get("id")?, created_at });
            }
        }
        Ok(known)
    }

    /// Gives numbers to SLXs that have none yet, in one transaction; all of them must be different.
    ///
    /// One at a time for a workspace: of two that count from the same number the second fails.
    pub(crate) async fn add_slx_ids(
        &self,
        workspace_id: &str,
        names: &[&str],
        now: Timestamp,
    ) -> Result<(), sqlx::Error> {
        let last: Option<i64> = sqlx::query_scalar("SELECT MAX(id) FROM slx_ids WHERE workspace_id = $1")
            .bind(workspace_id)
            .fetch_one(&self.pool)
            .await?;
        let mut next = last.unwrap_or(0);
        let mut transaction = self.pool.begin().await?;
        for batch in names.chunks(BATCH) {
            let mut query =
                QueryBuilder::<Sqlite>::new("INSERT INTO slx_ids (workspace_id, id, name, created_at) ");
            query.push_values(batch, |mut row, name| {
                next += 1;
                row.push_bind(workspace_id).push_bind(next).push_bind(*name).push_bind(micros(now));
            });
            query.push(" ON CONFLICT (workspace_id, name) DO NOTHING");
            query.build().execute(&mut *transaction).await?;
        }
        transaction.commit().await
    }

    /// Lists all numbers of a workspace, those of SLXs that are gone too.
    pub(crate) async fn all_slx_ids(&self, workspace_id: &str) -> Result<Vec<(String, SlxId)>, sqlx::Error> {
        let sql = "SELECT name, id, created_at FROM slx_ids WHERE workspace_id = $1 ORDER BY id";
        let rows = sqlx::query(sql).bind(workspace_id).fetch_all(&self.pool).await?;
        let read = |row: &sqlx::sqlite::SqliteRow| {
            let created_at = timestamp(row.try_get("created_at")?);
            Ok((row.try_get("name")?, SlxId { id: row.try_get("id")?, created_at }))
        };
        rows.iter().map(read).collect()
    }

    /// Gives a workspace that came from elsewhere the numbers that it had there, before it has any.
    pub(crate) async fn import_slx_ids(
        &self,
        workspace_id: &str,
        ids: &[(String, SlxId)],
    ) -> Result<(), sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        for batch in ids.chunks(BATCH) {
            let mut query =
                QueryBuilder::<Sqlite>::new("INSERT INTO slx_ids (workspace_id, id, name, created_at) ");
            query.push_values(batch, |mut row, (name, known)| {
                row.push_bind(workspace_id).push_bind(known.id).push_bind(name);
                row.push_bind(micros(known.created_at));
            });
            query.build().execute(&mut *transaction).await?;
        }
        transaction.commit().await
    }

    /// Returns the short name of the SLX that has a number.
    pub(crate) async fn slx_of_id(&self, workspace_id: &str, id: i64) -> Result<Option<String>, sqlx::Error> {
        sqlx::query_scalar("SELECT name FROM slx_ids WHERE workspace_id = $1 AND id = $2")
            .bind(workspace_id)
            .bind(id)
            .fetch_optional(&self.pool)
            .await
    }
}

#[cfg(test)]
mod tests {
    use workstead_core::name::WorkspaceName;

    use super::*;
    use crate::store::now;

    async fn database() -> (tempfile::TempDir, Database) {
        let directory = tempfile::tempdir().unwrap();
        let database = Database::open(&directory.path().join("x.db")).await.unwrap();
        for id in ["w1", "w2"] {
            let name = WorkspaceName::parse(id).unwrap();
            assert!(database.begin_workspace(id, &name, "a@example.com", now()).await.unwrap());
        }
        (directory, database)
    }

    fn ids(known: &HashMap<String, SlxId>) -> Vec<(&str, i64)> {
        let mut ids: Vec<_> = known.iter().map(|(name, id)| (name.as_str(), id.id)).collect();
        ids.sort_unstable();
        ids
    }

    #[tokio::test]
    async fn a_number_is_given_once_and_kept() {
        let (_directory, database) = database().await;
        let names = ["a", "b", "A", "c"].map(str::to_owned);
        database.add_slx_ids("w1", &["b", "a"], now()).await.unwrap();
        assert_eq!(ids(&database.slx_ids("w1", &names).await.unwrap()), [("a", 2), ("b", 1)]);
        // Who comes with a name that has got one meanwhile changes nothing.
        database.add_slx_ids("w1", &["a", "A", "c"], now()).await.unwrap();
        let known = database.slx_ids("w1", &names).await.unwrap();
        assert_eq!(ids(&known), [("A", 4), ("a", 2), ("b", 1), ("c", 5)]);
        database.add_slx_ids("w2", &["c"], now()).await.unwrap();
        assert_eq!(database.slx_of_id("w2", 1).await.unwrap().as_deref(), Some("c"));
        assert_eq!(database.slx_of_id("w1", 1).await.unwrap().as_deref(), Some("b"));
        assert_eq!(database.slx_of_id("w1", 9).await.unwrap(), None);
        database.clear_workspace("w1").await.unwrap();
        assert_eq!(database.slx_of_id("w1", 1).await.unwrap(), None);
        assert_eq!(database.slx_of_id("w2", 1).await.unwrap().as_deref(), Some("c"));
    }

    #[tokio::test]
    async fn many_are_given_at_once() {
        let (_directory, database) = database().await;
        let names: Vec<String> = (0..2 * BATCH + 5).map(|number| format!("slx-{number:05}")).collect();
        let all: Vec<&str> = names.iter().map(String::as_str).collect();
        database.add_slx_ids("w1", &all, now()).await.unwrap();
        let known = database.slx_ids("w1", &names).await.unwrap();
        assert_eq!(known.len(), names.len());
        assert_eq!(known["slx-02004"].id, 2005);
    }
}
