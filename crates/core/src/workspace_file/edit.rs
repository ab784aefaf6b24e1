//! From a configuration to the smallest edit of the file.

use std::collections::{HashMap, HashSet, VecDeque};

use indexmap::IndexMap;
use serde_json::{Value as Json, json};

use super::{Permission, Relationship, SlxGroup, Subject, WorkspaceConfig, read};
use crate::name::WorkspaceName;
use crate::yaml::write::write_block;
use crate::yaml::{EditError, Editor, Node, Value};

/// Makes a `workspace.yaml` hold a configuration, changing only the fields whose values differ.
///
/// Unknown keys, comments, order and formatting stay; an equal configuration gives the same text. A
/// group whose set of members stays the same is not touched, and neither are permissions that only
/// came in another order.
pub fn edit_workspace(source: &str, target: &WorkspaceConfig) -> Result<String, EditError> {
    let mut editor = Editor::new(source).map_err(EditError::Syntax)?;
    let root = editor.tree();
    let spec = root.get("spec");
    let current = read::config(spec);
    let field = |name: &str| spec.and_then(|spec| spec.get(name));
    if current.display_name != target.display_name {
        match &target.display_name {
            Some(name) => editor.set(&["spec", "displayName"], &json!(name)),
            None => editor.remove(&["spec", "displayName"]),
        };
    }
    if current.enabled_locations != target.enabled_locations {
        let name = spec.map_or("enabledLocations", read::locations_field);
        editor.set(&["spec", name], &text_list(field(name), &target.enabled_locations));
    }
    let fields = [
        ("configProvided", "value", &current.config_provided, &target.config_provided),
        ("secretsProvided", "workspaceKey", &current.secrets_provided, &target.secrets_provided),
    ];
    for (name, value, current, target) in fields {
        if current != target {
            edit_pairs(&mut editor, field(name), [name, value], current, target);
        }
    }
    if !same_groups(&current.slx_groups, &target.slx_groups) {
        edit_groups(&mut editor, field("slxGroups"), &current.slx_groups, &target.slx_groups);
    }
    if current.slx_relationships != target.slx_relationships {
        let list = relationship_list(field("slxRelationships"), &target.slx_relationships);
        editor.set(&["spec", "slxRelationships"], &list);
    }
    if !current.has_permissions_of(target) {
        let list = permission_list(field("permissions"), &target.permissions);
        editor.set(&["spec", "permissions"], &list);
    }
    editor.finish()
}

/// Writes the first `workspace.yaml` of a workspace.
pub fn new_workspace(name: &WorkspaceName, config: &WorkspaceConfig) -> String {
    let name = name.as_str();
    let file = json!({
        "apiVersion": "runwhen.com/v1",
        "kind": "Workspace",
        "metadata": {"name": name, "labels": {"workspace": name}},
        "spec": config.to_spec(),
    });
    write_block(&file, 0)
}

/// Makes a list of strings, taking over the items that are there as they are written.
pub(crate) fn text_list(old: Option<&Node>, target: &[String]) -> Json {
    let mut written: HashMap<&str, Json> = HashMap::new();
    for item in old.map(Node::items).unwrap_or_default() {
        if let Some(text) = read::text(item) {
            written.entry(text).or_insert_with(|| item.to_json());
        }
    }
    target.iter().map(|text| written.get(text.as_str()).cloned().unwrap_or_else(|| json!(text))).collect()
}

/// Returns the items of a field, or makes it an empty list where it is none.
fn list_items<'n>(editor: &mut Editor<'_>, field: &str, old: Option<&'n Node>) -> &'n [Node] {
    match old {
        Some(node) if matches!(node.value, Value::Sequence(_)) => node.items(),
        _ => {
            editor.set(&["spec", field], &json!([]));
            &[]
        }
    }
}

/// Edits a list of `{name, value}`.
fn edit_pairs(
    editor: &mut Editor<'_>,
    old: Option<&Node>,
    [field, value]: [&str; 2],
    current: &IndexMap<String, String>,
    target: &IndexMap<String, String>,
) {
    let items = list_items(editor, field, old);
    for (place, item) in items.iter().enumerate().rev() {
        let Some((name, _)) = read::named_value(item, value) else { continue };
        let place = place.to_string();
        match target.get(name) {
            None => _ = editor.remove(&["spec", field, &place]),
            Some(text) if current.get(name) == Some(text) => {}
            Some(text) => _ = editor.set(&["spec", field, &place, value], &json!(text)),
        }
    }
    for (name, text) in target.iter().filter(|(name, _)| !current.contains_key(*name)) {
        editor.set(&["spec", field, "-"], &json!({"name": name, value: text}));
    }
}

