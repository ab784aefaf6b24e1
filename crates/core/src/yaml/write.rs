//! Writing values so that readers of YAML 1.1 and of YAML 1.2 understand them alike.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::scalar::{Resolved, resolve_plain};

/// Longest key that is written in front of its colon; YAML ends implicit keys at 1024 characters.
const MAX_IMPLICIT_KEY: usize = 1000;

/// Where a scalar will stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// On a line of its own, behind a key or a dash.
    Block,
    /// Inside `[...]` or `{...}`.
    Flow,
}

/// How far children stand to the right of their key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Indents {
    /// The dashes of a list.
    pub(crate) list: usize,
    /// The keys of a mapping.
    pub(crate) map: usize,
}

impl Default for Indents {
    /// Returns what PyYAML writes.
    fn default() -> Self {
        Self { list: 0, map: 2 }
    }
}

/// Writes a string as one line, plain where that is safe, else in quotes.
///
/// Quoted is all that YAML 1.1 (PyYAML and others) or YAML 1.2 would read as something else, such as
/// `no`, `017`, `1e3`, `12:30` or `2020-01-01`; double quotes only where escapes are needed.
pub fn write_scalar(text: &str) -> Cow<'_, str> {
    scalar(text, Place::Block)
}

/// Writes a value in block style at a column, as PyYAML does, but never folds a line.
pub fn write_block(value: &Value, indent: usize) -> String {
    let mut lines = Vec::new();
    push_value(value, indent, Indents::default(), &mut lines);
    lines.push(String::new());
    lines.join("\n")
}

/// Writes a string for a place.
pub(crate) fn scalar(text: &str, place: Place) -> Cow<'_, str> {
    // A lone dash before a bracket or comma is the start of an item to some readers, our parser among them.
    let fits = place == Place::Block
        || !(text.contains([',', '[', ']', '{', '}', ':', '?']) || text.ends_with(" -"));
    if fits && is_safe_plain(text) {
        Cow::Borrowed(text)
    } else if needs_escapes(text) {
        Cow::Owned(double_quoted(text))
    } else {
        Cow::Owned(single_quoted(text))
    }
}

/// Writes a string in the quotes that the scalar before it had.
pub(crate) fn scalar_like(text: &str, first_byte: Option<u8>, place: Place) -> Cow<'_, str> {
    match first_byte {
        Some(b'"') => Cow::Owned(double_quoted(text)),
        Some(b'\'') if !needs_escapes(text) => Cow::Owned(single_quoted(text)),
        _ => scalar(text, place),
    }
}

/// Writes a scalar or an empty collection; nothing for a collection that has members.
pub(crate) fn inline(value: &Value, place: Place) -> Option<Cow<'_, str>> {
    match value {
        Value::Null => Some(Cow::Borrowed("null")),
        Value::Bool(true) => Some(Cow::Borrowed("true")),
        Value::Bool(false) => Some(Cow::Borrowed("false")),
        Value::Number(number) => Some(Cow::Owned(write_number(number))),
        Value::String(text) => Some(scalar(text, place)),
        Value::Array(items) => items.is_empty().then_some(Cow::Borrowed("[]")),
        Value::Object(members) => members.is_empty().then_some(Cow::Borrowed("{}")),
    }
}

/// Writes a value on one line in flow style.
pub(crate) fn flow(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", "))
        }
        Value::Object(members) => {
            let members = members.iter().map(|(key, value)| flow_entry(key, value));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
        scalar => inline(scalar, Place::Flow).map(Cow::into_owned).unwrap_or_default(),
    }
}

/// Writes one entry of a flow mapping.
pub(crate) fn flow_entry(key: &str, value: &Value) -> String {
    format!("{}: {}", scalar(key, Place::Flow), flow(value))
}

/// Adds the lines of a value, each with its indentation.
pub(crate) fn push_value(value: &Value, column: usize, indents: Indents, lines: &mut Vec<String>) {
    match value {
        Value::Object(members) if !members.is_empty() => push_members(members, column, indents, lines),
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                push_item(item, column, indents, lines);
            }
        }
        other => {
            let text = inline(other, Place::Block).unwrap_or_default();
            lines.push(indented(column, &text));
        }
    }
}

