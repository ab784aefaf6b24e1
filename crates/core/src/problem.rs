//! What is wrong with content, where, and how to mend it.

use serde::Serialize;

use crate::path::RepoPath;

/// How much a problem weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The change is refused.
    Error,
    /// The change is taken; the author is told.
    Warning,
}

/// One thing that is wrong at one place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// The file, relative to the workspace directory.
    pub path: String,
    /// The line, from 1; 0 when the problem has no place inside the file.
    pub line: usize,
    /// The column in characters, from 1; 0 when the problem has no place inside the file.
    pub column: usize,
    /// The value's JSON pointer (RFC 6901), empty for the whole document.
    pub pointer: String,
    /// A stable code in `snake_case`.
    pub code: &'static str,
    /// One sentence without a final period that names the object.
    pub message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Whether it refuses the change.
    #[serde(skip)]
    pub severity: Severity,
}

impl Problem {
    /// Makes an error about a whole file.
    pub fn file(path: &RepoPath, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            path: path.as_str().to_owned(),
            line: 0,
            column: 0,
            pointer: String::new(),
            code,
            message: message.into(),
            hint: None,
            severity: Severity::Error,
        }
    }

    /// Places the problem inside its file.
    #[must_use]
    pub fn at(mut self, line: usize, column: usize, pointer: impl Into<String>) -> Self {
        self.line = line;
        self.column = column;
        self.pointer = pointer.into();
        self
    }

    /// Adds the cure.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Makes it a warning, which refuses nothing.
    #[must_use]
    pub fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }
}

impl std::fmt::Display for Problem {
    /// Writes `path:line:col: message [code]`, without the place where there is none.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}", self.path)?;
        if self.line > 0 {
            write!(formatter, ":{}:{}", self.line, self.column)?;
        }
        write!(formatter, ": {} [{}]", self.message, self.code)
    }
}

/// Problems of many files, kept up to a limit and counted beyond it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems {
    listed: Vec<Problem>,
    errors: usize,
    warnings: usize,
}

impl Problems {
    /// Most problems that are kept; later ones are only counted.
    pub const LIMIT: usize = 100;

    /// Adds a problem.
    pub fn push(&mut self, problem: Problem) {
        match problem.severity {
            Severity::Error => self.errors += 1,
            Severity::Warning => self.warnings += 1,
        }
        if self.listed.len() < Self::LIMIT {
            self.listed.push(problem);
        } else if problem.severity == Severity::Error
            && let Some(slot) = self.listed.iter_mut().rev().find(|kept| kept.severity == Severity::Warning)
        {
            // An error never goes unseen because of warnings before it.
            *slot = problem;
        }
    }

    /// Takes over other problems, with those of them that were only counted.
    pub fn absorb(&mut self, other: Self) {
        let listed = other.listed.iter().filter(|problem| problem.severity == Severity::Error).count();
        self.errors += other.errors - listed;
        self.warnings += other.warnings - (other.listed.len() - listed);
        self.extend(other.listed);
    }

    /// Returns the kept problems by path, line and column.
    pub fn into_sorted(mut self) -> Vec<Problem> {
        self.listed.sort();
        self.listed
    }

    /// Returns the kept problems in the order they came.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.listed.iter()
    }

    /// Returns how many errors there are, kept or not.
    pub fn error_count(&self) -> usize {
        self.errors
    }

    /// Returns how many warnings there are, kept or not.
    pub fn warning_count(&self) -> usize {
        self.warnings
    }

    /// Tells whether nothing refuses the change.
    pub fn is_acceptable(&self) -> bool {
        self.errors == 0
    }
}

impl Extend<Problem> for Problems {
    fn extend<I: IntoIterator<Item = Problem>>(&mut self, problems: I) {
        for problem in problems {
            self.push(problem);
        }
    }
}

impl FromIterator<Problem> for Problems {
    fn from_iter<I: IntoIterator<Item = Problem>>(problems: I) -> Self {
        let mut all = Self::default();
        all.extend(problems);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(number: usize) -> Problem {
        let path = RepoPath::parse("workspace.yaml").unwrap();
        Problem::file(&path, "wrong_type", "is wrong").at(number, 1, "/spec")
    }

    #[test]
    fn problems_are_counted_beyond_the_limit_and_errors_displace_warnings() {
        let mut problems: Problems = (0..Problems::LIMIT).map(|n| problem(n).warning()).collect();
        assert!(problems.is_acceptable());
        problems.push(problem(999));
        assert_eq!((problems.error_count(), problems.warning_count()), (1, Problems::LIMIT));
        assert!(problems.iter().any(|kept| kept.line == 999));
        assert_eq!(problems.iter().count(), Problems::LIMIT);
    }

    #[test]
    fn what_was_only_counted_stays_counted() {
        let mut problems: Problems = [problem(1)].into_iter().collect();
        problems.absorb((0..Problems::LIMIT + 5).map(problem).chain([problem(0).warning()]).collect());
        assert_eq!((problems.error_count(), problems.warning_count()), (Problems::LIMIT + 6, 1));
        assert_eq!(problems.iter().count(), Problems::LIMIT);
    }

    #[test]
    fn a_problem_prints_like_a_compiler() {
        assert_eq!(problem(3).to_string(), "workspace.yaml:3:1: is wrong [wrong_type]");
    }
}
