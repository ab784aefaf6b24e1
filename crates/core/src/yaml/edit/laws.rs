//! Any document in any style, edited in any way.

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::Editor;
use super::documents::{any_file, any_key};
use super::tests::any_json;
use crate::yaml::parse;

/// Texts of pieces of YAML, many of which happen to be valid.
fn any_yaml() -> impl Strategy<Value = String> {
    let pieces = [
        "a",
        "a: ",
        "b: ",
        "name: x",
        "- ",
        "\n",
        "\n",
        "\n  ",
        "\n  ",
        "\n    ",
        " ",
        "? ",
        ": ",
        "|\n",
        ">-\n",
        "|+\n",
        "'q'",
        "\"d\"",
        " # c",
        "\n# c",
        "[",
        "]",
        "{",
        "}",
        ", ",
        "&x ",
        "*x",
        "---\n",
        "--- ",
        "...",
        "\r\n",
        "\t",
        "\u{e9}",
        "~",
        "%YAML 1.2\n",
        "\u{feff}",
    ];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 1..24).prop_map(|pieces| pieces.concat())
}

/// An operation on a place that is chosen when the document is known.
#[derive(Debug, Clone)]
enum Operation {
    Set(prop::sample::Index, Json),
    Add(prop::sample::Index, String, Json),
    Remove(prop::sample::Index),
}

fn any_operation() -> impl Strategy<Value = Operation> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        (index(), any_json()).prop_map(|(at, value)| Operation::Set(at, value)),
        (index(), any_key(), any_json()).prop_map(|(at, key, value)| Operation::Add(at, key, value)),
        index().prop_map(Operation::Remove),
    ]
}

fn paths(value: &Json, path: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    let members: Vec<(String, &Json)> = match value {
        Json::Object(members) => members.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Json::Array(items) => items.iter().enumerate().map(|(at, value)| (at.to_string(), value)).collect(),
        _ => return,
    };
    for (key, value) in members {
        path.push(key);
        found.push(path.clone());
        paths(value, path, found);
        path.pop();
    }
}

fn at<'j>(mut value: &'j mut Json, path: &[String]) -> &'j mut Json {
    for key in path {
        value = match value {
            Json::Array(items) => &mut items[key.parse::<usize>().unwrap()],
            other => &mut other[key.as_str()],
        };
    }
    value
}

/// Applies an operation to the editor and to the value, and returns the path it touched.
fn apply(operation: &Operation, editor: &mut Editor<'_>, value: &mut Json) -> Option<Vec<String>> {
    let mut all = Vec::new();
    paths(value, &mut Vec::new(), &mut all);
    if all.is_empty() {
        return None;
    }
    let (Operation::Set(index, _) | Operation::Remove(index) | Operation::Add(index, _, _)) = operation;
    let mut path = index.get(&all).clone();
    match operation {
        Operation::Set(_, new) => *at(value, &path) = new.clone(),
        Operation::Add(_, key, new) => match at(value, &path) {
            Json::Array(items) => {
                items.push(new.clone());
                path.push("-".to_owned());
            }
            Json::Object(members) => {
                members.insert(key.clone(), new.clone());
                path.push(key.clone());
            }
            other => {
                *other = json!({key: new});
                // Only nothing can become a mapping: anything else goes first.
                let names: Vec<&str> = path.iter().map(String::as_str).collect();
                editor.set(&names, &Json::Null);
                path.push(key.clone());
            }
        },
        Operation::Remove(_) => {
            let (last, parent) = path.split_last().unwrap();
            match at(value, parent) {
                Json::Array(items) => drop(items.remove(last.parse::<usize>().unwrap())),
                other => drop(other.as_object_mut().unwrap().shift_remove(last)),
            }
        }
    }
    let names: Vec<&str> = path.iter().map(String::as_str).collect();
    match operation {
        Operation::Set(_, new) | Operation::Add(_, _, new) => editor.set(&names, new),
        Operation::Remove(_) => editor.remove(&names),
    };
    Some(path)
}

/// Tells whether a path leads through a list, whose items may be taken for each other.
fn leads_through_list(path: &[String], root: &Json) -> bool {
    let mut root = root.clone();
    (0..path.len()).any(|end| at(&mut root, &path[..end]).is_array())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn an_edit_does_what_it_does_to_the_value(
        file in any_file(),
        operations in prop::collection::vec(any_operation(), 1..4),
    ) {
        let (source, _) = file.write();
        let root = parse(&source).map_err(|error| TestCaseError::fail(format!("{error:?} in {source}")))?;
        let mut value = root.to_json();
        let mut editor = Editor::new(&source).unwrap();
        for operation in &operations {
            apply(operation, &mut editor, &mut value);
        }
        let text = editor.finish();
        prop_assert!(text.is_ok(), "{:?} of\n{}\nto {}", text, source, value);
        prop_assert_eq!(parse(&text.unwrap()).unwrap().to_json(), value);
    }

    #[test]
    fn whatever_text_is_edited_nothing_breaks(
        text in any_yaml(),
        operations in prop::collection::vec(any_operation(), 1..3),
    ) {
        let Ok(root) = parse(&text) else { return Ok(()) };
        let mut value = root.to_json();
        let mut editor = Editor::new(&text).unwrap();
        for operation in &operations {
            apply(operation, &mut editor, &mut value);
        }
        if let Ok(edited) = editor.finish() {
            prop_assert_eq!(parse(&edited).unwrap().to_json(), value);
        }
    }

    #[test]
    fn an_edit_leaves_the_rest_as_it_is(file in any_file(), operation in any_operation()) {
        let (source, comments) = file.write();
        let mut value = parse(&source).unwrap().to_json();
        let before = value.clone();
        let mut editor = Editor::new(&source).unwrap();
        let Some(path) = apply(&operation, &mut editor, &mut value) else { return Ok(()) };
        let text = editor.finish().unwrap();
        if before == value {
            prop_assert_eq!(&text, &source);
        }
        prop_assert!(!source.ends_with('\n') || text.ends_with('\n'), "{}\nfrom\n{}", text, source);
        prop_assert!(!source.contains("\r\n") || !text.replace("\r\n", "").contains('\n'));
        // All before the touched top-level key stays, and all from the next one on.
        let root = parse(&source).unwrap();
        let entries = root.entries();
        let place = entries.iter().position(|entry| entry.key.text == path[0]).unwrap_or(entries.len());
        if let Some(entry) = entries.get(place) {
            prop_assert!(text.starts_with(source[..entry.key_span.start.offset].trim_end()));
        }
        if let Some(next) = entries.get(place + 1) {
            prop_assert!(text.ends_with(&source[next.key_span.start.offset..]));
        }
        let parent = &path[..path.len() - 1];
        let is_emptied = matches!(operation, Operation::Remove(_))
            && at(&mut value, parent).as_object().is_some_and(serde_json::Map::is_empty);
        let touched = if is_emptied { parent } else { &path[..] };
        if !leads_through_list(touched, &before) {
            for (comment, place) in &comments {
                if !place.starts_with(touched) {
                    prop_assert!(text.contains(comment.as_str()), "{} in\n{}\nfrom\n{}", comment, text, source);
                }
            }
        }
    }
}
