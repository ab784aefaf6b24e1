//! Workspaces: identity, owner, dates, and what lists show.

use jiff::Timestamp;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use workstead_core::name::WorkspaceName;

use super::events::{self, NewEvent};
use super::{Database, email_key, micros, timestamp};

/// One workspace as the database knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WorkspaceRow {
    /// The immutable id.
    pub(crate) id: String,
    pub(crate) name: WorkspaceName,
    pub(crate) owner: String,
    /// Counts changes of what Git does not hold.
    pub(crate) version: i64,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    /// The commit that the two fields below were read from.
    pub(crate) revision: Option<String>,
    pub(crate) display_name: Option<String>,
    pub(crate) locations: Vec<String>,
}

/// What lists show of a commit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Indexed {
    pub(crate) revision: String,
    pub(crate) display_name: Option<String>,
    pub(crate) locations: Vec<String>,
    /// E-mail addresses of all who have a role.
    pub(crate) members: Vec<String>,
    /// Groups whose members have a role.
    pub(crate) groups: Vec<String>,
}

/// Whose workspaces a list shows.
#[derive(Debug, Clone, Copy)]
pub(crate) enum VisibleTo<'a> {
    /// All of them: the caller is staff.
    Staff,
    /// Those that this address owns or has a role on.
    Email(&'a str),
}

/// The columns of a row.
pub(super) const COLUMNS: &str =
    "id, name, owner, version, created_at, updated_at, revision, display_name, locations_json";
/// Which rows a caller sees; $1 and $2 are those of [`VisibleTo::bound`].
pub(super) const VISIBLE: &str = "state = 'ready' AND ($1 OR owner_key = $2
    OR id IN (SELECT workspace_id FROM workspace_members WHERE email_key = $2)
    OR id IN (SELECT workspace_id FROM workspace_groups
              WHERE group_name IN (SELECT group_name FROM user_group_members WHERE email_key = $2)))";

impl Database {
    /// Takes the name for a workspace whose repository is still to be made; false when it is taken.
    pub(crate) async fn begin_workspace(
        &self,
        id: &str,
        name: &WorkspaceName,
        owner: &str,
        now: Timestamp,
    ) -> Result<bool, sqlx::Error> {
        let done = sqlx::query(
            "INSERT INTO workspaces
               (id, name, owner, owner_key, state, version, created_at, updated_at, locations_json)
             VALUES ($1, $2, $3, $4, 'creating', 0, $5, $5, '[]')",
        )
        .bind(id)
        .bind(name.as_str())
        .bind(owner)
        .bind(email_key(owner))
        .bind(micros(now))
        .execute(&self.pool)
        .await;
        match done {
            Ok(_) => Ok(true),
            Err(error) if super::is_taken(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Brings a workspace to life, its repository being there.
    pub(crate) async fn finish_workspace(&self, id: &str, indexed: &Indexed) -> Result<(), sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query(
            "UPDATE workspaces SET state = 'ready', revision = $1, display_name = $2, locations_json = $3
             WHERE id = $4 AND state = 'creating'",
        )
        .bind(&indexed.revision)
        .bind(&indexed.display_name)
        .bind(to_json(&indexed.locations))
        .bind(id)
        .execute(&mut *transaction)
        .await?;
        put_members(&mut transaction, id, indexed).await?;
        transaction.commit().await?;
        self.lists.forget_all();
        Ok(())
    }

    /// Finds a living workspace by name.
    pub(crate) async fn find_workspace(&self, name: &str) -> Result<Option<WorkspaceRow>, sqlx::Error> {
        let sql = format!("SELECT {COLUMNS} FROM workspaces WHERE name = $1 AND state = 'ready'");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(name).fetch_optional(&self.pool).await?;
        row.map(|row| read(&row)).transpose()
    }

    /// Finds a living workspace by its immutable id.
    pub(crate) async fn find_workspace_by_id(&self, id: &str) -> Result<Option<WorkspaceRow>, sqlx::Error> {
        let sql = format!("SELECT {COLUMNS} FROM workspaces WHERE id = $1 AND state = 'ready'");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id).fetch_optional(&self.pool).await?;
        row.map(|row| read(&row)).transpose()
    }

    /// Lists the enabled locations of the workspaces that a caller sees, each set of them once.
    pub(crate) async fn enabled_locations(&self, visible: VisibleTo<'_>) -> Result<Vec<String>, sqlx::Error> {
        let (staff, key) = visible.bound();
        let sql = format!("SELECT DISTINCT locations_json FROM workspaces WHERE {VISIBLE}");
        sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).bind(staff).bind(key).fetch_all(&self.pool).await
    }

    /// Lists every living workspace, for the check of the index at start.
    pub(crate) async fn all_workspaces(&self) -> Result<Vec<WorkspaceRow>, sqlx::Error> {
        let sql = format!("SELECT {COLUMNS} FROM workspaces WHERE state = 'ready' ORDER BY name");
        Ok(readable(&sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(&self.pool).await?))
    }

