//! Removing an SLX and what names it.

use std::collections::HashSet;

use super::file::SlxTarget;
use super::read::paths_below;
use crate::model::{WORKSPACE_FILE, decode};
use crate::path::RepoPath;
use crate::tree::{Edit, Edits, FileTree, ReadError};
use crate::workspace_file::text;
use crate::yaml::{EditError, Editor, Node, SyntaxError};

/// Why an SLX could not be removed.
#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    /// Content could not be had.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// `workspace.yaml` can't be read, so nobody knows what names the SLX.
    #[error("`{path}` can't be read, so references to the SLX can't be removed: {source}; repair it first")]
    Unreadable {
        /// The file.
        path: RepoPath,
        /// What is wrong.
        source: SyntaxError,
    },
    /// `workspace.yaml` can't be edited.
    #[error("failed to edit `{path}`")]
    Edit {
        /// The file.
        path: RepoPath,
        /// Why not.
        #[source]
        source: EditError,
    },
}

/// Removes the directory of an SLX, and its references in groups and relationships.
///
/// Returns nothing when there is no such directory. Both forms of the name count, with the workspace and
/// without. A group that loses its last member goes, and so does what depends on it by name; comments
/// elsewhere stay. Workflows are people's text and keep their names; the check warns of them.
pub fn delete_slx(target: SlxTarget<'_>, tree: &dyn FileTree) -> Result<Option<Edits>, DeleteError> {
    let mut edits: Edits =
        paths_below(tree, target.slx.as_str()).map(|path| (path.clone(), Edit::Remove)).collect();
    if edits.is_empty() {
        return Ok(None);
    }
    if let Some((path, id)) = tree.files().get_key_value(WORKSPACE_FILE) {
        let content = tree.read(*id)?;
        let unreadable = |source| DeleteError::Unreadable { path: path.clone(), source };
        let source = decode(&content).map_err(unreadable)?;
        // A longer name is another SLX if there is one.
        let qualified = Some(target.qualified()).filter(|name| paths_below(tree, name).next().is_none());
        let names = Names { short: target.slx.as_str(), qualified };
        let edited = without(source, &names).map_err(|error| match error {
            EditError::Syntax(errors) if !errors.is_empty() => unreadable(errors[0].clone()),
            source => DeleteError::Edit { path: path.clone(), source },
        })?;
        if edited != source {
            edits.insert(path.clone(), Edit::Write(edited.into()));
        }
    }
    Ok(Some(edits))
}

/// The names of one SLX.
struct Names<'a> {
    short: &'a str,
    qualified: Option<String>,
}

impl Names<'_> {
    fn are_of(&self, node: &Node) -> bool {
        text(node).is_some_and(|name| name == self.short || self.qualified.as_deref() == Some(name))
    }
}

/// Takes an SLX out of the groups and relationships of a `workspace.yaml`.
fn without(source: &str, names: &Names<'_>) -> Result<String, EditError> {
    let mut editor = Editor::new(source).map_err(EditError::Syntax)?;
    let root = editor.tree();
    let list = |key: &str| root.at(&["spec", key]).map(Node::items).unwrap_or_default();
    let groups = list("slxGroups");
    let is_emptied = |group: &Node| {
        let members = group.get("slxs").map(Node::items).unwrap_or_default();
        !members.is_empty() && members.iter().all(|member| names.are_of(member))
    };
    let name = |group: &Node| group.get("name").and_then(text).map(str::to_owned);
    let staying: HashSet<String> =
        groups.iter().filter(|group| !is_emptied(group)).filter_map(name).collect();
    let going: HashSet<String> = groups
        .iter()
        .filter(|group| is_emptied(group))
        .filter_map(name)
        .filter(|name| !staying.contains(name))
        .collect();
    // From behind, so that the places of what comes first stay true.
    for (place, group) in groups.iter().enumerate().rev() {
        let place = place.to_string();
        if is_emptied(group) {
            editor.remove(&["spec", "slxGroups", &place]);
            continue;
        }
        let is_gone = |node: &Node| text(node).is_some_and(|name| going.contains(name));
        remove_items(&mut editor, group, [&place, "slxs"], &|node| names.are_of(node));
        remove_items(&mut editor, group, [&place, "dependsOn"], &is_gone);
        let needed = group.get("dependsOn").map(Node::items).unwrap_or_default();
        if !needed.is_empty() && needed.iter().all(is_gone) {
            editor.remove(&["spec", "slxGroups", &place, "dependsOn"]);
        }
    }
    for (place, relationship) in list("slxRelationships").iter().enumerate().rev() {
        let is_named = |key: &str| relationship.get(key).is_some_and(|node| names.are_of(node));
        if is_named("subject") || is_named("object") {
            editor.remove(&["spec", "slxRelationships", &place.to_string()]);
        }
    }
    editor.finish()
}

