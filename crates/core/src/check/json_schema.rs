//! JSON Schemas (draft 2020-12) of the kinds of file, made from the very tables that the check reads.
//!
//! A schema judges the value that YAML gives, and one document by itself: names that must match the path, references, and how a
//! number is written are for the check alone.

use serde_json::{Map, Value as Json, json};

use super::document::API_VERSION;
use super::schema::{HEADER, plain_fields, schema};
use super::shape::{Field, Need, Shape};
use crate::model::FileKind;
use crate::role::Role;

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";
/// What a scalar may be where a string is expected: builders leave strings such as `017` bare.
const SCALARS: [&str; 3] = ["string", "number", "boolean"];

/// A kind of file that has a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SchemaKind {
    kind: FileKind,
    name: &'static str,
    title: &'static str,
}

impl SchemaKind {
    /// All of them, in the order in which a list shows them.
    pub const ALL: [Self; 10] = [
        Self::new(FileKind::Workspace, "workspace", "The workspace itself: who may do what, groups, values"),
        Self::new(FileKind::Slx, "slx", "An SLX: one thing to watch and to act on"),
        Self::new(FileKind::Sli, "sli", "What measures an SLX"),
        Self::new(FileKind::Slo, "slo", "The objective for what an SLI measures"),
        Self::new(FileKind::Runbook, "runbook", "What to run when an SLX needs attention"),
        Self::new(FileKind::Workflow, "workflow", "What happens by itself when something else happens"),
        Self::new(FileKind::Persona, "persona", "An assistant, and how boldly it acts"),
        Self::new(FileKind::WorkspaceInfo, "workspaceinfo", "What the workspace builder looks for"),
        Self::new(FileKind::UploadInfo, "uploadinfo", "Where the workspace builder uploads to"),
        Self::new(FileKind::Manifest, "manifest", "The record of uploads, which the server writes"),
    ];

    const fn new(kind: FileKind, name: &'static str, title: &'static str) -> Self {
        Self { kind, name, title }
    }

    /// Finds a schema by its name; nothing when there is none.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|schema| schema.name == name)
    }

    /// Finds the schema of a kind of file; other files have none.
    pub fn of(kind: FileKind) -> Option<Self> {
        Self::ALL.into_iter().find(|schema| schema.kind == kind)
    }

    /// Returns the kind of file.
    pub const fn kind(self) -> FileKind {
        self.kind
    }

    /// Returns the name, as it stands in addresses and commands.
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// Returns what files of this kind are, in a few words.
    pub const fn title(self) -> &'static str {
        self.title
    }

    /// Returns the name of the schema's file.
    pub fn file_name(self) -> String {
        format!("{}.json", self.name)
    }

    /// Returns which files of a repository it is for, as a pattern of paths.
    pub fn file_match(self) -> String {
        self.kind.place().replace("<name>", "*")
    }

    /// Returns where a server of this address has the schema.
    pub fn url(self, server: &str) -> String {
        format!("{}/schemas/{}", server.trim_end_matches('/'), self.file_name())
    }

    /// Returns the comment that tells editors with the YAML language server which schema a file has.
    ///
    /// An address has printable ASCII only; nothing else could end the comment.
    pub fn modeline(self, server: &str) -> String {
        let url: String = self.url(server).chars().filter(char::is_ascii_graphic).collect();
        format!("# yaml-language-server: $schema={url}\n")
    }

    /// Returns the schema; with a server's address, under the address that it has there.
    pub fn json(self, server: Option<&str>) -> Json {
        let mut root = Map::new();
        root.insert("$schema".to_owned(), DIALECT.into());
        if let Some(server) = server {
            root.insert("$id".to_owned(), self.url(server).into());
        }
        root.insert("title".to_owned(), self.title.into());
        root.insert("description".to_owned(), format!("Belongs at {}.", self.kind.place()).into());
        root.extend(document(self.kind));
        Json::Object(root)
    }
}

/// Returns the keywords for a whole document, which is never empty.
fn document(kind: FileKind) -> Map<String, Json> {
    let Some(schema) = schema(kind) else {
        let mut record = record(plain_fields(kind));
        record.insert("type".to_owned(), "object".into());
        return record;
    };
    let fields = [HEADER[0], HEADER[1], schema.metadata, schema.spec];
    let mut record = record(&fields);
    record.insert("type".to_owned(), "object".into());
    if let Some(properties) = record.get_mut("properties").and_then(Json::as_object_mut) {
        properties.insert("apiVersion".to_owned(), json!({ "const": API_VERSION }));
        if let Some(name) = kind.kind_name() {
            properties.insert("kind".to_owned(), json!({ "const": name }));
        }
    }
    record
}

/// Returns the keywords for a mapping with known fields; others are welcome.
fn record(fields: &[Field]) -> Map<String, Json> {
    let mut properties = Map::new();
    let mut required = Vec::new();
    let mut either = Vec::new();
    for field in fields {
        let described = described(field);
        if let Some(alias) = field.alias() {
            either.push(one_or_the_other(field, alias, &described));
            // What stands beside the one that counts is not looked at; editors still offer it.
            properties.insert(field.name.to_owned(), json!({ "description": field.about() }));
            properties.insert(alias.to_owned(), json!({ "description": field.about() }));
            continue;
        }
        properties.insert(field.name.to_owned(), described);
        if field.need != Need::Optional {
            required.push(Json::from(field.name));
        }
    }
    let mut record = Map::new();
    record.insert("properties".to_owned(), Json::Object(properties));
    if !required.is_empty() {
        record.insert("required".to_owned(), Json::Array(required));
    }
    if !either.is_empty() {
        record.insert("allOf".to_owned(), Json::Array(either));
    }
    record
}

