//! Merges, against the real `git merge-tree`.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use jiff::Timestamp;
use proptest::prelude::*;

use super::stage::{Stage, assert_sound, author, edits, git, git_command};
use crate::name::BranchName;
use crate::oid::CommitId;
use crate::path::RepoPath;
use crate::repository::{CommitRequest, MergeConflict, Merged, Outcome};
use crate::tree::{Edit, Edits};

impl Stage {
    /// Commits to a branch, which begins at main.
    fn commit_to(&self, branch: &str, edits: &Edits, executable: &[(&str, bool)]) -> CommitId {
        let executable =
            executable.iter().map(|(path, may)| (RepoPath::parse(path).unwrap(), *may)).collect();
        self.commit_with(branch, edits, &executable, &[])
    }

    fn commit_with(
        &self,
        branch: &str,
        edits: &Edits,
        executable: &BTreeMap<RepoPath, bool>,
        merged: &[CommitId],
    ) -> CommitId {
        let branch = BranchName::parse(branch).unwrap();
        if self.repository.head(&branch).unwrap().is_none() {
            self.repository.create_branch(&branch, self.head()).unwrap();
        }
        let base = self.repository.head(&branch).unwrap();
        let outcome = self.repository.commit(&CommitRequest {
            branch: &branch,
            base,
            edits,
            executable: Some(executable),
            merged,
            records: &[],
            author: &author(),
            message: "Change",
            trailers: &[],
            when: Timestamp::from_second(1_700_000_002).unwrap(),
        });
        match outcome.unwrap() {
            Outcome::Committed(id) => id,
            Outcome::Unchanged => base.unwrap(),
            Outcome::Conflict(_) => panic!("nobody else writes"),
        }
    }

    fn merge(&self, ours: CommitId, theirs: CommitId) -> Merged {
        let base = self.repository.merge_base(ours, theirs).unwrap();
        self.repository.merge(base, ours, Some(theirs)).unwrap()
    }

    /// Returns the tree that `git` merges, or the paths that contradict.
    fn merged_by_git(&self, ours: CommitId, theirs: CommitId) -> Result<String, BTreeSet<String>> {
        let mut command = git_command(self.repository.directory());
        command.args([
            "-c",
            "merge.renames=false",
            "merge-tree",
            "--write-tree",
            "--no-messages",
            "--name-only",
        ]);
        command.args([
            "-X",
            "no-renames",
            "-X",
            "diff-algorithm=myers",
            &ours.to_string(),
            &theirs.to_string(),
        ]);
        let output = command.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let (tree, paths) = text.split_once('\n').unwrap();
        match output.status.code() {
            Some(0) => Ok(tree.to_owned()),
            Some(1) => Err(paths.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()),
            _ => panic!("{}", String::from_utf8_lossy(&output.stderr)),
        }
    }
}

fn shown(merged: &Merged) -> Vec<String> {
    let lines = |conflict: &MergeConflict| {
        conflict
            .lines
            .iter()
            .map(|lines| format!(" {}-{}", lines.start, lines.end))
            .collect::<Vec<_>>()
            .concat()
    };
    merged.conflicts.iter().map(|it| format!("{} {:?}{}", it.path, it.kind, lines(it))).collect()
}

