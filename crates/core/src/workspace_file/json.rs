//! From the configuration to the objects of the API and of the file.

use serde_json::{Map, Value as Json, json};

use super::{Permission, Relationship, SlxGroup, Subject, WorkspaceConfig};

impl WorkspaceConfig {
    /// Returns the fields of the API's workspace object.
    pub fn to_json(&self) -> Map<String, Json> {
        let groups: Map<String, Json> =
            self.slx_groups.iter().map(|(name, group)| (name.clone(), group.to_json())).collect();
        let mut object = Map::new();
        object.insert("displayName".to_owned(), json!(self.display_name));
        object.insert("enabledLocations".to_owned(), json!(self.enabled_locations));
        object.insert("configProvided".to_owned(), json!(self.config_provided));
        object.insert("secretsProvided".to_owned(), json!(self.secrets_provided));
        object.insert("slxGroups".to_owned(), Json::Object(groups));
        object.insert("slxRelationships".to_owned(), self.relationships_json());
        object.insert("permissions".to_owned(), self.permissions_json());
        object
    }

    /// Returns the fields of the file's `spec`; empty ones are left out but for the locations.
    pub(super) fn to_spec(&self) -> Map<String, Json> {
        let named = |pairs: &indexmap::IndexMap<String, String>, field: &str| {
            pairs.iter().map(|(name, value)| json!({"name": name, field: value})).collect::<Json>()
        };
        let groups: Json = self.slx_groups.iter().map(|(name, group)| group.to_item(name)).collect();
        let mut spec = Map::new();
        if let Some(name) = &self.display_name {
            spec.insert("displayName".to_owned(), json!(name));
        }
        spec.insert("enabledLocations".to_owned(), json!(self.enabled_locations));
        for (field, list) in [
            ("configProvided", named(&self.config_provided, "value")),
            ("secretsProvided", named(&self.secrets_provided, "workspaceKey")),
            ("slxGroups", groups),
            ("slxRelationships", self.relationships_json()),
            ("permissions", self.permissions_json()),
        ] {
            if list != json!([]) {
                spec.insert(field.to_owned(), list);
            }
        }
        spec
    }

    fn relationships_json(&self) -> Json {
        self.slx_relationships.iter().map(Relationship::to_json).collect()
    }

    fn permissions_json(&self) -> Json {
        self.permissions.iter().map(Permission::to_json).collect()
    }
}

impl SlxGroup {
    fn to_json(&self) -> Json {
        let mut object = json!({"slxs": self.slxs});
        if !self.depends_on.is_empty() {
            object["dependsOn"] = json!(self.depends_on);
        }
        object
    }

    /// Returns an item of the file's list of groups.
    pub(super) fn to_item(&self, name: &str) -> Json {
        let mut item = json!({"name": name, "slxs": self.slxs});
        if !self.depends_on.is_empty() {
            item["dependsOn"] = json!(self.depends_on);
        }
        item
    }
}

impl Relationship {
    pub(super) fn to_json(&self) -> Json {
        json!({"subject": self.subject, "verb": self.verb, "object": self.object})
    }
}

impl Permission {
    pub(super) fn to_json(&self) -> Json {
        match &self.subject {
            Subject::User(user) => json!({"user": user, "role": self.role}),
            Subject::Group(group) => json!({"group": group, "role": self.role}),
        }
    }
}
