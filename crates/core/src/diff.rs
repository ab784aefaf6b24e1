//! The diff of one file, in the form that `git apply` takes.

use std::fmt::Write as _;

use serde::Serialize;
use similar::{ChangeTag, TextDiff};

use crate::path::RepoPath;

/// The mode of a file that is not executable, as Git writes it.
const PLAIN: u32 = 0o100_644;

/// Lines around a change.
const CONTEXT: usize = 3;
/// How far Git looks for a NUL to tell that a file is not text.
const LOOKED_AT: usize = 8000;

/// Why a diff was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DiffOmission {
    /// The file is not text.
    Binary,
    /// The file or its diff is too large; if there is a diff, its end is missing.
    TooLarge,
    /// Other files' diffs fill the answer.
    #[serde(rename = "plan_full")]
    Full,
    /// The caller may upload, but not read.
    NotReadable,
}

/// How much of a diff is made.
#[derive(Debug, Clone, Copy)]
pub struct DiffLimits {
    /// Largest file that is compared line by line, in bytes.
    pub max_file_bytes: usize,
    /// Most bytes of one file's diff.
    pub max_diff_bytes: usize,
}

/// One side of a comparison.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// The content.
    pub content: &'a [u8],
    /// The file's mode, as Git writes it.
    pub mode: u32,
}

impl<'a> Side<'a> {
    /// Makes the side of a file that is not executable.
    pub fn plain(content: &'a [u8]) -> Self {
        Self { content, mode: PLAIN }
    }
}

/// A diff, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diffed {
    /// The diff; the end is missing when something was left out.
    pub text: Option<String>,
    /// Lines that come, and that go.
    pub lines: Option<(usize, usize)>,
    /// Why not all of it is there.
    pub omitted: Option<DiffOmission>,
}

impl Diffed {
    /// Says why there is no diff.
    pub fn omitted(why: DiffOmission) -> Self {
        Self { text: None, lines: None, omitted: Some(why) }
    }
}

/// Compares two contents of a file; at least one is there.
///
/// Whole hunks are left out when there are too many bytes, so that what is shown is true.
pub fn diff(path: &RepoPath, old: Option<Side<'_>>, new: Option<Side<'_>>, limits: DiffLimits) -> Diffed {
    let Some((old_text, new_text)) = text_of(old).zip(text_of(new)) else {
        return Diffed::omitted(DiffOmission::Binary);
    };
    if old_text.len().max(new_text.len()) > limits.max_file_bytes {
        return Diffed::omitted(DiffOmission::TooLarge);
    }
    // Git ends lines at line feeds and nowhere else.
    let (old_lines, new_lines): (Vec<_>, Vec<_>) =
        (old_text.split_inclusive('\n').collect(), new_text.split_inclusive('\n').collect());
    let compared = TextDiff::configure().newline_terminated(true).diff_slices(&old_lines, &new_lines);
    let count = |tag| compared.iter_all_changes().filter(|change| change.tag() == tag).count();
    let lines = Some((count(ChangeTag::Insert), count(ChangeTag::Delete)));

    let mut text = header(path.as_str(), old.map(|side| side.mode), new.map(|side| side.mode));
    let mut shown = 0;
    let mut omitted = None;
    for hunk in compared.unified_diff().context_radius(CONTEXT).iter_hunks() {
        if shown == 0 {
            write_names(&mut text, path.as_str(), old.is_some(), new.is_some());
        }
        let before = text.len();
        // Writing to a string can't fail.
        let _ = write!(text, "{hunk}");
        if text.len() > limits.max_diff_bytes {
            text.truncate(before);
            omitted = Some(DiffOmission::TooLarge);
            break;
        }
        shown += 1;
    }
    let text = (shown > 0 || omitted.is_none()).then_some(text);
    Diffed { text, lines, omitted }
}

/// Reads text as Git would take it for text; what is not there is empty.
fn text_of(side: Option<Side<'_>>) -> Option<&str> {
    let content = side.map(|side| side.content).unwrap_or_default();
    if is_text(content) { std::str::from_utf8(content).ok() } else { None }
}

/// Tells whether Git would take a content for text.
pub(crate) fn is_text(content: &[u8]) -> bool {
    memchr::memchr(0, &content[..content.len().min(LOOKED_AT)]).is_none()
}

