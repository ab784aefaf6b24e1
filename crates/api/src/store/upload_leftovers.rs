//! What uploads leave behind: bundles that are kept long enough, and records of what is over.

use std::collections::HashMap;

use jiff::Timestamp;
use sqlx::{QueryBuilder, Row, Sqlite};

use super::uploads::{LISTED, UploadRow, read};
use super::{Database, micros};

/// Most ids in one question.
const ASKED_AT_ONCE: usize = 500;
/// Most rows that one statement finds or removes.
const BATCH: u64 = 1000;

/// An upload, and whether its workspace lives.
#[derive(Debug)]
pub(crate) struct Standing {
    pub(crate) row: UploadRow,
    pub(crate) is_living: bool,
}

/// Which bundles are kept.
#[derive(Debug)]
pub(crate) struct Keeping {
    /// Those of open uploads whose URL was good at this time or later.
    pub(crate) open_since: Timestamp,
    /// Those of uploads that failed or were cancelled at this time or later.
    pub(crate) failed_since: Timestamp,
    /// Most of them of one workspace, the newest.
    pub(crate) most_failed: u32,
}

impl Database {
    /// Finds uploads by their ids, also those of workspaces that are going.
    pub(crate) async fn find_standings(
        &self,
        ids: &[&str],
    ) -> Result<HashMap<String, Standing>, sqlx::Error> {
        let mut found = HashMap::new();
        for some in ids.chunks(ASKED_AT_ONCE) {
            let mut query: QueryBuilder<Sqlite> = QueryBuilder::new(format!(
                "SELECT {LISTED}, NULL AS answer_json, NULL AS error_json,
                   workspace_id IN (SELECT id FROM workspaces WHERE state = 'ready') AS is_living
                 FROM uploads WHERE id IN ("
            ));
            let mut list = query.separated(", ");
            for id in some {
                list.push_bind((*id).to_owned());
            }
            query.push(")");
            for row in query.build().fetch_all(&self.pool).await? {
                let standing = Standing { is_living: row.try_get("is_living")?, row: read(&row)? };
                found.insert(standing.row.id.clone(), standing);
            }
        }
        Ok(found)
    }

    /// Lists uploads, by id and key, whose bundle is not to be kept any longer.
    pub(crate) async fn outlived_bundles(
        &self,
        keeping: &Keeping,
    ) -> Result<Vec<(String, String)>, sqlx::Error> {
        let rows = sqlx::query(
            "SELECT id, object_key FROM
               (SELECT id, object_key, state, COALESCE(expires_at, created_at) AS good_until,
                  COALESCE(finished_at, created_at) AS over_at,
                  CASE WHEN state IN ('failed', 'cancelled') THEN ROW_NUMBER() OVER
                    (PARTITION BY workspace_id, CASE WHEN state IN ('failed', 'cancelled') THEN 1 ELSE 0 END
                     ORDER BY COALESCE(finished_at, created_at) DESC, id DESC)
                  ELSE 0 END AS place
                FROM uploads WHERE object_key IS NOT NULL AND state NOT IN ('queued', 'running')) kept
             WHERE state IN ('succeeded', 'expired')
                OR (state = 'open' AND good_until < $1)
                OR (state IN ('failed', 'cancelled') AND (over_at < $2 OR place > $3))
             ORDER BY over_at, id LIMIT $4",
        )
        .bind(micros(keeping.open_since))
        .bind(micros(keeping.failed_since))
        .bind(i64::from(keeping.most_failed))
        .bind(super::int(BATCH))
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(|row| Ok((row.try_get("id")?, row.try_get("object_key")?))).collect()
    }

    /// Forgets an upload's object, which is to be deleted then; false when the upload goes on, or has none.
    ///
    /// An open upload expires by that: nobody can complete it any more.
    pub(crate) async fn release_object(
        &self,
        id: &str,
        object_key: &str,
        now: Timestamp,
    ) -> Result<bool, sqlx::Error> {
        let done = sqlx::query(
            "UPDATE uploads SET object_key = NULL,
               finished_at = CASE WHEN state = 'open' THEN $1 ELSE finished_at END,
               state = CASE WHEN state = 'open' THEN 'expired' ELSE state END
             WHERE id = $2 AND object_key = $3 AND state NOT IN ('queued', 'running')",
        )
        .bind(micros(now))
        .bind(id)
        .bind(object_key)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Removes records of uploads that were over before a time, but for the newest of each workspace; counts them.
    pub(crate) async fn forget_uploads(&self, before: Timestamp, newest: u32) -> Result<u64, sqlx::Error> {
        let mut forgotten = 0;
        loop {
            let done = sqlx::query(
                "DELETE FROM uploads WHERE id IN
                   (SELECT id FROM
                      (SELECT id, state, object_key, COALESCE(finished_at, created_at) AS over_at,
                         ROW_NUMBER() OVER (PARTITION BY workspace_id ORDER BY created_at DESC, id DESC) AS place
                       FROM uploads) ranked
                    WHERE place > $1 AND over_at < $2 AND object_key IS NULL
                      AND state NOT IN ('open', 'queued', 'running')
                    LIMIT $3)",
            )
            .bind(i64::from(newest))
            .bind(micros(before))
            .bind(super::int(BATCH))
            .execute(&self.pool)
            .await?;
            forgotten += done.rows_affected();
            if done.rows_affected() < BATCH {
                return Ok(forgotten);
            }
        }
    }
}
