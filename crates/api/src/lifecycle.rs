//! Creating and deleting workspaces, also across crashes.
//!
//! Creation takes the name first, then makes the repository, then brings the row to life. Deletion marks the row
//! first, from which moment nothing finds the workspace and its name is free, then removes repository, rows and objects.
//! The mark goes last: while the store is down it stays, and the sweeper finishes the deletion. What a crash cuts short
//! is taken apart at the next start: a row that is not `ready` has nothing that was promised.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};
use workstead_core::door::Door;
use workstead_core::name::{BranchName, WorkspaceName};
use workstead_core::path::RepoPath;
use workstead_core::repository::{FirstCommit, RepositoryId};
use workstead_core::tree::{Edit, Edits, MemoryTree};
use workstead_core::workspace_file::{WorkspaceConfig, new_workspace};

use crate::app::AppState;
use crate::auth::Caller;
use crate::commit::{Edited, author, examine};
use crate::config::{read_owner, workspace_path};
use crate::context::RequestContext;
use crate::error::{ApiError, field_problems};
use crate::metrics::StoreOperation;
use crate::settings::CreatePolicy;
use crate::store::{email_key, now};
use crate::upload::Failures;
use crate::view;
use crate::workspace::{self, Workspace, repository_id};

/// How long a request waits for the object store to delete what a workspace has there.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a deletion belongs to the request that asked for it.
const IN_PROGRESS: SignedDuration = SignedDuration::from_mins(1);

/// A workspace to be made.
pub(crate) struct NewWorkspace {
    pub(crate) name: WorkspaceName,
    owner: String,
    files: Edits,
}

impl NewWorkspace {
    /// Reads and checks the body of a creation.
    pub(crate) fn read(
        app: &AppState,
        caller: &Caller,
        mut body: Map<String, Value>,
    ) -> Result<Self, ApiError> {
        let name = read_name(&body)?;
        let owner = body.shift_remove("owner").map(|value| read_owner(&value)).transpose()?;
        let owner = owner.unwrap_or_else(|| caller.email().to_owned());
        if email_key(&owner) != email_key(caller.email()) && !caller.is_staff() {
            let detail = "only staff may create a workspace for somebody else; leave out owner";
            return Err(ApiError::forbidden("owner_not_allowed", detail));
        }
        let config = WorkspaceConfig::default().replaced(&Value::Object(body)).map_err(field_problems)?;
        let files = Edits::from([
            (workspace_path()?, Edit::Write(Bytes::from(new_workspace(&name, &config)))),
            (readme_path()?, Edit::Write(Bytes::from(readme(app, &name)))),
        ]);
        let empty = MemoryTree::new();
        examine(&name, &app.facts, None, &Edited::new(&empty, &files), Door::Api)?;
        Ok(Self { name, owner, files })
    }
}

/// Refuses callers who may not create workspaces.
pub(crate) fn may_create(app: &AppState, caller: &Caller) -> Result<(), ApiError> {
    crate::access::refuse_scoped(caller)?;
    if app.settings.create == CreatePolicy::Staff && !caller.is_staff() {
        let detail = "only staff may create workspaces on this server (WORKSTEAD_CREATE=staff)";
        return Err(ApiError::forbidden("creation_not_allowed", detail));
    }
    Ok(())
}

/// Creates a workspace with its repository.
pub(crate) async fn create(
    app: &AppState,
    caller: &Caller,
    context: &RequestContext,
    new: NewWorkspace,
) -> Result<Arc<Workspace>, ApiError> {
    let id = uuid::Uuid::now_v7().to_string();
    if !app.database.begin_workspace(&id, &new.name, &new.owner, now()).await? {
        let detail = format!("there is a workspace {} already; choose another name", new.name);
        return Err(ApiError::conflict("workspace_exists", detail));
    }
    let name = new.name.clone();
    let made = make(app, caller, context, &id, new).await;
    if let Err(error) = made {
        abandon(app, &id).await;
        return Err(error);
    }
    let found = workspace::find(app, name.as_str()).await?;
    found.ok_or_else(|| ApiError::workspace_not_found(name.as_str()))
}

async fn make(
    app: &AppState,
    caller: &Caller,
    context: &RequestContext,
    id: &str,
    new: NewWorkspace,
) -> Result<(), ApiError> {
    let (state, repository_id) = (app.clone(), repository_id(id)?);
    let (author, trailers) = (author(caller), context.trailers());
    let made = app.work.blocking(move || {
        let message = format!("Create workspace {}", new.name);
        let first = FirstCommit {
            branch: BranchName::main(),
            edits: new.files,
            author,
            message,
            trailers,
            when: Timestamp::now(),
        };
        let repository = state.repositories.create(&repository_id, first)?;
        view::View::of_first(&repository, &state.facts)
    });
    let view = made.await??;
    app.database.finish_workspace(id, &view.indexed()).await?;
    Ok(())
}

