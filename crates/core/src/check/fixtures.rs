//! The example workspaces of `fixtures/workspaces`: every directory there is a case.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::*;
use crate::model::FactsCache;
use crate::name::WorkspaceName;
use crate::path::RepoPath;
use crate::problem::{Problems, Severity};
use crate::tree::{FileTree, MemoryTree};

/// The workspace that all examples are of.
const WORKSPACE: &str = "demo";

fn cases(validity: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/workspaces").join(validity);
    let entries = fs_err::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<_> = entries.filter(|path| path.is_dir()).collect();
    cases.sort();
    assert!(cases.len() >= 3, "no {validity} cases found");
    cases
}

fn read(root: &Path, directory: &Path, files: &mut Vec<(RepoPath, Bytes)>) {
    for entry in fs_err::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(root, &path, files);
        } else {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
            files.push((RepoPath::parse(&name).unwrap(), fs_err::read(&path).unwrap().into()));
        }
    }
}

fn load(case: &Path) -> MemoryTree {
    let mut files = Vec::new();
    read(case, case, &mut files);
    files.into_iter().collect()
}

fn check(tree: &MemoryTree) -> Problems {
    check_tree(&WorkspaceName::parse(WORKSPACE).unwrap(), tree, None, &FactsCache::new()).unwrap()
}

fn show(problems: &Problems) -> String {
    let mut text = format!("{} errors, {} warnings\n", problems.error_count(), problems.warning_count());
    for problem in problems.iter() {
        let severity = if problem.severity == Severity::Error { "error" } else { "warning" };
        let hint = problem.hint.as_deref().unwrap_or("-");
        write!(text, "\n{severity}: {problem}\n  pointer: {:?}\n  hint: {hint}\n", problem.pointer).unwrap();
    }
    text
}

#[test]
fn valid_workspaces_have_no_problems() {
    for case in cases("valid") {
        let tree = load(&case);
        assert!(tree.files().len() >= 2, "{}", case.display());
        let problems = check(&tree);
        assert_eq!(problems.error_count() + problems.warning_count(), 0, "{case:?}\n{}", show(&problems));
    }
}

#[test]
fn invalid_workspaces_have_the_problems_that_stand_beside_them() {
    for case in cases("invalid") {
        let problems = check(&load(&case));
        assert!(problems.error_count() + problems.warning_count() > 0, "{} is valid", case.display());
        for problem in problems.iter() {
            assert!(problem.hint.is_some(), "no cure: {problem}");
        }
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(case.parent().unwrap());
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings
            .bind(|| insta::assert_snapshot!(case.file_name().unwrap().to_str().unwrap(), show(&problems)));
    }
}

#[test]
fn the_order_of_problems_is_always_the_same() {
    for case in cases("invalid") {
        let tree = load(&case);
        let first = show(&check(&tree));
        for _ in 0..5 {
            assert_eq!(show(&check(&tree)), first);
        }
    }
}
