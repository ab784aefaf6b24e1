//! Edits that keep comments, order and formatting of all that they don't change.
//!
//! An [`Editor`] collects what the document shall hold. At the end the tree of the text and the wanted
//! value are compared, where they differ the text is cut and patched, and the result is read again and
//! must be what was wanted: a damaged file is never returned.

mod align;
mod block;
#[cfg(test)]
pub(crate) mod documents;
mod flow;
#[cfg(test)]
mod laws;
mod layout;
mod splice;
#[cfg(test)]
pub(crate) mod tests;

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::parse::escape_pointer;
use super::{Entry, Node, Resolved, SyntaxError, Value, parse};
use crate::merge_patch::merge_patch;

/// Why a document could not be edited.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The text is no acceptable YAML document.
    #[error("the file can't be read: {}", first_of(.0))]
    Syntax(Vec<SyntaxError>),
    /// A path leads through a value that has no members.
    #[error("`{pointer}` is {found}, so nothing can be set below it")]
    NoCollection {
        /// The JSON pointer of the value.
        pointer: String,
        /// What it is.
        found: &'static str,
    },
    /// A path names an item that a list does not have.
    #[error("`{pointer}` is not there: the list has {length} items")]
    NoItem {
        /// The JSON pointer of the item.
        pointer: String,
        /// How many items the list has.
        length: usize,
    },
    /// A node that was not found in the document.
    #[error("line {line} column {column} holds no scalar that could be replaced")]
    NoScalar {
        /// The line, from 1.
        line: usize,
        /// The column in characters, from 1.
        column: usize,
    },
    /// The text uses YAML in a way that can't be edited without rewriting more than was asked.
    #[error("line {line}: {what} can't be edited in place: change the file itself instead")]
    Unsupported {
        /// The line, from 1.
        line: usize,
        /// What stands there.
        what: &'static str,
    },
    /// The edited text would not have read as it should.
    #[error("the edit would damage the file (anchors, or an unusual layout): change the file itself instead")]
    Unverified,
}

fn first_of(errors: &[SyntaxError]) -> String {
    errors.first().map(ToString::to_string).unwrap_or_default()
}

/// An edit of one document.
///
/// Paths name keys; in a list a path segment is the place of an item from 0, and `-` the place behind
/// the last one (RFC 6901). Operations apply in the order they are called; the first that fails is
/// reported by [`Editor::finish`].
#[derive(Debug)]
pub struct Editor<'a> {
    source: &'a str,
    root: Arc<Node>,
    expected: Json,
    failed: Option<EditError>,
}

impl<'a> Editor<'a> {
    /// Reads a document to edit it.
    pub fn new(source: &'a str) -> Result<Self, Vec<SyntaxError>> {
        let root = parse(source)?;
        let expected = root.to_json();
        Ok(Self { source, root: Arc::new(root), expected, failed: None })
    }

    /// Returns the document as it was read.
    pub fn root(&self) -> &Node {
        &self.root
    }

    /// Returns the document as it was read, to walk through it while editing.
    pub fn tree(&self) -> Arc<Node> {
        Arc::clone(&self.root)
    }

    /// Returns what the document will hold.
    pub fn expected(&self) -> &Json {
        &self.expected
    }

    /// Sets the value at a path; mappings on the way that are missing are made.
    pub fn set(&mut self, path: &[&str], value: &Json) -> &mut Self {
        let result = set(&mut self.expected, path, value);
        self.note(result)
    }

    /// Removes the key or item at a path; one that is not there is no error.
    pub fn remove(&mut self, path: &[&str]) -> &mut Self {
        if let Some((last, parents)) = path.split_last() {
            let parent = parents.iter().try_fold(&mut self.expected, |value, key| child(value, key));
            match parent {
                Some(Json::Object(members)) => drop(members.shift_remove(*last)),
                Some(Json::Array(items)) => {
                    if let Some(place) = last.parse().ok().filter(|&place: &usize| place < items.len()) {
                        items.remove(place);
                    }
                }
                _ => {}
            }
        }
        self
    }

    /// Applies a JSON merge patch (RFC 7396) to the document: null removes a key.
    pub fn merge(&mut self, patch: &Json) -> &mut Self {
        merge_patch(&mut self.expected, patch);
        self
    }

    /// Replaces a scalar of [`Editor::root`] by a string.
    pub fn replace_scalar(&mut self, node: &Node, text: &str) -> &mut Self {
        let mut path = Vec::new();
        let root = self.tree();
        if find_scalar(&root, node, &mut path) {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            return self.set(&path, &text.into());
        }
        let start = node.span.start;
        self.note(Err(EditError::NoScalar { line: start.line, column: start.column }))
    }

