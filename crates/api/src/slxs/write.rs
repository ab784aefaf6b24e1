//! Writing the files of SLXs: each way of it ends as one commit.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Serialize;
use utoipa::ToSchema;
use workstead_core::model::SLX_FILE;
use workstead_core::name::SlxName;
use workstead_core::oid::CommitId;
use workstead_core::path::RepoPath;
use workstead_core::slx_config::{DeleteError, SlxTarget, delete_slx};
use workstead_core::tree::{Edit, Edits, FileTree};

use crate::app::AppState;
use crate::commit::{self, Draft, WriteRequest};
use crate::context::safe_line;
use crate::error::{ApiError, one_line};
use crate::fields::Fields;
use crate::slxs::{find, not_found, resolve};

/// Most characters of a client's message that enter a commit.
const MAX_MESSAGE_CHARS: usize = 500;

/// Takes a client's message out of a body.
pub(crate) fn read_message(body: &mut Fields) -> Result<Option<String>, ApiError> {
    let (snake, camel) = (body.text("commit_msg")?, body.text("commitMsg")?);
    Ok(snake.or(camel))
}

/// Makes the new text of a file from the present one, if there is one.
pub(crate) type Rewrite = dyn Fn(SlxTarget<'_>, Option<&str>) -> Result<String, ApiError> + Send + Sync;

/// What happens to an SLX.
pub(crate) enum Change {
    /// Files of its directory by name; nothing removes one. The others stay.
    Files(BTreeMap<String, Option<Bytes>>),
    /// One file is made from what it is.
    Rewrite { file: String, rewrite: Box<Rewrite> },
    /// The whole directory goes, with what names the SLX in groups and relationships.
    Delete,
}

/// Which SLX is meant.
pub(crate) enum SlxRef {
    /// Its short name, or that with the workspace.
    Text(String),
    /// Its short name and nothing else.
    Short(SlxName),
}

/// A change of one SLX.
pub(crate) struct SlxChange {
    pub(crate) slx: SlxRef,
    pub(crate) change: Change,
    /// What the client says of it.
    pub(crate) message: Option<String>,
}

/// What became of the SLX, or of the one file that was to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Effect {
    Created,
    Updated,
    Unchanged,
    Deleted,
}

/// How a write ended.
#[derive(Debug, Clone)]
pub(crate) struct SlxWritten {
    pub(crate) slx: SlxName,
    pub(crate) effect: Effect,
    /// Where the branch is now.
    pub(crate) commit: CommitId,
}

/// Changes an SLX by one commit; a change of nothing makes none.
pub(crate) async fn write(
    app: &AppState,
    request: WriteRequest,
    change: SlxChange,
) -> Result<SlxWritten, ApiError> {
    let max_bytes = app.settings.upload_limits.max_file_bytes;
    let written = commit::write(app, request, move |request, snapshot| {
        let draft = Plan { request, tree: snapshot, change: &change }.draft()?;
        check_sizes(&draft.edits, max_bytes)?;
        Ok(draft)
    });
    let written = written.await?;
    let (slx, effect) = written.result;
    let effect = if written.is_new { effect } else { Effect::Unchanged };
    Ok(SlxWritten { slx, effect, commit: written.commit })
}

/// A change and the files that it is of.
struct Plan<'a> {
    request: &'a WriteRequest,
    tree: &'a dyn FileTree,
    change: &'a SlxChange,
}

