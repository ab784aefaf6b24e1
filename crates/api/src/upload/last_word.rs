//! The last word before an upload's commit becomes the head of the branch.
//!
//! It is asked with the head that is really built on, while no other writer can come between: whether the caller still
//! may, whether the branch is where it must be, and whether the upload is still this worker's. What is about to be
//! committed is written down at the same time, so that whoever takes over after a crash knows whether it was.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Handle;
use workstead_core::upload::Committing;

use super::run::{Answer, Job, called_off};
use crate::access::{self, Action};
use crate::app::AppState;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::revision::IfMatch;
use crate::store::now;
use crate::store::upload_jobs::Promise;
use crate::workspace::Workspace;

/// Asks for one upload; made on an async thread, asked on one that may block.
pub(super) struct LastWord {
    app: AppState,
    runtime: Handle,
    id: String,
    owner: Option<String>,
    caller: Caller,
    workspace: Arc<Workspace>,
    if_match: IfMatch,
    refused: Mutex<Option<ApiError>>,
}

impl LastWord {
    pub(super) fn new(app: &AppState, job: &Job) -> Self {
        Self {
            app: app.clone(),
            runtime: Handle::current(),
            id: job.id.clone(),
            owner: job.owner.clone(),
            caller: job.caller.clone(),
            workspace: Arc::clone(&job.workspace),
            if_match: job.if_match.clone(),
            refused: Mutex::default(),
        }
    }

    /// Says whether the commit may become the head; blocking.
    pub(super) fn may(&self, committing: &Committing<'_>) -> bool {
        match self.runtime.block_on(self.ask(committing)) {
            Ok(()) => true,
            Err(error) => {
                *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                false
            }
        }
    }

    /// Returns why it said no.
    pub(super) fn refusal(&self) -> ApiError {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner).take();
        refused.unwrap_or_else(|| called_off(&self.id))
    }

    async fn ask(&self, committing: &Committing<'_>) -> Result<(), ApiError> {
        let Self { app, id, owner, caller, workspace, if_match, .. } = self;
        access::authorize_again(app, caller, workspace, Action::Upload).await?;
        if let Some(base) = committing.base {
            if_match.check(base)?;
        }
        let answer = Answer::committed(id, &committing.commit.to_string(), committing.summary);
        let promise = Promise {
            commit: &committing.commit.to_string(),
            answer_json: &answer.body.to_string(),
            counts_json: &answer.body["summary"]["counts"].to_string(),
        };
        let is_ours = app.database.promise_commit(id, owner.as_deref(), &promise, now()).await?;
        if is_ours { Ok(()) } else { Err(called_off(id)) }
    }
}
