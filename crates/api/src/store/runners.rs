//! Runners and the tokens by which they register.

use jiff::Timestamp;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Row};

use super::workspaces::{VISIBLE, VisibleTo};
use super::{Database, int, micros, timestamp};
use crate::auth::token::TokenHash;

/// What is kept of the present token of a location.
#[derive(Debug)]
pub(crate) struct RunnerTokenRow {
    pub(crate) generation: i64,
    pub(crate) hash: String,
    pub(crate) created_at: Timestamp,
}

/// A registered runner.
#[derive(Debug)]
pub(crate) struct RunnerRow {
    pub(crate) id: i64,
    pub(crate) runner_uuid: String,
    pub(crate) workspace_name: String,
    pub(crate) location: String,
    pub(crate) name: String,
    pub(crate) version: Option<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) last_heartbeat: Timestamp,
}

/// A runner that registers.
#[derive(Debug)]
pub(crate) struct NewRunner<'a> {
    /// The hash of the token that it came with.
    pub(crate) token: &'a TokenHash,
    /// Nothing when the runner has none of its own; its name tells it from others then.
    pub(crate) given_uuid: Option<&'a str>,
    /// What it gets when it is new and has none.
    pub(crate) made_uuid: &'a str,
    pub(crate) name: &'a str,
    pub(crate) version: Option<&'a str>,
    pub(crate) max_runners: u32,
    pub(crate) now: Timestamp,
}

/// What became of a registration.
#[derive(Debug)]
pub(crate) enum Registered {
    New(RunnerRow),
    Known(RunnerRow),
    /// The runner is registered at this location, whose token it did not bring.
    Elsewhere(String),
    TooMany,
    /// The token is good no more.
    Refused,
}

const COLUMNS: &str = "runners.id, runner_uuid, workspaces.name AS workspace_name, location, runners.name,
    runners.version, runners.created_at, last_heartbeat";
const FROM: &str = "FROM runners JOIN workspaces ON workspaces.id = runners.workspace_id";

impl Database {
    /// Finds the present token of a location.
    pub(crate) async fn find_runner_token(
        &self,
        workspace_id: &str,
        location: &str,
    ) -> Result<Option<RunnerTokenRow>, sqlx::Error> {
        let row = sqlx::query(
            "SELECT generation, hash, created_at FROM runner_tokens WHERE workspace_id = $1 AND location = $2",
        )
        .bind(workspace_id)
        .bind(location)
        .fetch_optional(&self.pool)
        .await?;
        let read = |row: SqliteRow| {
            Ok(RunnerTokenRow {
                generation: row.try_get("generation")?,
                hash: row.try_get("hash")?,
                created_at: timestamp(row.try_get("created_at")?),
            })
        };
        row.map(read).transpose()
    }

