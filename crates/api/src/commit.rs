//! The one way of every write of the API: work it out, examine it, commit it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use axum::http::HeaderMap;
use bytes::Bytes;
use jiff::Timestamp;
use tokio::runtime::Handle;
use workstead_core::door::{self, Door, Examination};
use workstead_core::model::FactsCache;
use workstead_core::name::{BranchName, WorkspaceName};
use workstead_core::oid::{BlobId, CommitId};
use workstead_core::path::RepoPath;
use workstead_core::repository::{Author, CommitRequest, Error, Outcome, Snapshot};
use workstead_core::role::Role;
use workstead_core::tree::{Edit, Edits, FileTree, ReadError};

use crate::access::{self, Action, Permit};
use crate::app::AppState;
use crate::auth::Caller;
use crate::context::RequestContext;
use crate::error::ApiError;
use crate::events;
use crate::housekeeping;
use crate::index;
use crate::metrics::{WriteDoor, WriteEnd};
use crate::mirrors;
use crate::people::last_admin::LastAdmin;
use crate::revision::IfMatch;
use crate::room;
use crate::workspace::Workspace;

/// How often a change is worked out again for a branch that moved meanwhile.
const ATTEMPTS: usize = 8;

/// Who writes where.
#[derive(Debug, Clone)]
pub(crate) struct WriteRequest {
    pub(crate) workspace: Arc<Workspace>,
    /// One that does not exist begins at the head of the default branch.
    pub(crate) branch: BranchName,
    pub(crate) role: Role,
    /// What the caller was let in for.
    pub(crate) action: Action,
    pub(crate) caller: Caller,
    pub(crate) context: RequestContext,
    pub(crate) if_match: IfMatch,
}

impl WriteRequest {
    /// Makes the request of a permitted caller.
    pub(crate) fn new(
        permit: Permit,
        branch: BranchName,
        context: RequestContext,
        headers: &HeaderMap,
    ) -> Self {
        let Permit { workspace, caller, role, action } = permit;
        Self { workspace, branch, role, action, caller, context, if_match: IfMatch::of(headers) }
    }
}

/// A change of one revision, worked out against its files.
#[derive(Debug)]
pub(crate) struct Draft<T> {
    /// None at all when nothing is to change.
    pub(crate) edits: Edits,
    /// What is taken over from other revisions.
    pub(crate) taken: Option<Taken>,
    /// The commit's message, made safe.
    pub(crate) message: String,
    /// What the writer wants to know afterwards.
    pub(crate) result: T,
}

/// What a draft takes over from other revisions, beside its edits.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    /// Further parents of the commit.
    pub(crate) parents: Vec<CommitId>,
    /// Whether files may be run, where that changes.
    pub(crate) executable: BTreeMap<RepoPath, bool>,
    /// A commit that the branch moves to instead of a new one; the edits lead there.
    pub(crate) fast_forward: Option<CommitId>,
}

/// What became of a write.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Written<T> {
    /// Where the branch was, or began.
    pub(crate) before: CommitId,
    /// Where the branch is now.
    pub(crate) commit: CommitId,
    /// Whether that is a commit of this write; one that changes nothing makes none.
    pub(crate) is_new: bool,
    pub(crate) result: T,
}

/// Writes to a branch what `draft` makes of its files.
///
/// It is worked out again as long as the branch moves under it.
pub(crate) async fn write<T: Send + 'static>(
    app: &AppState,
    request: WriteRequest,
    draft: impl Fn(&WriteRequest, &Snapshot) -> Result<Draft<T>, ApiError> + Send + 'static,
) -> Result<Written<T>, ApiError> {
    let begun = Instant::now();
    let written = write_in_turn(app, request, draft).await;
    let end = match &written {
        Ok(written) if written.is_new => WriteEnd::Committed,
        Ok(_) => WriteEnd::Unchanged,
        Err(error) => WriteEnd::of_error(error),
    };
    app.metrics.wrote(WriteDoor::Api, end, begun);
    written
}

