//! What clients send: checked in full, with every problem at its pointer.

use indexmap::IndexMap;
use serde_json::{Map, Value as Json};

use super::{IGNORED_FIELDS, Permission, Relationship, SlxGroup, Subject, WorkspaceConfig};
use crate::yaml::escape_pointer;

/// The fields that may be written.
const FIELDS: [&str; 7] = [
    "displayName",
    "enabledLocations",
    "configProvided",
    "secretsProvided",
    "slxGroups",
    "slxRelationships",
    "permissions",
];
/// Those of them that a replacement never resets by leaving them out.
const KEPT_FIELDS: [&str; 2] = ["slxRelationships", "permissions"];

/// One thing that is wrong with what a client sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldProblem {
    /// The JSON pointer of the value in the request's body.
    pub pointer: String,
    /// A stable `snake_case` code: `unknown_field`, `missing_field`, `wrong_type` or `conflicting_fields`.
    pub code: &'static str,
    /// One sentence without a final period.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl WorkspaceConfig {
    /// Applies a JSON merge patch (RFC 7396) on the API's workspace object.
    pub fn merge_patched(&self, patch: &Json) -> Result<Self, Vec<FieldProblem>> {
        let mut reader = Reader::default();
        let mut object = self.to_json();
        for (field, patch) in reader.known_fields(patch) {
            merge(object.entry(field).or_insert(Json::Null), patch);
        }
        reader.finish(&object)
    }

    /// Replaces the configuration by the API's workspace object.
    ///
    /// What is left out returns to its default, but relationships and permissions stay.
    pub fn replaced(&self, object: &Json) -> Result<Self, Vec<FieldProblem>> {
        let mut reader = Reader::default();
        let mut fields = Self::default().to_json();
        let kept = self.to_json().into_iter().filter(|(field, _)| KEPT_FIELDS.contains(&field.as_str()));
        fields.extend(kept);
        for (field, value) in reader.known_fields(object) {
            if !value.is_null() {
                fields.insert(field.clone(), value.clone());
            }
        }
        reader.finish(&fields)
    }
}

/// Applies a merge patch to a value (RFC 7396, section 2).
pub fn merge(target: &mut Json, patch: &Json) {
    let Json::Object(patch) = patch else {
        target.clone_from(patch);
        return;
    };
    if !target.is_object() {
        *target = Json::Object(Map::new());
    }
    let Json::Object(members) = target else { return };
    for (key, value) in patch {
        if value.is_null() {
            members.shift_remove(key);
        } else {
            merge(members.entry(key).or_insert(Json::Null), value);
        }
    }
}

/// Reads objects strictly and collects what is wrong.
#[derive(Default)]
struct Reader {
    problems: Vec<FieldProblem>,
}

