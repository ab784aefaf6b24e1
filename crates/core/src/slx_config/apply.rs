//! From fields to the text of a file: a complete new one, or the smallest edit of what is there.

use std::collections::{HashMap, HashSet, VecDeque};

use serde_json::{Map, Value as Json, json};

use super::file::{SlxFile, SlxTarget};
use super::payload::{CodeBundle, NamedSecret, PayloadError};
use crate::model::NamedValue;
use crate::workspace_file::text_list;
use crate::yaml::write::write_block;
use crate::yaml::{EditError, Editor, Node};

/// The branch whose code a new file runs unless the client says otherwise.
const DEFAULT_REFERENCE: &str = "main";

/// Why a payload could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The payload lacks what a new file needs.
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// The file that is there can't be edited.
    #[error(transparent)]
    Edit(#[from] EditError),
}

/// What a field of `spec` shall hold.
pub(super) enum Setting<'p> {
    /// A string.
    Text(&'p str),
    /// A list that begins with a string.
    First(&'p str),
    /// A list of strings.
    Texts(&'p [String]),
    /// A list of objects with a name and a field of this name.
    Pairs(&'static str, Vec<(&'p str, &'p str)>),
    /// Any value.
    Free(Json),
}

impl<'p> Setting<'p> {
    pub(super) fn values(list: &'p [NamedValue]) -> Self {
        Self::Pairs("value", list.iter().map(|pair| (pair.name.as_str(), pair.value.as_str())).collect())
    }

    fn secrets(list: &'p [NamedSecret]) -> Self {
        let pair = |secret: &'p NamedSecret| (secret.name.as_str(), secret.workspace_key.as_str());
        Self::Pairs("workspaceKey", list.iter().map(pair).collect())
    }

    pub(super) fn object(members: &Map<String, Json>) -> Self {
        Self::Free(Json::Object(members.clone()))
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Text(text) | Self::First(text) => text.is_empty(),
            Self::Texts(list) => list.is_empty(),
            Self::Pairs(_, list) => list.is_empty(),
            Self::Free(Json::Object(members)) => members.is_empty(),
            Self::Free(Json::Array(items)) => items.is_empty(),
            Self::Free(_) => false,
        }
    }

    /// Returns the value to write; what a node holds already is taken over as it is written there.
    ///
    /// A string field is the string as written: `value: 30` holds "30" and stays without quotes.
    fn value(&self, old: Option<&Node>) -> Json {
        match self {
            Self::Text(text) => as_written(old, text),
            Self::First(text) => match old.and_then(|list| Some((list, list.items().first()?))) {
                Some((list, first)) if self::text(first) == Some(text) => list.to_json(),
                _ => json!([text]),
            },
            Self::Texts(list) => text_list(old, list),
            Self::Pairs(field, list) => pair_list(old, field, list),
            Self::Free(value) => value.clone(),
        }
    }
}

/// Fields of `spec` by path, in the order in which a new file has them.
#[derive(Default)]
pub(super) struct Settings<'p>(Vec<(&'static [&'static str], Setting<'p>)>);

impl<'p> Settings<'p> {
    /// Adds a field if it was sent.
    pub(super) fn add(&mut self, path: &'static [&'static str], setting: Option<Setting<'p>>) {
        self.0.extend(setting.map(|setting| (path, setting)));
    }

    /// Adds a string if it was sent.
    pub(super) fn text(&mut self, path: &'static [&'static str], text: Option<&'p str>) {
        self.add(path, text.map(Setting::Text));
    }

    /// Adds where the code comes from.
    pub(super) fn code_bundle(&mut self, bundle: &'p CodeBundle, path: CodePath, is_new: bool) {
        let reference = bundle.reference.as_deref().or(is_new.then_some(DEFAULT_REFERENCE));
        self.text(&["codeBundle", "repoUrl"], bundle.repo_url.as_deref());
        self.text(&["codeBundle", "ref"], reference);
        let place: &[&str] = match path {
            CodePath::Robot => &["codeBundle", "pathToRobot"],
            CodePath::Yaml => &["codeBundle", "pathToYaml"],
        };
        self.text(place, bundle.path.as_deref());
    }

    /// Adds configuration and secrets; a new file always has the first.
    pub(super) fn provided(
        &mut self,
        config: Option<&'p [NamedValue]>,
        secrets: Option<&'p [NamedSecret]>,
        is_new: bool,
    ) {
        let config = config.or(is_new.then_some(&[]));
        self.add(&["configProvided"], config.map(Setting::values));
        self.add(&["secretsProvided"], secrets.map(Setting::secrets));
    }
}