    /// Keeps the first token of a location, unless it has one, the workspace is gone, or it has too many locations.
    pub(crate) async fn add_runner_token(
        &self,
        (workspace_id, location): (&str, &str),
        hash: &TokenHash,
        max_locations: i64,
        now: Timestamp,
    ) -> Result<bool, sqlx::Error> {
        let done = sqlx::query(
            "INSERT INTO runner_tokens (workspace_id, location, generation, hash, created_at)
             SELECT id, $1, 1, $2, $3 FROM workspaces
             WHERE id = $4 AND state = 'ready'
               AND (SELECT COUNT(*) FROM runner_tokens WHERE workspace_id = $4) < $5
             ON CONFLICT (workspace_id, location) DO NOTHING",
        )
        .bind(location)
        .bind(hash.to_hex())
        .bind(micros(now))
        .bind(workspace_id)
        .bind(max_locations)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Puts the next generation in the place of one; false when it was replaced already.
    pub(crate) async fn replace_runner_token(
        &self,
        (workspace_id, location): (&str, &str),
        generation: i64,
        hash: &TokenHash,
        now: Timestamp,
    ) -> Result<bool, sqlx::Error> {
        let done = sqlx::query(
            "UPDATE runner_tokens SET generation = generation + 1, hash = $1, created_at = $2
             WHERE workspace_id = $3 AND location = $4 AND generation = $5",
        )
        .bind(hash.to_hex())
        .bind(micros(now))
        .bind(workspace_id)
        .bind(location)
        .bind(generation)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Finds what a runner token stands for: the id and name of a living workspace, and the location.
    pub(crate) async fn find_runner_identity(
        &self,
        hash: &TokenHash,
    ) -> Result<Option<(String, String, String)>, sqlx::Error> {
        sqlx::query_as(
            "SELECT workspaces.id, workspaces.name, location
             FROM runner_tokens JOIN workspaces ON workspaces.id = runner_tokens.workspace_id
             WHERE hash = $1 AND state = 'ready'",
        )
        .bind(hash.to_hex())
        .fetch_optional(&self.pool)
        .await
    }

    /// Registers a runner, or notes that a known one is here again.
    pub(crate) async fn register_runner(&self, new: &NewRunner<'_>) -> Result<Registered, sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        // Writing first makes registrations wait for each other, so that what is read next stays true.
        let id: i64 = sqlx::query_scalar("UPDATE runner_ids SET last_id = last_id + 1 RETURNING last_id")
            .fetch_one(&mut *transaction)
            .await?;
        let identity: Option<(String, String)> = sqlx::query_as(
            "SELECT workspace_id, location
             FROM runner_tokens JOIN workspaces ON workspaces.id = runner_tokens.workspace_id
             WHERE hash = $1 AND state = 'ready'",
        )
        .bind(new.token.to_hex())
        .fetch_optional(&mut *transaction)
        .await?;
        let Some((workspace_id, location)) = identity else { return Ok(Registered::Refused) };
        let known = find_known(&mut transaction, &workspace_id, &location, new).await?;
        let (id, is_new) = match known {
            Some((_, elsewhere)) if elsewhere != location => return Ok(Registered::Elsewhere(elsewhere)),
            Some((id, _)) => (id, false),
            None if has_most(&mut transaction, &workspace_id, new.max_runners).await? => {
                return Ok(Registered::TooMany);
            }
            None => (id, true),
        };
        let write = if is_new {
            sqlx::query(
                "INSERT INTO runners
                   (name, version, last_heartbeat, id, created_at, workspace_id, location, runner_uuid)
                 VALUES ($1, $2, $3, $4, $3, $5, $6, $7)",
            )
        } else {
            sqlx::query("UPDATE runners SET name = $1, version = $2, last_heartbeat = $3 WHERE id = $4")
        };
        let write = write.bind(new.name).bind(new.version).bind(micros(new.now)).bind(id);
        let write = if is_new {
            write.bind(&workspace_id).bind(&location).bind(new.given_uuid.unwrap_or(new.made_uuid))
        } else {
            write
        };
        write.execute(&mut *transaction).await?;
        let sql = format!("SELECT {COLUMNS} {FROM} WHERE runners.id = $1");
        let row = sqlx::query(AssertSqlSafe(sql)).bind(id).fetch_one(&mut *transaction).await?;
        let runner = read(&row)?;
        transaction.commit().await?;
        Ok(if is_new { Registered::New(runner) } else { Registered::Known(runner) })
    }

    /// Notes that a runner is alive, and returns it; nothing when the location has no such runner.
    pub(crate) async fn beat_runner(
        &self,
        (workspace_id, location): (&str, &str),
        runner_uuid: &str,
        now: Timestamp,
    ) -> Result<Option<RunnerRow>, sqlx::Error> {
        let id: Option<i64> = sqlx::query_scalar(
            "UPDATE runners SET last_heartbeat = $1
             WHERE workspace_id = $2 AND location = $3 AND runner_uuid = $4 RETURNING id",
        )
        .bind(micros(now))
        .bind(workspace_id)
        .bind(location)
        .bind(runner_uuid)
        .fetch_optional(&self.pool)
        .await?;
        let sql = format!("SELECT {COLUMNS} {FROM} WHERE runners.id = $1");
        let row = sqlx::query(AssertSqlSafe(sql)).bind(id).fetch_optional(&self.pool).await?;
        row.map(|row| read(&row)).transpose()
    }

    /// Counts the runners of the workspaces that a caller sees, or of one of them.
    pub(crate) async fn count_runners(
        &self,
        visible: VisibleTo<'_>,
        workspace_id: Option<&str>,
    ) -> Result<u64, sqlx::Error> {
        let (staff, key) = visible.bound();
        let sql = format!("SELECT COUNT(*) FROM runners WHERE {}", of_visible());
        let count: i64 = sqlx::query_scalar(AssertSqlSafe(sql))
            .bind(staff)
            .bind(key)
            .bind(workspace_id)
            .fetch_one(&self.pool)
            .await?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Lists a page of the runners of the workspaces that a caller sees, or of one of them.
    pub(crate) async fn list_runners(
        &self,
        visible: VisibleTo<'_>,
        workspace_id: Option<&str>,
        (offset, limit): (u64, u64),
    ) -> Result<Vec<RunnerRow>, sqlx::Error> {
        let (staff, key) = visible.bound();
        let sql = format!(
            "SELECT {COLUMNS} {FROM} WHERE {}
             ORDER BY workspaces.name, runners.name, runners.id LIMIT $4 OFFSET $5",
            of_visible()
        );
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(staff)
            .bind(key)
            .bind(workspace_id)
            .bind(int(limit))
            .bind(int(offset))
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(read).collect()
    }

    /// Lists the locations of registered runners with the last heartbeat of each.
    pub(crate) async fn location_heartbeats(
        &self,
        visible: VisibleTo<'_>,
        workspace_id: Option<&str>,
    ) -> Result<Vec<(String, Timestamp)>, sqlx::Error> {
        let (staff, key) = visible.bound();
        let sql = format!(
            "SELECT location, MAX(last_heartbeat) AS last FROM runners WHERE {}
             GROUP BY location ORDER BY location",
            of_visible()
        );
        let rows: Vec<(String, i64)> = sqlx::query_as(AssertSqlSafe(sql))
            .bind(staff)
            .bind(key)
            .bind(workspace_id)
            .fetch_all(&self.pool)
            .await?;
        Ok(rows.into_iter().map(|(location, last)| (location, timestamp(last))).collect())
    }

    /// Removes a runner; false when there is none.
    pub(crate) async fn delete_runner(
        &self,
        workspace_id: &str,
        runner_uuid: &str,
    ) -> Result<bool, sqlx::Error> {
        let done = sqlx::query("DELETE FROM runners WHERE workspace_id = $1 AND runner_uuid = $2")
            .bind(workspace_id)
            .bind(runner_uuid)
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected() == 1)
    }
}

/// The runners of visible workspaces; `$3` narrows them to one workspace.
fn of_visible() -> String {
    format!(
        "runners.workspace_id IN (SELECT id FROM workspaces WHERE {VISIBLE})
         AND ($3 IS NULL OR runners.workspace_id = $3)"
    )
}

/// Finds the runner that registers again, with its location.
async fn find_known(
    connection: &mut SqliteConnection,
    workspace_id: &str,
    location: &str,
    new: &NewRunner<'_>,
) -> Result<Option<(i64, String)>, sqlx::Error> {
    if let Some(uuid) = new.given_uuid {
        return sqlx::query_as(
            "SELECT id, location FROM runners WHERE workspace_id = $1 AND runner_uuid = $2",
        )
        .bind(workspace_id)
        .bind(uuid)
        .fetch_optional(connection)
        .await;
    }
    sqlx::query_as(
        "SELECT id, location FROM runners WHERE workspace_id = $1 AND location = $2 AND name = $3
         ORDER BY id DESC LIMIT 1",
    )
    .bind(workspace_id)
    .bind(location)
    .bind(new.name)
    .fetch_optional(connection)
    .await
}

async fn has_most(
    connection: &mut SqliteConnection,
    workspace_id: &str,
    max_runners: u32,
) -> Result<bool, sqlx::Error> {
    let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM runners WHERE workspace_id = $1")
        .bind(workspace_id)
        .fetch_one(connection)
        .await?;
    Ok(count >= i64::from(max_runners))
}

fn read(row: &SqliteRow) -> Result<RunnerRow, sqlx::Error> {
    Ok(RunnerRow {
        id: row.try_get("id")?,
        runner_uuid: row.try_get("runner_uuid")?,
        workspace_name: row.try_get("workspace_name")?,
        location: row.try_get("location")?,
        name: row.try_get("name")?,
        version: row.try_get("version")?,
        created_at: timestamp(row.try_get("created_at")?),
        last_heartbeat: timestamp(row.try_get("last_heartbeat")?),
    })
}
