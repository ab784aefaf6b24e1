//! What followers of a workspace are told of its uploads, in the transaction that ends them.

use jiff::Timestamp;
use serde_json::{Value, json};
use sqlx::{Row, SqliteConnection};

use super::events::{self, EventKind, NewEvent};
use super::uploads::IS_NO_PLAN;

/// Tells what came of an upload, if it is over now and was no plan.
pub(super) async fn tell(
    connection: &mut SqliteConnection,
    id: &str,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let sql = format!(
        "SELECT workspace_id, via, state, email, commit_id, counts_json, error_brief_json FROM uploads
         WHERE id = $1 AND state IN ('succeeded', 'failed', 'cancelled') AND {IS_NO_PLAN}"
    );
    let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id).fetch_optional(&mut *connection).await?;
    let Some(row) = row else { return Ok(()) };
    let (state, via): (String, String) = (row.try_get("state")?, row.try_get("via")?);
    let commit: Option<String> = row.try_get("commit_id")?;
    // Until it succeeded they are a promise.
    let is_done = state == "succeeded";
    let data = json!({
        "upload": id,
        "status": state,
        "via": via,
        "commit": commit.filter(|_| is_done),
        "counts": parsed(row.try_get::<Option<String>, _>("counts_json")?.filter(|_| is_done)),
        "error": parsed(row.try_get("error_brief_json")?),
    });
    let event = NewEvent {
        workspace_id: row.try_get("workspace_id")?,
        kind: EventKind::Upload,
        actor: Some(row.try_get("email")?),
        data,
    };
    events::insert(connection, &event, now).await
}

fn parsed(json: Option<String>) -> Value {
    json.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
}
