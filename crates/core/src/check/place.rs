//! Where in a document something is, and the problems found there.

use std::fmt::Write as _;

use crate::path::RepoPath;
use crate::problem::Problem;
use crate::yaml::Mark;

/// Most problems that one file may have; further ones would tell its author nothing new.
pub(crate) const MAX_PROBLEMS: usize = crate::problem::Problems::LIMIT;

/// A value's place in its document: a chain on the stack, turned into text only for a problem.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    parent: Option<&'a Place<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Root,
    Key(&'a str),
    Index(usize),
}

impl<'a> Place<'a> {
    /// The whole document.
    pub(crate) const ROOT: Place<'static> = Place { parent: None, step: Step::Root };

    /// Returns the place of a mapping's value.
    pub(crate) fn key(&'a self, key: &'a str) -> Self {
        Self { parent: Some(self), step: Step::Key(key) }
    }

    /// Returns the place of a list's item.
    pub(crate) fn index(&'a self, index: usize) -> Self {
        Self { parent: Some(self), step: Step::Index(index) }
    }

    /// Returns the JSON pointer (RFC 6901).
    pub(crate) fn pointer(&self) -> String {
        let mut pointer = self.parent.map(Place::pointer).unwrap_or_default();
        match self.step {
            Step::Root => {}
            Step::Key(key) => {
                pointer.push('/');
                pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
            }
            Step::Index(index) => {
                // Writing to a string can't fail.
                let _ = write!(pointer, "/{index}");
            }
        }
        pointer
    }

    /// Returns the place as people write it, `spec.slxGroups[2].name`.
    pub(crate) fn dotted(&self) -> String {
        let mut dotted = self.parent.map(Place::dotted).unwrap_or_default();
        match self.step {
            Step::Root => {}
            Step::Key(key) => {
                if !dotted.is_empty() {
                    dotted.push('.');
                }
                dotted.extend(key.chars().take(100));
            }
            Step::Index(index) => {
                let _ = write!(dotted, "[{index}]");
            }
        }
        dotted
    }

    /// Names the place in a message.
    pub(crate) fn name(&self) -> String {
        match self.step {
            Step::Root => "the document".to_owned(),
            _ => format!("`{}`", self.dotted()),
        }
    }
}

/// The problems of one file.
pub(crate) struct Report<'a> {
    path: &'a RepoPath,
    problems: Vec<Problem>,
}

impl<'a> Report<'a> {
    pub(crate) fn new(path: &'a RepoPath) -> Self {
        Self { path, problems: Vec::new() }
    }

    /// Adds an error at a place.
    pub(crate) fn error(
        &mut self,
        at: (Mark, &Place<'_>),
        code: &'static str,
        message: String,
        hint: String,
    ) {
        let (mark, place) = at;
        let problem = Problem::file(self.path, code, message);
        self.add(problem.at(mark.line, mark.column, place.pointer()).hint(hint));
    }

    /// Adds a problem as it is.
    pub(crate) fn add(&mut self, problem: Problem) {
        if !self.is_full() {
            self.problems.push(problem);
        }
    }

    /// Tells whether further problems would not be kept, so that hostile files end the search.
    pub(crate) fn is_full(&self) -> bool {
        self.problems.len() >= MAX_PROBLEMS
    }

    /// Returns the path of the file.
    pub(crate) fn path(&self) -> &'a RepoPath {
        self.path
    }

    /// Returns what was found, by line and column.
    pub(crate) fn into_sorted(mut self) -> Vec<Problem> {
        self.problems.sort_by_key(|problem| (problem.line, problem.column));
        self.problems
    }
}

/// Quotes a value for a message, cut to a length that people read.
pub(crate) fn quote(text: &str) -> String {
    const LONGEST: usize = 80;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{:?}...", &text[..end]),
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_have_a_pointer_and_a_name() {
        let root = Place::ROOT;
        let spec = root.key("spec");
        let list = spec.key("a/b~c");
        let item = list.index(2);
        let name = item.key("name");
        assert_eq!(name.pointer(), "/spec/a~1b~0c/2/name");
        assert_eq!(name.name(), "`spec.a/b~c[2].name`");
        assert_eq!((root.pointer().as_str(), root.name().as_str()), ("", "the document"));
    }

    #[test]
    fn long_values_are_cut_between_characters() {
        assert_eq!(quote("a\nb"), r#""a\nb""#);
        assert_eq!(quote(&"ü".repeat(81)), format!("\"{}\"...", "ü".repeat(80)));
    }
}