fn header(path: &str, old: Option<u32>, new: Option<u32>) -> String {
    let mut text = format!("diff --git a/{path} b/{path}\n");
    let _ = match (old, new) {
        (None, Some(mode)) => writeln!(text, "new file mode {mode:o}"),
        (Some(mode), None) => writeln!(text, "deleted file mode {mode:o}"),
        (Some(old), Some(new)) if old != new => writeln!(text, "old mode {old:o}\nnew mode {new:o}"),
        _ => Ok(()),
    };
    text
}

fn write_names(text: &mut String, path: &str, was: bool, is: bool) {
    // A name with blanks ends at a tab, as Git writes it.
    let end = if path.contains(' ') { "\t" } else { "" };
    for (sign, side, there) in [("---", 'a', was), ("+++", 'b', is)] {
        let _ = if there {
            writeln!(text, "{sign} {side}/{path}{end}")
        } else {
            writeln!(text, "{sign} /dev/null")
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: DiffLimits = DiffLimits { max_file_bytes: 1 << 20, max_diff_bytes: 1 << 16 };

    fn plain(text: &str) -> Side<'_> {
        Side::plain(text.as_bytes())
    }

    fn shown(old: Option<&str>, new: Option<&str>) -> String {
        let path = RepoPath::parse("notes/to do.md").unwrap();
        let Diffed { text, lines, omitted } = diff(&path, old.map(plain), new.map(plain), LIMITS);
        let text = text.unwrap_or_default().replace('\r', "<CR>").replace('\t', "<TAB>");
        format!("{text}{lines:?} {omitted:?}")
    }

    #[test]
    fn a_diff_is_what_git_writes() {
        insta::assert_snapshot!(shown(Some("one\ntwo\rtoo\nthree"), Some("one\n2\rtoo\nthree\n")), @r"
        diff --git a/notes/to do.md b/notes/to do.md
        --- a/notes/to do.md<TAB>
        +++ b/notes/to do.md<TAB>
        @@ -1,3 +1,3 @@
         one
        -two<CR>too
        -three
        \ No newline at end of file
        +2<CR>too
        +three
        Some((2, 2)) None
        ");
        insta::assert_snapshot!(shown(None, Some("new\n")), @r"
        diff --git a/notes/to do.md b/notes/to do.md
        new file mode 100644
        --- /dev/null
        +++ b/notes/to do.md<TAB>
        @@ -0,0 +1 @@
        +new
        Some((1, 0)) None
        ");
        insta::assert_snapshot!(shown(Some("old"), None), @r"
        diff --git a/notes/to do.md b/notes/to do.md
        deleted file mode 100644
        --- a/notes/to do.md<TAB>
        +++ /dev/null
        @@ -1 +0,0 @@
        -old
        \ No newline at end of file
        Some((0, 1)) None
        ");
        insta::assert_snapshot!(shown(None, Some("")), @r"
        diff --git a/notes/to do.md b/notes/to do.md
        new file mode 100644
        Some((0, 0)) None
        ");
    }

    #[test]
    fn a_mode_that_changes_is_told() {
        let path = RepoPath::parse("run.sh").unwrap();
        let (old, new) = (plain("x\n"), Side { mode: 0o100_755, ..plain("x\n") });
        insta::assert_snapshot!(diff(&path, Some(old), Some(new), LIMITS).text.unwrap(), @r"
        diff --git a/run.sh b/run.sh
        old mode 100644
        new mode 100755
        ");
    }

    #[test]
    fn whole_hunks_are_left_out_when_a_diff_is_too_long() {
        let path = RepoPath::parse("a").unwrap();
        let old = (0..100).map(|number| number.to_string()).collect::<Vec<_>>().join("\n");
        let new = old.replace("\n10\n", "\nten\n").replace("\n90\n", "\nninety\n");
        let limits = DiffLimits { max_diff_bytes: 110, ..LIMITS };
        let diffed = diff(&path, Some(plain(&old)), Some(plain(&new)), limits);
        insta::assert_snapshot!(diffed.text.unwrap(), @r"
        diff --git a/a b/a
        --- a/a
        +++ b/a
        @@ -8,7 +8,7 @@
         7
         8
         9
        -10
        +ten
         11
         12
         13
        ");
        assert_eq!((diffed.lines, diffed.omitted), (Some((2, 2)), Some(DiffOmission::TooLarge)));
        let limits = DiffLimits { max_diff_bytes: 50, ..limits };
        let diffed = diff(&path, Some(plain(&old)), Some(plain(&new)), limits);
        assert_eq!((diffed.text, diffed.omitted), (None, Some(DiffOmission::TooLarge)));
    }
}
