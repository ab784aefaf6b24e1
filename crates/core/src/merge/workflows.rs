//! Workflows follow the SLXs that they name.

use bytes::Bytes;
use serde_json::Value;

use super::MergeError;
use super::names::{Meaning, Names};
use super::rename::{edit, finish, text_of};
use crate::model::WorkflowFacts;
use crate::path::RepoPath;

/// Tells whether the workflow's own SLX stays out of the repository, and the workflow with it.
pub(super) fn stays_out(facts: &WorkflowFacts, names: &Names<'_>) -> bool {
    facts.slx.as_ref().is_some_and(|slx| names.in_upload(slx) == Meaning::Gone)
}

/// Tells whether the workflow names an SLX that has another name in the repository.
pub(super) fn follows_rename(facts: &WorkflowFacts, names: &Names<'_>) -> bool {
    facts.references.iter().any(|reference| new_name(&reference.name, names).is_some())
}

/// Writes the repository's names wherever an uploaded workflow names SLXs.
pub(super) fn rename(
    path: &RepoPath,
    content: &[u8],
    facts: &WorkflowFacts,
    names: &Names<'_>,
) -> Result<Bytes, MergeError> {
    let mut editor = edit(path, text_of(path, content)?)?;
    for reference in &facts.references {
        let Some(name) = new_name(&reference.name, names) else { continue };
        let keys: Vec<&str> = reference.pointer.split('/').skip(1).collect();
        let is_label = reference.pointer == "/metadata/labels/slx";
        let name = match &facts.workspace {
            Some(workspace) if is_label => format!("{workspace}--{name}"),
            _ => name,
        };
        editor.set(&keys, &Value::from(name));
    }
    finish(path, &editor)
}

/// Returns what a name becomes, or nothing if it stays.
fn new_name(name: &str, names: &Names<'_>) -> Option<String> {
    match names.in_upload(name) {
        Meaning::Slx(new) => Some(names.like(name, new)).filter(|new| new != name),
        Meaning::Gone | Meaning::Unknown => None,
    }
}