fn same_groups(current: &IndexMap<String, SlxGroup>, target: &IndexMap<String, SlxGroup>) -> bool {
    let is_same = |(name, group): (&String, &SlxGroup)| {
        let other = target.get(name);
        other.is_some_and(|other| group.has_members_of(other) && group.depends_on == other.depends_on)
    };
    current.len() == target.len() && current.iter().all(is_same)
}

/// Edits the list of groups.
fn edit_groups(
    editor: &mut Editor<'_>,
    old: Option<&Node>,
    current: &IndexMap<String, SlxGroup>,
    target: &IndexMap<String, SlxGroup>,
) {
    let items = list_items(editor, "slxGroups", old);
    for (place, item) in items.iter().enumerate().rev() {
        let Some(name) = read::item_name(item) else { continue };
        let place = place.to_string();
        let path = ["spec", "slxGroups", place.as_str()];
        let (Some(group), Some(wanted)) = (current.get(name), target.get(name)) else {
            editor.remove(&path);
            continue;
        };
        if !group.has_members_of(wanted) {
            let members = text_list(item.get("slxs"), &wanted.slxs);
            editor.set(&[path[0], path[1], path[2], "slxs"], &members);
        }
        if group.depends_on != wanted.depends_on {
            let path = [path[0], path[1], path[2], "dependsOn"];
            if wanted.depends_on.is_empty() {
                editor.remove(&path);
            } else {
                editor.set(&path, &text_list(item.get("dependsOn"), &wanted.depends_on));
            }
        }
    }
    for (name, group) in target.iter().filter(|(name, _)| !current.contains_key(*name)) {
        editor.set(&["spec", "slxGroups", "-"], &group.to_item(name));
    }
}

/// Makes the list of relationships; items that are there stay as they are written.
fn relationship_list(old: Option<&Node>, target: &[Relationship]) -> Json {
    let items = old.map(Node::items).unwrap_or_default();
    let mut written: HashMap<Relationship, VecDeque<Json>> = HashMap::new();
    for item in items {
        if let Some(relationship) = read::relationship(item) {
            written.entry(relationship).or_default().push_back(item.to_json());
        }
    }
    let take = |relationship: &Relationship| {
        let old = written.get_mut(relationship).and_then(VecDeque::pop_front);
        old.unwrap_or_else(|| relationship.to_json())
    };
    let list = target.iter().map(take).collect();
    with_unread(items, list, |item| read::relationship(item).is_some())
}

/// Makes the list of permissions; of an item whose subject stays only the role changes.
fn permission_list(old: Option<&Node>, target: &[Permission]) -> Json {
    let items = old.map(Node::items).unwrap_or_default();
    let wanted: HashSet<&Permission> = target.iter().collect();
    let mut equal: HashMap<Permission, VecDeque<&Node>> = HashMap::new();
    let mut alike: HashMap<Subject, VecDeque<&Node>> = HashMap::new();
    for item in items {
        match read::permission(item) {
            Some(old) if wanted.contains(&old) => equal.entry(old).or_default().push_back(item),
            Some(old) => alike.entry(old.subject).or_default().push_back(item),
            None => {}
        }
    }
    let take = |permission: &Permission| {
        if let Some(item) = equal.get_mut(permission).and_then(VecDeque::pop_front) {
            return item.to_json();
        }
        let Some(item) = alike.get_mut(&permission.subject).and_then(VecDeque::pop_front) else {
            return permission.to_json();
        };
        let mut item = item.to_json();
        item["role"] = json!(permission.role);
        item
    };
    let list = target.iter().map(take).collect();
    with_unread(items, list, |item| read::permission(item).is_some())
}

/// Puts items that can't be read back where they were: they are people's, and not ours to remove.
fn with_unread(items: &[Node], mut list: Vec<Json>, is_read: impl Fn(&Node) -> bool) -> Json {
    for (place, item) in items.iter().enumerate().filter(|(_, item)| !is_read(item)) {
        list.insert(place.min(list.len()), item.to_json());
    }
    Json::Array(list)
}
