//! Changes of block style, line by line.

use std::cell::OnceCell;
use std::collections::HashSet;
use std::ops::Range;

use serde_json::{Map, Value as Json};

use super::align::{Step, align};
use super::layout::{Layout, is_block_scalar, is_empty};
use super::splice::Splices;
use super::{EditError, holds};
use crate::yaml::write::{self, Place};
use crate::yaml::{Entry, Node, Value};

/// What a value hangs on.
pub(super) enum Slot<'n> {
    /// The document.
    Root,
    /// A key.
    Key(&'n Entry),
    /// A dash: the list and the place of the item.
    Item(&'n List<'n>, usize),
}

/// A block sequence whose dashes are looked for once, and only when they are needed.
pub(super) struct List<'n> {
    node: &'n Node,
    dashes: OnceCell<Vec<usize>>,
}

impl List<'_> {
    fn dashes(&self, layout: &Layout<'_>) -> Result<&[usize], EditError> {
        if self.dashes.get().is_none() {
            // Nobody else can have set it meanwhile.
            let _ = self.dashes.set(layout.dashes(self.node)?);
        }
        Ok(self.dashes.get().map_or(&[], Vec::as_slice))
    }
}

/// What stands in a slot so far.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Old {
    Empty,
    Inline,
    BlockScalar,
    Block,
}

/// One member of a block collection: from its key or dash to the end of its value.
#[derive(Clone, Copy)]
struct Child {
    start: usize,
    end: usize,
}

/// The changes that make a tree hold what it should.
pub(super) struct Changes<'l, 'a> {
    pub(super) layout: &'l Layout<'a>,
    pub(super) splices: Splices,
}

impl<'l, 'a> Changes<'l, 'a> {
    pub(super) fn new(layout: &'l Layout<'a>) -> Self {
        Self { layout, splices: Splices::default() }
    }

    /// Makes the value of a slot hold a target.
    pub(super) fn diff(&mut self, slot: &Slot<'_>, node: &Node, target: &Json) -> Result<(), EditError> {
        if holds(node, target) {
            return Ok(());
        }
        if !node.is_alias {
            let start = self.layout.collection_start(node);
            match (&node.value, target) {
                (Value::Mapping(entries), Json::Object(members))
                    if !entries.is_empty() && !members.is_empty() =>
                {
                    return if self.layout.is_flow(start) {
                        self.diff_flow(start, node, target)
                    } else {
                        self.diff_mapping(entries, members)
                    };
                }
                (Value::Sequence(items), Json::Array(targets))
                    if !items.is_empty() && !targets.is_empty() =>
                {
                    return if self.layout.is_flow(start) {
                        self.diff_flow(start, node, target)
                    } else {
                        self.diff_sequence(node, items, targets)
                    };
                }
                _ => {}
            }
        }
        self.replace(slot, node, target)
    }

    fn diff_mapping(&mut self, entries: &[Entry], targets: &Map<String, Json>) -> Result<(), EditError> {
        let mut last_kept = None;
        let mut removed = Vec::new();
        for (place, entry) in entries.iter().enumerate() {
            if let Some(target) = targets.get(&entry.key.text) {
                self.diff(&Slot::Key(entry), &entry.value, target)?;
                last_kept = Some(place);
            } else {
                removed.push(place);
            }
        }
        if last_kept.is_none() {
            // All go and others come: what is new takes the place of the whole.
            let first = self.child_of(&entries[0])?;
            let last = self.child_of(&entries[entries.len() - 1])?;
            let column = self.layout.indentation(first.start)?;
            let lines = self.lines(|lines, indents| {
                targets.iter().for_each(|(key, value)| write::push_entry(key, value, column, indents, lines));
            });
            let text = self.compact(&lines);
            self.splices.put(first.start, self.layout.last_line_end(last.end), text);
            return Ok(());
        }
        if !removed.is_empty() {
            let children = entries.iter().map(|entry| self.child_of(entry)).collect::<Result<Vec<_>, _>>()?;
            for run in runs(&removed) {
                self.remove(&children, run);
            }
        }
        if targets.len() > entries.len() - removed.len() {
            let known: HashSet<&str> = entries.iter().map(|entry| entry.key.text.as_str()).collect();
            let column = self.layout.indentation(entries[0].key_span.start.offset)?;
            let lines = self.lines(|lines, indents| {
                for (key, value) in targets.iter().filter(|(key, _)| !known.contains(key.as_str())) {
                    write::push_entry(key, value, column, indents, lines);
                }
            });
            let last = self.child_of(&entries[last_kept.unwrap_or_default()])?;
            self.append(last.end, &lines);
        }
        Ok(())
    }

