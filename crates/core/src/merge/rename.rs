//! Uploaded content under the name that an SLX has in the repository.

use bytes::Bytes;
use serde_json::Value;

use super::MergeError;
use super::slxs::Slx;
use crate::model::FileKind;
use crate::name::WorkspaceName;
use crate::path::RepoPath;
use crate::yaml::edit::Editor;

/// Gives the files of one uploaded SLX another name.
pub(super) struct Rename<'b> {
    qualified: String,
    identity: &'b str,
    has_full_name: bool,
}

impl<'b> Rename<'b> {
    pub(super) fn new(workspace: &WorkspaceName, slx: &'b Slx<'_>, directory: &str) -> Self {
        Self {
            qualified: format!("{workspace}--{directory}"),
            identity: slx.identity(),
            has_full_name: slx.facts.full_name.is_some(),
        }
    }

    /// Writes the new name into `metadata.name` and `labels.slx`.
    ///
    /// An slx.yaml without `fullSlxName` gets it: its identity was the old directory's name and would be lost.
    pub(super) fn rewrite(&self, path: &RepoPath, content: &[u8]) -> Result<Bytes, MergeError> {
        let text = text_of(path, content)?;
        let mut editor = edit(path, text)?;
        let name = Value::from(self.qualified.as_str());
        editor.set(&["metadata", "name"], &name);
        editor.set(&["metadata", "labels", "slx"], &name);
        if FileKind::of(path) == FileKind::Slx && !self.has_full_name {
            editor.set(&["metadata", "annotations", "fullSlxName"], &self.identity.into());
        }
        finish(path, &editor)
    }
}

/// Reads content as text.
pub(super) fn text_of<'c>(path: &RepoPath, content: &'c [u8]) -> Result<&'c str, MergeError> {
    let unreadable = |_| MergeError::Unreadable { path: path.clone(), reason: "is not UTF-8".to_owned() };
    std::str::from_utf8(content).map_err(unreadable)
}

/// Begins to edit a file.
pub(super) fn edit<'c>(path: &RepoPath, text: &'c str) -> Result<Editor<'c>, MergeError> {
    Editor::new(text).map_err(|errors| MergeError::unreadable(path, &errors))
}

/// Ends editing a file.
pub(super) fn finish(path: &RepoPath, editor: &Editor<'_>) -> Result<Bytes, MergeError> {
    let text = editor.finish().map_err(|source| MergeError::Edit { path: path.clone(), source })?;
    Ok(Bytes::from(text))
}
