//! Which SLX a request means.

use std::ops::Bound;

use workstead_core::name::{InvalidName, SlxName, WorkspaceName};
use workstead_core::tree::FileTree;

use crate::error::ApiError;

/// Reads the name of an SLX, which may come with its workspace: `<workspace>--<short name>`.
///
/// Where an SLX is called like the long name, that one is meant.
pub(crate) fn resolve(
    workspace: &WorkspaceName,
    tree: &dyn FileTree,
    text: &str,
) -> Result<SlxName, InvalidName> {
    let short = text.strip_prefix(workspace.as_str()).and_then(|rest| rest.strip_prefix("--"));
    match short {
        Some(short) if !exists(tree, text) => SlxName::parse(short),
        _ => SlxName::parse(text),
    }
}

/// Reads the name of an SLX that is there.
pub(crate) fn find(workspace: &WorkspaceName, tree: &dyn FileTree, text: &str) -> Result<SlxName, ApiError> {
    let found = resolve(workspace, tree, text).ok().filter(|name| exists(tree, name.as_str()));
    found.ok_or_else(|| not_found(workspace, text))
}

/// Answers 404 for an SLX.
pub(crate) fn not_found(workspace: &WorkspaceName, name: &str) -> ApiError {
    let name: String = name.chars().take(300).collect();
    ApiError::not_found("slx_not_found", format!("workspace {workspace} has no SLX {name:?}"))
}

/// Tells whether an SLX has any file.
pub(crate) fn exists(tree: &dyn FileTree, name: &str) -> bool {
    // '0' is the character behind '/'.
    let (first, end) = (format!("slxs/{name}/"), format!("slxs/{name}0"));
    let range = (Bound::Included(first.as_str()), Bound::Excluded(end.as_str()));
    tree.files().range::<str, _>(range).next().is_some()
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
        assert!(exists(&tree, "web") && !exists(&tree, "we") && !exists(&tree, "a"));
        insta::assert_snapshot!(find(&workspace, &tree, "demo--new").unwrap_err(), @r#"workspace demo has no SLX "demo--new" [slx_not_found]"#);
    }
}
