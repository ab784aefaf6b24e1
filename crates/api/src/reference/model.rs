//! What the description says, in the order and words of a reference.

use indexmap::IndexMap;
use serde_json::{Map, Value};
use utoipa::openapi::OpenApi;

/// The whole reference.
#[derive(Debug, Default)]
pub(crate) struct Reference {
    pub(crate) version: String,
    /// By tag, in the order of the table of routes.
    pub(crate) areas: Vec<(String, Vec<Operation>)>,
    /// By name.
    pub(crate) shapes: Vec<Shape>,
}

/// One method of one path.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) summary: String,
    pub(crate) description: String,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) body: Option<Form>,
    /// Answers that are no refusals.
    pub(crate) answers: Vec<Answer>,
    /// Status codes of refusals.
    pub(crate) refusals: Vec<Answer>,
}

/// What a request may say beside its body.
#[derive(Debug)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    /// `query`, `path` or `header`.
    pub(crate) place: String,
    pub(crate) required: bool,
    pub(crate) form: Form,
    pub(crate) description: String,
}

/// One status with what it means.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: String,
    pub(crate) description: String,
    pub(crate) form: Option<Form>,
}

/// A type: words, and the shape that they speak of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) before: &'static str,
    pub(crate) shape: Option<String>,
    pub(crate) word: String,
}

/// An object with fields.
#[derive(Debug)]
pub(crate) struct Shape {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) fields: Vec<Field>,
}

/// One field of an object.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) required: bool,
    pub(crate) form: Form,
    pub(crate) description: String,
}

impl Reference {
    /// Reads the description.
    pub(crate) fn of(description: &OpenApi) -> Self {
        let document = serde_json::to_value(description).unwrap_or_default();
        let mut areas: IndexMap<String, Vec<Operation>> = IndexMap::new();
        for tag in document["tags"].as_array().into_iter().flatten() {
            areas.insert(text(&tag["name"]), Vec::new());
        }
        for (path, item) in entries(&document["paths"]) {
            for (method, operation) in entries(item).filter(|(method, _)| *method != "parameters") {
                let area = text(&operation["tags"][0]);
                areas.entry(area).or_default().push(Operation::of(method, path, operation));
            }
        }
        let shapes = entries(&document["components"]["schemas"]);
        let mut shapes: Vec<_> = shapes.map(|(name, schema)| Shape::of(name, schema)).collect();
        shapes.sort_by(|one, two| one.name.cmp(&two.name));
        Self { version: text(&document["info"]["version"]), areas: areas.into_iter().collect(), shapes }
    }
}

impl Operation {
    fn of(method: &str, path: &str, operation: &Value) -> Self {
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let responses =
            entries(&operation["responses"]).map(|(status, response)| Answer::of(status, response));
        let (refusals, answers) = responses.partition(|answer: &Answer| answer.status.as_str() >= "400");
        Self {
            method: method.to_uppercase(),
            path: path.to_owned(),
            summary: text(&operation["summary"]),
            description: text(&operation["description"]),
            parameters: parameters.map(Parameter::of).collect(),
            body: content(&operation["requestBody"]),
            answers,
            refusals,
        }
    }
}

impl Parameter {
    fn of(parameter: &Value) -> Self {
        Self {
            name: text(&parameter["name"]),
            place: text(&parameter["in"]),
            required: parameter["required"] == true,
            form: Form::of(&parameter["schema"]),
            description: text(&parameter["description"]),
        }
    }
}

impl Answer {
    fn of(status: &str, response: &Value) -> Self {
        Self {
            status: status.to_owned(),
            description: text(&response["description"]),
            form: content(response),
        }
    }
}

impl Shape {
    fn of(name: &str, schema: &Value) -> Self {
        // What is put together of several objects has the fields of all.
        let parts = schema["allOf"].as_array().cloned().unwrap_or_else(|| vec![schema.clone()]);
        let fields = parts.iter().flat_map(|part| {
            let required = part["required"].as_array().cloned().unwrap_or_default();
            let field = move |(name, schema): (&str, &Value)| Field {
                name: name.to_owned(),
                required: required.iter().any(|known| known == name),
                form: Form::of(schema),
                description: text(&schema["description"]),
            };
            entries(&part["properties"]).map(field).collect::<Vec<_>>()
        });
        Self { name: name.to_owned(), description: text(&schema["description"]), fields: fields.collect() }
    }
}

impl Form {
    fn of(schema: &Value) -> Self {
        if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
            return Self { before: "", shape: Some(name.to_owned()), word: name.to_owned() };
        }
        for key in ["oneOf", "anyOf", "allOf"] {
            let choices = schema[key].as_array().into_iter().flatten();
            let mut choices = choices.filter(|choice| choice["type"] != "null");
            if let Some(choice) = choices.next() {
                return Self::of(choice);
            }
        }
        let kinds = match &schema["type"] {
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
            Value::String(kind) => vec![kind.as_str()],
            _ => Vec::new(),
        };
        match kinds.into_iter().find(|kind| *kind != "null") {
            Some("array") => Self::many("list of ", &schema["items"]),
            Some("object") if schema["additionalProperties"].is_object() => {
                Self::many("map to ", &schema["additionalProperties"])
            }
            Some(kind) => Self { before: "", shape: None, word: kind.to_owned() },
            None => Self { before: "", shape: None, word: "any".to_owned() },
        }
    }

    fn many(before: &'static str, schema: &Value) -> Self {
        let one = Self::of(schema);
        let word = format!("{}{}", one.before, one.word);
        Self { before, shape: one.shape, word }
    }
}

fn content(part: &Value) -> Option<Form> {
    let (_, content) = entries(&part["content"]).next()?;
    Some(Form::of(&content["schema"]))
}

fn entries(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter).map(|(key, value)| (key.as_str(), value))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
