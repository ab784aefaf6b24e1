//! The diff of one file, in the form that `git apply` takes.

use std::fmt::Write as _;

use similar::{ChangeTag, TextDiff};

use super::{DiffOmission, PlanLimits};
use crate::path::RepoPath;

/// Lines around a change.
const CONTEXT: usize = 3;
/// How far Git looks for a NUL to tell that a file is not text.
const LOOKED_AT: usize = 8000;

/// A diff, or why there is none.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Diffed {
    pub(super) text: Option<String>,
    /// Lines that come, and that go.
    pub(super) lines: Option<(usize, usize)>,
    pub(super) omitted: Option<DiffOmission>,
}

impl Diffed {
    pub(super) fn omitted(why: DiffOmission) -> Self {
        Self { text: None, lines: None, omitted: Some(why) }
    }
}

/// Compares two contents of a file; at least one is there.
///
/// Whole hunks are left out when there are too many bytes, so that what is shown is true.
pub(super) fn diff(path: &RepoPath, old: Option<&[u8]>, new: Option<&[u8]>, limits: &PlanLimits) -> Diffed {
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

    let mut text = header(path.as_str(), old.is_some(), new.is_some());
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
fn text_of(content: Option<&[u8]>) -> Option<&str> {
    let content = content.unwrap_or_default();
    let looked_at = &content[..content.len().min(LOOKED_AT)];
    if memchr::memchr(0, looked_at).is_some() {
        return None;
    }
    std::str::from_utf8(content).ok()
}

fn header(path: &str, was: bool, is: bool) -> String {
    let mut text = format!("diff --git a/{path} b/{path}\n");
    if !was {
        text.push_str("new file mode 100644\n");
    } else if !is {
        text.push_str("deleted file mode 100644\n");
    }
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

    fn shown(old: Option<&str>, new: Option<&str>) -> String {
        let path = RepoPath::parse("notes/to do.md").unwrap();
        let Diffed { text, lines, omitted } =
            diff(&path, old.map(str::as_bytes), new.map(str::as_bytes), &PlanLimits::default());
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
    fn whole_hunks_are_left_out_when_a_diff_is_too_long() {
        let path = RepoPath::parse("a").unwrap();
        let old = (0..100).map(|number| number.to_string()).collect::<Vec<_>>().join("\n");
        let new = old.replace("\n10\n", "\nten\n").replace("\n90\n", "\nninety\n");
        let limits = PlanLimits { max_diff_bytes: 110, ..PlanLimits::default() };
        let diffed = diff(&path, Some(old.as_bytes()), Some(new.as_bytes()), &limits);
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
        let limits = PlanLimits { max_diff_bytes: 50, ..limits };
        let diffed = diff(&path, Some(old.as_bytes()), Some(new.as_bytes()), &limits);
        assert_eq!((diffed.text, diffed.omitted), (None, Some(DiffOmission::TooLarge)));
    }
}
