//! Where things really begin and end in the text.
//!
//! The parser's marks are not enough to cut: the end of a block collection stands behind comments, the
//! end of a quoted scalar behind the blanks and the comment after it, and a block scalar starts behind
//! its header.

use memchr::{memchr2, memrchr2};

use super::EditError;
use crate::yaml::write::Indents;
use crate::yaml::{Entry, Node, Style, Value};

/// Furthest column under which lines are written.
const MAX_INDENTATION: usize = 1000;

/// The text and how it is laid out.
pub(super) struct Layout<'a> {
    /// The text.
    pub(super) source: &'a str,
    /// Its line break.
    pub(super) newline: &'static str,
    /// How it indents children.
    pub(super) indents: Indents,
    /// The first place behind a byte order mark.
    pub(super) first: usize,
    /// How many columns were counted, each of which reads a line from its start.
    #[cfg(test)]
    pub(super) counted: std::cell::Cell<usize>,
}

impl<'a> Layout<'a> {
    /// Looks at a text that was read and that ends with a line break.
    pub(super) fn new(source: &'a str, root: &Node) -> Self {
        let newline = line_break(source);
        let first = if source.starts_with('\u{feff}') { 3 } else { 0 };
        let mut layout = Self {
            source,
            newline,
            indents: Indents::default(),
            first,
            #[cfg(test)]
            counted: std::cell::Cell::default(),
        };
        let (mut list, mut map) = (None, None);
        layout.find_indents(root, &mut list, &mut map);
        let defaults = Indents::default();
        layout.indents = Indents { list: list.unwrap_or(defaults.list), map: map.unwrap_or(defaults.map) };
        layout
    }

    /// Looks for the first list and the first mapping under a key, in block style.
    ///
    /// Nothing below a bracket is in block style. It is not looked at, because it may be a single line,
    /// along which every column would have to be counted anew.
    fn find_indents(&self, node: &Node, list: &mut Option<usize>, map: &mut Option<usize>) {
        let is_done = list.is_some() && map.is_some();
        if is_done || node.is_alias || matches!(node.value, Value::Scalar(_)) {
            return;
        }
        if self.is_flow(self.collection_start(node)) {
            return;
        }
        for entry in node.entries() {
            let value = &entry.value;
            let found = match &value.value {
                Value::Sequence(_) if list.is_none() => &mut *list,
                Value::Mapping(_) if map.is_none() => &mut *map,
                _ => {
                    self.find_indents(value, list, map);
                    continue;
                }
            };
            let start = self.collection_start(value);
            if !value.is_alias && !self.is_flow(start) {
                let step = self.column(start).checked_sub(self.column(entry.key_span.start.offset));
                let is_list = matches!(value.value, Value::Sequence(_));
                *found = step.filter(|&step| is_list || step > 0);
            }
            self.find_indents(value, list, map);
        }
        for item in node.items() {
            self.find_indents(item, list, map);
        }
    }

    pub(super) fn byte(&self, at: usize) -> Option<u8> {
        self.source.as_bytes().get(at).copied()
    }

    pub(super) fn line_start(&self, at: usize) -> usize {
        memrchr2(b'\n', b'\r', &self.source.as_bytes()[..at]).map_or(self.first, |at| at + 1)
    }

    /// Returns the place before the line break.
    pub(super) fn line_end(&self, at: usize) -> usize {
        memchr2(b'\n', b'\r', &self.source.as_bytes()[at..]).map_or(self.source.len(), |found| at + found)
    }

    /// Returns the place behind a line break, if there is one here.
    fn after_break(&self, at: usize) -> usize {
        let rest = &self.source[at..];
        let width = if rest.starts_with("\r\n") { 2 } else { usize::from(rest.starts_with(['\r', '\n'])) };
        at + width
    }

    /// Returns the place before a line break that ends here, if there is one.
    pub(super) fn before_break(&self, at: usize) -> usize {
        let rest = &self.source[..at];
        let width = if rest.ends_with("\r\n") { 2 } else { usize::from(rest.ends_with(['\r', '\n'])) };
        at - width
    }

    pub(super) fn at_line_start(&self, at: usize) -> bool {
        at <= self.first || self.source[..at].ends_with(['\r', '\n'])
    }

    /// Returns the end of the last line of a value that ends here, before its line break.
    pub(super) fn last_line_end(&self, end: usize) -> usize {
        if self.at_line_start(end) { self.before_break(end) } else { self.line_end(end) }
    }

    /// Returns the start of the line behind a value that ends here.
    pub(super) fn next_line(&self, end: usize) -> usize {
        if self.at_line_start(end) { end } else { self.after_break(self.line_end(end)) }
    }

    /// Returns how many bytes stand before a place in its line.
    pub(super) fn column(&self, at: usize) -> usize {
        #[cfg(test)]
        self.counted.update(|count| count + 1);
        at - self.line_start(at)
    }

