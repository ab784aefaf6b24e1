//! A plan as people read it: what comes, changes and goes, with the lines that differ.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;

use clap::builder::styling::{AnsiColor, Style as Ansi};
use workstead_core::model::MANIFEST_FILE;
use workstead_core::name::WorkspaceName;

use super::answer::{Answer, Conflict, Counts, File, Plan, Slx};
use crate::output::printable;

/// Most SLXs that stay for the same reason and are listed.
const LISTED: usize = 20;

/// Whether there are colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// Text alone.
    Plain,
    /// Text with colours for a terminal.
    Colored,
}

/// Writes plans.
#[derive(Debug, Clone, Copy)]
pub(super) struct Renderer {
    /// Whether there are colours.
    pub(super) style: Style,
    /// Whether the content of files that come or go is shown.
    pub(super) full: bool,
}

/// How an action is shown.
#[derive(Debug, Clone, Copy)]
struct Look {
    symbol: char,
    color: Option<AnsiColor>,
    /// Whether it changes something; what only stays is cut short.
    acts: bool,
}

fn look(action: &str) -> Look {
    let (symbol, color, acts) = match action {
        "added" => ('+', Some(AnsiColor::Green), true),
        "changed" | "modified" => ('~', Some(AnsiColor::Yellow), true),
        "pruned" | "removed" => ('-', Some(AnsiColor::Red), true),
        "kept" => ('=', None, false),
        "renamed" => ('>', None, false),
        "tombstoned" => ('x', None, false),
        "conflict" => ('!', Some(AnsiColor::Magenta), false),
        _ => ('?', None, true),
    };
    Look { symbol, color, acts }
}

/// Returns what a reason means, as the end of a line.
fn meaning(reason: &str) -> Option<&'static str> {
    Some(match reason {
        "keep_existing" => "the merge mode keeps what is there",
        "edited" => "people edited it",
        "hand_made" => "people made it",
        "other_location" => "a builder at another location made it",
        "no_location" => "it names no location that it comes from",
        "no_record" => "what uploads wrote was not recorded",
        "renamed_by_people" => "people renamed it",
        "deleted_by_people" => "people deleted it",
        "not_uploaded" => "the upload lacks it",
        "name_taken" => "another SLX has its directory",
        "duplicate_identity" => "another SLX of the upload has its fullSlxName",
        _ => return None,
    })
}

impl Renderer {
    /// Writes a whole plan; its last line sums it up.
    pub(super) fn plan(self, workspace: &WorkspaceName, answer: &Answer) -> String {
        let plan = &answer.plan;
        let mut out = match plan.base.as_deref() {
            Some(base) => {
                format!("{workspace} at {}:\n", printable(&base.chars().take(10).collect::<String>()))
            }
            None => format!("{workspace}, which is empty:\n"),
        };
        self.slxs(plan, &mut out);
        self.other_files(plan, &mut out);
        let counts = &plan.counts;
        if counts.slxs_omitted + counts.files_omitted > 0 {
            let _ =
                writeln!(out, "\nNot listed: {} SLXs, {} files.", counts.slxs_omitted, counts.files_omitted);
        }
        for warning in &answer.summary.warnings {
            let _ = writeln!(out, "\n{} {}", self.paint("warning:", AnsiColor::Yellow), printable(warning));
        }
        for conflict in &answer.summary.conflicts {
            self.conflict(conflict, &mut out);
        }
        if let Some(refused) = &plan.would_be_refused {
            let label = self.paint("An upload would be refused:", AnsiColor::Red);
            let _ = writeln!(out, "\n{label} {} [{}]", printable(&refused.detail), printable(&refused.code));
        }
        out.push('\n');
        out.push_str(&self.bold(&sum(plan.changes, counts)));
        out
    }

    /// Writes a field that both sides changed; SLXs that are left out stand with the SLXs.
    fn conflict(self, conflict: &Conflict, out: &mut String) {
        let Some(path) = &conflict.path else { return };
        let field = conflict.field.as_deref().unwrap_or_default();
        let place = self.paint(&format!("! {}", printable(path)), AnsiColor::Magenta);
        let _ = write!(out, "\n{place} {}: {}", printable(field), said(&conflict.code));
        let _ = match conflict.resolution.as_deref() {
            Some(side) => writeln!(out, "; the {} side counts", printable(side)),
            None => writeln!(out),
        };
    }

    fn slxs(self, plan: &Plan, out: &mut String) {
        let mut files: BTreeMap<&str, Vec<&File>> = BTreeMap::new();
        for file in &plan.files {
            if let Some(slx) = &file.slx {
                files.entry(slx).or_default().push(file);
            }
        }
        let mut listed: HashMap<(&str, Option<&str>), usize> = HashMap::new();
        for slx in &plan.slxs {
            let look = look(&slx.action);
            if !look.acts {
                let count = listed.entry((&slx.action, slx.reason.as_deref())).or_default();
                *count += 1;
                if *count > LISTED {
                    continue;
                }
            }
            let _ = writeln!(out, "\n{}", self.slx(look, slx));
            // An SLX that stays out has the name of one that is there.
            let own = if look.acts { files.remove(slx.name.as_str()) } else { None };
            for file in own.unwrap_or_default() {
                self.file(file, "    ", out);
            }
        }
        let mut cut: Vec<_> = listed.into_iter().filter(|(_, count)| *count > LISTED).collect();
        cut.sort_unstable();
        for ((action, reason), count) in cut {
            let why = reason.map_or_else(String::new, |reason| format!(": {}", said(reason)));
            let _ = writeln!(out, "\n  {} and {} more{why}", look(action).symbol, count - LISTED);
        }
    }

