//! Reading the fields of a payload, with every problem at its pointer.

use indexmap::IndexMap;
use serde_json::{Map, Number, Value as Json};

use super::payload::PayloadError;
use crate::check::nearest;
use crate::model::NamedValue;
use crate::workspace_file::FieldProblem;
use crate::yaml::escape_pointer;

/// Where the payload stands in the request's body.
const ROOT: &str = "/payload";
/// Most problems that are reported; further ones would tell nobody anything new.
const MAX_PROBLEMS: usize = 100;

/// Longer keys are cut in answers, so that a hostile one is not sent back in full.
const MAX_SHOWN_KEY: usize = 100;

/// The fields of a payload that were not read yet, by the name that they were sent under.
///
/// A field may be sent in `snake_case` or in `camelCase`; null counts as not sent, because many clients
/// send a null for every option that they leave alone.
pub(super) struct Fields<'j> {
    model: &'static str,
    left: IndexMap<String, &'j Json>,
    known: Vec<&'static str>,
    unknown_keys: Vec<String>,
    problems: Vec<FieldProblem>,
}

impl<'j> Fields<'j> {
    pub(super) fn new(model: &'static str, payload: &'j Map<String, Json>) -> Self {
        let left = payload.iter().map(|(key, value)| (key.clone(), value)).collect();
        Self { model, left, known: Vec::new(), unknown_keys: Vec::new(), problems: Vec::new() }
    }

    /// Takes a field under any of its names.
    fn take(&mut self, name: &'static str, others: &[&str]) -> Option<(String, &'j Json)> {
        self.known.push(name);
        let camel = camel_case(name);
        let mut names = vec![name];
        names.extend((camel != name).then_some(camel.as_str()));
        names.extend(others);
        let mut found: Vec<(&str, &Json)> =
            names.iter().filter_map(|name| Some((*name, self.left.shift_remove(*name)?))).collect();
        found.retain(|(_, value)| !value.is_null());
        if let [(first, one), (second, other), ..] = found[..]
            && one != other
        {
            let message = format!("`{first}` and `{second}` are the same field with different values");
            self.report(pointer(second), "conflicting_fields", message, "send only one of them");
        }
        found.first().map(|(name, value)| (pointer(name), *value))
    }

    /// Reads a string.
    pub(super) fn text(&mut self, name: &'static str) -> Option<String> {
        self.text_of(name, &[])
    }

    /// Reads a string that is not empty.
    pub(super) fn filled_text(&mut self, name: &'static str) -> Option<String> {
        let (pointer, value) = self.take(name, &[])?;
        if value == "" {
            let message = format!("`{pointer}` is empty");
            self.report(pointer, "empty_value", message, "give it a value, or leave it out");
            return None;
        }
        self.string(&pointer, value)
    }

    /// Reads a string that must be there, and not be empty.
    pub(super) fn required_text(&mut self, name: &'static str, hint: &str) -> String {
        if !self.left.contains_key(name) {
            self.report(pointer(name), "missing_field", format!("the payload has no `{name}`"), hint);
        }
        self.filled_text(name).unwrap_or_default()
    }

    /// Reads a string that has other names too.
    pub(super) fn text_of(&mut self, name: &'static str, others: &[&str]) -> Option<String> {
        let (pointer, value) = self.take(name, others)?;
        self.string(&pointer, value)
    }

    /// Reads the number of an object of the API, which is sent as a string by some.
    pub(super) fn id(&mut self, name: &'static str) -> i64 {
        let Some((pointer, value)) = self.take(name, &[]) else {
            let message = format!("the payload has no `{name}`");
            let hint = "send the `resourceId` that slxs/sync-typed answered";
            self.report(pointer(name), "missing_field", message, hint);
            return 0;
        };
        let digits = value.as_str().and_then(|text| text.parse().ok());
        value.as_i64().or(digits).unwrap_or_else(|| {
            self.wrong_type(&pointer, value, "an integer");
            0
        })
    }

    /// Reads an integer of at least 1.
    pub(super) fn positive(&mut self, name: &'static str) -> Option<i64> {
        let (pointer, value) = self.take(name, &[])?;
        let number = value.as_i64().filter(|number| *number > 0);
        if number.is_none() {
            self.wrong_type(&pointer, value, "a positive integer");
        }
        number
    }

