//! From text to nodes, bounded, with every problem of the syntax at its place.

use std::collections::{HashMap, HashSet};

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span as ParserSpan};

use super::node::{Entry, Mark, Node, Scalar, Span, Style, Value};
use super::offsets::Offsets;
use crate::path::RepoPath;
use crate::problem::Problem;

/// Deepest nesting that is read.
pub const MAX_DEPTH: usize = 64;
/// Most bytes that all aliases of a document may expand to together, and that all anchors may hold.
///
/// A scalar counts as its text and 32 bytes, a collection as its content and 32 bytes.
pub const MAX_ALIAS_BYTES: usize = 1 << 20;
/// Most values that a document may hold; some 100 times as many as the largest real ones.
const MAX_NODES: usize = 1_000_000;
/// Reading stops after so many problems.
const MAX_ERRORS: usize = 100;
/// Longer keys are cut in pointers, so that a hostile file can't multiply them.
const MAX_POINTER_TOKEN: usize = 300;

/// What makes a text no acceptable YAML document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} at line {line} column {column}")]
pub struct SyntaxError {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The JSON pointer of the value it was found in.
    pub pointer: String,
    /// A stable code in `snake_case`.
    pub code: &'static str,
    /// One sentence without a final period.
    pub message: String,
}

impl SyntaxError {
    /// Turns it into a problem of a file.
    pub fn into_problem(self, path: &RepoPath) -> Problem {
        Problem::file(path, self.code, self.message).at(self.line, self.column, self.pointer)
    }
}

/// Reads exactly one document.
///
/// Refused, with all that were found: broken syntax, more than one document, duplicate keys, keys that
/// are no scalars, explicit tags, merge keys (`<<`), nesting beyond [`MAX_DEPTH`], and aliases that
/// expand beyond [`MAX_ALIAS_BYTES`] ("billion laughs").
pub fn parse(text: &str) -> Result<Node, Vec<SyntaxError>> {
    let mut builder = Builder::new(text);
    for event in Parser::new_from_str(text) {
        match event {
            Ok((event, span)) => {
                if builder.take(event, span).is_err() || builder.errors.len() >= MAX_ERRORS {
                    break;
                }
            }
            Err(error) => {
                let mark = builder.mark(error.marker());
                builder.report(mark, "yaml_syntax", format!("not valid YAML: {}", error.info()));
                break;
            }
        }
    }
    builder.finish()
}

/// Mappings up to this size find a duplicate key by looking through; larger ones keep a set.
const SMALL_MAPPING: usize = 16;

/// A collection that is still open.
struct Open {
    start: Mark,
    anchor: usize,
    content: Content,
}

enum Content {
    Sequence(Vec<Node>),
    Mapping { entries: Vec<Entry>, seen: HashSet<String>, key: Option<(Scalar, Span)> },
}

/// Parsing can't go on; the reason is in `errors`.
struct Stop;

struct Builder<'a> {
    offsets: Offsets<'a>,
    stack: Vec<Open>,
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
    anchor_bytes: usize,
    alias_bytes: usize,
    documents: usize,
    root: Option<Node>,
    errors: Vec<SyntaxError>,
}

