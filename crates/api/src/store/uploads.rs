//! Uploads: what was asked, what came of it.

use jiff::Timestamp;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite};

use super::{Database, int, micros, timestamp};
use crate::admin::ArchivedUpload;

/// Where an upload stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UploadState {
    /// Its URL was handed out; nobody said yet that the bundle is there.
    Open,
    /// The bundle is there; the upload waits for its turn, or for its next attempt.
    Queued,
    /// It is worked on.
    Running,
    /// It is in the repository.
    Succeeded,
    /// It was refused, or failed too often.
    Failed,
    /// Nobody completed it in time.
    Expired,
    /// Somebody called it off.
    Cancelled,
}

impl UploadState {
    /// All states.
    pub(crate) const ALL: [Self; 7] = [
        Self::Open,
        Self::Queued,
        Self::Running,
        Self::Succeeded,
        Self::Failed,
        Self::Expired,
        Self::Cancelled,
    ];

    /// Returns the word that the database and the history use.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }

    /// Reads the word.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Tells whether it waits for its bundle, for a worker, or for a worker's end.
    pub(crate) fn may_go_on(self) -> bool {
        matches!(self, Self::Open | Self::Queued | Self::Running)
    }

    /// Tells whether a worker has it or will have it.
    pub(crate) fn is_under_way(self) -> bool {
        matches!(self, Self::Queued | Self::Running)
    }
}

/// One upload.
#[derive(Debug, Clone)]
pub(crate) struct UploadRow {
    pub(crate) id: String,
    pub(crate) workspace_id: String,
    pub(crate) via: String,
    pub(crate) state: UploadState,
    pub(crate) email: String,
    pub(crate) token_id: String,
    pub(crate) options_json: String,
    pub(crate) sha256: Option<String>,
    pub(crate) size_bytes: Option<u64>,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) created_at: Timestamp,
    pub(crate) queued_at: Option<Timestamp>,
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) finished_at: Option<Timestamp>,
    /// What said that the bundle is there.
    pub(crate) completed_by: Option<String>,
    /// How often it was begun since it was queued.
    pub(crate) attempts: u32,
    /// When a queued one may be begun.
    pub(crate) due_at: Option<Timestamp>,
    /// Where the bundle lies, as long as it is kept.
    pub(crate) object_key: Option<String>,
    /// How far it is, as its worker last wrote it.
    pub(crate) progress_json: Option<String>,
    pub(crate) commit: Option<String>,
    /// What lists show of the answer.
    pub(crate) counts_json: Option<String>,
    /// What lists show of the error.
    pub(crate) error_brief_json: Option<String>,
    /// The whole answer; never in a row of a list.
    pub(crate) answer_json: Option<String>,
    /// The whole error; never in a row of a list.
    pub(crate) error_json: Option<String>,
}

/// Which uploads of a history; an empty one leaves all.
#[derive(Debug, Default)]
pub(crate) struct UploadFilter {
    pub(crate) states: Vec<UploadState>,
    pub(crate) via: Option<&'static str>,
    pub(crate) who: Option<String>,
    pub(crate) since: Option<Timestamp>,
    pub(crate) until: Option<Timestamp>,
}

impl UploadFilter {
    fn push(&self, query: &mut QueryBuilder<Sqlite>) {
        if !self.states.is_empty() {
            let mut states = query.push(" AND state IN (").separated(", ");
            for state in &self.states {
                states.push_bind(state.as_str());
            }
            query.push(")");
        }
        if let Some(via) = self.via {
            query.push(" AND via = ").push_bind(via);
        }
        if let Some(who) = &self.who {
            query.push(" AND lower(email) = lower(").push_bind(who.clone()).push(")");
        }
        for (comparison, time) in [(" AND created_at >= ", self.since), (" AND created_at < ", self.until)] {
            if let Some(time) = time {
                query.push(comparison).push_bind(micros(time));
            }
        }
    }
}

/// A new upload.
#[derive(Debug)]
pub(crate) struct NewUpload<'a> {
    pub(crate) id: &'a str,
    pub(crate) workspace_id: &'a str,
    pub(crate) email: &'a str,
    pub(crate) token_id: &'a str,
    pub(crate) options_json: &'a str,
    pub(crate) now: Timestamp,
}