impl Reader {
    /// Returns the writable fields of a body, and reports those that nobody knows.
    fn known_fields<'j>(&mut self, body: &'j Json) -> Vec<(&'j String, &'j Json)> {
        let Json::Object(body) = body else {
            self.wrong_type("", body, "an object", None);
            return Vec::new();
        };
        let mut known = Vec::new();
        for (field, value) in body {
            if FIELDS.contains(&field.as_str()) {
                known.push((field, value));
            } else if !IGNORED_FIELDS.contains(&field.as_str()) {
                self.unknown("", field, &FIELDS);
            }
        }
        known
    }

    fn finish(mut self, object: &Map<String, Json>) -> Result<WorkspaceConfig, Vec<FieldProblem>> {
        let field = |name: &str| object.get(name).filter(|value| !value.is_null());
        let display_name = field("displayName").and_then(|value| self.text("/displayName", value));
        let config = WorkspaceConfig {
            display_name,
            enabled_locations: self.texts("/enabledLocations", field("enabledLocations")),
            config_provided: self.pairs("/configProvided", field("configProvided")),
            secrets_provided: self.pairs("/secretsProvided", field("secretsProvided")),
            slx_groups: self.groups(field("slxGroups")),
            slx_relationships: self.relationships(field("slxRelationships")),
            permissions: self.permissions(field("permissions")),
        };
        if self.problems.is_empty() { Ok(config) } else { Err(self.problems) }
    }

    fn text(&mut self, pointer: &str, value: &Json) -> Option<String> {
        if let Json::String(text) = value {
            return Some(text.clone());
        }
        let hint =
            (!value.is_array() && !value.is_object()).then(|| format!("write it in quotes: \"{value}\""));
        self.wrong_type(pointer, value, "a string", hint);
        None
    }

    fn items<'j>(&mut self, pointer: &str, value: Option<&'j Json>, what: &str) -> &'j [Json] {
        match value {
            None => &[],
            Some(Json::Array(items)) => items,
            Some(other) => {
                self.wrong_type(pointer, other, what, None);
                &[]
            }
        }
    }

    fn texts(&mut self, pointer: &str, value: Option<&Json>) -> Vec<String> {
        let items = self.items(pointer, value, "a list of strings").iter().enumerate();
        items.filter_map(|(place, item)| self.text(&format!("{pointer}/{place}"), item)).collect()
    }

    fn pairs(&mut self, pointer: &str, value: Option<&Json>) -> IndexMap<String, String> {
        let mut pairs = IndexMap::new();
        for (name, value) in self.members(pointer, value, "{\"NAME\": \"value\"}") {
            let pointer = format!("{pointer}/{}", escape_pointer(name));
            if let Some(text) = self.text(&pointer, value) {
                pairs.insert(name.clone(), text);
            }
        }
        pairs
    }

    fn members<'j>(
        &mut self,
        pointer: &str,
        value: Option<&'j Json>,
        form: &str,
    ) -> Vec<(&'j String, &'j Json)> {
        match value {
            None => Vec::new(),
            Some(Json::Object(members)) => members.iter().collect(),
            Some(other) => {
                self.wrong_type(pointer, other, "an object", Some(format!("write {form}")));
                Vec::new()
            }
        }
    }

    fn groups(&mut self, value: Option<&Json>) -> IndexMap<String, SlxGroup> {
        let form = "{\"group name\": {\"slxs\": [\"short-name\"]}}";
        let mut groups = IndexMap::new();
        for (name, value) in self.members("/slxGroups", value, form) {
            let pointer = format!("/slxGroups/{}", escape_pointer(name));
            let Json::Object(fields) = value else {
                let hint = "write {\"slxs\": [\"short-name\"]}".to_owned();
                self.wrong_type(&pointer, value, "an object", Some(hint));
                continue;
            };
            self.refuse_unknown(&pointer, fields, &["slxs", "dependsOn"]);
            let slxs = self.texts(&format!("{pointer}/slxs"), fields.get("slxs"));
            let depends_on = self.texts(&format!("{pointer}/dependsOn"), fields.get("dependsOn"));
            groups.insert(name.clone(), SlxGroup { slxs, depends_on });
        }
        groups
    }

    fn relationships(&mut self, value: Option<&Json>) -> Vec<Relationship> {
        const NAMES: [&str; 3] = ["subject", "verb", "object"];
        let items = self.items("/slxRelationships", value, "a list of {subject, verb, object}");
        let mut relationships = Vec::with_capacity(items.len());
        for (place, item) in items.iter().enumerate() {
            let pointer = format!("/slxRelationships/{place}");
            let Some(fields) = self.object(&pointer, item, &NAMES) else { continue };
            let [subject, verb, object] = NAMES.map(|name| self.required(&pointer, fields, name));
            if let (Some(subject), Some(verb), Some(object)) = (subject, verb, object) {
                relationships.push(Relationship { subject, verb, object });
            }
        }
        relationships
    }

    fn permissions(&mut self, value: Option<&Json>) -> Vec<Permission> {
        let items = self.items("/permissions", value, "a list of {user or group, role}");
        let mut permissions = Vec::with_capacity(items.len());
        for (place, item) in items.iter().enumerate() {
            let pointer = format!("/permissions/{place}");
            let Some(fields) = self.object(&pointer, item, &["user", "group", "role"]) else { continue };
            let role = self.required(&pointer, fields, "role");
            let subject = match (fields.get("user"), fields.get("group")) {
                (Some(_), Some(_)) => {
                    let message = format!("`{pointer}` has both `user` and `group`");
                    let hint = "write one entry for the user and one for the group".to_owned();
                    self.report(pointer, "conflicting_fields", message, Some(hint));
                    None
                }
                (None, Some(group)) => self.text(&format!("{pointer}/group"), group).map(Subject::Group),
                (Some(user), _) => self.text(&format!("{pointer}/user"), user).map(Subject::User),
                (None, None) => {
                    let message = format!("`{pointer}` has neither `user` nor `group`");
                    self.report(pointer.clone(), "missing_field", message, None);
                    None
                }
            };
            if let (Some(subject), Some(role)) = (subject, role) {
                permissions.push(Permission { subject, role });
            }
        }
        permissions
    }

    fn object<'j>(
        &mut self,
        pointer: &str,
        value: &'j Json,
        known: &[&str],
    ) -> Option<&'j Map<String, Json>> {
        let Json::Object(fields) = value else {
            self.wrong_type(pointer, value, "an object", None);
            return None;
        };
        self.refuse_unknown(pointer, fields, known);
        Some(fields)
    }

    fn required(&mut self, pointer: &str, fields: &Map<String, Json>, name: &str) -> Option<String> {
        if let Some(value) = fields.get(name) {
            return self.text(&format!("{pointer}/{name}"), value);
        }
        self.report(pointer.to_owned(), "missing_field", format!("`{pointer}` has no `{name}`"), None);
        None
    }

    fn refuse_unknown(&mut self, pointer: &str, fields: &Map<String, Json>, known: &[&str]) {
        for field in fields.keys().filter(|field| !known.contains(&field.as_str())) {
            self.unknown(pointer, field, known);
        }
    }

    fn unknown(&mut self, pointer: &str, field: &str, known: &[&str]) {
        let likeness = |name: &str| strsim::jaro_winkler(&name.to_lowercase(), &field.to_lowercase());
        let nearest = known.iter().max_by(|one, other| likeness(one).total_cmp(&likeness(other)));
        let hint = match nearest.filter(|name| likeness(name) > 0.8) {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("the fields are `{}`", known.join("`, `")),
        };
        let pointer = format!("{pointer}/{}", escape_pointer(field));
        self.report(pointer, "unknown_field", format!("the field `{field}` is not known"), Some(hint));
    }

    fn wrong_type(&mut self, pointer: &str, value: &Json, wanted: &str, hint: Option<String>) {
        let found = match value {
            Json::Null => "null",
            Json::Bool(_) => "a boolean",
            Json::Number(_) => "a number",
            Json::String(_) => "a string",
            Json::Array(_) => "a list",
            Json::Object(_) => "an object",
        };
        let name = if pointer.is_empty() { "the body".to_owned() } else { format!("`{pointer}`") };
        self.report(pointer.to_owned(), "wrong_type", format!("{name} is {found}, not {wanted}"), hint);
    }

    fn report(&mut self, pointer: String, code: &'static str, message: String, hint: Option<String>) {
        self.problems.push(FieldProblem { pointer, code, message, hint });
    }
}