/// Deletes a workspace for good; once it is marked, what can't be removed now is removed later.
pub(crate) async fn delete(app: &AppState, workspace: &Workspace) -> Result<(), ApiError> {
    let marked = app.database.begin_deletion(workspace.id(), now()).await?;
    app.workspaces.forget(&workspace.name().as_str().to_owned());
    if !marked {
        return Err(ApiError::workspace_not_found(workspace.name().as_str()));
    }
    take_apart(app, workspace.id()).await;
    Ok(())
}

/// Takes apart what was made for a workspace that came to nothing.
pub(crate) async fn abandon(app: &AppState, id: &str) {
    if let Err(error) = app.database.abandon_creation(Some(id), now()).await {
        // The next start finds it.
        tracing::error!(id, %error, "a creation that failed can't be marked");
        return;
    }
    take_apart(app, id).await;
}

/// Removes as much as can be of a workspace that is marked; the sweeper removes the rest.
async fn take_apart(app: &AppState, id: &str) {
    let later = |error: &ApiError| {
        let cause = error.cause().map(ToString::to_string);
        tracing::warn!(id, cause, %error, "a workspace is marked as deleted, but not all of it is gone; the sweeper goes on");
    };
    if let Err(error) = remove_own(app, id).await {
        return later(&error);
    }
    let (state, owned) = (app.clone(), id.to_owned());
    // Goes on when it takes longer; who asked does not wait for a store that is down.
    let removing = app.work.to_end(async move { remove_objects(&state, &owned).await });
    match tokio::time::timeout(PATIENCE, removing).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => later(&error),
        Err(_) => later(&ApiError::unavailable("store_slow", "the object store takes long", 5)),
    }
}

/// Removes repository and rows, which are on this machine. Twice is fine.
async fn remove_own(app: &AppState, id: &str) -> Result<(), ApiError> {
    let repository: RepositoryId = repository_id(id)?;
    let state = app.clone();
    let removed = app.work.blocking(move || state.repositories.remove(&repository)).await?;
    app.database.clear_workspace(id).await?;
    // Upload tokens of the workspace are gone with its rows.
    app.callers.forget_all();
    Ok(removed?)
}

/// Removes objects, then the mark. Twice is fine.
async fn remove_objects(app: &AppState, id: &str) -> Result<(), ApiError> {
    let (state, owned) = (app.clone(), id.to_owned());
    app.work
        .blocking(move || {
            state.store_call(StoreOperation::DeleteWorkspace, |objects| objects.delete_workspace(&owned))
        })
        .await??;
    Ok(app.database.finish_deletion(id).await?)
}

/// Takes apart what a crash left of creations and deletions, as far as it is on this machine.
///
/// Objects are left to the sweeper: a store that is down must not keep the server from starting.
pub(crate) async fn finish_interrupted(app: &AppState) -> Result<(), ApiError> {
    app.database.abandon_creation(None, now()).await?;
    for id in app.database.unfinished_deletions(Timestamp::MAX).await? {
        tracing::info!(id, "taking apart a workspace whose creation or deletion was cut short");
        if let Err(error) = remove_own(app, &id).await {
            let cause = error.cause().map(ToString::to_string);
            tracing::error!(id, cause, %error, "it can't be taken apart yet; the sweeper tries again");
        }
    }
    Ok(())
}

/// Finishes deletions that could not be finished when they were asked for.
pub(crate) async fn finish_deletions(app: &AppState, now: Timestamp) -> Result<(), ApiError> {
    let mut failures = Failures::default();
    for id in app.database.unfinished_deletions(now - IN_PROGRESS).await? {
        let own = remove_own(app, &id).await;
        let removed = match own {
            Ok(()) => remove_objects(app, &id).await,
            Err(error) => Err(error),
        };
        match removed {
            Ok(()) => tracing::info!(id, "the deletion of a workspace was finished"),
            Err(error) => failures.note(&id, error)?,
        }
    }
    failures.result()
}

fn read_name(body: &Map<String, Value>) -> Result<WorkspaceName, ApiError> {
    let missing =
        || ApiError::invalid("missing_field", "the field name is missing, expected the workspace's name");
    let value = body.get("name").ok_or_else(missing)?;
    let text = value.as_str().ok_or_else(|| {
        ApiError::invalid("invalid_field", format!("the field name is {value}, expected a string"))
    })?;
    WorkspaceName::parse(text).map_err(|error| ApiError::invalid("invalid_name", error.to_string()))
}

fn readme_path() -> Result<RepoPath, ApiError> {
    RepoPath::parse("README.md").map_err(ApiError::internal)
}

fn readme(app: &AppState, name: &WorkspaceName) -> String {
    let url = app.url(&format!("/git/{name}.git"));
    format!(
        "# {name}\n\n\
        The configuration of this workspace: `workspace.yaml`, and one directory for each SLX under `slxs/`.\n\n\
        It is changed by `git push` to {url}, by uploads of the workspace builder, and by the HTTP API.\n\
        Whatever comes in is checked; edits that people made are kept when a builder uploads again.\n"
    )
}
