//! Comparisons, directories and last changes, against the real `git`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::stage::{Stage, edits, git};
use crate::diff::{DiffLimits, DiffOmission};
use crate::repository::{ChangeKind, CommitFilter, CompareLimits, EntryKind, LastChanges};

const LIMITS: CompareLimits = CompareLimits {
    max_files: 100,
    max_diffs: 100,
    max_total_bytes: 1 << 20,
    each: DiffLimits { max_file_bytes: 1 << 20, max_diff_bytes: 1 << 16 },
};

/// Makes a history of three commits behind the first.
fn history() -> (Stage, [crate::oid::CommitId; 4]) {
    let stage = Stage::new();
    let mut heads = [stage.head(); 4];
    let steps = [
        edits(&[
            ("slxs/a/slx.yaml", Some("one\ntwo\nthree\n")),
            ("slxs/b/slx.yaml", Some("b\n")),
            ("x.bin", Some("\0")),
        ]),
        edits(&[
            ("slxs/a/slx.yaml", Some("one\n2\nthree")),
            ("slxs/b/slx.yaml", None),
            ("notes/to do.md", Some("x\n")),
        ]),
        edits(&[("x.bin", Some("\0\0")), ("empty", Some(""))]),
    ];
    for (number, step) in steps.iter().enumerate() {
        stage.commit(step, &[]);
        heads[number + 1] = stage.head();
    }
    (stage, heads)
}

#[test]
fn a_comparison_is_what_git_diff_says() {
    let (stage, heads) = history();
    let directory = stage.repository.directory();
    for (old, new) in [(0, 1), (1, 2), (1, 3), (3, 0)] {
        let (old, new) = (heads[old], heads[new]);
        let compared = stage.repository.compare(Some(old), new, &LIMITS).unwrap();
        let ours: String = compared.files.iter().filter_map(|file| file.diff.text.as_deref()).collect();
        let range = [old.to_string(), new.to_string()];
        let theirs = git(
            directory,
            &[
                "-c",
                "core.quotePath=false",
                "diff",
                "--no-renames",
                "--no-color",
                &range[0],
                &range[1],
                "--",
                ".",
                ":!x.bin",
            ],
        );
        let theirs: String = theirs
            .lines()
            .filter(|line| !line.starts_with("index "))
            .map(|line| [line, "\n"].concat())
            .collect();
        assert_eq!(ours, theirs);
        let counted = git(directory, &["diff", "--no-renames", "--numstat", "-z", &range[0], &range[1]]);
        let ours: String = compared
            .files
            .iter()
            .map(|file| {
                let lines = file
                    .diff
                    .lines
                    .map_or("-\t-".to_owned(), |(added, removed)| format!("{added}\t{removed}"));
                [&lines, "\t", file.path.as_str(), "\0"].concat()
            })
            .collect();
        assert_eq!(ours, counted);
    }
}

#[test]
fn a_comparison_is_bounded_and_says_so() {
    let (stage, heads) = history();
    let compare = |limits| stage.repository.compare(None, heads[1], &limits).unwrap();
    let all = compare(LIMITS);
    assert_eq!((all.count, all.truncated), (4, false));
    assert!(all.files.iter().all(|file| file.kind == ChangeKind::Added));
    // What is no text has no diff, which is not left out.
    assert_eq!(all.files[3].diff.omitted, Some(DiffOmission::Binary));
    let few = compare(CompareLimits { max_files: 2, ..LIMITS });
    assert_eq!((few.files.len(), few.count, few.truncated), (2, 4, true));
    let short = compare(CompareLimits { max_total_bytes: 120, ..LIMITS });
    let shown: Vec<_> = short.files.iter().map(|file| file.diff.omitted).collect();
    assert_eq!((shown[0], shown[1], short.truncated), (None, Some(DiffOmission::Full), true));
    let small = CompareLimits { each: DiffLimits { max_file_bytes: 5, ..LIMITS.each }, ..LIMITS };
    assert_eq!(compare(small).files[1].diff.omitted, Some(DiffOmission::TooLarge));
}

#[test]
fn directories_are_listed_and_commits_found_by_what_they_touch() {
    let (stage, heads) = history();
    let repository = &stage.repository;
    let names = |path: &str| {
        let entries = repository.list_directory(heads[2], path).unwrap()?;
        Some(entries.into_iter().map(|entry| (entry.name, entry.kind)).collect::<Vec<_>>())
    };
    let file = EntryKind::File { executable: false };
    let entry = |name: &str, kind| (name.to_owned(), kind);
    assert_eq!(names("slxs").unwrap(), [entry("a", EntryKind::Directory)]);
    assert_eq!(names("slxs/a").unwrap(), [entry("slx.yaml", file)]);
    assert_eq!(names("").unwrap().len(), 4);
    assert_eq!((names("README.md"), names("slxs/none")), (None, None));

    let touching = |path: &str| {
        let filter = CommitFilter { path: Some(path.to_owned()), ..CommitFilter::default() };
        let (found, is_whole) = repository.find_commits(heads[3], &filter, 100).unwrap();
        assert!(is_whole);
        let listed = git(repository.directory(), &["log", "--format=%H", "main", "--", path]);
        assert_eq!(
            found.iter().map(|id| [&id.to_string(), "\n"].concat()).collect::<String>(),
            listed,
            "{path}"
        );
        found.len()
    };
    assert_eq!(["slxs", "slxs/a", "slxs/b/slx.yaml", "x.bin", "none"].map(touching), [2, 2, 2, 2, 0]);
    let by = |author: &str| CommitFilter { author: Some(author.to_owned()), ..CommitFilter::default() };
    assert_eq!(repository.find_commits(heads[3], &by("ADA@"), 100).unwrap().0.len(), 4);
    assert_eq!(repository.find_commits(heads[3], &by("bob"), 100).unwrap(), (vec![], true));
    assert!(!repository.find_commits(heads[3], &by("bob"), 2).unwrap().1);
    let since = heads[1];
    assert_eq!(repository.log_since(Some(since), heads[3], 10).unwrap().len(), 2);
}

#[test]
fn the_last_change_of_each_file_is_what_git_log_says() {
    let (stage, heads) = history();
    let repository = &stage.repository;
    let fresh = repository.last_changes(heads[3], 100, &|_| None).unwrap();
    assert!(fresh.is_whole);
    for (path, commit) in &fresh.files {
        let last = git(repository.directory(), &["log", "-1", "--format=%H", "main", "--", path.as_str()]);
        assert_eq!(commit.to_string(), last.trim(), "{path}");
    }
    assert_eq!(fresh.files.len(), 5);
    // What was found of an earlier commit is built on.
    let known: BTreeMap<_, _> =
        [(heads[1], Arc::new(repository.last_changes(heads[1], 100, &|_| None).unwrap()))].into();
    let again = repository.last_changes(heads[3], 2, &|id| known.get(&id).cloned()).unwrap();
    assert_eq!(again, fresh);
    let cut = repository.last_changes(heads[3], 1, &|_| None).unwrap();
    assert_eq!((cut.files.len(), cut.is_whole), (2, false));
    assert_ne!(cut, LastChanges::default());
}
