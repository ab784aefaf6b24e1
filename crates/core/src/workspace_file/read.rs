//! From YAML to the configuration, leaving out what has a wrong type.

use serde_json::{Map, Value as Json};

use super::{Permission, Relationship, SlxGroup, Subject, WorkspaceConfig, WorkspaceFile};
use crate::yaml::{Node, Resolved, Value};

/// The annotation that names what made a file.
const GENERATED_BY: &str = "internal.runwhen.com/generated-by";
/// What stands before the location in that annotation.
const BUILDER_PREFIX: &str = "workspace-builder:";

pub(super) fn file(root: &Node) -> WorkspaceFile {
    let label = |name: &str| text(root.at(&["metadata", "labels", name])?).map(str::to_owned);
    let generated_by = root.at(&["metadata", "annotations", GENERATED_BY]).and_then(text);
    let spec = root.get("spec").filter(|spec| matches!(spec.value, Value::Mapping(_)));
    WorkspaceFile {
        name: root.at(&["metadata", "name"]).and_then(text).map(str::to_owned),
        config: config(spec),
        location: generated_by
            .and_then(|text| text.strip_prefix(BUILDER_PREFIX))
            .filter(|location| !location.is_empty())
            .map(str::to_owned),
        location_id: label("locationId"),
        location_name: label("locationName"),
        spec: spec.map_or_else(|| Json::Object(Map::new()), Node::to_json),
        allow_mass_prune: root.at(&["spec", "uploads", "allowMassPrune"]).and_then(boolean),
    }
}

/// Reads the configuration from `spec`.
pub(super) fn config(spec: Option<&Node>) -> WorkspaceConfig {
    let Some(spec) = spec else { return WorkspaceConfig::default() };
    let items = |field: &str| spec.get(field).map(Node::items).unwrap_or_default();
    let named = |field: &str, value: &str| {
        let pairs = items(field).iter().filter_map(|item| named_value(item, value));
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    };
    WorkspaceConfig {
        display_name: spec.get("displayName").and_then(Node::as_text).map(str::to_owned),
        enabled_locations: texts(spec.get(locations_field(spec))),
        config_provided: named("configProvided", "value"),
        secrets_provided: named("secretsProvided", "workspaceKey"),
        slx_groups: items("slxGroups")
            .iter()
            .filter_map(|item| Some((item_name(item)?.to_owned(), group(item))))
            .collect(),
        slx_relationships: items("slxRelationships").iter().filter_map(relationship).collect(),
        permissions: items("permissions").iter().filter_map(permission).collect(),
    }
}

/// Returns the field that holds the locations: the builder writes the singular, the plural wins.
pub(super) fn locations_field(spec: &Node) -> &'static str {
    let is_there = |field: &str| spec.get(field).is_some_and(|value| !value.is_null());
    if !is_there("enabledLocations") && spec.get("enabledLocation").is_some() {
        "enabledLocation"
    } else {
        "enabledLocations"
    }
}

/// Returns a scalar's text as it is written, or nothing for a collection and for nothing written.
pub(crate) fn text(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Scalar(scalar) if scalar.text.is_empty() && node.is_null() => None,
        _ => node.as_str(),
    }
}

pub(super) fn texts(list: Option<&Node>) -> Vec<String> {
    let items = list.map(Node::items).unwrap_or_default();
    items.iter().filter_map(text).map(str::to_owned).collect()
}

fn boolean(node: &Node) -> Option<bool> {
    match &node.value {
        Value::Scalar(scalar) => match scalar.resolve() {
            Resolved::Bool(value) => Some(value),
            _ => None,
        },
        _ => None,
    }
}

/// Returns the name of a list's item.
pub(super) fn item_name(item: &Node) -> Option<&str> {
    item.get("name").and_then(text)
}

/// Returns name and value of an item like `{name, value}`; a missing value is empty.
pub(super) fn named_value<'n>(item: &'n Node, field: &str) -> Option<(&'n str, &'n str)> {
    let value = item.get(field).map_or(Some(""), Node::as_str)?;
    Some((item_name(item)?, value))
}

pub(super) fn group(item: &Node) -> SlxGroup {
    SlxGroup { slxs: texts(item.get("slxs")), depends_on: texts(item.get("dependsOn")) }
}

pub(super) fn relationship(item: &Node) -> Option<Relationship> {
    let field = |name: &str| item.get(name).and_then(text).map(str::to_owned);
    // The builder calls the object `directObject`.
    let object = field("object").or_else(|| field("directObject"))?;
    Some(Relationship { subject: field("subject")?, verb: field("verb")?, object })
}

pub(super) fn permission(item: &Node) -> Option<Permission> {
    let field = |name: &str| item.get(name).and_then(text).map(str::to_owned);
    let subject = match field("user") {
        Some(user) => Subject::User(user),
        None => Subject::Group(field("group")?),
    };
    Some(Permission { subject, role: field("role")? })
}