impl<'a> Builder<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            offsets: Offsets::new(text),
            stack: Vec::new(),
            anchors: HashMap::new(),
            nodes: 0,
            anchor_bytes: 0,
            alias_bytes: 0,
            documents: 0,
            root: None,
            errors: Vec::new(),
        }
    }

    fn take(&mut self, event: Event<'_>, span: ParserSpan) -> Result<(), Stop> {
        let start = self.mark(&span.start);
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return self.stop(start, "several_documents", "holds more than one YAML document");
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.check_tag(start, tag.is_some());
                let style = match style {
                    ScalarStyle::Plain => Style::Plain,
                    ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Style::Quoted,
                    ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
                };
                let scalar = Scalar { text: text.into_owned(), style };
                let span = Span { start, end: self.mark(&span.end) };
                if self.wants_key() {
                    self.take_key(scalar, span);
                } else {
                    return self
                        .complete(Node { value: Value::Scalar(scalar), span, is_alias: false }, anchor);
                }
            }
            Event::SequenceStart(anchor, tag) => {
                self.check_tag(start, tag.is_some());
                self.open(start, anchor, Content::Sequence(Vec::new()))?;
            }
            Event::MappingStart(anchor, tag) => {
                self.check_tag(start, tag.is_some());
                let content = Content::Mapping { entries: Vec::new(), seen: HashSet::new(), key: None };
                self.open(start, anchor, content)?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(open) = self.stack.pop() {
                    let value = match open.content {
                        Content::Sequence(items) => Value::Sequence(items),
                        Content::Mapping { entries, .. } => Value::Mapping(entries),
                    };
                    let span = Span { start: open.start, end: self.mark(&span.end) };
                    return self.complete(Node { value, span, is_alias: false }, open.anchor);
                }
            }
            Event::Alias(anchor) => {
                let span = Span { start, end: self.mark(&span.end) };
                self.take_alias(anchor, span)?;
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Ok(())
    }

    fn open(&mut self, start: Mark, anchor: usize, content: Content) -> Result<(), Stop> {
        if self.wants_key() {
            return self.stop(start, "key_type", "a mapping's key must be a scalar");
        }
        if self.stack.len() == MAX_DEPTH {
            return self.stop(start, "too_deep", &format!("is nested deeper than {MAX_DEPTH} levels"));
        }
        self.stack.push(Open { start, anchor, content });
        Ok(())
    }

    fn wants_key(&self) -> bool {
        matches!(self.stack.last(), Some(Open { content: Content::Mapping { key: None, .. }, .. }))
    }

    fn take_key(&mut self, scalar: Scalar, span: Span) {
        if scalar.text == "<<" && scalar.style == Style::Plain {
            self.report(span.start, "merge_key", "merge keys (<<) are not accepted: write the fields out");
        }
        let Some(Open { content: Content::Mapping { entries, seen, key }, .. }) = self.stack.last_mut()
        else {
            return;
        };
        let is_duplicate = if entries.len() <= SMALL_MAPPING {
            entries.iter().any(|entry| entry.key.text == scalar.text)
        } else {
            if seen.is_empty() {
                seen.extend(entries.iter().map(|entry| entry.key.text.clone()));
            }
            !seen.insert(scalar.text.clone())
        };
        let message = is_duplicate.then(|| format!("the key {:?} is there twice", shortened(&scalar.text)));
        *key = Some((scalar, span));
        if let Some(message) = message {
            self.report(span.start, "duplicate_key", message);
        }
    }

    fn take_alias(&mut self, anchor: usize, span: Span) -> Result<(), Stop> {
        let Some((node, size)) = self.anchors.get(&anchor) else {
            return self.stop(span.start, "alias", "the alias names an anchor that is still open");
        };
        self.alias_bytes = self.alias_bytes.saturating_add(*size);
        if self.alias_bytes > MAX_ALIAS_BYTES {
            let message = format!("aliases expand to more than {MAX_ALIAS_BYTES} bytes");
            return self.stop(span.start, "alias_budget", &message);
        }
        let mut node = node.clone();
        node.span = span;
        node.is_alias = true;
        if self.wants_key() {
            return match node.value {
                Value::Scalar(scalar) => {
                    self.take_key(scalar, span);
                    Ok(())
                }
                _ => self.stop(span.start, "key_type", "a mapping's key must be a scalar"),
            };
        }
        self.complete(node, 0)
    }

    /// Puts a finished node into what is open.
    fn complete(&mut self, node: Node, anchor: usize) -> Result<(), Stop> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            let message = format!("holds more than {MAX_NODES} values");
            return self.stop(node.span.start, "too_many_values", &message);
        }
        if anchor > 0 {
            // Nested anchors hold the same content once for each, hence one budget for all.
            let size = size(&node, MAX_ALIAS_BYTES - self.anchor_bytes);
            let Some(size) = size else {
                let message = format!("anchors hold more than {MAX_ALIAS_BYTES} bytes");
                return self.stop(node.span.start, "alias_budget", &message);
            };
            self.anchor_bytes += size;
            self.anchors.insert(anchor, (node.clone(), size));
        }
        match self.stack.last_mut().map(|open| &mut open.content) {
            None => self.root = Some(node),
            Some(Content::Sequence(items)) => items.push(node),
            Some(Content::Mapping { entries, key, .. }) => {
                if let Some((key, key_span)) = key.take() {
                    entries.push(Entry { key, key_span, value: node });
                }
            }
        }
        Ok(())
    }

    fn check_tag(&mut self, mark: Mark, tagged: bool) {
        if tagged {
            self.report(
                mark,
                "explicit_tag",
                "explicit tags (!...) are not accepted: quote the value to make it a string",
            );
        }
    }

    fn report(&mut self, mark: Mark, code: &'static str, message: impl Into<String>) {
        let pointer = self.pointer();
        self.errors.push(SyntaxError {
            line: mark.line,
            column: mark.column,
            pointer,
            code,
            message: message.into(),
        });
    }

    fn stop(&mut self, mark: Mark, code: &'static str, message: &str) -> Result<(), Stop> {
        self.report(mark, code, message);
        Err(Stop)
    }

    /// Returns the pointer of the value that is being read.
    fn pointer(&self) -> String {
        let mut pointer = String::new();
        for open in &self.stack {
            match &open.content {
                Content::Sequence(items) => {
                    pointer.push('/');
                    pointer.push_str(&items.len().to_string());
                }
                Content::Mapping { key: Some((key, _)), .. } => {
                    pointer.push('/');
                    pointer.push_str(&escape_pointer(shortened(&key.text)));
                }
                Content::Mapping { key: None, .. } => {}
            }
        }
        pointer
    }

    fn mark(&mut self, marker: &Marker) -> Mark {
        let offset = self.offsets.byte_of(marker.index());
        Mark { offset, line: marker.line(), column: marker.col() + 1 }
    }

    fn finish(mut self) -> Result<Node, Vec<SyntaxError>> {
        if self.errors.is_empty() && self.root.is_none() {
            self.report(Mark { offset: 0, line: 1, column: 1 }, "empty_document", "holds no YAML document");
        }
        match self.root {
            Some(root) if self.errors.is_empty() => Ok(root),
            _ => Err(self.errors),
        }
    }
}

/// Escapes one token of a JSON pointer (RFC 6901).
pub(crate) fn escape_pointer(token: &str) -> String {
    token.replace('~', "~0").replace('/', "~1")
}

/// Cuts a key for messages and pointers.
fn shortened(key: &str) -> &str {
    key.char_indices().nth(MAX_POINTER_TOKEN).map_or(key, |(end, _)| &key[..end])
}

/// Measures a node for the budget of aliases, or gives up beyond a limit.
fn size(node: &Node, limit: usize) -> Option<usize> {
    let mut left = limit.checked_sub(32)?;
    match &node.value {
        Value::Scalar(scalar) => left = left.checked_sub(scalar.text.len())?,
        Value::Sequence(items) => {
            for item in items {
                left -= size(item, left)?;
            }
        }
        Value::Mapping(entries) => {
            for entry in entries {
                left = left.checked_sub(entry.key.text.len() + 32)?;
                left -= size(&entry.value, left)?;
            }
        }
    }
    Some(limit - left)
}

#[cfg(test)]
mod tests;
