//! The check of a whole revision, or of a change.

use std::collections::BTreeSet;

use rayon::prelude::*;

use super::across::Across;
use super::file::check_blob;
use crate::model::{FactsCache, FileKind};
use crate::name::WorkspaceName;
use crate::oid::BlobId;
use crate::path::RepoPath;
use crate::problem::{Problem, Problems};
use crate::tree::{FileTree, ReadError};

/// Files that are checked before their problems are counted, so that hostile ones can't fill the memory.
const BATCH: usize = 1024;

/// Checks the changed files of a revision, all of them when `changed` is nothing, and the rules between all files.
///
/// Files are checked on all cores; the problems come in the order of paths, those between files last.
pub fn check_tree(
    workspace: &WorkspaceName,
    tree: &dyn FileTree,
    changed: Option<&BTreeSet<RepoPath>>,
    facts: &FactsCache,
) -> Result<Problems, ReadError> {
    let files = tree.files();
    let known = |path: &RepoPath| FileKind::of(path) != FileKind::Other;
    let to_check: Vec<_> = match changed {
        None => files.iter().filter(|(path, _)| known(path)).collect(),
        Some(changed) => {
            changed.iter().filter(|path| known(path)).filter_map(|path| files.get_key_value(path)).collect()
        }
    };
    let check_files = || {
        let mut problems = Problems::default();
        for batch in to_check.chunks(BATCH) {
            let check = |(path, id): &(&RepoPath, &BlobId)| {
                let content = tree.read(**id)?;
                Ok(check_blob(workspace, path, (**id, &content), facts))
            };
            let found: Vec<Vec<Problem>> = batch.par_iter().map(check).collect::<Result<_, ReadError>>()?;
            problems.extend(found.into_iter().flatten());
        }
        Ok(problems)
    };
    let read = |id| tree.read(id);
    let across = Across { workspace, files, read: &read, facts };
    // Names need no content; everything else between files needs the facts that the check of files finds.
    let (problems, collisions) = rayon::join(check_files, || across.collisions(changed));
    let mut problems = problems?;
    across.check(changed, collisions, &mut problems)?;
    Ok(problems)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use bytes::Bytes;

    use super::*;
    use crate::tree::MemoryTree;

    const WORKSPACE: &str = "apiVersion: runwhen.com/v1\nkind: Workspace\nmetadata: {name: demo}\n";

    fn path(text: &str) -> RepoPath {
        RepoPath::parse(text).unwrap()
    }

    fn workspace() -> WorkspaceName {
        WorkspaceName::parse("demo").unwrap()
    }

    fn slx(name: &str) -> (RepoPath, Bytes) {
        let text = format!(
            "apiVersion: runwhen.com/v1\nkind: ServiceLevelX\nmetadata:\n  name: demo--{name}\n  labels:\n    slx: demo--{name}\nspec: {{}}\n"
        );
        (path(&format!("slxs/{name}/slx.yaml")), text.into())
    }

    fn tree(files: impl IntoIterator<Item = (RepoPath, Bytes)>) -> MemoryTree {
        std::iter::once((path("workspace.yaml"), WORKSPACE.into())).chain(files).collect()
    }

    fn codes(tree: &dyn FileTree, changed: Option<&[&str]>) -> Vec<(String, &'static str)> {
        let changed = changed.map(|changed| changed.iter().map(|text| path(text)).collect());
        let problems = check_tree(&workspace(), tree, changed.as_ref(), &FactsCache::new()).unwrap();
        problems.iter().map(|problem| (problem.path.clone(), problem.code)).collect()
    }

    #[test]
    fn names_that_differ_only_in_case_or_unicode_form_are_refused() {
        let tree = tree([slx("web"), slx("Web"), slx("z\u{fc}rich"), slx("zu\u{308}rich")]);
        let expected = [
            ("slxs/web/slx.yaml".to_owned(), "path_collision"),
            ("slxs/z\u{fc}rich/slx.yaml".to_owned(), "path_collision"),
        ];
        assert_eq!(codes(&tree, None), expected);
    }

    #[test]
    fn only_changed_files_are_checked_but_rules_between_files_see_all() {
        let broken = |name: &str| (path(&format!("slxs/{name}/slx.yaml")), Bytes::from_static(b"broken: ["));
        let orphan = (path("slxs/orphan/sli.yaml"), Bytes::from_static(b"not looked at: ["));
        let tree = tree([broken("a"), broken("b"), orphan]);
        let expected = [
            ("slxs/b/slx.yaml".to_owned(), "yaml_syntax"),
            ("slxs/orphan/sli.yaml".to_owned(), "slx_missing"),
        ];
        assert_eq!(codes(&tree, Some(&["slxs/b/slx.yaml", "slxs/gone/slx.yaml"])), expected);
    }

    #[test]
    fn a_change_of_the_workspace_alone_looks_at_what_it_names() {
        let mut tree = tree([slx("web")]);
        let text = format!("{WORKSPACE}spec:\n  slxGroups: [{{name: g, slxs: [web, gone]}}]\n");
        tree.insert(path("workspace.yaml"), text.into());
        assert_eq!(codes(&tree, Some(&["workspace.yaml"])), [("workspace.yaml".to_owned(), "unknown_slx")]);
        let none = MemoryTree::new();
        assert_eq!(
            codes(&none, Some(&["workspace.yaml"])),
            [("workspace.yaml".to_owned(), "workspace_missing")]
        );
    }

    #[test]
    fn a_copy_is_found_when_only_one_of_the_two_changes() {
        let named = |name: &str| {
            let (path, text) = slx(name);
            let text = String::from_utf8(text.to_vec()).unwrap();
            (path, text.replace("spec:", "  annotations: {fullSlxName: one}\nspec:").into())
        };
        let tree = tree([named("web"), named("api")]);
        let expected = [("slxs/web/slx.yaml".to_owned(), "duplicate_full_slx_name")];
        assert_eq!(codes(&tree, None), expected);
        assert_eq!(codes(&tree, Some(&["slxs/api/slx.yaml"])), expected);
    }

    #[test]
    fn problems_beyond_the_limit_are_counted_in_the_order_of_paths() {
        let files =
            (0..3000).map(|number| (path(&format!("workflows/{number:04}.yaml")), Bytes::from_static(b"[]")));
        let tree = tree(files);
        let problems = check_tree(&workspace(), &tree, None, &FactsCache::new()).unwrap();
        assert_eq!(problems.error_count(), 3000);
        let first: Vec<_> = problems.iter().take(2).map(|problem| problem.path.as_str()).collect();
        assert_eq!(first, ["workflows/0000.yaml", "workflows/0001.yaml"]);
    }

    /// A tree that counts how often each blob is read, and fails at one.
    struct Counting {
        tree: MemoryTree,
        reads: Mutex<Vec<BlobId>>,
        fails: Option<BlobId>,
    }

    impl FileTree for Counting {
        fn files(&self) -> &std::collections::BTreeMap<RepoPath, BlobId> {
            self.tree.files()
        }

        fn read(&self, id: BlobId) -> Result<Bytes, ReadError> {
            self.reads.lock().unwrap().push(id);
            match self.fails {
                Some(fails) if fails == id => Err(ReadError { id, source: "disk on fire".into() }),
                _ => self.tree.read(id),
            }
        }
    }

    #[test]
    fn every_file_is_read_once_and_others_never() {
        let notes = (path("slxs/web/NOTES.md"), Bytes::from_static(b"\xff"));
        let tree =
            Counting { tree: tree([slx("web"), slx("api"), notes]), reads: Mutex::default(), fails: None };
        let facts = FactsCache::new();
        assert!(check_tree(&workspace(), &tree, None, &facts).unwrap().is_acceptable());
        assert_eq!(tree.reads.lock().unwrap().len(), 3);
        let nothing = BTreeSet::from([path("slxs/web/NOTES.md")]);
        assert!(check_tree(&workspace(), &tree, Some(&nothing), &facts).unwrap().is_acceptable());
        assert_eq!(tree.reads.lock().unwrap().len(), 3);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_an_error_and_no_problem() {
        let tree = tree([slx("web")]);
        let fails = tree.files().get("slxs/web/slx.yaml").copied();
        let tree = Counting { tree, reads: Mutex::default(), fails };
        let error = check_tree(&workspace(), &tree, None, &FactsCache::new()).unwrap_err();
        assert_eq!(Some(error.id), fails);
    }
}