    fn slx(self, look: Look, slx: &Slx) -> String {
        let name = printable(&slx.name);
        let mut line = format!("  {} {name}", look.symbol);
        if let Some(uploaded) = &slx.uploaded_name {
            let _ = write!(line, " (uploaded as {})", printable(uploaded));
        }
        let line = look.color.map_or_else(|| line.clone(), |color| self.paint(&line, color));
        let what = match slx.action.as_str() {
            "added" => "is added",
            "changed" => "is changed",
            "pruned" => "is pruned",
            "kept" => "is kept",
            "renamed" => "keeps its name",
            "tombstoned" => "stays deleted",
            "conflict" => "is left out",
            other => &printable(other),
        };
        let why = slx.reason.as_deref().map_or_else(String::new, |reason| format!(": {}", said(reason)));
        self.dimmed(&line, &format!(" {what}{why}"))
    }

    /// Writes the files that belong to no SLX of the list.
    fn other_files(self, plan: &Plan, out: &mut String) {
        let acting = plan.slxs.iter().filter(|slx| look(&slx.action).acts).map(|slx| slx.name.as_str());
        let acting: HashSet<&str> = acting.collect();
        let is_other = |file: &&File| file.slx.as_deref().is_none_or(|slx| !acting.contains(slx));
        let mut others = plan.files.iter().filter(is_other).peekable();
        if others.peek().is_some() {
            out.push_str("\n  Other files\n");
        }
        for file in others {
            self.file(file, "    ", out);
        }
    }

    fn file(self, file: &File, indent: &str, out: &mut String) {
        let look = look(&file.action);
        let name = format!("{} {}", look.symbol, printable(&file.path));
        let name = look.color.map_or_else(|| name.clone(), |color| self.paint(&name, color));
        if file.path == MANIFEST_FILE {
            let _ = writeln!(out, "{indent}{}", self.dimmed(&name, "  the server's own record of uploads"));
            return;
        }
        let mut more = String::new();
        if let Some((added, removed)) = file.lines_added.zip(file.lines_removed) {
            let _ = write!(more, "  +{added} -{removed}");
        }
        let shows = self.full || file.action == "modified";
        if let Some(why) = file.diff_omitted.as_deref().filter(|_| shows) {
            let text = match why {
                "binary" => "not text",
                "too_large" => "too large to be shown whole",
                "plan_full" => "the plan is full",
                "not_readable" => "this token may not read",
                other => &printable(other),
            };
            let _ = write!(more, "  ({text})");
        }
        let _ = writeln!(out, "{indent}{}", self.dimmed(&name, &more));
        if shows {
            self.diff(file.diff.as_deref().unwrap_or_default(), indent, out);
        }
    }

    /// Writes the hunks; what stands before them says nothing new.
    fn diff(self, diff: &str, indent: &str, out: &mut String) {
        let hunks = diff.split_inclusive('\n').skip_while(|line| !line.starts_with("@@"));
        for line in hunks {
            // Tabs are what a file may well hold.
            let text = line.trim_end_matches('\n').split('\t').map(printable).collect::<Vec<_>>().join("\t");
            let color = match text.as_bytes().first() {
                Some(b'+') => Some(AnsiColor::Green),
                Some(b'-') => Some(AnsiColor::Red),
                Some(b'@') => Some(AnsiColor::Cyan),
                _ => None,
            };
            let text = color.map_or_else(|| text.clone(), |color| self.paint(&text, color));
            let _ = writeln!(out, "{indent}  {text}");
        }
    }

    fn paint(self, text: &str, color: AnsiColor) -> String {
        self.styled(text, color.on_default())
    }

    fn bold(self, text: &str) -> String {
        self.styled(text, Ansi::new().bold())
    }

    /// Puts words behind a name that matter less.
    fn dimmed(self, name: &str, words: &str) -> String {
        if words.is_empty() {
            name.to_owned()
        } else {
            format!("{name}{}", self.styled(words, Ansi::new().dimmed()))
        }
    }

    fn styled(self, text: &str, style: Ansi) -> String {
        match self.style {
            Style::Plain => text.to_owned(),
            Style::Colored => format!("{}{text}{}", style.render(), style.render_reset()),
        }
    }
}

fn said(reason: &str) -> String {
    meaning(reason).map_or_else(|| printable(&reason.replace('_', " ")), str::to_owned)
}