    /// Returns the edited text, which was read again and holds what it should.
    pub fn finish(&self) -> Result<String, EditError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        if holds(&self.root, &self.expected) {
            return Ok(self.source.to_owned());
        }
        // With a final line break every line is like the others; it is taken away again.
        let is_ended = self.source.ends_with(['\n', '\r']);
        let newline = layout::line_break(self.source);
        let source = if is_ended {
            Cow::Borrowed(self.source)
        } else {
            Cow::Owned(format!("{}{newline}", self.source))
        };
        let layout = layout::Layout::new(&source, &self.root);
        let mut changes = block::Changes::new(&layout);
        changes.diff(&block::Slot::Root, &self.root, &self.expected)?;
        let Some(mut edited) = changes.splices.apply(&source)? else {
            return Ok(self.source.to_owned());
        };
        if !is_ended && edited.ends_with(newline) {
            edited.truncate(edited.len() - newline.len());
        }
        match parse(&edited) {
            Ok(root) if holds(&root, &self.expected) => Ok(edited),
            _ => Err(EditError::Unverified),
        }
    }

    fn note(&mut self, result: Result<(), EditError>) -> &mut Self {
        if let Err(error) = result {
            self.failed.get_or_insert(error);
        }
        self
    }
}

/// Tells whether a node's JSON is a value, without making it.
fn holds(node: &Node, value: &Json) -> bool {
    match (&node.value, value) {
        (Value::Sequence(items), Json::Array(values)) => {
            items.len() == values.len() && items.iter().zip(values).all(|(item, value)| holds(item, value))
        }
        (Value::Mapping(entries), Json::Object(members)) => {
            let is_held =
                |entry: &Entry| members.get(&entry.key.text).is_some_and(|value| holds(&entry.value, value));
            entries.len() == members.len() && entries.iter().all(is_held)
        }
        (Value::Scalar(scalar), value) => match (scalar.resolve(), value) {
            (Resolved::String, Json::String(text)) => scalar.text == *text,
            (Resolved::String, _) => false,
            (resolved, value) => resolved.to_json(&scalar.text) == *value,
        },
        _ => false,
    }
}

fn child<'v>(value: &'v mut Json, key: &str) -> Option<&'v mut Json> {
    match value {
        Json::Object(members) => members.get_mut(key),
        Json::Array(items) => items.get_mut(key.parse::<usize>().ok()?),
        _ => None,
    }
}

fn set(mut target: &mut Json, path: &[&str], value: &Json) -> Result<(), EditError> {
    for (depth, &key) in path.iter().enumerate() {
        if target.is_null() {
            *target = Json::Object(Map::new());
        }
        let found = describe(target);
        target = match target {
            Json::Object(members) => members.entry(key).or_insert(Json::Null),
            Json::Array(items) => {
                let length = items.len();
                let place = if key == "-" { Some(length) } else { key.parse().ok() };
                if place == Some(length) {
                    items.push(Json::Null);
                }
                let item = place.and_then(|place: usize| items.get_mut(place));
                item.ok_or_else(|| EditError::NoItem { pointer: pointer(&path[..=depth]), length })?
            }
            _ => return Err(EditError::NoCollection { pointer: pointer(&path[..depth]), found }),
        };
    }
    target.clone_from(value);
    Ok(())
}

fn describe(value: &Json) -> &'static str {
    match value {
        Json::Null => "nothing",
        Json::Bool(_) => "a boolean",
        Json::Number(_) => "a number",
        Json::String(_) => "a string",
        Json::Array(_) => "a list",
        Json::Object(_) => "a mapping",
    }
}

fn pointer(path: &[&str]) -> String {
    path.iter().fold(String::new(), |pointer, key| pointer + "/" + &escape_pointer(key))
}

/// Finds the way to a scalar by its place.
fn find_scalar(node: &Node, wanted: &Node, path: &mut Vec<String>) -> bool {
    if matches!(node.value, Value::Scalar(_)) {
        return node.span == wanted.span && matches!(wanted.value, Value::Scalar(_));
    }
    let items = node.items().iter().enumerate().map(|(place, item)| (place.to_string(), item));
    let entries = node.entries().iter().map(|entry| (entry.key.text.clone(), &entry.value));
    for (key, value) in items.chain(entries) {
        path.push(key);
        if find_scalar(value, wanted, path) {
            return true;
        }
        path.pop();
    }
    false
}