    /// Reads a number.
    pub(super) fn number(&mut self, name: &'static str) -> Option<Number> {
        let (pointer, value) = self.take(name, &[])?;
        match value {
            Json::Number(number) if is_writable(number) => Some(number.clone()),
            other => {
                self.wrong_type(&pointer, other, "a number");
                None
            }
        }
    }

    /// Reads a list of strings.
    pub(super) fn texts(&mut self, name: &'static str) -> Option<Vec<String>> {
        let (pointer, value) = self.take(name, &[])?;
        let items = self.items(&pointer, value, "a list of strings")?.iter().enumerate();
        Some(items.filter_map(|(place, item)| self.string(&format!("{pointer}/{place}"), item)).collect())
    }

    /// Reads a list of objects that have a name and one other string.
    pub(super) fn pairs(&mut self, name: &'static str, field: &'static str) -> Option<Vec<NamedValue>> {
        let (pointer, value) = self.take(name, &[])?;
        let wanted = format!("{{\"name\": ..., \"{}\": ...}}", camel_case(field));
        let mut pairs = Vec::new();
        for (place, item) in self.items(&pointer, value, &format!("a list of {wanted}"))?.iter().enumerate() {
            let pointer = format!("{pointer}/{place}");
            let Json::Object(members) = item else {
                self.wrong_type(&pointer, item, &wanted);
                continue;
            };
            pairs.extend(self.pair(&pointer, members, field));
        }
        Some(pairs)
    }

    fn pair(&mut self, place: &str, members: &Map<String, Json>, field: &str) -> Option<NamedValue> {
        let camel = camel_case(field);
        for key in members.keys().filter(|key| !["name", field, &camel].contains(&key.as_str())) {
            self.unknown(place, key, &["name", &camel]);
        }
        let mut member = |names: [&str; 2]| {
            let found = names.iter().find_map(|name| Some((name, members.get(*name)?)));
            let Some((name, value)) = found else {
                let message = format!("`{place}` has no `{}`", names[1]);
                self.report(format!("{place}/{}", names[1]), "missing_field", message, "add it, a string");
                return None;
            };
            match value {
                Json::Null if *name != "name" => Some(String::new()),
                value => self.string(&format!("{place}/{name}"), value),
            }
        };
        // An empty value stands in files as nothing, which is what clients that read one send back.
        let (name, value) = (member(["name"; 2]), member([field, &camel]));
        let (name, value) = (name?, value?);
        if name.is_empty() {
            self.report(
                format!("{place}/name"),
                "empty_value",
                format!("`{place}/name` is empty"),
                "name it",
            );
        }
        Some(NamedValue { name, value })
    }

    /// Reads an object of which only the caller knows what it holds.
    pub(super) fn object(&mut self, name: &'static str) -> Option<Map<String, Json>> {
        let (pointer, value) = self.take(name, &[])?;
        match value {
            Json::Object(members) => {
                self.refuse_large_numbers(&pointer, value);
                Some(members.clone())
            }
            other => {
                self.wrong_type(&pointer, other, "an object");
                None
            }
        }
    }

    /// Reads a list of objects of which only the caller knows what they hold, but for their name.
    pub(super) fn named_objects(&mut self, name: &'static str) -> Option<Vec<Json>> {
        let (pointer, value) = self.take(name, &[])?;
        let items = self.items(&pointer, value, "a list of objects with a `name`")?;
        for (place, item) in items.iter().enumerate() {
            let pointer = format!("{pointer}/{place}");
            match item.get("name") {
                Some(Json::String(name)) if !name.is_empty() => self.refuse_large_numbers(&pointer, item),
                Some(other) => {
                    self.wrong_type(&format!("{pointer}/name"), other, "a string that is not empty");
                }
                None => self.wrong_type(&pointer, item, "an object with a `name`"),
            }
        }
        Some(items.to_vec())
    }

