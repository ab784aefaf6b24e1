//! What the person who pushes reads.

use workstead_core::problem::{Problem, Problems, Severity};

use super::wire::Verdict;

/// Most characters of one line.
const MAX_LINE_CHARS: usize = 2000;

/// The findings of one push, in the order of its references.
#[derive(Debug, Default)]
pub(super) struct Report {
    lines: Vec<String>,
    /// The reference that is spoken of, until it is named.
    heading: Option<String>,
    errors: usize,
    warnings: usize,
}

impl Report {
    /// Names the reference that the following lines are about, if there are any.
    pub(super) fn about(&mut self, reference: &str) {
        self.heading = Some(format!("{reference}:"));
    }

    /// Refuses something that is no file: a reference, a right.
    pub(super) fn refuse(&mut self, code: &str, message: &str, hint: &str) {
        self.errors += 1;
        self.line(&format!("{message} [{code}]"));
        self.line(&format!("  hint: {hint}"));
    }

    /// Says what is odd and refuses nothing.
    pub(super) fn warn(&mut self, code: &str, message: &str, hint: &str) {
        self.warnings += 1;
        self.line(&format!("warning: {message} [{code}]"));
        self.line(&format!("  hint: {hint}"));
    }

    /// Adds problems of files.
    pub(super) fn add(&mut self, problems: Problems) {
        let (errors, warnings) = (problems.error_count(), problems.warning_count());
        self.errors += errors;
        self.warnings += warnings;
        let listed = problems.into_sorted();
        let more = errors + warnings - listed.len();
        for problem in &listed {
            self.line(&described(problem));
            if let Some(hint) = &problem.hint {
                self.line(&format!("  hint: {hint}"));
            }
        }
        if more > 0 {
            self.line(&format!("... and {more} more"));
        }
    }

    /// Sums up.
    pub(super) fn verdict(mut self) -> Verdict {
        if self.errors > 0 {
            self.lines.push(format!("{}; nothing was changed", counted(self.errors, "error")));
        } else if self.warnings > 0 {
            self.lines.push(format!("{}; the push is accepted", counted(self.warnings, "warning")));
        }
        Verdict { accepted: self.errors == 0, lines: self.lines }
    }

    /// Sums up a push that only asked; Git changes nothing when its hook refuses.
    pub(super) fn rehearsed(mut self) -> Verdict {
        let counts = [(self.errors, "error"), (self.warnings, "warning")];
        let counts: Vec<_> = counts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, noun)| counted(*count, noun))
            .collect();
        if !counts.is_empty() {
            self.lines.push(counts.join(", "));
        }
        let word = if self.errors > 0 { "refused" } else { "accepted" };
        self.lines.push(format!("dry run: nothing was changed; the push would be {word}"));
        Verdict { accepted: false, lines: self.lines }
    }

    /// Adds a line that can't move the reader's cursor.
    fn line(&mut self, text: &str) {
        let heading = self.heading.take();
        for text in heading.as_deref().into_iter().chain([text]) {
            self.lines.push(without_controls(text));
        }
    }
}

/// Writes control characters as escapes and cuts what is too long.
fn without_controls(text: &str) -> String {
    let escaped = text
        .chars()
        .take(MAX_LINE_CHARS)
        .map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() });
    escaped.collect()
}

/// Writes `path:line:col: message [code]`, as compilers do; a warning says that it is one.
fn described(problem: &Problem) -> String {
    let text = problem.to_string();
    if problem.severity == Severity::Error {
        return text;
    }
    let marked = problem.message.clone();
    let warning = Problem { message: format!("warning: {marked}"), ..problem.clone() };
    warning.to_string()
}

fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use workstead_core::path::RepoPath;

    use super::*;

    fn problem(line: usize) -> Problem {
        let path = RepoPath::parse("workspace.yaml").unwrap();
        Problem::file(&path, "wrong_type", "is a list").at(line, 5, "/spec")
    }

    #[test]
    fn errors_and_warnings_read_like_a_compilers() {
        let mut report = Report::default();
        report.about("refs/heads/fine");
        report.about("refs/heads/x");
        report.add([problem(3).hint("write a map"), problem(2).warning()].into_iter().collect());
        report.refuse("not_allowed", "refs/notes/x: only branches and tags can be pushed", "push a branch");
        let verdict = report.verdict();
        assert!(!verdict.accepted);
        insta::assert_snapshot!(verdict.lines.join("\n"), @r"
        refs/heads/x:
        workspace.yaml:2:5: warning: is a list [wrong_type]
        workspace.yaml:3:5: is a list [wrong_type]
          hint: write a map
        refs/notes/x: only branches and tags can be pushed [not_allowed]
          hint: push a branch
        2 errors; nothing was changed
        ");
    }

    #[test]
    fn warnings_alone_are_accepted() {
        let mut report = Report::default();
        report.add([problem(2).warning()].into_iter().collect());
        let verdict = report.verdict();
        assert!(verdict.accepted);
        assert_eq!(verdict.lines.last().unwrap(), "1 warning; the push is accepted");
        assert_eq!(Report::default().verdict(), Verdict::accepted(Vec::new()));
    }

    #[test]
    fn a_rehearsal_changes_nothing_and_says_what_would_be() {
        let mut report = Report::default();
        report.warn("odd", "this is odd", "don't");
        report.add([problem(3)].into_iter().collect());
        insta::assert_snapshot!(report.rehearsed().lines.join("\n"), @r"
        warning: this is odd [odd]
          hint: don't
        workspace.yaml:3:5: is a list [wrong_type]
        1 error, 1 warning
        dry run: nothing was changed; the push would be refused
        ");
        let verdict = Report::default().rehearsed();
        assert!(!verdict.accepted);
        assert_eq!(verdict.lines, ["dry run: nothing was changed; the push would be accepted"]);
    }

    #[test]
    fn lines_are_bounded_in_number_and_hold_no_control_characters() {
        let mut report = Report::default();
        report.add((0..Problems::LIMIT + 50).map(problem).collect());
        report.refuse("x", "a\u{1b}[2J\nb", "none");
        let verdict = report.verdict();
        assert_eq!(verdict.lines.len(), Problems::LIMIT + 1 + 2 + 1);
        assert_eq!(verdict.lines[Problems::LIMIT], "... and 50 more");
        assert_eq!(verdict.lines[Problems::LIMIT + 1], "a\\u{1b}[2J\\nb [x]");
    }
}