    /// Notes that the default branch moved, what lists show of it now, and what its followers are told of it.
    pub(crate) async fn index_workspace(
        &self,
        id: &str,
        indexed: &Indexed,
        with_members: bool,
        event: Option<&NewEvent>,
        now: Timestamp,
    ) -> Result<(), sqlx::Error> {
        let update = sqlx::query(
            // Without a revision it is only read again after a migration: nothing moved.
            "UPDATE workspaces SET revision = $1, display_name = $2, locations_json = $3,
               updated_at = CASE WHEN revision IS NULL OR revision = $1 THEN updated_at ELSE $4 END
             WHERE id = $5 AND state = 'ready'",
        )
        .bind(&indexed.revision)
        .bind(&indexed.display_name)
        .bind(to_json(&indexed.locations))
        .bind(micros(now))
        .bind(id);
        let mut transaction = self.derived.begin().await?;
        let lives = update.execute(&mut *transaction).await?.rows_affected() == 1;
        if let Some(event) = event {
            events::insert(&mut transaction, event, now).await?;
        }
        if lives && with_members {
            put_members(&mut transaction, id, indexed).await?;
        }
        transaction.commit().await?;
        if with_members {
            self.lists.forget_all();
        }
        Ok(())
    }

    /// Lists the addresses that the index gives a role on a workspace, in order.
    pub(crate) async fn members(&self, id: &str) -> Result<Vec<String>, sqlx::Error> {
        sqlx::query_scalar(
            "SELECT email_key FROM workspace_members WHERE workspace_id = $1 ORDER BY email_key",
        )
        .bind(id)
        .fetch_all(&self.pool)
        .await
    }

    /// Lists the groups that the index gives a role on a workspace, in order.
    pub(crate) async fn workspace_groups(&self, id: &str) -> Result<Vec<String>, sqlx::Error> {
        let sql = "SELECT group_name FROM workspace_groups WHERE workspace_id = $1 ORDER BY group_name";
        sqlx::query_scalar(sql).bind(id).fetch_all(&self.pool).await
    }

    /// Dates the last move of the default branch back to when it was, for a workspace that came from elsewhere.
    pub(crate) async fn set_updated(&self, id: &str, updated_at: Timestamp) -> Result<(), sqlx::Error> {
        sqlx::query("UPDATE workspaces SET updated_at = $1 WHERE id = $2")
            .bind(micros(updated_at))
            .bind(id)
            .execute(&self.pool)
            .await
            .map(drop)
    }

    /// Changes the owner of a living workspace.
    pub(crate) async fn set_owner(&self, id: &str, owner: &str) -> Result<bool, sqlx::Error> {
        let done = sqlx::query(
            "UPDATE workspaces SET owner = $1, owner_key = $2, version = version + 1
             WHERE id = $3 AND state = 'ready'",
        )
        .bind(owner)
        .bind(email_key(owner))
        .bind(id)
        .execute(&self.pool)
        .await?;
        self.lists.forget_all();
        Ok(done.rows_affected() == 1)
    }

    /// Marks a workspace as going, from which moment nothing finds it; false when it already was.
    pub(crate) async fn begin_deletion(&self, id: &str, now: Timestamp) -> Result<bool, sqlx::Error> {
        let done = sqlx::query(
            "UPDATE workspaces SET state = 'deleting', deleted_at = $1 WHERE id = $2 AND state = 'ready'",
        )
        .bind(micros(now))
        .bind(id)
        .execute(&self.pool)
        .await?;
        self.lists.forget_all();
        Ok(done.rows_affected() == 1)
    }

    /// Marks a workspace as going whose creation failed, or all of them: their names are free again.
    pub(crate) async fn abandon_creation(&self, id: Option<&str>, now: Timestamp) -> Result<(), sqlx::Error> {
        sqlx::query(
            "UPDATE workspaces SET state = 'deleting', deleted_at = $1
             WHERE state = 'creating' AND ($2 IS NULL OR id = $2)",
        )
        .bind(micros(now))
        .bind(id)
        .execute(&self.pool)
        .await
        .map(drop)
    }

