//! Which SLX a request means.

use workstead_core::name::{InvalidName, SlxName, WorkspaceName};
use workstead_core::slx_config::find_slx;
use workstead_core::tree::FileTree;

use crate::error::ApiError;

/// Finds the SLX that is meant by a name, which may come with its workspace: `<workspace>--<short name>`.
pub(crate) fn find(workspace: &WorkspaceName, tree: &dyn FileTree, text: &str) -> Result<SlxName, ApiError> {
    find_slx(workspace, tree, text).ok_or_else(|| not_found(workspace, text))
}

/// Reads the name of an SLX that need not be there.
pub(crate) fn resolve(
    workspace: &WorkspaceName,
    tree: &dyn FileTree,
    text: &str,
) -> Result<SlxName, InvalidName> {
    if let Some(found) = find_slx(workspace, tree, text) {
        return Ok(found);
    }
    let short = text.strip_prefix(workspace.as_str()).and_then(|rest| rest.strip_prefix("--"));
    SlxName::parse(short.unwrap_or(text))
}

/// Answers 404 for an SLX.
pub(crate) fn not_found(workspace: &WorkspaceName, name: &str) -> ApiError {
    let name: String = name.chars().take(300).collect();
    ApiError::not_found("slx_not_found", format!("workspace {workspace} has no SLX {name:?}"))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use workstead_core::path::RepoPath;
    use workstead_core::tree::MemoryTree;

    use super::*;

    #[test]
    fn the_long_name_is_the_short_one_unless_it_is_a_name_itself() {
        let workspace = WorkspaceName::parse("demo").unwrap();
        let tree = ["slxs/web/slx.yaml", "slxs/demo--api/slx.yaml", "slxs/a.b/x"]
            .map(|path| (RepoPath::parse(path).unwrap(), Bytes::new()));
        let tree = MemoryTree::from_iter(tree);
        let name = |text: &str| resolve(&workspace, &tree, text).map(|name| name.to_string()).ok();
        for (text, expected) in [
            ("web", Some("web")),
            ("demo--web", Some("web")),
            ("demo--api", Some("demo--api")),
            ("demo--new", Some("new")),
            ("other--web", Some("other--web")),
            ("demo--", None),
            ("..", None),
        ] {
            assert_eq!(name(text).as_deref(), expected, "{text}");
        }
        for there in ["web", "demo--web", "demo--api", "a.b"] {
            assert!(find(&workspace, &tree, there).is_ok(), "{there}");
        }
        for absent in ["we", "a", "api", "other--web"] {
            assert!(find(&workspace, &tree, absent).is_err(), "{absent}");
        }
        insta::assert_snapshot!(find(&workspace, &tree, "demo--new").unwrap_err(), @r#"workspace demo has no SLX "demo--new" [slx_not_found]"#);
    }
}
