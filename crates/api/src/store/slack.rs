//! Connections with Slack, and installations that are under way.

use jiff::Timestamp;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::{Database, micros, timestamp};

/// How a token came to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Via {
    /// By an installation of our Slack app.
    Oauth,
    /// From a person.
    Token,
}

impl Via {
    fn as_str(self) -> &'static str {
        match self {
            Self::Oauth => "oauth",
            Self::Token => "token",
        }
    }
}

/// A workspace's connection with Slack.
#[derive(Debug, Clone)]
pub(crate) struct SlackRow {
    /// New at each connection.
    pub(crate) id: String,
    pub(crate) workspace_id: String,
    pub(crate) via: Via,
    pub(crate) sealed_token: String,
    pub(crate) team_id: String,
    pub(crate) team: String,
    pub(crate) channel: String,
    pub(crate) channel_name: Option<String>,
    pub(crate) scopes: String,
    pub(crate) connected_by: String,
    pub(crate) connected_at: Timestamp,
    /// Since when Slack refuses it, and by which word.
    pub(crate) broken: Option<(Timestamp, String)>,
    pub(crate) last_sent_at: Option<Timestamp>,
    /// When a message was given up last, and why.
    pub(crate) lost: Option<(Timestamp, String)>,
}

/// A new connection.
#[derive(Debug)]
pub(crate) struct NewSlack<'a> {
    pub(crate) id: &'a str,
    pub(crate) workspace_id: &'a str,
    pub(crate) via: Via,
    pub(crate) sealed_token: &'a str,
    pub(crate) team_id: &'a str,
    pub(crate) team: &'a str,
    pub(crate) channel: &'a str,
    pub(crate) channel_name: Option<&'a str>,
    pub(crate) scopes: &'a str,
    pub(crate) connected_by: &'a str,
    pub(crate) now: Timestamp,
}

/// An installation that is under way.
#[derive(Debug)]
pub(crate) struct StateRow<'a> {
    pub(crate) id: &'a str,
    pub(crate) workspace_id: &'a str,
    pub(crate) user_id: i64,
    pub(crate) channel: Option<&'a str>,
    pub(crate) expires_at: Timestamp,
}

/// An active user.
#[derive(Debug)]
pub(crate) struct SlackUser {
    pub(crate) email: String,
    pub(crate) is_staff: bool,
}

impl Database {
    /// Finds a workspace's connection.
    pub(crate) async fn find_slack(&self, workspace_id: &str) -> Result<Option<SlackRow>, sqlx::Error> {
        let row = sqlx::query("SELECT * FROM slack_integrations WHERE workspace_id = $1")
            .bind(workspace_id)
            .fetch_optional(&self.pool)
            .await?;
        row.map(|row| read(&row)).transpose()
    }

    /// Keeps a connection in place of the one before; false when the workspace is gone.
    ///
    /// Messages that were to go the old way are dropped: nobody who connects now waits for them.
    pub(crate) async fn put_slack(&self, new: &NewSlack<'_>) -> Result<bool, sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query("DELETE FROM slack_integrations WHERE workspace_id = $1")
            .bind(new.workspace_id)
            .execute(&mut *transaction)
            .await?;
        sqlx::query("DELETE FROM slack_messages WHERE workspace_id = $1")
            .bind(new.workspace_id)
            .execute(&mut *transaction)
            .await?;
        let done = sqlx::query(
            "INSERT INTO slack_integrations
               (workspace_id, id, via, sealed_token, team_id, team, channel, channel_name, scopes, connected_by,
                connected_at)
             SELECT id, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10 FROM workspaces
             WHERE id = $11 AND state = 'ready'",
        )
        .bind(new.id)
        .bind(new.via.as_str())
        .bind(new.sealed_token)
        .bind(new.team_id)
        .bind(new.team)
        .bind(new.channel)
        .bind(new.channel_name)
        .bind(new.scopes)
        .bind(new.connected_by)
        .bind(micros(new.now))
        .bind(new.workspace_id)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(done.rows_affected() == 1)
    }

    /// Sends the messages of a connection elsewhere from now on, and takes it for whole.
    pub(crate) async fn set_slack_channel(&self, id: &str, channel: &str) -> Result<(), sqlx::Error> {
        sqlx::query(
            "UPDATE slack_integrations
             SET channel = $1, channel_name = NULL, broken_at = NULL, broken_error = NULL, held_until = NULL
             WHERE id = $2",
        )
        .bind(channel)
        .bind(id)
        .execute(&self.pool)
        .await
        .map(drop)
    }