    /// Removes what the database holds of a workspace that is going; only the mark itself stays.
    pub(crate) async fn clear_workspace(&self, id: &str) -> Result<(), sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        for sql in [
            "DELETE FROM runners WHERE workspace_id = $1",
            "DELETE FROM runner_tokens WHERE workspace_id = $1",
            "DELETE FROM workspace_secrets WHERE workspace_id = $1",
            "DELETE FROM slack_messages WHERE workspace_id = $1",
            "DELETE FROM slack_states WHERE workspace_id = $1",
            "DELETE FROM slack_integrations WHERE workspace_id = $1",
            "DELETE FROM organization_workspaces WHERE workspace_id = $1",
            "DELETE FROM uploads WHERE workspace_id = $1",
            "DELETE FROM webhooks WHERE workspace_id = $1",
            "DELETE FROM mirrors WHERE workspace_id = $1",
            "DELETE FROM dot_names WHERE workspace_id = $1",
            "DELETE FROM events WHERE workspace_id = $1",
            "DELETE FROM tokens WHERE workspace_id = $1",
            "DELETE FROM workspace_members WHERE workspace_id = $1",
            "DELETE FROM slx_ids WHERE workspace_id = $1",
            "DELETE FROM workspace_groups WHERE workspace_id = $1",
        ] {
            sqlx::query(sql).bind(id).execute(&mut *transaction).await?;
        }
        transaction.commit().await
    }

    /// Removes the mark of a workspace of which nothing is left.
    pub(crate) async fn finish_deletion(&self, id: &str) -> Result<(), sqlx::Error> {
        let sql = "DELETE FROM workspaces WHERE id = $1 AND state = 'deleting'";
        sqlx::query(sql).bind(id).execute(&self.pool).await.map(drop)
    }

    /// Lists the ids of workspaces whose creation or deletion was cut short.
    pub(crate) async fn unfinished_workspaces(&self) -> Result<Vec<String>, sqlx::Error> {
        sqlx::query_scalar("SELECT id FROM workspaces WHERE state <> 'ready' ORDER BY id")
            .fetch_all(&self.pool)
            .await
    }

    /// Lists the ids of workspaces that were marked as going before a time and are still there.
    pub(crate) async fn unfinished_deletions(&self, before: Timestamp) -> Result<Vec<String>, sqlx::Error> {
        sqlx::query_scalar(
            "SELECT id FROM workspaces WHERE state = 'deleting' AND COALESCE(deleted_at, 0) < $1
             ORDER BY COALESCE(deleted_at, 0), id",
        )
        .bind(micros(before))
        .fetch_all(&self.pool)
        .await
    }
}

impl<'a> VisibleTo<'a> {
    /// Returns what a caller sees.
    pub(crate) fn of(caller: &'a crate::auth::Caller) -> Self {
        if caller.is_staff() { Self::Staff } else { Self::Email(caller.email()) }
    }

    pub(super) fn bound(self) -> (bool, String) {
        match self {
            Self::Staff => (true, String::new()),
            Self::Email(email) => (false, email_key(email)),
        }
    }
}

async fn put_members(
    connection: &mut sqlx::SqliteConnection,
    id: &str,
    indexed: &Indexed,
) -> Result<(), sqlx::Error> {
    for sql in [
        "DELETE FROM workspace_members WHERE workspace_id = $1",
        "DELETE FROM workspace_groups WHERE workspace_id = $1",
    ] {
        sqlx::query(sql).bind(id).execute(&mut *connection).await?;
    }
    for group in &indexed.groups {
        sqlx::query(
            "INSERT INTO workspace_groups (workspace_id, group_name) VALUES ($1, $2)
             ON CONFLICT (workspace_id, group_name) DO NOTHING",
        )
        .bind(id)
        .bind(group)
        .execute(&mut *connection)
        .await?;
    }
    for email in &indexed.members {
        sqlx::query(
            "INSERT INTO workspace_members (workspace_id, email_key) VALUES ($1, $2)
             ON CONFLICT (workspace_id, email_key) DO NOTHING",
        )
        .bind(id)
        .bind(email_key(email))
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// Reads rows; one damaged row must not keep the others from being listed, or the server from starting.
pub(super) fn readable(rows: &[SqliteRow]) -> Vec<WorkspaceRow> {
    let readable = |row: &SqliteRow| {
        let id: Result<String, _> = row.try_get("id");
        let noted = |error: &sqlx::Error| tracing::error!(?id, %error, "a workspace's row can't be read");
        read(row).inspect_err(noted).ok()
    };
    rows.iter().filter_map(readable).collect()
}

fn to_json(locations: &[String]) -> String {
    serde_json::Value::from(locations).to_string()
}

fn read(row: &SqliteRow) -> Result<WorkspaceRow, sqlx::Error> {
    let name: String = row.try_get("name")?;
    let locations: String = row.try_get("locations_json")?;
    let decode = |source| sqlx::Error::Decode(source);
    Ok(WorkspaceRow {
        id: row.try_get("id")?,
        name: WorkspaceName::parse(&name).map_err(|error| decode(error.into()))?,
        owner: row.try_get("owner")?,
        version: row.try_get("version")?,
        created_at: timestamp(row.try_get("created_at")?),
        updated_at: timestamp(row.try_get("updated_at")?),
        revision: row.try_get("revision")?,
        display_name: row.try_get("display_name")?,
        locations: serde_json::from_str(&locations).map_err(|error| decode(error.into()))?,
    })
}
