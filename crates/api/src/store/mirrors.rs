//! Mirrors as jobs: what is due is taken under a lease, and what came of it recorded by who still holds it.

use jiff::Timestamp;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use workstead_core::role::Role;

use super::events::{self, NewEvent};
use super::{Database, micros, timestamp};

/// Which way a mirror goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// What is committed here goes there.
    Push,
    /// What is committed there comes here.
    Pull,
}

impl Direction {
    /// Returns the word for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Pull => "pull",
        }
    }

    /// Reads the word.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Push, Self::Pull].into_iter().find(|direction| direction.as_str() == text)
    }
}

/// How a mirror stands, apart from whether somebody is at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MirrorState {
    /// It was set, and nothing came of it yet.
    Pending,
    /// Both sides were the same at the last look.
    Idle,
    /// The last attempt failed.
    Failing,
    /// Each side has commits that the other has not.
    Diverged,
}

impl MirrorState {
    const ALL: [Self; 4] = [Self::Pending, Self::Idle, Self::Failing, Self::Diverged];

    /// Returns the word for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Idle => "idle",
            Self::Failing => "failing",
            Self::Diverged => "diverged",
        }
    }
}

/// A workspace's mirror.
#[derive(Debug, Clone)]
pub(crate) struct MirrorRow {
    pub(crate) workspace_id: String,
    /// Counts settings.
    pub(crate) version: i64,
    pub(crate) direction: Direction,
    /// Without credentials.
    pub(crate) url: String,
    pub(crate) branch: String,
    pub(crate) username: Option<String>,
    pub(crate) sealed_password: Option<String>,
    pub(crate) sealed_hook_secret: Option<String>,
    pub(crate) interval_minutes: u32,
    /// As whose a pull is judged.
    pub(crate) role: Role,
    pub(crate) set_by: String,
    pub(crate) set_at: Timestamp,
    pub(crate) state: MirrorState,
    /// Since when.
    pub(crate) since: Timestamp,
    /// When it is looked at next, when that is not at once.
    pub(crate) due_at: Option<Timestamp>,
    /// Until when somebody is at it.
    pub(crate) leased_until: Option<Timestamp>,
    /// Attempts in a row that failed.
    pub(crate) failures: u32,
    pub(crate) last_attempt_at: Option<Timestamp>,
    pub(crate) last_success_at: Option<Timestamp>,
    /// The commit that both sides had last.
    pub(crate) revision: Option<String>,
    /// Code and sentence of what went wrong at the last attempt.
    pub(crate) error: Option<(String, String)>,
}

/// A mirror as staff set it.
#[derive(Debug)]
pub(crate) struct NewMirror<'a> {
    pub(crate) workspace_id: &'a str,
    pub(crate) direction: Direction,
    pub(crate) url: &'a str,
    pub(crate) branch: &'a str,
    pub(crate) username: Option<&'a str>,
    pub(crate) sealed_password: Option<&'a str>,
    pub(crate) sealed_hook_secret: Option<&'a str>,
    pub(crate) interval_minutes: u32,
    pub(crate) role: Role,
    pub(crate) set_by: &'a str,
    /// The commit that both sides had last, where the other side stays the same.
    pub(crate) revision: Option<&'a str>,
    pub(crate) now: Timestamp,
}

/// What came of an attempt.
#[derive(Debug, Clone)]
pub(crate) struct MirrorEnd {
    pub(crate) state: MirrorState,
    /// When to look next, unless somebody asked meanwhile.
    pub(crate) due_at: Timestamp,
    /// Whether a new commit is worth an attempt before that.
    pub(crate) heeds_commits: bool,
    pub(crate) failures: u32,
    /// Our head at this attempt of a push.
    pub(crate) attempted_revision: Option<String>,
    /// The commit that both sides have, of a success.
    pub(crate) revision: Option<String>,
    pub(crate) error: Option<(String, String)>,
}

/// What makes a mirror due; `$1` is now. A crashed attempt, like one that is wanted at once, has no time.
const IS_DUE: &str = "(m.leased_until IS NULL OR m.leased_until <= $1)
    AND (m.due_at IS NULL OR m.due_at <= $1
         OR (m.direction = 'push' AND m.heeds_commits AND w.revision IS NOT NULL
             AND w.revision <> COALESCE(m.attempted_revision, '')))";

impl Database {
    /// Finds a workspace's mirror.
    pub(crate) async fn find_mirror(&self, workspace_id: &str) -> Result<Option<MirrorRow>, sqlx::Error> {
        let row = sqlx::query("SELECT * FROM mirrors WHERE workspace_id = $1")
            .bind(workspace_id)
            .fetch_optional(&self.pool)
            .await?;
        row.map(|row| read(&row)).transpose()
    }