/// Removes items of one list of a group.
fn remove_items(
    editor: &mut Editor<'_>,
    group: &Node,
    [place, key]: [&str; 2],
    goes: &dyn Fn(&Node) -> bool,
) {
    let items = group.get(key).map(Node::items).unwrap_or_default();
    for (item, _) in items.iter().enumerate().rev().filter(|(_, node)| goes(node)) {
        editor.remove(&["spec", "slxGroups", place, key, &item.to_string()]);
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use proptest::prelude::*;

    use super::*;
    use crate::name::{SlxName, WorkspaceName};
    use crate::tree::MemoryTree;
    use crate::workspace_file::{Relationship, SlxGroup, WorkspaceConfig, WorkspaceFile, new_workspace};

    const WORKSPACE: &str = "# Ours.
kind: Workspace
spec:
  displayName: Demo # shown
  slxGroups:
  # The front.
  - name: Front
    slxs:
    - web
    # Keep this.
    - api
    dependsOn: [Store]
  - name: Store
    slxs: [demo--web]
  - {name: Other, slxs: [web, demo--web, web-2], dependsOn: [Front, Store]}
  - name: Empty
    slxs: []
  slxRelationships:
  - {subject: web, verb: depends-on, object: api}
  - subject: api # first
    verb: depends-on
    object: demo--web
  - {subject: api, verb: uses, object: web-2}
";

    fn tree(files: &[(&str, &str)]) -> MemoryTree {
        files.iter().map(|(path, text)| (RepoPath::parse(path).unwrap(), (*text).to_owned().into())).collect()
    }

    fn deleted(files: &[(&str, &str)], name: &str) -> Result<Option<Edits>, DeleteError> {
        let (workspace, slx) = (WorkspaceName::parse("demo").unwrap(), SlxName::parse(name).unwrap());
        delete_slx(SlxTarget { workspace: &workspace, slx: &slx }, &tree(files))
    }

    fn show(edits: &Edits) -> String {
        let show = |(path, edit): (&RepoPath, &Edit)| match edit {
            Edit::Write(content) => format!("{path}:\n{}", String::from_utf8_lossy(content)),
            other => format!("{path}: {other:?}\n"),
        };
        edits.iter().map(show).collect()
    }

    #[test]
    fn the_directory_and_all_references_go() {
        let files = [
            ("slxs/web/SKILL.md", ""),
            ("slxs/web/deep/x/y.txt", ""),
            ("slxs/web/slx.yaml", ""),
            ("slxs/web-2/slx.yaml", ""),
            ("slxs/webs/slx.yaml", ""),
            ("workflows/web.yaml", "metadata: {labels: {slx: demo--web}}"),
            ("workspace.yaml", WORKSPACE),
        ];
        assert_snapshot!(show(&deleted(&files, "web").unwrap().unwrap()), @r"
        slxs/web/SKILL.md: Remove
        slxs/web/deep/x/y.txt: Remove
        slxs/web/slx.yaml: Remove
        workspace.yaml:
        # Ours.
        kind: Workspace
        spec:
          displayName: Demo # shown
          slxGroups:
          # The front.
          - name: Front
            slxs:
            # Keep this.
            - api
          - {name: Other, slxs: [web-2], dependsOn: [Front]}
          - name: Empty
            slxs: []
          slxRelationships:
          - {subject: api, verb: uses, object: web-2}
        ");
    }

    #[test]
    fn a_name_that_is_nowhere_else_leaves_the_workspace_alone() {
        let files = [("slxs/lonely/slx.yaml", ""), ("workspace.yaml", WORKSPACE)];
        assert_snapshot!(show(&deleted(&files, "lonely").unwrap().unwrap()), @"slxs/lonely/slx.yaml: Remove");
        assert_eq!(deleted(&files, "web").unwrap(), None);
        assert_eq!(deleted(&files[..1], "lonely").unwrap().unwrap().len(), 1);
    }

    #[test]
    fn an_slx_that_is_called_like_the_long_name_keeps_its_references() {
        let workspace = "spec: {slxGroups: [{name: g, slxs: [web, demo--web]}]}\n";
        let files =
            [("slxs/web/slx.yaml", ""), ("slxs/demo--web/slx.yaml", ""), ("workspace.yaml", workspace)];
        assert_snapshot!(show(&deleted(&files, "web").unwrap().unwrap()), @r"
        slxs/web/slx.yaml: Remove
        workspace.yaml:
        spec: {slxGroups: [{name: g, slxs: [demo--web]}]}
        ");
    }

    #[test]
    fn a_broken_workspace_is_named() {
        let files = [("slxs/web/slx.yaml", ""), ("workspace.yaml", "a: [")];
        assert_snapshot!(deleted(&files, "web").unwrap_err(), @"`workspace.yaml` can't be read, so references to the SLX can't be removed: not valid YAML: while parsing a node, did not find expected node content at line 2 column 1; repair it first");
    }

    fn any_name() -> impl Strategy<Value = String> {
        prop::sample::select(vec!["web", "demo--web", "api", "demo--api", "web-2"]).prop_map(str::to_owned)
    }

    fn any_config() -> impl Strategy<Value = WorkspaceConfig> {
        let names = |names: std::ops::Range<usize>| prop::collection::vec(any_name(), names);
        let depends_on = prop::collection::vec("[A-D]", 0..3);
        let group = (names(0..4), depends_on).prop_map(|(slxs, depends_on)| SlxGroup { slxs, depends_on });
        let relationship = (any_name(), any_name()).prop_map(|(subject, object)| Relationship {
            subject,
            verb: "uses".to_owned(),
            object,
        });
        let lists =
            (prop::collection::vec(("[A-D]", group), 0..4), prop::collection::vec(relationship, 0..4));
        lists.prop_map(|(groups, slx_relationships)| WorkspaceConfig {
            display_name: Some("Demo".to_owned()),
            slx_groups: groups.into_iter().collect(),
            slx_relationships,
            ..WorkspaceConfig::default()
        })
    }

    /// Says in the model what a deletion does.
    fn expected(mut config: WorkspaceConfig) -> WorkspaceConfig {
        let is_web = |name: &String| name == "web" || name == "demo--web";
        let before: HashSet<String> = config.slx_groups.keys().cloned().collect();
        config.slx_groups.retain(|_, group| group.slxs.is_empty() || !group.slxs.iter().all(is_web));
        let went: HashSet<String> =
            before.into_iter().filter(|name| !config.slx_groups.contains_key(name)).collect();
        for group in config.slx_groups.values_mut() {
            group.slxs.retain(|name| !is_web(name));
            group.depends_on.retain(|name| !went.contains(name));
        }
        config.slx_relationships.retain(|it| !is_web(&it.subject) && !is_web(&it.object));
        config
    }

    proptest! {
        #[test]
        fn nothing_but_the_references_goes(config in any_config()) {
            let text = new_workspace(&WorkspaceName::parse("demo").unwrap(), &config);
            let text = format!("# Head.\n{text}# Tail.\n");
            let edits = deleted(&[("slxs/web/slx.yaml", ""), ("workspace.yaml", &text)], "web").unwrap().unwrap();
            let after = match edits.get(WORKSPACE_FILE) {
                Some(Edit::Write(content)) => String::from_utf8(content.to_vec()).unwrap(),
                _ => text.clone(),
            };
            prop_assert!(after.starts_with("# Head.\n") && after.ends_with("# Tail.\n"), "{}", after);
            prop_assert_eq!(&WorkspaceFile::read(&after).unwrap().config, &expected(config), "{}\n{}", text, after);
        }
    }
}