    /// Forgets a workspace's connection with all that was to be sent or finished.
    pub(crate) async fn remove_slack(&self, workspace_id: &str) -> Result<(), sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        for sql in [
            "DELETE FROM slack_integrations WHERE workspace_id = $1",
            "DELETE FROM slack_messages WHERE workspace_id = $1",
            "DELETE FROM slack_states WHERE workspace_id = $1",
        ] {
            sqlx::query(sql).bind(workspace_id).execute(&mut *transaction).await?;
        }
        transaction.commit().await
    }

    /// Tells whether any workspace is connected with a Slack team.
    pub(crate) async fn has_slack_team(&self, team_id: &str) -> Result<bool, sqlx::Error> {
        let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM slack_integrations WHERE team_id = $1")
            .bind(team_id)
            .fetch_one(&self.pool)
            .await?;
        Ok(count > 0)
    }

    /// Marks a connection as refused by Slack, and drops what was to be sent.
    pub(crate) async fn break_slack(&self, id: &str, word: &str, now: Timestamp) -> Result<(), sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query("UPDATE slack_integrations SET broken_at = $1, broken_error = $2 WHERE id = $3")
            .bind(micros(now))
            .bind(word)
            .bind(id)
            .execute(&mut *transaction)
            .await?;
        sqlx::query("DELETE FROM slack_messages WHERE integration_id = $1")
            .bind(id)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await
    }

    /// Notes an installation that begins, and forgets those that nobody finished; false when the workspace is gone.
    pub(crate) async fn add_slack_state(
        &self,
        state: &StateRow<'_>,
        now: Timestamp,
    ) -> Result<bool, sqlx::Error> {
        sqlx::query("DELETE FROM slack_states WHERE expires_at <= $1")
            .bind(micros(now))
            .execute(&self.pool)
            .await?;
        let done = sqlx::query(
            "INSERT INTO slack_states (id, workspace_id, user_id, channel, expires_at)
             SELECT $1, id, $2, $3, $4 FROM workspaces WHERE id = $5 AND state = 'ready'",
        )
        .bind(state.id)
        .bind(state.user_id)
        .bind(state.channel)
        .bind(micros(state.expires_at))
        .bind(state.workspace_id)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Takes an installation that is under way, so that nobody takes it again; returns the channel it was begun with.
    pub(crate) async fn take_slack_state(
        &self,
        state: &StateRow<'_>,
        now: Timestamp,
    ) -> Result<Option<Option<String>>, sqlx::Error> {
        sqlx::query_scalar(
            "DELETE FROM slack_states WHERE id = $1 AND workspace_id = $2 AND user_id = $3 AND expires_at > $4
             RETURNING channel",
        )
        .bind(state.id)
        .bind(state.workspace_id)
        .bind(state.user_id)
        .bind(micros(now))
        .fetch_optional(&self.pool)
        .await
    }

    /// Returns until when an installation of a workspace is under way.
    pub(crate) async fn pending_slack(
        &self,
        workspace_id: &str,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, sqlx::Error> {
        let last: Option<i64> = sqlx::query_scalar(
            "SELECT MAX(expires_at) FROM slack_states WHERE workspace_id = $1 AND expires_at > $2",
        )
        .bind(workspace_id)
        .bind(micros(now))
        .fetch_one(&self.pool)
        .await?;
        Ok(last.map(timestamp))
    }

    /// Finds the active user who began an installation.
    pub(crate) async fn find_slack_user(&self, id: i64) -> Result<Option<SlackUser>, sqlx::Error> {
        let row = sqlx::query("SELECT email, is_staff FROM users WHERE id = $1 AND is_active")
            .bind(id)
            .fetch_optional(&self.pool)
            .await?;
        let user = |row: SqliteRow| {
            Ok(SlackUser { email: row.try_get("email")?, is_staff: row.try_get("is_staff")? })
        };
        row.map(user).transpose()
    }
}

fn read(row: &SqliteRow) -> Result<SlackRow, sqlx::Error> {
    let via: String = row.try_get("via")?;
    let time = |column: &str| -> Result<Option<Timestamp>, sqlx::Error> {
        Ok(row.try_get::<Option<i64>, _>(column)?.map(timestamp))
    };
    let word = |column: &str| row.try_get::<Option<String>, _>(column);
    Ok(SlackRow {
        id: row.try_get("id")?,
        workspace_id: row.try_get("workspace_id")?,
        via: if via == Via::Oauth.as_str() { Via::Oauth } else { Via::Token },
        sealed_token: row.try_get("sealed_token")?,
        team_id: row.try_get("team_id")?,
        team: row.try_get("team")?,
        channel: row.try_get("channel")?,
        channel_name: row.try_get("channel_name")?,
        scopes: row.try_get("scopes")?,
        connected_by: row.try_get("connected_by")?,
        connected_at: timestamp(row.try_get("connected_at")?),
        broken: time("broken_at")?.zip(word("broken_error")?),
        last_sent_at: time("last_sent_at")?,
        lost: time("lost_at")?.zip(word("lost_error")?),
    })
}