    /// Returns what a workspace is pulled from, if it is.
    pub(crate) async fn followed_upstream(&self, workspace_id: &str) -> Result<Option<String>, sqlx::Error> {
        sqlx::query_scalar("SELECT url FROM mirrors WHERE workspace_id = $1 AND direction = 'pull'")
            .bind(workspace_id)
            .fetch_optional(&self.pool)
            .await
    }

    /// Sets a mirror in place of the one of a version, or where there is none; false when that is not so any more.
    ///
    /// Whoever is at the old one loses the lease, and records nothing.
    pub(crate) async fn put_mirror(
        &self,
        new: &NewMirror<'_>,
        version: Option<i64>,
    ) -> Result<bool, sqlx::Error> {
        let sql = match version {
            None => {
                "INSERT INTO mirrors (workspace_id, version, direction, url, branch, username, sealed_password,
                   sealed_hook_secret, interval_minutes, role, set_by, set_at, state, since, heeds_commits, failures,
                   revision)
                 SELECT id, $13, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'pending', $10, TRUE, 0, $11
                 FROM workspaces WHERE id = $12 AND state = 'ready'
                 ON CONFLICT (workspace_id) DO NOTHING"
            }
            Some(_) => {
                "UPDATE mirrors SET direction = $1, url = $2, branch = $3, username = $4, sealed_password = $5,
                   sealed_hook_secret = $6, interval_minutes = $7, role = $8, set_by = $9, set_at = $10,
                   state = 'pending', since = $10, revision = $11, version = version + 1, due_at = NULL,
                   heeds_commits = TRUE, lease_owner = NULL, leased_until = NULL, failures = 0,
                   attempted_revision = NULL, error_code = NULL, error_detail = NULL
                 WHERE workspace_id = $12 AND version = $13"
            }
        };
        let done = sqlx::query(sql)
            .bind(new.direction.as_str())
            .bind(new.url)
            .bind(new.branch)
            .bind(new.username)
            .bind(new.sealed_password)
            .bind(new.sealed_hook_secret)
            .bind(i64::from(new.interval_minutes))
            .bind(new.role.as_str())
            .bind(new.set_by)
            .bind(micros(new.now))
            .bind(new.revision)
            .bind(new.workspace_id)
            .bind(version.unwrap_or(1))
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Removes a mirror; whoever is at it loses the lease.
    pub(crate) async fn remove_mirror(&self, workspace_id: &str) -> Result<bool, sqlx::Error> {
        let done = sqlx::query("DELETE FROM mirrors WHERE workspace_id = $1").bind(workspace_id);
        Ok(done.execute(&self.pool).await?.rows_affected() == 1)
    }

