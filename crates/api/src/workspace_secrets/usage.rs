//! Where a secret is used: the SLIs and runbooks that name its key.

use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;
use workstead_core::model::{FileKind, slx_directory};
use workstead_core::oid::CommitId;
use workstead_core::tree::FileTree;
use workstead_core::yaml;

use super::not_found;
use crate::app::AppState;
use crate::error::ApiError;
use crate::workspace::Workspace;

/// Where a secret is used.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SecretUsage {
    /// The name of the secret, or the key of a secret that another store holds.
    key: String,
    /// Whether the workspace has a secret of this name.
    stored: bool,
    usage: Vec<UseOfSecret>,
}

/// A file that names a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct UseOfSecret {
    /// The SLX's short name.
    slx: String,
    /// `sli` or `runbook`.
    kind: &'static str,
    /// The name under which the file asks for it.
    name: String,
    path: String,
}

/// Finds where a secret is used, at the head; one that is neither there nor used does not exist.
pub(crate) async fn find(
    app: &AppState,
    workspace: &Arc<Workspace>,
    key: &str,
) -> Result<SecretUsage, ApiError> {
    let stored = app.database.has_secret(workspace.id(), key).await?;
    let head = workspace.head()?;
    let (shared, owned) = (Arc::clone(workspace), key.to_owned());
    let usage = app.work.blocking(move || search(&shared, head, &owned)).await??;
    if !stored && usage.is_empty() {
        return Err(not_found(key));
    }
    Ok(SecretUsage { key: key.to_owned(), stored, usage })
}

fn search(workspace: &Workspace, commit: CommitId, key: &str) -> Result<Vec<UseOfSecret>, ApiError> {
    let snapshot = workspace.repository().snapshot(commit)?;
    let mut found = Vec::new();
    for (path, id) in snapshot.files() {
        let kind = match FileKind::of(path) {
            FileKind::Sli => "sli",
            FileKind::Runbook => "runbook",
            _ => continue,
        };
        let Some((slx, _)) = slx_directory(path) else { continue };
        let content = snapshot.read(*id)?;
        for name in names_of(&content, key) {
            found.push(UseOfSecret { slx: slx.to_owned(), kind, name, path: path.to_string() });
        }
    }
    Ok(found)
}

/// Returns the names under which a file asks for the key; a file that can't be read asks for nothing.
fn names_of(content: &[u8], key: &str) -> Vec<String> {
    if !may_hold(content, key) {
        return Vec::new();
    }
    let root = std::str::from_utf8(content).ok().and_then(|text| yaml::parse(text).ok());
    let Some(root) = root else { return Vec::new() };
    let provided = root.at(&["spec", "secretsProvided"]).map(yaml::Node::items).unwrap_or_default();
    let text = |entry: &yaml::Node, field: &str| entry.get(field)?.as_text().map(str::to_owned);
    let uses = provided.iter().filter(|entry| text(entry, "workspaceKey").as_deref() == Some(key));
    uses.map(|entry| text(entry, "name").unwrap_or_default()).collect()
}

/// Tells whether parsing is worth it: a key without blanks stands in YAML as it is, or by way of a backslash.
fn may_hold(content: &[u8], key: &str) -> bool {
    let plain = !key.is_empty() && !key.contains(|c: char| c.is_whitespace() || c == '\'');
    !plain || content.contains(&b'\\') || content.windows(key.len()).any(|window| window == key.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_however_it_is_written() {
        let file = |key: &str| format!("spec:\n  secretsProvided:\n  - name: N\n    workspaceKey: {key}\n");
        for (written, key) in [
            ("db", "db"),
            ("'db'", "db"),
            ("\"d\\x62\"", "db"),
            ("k8s:file@secret/a:b", "k8s:file@secret/a:b"),
            ("'it''s'", "it's"),
            ("a\n      b", "a b"),
            ("0123", "0123"),
        ] {
            assert_eq!(names_of(file(written).as_bytes(), key), ["N"], "{written}");
        }
        for other in ["dbx", "xdb", "db # db2"] {
            assert!(names_of(file(other).as_bytes(), "db2").is_empty(), "{other}");
        }
        assert!(names_of(b"spec: [db", "db").is_empty());
        assert!(names_of(b"spec: {secretsProvided: db}", "db").is_empty());
        assert!(names_of(b"\xff db", "db").is_empty());
    }
}
