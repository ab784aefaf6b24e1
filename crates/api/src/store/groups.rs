//! Groups of users, by name.

use jiff::Timestamp;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::{Database, email_key, int, micros, timestamp};

/// A group with its members' addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GroupRow {
    pub(crate) name: String,
    pub(crate) members: Vec<String>,
    pub(crate) created_at: Timestamp,
}

impl Database {
    /// Returns the names of the groups that an address is a member of.
    pub(crate) async fn groups_of(&self, email: &str) -> Result<Vec<String>, sqlx::Error> {
        sqlx::query_scalar(
            "SELECT group_name FROM user_group_members WHERE email_key = $1 ORDER BY group_name",
        )
        .bind(email_key(email))
        .fetch_all(&self.pool)
        .await
    }

    /// Tells whether an active user is a member.
    pub(crate) async fn has_active_member(&self, name: &str) -> Result<bool, sqlx::Error> {
        let count: i64 = sqlx::query_scalar(
            "SELECT COUNT(*) FROM user_group_members AS members
             JOIN users ON users.email_key = members.email_key
             WHERE members.group_name = $1 AND users.is_active",
        )
        .bind(name)
        .fetch_one(&self.pool)
        .await?;
        Ok(count > 0)
    }

    /// Makes a group without members; false when the name is taken.
    pub(crate) async fn add_group(&self, name: &str, now: Timestamp) -> Result<bool, sqlx::Error> {
        let done = sqlx::query(
            "INSERT INTO user_groups (name, created_at) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
        )
        .bind(name)
        .bind(micros(now))
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Counts all groups.
    pub(crate) async fn count_groups(&self) -> Result<u64, sqlx::Error> {
        let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM user_groups").fetch_one(&self.pool).await?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Lists a page of all groups, by name.
    pub(crate) async fn list_groups(&self, offset: u64, limit: u64) -> Result<Vec<GroupRow>, sqlx::Error> {
        let (limit, offset) = (int(limit), int(offset));
        let rows = sqlx::query(
            "SELECT page.name, page.created_at, members.email
             FROM (SELECT name, created_at FROM user_groups ORDER BY name LIMIT $1 OFFSET $2) AS page
             LEFT JOIN user_group_members AS members ON members.group_name = page.name
             ORDER BY page.name, members.email_key",
        )
        .bind(limit)
        .bind(offset)
        .fetch_all(&self.pool)
        .await?;
        gather(&rows)
    }

    /// Finds a group.
    pub(crate) async fn find_group(&self, name: &str) -> Result<Option<GroupRow>, sqlx::Error> {
        let rows = sqlx::query(
            "SELECT name, created_at, email FROM user_groups
             LEFT JOIN user_group_members ON group_name = name
             WHERE name = $1 ORDER BY email_key",
        )
        .bind(name)
        .fetch_all(&self.pool)
        .await?;
        Ok(gather(&rows)?.pop())
    }

    /// Removes a group with its memberships; false when there was none.
    pub(crate) async fn delete_group(&self, name: &str) -> Result<bool, sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query("DELETE FROM user_group_members WHERE group_name = $1")
            .bind(name)
            .execute(&mut *transaction)
            .await?;
        let done = sqlx::query("DELETE FROM user_groups WHERE name = $1")
            .bind(name)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        self.lists.forget_all();
        Ok(done.rows_affected() == 1)
    }

    /// Makes an address a member, which it may be already; false when there is no such group.
    pub(crate) async fn add_group_member(&self, name: &str, email: &str) -> Result<bool, sqlx::Error> {
        let done = sqlx::query(
            "INSERT INTO user_group_members (group_name, email, email_key)
             SELECT name, $1, $2 FROM user_groups WHERE name = $3
             ON CONFLICT (group_name, email_key) DO UPDATE SET email = excluded.email",
        )
        .bind(email)
        .bind(email_key(email))
        .bind(name)
        .execute(&self.pool)
        .await?;
        self.lists.forget_all();
        Ok(done.rows_affected() == 1)
    }

    /// Ends a membership; false when there was none.
    pub(crate) async fn remove_group_member(&self, name: &str, email: &str) -> Result<bool, sqlx::Error> {
        let done = sqlx::query("DELETE FROM user_group_members WHERE group_name = $1 AND email_key = $2")
            .bind(name)
            .bind(email_key(email))
            .execute(&self.pool)
            .await?;
        self.lists.forget_all();
        Ok(done.rows_affected() == 1)
    }
}

/// Gathers rows of one member each, which come group by group.
fn gather(rows: &[SqliteRow]) -> Result<Vec<GroupRow>, sqlx::Error> {
    let mut groups: Vec<GroupRow> = Vec::new();
    for row in rows {
        let name: String = row.try_get("name")?;
        if groups.last().is_none_or(|group| group.name != name) {
            let created_at = timestamp(row.try_get("created_at")?);
            groups.push(GroupRow { name, members: Vec::new(), created_at });
        }
        let email: Option<String> = row.try_get("email")?;
        if let (Some(email), Some(group)) = (email, groups.last_mut()) {
            group.members.push(email);
        }
    }
    Ok(groups)
}