#[test]
fn what_one_side_changed_is_taken_and_what_both_changed_is_merged_by_lines() {
    let stage = Stage::new();
    let text = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
    stage.commit(&edits(&[("a", Some(text)), ("b", Some("b")), ("run.sh", Some("x"))]), &[]);
    let changed = edits(&[("a", Some(&text.replace('9', "nine"))), ("b", None), ("dir/new.sh", Some("n"))]);
    let theirs = stage.commit_to("work", &changed, &[("dir/new.sh", true)]);
    let theirs = stage.commit_with(
        "work",
        &link("run.sh", "x"),
        &[path("run.sh")].map(|it| (it, true)).into(),
        &[theirs],
    );
    let ours =
        stage.commit_to("main", &edits(&[("a", Some(&text.replace('1', "one"))), ("c", Some("c"))]), &[]);
    let merged = stage.merge(ours, theirs);
    assert_eq!(shown(&merged), Vec::<String>::new());
    let commit = stage.commit_with("main", &merged.edits, &merged.executable, &[theirs]);
    let info = stage.repository.commit_info(commit).unwrap();
    assert_eq!(info.parents, [ours, theirs]);
    assert_eq!(Ok(info.tree.to_string()), stage.merged_by_git(ours, theirs));
    let listed =
        git(stage.repository.directory(), &["ls-tree", "-r", "--format=%(objectmode) %(path)", "main"]);
    assert_eq!(listed, "100644 README.md\n100644 a\n100644 c\n100755 dir/new.sh\n100755 run.sh\n");
    assert_eq!(
        stage.repository.read_file(commit, "a", 100).unwrap().unwrap(),
        "one\n2\n3\n4\n5\n6\n7\n8\nnine\n"
    );
    // Merged once more, nothing is left to do.
    assert!(stage.merge(commit, theirs).edits.is_empty());
    assert_sound(stage.repository.directory());
}

fn path(text: &str) -> RepoPath {
    RepoPath::parse(text).unwrap()
}

fn link(at: &str, text: &str) -> Edits {
    Edits::from([(path(at), Edit::Link(crate::oid::BlobId::of(text.as_bytes())))])
}