/// What the path of a code bundle leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CodePath {
    /// A Robot file, `pathToRobot`.
    Robot,
    /// Queries, `pathToYaml`.
    Yaml,
}

/// Writes the fields into the text of a file, or into a new one.
pub(super) fn write(
    file: SlxFile,
    target: SlxTarget<'_>,
    existing: Option<&str>,
    settings: &Settings<'_>,
) -> Result<String, ApplyError> {
    match existing {
        Some(text) => Ok(edit(text, settings)?),
        None => Ok(create(file, target, settings)),
    }
}

fn edit(text: &str, settings: &Settings<'_>) -> Result<String, EditError> {
    let mut editor = Editor::new(text).map_err(EditError::Syntax)?;
    let root = editor.tree();
    let spec = root.get("spec");
    for (path, setting) in &settings.0 {
        let old = spec.and_then(|spec| spec.at(path)).filter(|node| !node.is_null());
        if old.is_none() && setting.is_empty() {
            continue;
        }
        let path: Vec<&str> = std::iter::once("spec").chain(path.iter().copied()).collect();
        editor.set(&path, &setting.value(old));
    }
    editor.finish()
}

fn create(file: SlxFile, target: SlxTarget<'_>, settings: &Settings<'_>) -> String {
    let name = target.qualified();
    let mut spec = json!({});
    for (path, setting) in &settings.0 {
        // An empty list of configuration values says that there are none; other empty fields say nothing.
        if setting.is_empty() && *path != ["configProvided"] {
            continue;
        }
        let place = path.iter().fold(&mut spec, |place, key| &mut place[*key]);
        *place = setting.value(None);
    }
    let document = json!({
        "apiVersion": "runwhen.com/v1",
        "kind": file.kind().kind_name(),
        "metadata": {
            "name": name,
            "labels": {"workspace": target.workspace, "slx": name},
            "annotations": {"internal.runwhen.com/manually-created": "true"},
        },
        "spec": spec,
    });
    write_block(&document, 0)
}

/// Returns the text that a scalar holds where text is expected.
fn text(node: &Node) -> Option<&str> {
    if node.is_null() { Some("") } else { node.as_str() }
}

fn as_written(old: Option<&Node>, text: &str) -> Json {
    match old {
        Some(node) if self::text(node) == Some(text) => node.to_json(),
        _ => json!(text),
    }
}

/// Makes a list of objects with names; of an object that is there only the field changes.
///
/// Names may repeat, so what stays as it is must not be taken for another of its name first.
fn pair_list(old: Option<&Node>, field: &str, pairs: &[(&str, &str)]) -> Json {
    let items = old.map(Node::items).unwrap_or_default();
    let mut equal: HashMap<(&str, &str), VecDeque<usize>> = HashMap::new();
    for (place, item) in items.iter().enumerate() {
        if let (Some(name), Some(text)) = (item.get("name").and_then(text), item.get(field).and_then(text)) {
            equal.entry((name, text)).or_default().push_back(place);
        }
    }
    let kept: Vec<Option<usize>> =
        pairs.iter().map(|pair| equal.get_mut(pair).and_then(VecDeque::pop_front)).collect();
    let taken: HashSet<usize> = kept.iter().flatten().copied().collect();
    let mut alike: HashMap<&str, VecDeque<&Node>> = HashMap::new();
    for (_, item) in items.iter().enumerate().filter(|(place, _)| !taken.contains(place)) {
        if let Some(name) = item.get("name").and_then(text) {
            alike.entry(name).or_default().push_back(item);
        }
    }
    let mut list = Vec::with_capacity(pairs.len());
    for (&(name, value), kept) in pairs.iter().zip(kept) {
        list.push(match kept {
            Some(place) => items[place].to_json(),
            None => match alike.get_mut(name).and_then(VecDeque::pop_front) {
                Some(item) => {
                    let mut item = item.to_json();
                    item[field] = json!(value);
                    item
                }
                None => json!({"name": name, field: value}),
            },
        });
    }
    Json::Array(list)
}
