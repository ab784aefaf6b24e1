//! Changes inside `[...]` and `{...}`, token by token.

use std::collections::HashSet;

use serde_json::{Map, Value as Json};

use super::align::{Step, align};
use super::block::{Changes, runs};
use super::layout::is_empty;
use super::{EditError, holds};
use crate::yaml::write::{self, Place};
use crate::yaml::{Entry, Node, Value};

/// What a change inside a flow collection came to.
enum Outcome {
    /// It is done.
    Done,
    /// The layout is unusual: the outermost collection must be written anew.
    Rewrite,
}

impl Changes<'_, '_> {
    /// Makes a flow collection in block context hold a target.
    pub(super) fn diff_flow(&mut self, start: usize, node: &Node, target: &Json) -> Result<(), EditError> {
        let before = self.splices.len();
        if let Ok(Outcome::Done) = self.diff_inside(node, target) {
            return Ok(());
        }
        self.splices.truncate(before);
        let end = self.layout.end(start, node)?;
        self.splices.put(start, end, write::flow(target));
        Ok(())
    }

    fn diff_inside(&mut self, node: &Node, target: &Json) -> Result<Outcome, EditError> {
        if holds(node, target) {
            return Ok(Outcome::Done);
        }
        let start = self.layout.token_start(node.span.start.offset);
        if !node.is_alias {
            match (&node.value, target) {
                (Value::Mapping(entries), Json::Object(targets))
                    if !entries.is_empty() && !targets.is_empty() =>
                {
                    return self.diff_flow_mapping(start, entries, targets);
                }
                (Value::Sequence(items), Json::Array(targets))
                    if !items.is_empty() && !targets.is_empty() =>
                {
                    return self.diff_flow_sequence(items, targets);
                }
                _ => {}
            }
        }
        self.exchange(node, target)
    }

    /// Writes another value over one.
    fn exchange(&mut self, node: &Node, target: &Json) -> Result<Outcome, EditError> {
        if is_empty(node) {
            return Ok(Outcome::Rewrite);
        }
        let at = node.span.start.offset;
        let start = if node.is_alias { at } else { self.layout.token_start(at) };
        let end = self.layout.end(at, node)?;
        let text = match target {
            Json::String(text) => write::scalar_like(text, self.layout.byte(start), Place::Flow).into_owned(),
            other => write::flow(other),
        };
        self.splices.put(start, end, text);
        Ok(Outcome::Done)
    }

    fn diff_flow_mapping(
        &mut self,
        start: usize,
        entries: &[Entry],
        targets: &Map<String, Json>,
    ) -> Result<Outcome, EditError> {
        if self.layout.byte(start) != Some(b'{') {
            // A pair in a list: `[a: 1]`.
            return Ok(Outcome::Rewrite);
        }
        let (mut removed, mut last_kept) = (Vec::new(), None);
        let mut stretches = Vec::with_capacity(entries.len());
        for (place, entry) in entries.iter().enumerate() {
            stretches.push((entry.key_span.start.offset, self.layout.flow_entry_end(entry)?));
            match targets.get(&entry.key.text) {
                Some(target) => {
                    if let Outcome::Rewrite = self.diff_inside(&entry.value, target)? {
                        return Ok(Outcome::Rewrite);
                    }
                    last_kept = Some(place);
                }
                None => removed.push(place),
            }
        }
        let Some(last_kept) = last_kept else { return Ok(Outcome::Rewrite) };
        if targets.len() > entries.len() - removed.len() {
            let known: HashSet<&str> = entries.iter().map(|entry| entry.key.text.as_str()).collect();
            for (key, value) in targets.iter().filter(|(key, _)| !known.contains(key.as_str())) {
                let at = stretches[last_kept].1;
                self.splices.put(at, at, format!(", {}", write::flow_entry(key, value)));
            }
        }
        self.remove_stretches(&stretches, &removed);
        Ok(Outcome::Done)
    }

    fn diff_flow_sequence(&mut self, items: &[Node], targets: &[Json]) -> Result<Outcome, EditError> {
        let stretches = items
            .iter()
            .map(|item| {
                let start = item.span.start.offset;
                Ok((start, self.layout.end(start, item)?))
            })
            .collect::<Result<Vec<_>, EditError>>()?;
        let (mut removed, mut last_kept) = (Vec::new(), None);
        for step in align(items, targets) {
            match step {
                Step::Keep { old, new } | Step::Exchange { old, new } => {
                    if let Outcome::Rewrite = self.diff_inside(&items[old], &targets[new])? {
                        return Ok(Outcome::Rewrite);
                    }
                    last_kept = Some(old);
                }
                Step::Delete(old) => removed.push(old),
                Step::Insert(new) => {
                    let text = write::flow(&targets[new]);
                    match last_kept {
                        Some(last) => {
                            let at: usize = stretches[last].1;
                            self.splices.put(at, at, format!(", {text}"));
                        }
                        None => self.splices.put(stretches[0].0, stretches[0].0, format!("{text}, ")),
                    }
                }
            }
        }
        self.remove_stretches(&stretches, &removed);
        Ok(Outcome::Done)
    }

    /// Removes members, each with one comma, of a collection of which others stay.
    fn remove_stretches(&mut self, stretches: &[(usize, usize)], removed: &[usize]) {
        for run in runs(removed) {
            match (stretches.get(run.end), run.start.checked_sub(1)) {
                (Some(next), _) => self.splices.put(stretches[run.start].0, next.0, ""),
                (None, Some(before)) => self.splices.put(stretches[before].1, stretches[run.end - 1].1, ""),
                (None, None) => {}
            }
        }
    }
}