    fn diff_sequence(&mut self, node: &Node, items: &[Node], targets: &[Json]) -> Result<(), EditError> {
        let steps = align(items, targets);
        let moves = steps.iter().any(|step| matches!(step, Step::Delete(_) | Step::Insert(_)));
        let list = List { node, dashes: OnceCell::new() };
        let children = if moves { self.children_of(&list)? } else { Vec::new() };
        let mut last_kept = None;
        let mut removed = Vec::new();
        for step in steps {
            match step {
                Step::Keep { old, new } => {
                    self.diff(&Slot::Item(&list, old), &items[old], &targets[new])?;
                    last_kept = Some(old);
                }
                Step::Exchange { old, new } => {
                    self.replace(&Slot::Item(&list, old), &items[old], &targets[new])?;
                    last_kept = Some(old);
                }
                Step::Delete(old) => removed.push(old),
                Step::Insert(new) => self.insert(&children, last_kept, &targets[new])?,
            }
        }
        for run in runs(&removed) {
            self.remove(&children, run);
        }
        Ok(())
    }

    fn child_of(&self, entry: &Entry) -> Result<Child, EditError> {
        let end = self.layout.end(self.layout.colon_end(entry)?, &entry.value)?;
        Ok(Child { start: entry.key_span.start.offset, end })
    }

    fn children_of(&self, list: &List<'_>) -> Result<Vec<Child>, EditError> {
        let child =
            |(&start, item): (&usize, &Node)| Ok(Child { start, end: self.layout.end(start + 1, item)? });
        list.dashes(self.layout)?.iter().zip(list.node.items()).map(child).collect()
    }

    /// Inserts a list item behind another, or before all.
    fn insert(&mut self, children: &[Child], after: Option<usize>, value: &Json) -> Result<(), EditError> {
        let Some(first) = children.first() else { return Ok(()) };
        let column = self.layout.indentation(first.start)?;
        let lines = self.lines(|lines, indents| write::push_item(value, column, indents, lines));
        if let Some(after) = after {
            self.append(children[after].end, &lines);
        } else if self.layout.begins_line(first.start) {
            let text = lines.join(self.layout.newline) + self.layout.newline;
            let at = self.layout.line_start(first.start);
            self.splices.put(at, at, text);
        } else {
            let text = self.compact(&lines) + self.layout.newline + &" ".repeat(column);
            self.splices.put(first.start, first.start, text);
        }
        Ok(())
    }

    /// Inserts lines behind a value.
    fn append(&mut self, end: usize, lines: &[String]) {
        let at = self.layout.next_line(end);
        self.splices.put(at, at, lines.join(self.layout.newline) + self.layout.newline);
    }

    /// Removes members of a collection of which others stay; comments on their own lines stay.
    fn remove(&mut self, children: &[Child], run: Range<usize>) {
        let layout = self.layout;
        let mut run = run;
        if run.start == 0 && !layout.begins_line(children[0].start) {
            // The first stands behind a dash: the next that stays moves up there, unless comments lie between.
            let (Some(last), Some(next)) = (children.get(run.end - 1), children.get(run.end)) else { return };
            let from = children[0].start;
            let gap = &layout.source[layout.last_line_end(last.end)..next.start];
            if run.len() == 1 && gap.contains('#') {
                let blanks = layout.source[..from].trim_end_matches([' ', '\t']).len();
                self.splices.put(blanks, layout.last_line_end(last.end), "");
            } else {
                self.splices.put(from, next.start, "");
            }
            run = 0..0;
        }
        for child in &children[run] {
            self.splices.put(layout.line_start(child.start), layout.next_line(child.end), "");
        }
    }

    /// Puts another value into a slot.
    fn replace(&mut self, slot: &Slot<'_>, node: &Node, target: &Json) -> Result<(), EditError> {
        let layout = self.layout;
        let after = match slot {
            Slot::Root => layout.document_start(),
            Slot::Key(entry) => layout.colon_end(entry)?,
            Slot::Item(list, place) => list.dashes(layout)?[*place] + 1,
        };
        let end = layout.end(after, node)?;
        let (old, start) = if is_empty(node) {
            (Old::Empty, end)
        } else if is_block_scalar(node) {
            (Old::BlockScalar, layout.token_start(after))
        } else {
            let start = if node.is_alias { node.span.start.offset } else { layout.token_start(after) };
            let is_block =
                !node.is_alias && !matches!(node.value, Value::Scalar(_)) && !layout.is_flow(start);
            (if is_block { Old::Block } else { Old::Inline }, start)
        };
        let text = match target {
            Json::String(text) if old == Old::Inline => {
                Some(write::scalar_like(text, layout.byte(start), Place::Block))
            }
            other => write::inline(other, Place::Block),
        };
        match text {
            Some(text) => self.replace_inline(slot, old, after, start..end, &text),
            None => self.replace_block(slot, old, after, start..end, target)?,
        }
        Ok(())
    }

