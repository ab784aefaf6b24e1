//! The form that files should have, without a word of them changed.
//!
//! Line ends, blanks at the ends of lines, empty lines and the end of the file: what editors leave behind and diffs show.
//! Comments, order, quotes and indentation are their writers'. What was formatted is read again and must say the same, so a
//! file is never damaged.

use super::{Node, Style, SyntaxError, Value, parse};

/// Most passes until nothing changes; two are rare.
const MAX_PASSES: usize = 4;

/// Why a text can't be formatted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// The text is no acceptable YAML document.
    #[error("the file can't be read")]
    Syntax(Vec<SyntaxError>),
    /// The formatted text would not say the same.
    #[error("formatting would change what the file says")]
    Unverified,
}

/// Returns the text in its form, or nothing when it has it.
///
/// A byte order mark goes, lines end with a line feed and without blanks, there is at most one empty line in a row, none at
/// the beginning, and one line feed at the end. Inside strings of several lines nothing but the line ends is touched.
pub fn format(text: &str) -> Result<Option<String>, FormatError> {
    let mut formatted = pass(text)?;
    // What one pass leaves of odd line ends another may take; whoever formats twice must find nothing to do.
    for _ in 0..MAX_PASSES {
        let Some(once) = &formatted else { return Ok(None) };
        match pass(once)? {
            Some(twice) => formatted = Some(twice),
            None => return Ok(formatted),
        }
    }
    Err(FormatError::Unverified)
}

/// Formats once.
fn pass(text: &str) -> Result<Option<String>, FormatError> {
    let root = parse(text).map_err(FormatError::Syntax)?;
    let source = text.strip_prefix('\u{feff}').unwrap_or(text);
    // What follows a string of several lines may belong to it, as the empty lines behind `|+` do.
    for keeps_what_follows in [false, true] {
        let formatted = Lines::of(source, &root, keeps_what_follows).write();
        if formatted == text {
            return Ok(None);
        }
        if says_the_same(source, &root, &formatted) {
            return Ok(Some(formatted));
        }
    }
    Err(FormatError::Unverified)
}

/// The lines of a text, and which of them belong to strings.
struct Lines<'a> {
    text: Vec<&'a str>,
    /// Whether the line must stay as it is.
    kept: Vec<bool>,
    /// Whether the text's end belongs to a string.
    keeps_end: bool,
    has_last_break: bool,
}

impl<'a> Lines<'a> {
    fn of(source: &'a str, root: &Node, keeps_what_follows: bool) -> Self {
        let mut lines = split(source);
        let has_last_break = lines.last().is_some_and(|line| line.is_empty());
        if has_last_break {
            lines.pop();
        }
        let mut kept = vec![false; lines.len()];
        let mut strings = Vec::new();
        find_strings(root, source, &mut strings);
        for (first, last) in strings {
            let end = last.min(lines.len());
            // Empty lines at the end of a string mostly don't count.
            let trailing = lines[..end].iter().rev().take_while(|line| is_blank(line)).count();
            let end = if keeps_what_follows { end } else { end - trailing };
            kept.iter_mut().take(end).skip(first - 1).for_each(|kept| *kept = true);
        }
        if keeps_what_follows {
            for line in 1..lines.len() {
                kept[line] |= kept[line - 1] && is_blank(lines[line]);
            }
        }
        let keeps_end = keeps_what_follows && kept.last().copied().unwrap_or_default();
        Self { text: lines, kept, keeps_end, has_last_break }
    }

    fn write(&self) -> String {
        let mut text = String::new();
        // Empty lines count only once something follows them.
        let mut is_apart = false;
        for (line, is_kept) in self.text.iter().zip(&self.kept) {
            if !is_kept && is_blank(line) {
                is_apart = !text.is_empty();
                continue;
            }
            if is_apart {
                text.push('\n');
                is_apart = false;
            }
            text.push_str(if *is_kept { line } else { line.trim_end_matches([' ', '\t']) });
            text.push('\n');
        }
        if self.keeps_end && !self.has_last_break {
            text.pop();
        }
        text
    }
}

fn is_blank(line: &str) -> bool {
    line.bytes().all(|byte| matches!(byte, b' ' | b'\t'))
}

/// Splits at all line breaks that YAML knows; a last line without one is a line too.
fn split(source: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut rest = source;
    while let Some(at) = rest.find(['\n', '\r']) {
        lines.push(&rest[..at]);
        let width = if rest[at..].starts_with("\r\n") { 2 } else { 1 };
        rest = &rest[at + width..];
    }
    lines.push(rest);
    lines
}

/// Finds the first and last lines of strings that have several.
fn find_strings(node: &Node, source: &str, found: &mut Vec<(usize, usize)>) {
    match &node.value {
        Value::Scalar(scalar) if !node.is_alias => {
            let (first, last) = lines_of(node, scalar.style, source);
            if first < last {
                found.push((first, last));
            }
        }
        Value::Scalar(_) => {}
        Value::Sequence(items) => items.iter().for_each(|item| find_strings(item, source, found)),
        Value::Mapping(entries) => {
            for entry in entries {
                let span = entry.key_span;
                let key = Node { value: Value::Scalar(entry.key.clone()), span, is_alias: false };
                find_strings(&key, source, found);
                find_strings(&entry.value, source, found);
            }
        }
    }
}

/// Returns the first and the last line of a scalar, from 1.
fn lines_of(node: &Node, style: Style, source: &str) -> (usize, usize) {
    let (start, end) = (node.span.start, node.span.end);
    let last = match style {
        // Its mark of the end may stand far behind it.
        Style::Quoted => {
            let text = source.get(start.offset..end.offset.min(source.len())).unwrap_or_default();
            start.line + split(&text[..quoted_length(text)]).len() - 1
        }
        Style::Plain | Style::Block if end.column == 1 => end.line - 1,
        Style::Plain | Style::Block => end.line,
    };
    // A block's text begins below its header, which may be all that there is.
    let first = if style == Style::Block { start.line.saturating_sub(1).max(1) } else { start.line };
    (first, last)
}

/// Returns the length of the quoted scalar that a text begins with.
fn quoted_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let Some(quote) = bytes.first().copied() else { return 0 };
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if quote == b'"' => at += 1,
            b'\'' if quote == b'\'' && bytes.get(at + 1) == Some(&b'\'') => at += 1,
            byte if byte == quote => return at + 1,
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

/// Tells whether two texts hold the same values written the same, and the same characters but for white space.
fn says_the_same(source: &str, root: &Node, formatted: &str) -> bool {
    let ink =
        |text: &str| text.chars().filter(|c| !matches!(c, ' ' | '\t' | '\r' | '\n')).collect::<String>();
    ink(source) == ink(formatted) && parse(formatted).is_ok_and(|read| is_same(root, &read))
}

fn is_same(one: &Node, other: &Node) -> bool {
    if one.is_alias != other.is_alias {
        return false;
    }
    match (&one.value, &other.value) {
        (Value::Scalar(one), Value::Scalar(other)) => one == other,
        (Value::Sequence(one), Value::Sequence(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (Value::Mapping(one), Value::Mapping(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .zip(other)
                    .all(|(one, other)| one.key == other.key && is_same(&one.value, &other.value))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
