//! What one commit says of its workspace, read once.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use workstead_core::model::{CachedWorkspace, FactsCache};
use workstead_core::name::BranchName;
use workstead_core::oid::CommitId;
use workstead_core::repository::Repository;
use workstead_core::role::Role;
use workstead_core::tree::FileTree;
use workstead_core::workspace_file::{Subject, WorkspaceFile};

use crate::app::AppState;
use crate::error::ApiError;
use crate::health::conditions::Readable;
use crate::query::rfc3339;
use crate::store::email_key;
use crate::store::workspaces::{Indexed, WorkspaceRow};
use crate::workspace::Workspace;

/// The path of the file that makes a repository a workspace.
pub(crate) const WORKSPACE_FILE: &str = "workspace.yaml";

/// The location of a workspace that enables none: the builder can't do without one.
const DEFAULT_LOCATION: &str = "default";

/// The workspace as of one commit, which never changes.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) commit: CommitId,
    /// What `workspace.yaml` says; nothing when it is absent.
    source: Option<Arc<CachedWorkspace>>,
    /// Roles by address in lower case, and by group.
    roles: Vec<(Subject, Role)>,
    bytes: u32,
    rendered: Mutex<Option<Rendered>>,
}

/// An answer with what it holds beside Git.
#[derive(Debug)]
struct Rendered {
    version: i64,
    updated_at: Timestamp,
    body: Bytes,
}

impl View {
    fn read(repository: &Repository, facts: &FactsCache, commit: CommitId) -> Result<Self, ApiError> {
        let snapshot = repository.snapshot(commit)?;
        let Some(id) = snapshot.files().get(WORKSPACE_FILE).copied() else {
            return Ok(Self::new(commit, None, 0));
        };
        let mut bytes = 0;
        let file = facts.workspace(id, || {
            let content = snapshot.read(id)?;
            bytes = content.len();
            Ok(content)
        })?;
        Ok(Self::new(commit, Some(file), bytes))
    }

    /// Reads the head of a repository that was just made.
    pub(crate) fn of_first(repository: &Repository, facts: &FactsCache) -> Result<Self, ApiError> {
        let head = repository.head(&BranchName::main())?;
        let commit = head.ok_or_else(|| ApiError::internal("a new repository has no first commit"))?;
        Self::read(repository, facts, commit)
    }

    fn new(commit: CommitId, source: Option<Arc<CachedWorkspace>>, bytes: usize) -> Self {
        let roles = source.as_deref().and_then(|file| file.as_ref().ok()).map(roles).unwrap_or_default();
        Self {
            commit,
            source,
            roles,
            bytes: u32::try_from(bytes).unwrap_or(u32::MAX),
            rendered: Mutex::default(),
        }
    }

    /// Returns what `workspace.yaml` says, or nothing when it is absent or can't be read.
    pub(crate) fn file(&self) -> Option<&WorkspaceFile> {
        self.source.as_deref()?.as_ref().ok()
    }

    /// Tells whether this commit says what the workspace is.
    pub(crate) fn readable(&self) -> Readable {
        if self.file().is_some() { Readable::Yes } else { Readable::NoFile }
    }

    /// Returns the location that counts when nobody names one: the first that is enabled, else `default`.
    pub(crate) fn default_location(&self) -> &str {
        let enabled = self.file().and_then(|file| file.config.enabled_locations.first());
        enabled.map_or(DEFAULT_LOCATION, String::as_str)
    }

    /// Returns roughly how many bytes it keeps: the parsed file and the rendered answer.
    pub(crate) fn weight(&self) -> u32 {
        self.bytes.saturating_mul(6).saturating_add(1024)
    }

    /// Returns the greatest role that the permissions of this commit give to an address or one of its groups.
    pub(crate) fn role_of(&self, email: &str, groups: &[String]) -> Option<Role> {
        let key = email_key(email);
        let is_theirs = |subject: &Subject| match subject {
            Subject::User(known) => *known == key,
            Subject::Group(name) => groups.contains(name),
        };
        self.roles.iter().filter(|(subject, _)| is_theirs(subject)).map(|(_, role)| *role).max()
    }

    /// Returns the addresses that have a role by themselves.
    pub(crate) fn members(&self) -> Vec<String> {
        let email = |(subject, _): &(Subject, Role)| match subject {
            Subject::User(email) => Some(email.clone()),
            Subject::Group(_) => None,
        };
        self.roles.iter().filter_map(email).collect()
    }