    /// Puts a value of one line into a slot.
    fn replace_inline(&mut self, slot: &Slot<'_>, old: Old, after: usize, at: Range<usize>, text: &str) {
        let layout = self.layout;
        let is_below = layout.line_end(after) < at.start && !matches!(slot, Slot::Root);
        match old {
            Old::Empty => self.splices.put(at.end, at.end, format!(" {text}")),
            Old::Inline => self.splices.put(at.start, at.end, text),
            Old::BlockScalar => {
                self.splices.put(at.start, self.header_end(at.start), text);
                self.splices.put(layout.line_end(at.start), layout.last_line_end(at.end), "");
            }
            Old::Block if is_below => {
                let anchor = layout.skip_blanks(after);
                let anchor_end = layout.skip_anchor(anchor);
                let from = if anchor_end == anchor { after } else { anchor_end };
                self.splices.put(after, from, format!(" {text}"));
                self.splices.put(layout.line_end(after), layout.last_line_end(at.end), "");
            }
            Old::Block => {
                self.splices.put(at.start, at.end, text);
            }
        }
    }

    /// Puts a collection that has members into a slot.
    fn replace_block(
        &mut self,
        slot: &Slot<'_>,
        old: Old,
        after: usize,
        at: Range<usize>,
        target: &Json,
    ) -> Result<(), EditError> {
        let layout = self.layout;
        let is_marked = matches!(slot, Slot::Root) && after > layout.first;
        let is_document_line = is_marked && at.start <= layout.line_end(after);
        let below = match slot {
            Slot::Key(entry) => {
                let offset = if target.is_array() { layout.indents.list } else { layout.indents.map };
                Some(layout.indentation(entry.key_span.start.offset)? + offset)
            }
            Slot::Root if is_document_line || old == Old::Empty => Some(0),
            _ => None,
        };
        let Some(column) = below else {
            return self.replace_compact(old, after, at, target);
        };
        let lines = self.lines(|lines, indents| write::push_value(target, column, indents, lines));
        let text = format!("{}{}", layout.newline, lines.join(layout.newline));
        let first_line_end = layout.line_end(after);
        let last_line_end = layout.last_line_end(at.end);
        match old {
            Old::Empty => self.splices.put(first_line_end, first_line_end, text),
            Old::Inline if at.start <= first_line_end => {
                // A comment behind the old value stays behind the key.
                let line_end = layout.line_end(at.end);
                if layout.is_blank(at.end, line_end) {
                    self.splices.put(after, line_end, text);
                } else {
                    self.splices.put(after, at.end, "");
                    self.splices.put(line_end, line_end, text);
                }
            }
            Old::BlockScalar => {
                self.splices.put(after, self.header_end(at.start), "");
                self.splices.put(layout.line_end(at.start), last_line_end, text);
            }
            Old::Inline | Old::Block => self.splices.put(first_line_end, last_line_end, text),
        }
        Ok(())
    }

    /// Puts a collection where its first member stands on the line that is there.
    fn replace_compact(
        &mut self,
        old: Old,
        after: usize,
        at: Range<usize>,
        target: &Json,
    ) -> Result<(), EditError> {
        let layout = self.layout;
        let is_bare = old == Old::Empty;
        let column = if is_bare { layout.indentation(after)? + 1 } else { layout.indentation(at.start)? };
        let lines = self.lines(|lines, indents| write::push_value(target, column, indents, lines));
        if !is_bare {
            let end = if layout.at_line_start(at.end) { layout.before_break(at.end) } else { at.end };
            let text = self.compact(&lines);
            self.splices.put(at.start, end.max(at.start), text);
            return Ok(());
        }
        let line_end = layout.line_end(at.end);
        if layout.is_blank(at.end, line_end) && at.end == after {
            let text = format!(" {}", self.compact(&lines));
            self.splices.put(after, line_end, text);
        } else {
            let text = format!("{}{}", layout.newline, lines.join(layout.newline));
            self.splices.put(line_end, line_end, text);
        }
        Ok(())
    }

    /// Returns the place behind `|`, `>-` and the like.
    fn header_end(&self, start: usize) -> usize {
        let header = &self.layout.source[start..self.layout.line_end(start)];
        start + header.split([' ', '\t']).next().map_or(0, str::len)
    }

    fn lines(&self, push: impl FnOnce(&mut Vec<String>, write::Indents)) -> Vec<String> {
        let mut lines = Vec::new();
        push(&mut lines, self.layout.indents);
        lines
    }

    /// Joins lines for a place where the first line's indentation is there already.
    fn compact(&self, lines: &[String]) -> String {
        lines.join(self.layout.newline).trim_start_matches(' ').to_owned()
    }
}

/// Joins places that follow each other.
pub(super) fn runs(places: &[usize]) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for &place in places {
        match runs.last_mut() {
            Some(run) if run.end == place => run.end += 1,
            _ => runs.push(place..place + 1),
        }
    }
    runs
}
