//! Whose workspaces there are, by name.
//!
//! Counting rows, and skipping those of earlier pages, takes the longer the more there are. So the ids of a whole
//! list stay in memory, in order, and a page reads its own rows only. Every change of who sees what forgets them.

use std::sync::Arc;
use std::time::Duration;

use sqlx::{QueryBuilder, Sqlite};

use super::Database;
use super::workspaces::{COLUMNS, VISIBLE, VisibleTo, WorkspaceRow, readable};
use crate::remembered::Remembered;

/// How long a list is remembered at most; changes are seen at once anyway.
const MEMORY: Duration = Duration::from_mins(10);
/// Most bytes of remembered lists.
const BYTES: u64 = 32 << 20;
/// What one id of a list takes: its text, its allocation, its place.
const BYTES_OF_ID: usize = 64;
/// What a list takes before it has any.
const BYTES_OF_LIST: usize = 256;

/// Who asks: staff, or an address.
type Bound = (bool, String);

/// The ids of each caller's workspaces, by name.
pub(super) type Lists = Remembered<Bound, Arc<[Box<str>]>>;

/// Makes an empty memory.
pub(super) fn lists() -> Lists {
    let weigh = |_: &Bound, ids: &Arc<[Box<str>]>| {
        let bytes = ids.len().saturating_mul(BYTES_OF_ID).saturating_add(BYTES_OF_LIST);
        u32::try_from(bytes).unwrap_or(u32::MAX)
    };
    Remembered::weighed(BYTES, MEMORY, weigh)
}

impl Database {
    /// Counts the workspaces that a caller sees.
    pub(crate) async fn count_workspaces(&self, visible: VisibleTo<'_>) -> Result<u64, sqlx::Error> {
        Ok(self.visible_ids(visible).await?.len() as u64)
    }

    /// Lists a page of the workspaces that a caller sees, by name.
    pub(crate) async fn list_workspaces(
        &self,
        visible: VisibleTo<'_>,
        offset: u64,
        limit: u64,
    ) -> Result<Vec<WorkspaceRow>, sqlx::Error> {
        let ids = self.visible_ids(visible).await?;
        let place = |count: u64| usize::try_from(count).unwrap_or(usize::MAX).min(ids.len());
        let page = &ids[place(offset)..place(offset.saturating_add(limit))];
        if page.is_empty() {
            return Ok(Vec::new());
        }
        let start = format!("SELECT {COLUMNS} FROM workspaces WHERE state = 'ready' AND id IN (");
        let mut query = QueryBuilder::<Sqlite>::new(start);
        let mut places = query.separated(", ");
        for id in page {
            places.push_bind(&**id);
        }
        query.push(") ORDER BY name");
        Ok(readable(&query.build().fetch_all(&self.pool).await?))
    }

    async fn visible_ids(&self, visible: VisibleTo<'_>) -> Result<Arc<[Box<str>]>, sqlx::Error> {
        let bound = visible.bound();
        let ids = self.lists.get_or_load(&bound, async { self.read_ids(&bound).await.map(Some) });
        Ok(ids.await?.unwrap_or_default())
    }

    async fn read_ids(&self, (staff, key): &Bound) -> Result<Arc<[Box<str>]>, sqlx::Error> {
        let sql = format!("SELECT id FROM workspaces WHERE {VISIBLE} ORDER BY name");
        let query = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).bind(staff).bind(key);
        let ids: Vec<String> = query.fetch_all(&self.pool).await?;
        Ok(ids.into_iter().map(String::into_boxed_str).collect())
    }
}