    /// Has a mirror looked at at once, or once more when somebody is just at it; false when there is none.
    pub(crate) async fn ask_mirror(&self, workspace_id: &str, now: Timestamp) -> Result<bool, sqlx::Error> {
        let done = sqlx::query("UPDATE mirrors SET due_at = $1 WHERE workspace_id = $2")
            .bind(micros(now))
            .bind(workspace_id)
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Takes the mirror that is due for longest, until a moment when another may take it.
    pub(crate) async fn take_mirror(
        &self,
        owner: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<MirrorRow>, sqlx::Error> {
        let sql = format!(
            "UPDATE mirrors SET lease_owner = $2, leased_until = $3, due_at = NULL, last_attempt_at = $1
             WHERE workspace_id =
               (SELECT m.workspace_id FROM mirrors m JOIN workspaces w ON w.id = m.workspace_id
                WHERE w.state = 'ready' AND {IS_DUE}
                ORDER BY COALESCE(m.last_attempt_at, 0), m.workspace_id LIMIT 1)
               AND (leased_until IS NULL OR leased_until <= $1)
             RETURNING *"
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(micros(now))
            .bind(owner)
            .bind(micros(until))
            .fetch_optional(&self.pool)
            .await?;
        row.map(|row| read(&row)).transpose()
    }

    /// Returns when the next mirror may be taken, when there is any.
    pub(crate) async fn next_mirror(&self) -> Result<Option<Timestamp>, sqlx::Error> {
        let next: Option<i64> = sqlx::query_scalar(
            "SELECT MIN(CASE WHEN COALESCE(m.leased_until, 0) > COALESCE(m.due_at, 0)
                        THEN COALESCE(m.leased_until, 0) ELSE COALESCE(m.due_at, 0) END)
             FROM mirrors m JOIN workspaces w ON w.id = m.workspace_id WHERE w.state = 'ready'",
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(next.map(timestamp))
    }

    /// Keeps a lease; false when another has it by now, or the mirror was set anew or removed.
    pub(crate) async fn renew_mirror_lease(
        &self,
        workspace_id: &str,
        owner: &str,
        until: Timestamp,
    ) -> Result<bool, sqlx::Error> {
        let sql = "UPDATE mirrors SET leased_until = $1 WHERE workspace_id = $2 AND lease_owner = $3";
        let renewing = sqlx::query(sql).bind(micros(until)).bind(workspace_id).bind(owner);
        Ok(renewing.execute(&self.pool).await?.rows_affected() == 1)
    }

    /// Gives a mirror back without an outcome, to be taken at once.
    pub(crate) async fn release_mirror(&self, workspace_id: &str, owner: &str) -> Result<(), sqlx::Error> {
        let sql = "UPDATE mirrors SET lease_owner = NULL, leased_until = NULL
                   WHERE workspace_id = $1 AND lease_owner = $2";
        sqlx::query(sql).bind(workspace_id).bind(owner).execute(&self.pool).await.map(drop)
    }

    /// Records what came of an attempt, and what followers are told of it; false when the lease was lost.
    pub(crate) async fn finish_mirror(
        &self,
        workspace_id: &str,
        owner: &str,
        end: &MirrorEnd,
        event: Option<&NewEvent>,
        now: Timestamp,
    ) -> Result<bool, sqlx::Error> {
        let (code, detail) = end.error.as_ref().map(|(code, detail)| (code, detail)).unzip();
        let mut transaction = self.pool.begin().await?;
        let done = sqlx::query(
            "UPDATE mirrors SET since = CASE WHEN state = $1 THEN since ELSE $2 END, state = $1,
               due_at = COALESCE(due_at, $3), heeds_commits = $4, failures = $5,
               attempted_revision = COALESCE($6, attempted_revision), revision = COALESCE($7, revision),
               last_success_at = CASE WHEN $1 = 'idle' THEN $2 ELSE last_success_at END, error_code = $8,
               error_detail = $9, lease_owner = NULL, leased_until = NULL
             WHERE workspace_id = $10 AND lease_owner = $11",
        )
        .bind(end.state.as_str())
        .bind(micros(now))
        .bind(micros(end.due_at))
        .bind(end.heeds_commits)
        .bind(i64::from(end.failures))
        .bind(&end.attempted_revision)
        .bind(&end.revision)
        .bind(code)
        .bind(detail)
        .bind(workspace_id)
        .bind(owner)
        .execute(&mut *transaction)
        .await?;
        let is_recorded = done.rows_affected() == 1;
        if let Some(event) = event.filter(|_| is_recorded) {
            events::insert(&mut transaction, event, now).await?;
        }
        transaction.commit().await?;
        Ok(is_recorded)
    }
}

fn read(row: &SqliteRow) -> Result<MirrorRow, sqlx::Error> {
    let decode = |what: &str| sqlx::Error::Decode(format!("a mirror has a bad {what}").into());
    let word = |column: &str| row.try_get::<String, _>(column);
    let count = |column: &str| {
        row.try_get::<i64, _>(column).map(|number| u32::try_from(number.max(0)).unwrap_or(u32::MAX))
    };
    let time = |column: &str| row.try_get::<Option<i64>, _>(column).map(|time| time.map(timestamp));
    let state = word("state")?;
    let error: (Option<String>, Option<String>) = (row.try_get("error_code")?, row.try_get("error_detail")?);
    Ok(MirrorRow {
        workspace_id: row.try_get("workspace_id")?,
        version: row.try_get("version")?,
        direction: Direction::parse(&word("direction")?).ok_or_else(|| decode("direction"))?,
        url: row.try_get("url")?,
        branch: row.try_get("branch")?,
        username: row.try_get("username")?,
        sealed_password: row.try_get("sealed_password")?,
        sealed_hook_secret: row.try_get("sealed_hook_secret")?,
        interval_minutes: count("interval_minutes")?,
        role: Role::parse(&word("role")?).map_err(|_| decode("role"))?,
        set_by: row.try_get("set_by")?,
        set_at: timestamp(row.try_get("set_at")?),
        state: MirrorState::ALL
            .into_iter()
            .find(|known| known.as_str() == state)
            .ok_or_else(|| decode("state"))?,
        since: timestamp(row.try_get("since")?),
        due_at: time("due_at")?,
        leased_until: time("leased_until")?,
        failures: count("failures")?,
        last_attempt_at: time("last_attempt_at")?,
        last_success_at: time("last_success_at")?,
        revision: row.try_get("revision")?,
        error: error.0.zip(error.1),
    })
}

#[cfg(test)]
mod tests;