async fn write_in_turn<T: Send + 'static>(
    app: &AppState,
    mut request: WriteRequest,
    draft: impl Fn(&WriteRequest, &Snapshot) -> Result<Draft<T>, ApiError> + Send + 'static,
) -> Result<Written<T>, ApiError> {
    let workspace = Arc::clone(&request.workspace);
    let branch = request.branch.clone();
    let is_default = branch == *workspace.branch();
    let turn = app.change_turns.take(workspace.id()).await?;
    app.right_of_way.give_way(workspace.id()).await;
    // Asked again: many may have written before it was this one's turn, and one of them may have taken the role.
    let (present, role) =
        access::authorize_again(app, &request.caller, &request.workspace, request.action).await?;
    (request.workspace, request.role) = (present, role);
    let upstream = if is_default { app.database.followed_upstream(workspace.id()).await? } else { None };
    let state = app.clone();
    let written = app.work.blocking(move || follow(&state, &request, upstream.as_deref(), &draft)).await??;
    drop(turn);
    match (written.is_new, is_default) {
        (true, true) => index::moved(app, &workspace).await,
        (true, false) => {
            events::moved(app, &workspace, &branch, Some(written.before), written.commit).await;
            housekeeping::consolidate(app, &workspace);
        }
        (false, _) => {}
    }
    Ok(written)
}

type Drafting<'a, T> = &'a dyn Fn(&WriteRequest, &Snapshot) -> Result<Draft<T>, ApiError>;

fn follow<T>(
    app: &AppState,
    request: &WriteRequest,
    upstream: Option<&str>,
    draft: Drafting<'_, T>,
) -> Result<Written<T>, ApiError> {
    for _ in 0..ATTEMPTS {
        if let Some(written) = write_once(app, request, upstream, draft)? {
            return Ok(written);
        }
    }
    Err(ApiError::unavailable(
        "branch_busy",
        "the branch moves faster than this change can follow; try again",
        1,
    ))
}

/// Writes to the branch where it is; nothing is returned when it was moved meanwhile.
fn write_once<T>(
    app: &AppState,
    request: &WriteRequest,
    upstream: Option<&str>,
    draft: Drafting<'_, T>,
) -> Result<Option<Written<T>>, ApiError> {
    let WriteRequest { workspace, branch, .. } = request;
    let repository = workspace.repository();
    let head = repository.head(branch)?;
    let base = head.map_or_else(|| workspace.head(), Ok)?;
    request.if_match.check(base)?;
    let snapshot = repository.snapshot(base)?;
    let Draft { edits, taken, message, result } = draft(request, &snapshot)?;
    if !edits.is_empty() {
        let new_tree = Edited::new(&*snapshot, &edits);
        let door = if taken.is_some() { Door::Merge } else { Door::Api };
        let examination = examine(workspace.name(), &app.facts, Some(&*snapshot), &new_tree, door)?;
        access::require(request.role, examination.needs, "this change", workspace)?;
        // Roles are those of the default branch; what another says grants nothing and takes nothing.
        if let Some(change) = examination.permissions.filter(|_| branch == workspace.branch()) {
            LastAdmin::of(app, workspace, Handle::current()).check(&change)?;
        }
    }
    if !edits.is_empty() || taken.is_some() {
        mirrors::refuse_where_pulled(workspace, upstream)?;
    }
    if taken.is_some() {
        mirrors::note_dot_names(app, workspace, request.caller.email(), &edits)?;
    }
    if head.is_none() {
        match repository.create_branch(branch, base) {
            // Somebody else was first.
            Err(Error::BranchExists(_)) => return Ok(None),
            created => created?,
        }
    }
    let Taken { parents, executable, fast_forward } = taken.unwrap_or_default();
    if let Some(commit) = fast_forward {
        let moved = repository.fast_forward(branch, base, commit)?;
        return Ok(moved.then_some(Written { before: base, commit, is_new: true, result }));
    }
    if edits.is_empty() && parents.is_empty() {
        return Ok(Some(Written { before: base, commit: base, is_new: false, result }));
    }
    let outcome = repository.commit(&CommitRequest {
        branch,
        base: Some(base),
        edits: &edits,
        executable: Some(&executable),
        merged: &parents,
        records: &[],
        author: &author(&request.caller),
        message: &message,
        trailers: &request.context.trailers(),
        when: Timestamp::now(),
    });
    Ok(match outcome.map_err(|error| room::refused(workspace.name(), error))? {
        Outcome::Committed(commit) => Some(Written { before: base, commit, is_new: true, result }),
        Outcome::Unchanged => Some(Written { before: base, commit: base, is_new: false, result }),
        Outcome::Conflict(_) => None,
    })
}

