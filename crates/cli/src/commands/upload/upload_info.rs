//! The workspace builder's `uploadInfo.yaml`, read as the builder reads it.

use std::path::Path;

use secrecy::SecretString;
use workstead_core::yaml::{Node, Value, parse};

use crate::error::CliError;

/// Most bytes that are read; real ones have a few hundred.
const MAX_BYTES: u64 = 1 << 20;

/// What the file says of where to upload; its other fields are the builder's.
#[derive(Debug, Default)]
pub(super) struct UploadInfo {
    /// `papiURL`: the server, to which the builder adds `/api/v3` as we do.
    pub(super) server: Option<String>,
    /// `workspaceName`.
    pub(super) workspace: Option<String>,
    /// `token`.
    pub(super) token: Option<SecretString>,
}

impl UploadInfo {
    /// Reads the file, as YAML or as JSON.
    pub(super) fn read(path: &Path) -> Result<Self, CliError> {
        let shown = path.display();
        let failed = |error| CliError::user_caused(error, format!("failed to read `{shown}`"));
        let size = fs_err::metadata(path).map_err(failed)?.len();
        if size > MAX_BYTES {
            let message = format!("`{shown}` has {size} bytes, more than any uploadInfo.yaml: {MAX_BYTES}");
            return Err(CliError::user(message).hint("name the file that the server generated"));
        }
        Self::of(&fs_err::read_to_string(path).map_err(failed)?).map_err(|problem| {
            CliError::user(format!("`{shown}` is no uploadInfo.yaml: {problem}")).hint(
                "GET /api/v3/workspaces/<name>/generate-workspace-builder-config?format=yaml writes one",
            )
        })
    }

    /// Reads the text. Problems name places and never quote: one of the values is a token.
    fn of(text: &str) -> Result<Self, String> {
        // As in the builder, an empty file says nothing.
        if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
            return Ok(Self::default());
        }
        let root = parse(text).map_err(|errors| match errors.first() {
            Some(error) => format!("{} at line {} column {}", error.code, error.line, error.column),
            None => "it can't be read".to_owned(),
        })?;
        if !matches!(root.value, Value::Mapping(_)) && !root.is_null() {
            return Err(format!("it is {} and must be a mapping", root.describe()));
        }
        Ok(Self {
            server: field(&root, "papiURL")?,
            workspace: field(&root, "workspaceName")?,
            token: field(&root, "token")?.map(SecretString::from),
        })
    }
}

/// Returns a field's text; null and the empty text count as absent.
fn field(root: &Node, key: &str) -> Result<Option<String>, String> {
    let Some(node) = root.get(key).filter(|node| !node.is_null()) else { return Ok(None) };
    let text = node.as_str().ok_or_else(|| format!("{key} is {} and must be a text", node.describe()))?;
    Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty()))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn it_is_read_as_the_server_writes_it() {
        let yaml = "workspaceName: my-workspace\ntoken: wst_geheim\nworkspaceOwnerEmail: o@example.com\n\
                    papiURL: https://ws.example.com\nlocationId: '017'\ndefaultLocation: '017'\n";
        let json = r#"{"workspaceName": "my-workspace", "token": "wst_geheim", "papiURL": "https://ws.example.com"}"#;
        for text in [yaml, json] {
            let info = UploadInfo::of(text).unwrap();
            assert_eq!(info.server.as_deref(), Some("https://ws.example.com"));
            assert_eq!(info.workspace.as_deref(), Some("my-workspace"));
            assert_eq!(info.token.as_ref().unwrap().expose_secret(), "wst_geheim");
            assert!(!format!("{info:?}").contains("geheim"));
        }
    }

    #[test]
    fn a_number_is_a_text_and_nothing_is_nothing() {
        let info = UploadInfo::of("workspaceName: 8123e45\ntoken: ''\npapiURL: ~\n").unwrap();
        assert_eq!(info.workspace.as_deref(), Some("8123e45"));
        assert!(info.token.is_none() && info.server.is_none());
        for empty in ["", "# nothing\n\n", "{}", "null"] {
            assert!(UploadInfo::of(empty).unwrap().workspace.is_none(), "{empty:?}");
        }
    }

    #[test]
    fn problems_name_places_and_never_quote() {
        let problems =
            ["- wst_geheim", "token: [wst_geheim]", "token: \"wst_geheim\npapiURL: x", "a: 1\na: wst_geheim"]
                .map(|text| UploadInfo::of(text).unwrap_err());
        assert!(!problems.concat().contains("geheim"));
        insta::assert_snapshot!(problems.join("\n"), @r"
        it is a list and must be a mapping
        token is a list and must be a text
        yaml_syntax at line 1 column 8
        duplicate_key at line 2 column 1
        ");
    }
}