/// Writes a text behind blanks; a width in a format string would end at 65,535 and panic.
fn indented(column: usize, text: &str) -> String {
    let mut line = " ".repeat(column);
    line.push_str(text);
    line
}

fn push_members(members: &Map<String, Value>, column: usize, indents: Indents, lines: &mut Vec<String>) {
    for (key, value) in members {
        push_entry(key, value, column, indents, lines);
    }
}

/// Adds the lines of one entry of a mapping.
pub(crate) fn push_entry(key: &str, value: &Value, column: usize, indents: Indents, lines: &mut Vec<String>) {
    let key = scalar(key, Place::Block);
    let is_explicit = key.len() > MAX_IMPLICIT_KEY;
    let (head, offset) = if is_explicit {
        lines.push(indented(column, &format!("? {key}")));
        (indented(column, ":"), 2)
    } else {
        let offset = if value.is_array() { indents.list } else { indents.map };
        (indented(column, &format!("{key}:")), offset)
    };
    if let Some(text) = inline(value, Place::Block) {
        lines.push(format!("{head} {text}"));
    } else {
        lines.push(head);
        push_value(value, column + offset, indents, lines);
    }
}

/// Adds the lines of one item of a list.
pub(crate) fn push_item(value: &Value, column: usize, indents: Indents, lines: &mut Vec<String>) {
    let first = lines.len();
    push_value(value, column + 2, indents, lines);
    if let Some(line) = lines.get_mut(first) {
        // The line begins with `column + 2` spaces.
        line.replace_range(column..column + 2, "- ");
    }
}

/// Writes a number without an exponent, which YAML 1.1 and 1.2 read differently.
fn write_number(number: &serde_json::Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() => {
            let text = float.to_string();
            if text.contains('.') { text } else { text + ".0" }
        }
        _ => number.to_string(),
    }
}

/// Tells whether a string may stand without quotes in block context.
fn is_safe_plain(text: &str) -> bool {
    let mut chars = text.chars();
    let Some(first) = chars.next() else { return false };
    let starts_well = match first {
        '-' => chars.next().is_some_and(|second| second != ' ' && second != '-'),
        '?' | ':' | ',' | '[' | ']' | '{' | '}' | '#' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%'
        | '@' | '`' | ' ' => false,
        _ => true,
    };
    starts_well
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.starts_with("...")
        && !needs_escapes(text)
        && !is_typed_somewhere(text)
}

/// Tells whether any reader could take the plain text for something else than a string.
fn is_typed_somewhere(text: &str) -> bool {
    const WORDS: [&str; 10] = ["null", "~", "true", "false", "yes", "no", "on", "off", "y", "n"];
    if WORDS.iter().any(|word| text.eq_ignore_ascii_case(word)) || matches!(text, "=" | "<<") {
        return true;
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if unsigned.eq_ignore_ascii_case(".inf") || unsigned.eq_ignore_ascii_case(".nan") {
        return true;
    }
    // Integers in any base, floats, sexagesimal numbers, dates and times, and more than these.
    let is_numeric = text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first))
        && text.bytes().all(|byte| byte.is_ascii_hexdigit() || b"xXoOtTzZ_:.,+- ".contains(&byte))
        && (text.contains(|it: char| it.is_ascii_digit()) || !text.contains(|it: char| it.is_alphabetic()));
    is_numeric || resolve_plain(text) != Resolved::String
}

/// Tells whether the text holds what only double quotes can carry, in any version of YAML.
fn needs_escapes(text: &str) -> bool {
    text.chars().any(is_escaped)
}

fn is_escaped(character: char) -> bool {
    // U+0085, U+2028 and U+2029 are line breaks in YAML 1.1.
    character.is_control()
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

fn single_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn double_quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        let code = u32::from(character);
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            _ if !is_escaped(character) => quoted.push(character),
            // Writing to a string can't fail.
            _ if code <= 0xff => drop(write!(quoted, "\\x{code:02X}")),
            _ => drop(write!(quoted, "\\u{code:04X}")),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests;