/// What is promised and demanded of a presigned upload.
#[derive(Debug)]
pub(crate) struct Opening<'a> {
    /// `presigned` or `server`, by where the URL leads; `inline` for a request that is put aside.
    pub(crate) via: &'a str,
    pub(crate) object_key: &'a str,
    pub(crate) expires_at: Timestamp,
    /// Most uploads that may be open at once, those included whose URL is dead but whose object may still be there.
    pub(crate) max_open: u32,
    /// What the client declared.
    pub(crate) sha256: Option<&'a str>,
    pub(crate) size_bytes: Option<u64>,
}

/// What came of an upload, or of one attempt.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) state: UploadState,
    /// When one that is queued again may be begun.
    pub(crate) due_at: Option<Timestamp>,
    pub(crate) sha256: Option<String>,
    pub(crate) size_bytes: Option<u64>,
    pub(crate) commit: Option<String>,
    pub(crate) counts_json: Option<String>,
    pub(crate) error_brief_json: Option<String>,
    pub(crate) answer_json: Option<String>,
    pub(crate) error_json: Option<String>,
}

/// An error as it is recorded.
#[derive(Debug)]
pub(crate) struct RecordedError {
    pub(crate) brief_json: String,
    pub(crate) json: String,
}

pub(super) const LISTED: &str =
    "id, workspace_id, via, state, email, token_id, options_json, sha256, size_bytes,
    expires_at, created_at, queued_at, started_at, finished_at, completed_by, attempts, due_at, object_key,
    progress_json, commit_id, counts_json, error_brief_json";

/// Leaves plans out where only uploads count; quotes in other options are escaped, so that none looks like this.
pub(super) const IS_NO_PLAN: &str = r#"options_json NOT LIKE '%"dryRun":true%'"#;

