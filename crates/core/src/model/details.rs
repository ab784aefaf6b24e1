//! What lists and readers show of an `slx.yaml`.

use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::text;
use crate::yaml::{Node, Value};

/// A name and its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NamedValue {
    /// The name.
    pub name: String,
    /// The value.
    pub value: String,
}

/// What lists and readers show of an `slx.yaml`.
///
/// Read tolerantly: what is missing or has the wrong type is simply not there; the check reports it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SlxDetails {
    /// The name for people.
    pub alias: Option<String>,
    /// What should be true of the thing that is watched.
    pub statement: Option<String>,
    /// The URL of the icon.
    pub image_url: Option<String>,
    /// Where the thing is, `spec.additionalContext.resourcePath`.
    pub resource_path: Option<String>,
    /// What the thing is: `resourceType` beside the path, else the tag `resource_type`.
    pub resource_type: Option<String>,
    /// The tags in the order of the file.
    pub tags: Vec<NamedValue>,
    /// The addresses of those who answer for it.
    pub owners: Vec<String>,
    /// Why the file can't be read, if it can't.
    pub unreadable: Option<String>,
    /// `spec` as JSON text, which takes a fraction of the memory that its values would.
    spec: Box<str>,
}

impl SlxDetails {
    /// Reads the details from a parsed `slx.yaml`.
    pub fn read(root: &Node) -> Self {
        let items = |keys: &[&str]| root.at(keys).map(Node::items).unwrap_or_default();
        let context = |keys: [&str; 2]| {
            keys.into_iter().find_map(|key| text(root, &["spec", "additionalContext", key]))
        };
        let tags: Vec<NamedValue> = items(&["spec", "tags"]).iter().filter_map(named_value).collect();
        let tagged = || tags.iter().find(|tag| tag.name == "resource_type").map(|tag| tag.value.clone());
        Self {
            alias: text(root, &["spec", "alias"]),
            statement: text(root, &["spec", "statement"]),
            image_url: text(root, &["spec", "imageURL"]),
            resource_path: context(["resourcePath", "resource_path"]),
            resource_type: context(["resourceType", "resource_type"]).or_else(tagged),
            owners: items(&["spec", "owners"]).iter().filter_map(Node::as_text).map(str::to_owned).collect(),
            unreadable: None,
            spec: spec(root).to_string().into(),
            tags,
        }
    }

    /// Makes the details of a file that can't be read.
    pub(super) fn unreadable(reason: String) -> Self {
        Self { unreadable: Some(reason), ..Self::default() }
    }

    /// Returns `spec`, always an object.
    pub fn spec(&self) -> Json {
        // The text was made from an object; of a file that can't be read there is none.
        serde_json::from_str(&self.spec).unwrap_or_else(|_| Json::Object(Map::new()))
    }

    /// Returns roughly how many bytes of memory it takes.
    pub(super) fn weight(&self) -> usize {
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::capacity);
        let texts = [
            &self.alias,
            &self.statement,
            &self.image_url,
            &self.resource_path,
            &self.resource_type,
            &self.unreadable,
        ];
        let tag = |tag: &NamedValue| size_of::<NamedValue>() + tag.name.capacity() + tag.value.capacity();
        let owner = |owner: &String| size_of::<String>() + owner.capacity();
        size_of::<Self>()
            + self.spec.len()
            + texts.into_iter().map(length).sum::<usize>()
            + self.tags.iter().map(tag).sum::<usize>()
            + self.owners.iter().map(owner).sum::<usize>()
    }
}

/// Returns the `spec` of a file as JSON, an empty object where there is none.
pub(crate) fn spec(root: &Node) -> Json {
    let spec = root.get("spec").filter(|spec| matches!(spec.value, Value::Mapping(_)));
    spec.map_or_else(|| Json::Object(Map::new()), Node::to_json)
}

/// Reads an item with a name; a value that is missing or empty is the empty string.
fn named_value(item: &Node) -> Option<NamedValue> {
    let name = item.get("name")?.as_text()?.to_owned();
    let value = item.get("value").and_then(Node::as_text).unwrap_or_default().to_owned();
    Some(NamedValue { name, value })
}

#[cfg(test)]
mod tests {
    use insta::assert_json_snapshot;
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> SlxDetails {
        SlxDetails::read(&crate::yaml::parse(text).unwrap())
    }

    #[test]
    fn details_are_what_was_written_and_the_spec_is_typed() {
        let details = read(
            "spec:\n  alias: 8123e45\n  imageURL: https://example.com/i.svg\n  owners: [a@example.com, null, 12]\n  tags:\n  - {name: version, value: 1.10}\n  - {name: resource_type, value: ingress}\n  - {name: empty, value: }\n  - broken\n  additionalContext: {resourcePath: kubernetes/a/b, depth: 2}\n",
        );
        assert_eq!(details.alias.as_deref(), Some("8123e45"));
        assert_eq!(details.owners, ["a@example.com", "12"]);
        assert_eq!(details.resource_path.as_deref(), Some("kubernetes/a/b"));
        assert_eq!(details.resource_type.as_deref(), Some("ingress"));
        assert_json_snapshot!(details.tags, @r#"
        [
          {
            "name": "version",
            "value": "1.10"
          },
          {
            "name": "resource_type",
            "value": "ingress"
          },
          {
            "name": "empty",
            "value": ""
          }
        ]
        "#);
        assert_eq!(
            details.spec()["additionalContext"],
            json!({"resourcePath": "kubernetes/a/b", "depth": 2})
        );
        assert_eq!(details.spec()["tags"][0]["value"], json!(1.1));
    }

    #[test]
    fn a_spec_is_always_an_object() {
        for text in ["a: 1", "spec:", "spec: [1]", "spec: x", "[]"] {
            assert_eq!(read(text).spec(), json!({}), "{text}");
        }
        assert_eq!(SlxDetails::unreadable("why".to_owned()).spec(), json!({}));
    }
}