/// Returns the author of a caller's commits.
pub(crate) fn author(caller: &Caller) -> Author {
    Author { name: caller.email().to_owned(), email: caller.email().to_owned() }
}

/// A revision with edits applied, without copying what they leave alone.
pub(crate) struct Edited<'a> {
    base: &'a dyn FileTree,
    files: BTreeMap<RepoPath, BlobId>,
    written: BTreeMap<BlobId, Bytes>,
}

impl<'a> Edited<'a> {
    /// Applies edits to a revision.
    pub(crate) fn new(base: &'a dyn FileTree, edits: &Edits) -> Self {
        let mut files = base.files().clone();
        let mut written = BTreeMap::new();
        for (path, edit) in edits {
            match edit {
                Edit::Write(content) => {
                    let id = BlobId::of(content);
                    written.insert(id, content.clone());
                    files.insert(path.clone(), id);
                }
                Edit::Link(id) => {
                    files.insert(path.clone(), *id);
                }
                Edit::Remove => {
                    files.remove(path);
                }
            }
        }
        Self { base, files, written }
    }
}

impl FileTree for Edited<'_> {
    fn files(&self) -> &BTreeMap<RepoPath, BlobId> {
        &self.files
    }

    fn read(&self, id: BlobId) -> Result<Bytes, ReadError> {
        self.written.get(&id).map_or_else(|| self.base.read(id), |content| Ok(content.clone()))
    }
}

/// Asks the door-keeper about a change; what it must not be is an error.
pub(crate) fn examine(
    name: &WorkspaceName,
    facts: &FactsCache,
    old: Option<&dyn FileTree>,
    new: &dyn FileTree,
    door: Door,
) -> Result<Examination, ApiError> {
    let examination = door::examine(name, facts, old, new, door)?;
    if !examination.problems.is_acceptable() {
        return Err(ApiError::invalid_content("invalid_content", examination.problems));
    }
    Ok(examination)
}

#[cfg(test)]
mod tests {
    use workstead_core::tree::MemoryTree;

    use super::*;

    #[test]
    fn edits_lie_over_the_revision() {
        let path = |text: &str| RepoPath::parse(text).unwrap();
        let base = MemoryTree::from_iter([
            (path("a"), Bytes::from_static(b"1")),
            (path("b"), Bytes::from_static(b"2")),
        ]);
        let edits = Edits::from([
            (path("a"), Edit::Remove),
            (path("c"), Edit::Write(Bytes::from_static(b"3"))),
            (path("d"), Edit::Link(BlobId::of(b"2"))),
        ]);
        let edited = Edited::new(&base, &edits);
        let read = |path: &str| edited.read_path(path).unwrap().map(|bytes| bytes.to_vec());
        assert_eq!(read("a"), None);
        assert_eq!(read("b"), Some(b"2".to_vec()));
        assert_eq!(read("c"), Some(b"3".to_vec()));
        assert_eq!(read("d"), Some(b"2".to_vec()));
    }
}
