//! Which workspace it is.

use std::path::{Path, PathBuf};

use workstead_core::model::WORKSPACE_FILE;
use workstead_core::name::WorkspaceName;
use workstead_core::yaml::{self, Node};

use crate::error::CliError;

/// A name, and what to say of where it is from.
#[derive(Debug)]
pub(crate) struct Named {
    /// The workspace's name.
    pub(crate) name: WorkspaceName,
    /// Said when it was guessed.
    pub(crate) note: Option<String>,
}

/// Returns the workspace's name: the given one, what `workspace.yaml` says, or else the directory's.
pub(crate) fn name(
    given: Option<&WorkspaceName>,
    workspace_file: Option<&[u8]>,
    directory: &Path,
) -> Result<Named, CliError> {
    if let Some(name) = given {
        return Ok(Named { name: name.clone(), note: None });
    }
    let said = workspace_file.and_then(|content| said_by(&String::from_utf8_lossy(content)));
    if let Some(name) = said {
        return Ok(Named { name, note: None });
    }
    let last = directory.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    match WorkspaceName::parse(last) {
        Ok(name) => {
            let note = format!(
                "{WORKSPACE_FILE} names no workspace, so the directory's name `{name}` is taken; --workspace names another"
            );
            Ok(Named { name, note: Some(note) })
        }
        Err(error) => {
            let message = format!("neither {WORKSPACE_FILE} nor the directory names a workspace");
            Err(CliError::user_caused(error, message).hint("name the workspace with --workspace"))
        }
    }
}

/// Reads the name out of `workspace.yaml`, whatever else is wrong with it.
fn said_by(text: &str) -> Option<WorkspaceName> {
    let root = yaml::parse(text).ok()?;
    WorkspaceName::parse(root.at(&["metadata", "name"]).and_then(Node::as_text)?).ok()
}

/// Returns the nearest directory with a `workspace.yaml`, from here upwards to the top of a repository.
pub(crate) fn nearest_directory() -> PathBuf {
    let here = PathBuf::from(".");
    let Ok(absolute) = std::env::current_dir() else { return here };
    for directory in absolute.ancestors() {
        if directory.join(WORKSPACE_FILE).is_file() {
            // What people see stays short where it can be.
            return if directory == absolute { here } else { directory.to_owned() };
        }
        // Beyond lies somebody else's.
        if directory.join(".git").exists() {
            break;
        }
    }
    here
}