impl Plan<'_> {
    fn draft(&self) -> Result<Draft<(SlxName, Effect)>, ApiError> {
        match &self.change.change {
            Change::Files(files) => self.put(files),
            Change::Rewrite { file, rewrite } => self.rewrite(file, rewrite),
            Change::Delete => self.delete(),
        }
    }

    fn put(&self, files: &BTreeMap<String, Option<Bytes>>) -> Result<Draft<(SlxName, Effect)>, ApiError> {
        let slx = self.named()?;
        if files.values().all(Option::is_none) {
            // There must be something to remove from.
            find(self.request.workspace.name(), self.tree, slx.as_str())?;
        }
        let mut edits = Edits::new();
        for (name, content) in files {
            let path = file_path(&slx, name)?;
            let present = self.tree.read_path(path.as_str())?;
            match content {
                Some(content) if present.as_ref() != Some(content) => {
                    edits.insert(path, Edit::Write(content.clone()));
                }
                None if present.is_some() => {
                    edits.insert(path, Edit::Remove);
                }
                _ => {}
            }
        }
        let effect = if self.has_slx_file(&slx)? { Effect::Updated } else { Effect::Created };
        let verb = if effect == Effect::Created { "Add" } else { "Change" };
        Ok(self.finish(slx, edits, effect, |slx| format!("{verb} SLX {slx}")))
    }

    fn rewrite(&self, file: &str, rewrite: &Rewrite) -> Result<Draft<(SlxName, Effect)>, ApiError> {
        let slx = self.named()?;
        if file != SLX_FILE && !self.has_slx_file(&slx)? {
            return Err(self.absent(&slx));
        }
        let path = file_path(&slx, file)?;
        let content = self.tree.read_path(path.as_str())?;
        let unreadable = |error| {
            let detail = format!("{path} is no text: {error}; repair it by a push");
            ApiError::invalid("unreadable_file", detail)
        };
        let old = content.as_deref().map(std::str::from_utf8).transpose().map_err(unreadable)?;
        let new = rewrite(SlxTarget { workspace: self.request.workspace.name(), slx: &slx }, old)?;
        let effect = if old.is_none() { Effect::Created } else { Effect::Updated };
        let mut edits = Edits::new();
        if old != Some(new.as_str()) {
            edits.insert(path, Edit::Write(Bytes::from(new)));
        }
        Ok(self.finish(slx, edits, effect, |slx| match (file, effect) {
            (SLX_FILE, Effect::Created) => format!("Add SLX {slx}"),
            (_, Effect::Created) => format!("Add {file} to SLX {slx}"),
            _ => format!("Change {file} of SLX {slx}"),
        }))
    }

    fn delete(&self) -> Result<Draft<(SlxName, Effect)>, ApiError> {
        let workspace = self.request.workspace.name();
        let slx = match &self.change.slx {
            SlxRef::Text(text) => find(workspace, self.tree, text)?,
            SlxRef::Short(name) => name.clone(),
        };
        let edits = delete_slx(SlxTarget { workspace, slx: &slx }, self.tree)?;
        let edits = edits.ok_or_else(|| self.absent(&slx))?;
        Ok(self.finish(slx, edits, Effect::Deleted, |slx| format!("Remove SLX {slx}")))
    }

    fn finish(
        &self,
        slx: SlxName,
        edits: Edits,
        effect: Effect,
        describe: impl FnOnce(&SlxName) -> String,
    ) -> Draft<(SlxName, Effect)> {
        let message = message_or(self.change.message.as_deref(), &describe(&slx));
        Draft { edits, taken: None, message, result: (slx, effect) }
    }

    fn named(&self) -> Result<SlxName, ApiError> {
        match &self.change.slx {
            SlxRef::Text(text) => resolve(self.request.workspace.name(), self.tree, text)
                .map_err(|error| ApiError::invalid("invalid_slx_name", error.to_string())),
            SlxRef::Short(name) => Ok(name.clone()),
        }
    }

    fn has_slx_file(&self, slx: &SlxName) -> Result<bool, ApiError> {
        Ok(self.tree.files().contains_key(file_path(slx, SLX_FILE)?.as_str()))
    }

    fn absent(&self, slx: &SlxName) -> ApiError {
        not_found(self.request.workspace.name(), slx.as_str())
    }
}

/// Returns a commit's message, made safe: what its maker gave, else what describes it.
pub(crate) fn message_or(given: Option<&str>, described: &str) -> String {
    let given = given.map(|text| safe_line(text, MAX_MESSAGE_CHARS)).filter(|text| !text.is_empty());
    given.unwrap_or_else(|| safe_line(described, MAX_MESSAGE_CHARS))
}

fn file_path(slx: &SlxName, file: &str) -> Result<RepoPath, ApiError> {
    let path = RepoPath::parse(&format!("slxs/{slx}/{file}"));
    path.map_err(|error| ApiError::invalid("invalid_file_name", error.to_string()))
}

fn check_sizes(edits: &Edits, max_bytes: u64) -> Result<(), ApiError> {
    for (path, edit) in edits {
        if let Edit::Write(content) = edit
            && content.len() as u64 > max_bytes
        {
            let size = content.len().to_string();
            return Err(ApiError::too_large(
                path.as_str(),
                &size,
                max_bytes,
                "WORKSTEAD_UPLOAD_MAX_FILE_BYTES",
            ));
        }
    }
    Ok(())
}

impl From<DeleteError> for ApiError {
    fn from(error: DeleteError) -> Self {
        match error {
            DeleteError::Read(error) => error.into(),
            DeleteError::Unreadable { .. } => {
                Self::invalid("unreadable_workspace", one_line(&error.to_string()))
            }
            DeleteError::Edit { path, source } => {
                let detail = format!("{path} can't be changed without damage: {source}");
                Self::invalid("not_editable", one_line(&detail))
            }
        }
    }
}