#[test]
fn contradictions_are_told_with_their_place() {
    let stage = Stage::new();
    let text = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
    let zeros = "\0";
    stage.commit(
        &edits(&[
            ("a", Some(text)),
            ("bin", Some(zeros)),
            ("gone", Some("x\n")),
            ("kept", Some("x\n")),
            ("f", Some("x")),
        ]),
        &[],
    );
    let theirs = edits(&[
        ("a", Some("1\n2\n3\nfour\n5\n6\n7\n8\nnine\n")),
        ("bin", Some("\0theirs")),
        ("gone", Some("y\n")),
        ("kept", None),
        ("new", Some("theirs\n")),
        ("f", None),
        ("f/below", Some("x")),
        ("d", Some("a file here\n")),
    ]);
    let theirs = stage.commit_to("work", &theirs, &[]);
    let ours = edits(&[
        ("a", Some("0\n1\n2\n3\nIV\n5\n6\n7\n8\n")),
        ("bin", Some("\0ours")),
        ("gone", None),
        ("kept", Some("z\n")),
        ("new", Some("ours\n")),
        ("f", Some("changed")),
        ("d/below", Some("a directory there\n")),
    ]);
    let ours = stage.commit_to("main", &ours, &[]);
    insta::assert_snapshot!(shown(&stage.merge(ours, theirs)).join("\n"), @r"
    a BothModified 5-5 10-9
    bin NotMergeable
    d FileAndDirectory
    f RemovedByThem
    f/below FileAndDirectory
    gone RemovedByUs
    kept RemovedByThem
    new BothAdded 1-1
    ");
}

#[test]
fn undoing_a_commit_is_a_merge_of_what_was_before() {
    let stage = Stage::new();
    let before = stage.head();
    let first = stage.commit_to("main", &edits(&[("a", Some("1\n2\n3\n")), ("b", Some("b\n"))]), &[]);
    let second = stage.commit_to("main", &edits(&[("a", Some("1\n2\n3\n4\n5\n")), ("c", Some("c\n"))]), &[]);
    let undone = stage.repository.merge(Some(first), second, Some(before)).unwrap();
    // Lines were added behind what the first commit wrote, and nothing of it is left without them.
    insta::assert_snapshot!(shown(&undone).join("\n"), @"a RemovedByThem");
    let undone = stage.repository.merge(Some(second), second, Some(first)).unwrap();
    assert_eq!(undone.edits, {
        let mut it = edits(&[("c", None)]);
        it.extend(link("a", "1\n2\n3\n"));
        it
    });
    // The first commit of all leaves nothing.
    let all = stage.repository.merge(Some(before), before, None).unwrap();
    assert_eq!(all.edits, edits(&[("README.md", None)]));
}

/// Few lines, so that sides meet. Each is another, so that there is one best way to compare them, and names its file, or
/// `git` would look for renames.
fn any_files() -> impl Strategy<Value = BTreeMap<String, String>> {
    let lines = proptest::collection::vec(proptest::option::of("[ab]"), 7);
    proptest::collection::btree_map("[xyz]/[pq]", lines, 0..5).prop_map(|files| {
        let text = |path: &str, lines: Vec<Option<String>>| {
            let line = |(number, line): (usize, &Option<String>)| {
                Some(format!("{number}{} {path}\n", line.as_ref()?))
            };
            lines.iter().enumerate().filter_map(line).collect::<Vec<_>>().concat()
        };
        files.into_iter().map(|(path, lines)| (path.clone(), text(&path, lines))).collect()
    })
}

fn towards(from: &BTreeMap<String, String>, to: &BTreeMap<String, String>) -> Edits {
    let written = to.iter().map(|(at, text)| (path(at), Edit::Write(Bytes::from(text.clone()))));
    let removed = from.keys().filter(|at| !to.contains_key(*at)).map(|at| (path(at), Edit::Remove));
    written.chain(removed).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_merge_is_what_git_merges(base in any_files(), ours in any_files(), theirs in any_files()) {
        let stage = Stage::new();
        stage.commit(&towards(&BTreeMap::new(), &base), &[]);
        let theirs = stage.commit_to("work", &towards(&base, &theirs), &[]);
        let ours = stage.commit_to("main", &towards(&base, &ours), &[]);
        let merged = stage.merge(ours, theirs);
        let found: BTreeSet<_> = merged.conflicts.iter().map(|conflict| conflict.path.clone()).collect();
        match stage.merged_by_git(ours, theirs) {
            Err(paths) => prop_assert_eq!(found, paths),
            Ok(tree) => {
                prop_assert_eq!(found, BTreeSet::new());
                let commit = stage.commit_with("main", &merged.edits, &merged.executable, &[theirs]);
                prop_assert_eq!(stage.repository.commit_info(commit).unwrap().tree.to_string(), tree);
            }
        }
    }
}

#[test]
fn branches_move_forward_and_go_only_from_where_they_are() {
    let stage = Stage::new();
    let first = stage.head();
    let second = stage.commit_to("feature/x", &edits(&[("a", Some("a"))]), &[]);
    let (main, feature) = (BranchName::main(), BranchName::parse("feature/x").unwrap());
    let repository = &stage.repository;
    assert_eq!(repository.ahead_behind(second, first).unwrap(), (1, 0));
    assert!(!repository.fast_forward(&feature, second, first).unwrap(), "backwards");
    assert!(!repository.fast_forward(&main, second, second).unwrap(), "it is not there");
    assert!(repository.fast_forward(&main, first, second).unwrap());
    assert_eq!(stage.head(), second);
    assert!(!repository.delete_branch(&feature, first).unwrap());
    assert!(repository.delete_branch(&feature, second).unwrap());
    assert_eq!(repository.head(&feature).unwrap(), None);
    // Also where `git` has packed the references.
    repository.create_branch(&feature, first).unwrap();
    git(repository.directory(), &["pack-refs", "--all"]);
    assert!(repository.delete_branch(&feature, first).unwrap());
    let listed = git(repository.directory(), &["for-each-ref", "--format=%(refname)", "refs/heads"]);
    assert_eq!(listed, "refs/heads/main\n");
    // The name is free again, and so is the one above it.
    repository.create_branch(&BranchName::parse("feature").unwrap(), first).unwrap();
}
