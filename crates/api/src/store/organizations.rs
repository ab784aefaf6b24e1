//! Organizations, and which workspaces are theirs.

use jiff::Timestamp;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::{Database, int, is_taken, micros, timestamp};

/// One organization.
#[derive(Debug, Clone)]
pub(crate) struct OrganizationRow {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) display_name: Option<String>,
    /// The language models without what is secret.
    pub(crate) llm_json: Option<String>,
    /// The same with it, sealed.
    pub(crate) llm_sealed: Option<String>,
    /// Where the secrets are in it.
    pub(crate) llm_secrets_json: Option<String>,
    pub(crate) version: i64,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    /// How many workspaces are its.
    pub(crate) workspaces: u64,
}

/// What came of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Done,
    /// Another organization has the name.
    NameTaken,
    /// It was changed or deleted meanwhile.
    Overtaken,
}

const COLUMNS: &str = "id, name, display_name, llm_json, llm_sealed, llm_secrets_json, version, created_at, updated_at,
    (SELECT COUNT(*) FROM organization_workspaces w WHERE w.organization_id = organizations.id) AS workspaces";

impl Database {
    /// Adds an organization; false when the name is taken.
    pub(crate) async fn add_organization(&self, new: &OrganizationRow) -> Result<bool, sqlx::Error> {
        let done = sqlx::query(
            "INSERT INTO organizations
               (id, name, display_name, llm_json, llm_sealed, llm_secrets_json, version, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(&new.id)
        .bind(&new.name)
        .bind(&new.display_name)
        .bind(&new.llm_json)
        .bind(&new.llm_sealed)
        .bind(&new.llm_secrets_json)
        .bind(new.version)
        .bind(micros(new.created_at))
        .bind(micros(new.updated_at))
        .execute(&self.pool)
        .await;
        match done {
            Ok(_) => Ok(true),
            Err(error) if is_taken(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Finds an organization by id or name.
    pub(crate) async fn find_organization(
        &self,
        id_or_name: &str,
    ) -> Result<Option<OrganizationRow>, sqlx::Error> {
        let sql = format!("SELECT {COLUMNS} FROM organizations WHERE id = $1 OR name = $1");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id_or_name).fetch_optional(&self.pool).await?;
        row.map(|row| read(&row)).transpose()
    }

    /// Finds the organization of a workspace.
    pub(crate) async fn organization_of(
        &self,
        workspace_id: &str,
    ) -> Result<Option<OrganizationRow>, sqlx::Error> {
        let sql = format!(
            "SELECT {COLUMNS} FROM organizations
             WHERE id = (SELECT organization_id FROM organization_workspaces WHERE workspace_id = $1)"
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(workspace_id).fetch_optional(&self.pool).await?;
        row.map(|row| read(&row)).transpose()
    }

    /// Counts all organizations.
    pub(crate) async fn count_organizations(&self) -> Result<u64, sqlx::Error> {
        let count: i64 =
            sqlx::query_scalar("SELECT COUNT(*) FROM organizations").fetch_one(&self.pool).await?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Lists a page of all organizations, by name.
    pub(crate) async fn list_organizations(
        &self,
        offset: u64,
        limit: u64,
    ) -> Result<Vec<OrganizationRow>, sqlx::Error> {
        let sql = format!("SELECT {COLUMNS} FROM organizations ORDER BY name LIMIT $1 OFFSET $2");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(int(limit))
            .bind(int(offset))
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(read).collect()
    }

    /// Writes an organization over the version that it was read at.
    pub(crate) async fn update_organization(&self, row: &OrganizationRow) -> Result<Change, sqlx::Error> {
        let done = sqlx::query(
            "UPDATE organizations
             SET name = $1, display_name = $2, llm_json = $3, llm_sealed = $4, llm_secrets_json = $5, updated_at = $6,
               version = version + 1
             WHERE id = $7 AND version = $8",
        )
        .bind(&row.name)
        .bind(&row.display_name)
        .bind(&row.llm_json)
        .bind(&row.llm_sealed)
        .bind(&row.llm_secrets_json)
        .bind(micros(row.updated_at))
        .bind(&row.id)
        .bind(row.version)
        .execute(&self.pool)
        .await;
        match done {
            Ok(done) if done.rows_affected() == 1 => Ok(Change::Done),
            Ok(_) => Ok(Change::Overtaken),
            Err(error) if is_taken(&error) => Ok(Change::NameTaken),
            Err(error) => Err(error),
        }
    }

    /// Deletes an organization, whose workspaces then are nobody's.
    pub(crate) async fn delete_organization(&self, id: &str) -> Result<(), sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        for sql in [
            "DELETE FROM organization_workspaces WHERE organization_id = $1",
            "DELETE FROM organizations WHERE id = $1",
        ] {
            sqlx::query(sql).bind(id).execute(&mut *transaction).await?;
        }
        transaction.commit().await
    }

    /// Gives a workspace to an organization, whosever it was; false when one of the two is gone.
    pub(crate) async fn assign_organization(
        &self,
        workspace_id: &str,
        organization_id: &str,
    ) -> Result<bool, sqlx::Error> {
        let done = sqlx::query(
            "INSERT INTO organization_workspaces (workspace_id, organization_id)
             SELECT workspaces.id, organizations.id FROM workspaces JOIN organizations ON organizations.id = $2
             WHERE workspaces.id = $1 AND state = 'ready'
             ON CONFLICT (workspace_id) DO UPDATE SET organization_id = excluded.organization_id",
        )
        .bind(workspace_id)
        .bind(organization_id)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Takes a workspace from its organization; false when it is not its.
    pub(crate) async fn unassign_organization(
        &self,
        workspace_id: &str,
        organization_id: &str,
    ) -> Result<bool, sqlx::Error> {
        let done = sqlx::query(
            "DELETE FROM organization_workspaces WHERE workspace_id = $1 AND organization_id = $2",
        )
        .bind(workspace_id)
        .bind(organization_id)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }
}

fn read(row: &SqliteRow) -> Result<OrganizationRow, sqlx::Error> {
    let workspaces: i64 = row.try_get("workspaces")?;
    Ok(OrganizationRow {
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        display_name: row.try_get("display_name")?,
        llm_json: row.try_get("llm_json")?,
        llm_sealed: row.try_get("llm_sealed")?,
        llm_secrets_json: row.try_get("llm_secrets_json")?,
        version: row.try_get("version")?,
        created_at: timestamp(row.try_get("created_at")?),
        updated_at: timestamp(row.try_get("updated_at")?),
        workspaces: u64::try_from(workspaces).unwrap_or(0),
    })
}