    /// Returns the column of a place under which lines are to be written.
    ///
    /// Each of them begins with so many blanks, so a far column would make a small edit a large file.
    pub(super) fn indentation(&self, at: usize) -> Result<usize, EditError> {
        let column = self.column(at);
        if column > MAX_INDENTATION {
            return Err(self.unsupported(at, "what is indented by more than 1000 columns"));
        }
        Ok(column)
    }

    /// Tells whether only blanks stand before a place in its line.
    pub(super) fn begins_line(&self, at: usize) -> bool {
        self.is_blank(self.line_start(at), at)
    }

    pub(super) fn is_blank(&self, from: usize, to: usize) -> bool {
        self.source[from..to].bytes().all(|byte| byte == b' ' || byte == b'\t')
    }

    pub(super) fn line_number(&self, at: usize) -> usize {
        self.source[..at].bytes().filter(|&byte| byte == b'\n').count() + 1
    }

    fn skip(&self, at: usize, skipped: impl Fn(u8) -> bool) -> usize {
        let rest = &self.source.as_bytes()[at..];
        at + rest.iter().position(|&byte| !skipped(byte)).unwrap_or(rest.len())
    }

    pub(super) fn skip_blanks(&self, at: usize) -> usize {
        self.skip(at, |byte| byte == b' ' || byte == b'\t')
    }

    /// Skips blanks, line breaks and comments.
    fn skip_trivia(&self, mut at: usize) -> usize {
        loop {
            at = self.skip(at, |byte| b" \t\r\n".contains(&byte));
            if self.byte(at) != Some(b'#') {
                return at;
            }
            at = self.line_end(at);
        }
    }

    /// Skips an anchor, if there is one here.
    pub(super) fn skip_anchor(&self, at: usize) -> usize {
        match self.byte(at) {
            Some(b'&') => self.skip(at, |byte| !b" \t\r\n,[]{}".contains(&byte)),
            _ => at,
        }
    }

    /// Returns where the value's own text starts, from any place before it.
    pub(super) fn token_start(&self, slot: usize) -> usize {
        let start = self.skip_trivia(slot);
        let after = self.skip_anchor(start);
        if after == start { start } else { self.skip_trivia(after) }
    }

    /// Returns where a collection starts: at its bracket, its first dash or its first key.
    ///
    /// For a list whose dashes stand below their key's first letter, the parser's mark is behind the first
    /// dash, where the first item is.
    pub(super) fn collection_start(&self, node: &Node) -> usize {
        let mark = node.span.start.offset;
        let start = self.token_start(mark);
        let is_behind_dash = node.items().first().is_some_and(|first| {
            if is_empty(first) {
                first.span.start.offset == mark
            } else if is_block_scalar(first) {
                !matches!(self.byte(start), Some(b'-' | b'['))
            } else {
                self.token_start(first.span.start.offset) == start
            }
        });
        if is_behind_dash { self.skip_blanks(self.line_start(mark)) } else { start }
    }

    pub(super) fn is_flow(&self, start: usize) -> bool {
        matches!(self.byte(start), Some(b'[' | b'{'))
    }

    /// Returns the place behind the document's start marker, or the start.
    pub(super) fn document_start(&self) -> usize {
        let mut at = self.first;
        loop {
            at = self.skip_trivia(at);
            let rest = &self.source[at..];
            if self.column(at) == 0 && rest.starts_with('%') {
                at = self.line_end(at);
            } else if self.column(at) == 0 && rest.starts_with("---") {
                return at + 3;
            } else {
                return self.first;
            }
        }
    }

    /// Returns the place behind a key.
    pub(super) fn key_end(&self, entry: &Entry) -> Result<usize, EditError> {
        let start = self.token_start(entry.key_span.start.offset);
        match entry.key.style {
            Style::Quoted => self.quoted_end(start),
            Style::Plain => Ok(entry.key_span.end.offset),
            Style::Block => Err(self.unsupported(start, "a block scalar as a key")),
        }
    }

    /// Returns the place behind the colon of a key.
    pub(super) fn colon_end(&self, entry: &Entry) -> Result<usize, EditError> {
        let colon = self.skip_blanks(self.key_end(entry)?);
        match self.byte(colon) {
            Some(b':') => Ok(colon + 1),
            _ => Err(self.unsupported(entry.key_span.start.offset, "a key without its colon behind it")),
        }
    }

    /// Returns the places of the dashes of a block sequence.
    pub(super) fn dashes(&self, node: &Node) -> Result<Vec<usize>, EditError> {
        let mut at = self.collection_start(node);
        let mut dashes = Vec::with_capacity(node.items().len());
        for item in node.items() {
            at = self.skip_trivia(at);
            if self.byte(at) != Some(b'-') {
                return Err(self.unsupported(at, "a list item without a dash"));
            }
            dashes.push(at);
            at = self.end(at + 1, item)?;
        }
        Ok(dashes)
    }