    /// Returns what was read, unless something was wrong.
    pub(super) fn finish<T>(mut self, payload: T) -> Result<T, PayloadError> {
        for (key, _) in std::mem::take(&mut self.left) {
            let known = std::mem::take(&mut self.known);
            self.unknown(ROOT, &key, &known);
            self.known = known;
        }
        if self.problems.is_empty() {
            return Ok(payload);
        }
        let Self { model, unknown_keys, problems, .. } = self;
        Err(PayloadError { model, unknown_keys, problems })
    }

    fn items(&mut self, pointer: &str, value: &'j Json, what: &str) -> Option<&'j [Json]> {
        if let Json::Array(items) = value {
            return Some(items);
        }
        self.wrong_type(pointer, value, what);
        None
    }

    fn string(&mut self, pointer: &str, value: &Json) -> Option<String> {
        if let Json::String(text) = value {
            return Some(text.clone());
        }
        self.wrong_type(pointer, value, "a string");
        None
    }

    /// Refuses numbers that YAML readers would take for something else.
    fn refuse_large_numbers(&mut self, pointer: &str, value: &Json) {
        match value {
            Json::Number(number) if !is_writable(number) => {
                self.wrong_type(pointer, value, "a number of at most 64 bits with a sign");
            }
            Json::Array(items) => {
                for (place, item) in items.iter().enumerate() {
                    self.refuse_large_numbers(&format!("{pointer}/{place}"), item);
                }
            }
            Json::Object(members) => {
                for (key, member) in members {
                    self.refuse_large_numbers(&format!("{pointer}/{}", escape_pointer(&shown(key))), member);
                }
            }
            _ => {}
        }
    }

    fn unknown(&mut self, place: &str, key: &str, known: &[&str]) {
        if self.problems.len() >= MAX_PROBLEMS {
            return;
        }
        let key = shown(key);
        let path = place.strip_prefix(ROOT).unwrap_or_default().replace('/', ".");
        let name = format!("{path}.{key}").trim_start_matches('.').to_owned();
        let hint = match nearest(&key, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the fields are `{}`", known.join("`, `")),
        };
        let message = format!("{} has no field `{name}`", self.model);
        self.report(format!("{place}/{}", escape_pointer(&key)), "unknown_field", message, hint);
        self.unknown_keys.push(name);
    }

    fn wrong_type(&mut self, pointer: &str, value: &Json, wanted: &str) {
        let found = match value {
            Json::Null => "null".to_owned(),
            Json::Bool(_) => format!("the boolean {value}"),
            Json::Number(_) => format!("the number {value}"),
            Json::String(_) => "a string".to_owned(),
            Json::Array(_) => "a list".to_owned(),
            Json::Object(_) => "an object".to_owned(),
        };
        let hint = match value {
            Json::Bool(_) | Json::Number(_) if wanted == "a string" => {
                format!("write it in quotes: \"{value}\"")
            }
            _ => format!("send {wanted}"),
        };
        self.report(pointer.to_owned(), "wrong_type", format!("`{pointer}` is {found}, not {wanted}"), hint);
    }

    fn report(&mut self, pointer: String, code: &'static str, message: String, hint: impl Into<String>) {
        if self.problems.len() >= MAX_PROBLEMS {
            return;
        }
        self.problems.push(FieldProblem { pointer, code, message, hint: Some(hint.into()) });
    }
}

/// Cuts what a client sent for an answer.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(MAX_SHOWN_KEY).collect()
}

/// Returns the pointer of a field.
pub(super) fn pointer(name: &str) -> String {
    format!("{ROOT}/{}", escape_pointer(name))
}

/// Tells whether a number reads as a number in every version of YAML.
fn is_writable(number: &Number) -> bool {
    number.is_i64() || number.is_f64()
}

/// Turns `image_url` into `imageUrl`.
pub(super) fn camel_case(name: &str) -> String {
    let mut camel = String::with_capacity(name.len());
    for (place, part) in name.split('_').enumerate() {
        let mut letters = part.chars();
        match letters.next() {
            Some(first) if place > 0 => camel.push(first.to_ascii_uppercase()),
            Some(first) => camel.push(first),
            None => {}
        }
        camel.push_str(letters.as_str());
    }
    camel
}