/// Sums a plan up.
fn sum(changes: bool, counts: &Counts) -> String {
    let mut text = String::new();
    if changes {
        let Counts { files_added, files_modified, files_removed, .. } = counts;
        let _ = writeln!(
            text,
            "Files: {files_added} to add, {files_modified} to modify, {files_removed} to remove."
        );
    } else {
        text.push_str("Nothing to do: the branch holds all of it already.\n");
    }
    let also = [
        (counts.unchanged, "unchanged"),
        (counts.renamed, "with the name that people gave"),
        (counts.tombstoned, "deleted by people"),
        (counts.conflict, "left out"),
    ];
    let also: Vec<String> = also
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, words)| format!("{count} {words}"))
        .collect();
    if !also.is_empty() {
        let _ = writeln!(text, "Also: {}.", also.join(", "));
    }
    let Counts { added, changed, pruned, kept, .. } = counts;
    let _ = write!(text, "Plan: {added} to add, {changed} to change, {pruned} to prune, {kept} kept.");
    text
}

#[cfg(test)]
mod tests {
    use serde::Deserialize as _;
    use serde_json::{Value, json};

    use super::*;

    fn shown(renderer: Renderer, answer: Value) -> String {
        let workspace = WorkspaceName::parse("demo").unwrap();
        renderer.plan(&workspace, &Answer::deserialize(answer).unwrap())
    }

    const PLAIN: Renderer = Renderer { style: Style::Plain, full: false };

    fn changed(diff: &str) -> Value {
        json!({"plan": {
            "base": "0123456789abcdef0123456789abcdef01234567", "changes": true, "counts": {"changed": 1, "filesModified": 1},
            "slxs": [{"name": "web", "action": "changed"}],
            "files": [{"path": "slxs/web/slx.yaml", "slx": "web", "action": "modified", "linesAdded": 1, "linesRemoved": 1, "diff": diff}],
        }})
    }

    #[test]
    fn what_a_later_server_says_is_shown_as_it_is() {
        let answer = json!({
            "summary": {"warnings": ["look out"], "conflicts": [
                {"name": "db", "code": "name_taken"},
                {"name": "web", "path": "slxs/web/slx.yaml", "field": "/spec/alias", "code": "both_changed", "resolution": "existing"},
            ]},
            "plan": {
                "base": null, "changes": true, "counts": {"slxsOmitted": 1, "filesOmitted": 3},
                "slxs": [{"name": "a", "action": "moved", "reason": "some_new_reason"}, {"name": "db", "action": "conflict", "reason": "name_taken"}],
                "files": [{"path": "notes/x", "action": "modified", "diffOmitted": "new_omission"}],
                "wouldBeRefused": {"code": "prune_guard", "detail": "too much would go"},
            },
        });
        insta::assert_snapshot!(shown(PLAIN, answer), @r"
        demo, which is empty:

          ? a moved: some new reason

          ! db is left out: another SLX has its directory

          Other files
            ~ notes/x  (new_omission)

        Not listed: 1 SLXs, 3 files.

        warning: look out

        ! slxs/web/slx.yaml /spec/alias: both changed; the existing side counts

        An upload would be refused: too much would go [prune_guard]

        Files: 0 to add, 0 to modify, 0 to remove.
        Plan: 0 to add, 0 to change, 0 to prune, 0 kept.
        ");
    }

    #[test]
    fn diffs_have_colours_and_nothing_in_them_drives_the_terminal() {
        let diff = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n-\told\n+\tnew\x1b[2J\n same\n";
        let text = shown(Renderer { style: Style::Colored, full: false }, changed(diff));
        assert!(!text.contains("\x1b[2J"), "{text:?}");
        insta::assert_snapshot!(text.replace('\x1b', "^").replace('\t', "<TAB>"), @r"
        demo at 0123456789:

        ^[33m  ~ web^[0m^[2m is changed^[0m
            ^[33m~ slxs/web/slx.yaml^[0m^[2m  +1 -1^[0m
              ^[36m@@ -1,2 +1,2 @@^[0m
              ^[31m-<TAB>old^[0m
              ^[32m+<TAB>new�[2J^[0m
               same

        ^[1mFiles: 0 to add, 1 to modify, 0 to remove.
        Plan: 0 to add, 1 to change, 0 to prune, 0 kept.^[0m
        ");
        assert!(!shown(PLAIN, changed(diff)).contains('\x1b'));
    }

    #[test]
    fn many_that_stay_are_cut_and_counted() {
        let slxs: Vec<_> =
            (0..25).map(|n| json!({"name": format!("n{n}"), "action": "kept", "reason": "edited"})).collect();
        let text = shown(
            PLAIN,
            json!({"plan": {"base": null, "changes": false, "slxs": slxs, "files": [], "counts": {"kept": 25}}}),
        );
        assert_eq!(text.matches("is kept: people edited it").count(), 20);
        insta::assert_snapshot!(text.lines().rev().take(6).collect::<Vec<_>>().join("\n"), @r"
        Plan: 0 to add, 0 to change, 0 to prune, 25 kept.
        Nothing to do: the branch holds all of it already.

          = and 5 more: people edited it

          = n19 is kept: people edited it
        ");
    }
}
