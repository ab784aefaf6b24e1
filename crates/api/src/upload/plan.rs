//! The answer of a dry run: what the upload would do.

use std::sync::Arc;

use serde_json::{Value, json};
use workstead_core::upload::{PlanLimits, UploadPlan, UploadRequest, plan_upload};

use super::run::{Answer, Job};
use crate::access::{self, Action};
use crate::app::AppState;
use crate::error::ApiError;
use crate::mirrors;

/// Plans an upload and writes the answer.
pub(super) async fn answer(app: &AppState, job: &Job, request: UploadRequest) -> Result<Answer, ApiError> {
    let limits = PlanLimits { shows_contents: may_read(app, job).await?, ..PlanLimits::default() };
    let (state, workspace) = (app.clone(), Arc::clone(&job.workspace));
    let upstream = app.database.followed_upstream(workspace.id()).await?;
    let pulled = mirrors::refuse_where_pulled(&workspace, upstream.as_deref()).err();
    let id = job.id.clone();
    let planned = app.work.large(move || {
        let plan = plan_upload(workspace.repository(), &state.facts, request, &limits)?;
        write(&id, plan, pulled)
    });
    planned.await?
}

fn write(id: &str, mut plan: UploadPlan, pulled: Option<ApiError>) -> Result<Answer, ApiError> {
    let refusal = plan.refusal.take().map(ApiError::from);
    let refusal = refusal.or(pulled.filter(|_| plan.changes));
    let refusal = refusal.map(|error| json!({ "code": error.code(), "detail": error.detail() }));
    let message = message(&plan, refusal.is_some());
    let mut shown = serde_json::to_value(&plan).map_err(ApiError::internal)?;
    shown["wouldBeRefused"] = refusal.unwrap_or_default();
    let body = json!({
        "task_id": id,
        "status": "planned",
        "message": message,
        "commit": Value::Null,
        "summary": plan.summary,
        "plan": shown,
    });
    Ok(Answer { commit: None, committed: false, body })
}

fn message(plan: &UploadPlan, is_refused: bool) -> String {
    if !plan.changes {
        return "the branch holds all of it already; an upload would make no commit".to_owned();
    }
    let counts = &plan.counts;
    let would = if is_refused { "would be refused; it would have" } else { "would have" };
    format!(
        "nothing was changed; an upload {would} {} SLX{} to add, {} to change, {} to prune",
        counts.added,
        if counts.added == 1 { "" } else { "s" },
        counts.changed,
        counts.pruned
    )
}

/// Tells whether the caller may see what the branch holds, which diffs show: an upload token may not.
async fn may_read(app: &AppState, job: &Job) -> Result<bool, ApiError> {
    match access::authorize(app, &job.caller, &job.workspace, Action::Read).await {
        Ok(_) => Ok(true),
        Err(error) if error.status().is_server_error() => Err(error),
        Err(_) => Ok(false),
    }
}