/// Says of a field with two names what the check does: the first counts where it is there.
fn one_or_the_other(field: &Field, alias: &str, described: &Json) -> Json {
    let mut other = json!({ "properties": { alias: described } });
    if field.need != Need::Optional {
        other["required"] = json!([alias]);
    }
    json!({
        "if": { "required": [field.name] },
        "then": { "properties": { field.name: described } },
        "else": other,
    })
}

/// Returns what a field may hold, and what it is for.
fn described(field: &Field) -> Json {
    let mut schema = match field.need {
        Need::Filled => filled(field.shape),
        Need::Optional | Need::Present => or_empty(filled(field.shape)),
    };
    if !field.about().is_empty() {
        schema.insert("description".to_owned(), field.about().into());
    }
    Json::Object(schema)
}

/// Lets a value be null or the empty string, which count as absent.
fn or_empty(mut schema: Map<String, Json>) -> Map<String, Json> {
    if schema.contains_key("anyOf") {
        let empty = json!({ "enum": [null, ""] });
        if let Some(any) = schema.get_mut("anyOf").and_then(Json::as_array_mut) {
            any.push(empty);
        }
        return schema;
    }
    let Some(types) = schema.get_mut("type") else { return Map::new() };
    let mut names = match types.take() {
        Json::Array(names) => names,
        name => vec![name],
    };
    names.push("null".into());
    if names.iter().any(|name| name == "string") {
        schema.remove("minLength");
    } else {
        names.push("string".into());
        // The length is asked of strings only, so of the empty one.
        schema.insert("maxLength".to_owned(), 0.into());
    }
    schema.insert("type".to_owned(), Json::Array(names));
    schema
}

/// Returns the keywords for a value of a shape that is neither null nor the empty string.
fn filled(shape: Shape) -> Map<String, Json> {
    let schema = match shape {
        Shape::Text => json!({ "type": SCALARS, "minLength": 1 }),
        Shape::Role => {
            let names = Role::ALL.map(Role::as_str);
            json!({ "anyOf": [{ "enum": names }, { "type": "string", "pattern": any_case(&names) }] })
        }
        Shape::Integer => json!({ "type": "integer" }),
        Shape::Number => json!({ "type": "number" }),
        Shape::Bool => json!({ "type": "boolean" }),
        Shape::Texts(required) => texts(required),
        Shape::Mapping => json!({ "type": "object" }),
        Shape::Any => {
            json!({ "type": [SCALARS[0], SCALARS[1], SCALARS[2], "array", "object"], "minLength": 1 })
        }
        Shape::List(Need::Filled, item) => json!({ "type": "array", "items": filled(*item) }),
        Shape::List(_, item) => json!({ "type": "array", "items": or_empty(filled(*item)) }),
        Shape::Record(fields) => {
            let mut record = record(fields);
            record.insert("type".to_owned(), "object".into());
            return record;
        }
        Shape::Choice(fields, names) => {
            let mut record = record(fields);
            record.insert("type".to_owned(), "object".into());
            let choice = names.iter().map(|name| {
                json!({ "required": [name], "properties": { *name: { "minLength": 1, "not": { "type": "null" } } } })
            });
            record.insert("oneOf".to_owned(), choice.collect());
            return record;
        }
    };
    match schema {
        Json::Object(schema) => schema,
        _ => Map::new(),
    }
}

/// Returns the keywords for a mapping of strings.
fn texts(required: &[&str]) -> Json {
    let mut schema = json!({ "type": "object", "additionalProperties": { "type": [SCALARS[0], SCALARS[1], SCALARS[2], "null"] } });
    if !required.is_empty() {
        let properties = required.iter().map(|name| ((*name).to_owned(), Json::Object(filled(Shape::Text))));
        schema["properties"] = Json::Object(properties.collect());
        schema["required"] = required.iter().copied().collect();
    }
    schema
}

/// Returns a pattern for any of the names in any case, without the flags that not every validator knows.
fn any_case(names: &[&str]) -> String {
    let letter = |c: char| ['[', c.to_ascii_lowercase(), c.to_ascii_uppercase(), ']'];
    let letters = |name: &&str| name.chars().flat_map(letter).collect::<String>();
    format!("^({})$", names.iter().map(letters).collect::<Vec<_>>().join("|"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::RepoPath;

    #[test]
    fn every_kind_of_file_has_a_schema_under_one_name() {
        for schema in SchemaKind::ALL {
            assert_eq!(SchemaKind::parse(schema.name()), Some(schema));
            assert_eq!(SchemaKind::of(schema.kind()), Some(schema));
            let path = RepoPath::parse(&schema.file_match().replace('*', "x")).unwrap();
            assert_eq!(FileKind::of(&path), schema.kind());
        }
        assert_eq!(SchemaKind::of(FileKind::Other), None);
        assert_eq!(SchemaKind::parse("nonsense"), None);
    }

    #[test]
    fn the_modeline_names_the_servers_schema_and_nothing_can_end_it() {
        let slx = SchemaKind::parse("slx").unwrap();
        assert_eq!(
            slx.modeline("https://ws.example/"),
            "# yaml-language-server: $schema=https://ws.example/schemas/slx.json\n"
        );
        assert_eq!(slx.modeline("https://a\nb c\u{2028}d").lines().count(), 1);
    }

    #[test]
    fn a_schema_reads_like_this() {
        let schema = SchemaKind::parse("slo").unwrap().json(Some("https://ws.example"));
        insta::assert_snapshot!(serde_json::to_string_pretty(&schema).unwrap());
    }
}