    /// Returns the groups whose members have a role.
    pub(crate) fn groups(&self) -> Vec<String> {
        let group = |(subject, _): &(Subject, Role)| match subject {
            Subject::User(_) => None,
            Subject::Group(name) => Some(name.clone()),
        };
        self.roles.iter().filter_map(group).collect()
    }

    /// Returns who has which role, as `workspace.yaml` lists them.
    pub(crate) fn roles(&self) -> &[(Subject, Role)] {
        &self.roles
    }

    /// Returns what lists show of this commit.
    pub(crate) fn indexed(&self) -> Indexed {
        let config = self.file().map(|file| &file.config);
        Indexed {
            revision: self.commit.to_string(),
            display_name: config.and_then(|config| config.display_name.clone()),
            locations: config.map(|config| config.enabled_locations.clone()).unwrap_or_default(),
            members: self.members(),
            groups: self.groups(),
        }
    }

    /// Returns the workspace object as JSON text, rendered once.
    pub(crate) fn render(&self, app: &AppState, workspace: &Workspace) -> Bytes {
        let row = &workspace.row;
        // A poisoned lock only means that a rendering panicked; what it guards is whole.
        let mut rendered = self.rendered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = &*rendered
            && known.version == row.version
            && known.updated_at == row.updated_at
        {
            return known.body.clone();
        }
        let body = Bytes::from(Value::Object(self.object(app, workspace)).to_string());
        *rendered = Some(Rendered { version: row.version, updated_at: row.updated_at, body: body.clone() });
        body
    }

    fn object(&self, app: &AppState, workspace: &Workspace) -> Map<String, Value> {
        let row = &workspace.row;
        let mut object = Map::new();
        object.insert("name".to_owned(), json!(row.name));
        let mut config = self.file().map(|file| file.config.to_json()).unwrap_or_default();
        let display_name = config.shift_remove("displayName").unwrap_or_default();
        object.insert("displayName".to_owned(), display_name.clone());
        object.insert("owner".to_owned(), json!(row.owner));
        object.append(&mut config);
        object.extend(dates(row));
        let spec = self.file().map_or_else(|| json!({}), |file| file.spec.clone());
        object.insert("spec".to_owned(), spec);
        object.insert("alias".to_owned(), display_name);
        object.insert("repoUrl".to_owned(), json!(app.url(&format!("/git/{}.git", row.name))));
        object.insert("branch".to_owned(), json!(workspace.branch()));
        object.insert("revision".to_owned(), json!(self.commit));
        object
    }
}

/// Writes the row of a list.
pub(crate) fn list_row(row: &WorkspaceRow) -> Value {
    let mut object = Map::new();
    object.insert("name".to_owned(), json!(row.name));
    object.insert("displayName".to_owned(), json!(row.display_name));
    object.insert("owner".to_owned(), json!(row.owner));
    object.insert("enabledLocations".to_owned(), json!(row.locations));
    object.extend(dates(row));
    Value::Object(object)
}

fn dates(row: &WorkspaceRow) -> [(String, Value); 2] {
    [
        ("createdAt".to_owned(), json!(rfc3339(row.created_at))),
        ("updatedAt".to_owned(), json!(rfc3339(row.updated_at))),
    ]
}

fn roles(file: &WorkspaceFile) -> Vec<(Subject, Role)> {
    let role = |permission: &workstead_core::workspace_file::Permission| {
        // A role that we don't know grants nothing.
        let role = Role::parse(&permission.role).ok()?;
        let subject = match &permission.subject {
            Subject::User(email) => Subject::User(email_key(email)),
            group @ Subject::Group(_) => group.clone(),
        };
        Some((subject, role))
    };
    file.config.permissions.iter().filter_map(role).collect()
}

/// Returns the view of a commit, from memory when it was read before.
pub(crate) async fn of(
    app: &AppState,
    workspace: &Arc<Workspace>,
    commit: CommitId,
) -> Result<Arc<View>, ApiError> {
    let key = (workspace.row.id.clone(), commit);
    if let Some(view) = app.views.get(&key) {
        return Ok(view);
    }
    let (state, shared) = (app.clone(), Arc::clone(workspace));
    let view = app.work.blocking(move || View::read(shared.repository(), &state.facts, commit)).await??;
    let view = Arc::new(view);
    app.views.insert(key, Arc::clone(&view));
    Ok(view)
}

/// Returns the view of the default branch's head.
pub(crate) async fn of_head(app: &AppState, workspace: &Arc<Workspace>) -> Result<Arc<View>, ApiError> {
    let head = workspace.head()?;
    of(app, workspace, head).await
}