    /// Returns the place behind the last character of a value, comments not counted.
    ///
    /// `slot` is any place between the key or dash and the value.
    pub(super) fn end(&self, slot: usize, node: &Node) -> Result<usize, EditError> {
        if node.is_alias {
            return Ok(node.span.end.offset);
        }
        match &node.value {
            Value::Scalar(scalar) => match scalar.style {
                Style::Plain if scalar.text.is_empty() => {
                    let anchor = self.skip_blanks(slot);
                    let end = self.skip_anchor(anchor);
                    Ok(if end == anchor { slot } else { end })
                }
                Style::Plain => Ok(node.span.end.offset),
                Style::Quoted => self.quoted_end(self.token_start(slot)),
                Style::Block => Ok(self.block_scalar_end(self.token_start(slot), node.span.end.offset)),
            },
            Value::Sequence(_) | Value::Mapping(_) => {
                let start = self.collection_start(node);
                if self.is_flow(start) { self.flow_end(start, node) } else { self.block_end(node) }
            }
        }
    }

    fn block_end(&self, node: &Node) -> Result<usize, EditError> {
        match &node.value {
            Value::Mapping(entries) => match entries.last() {
                Some(entry) => self.end(self.colon_end(entry)?, &entry.value),
                None => Ok(node.span.end.offset),
            },
            Value::Sequence(items) => match items.last() {
                Some(last) if is_empty(last) || is_block_scalar(last) => {
                    let dashes = self.dashes(node)?;
                    self.end(dashes.last().map_or(node.span.start.offset, |dash| dash + 1), last)
                }
                Some(last) => self.end(last.span.start.offset, last),
                None => Ok(node.span.end.offset),
            },
            Value::Scalar(_) => Ok(node.span.end.offset),
        }
    }

    fn flow_end(&self, start: usize, node: &Node) -> Result<usize, EditError> {
        let mut at = match &node.value {
            Value::Mapping(entries) => match entries.last() {
                Some(entry) => self.flow_entry_end(entry)?,
                None => start + 1,
            },
            Value::Sequence(items) => match items.last() {
                Some(item) => self.end(item.span.start.offset, item)?,
                None => start + 1,
            },
            Value::Scalar(_) => start + 1,
        };
        loop {
            at = self.skip_trivia(at);
            match self.byte(at) {
                Some(b']' | b'}') => return Ok(at + 1),
                Some(b',' | b':') => at += 1,
                _ => return Err(self.unsupported(at, "this flow collection")),
            }
        }
    }

    /// Returns the place behind an entry of a flow mapping, which may be a key alone.
    pub(super) fn flow_entry_end(&self, entry: &Entry) -> Result<usize, EditError> {
        if !is_empty(&entry.value) {
            return self.end(entry.value.span.start.offset, &entry.value);
        }
        let key_end = self.key_end(entry)?;
        let colon = self.skip_blanks(key_end);
        match self.byte(colon) {
            Some(b':') => self.end(colon + 1, &entry.value),
            _ => Ok(key_end),
        }
    }

    fn quoted_end(&self, start: usize) -> Result<usize, EditError> {
        let bytes = self.source.as_bytes();
        let quote = self.byte(start);
        let mut at = start + 1;
        while let Some(&byte) = bytes.get(at) {
            if Some(byte) == quote {
                if byte == b'\'' && bytes.get(at + 1) == Some(&b'\'') {
                    at += 1;
                } else {
                    return Ok(at + 1);
                }
            } else if byte == b'\\' && quote == Some(b'"') {
                at += 1;
            }
            at += 1;
        }
        Err(self.unsupported(start, "this quoted scalar"))
    }

    /// Returns the end of the last line of a block scalar, or the start of the line behind it where its
    /// trailing blank lines belong to it.
    fn block_scalar_end(&self, header: usize, mark: usize) -> usize {
        let header_end = self.line_end(header);
        let line = self.line_start(mark);
        let end = if line > header && self.is_blank(line, mark) { line } else { mark }.max(header_end);
        let is_kept =
            self.source[header..header_end].split([' ', '\t']).next().is_some_and(|it| it.contains('+'));
        let trimmed = self.source[..end].trim_end_matches([' ', '\t', '\r', '\n']).len().max(header);
        let tail = self.line_end(trimmed).min(end);
        if is_kept || self.source[tail..end].contains([' ', '\t']) { end } else { tail }
    }

    pub(super) fn unsupported(&self, at: usize, what: &'static str) -> EditError {
        EditError::Unsupported { line: self.line_number(at.min(self.source.len())), what }
    }
}

/// Returns the line break that a text uses.
pub(super) fn line_break(text: &str) -> &'static str {
    match memchr2(b'\n', b'\r', text.as_bytes()) {
        Some(at) if text[at..].starts_with("\r\n") => "\r\n",
        Some(at) if text[at..].starts_with('\r') => "\r",
        _ => "\n",
    }
}

/// Tells whether a value has no text of its own, as in `key:`.
pub(super) fn is_empty(node: &Node) -> bool {
    let Value::Scalar(scalar) = &node.value else { return false };
    !node.is_alias && scalar.style == Style::Plain && scalar.text.is_empty()
}

/// Tells whether a value is a literal or folded block.
pub(super) fn is_block_scalar(node: &Node) -> bool {
    !node.is_alias && matches!(&node.value, Value::Scalar(scalar) if scalar.style == Style::Block)
}