impl Database {
    /// Begins an inline upload to a workspace that is still there; tells whether it was.
    ///
    /// Uploads that are queued behind it wait for it, or for its lease to end.
    pub(crate) async fn begin_inline_upload(
        &self,
        new: &NewUpload<'_>,
        leased_until: Timestamp,
    ) -> Result<bool, sqlx::Error> {
        let done = sqlx::query(
            "INSERT INTO uploads
               (id, workspace_id, via, state, email, token_id, options_json, created_at, queued_at, started_at,
                completed_by, attempts, leased_until)
             SELECT $1, id, 'inline', 'running', $2, $3, $4, $5, $5, $5, 'client', 1, $7 FROM workspaces
             WHERE id = $6 AND state = 'ready'",
        )
        .bind(new.id)
        .bind(new.email)
        .bind(new.token_id)
        .bind(new.options_json)
        .bind(micros(new.now))
        .bind(new.workspace_id)
        .bind(micros(leased_until))
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Opens an upload by URL, unless the workspace is gone or has its fill of open ones.
    pub(crate) async fn open_upload(
        &self,
        new: &NewUpload<'_>,
        opening: &Opening<'_>,
    ) -> Result<bool, sqlx::Error> {
        let done = sqlx::query(
            "INSERT INTO uploads
               (id, workspace_id, via, state, email, token_id, options_json, created_at, object_key, expires_at,
                sha256, size_bytes)
             SELECT $1, id, $12, 'open', $2, $3, $4, $5, $6, $7, $10, $11 FROM workspaces
             WHERE id = $8 AND state = 'ready'
               AND (SELECT COUNT(*) FROM uploads
                    WHERE workspace_id = $8 AND state IN ('open', 'queued', 'running')
                      AND object_key IS NOT NULL) < $9",
        )
        .bind(new.id)
        .bind(new.email)
        .bind(new.token_id)
        .bind(new.options_json)
        .bind(micros(new.now))
        .bind(opening.object_key)
        .bind(micros(opening.expires_at))
        .bind(new.workspace_id)
        .bind(i64::from(opening.max_open))
        .bind(opening.sha256)
        .bind(opening.size_bytes.and_then(|bytes| i64::try_from(bytes).ok()))
        .bind(opening.via)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Finds an upload of a living workspace.
    pub(crate) async fn find_upload(&self, id: &str) -> Result<Option<UploadRow>, sqlx::Error> {
        let sql = format!(
            "SELECT {LISTED}, answer_json, error_json FROM uploads
             WHERE id = $1 AND workspace_id IN (SELECT id FROM workspaces WHERE state = 'ready')"
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id).fetch_optional(&self.pool).await?;
        row.map(|row| read(&row)).transpose()
    }

    /// Adds a finished upload of a workspace that came from elsewhere; nobody polls it any more.
    pub(crate) async fn import_upload(
        &self,
        workspace_id: &str,
        upload: &ArchivedUpload,
    ) -> Result<(), sqlx::Error> {
        sqlx::query(
            "INSERT INTO uploads (id, workspace_id, via, state, email, token_id, options_json, sha256, size_bytes,
               created_at, finished_at, commit_id, counts_json, error_brief_json)
             VALUES ($1, $2, $3, $4, $5, '', $6, $7, $8, $9, $10, $11, $12, $13)
             ON CONFLICT (id) DO NOTHING",
        )
        .bind(&upload.id)
        .bind(workspace_id)
        .bind(&upload.via)
        .bind(&upload.state)
        .bind(&upload.email)
        .bind(&upload.options)
        .bind(&upload.sha256)
        .bind(upload.size_bytes)
        .bind(micros(upload.created_at))
        .bind(upload.finished_at.map(micros))
        .bind(&upload.commit)
        .bind(&upload.counts)
        .bind(&upload.error_brief)
        .execute(&self.pool)
        .await
        .map(drop)
    }

    /// Counts the uploads of a workspace that a filter leaves.
    pub(crate) async fn count_uploads(
        &self,
        workspace_id: &str,
        filter: &UploadFilter,
    ) -> Result<u64, sqlx::Error> {
        let mut query = QueryBuilder::new("SELECT COUNT(*) FROM uploads WHERE workspace_id = ");
        query.push_bind(workspace_id.to_owned());
        filter.push(&mut query);
        let count: i64 = query.build_query_scalar().fetch_one(&self.pool).await?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Lists a page of the uploads of a workspace that a filter leaves, the newest first.
    pub(crate) async fn list_uploads(
        &self,
        workspace_id: &str,
        filter: &UploadFilter,
        offset: u64,
        limit: u64,
    ) -> Result<Vec<UploadRow>, sqlx::Error> {
        let mut query = QueryBuilder::new(format!(
            "SELECT {LISTED}, NULL AS answer_json, NULL AS error_json FROM uploads WHERE workspace_id = "
        ));
        query.push_bind(workspace_id.to_owned());
        filter.push(&mut query);
        query.push(" ORDER BY created_at DESC, id DESC LIMIT ").push_bind(int(limit));
        query.push(" OFFSET ").push_bind(int(offset));
        query.build().fetch_all(&self.pool).await?.iter().map(read).collect()
    }

    /// Finds the last upload of a workspace that was worked on to its end.
    pub(crate) async fn last_finished_upload(
        &self,
        workspace_id: &str,
    ) -> Result<Option<UploadRow>, sqlx::Error> {
        let sql = format!(
            "SELECT {LISTED}, NULL AS answer_json, NULL AS error_json FROM uploads
             WHERE workspace_id = $1 AND state IN ('succeeded', 'failed') AND {IS_NO_PLAN}
             ORDER BY finished_at DESC, id DESC LIMIT 1"
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(workspace_id).fetch_optional(&self.pool).await?;
        row.map(|row| read(&row)).transpose()
    }
}

pub(super) fn read(row: &SqliteRow) -> Result<UploadRow, sqlx::Error> {
    let state: String = row.try_get("state")?;
    let time = |column: &str| -> Result<Option<Timestamp>, sqlx::Error> {
        Ok(row.try_get::<Option<i64>, _>(column)?.map(timestamp))
    };
    Ok(UploadRow {
        id: row.try_get("id")?,
        workspace_id: row.try_get("workspace_id")?,
        via: row.try_get("via")?,
        state: UploadState::parse(&state)
            .ok_or_else(|| sqlx::Error::Decode(format!("no upload state {state:?}").into()))?,
        email: row.try_get("email")?,
        token_id: row.try_get("token_id")?,
        options_json: row.try_get("options_json")?,
        sha256: row.try_get("sha256")?,
        size_bytes: row.try_get::<Option<i64>, _>("size_bytes")?.and_then(|bytes| u64::try_from(bytes).ok()),
        expires_at: time("expires_at")?,
        created_at: timestamp(row.try_get("created_at")?),
        queued_at: time("queued_at")?,
        started_at: time("started_at")?,
        finished_at: time("finished_at")?,
        completed_by: row.try_get("completed_by")?,
        attempts: u32::try_from(row.try_get::<i64, _>("attempts")?).unwrap_or(u32::MAX),
        due_at: time("due_at")?,
        object_key: row.try_get("object_key")?,
        progress_json: row.try_get("progress_json")?,
        commit: row.try_get("commit_id")?,
        counts_json: row.try_get("counts_json")?,
        error_brief_json: row.try_get("error_brief_json")?,
        answer_json: row.try_get("answer_json")?,
        error_json: row.try_get("error_json")?,
    })
}
