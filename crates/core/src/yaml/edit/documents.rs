//! Random documents in all styles that people write.

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::tests::{any_json, any_text};
use crate::yaml::write::{Place, flow, inline, scalar_like};

/// A value and how it is written.
#[derive(Debug, Clone)]
enum Written {
    Scalar { value: Json, quotes: u8, has_comment: bool },
    Literal(String),
    Flow(Json),
    Map { members: Vec<(String, Written, Trivia)>, step: usize },
    List { items: Vec<(Written, Trivia)>, is_indented: bool },
}

/// What stands on lines of its own before a member.
#[derive(Debug, Clone)]
struct Trivia {
    has_comment: bool,
    has_blank: bool,
}

fn any_trivia() -> impl Strategy<Value = Trivia> {
    (prop::bool::weighted(0.3), prop::bool::weighted(0.2))
        .prop_map(|(has_comment, has_blank)| Trivia { has_comment, has_blank })
}

pub(super) fn any_key() -> impl Strategy<Value = String> {
    prop_oneof![6 => "[a-e]", 1 => Just("name".to_owned()), 1 => any_text()]
}

fn any_leaf() -> impl Strategy<Value = Written> {
    let value = prop_oneof![
        6 => any_text().prop_map(Json::String),
        1 => Just(Json::Null),
        1 => any::<i32>().prop_map(Json::from),
    ];
    prop_oneof![
        6 => (value, 0_u8..4, any::<bool>())
            .prop_map(|(value, quotes, has_comment)| Written::Scalar { value, quotes, has_comment }),
        1 => "[a-z#]{1,4}(\n[a-z#]{1,4}){0,2}".prop_map(Written::Literal),
        2 => any_json().prop_map(Written::Flow),
    ]
}

fn any_document() -> impl Strategy<Value = Written> {
    let node = any_leaf().prop_recursive(4, 24, 4, |inner| {
        let member = (any_key(), inner.clone(), any_trivia());
        prop_oneof![
            (prop::collection::vec(member, 1..5), 1_usize..5).prop_map(|(mut members, step)| {
                let mut seen = std::collections::HashSet::new();
                members.retain(|(key, _, _)| seen.insert(key.clone()));
                Written::Map { members, step }
            }),
            (prop::collection::vec((inner, any_trivia()), 1..5), any::<bool>())
                .prop_map(|(items, is_indented)| Written::List { items, is_indented }),
        ]
    });
    prop::collection::vec((any_key(), node, any_trivia()), 1..5).prop_map(|mut members| {
        let mut seen = std::collections::HashSet::new();
        members.retain(|(key, _, _)| seen.insert(key.clone()));
        Written::Map { members, step: 2 }
    })
}

/// Writes a document and notes at which path every comment stands.
#[derive(Default)]
struct Writer {
    text: String,
    comments: Vec<(String, Vec<String>)>,
}

impl Writer {
    fn comment(&mut self, path: &[String]) {
        let comment = format!("# c{}.", self.comments.len());
        self.text.push_str(&comment);
        self.comments.push((comment, path.to_vec()));
    }

    fn trivia(&mut self, trivia: &Trivia, column: usize, path: &[String]) {
        if trivia.has_blank {
            self.text.push('\n');
        }
        if trivia.has_comment {
            self.text.push_str(&" ".repeat(column));
            self.comment(path);
            self.text.push('\n');
        }
    }

    /// Writes what stands behind a key or dash, and the line's end.
    fn value(&mut self, value: &Written, key: Option<usize>, column: usize, path: &mut Vec<String>) {
        match value {
            Written::Scalar { value, quotes, has_comment } => {
                let text = match (value, quotes) {
                    (Json::String(text), 1) => scalar_like(text, Some(b'"'), Place::Block),
                    (Json::String(text), 2) => scalar_like(text, Some(b'\''), Place::Block),
                    (Json::Null, 0 | 1) => "".into(),
                    _ => inline(value, Place::Block).unwrap(),
                };
                if !text.is_empty() {
                    self.text.push(' ');
                    self.text.push_str(&text);
                }
                if *has_comment {
                    self.text.push_str("  ");
                    self.comment(path);
                }
                self.text.push('\n');
            }
            Written::Literal(text) => {
                self.text.push_str(" |-\n");
                let column = key.map_or(column, |key| key + 2);
                for line in text.lines() {
                    self.text.push_str(&" ".repeat(column));
                    self.text.push_str(line);
                    self.text.push('\n');
                }
            }
            Written::Flow(value) => {
                self.text.push(' ');
                self.text.push_str(&flow(value));
                self.text.push('\n');
            }
            Written::Map { members, step } => {
                let column = key.map_or(column, |key| key + step);
                self.head(key);
                for (place, (name, value, trivia)) in members.iter().enumerate() {
                    path.push(name.clone());
                    if place > 0 || key.is_some() {
                        self.trivia(trivia, column, path);
                        self.text.push_str(&" ".repeat(column));
                    }
                    self.text.push_str(&inline(&json!(name), Place::Block).unwrap());
                    self.text.push(':');
                    self.value(value, Some(column), column, path);
                    path.pop();
                }
            }
            Written::List { items, is_indented } => {
                let column = key.map_or(column, |key| key + usize::from(*is_indented) * 2);
                self.head(key);
                for (place, (value, trivia)) in items.iter().enumerate() {
                    path.push(place.to_string());
                    if place > 0 || key.is_some() {
                        self.trivia(trivia, column, path);
                        self.text.push_str(&" ".repeat(column));
                    }
                    self.text.push('-');
                    self.value(value, None, column + 2, path);
                    path.pop();
                }
            }
        }
    }

    /// Ends a key's line, or goes on behind a dash.
    fn head(&mut self, key: Option<usize>) {
        self.text.push(if key.is_some() { '\n' } else { ' ' });
    }
}

/// How the whole file is written.
#[derive(Clone)]
pub(crate) struct File {
    document: Written,
    has_marker: bool,
    is_crlf: bool,
    has_final_break: bool,
    has_last_comment: bool,
}

pub(crate) fn any_file() -> impl Strategy<Value = File> {
    (any_document(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        |(document, has_marker, is_crlf, has_final_break, has_last_comment)| File {
            document,
            has_marker,
            is_crlf,
            has_final_break,
            has_last_comment,
        },
    )
}

impl std::fmt::Debug for File {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:?}", self.write().0)
    }
}

impl File {
    /// Returns the text, and every comment with the path of what it is about.
    pub(crate) fn write(&self) -> (String, Vec<(String, Vec<String>)>) {
        let mut writer = Writer::default();
        writer.comment(&["-".to_owned()]);
        writer.text.push('\n');
        if self.has_marker {
            writer.text.push_str("---\n");
        }
        // The first member's line starts at once, as behind a dash.
        let mut members = Writer { comments: writer.comments, text: String::new() };
        members.value(&self.document, None, 0, &mut Vec::new());
        writer.text.push_str(members.text.trim_start_matches(' '));
        writer.comments = members.comments;
        if self.has_last_comment {
            writer.comment(&["-".to_owned()]);
            writer.text.push('\n');
        }
        let mut text = writer.text;
        if !self.has_final_break {
            text.pop();
        }
        (if self.is_crlf { text.replace('\n', "\r\n") } else { text }, writer.comments)
    }
}
