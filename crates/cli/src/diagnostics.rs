//! Problems as a compiler shows them: the place, the line, and what to do.

use std::collections::BTreeMap;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet, normalize_untrusted_str};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use workstead_core::path::RepoPath;
use workstead_core::problem::{Problem, Severity};

/// A problem that was found here, or that a server's answer listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Finding {
    /// Whether it refuses the change; a server lists only what does.
    #[serde(skip_deserializing, default = "refusing")]
    pub(crate) severity: Severity,
    /// The file, relative to the workspace directory.
    #[serde(default)]
    pub(crate) path: String,
    /// The line, from 1; 0 without a place in the file.
    #[serde(default)]
    pub(crate) line: usize,
    /// The column in characters, from 1; 0 without a place in the file.
    #[serde(default)]
    pub(crate) column: usize,
    /// The value's JSON pointer.
    #[serde(default)]
    pub(crate) pointer: String,
    /// The stable code.
    pub(crate) code: String,
    /// What is wrong.
    pub(crate) message: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) hint: Option<String>,
}

fn refusing() -> Severity {
    Severity::Error
}

impl From<Problem> for Finding {
    fn from(problem: Problem) -> Self {
        Self {
            severity: problem.severity,
            path: problem.path,
            line: problem.line,
            column: problem.column,
            pointer: problem.pointer,
            code: problem.code.to_owned(),
            message: problem.message,
            hint: problem.hint,
        }
    }
}

/// Shows findings with the lines that they are about.
#[derive(Debug)]
pub(crate) struct Diagnostics<'a> {
    files: &'a BTreeMap<RepoPath, Bytes>,
    renderer: Renderer,
}

impl<'a> Diagnostics<'a> {
    /// Takes the files that findings may point into.
    pub(crate) fn new(files: &'a BTreeMap<RepoPath, Bytes>, color: bool) -> Self {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        Self { files, renderer: renderer.decor_style(DecorStyle::Ascii) }
    }

    /// Renders one finding, with its line underlined where there is one.
    pub(crate) fn render(&self, finding: &Finding) -> String {
        let level = match finding.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let title = level.primary_title(finding.message.as_str()).id(finding.code.as_str());
        let line = self.line(finding);
        let group = match &line {
            Some(text) => title.element(
                Snippet::source(text.as_str())
                    .line_start(finding.line)
                    .path(finding.path.as_str())
                    .annotation(AnnotationKind::Primary.span(underline(text, finding.column))),
            ),
            None => title.element(origin(finding)),
        };
        let hint = finding.hint.as_deref().map(|hint| Level::HELP.message(normalize_untrusted_str(hint)));
        self.renderer.render(&[group.elements(hint)])
    }

    fn line(&self, finding: &Finding) -> Option<String> {
        let content = self.files.get(finding.path.as_str())?;
        let index = finding.line.checked_sub(1)?;
        let line = content.split(|byte| *byte == b'\n').nth(index)?;
        Some(String::from_utf8_lossy(line).trim_end().to_owned())
    }
}

fn origin(finding: &Finding) -> Origin<'_> {
    let origin = Origin::path(finding.path.as_str());
    if finding.line == 0 { origin } else { origin.line(finding.line).char_column(finding.column) }
}

/// Returns the bytes from the column to the end of what the line says, without a comment.
fn underline(line: &str, column: usize) -> std::ops::Range<usize> {
    let start = line.char_indices().nth(column.saturating_sub(1)).map_or(line.len(), |(at, _)| at);
    let rest = &line[start..];
    let end = rest.find(" #").map_or(rest.len(), |comment| rest[..comment].trim_end().len());
    start..start + end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(path: &str, text: &'static str) -> BTreeMap<RepoPath, Bytes> {
        BTreeMap::from([(RepoPath::parse(path).unwrap(), Bytes::from_static(text.as_bytes()))])
    }

    fn problem(line: usize, column: usize) -> Problem {
        let path = RepoPath::parse("workspace.yaml").unwrap();
        Problem::file(&path, "wrong_type", "`spec.slxGroups` is a string and must be a list")
            .at(line, column, "/spec/slxGroups")
            .hint("write it as a list")
    }

    #[test]
    fn a_finding_shows_its_line_and_what_to_do() {
        let files = files("workspace.yaml", "spec:\n  slxGroups: ünfug  # why not\n");
        let shown = Diagnostics::new(&files, false).render(&problem(2, 14).into());
        insta::assert_snapshot!(shown, @r"
        error[wrong_type]: `spec.slxGroups` is a string and must be a list
         --> workspace.yaml:2:14
          |
        2 |   slxGroups: ünfug  # why not
          |              ^^^^^
          |
          = help: write it as a list
        ");
    }

    #[test]
    fn a_finding_without_a_place_or_beyond_the_file_names_what_it_can() {
        let files = files("workspace.yaml", "spec: {}\n");
        let diagnostics = Diagnostics::new(&files, false);
        insta::assert_snapshot!(diagnostics.render(&problem(0, 0).warning().into()), @r"
        warning[wrong_type]: `spec.slxGroups` is a string and must be a list
        --> workspace.yaml
         = help: write it as a list
        ");
        insta::assert_snapshot!(diagnostics.render(&problem(99, 7).into()), @r"
        error[wrong_type]: `spec.slxGroups` is a string and must be a list
        --> workspace.yaml:99:7
         = help: write it as a list
        ");
    }

    #[test]
    fn a_servers_problem_is_read_and_cannot_drive_the_terminal() {
        let finding: Finding = serde_json::from_str(
            r#"{"path": "slxs/a/slx.yaml", "line": 3, "column": 1, "code": "x", "message": "a\u001b[2Jb",
                "hint": "\u001b[2J", "somethingNew": 1}"#,
        )
        .unwrap();
        assert_eq!(finding.severity, Severity::Error);
        let shown = Diagnostics::new(&BTreeMap::new(), false).render(&finding);
        assert!(!shown.contains('\u{1b}'), "{shown:?}");
    }

    #[test]
    fn any_place_can_be_underlined() {
        for line in ["", "a", "ü # x", "# x", " #"] {
            for column in 0..9 {
                let range = underline(line, column);
                assert!(line.get(range).is_some(), "{line:?} {column}");
            }
        }
    }
}
