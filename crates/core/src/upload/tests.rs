//! Uploads into real repositories.

use jiff::Timestamp;

use super::*;
use crate::merge::tests::bundle::{Bundle, file};
use crate::merge::tests::corpus;
use crate::merge::tests::world::FRESH;
use crate::merge::{Conflict, KeptReason, MergeMode};
use crate::repository::{FirstCommit, RepositoryId, RepositoryStore};
use crate::tree::{Edit, Edits};

pub(super) struct Site {
    _directory: tempfile::TempDir,
    pub(super) repository: Repository,
    pub(super) facts: FactsCache,
    workspace: WorkspaceName,
}

fn author() -> Author {
    Author { name: "Builder".to_owned(), email: "builder@example.com".to_owned() }
}

impl Site {
    pub(super) fn new(workspace: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = RepositoryStore::open(directory.path()).unwrap();
        let (path, content) =
            file("workspace.yaml", &FRESH.replace("name: demo", &format!("name: {workspace}")));
        let edits: Edits = [(path, Edit::Write(content))].into();
        let first = FirstCommit {
            branch: BranchName::main(),
            edits,
            author: author(),
            message: "Create the workspace".to_owned(),
            trailers: Vec::new(),
            when: now(),
        };
        let repository = store.create(&RepositoryId::parse("w1").unwrap(), first).unwrap();
        let workspace = WorkspaceName::parse(workspace).unwrap();
        Self { _directory: directory, repository, facts: FactsCache::new(), workspace }
    }

    pub(super) fn request(&self, files: Vec<(RepoPath, Bytes)>) -> UploadRequest {
        UploadRequest {
            workspace: self.workspace.clone(),
            branch: BranchName::main(),
            files: files.into_iter().collect(),
            options: MergeOptions {
                mode: MergeMode::KeepUploaded,
                conflict: Conflict::Existing,
                prune_stale_slxs: true,
                prune_stale_resources: false,
                allow_mass_prune: false,
                build_date: None,
                now: now(),
            },
            author: author(),
            message: "Update from the builder".to_owned(),
            trailers: vec![("Upload-Id".to_owned(), "u1".to_owned())],
        }
    }

    pub(super) fn upload(&self, files: Vec<(RepoPath, Bytes)>) -> Result<UploadOutcome, UploadError> {
        apply_upload(&self.repository, &self.facts, self.request(files))
    }

    pub(super) fn head(&self) -> CommitId {
        self.repository.head(&BranchName::main()).unwrap().unwrap()
    }

    pub(super) fn edit(&self, path: &str, text: &str) {
        let (path, content) = file(path, text);
        self.change(&[(path, Edit::Write(content))].into());
    }

    /// Commits what people change.
    pub(super) fn change(&self, edits: &Edits) {
        let request = CommitRequest {
            branch: &BranchName::main(),
            base: Some(self.head()),
            edits,
            executable: None,
            merged: &[],
            records: &[],
            author: &author(),
            message: "Edit by hand",
            trailers: &[],
            when: now(),
        };
        assert!(matches!(self.repository.commit(&request).unwrap(), Outcome::Committed(_)));
    }

    /// Asserts that `slxs/` at the head holds exactly what the bundle has there.
    fn assert_slxs_are(&self, files: &[(RepoPath, Bytes)]) {
        let slxs = |tree: &dyn FileTree| -> Vec<_> {
            let files = tree.files().iter().filter(|(path, _)| path.as_str().starts_with("slxs/"));
            files.map(|(path, id)| (path.clone(), *id)).collect()
        };
        let bundle: MemoryTree = files.iter().cloned().collect();
        assert_eq!(slxs(&self.repository.snapshot(self.head()).unwrap()), slxs(&bundle));
    }
}

fn now() -> Timestamp {
    "2023-07-14T06:00:00Z".parse().unwrap()
}

fn problems(error: UploadError) -> Vec<String> {
    let UploadError::Invalid(problems) = error else { panic!("{error}") };
    problems.into_sorted().iter().map(ToString::to_string).collect()
}

#[test]
fn an_upload_is_one_commit_with_its_record_and_the_same_again_is_none() {
    let site = Site::new("demo");
    let bundle = Bundle::at("east").slxs(&["a", "b"]);
    let first = site.upload(bundle.files()).unwrap();
    assert!(first.committed);
    assert_eq!(first.commit, site.head());
    let again = site.upload(bundle.files()).unwrap();
    assert!(!again.committed);
    assert_eq!((again.commit, again.summary.counts.unchanged), (first.commit, 2));
    // The record tells what was edited, so it must have moved with the branch.
    site.edit("slxs/b/runbook.yaml", &bundle.files["slxs/b/runbook.yaml"].replace("v1", "mine"));
    let third = site.upload(Bundle::at("east").slx("a").files()).unwrap();
    assert_eq!(third.summary.pruned_kept[0].reason, KeptReason::Edited);
    assert!(!third.committed);
    site.edit("slxs/b/runbook.yaml", &bundle.files["slxs/b/runbook.yaml"]);
    assert_eq!(site.upload(Bundle::at("east").slx("a").files()).unwrap().summary.pruned, ["b"]);
}

#[test]
fn all_problems_are_told_at_once_and_nothing_changes() {
    let site = Site::new("demo");
    let before = site.head();
    let bundle = Bundle::at("east")
        .slx_as("a", "same", "v1")
        .slx_as("b", "same", "v1")
        .file("slxs/a/sli.yaml", "kind: [")
        .file(".github/workflows/x.yml", "x")
        .file(".workspace-builder-manifest.yaml", "x")
        .file("slxs/c/runbook.yaml", "x: 1");
    let error = site.upload(bundle.files()).unwrap_err();
    let found = problems(error).join("\n");
    for code in ["reserved_name", "yaml_syntax", "duplicate_full_slx_name", "slx_missing"] {
        assert!(found.contains(code), "{code} is missing in\n{found}");
    }
    assert_eq!(found.matches("reserved_name").count(), 2);
    assert_eq!(site.head(), before);
}

#[test]
fn a_bundle_for_another_workspace_is_refused() {
    let site = Site::new("other");
    let found = problems(site.upload(Bundle::at("east").slx("a").files()).unwrap_err());
    assert!(
        found.iter().any(|line| line.starts_with("workspace.yaml") && line.contains("wrong_workspace")),
        "{found:#?}"
    );
}

#[test]
fn a_bundle_without_workspace_yaml_is_refused() {
    let site = Site::new("demo");
    let mut bundle = Bundle::at("east").slx("a");
    bundle.has_no_workspace = true;
    let found = problems(site.upload(bundle.files()).unwrap_err());
    assert!(found[0].contains("workspace_missing"), "{found:#?}");
}

/// Regression: each of these once made a repository that `git fsck` refuses.
#[test]
fn files_that_git_reads_by_itself_are_refused_at_every_depth() {
    let site = Site::new("demo");
    for path in
        ["slxs/a/.gitmodules", "slxs/a/.gitattributes", "GITMOD~1", "docs/gi7eba~1", "docs/.gitmodules "]
    {
        let mut files = Bundle::at("east").slx("a").files();
        files.push(file(path, "[submodule \"../../x\"] url=-uhttp://x"));
        let found = problems(site.upload(files).unwrap_err());
        assert!(found[0].contains("reserved_name"), "{path}: {found:#?}");
    }
}

#[test]
fn an_empty_bundle_and_a_mass_prune_change_nothing() {
    let site = Site::new("demo");
    let names = ["a", "b", "c", "d", "e", "f", "g"];
    site.upload(Bundle::at("east").slxs(&names).files()).unwrap();
    let before = site.head();
    assert!(matches!(site.upload(Vec::new()), Err(UploadError::EmptyBundle)));
    assert!(matches!(site.upload(Bundle::at("east").files()), Err(UploadError::EmptyBundle)));
    let refused = site.upload(Bundle::at("east").slx("a").files());
    assert!(matches!(refused, Err(UploadError::PruneGuard { stale: 6, total: 7, .. })));
    assert_eq!(site.head(), before);
}

#[test]
fn two_uploads_and_an_edit_at_once_all_land() {
    let site = Site::new("demo");
    std::thread::scope(|scope| {
        let builders = ["east", "west", "north", "south"].map(|location| {
            let site = &site;
            scope.spawn(move || {
                for round in 0..3 {
                    let bundle = Bundle::at(location).slx(&format!("{location}-{round}")).slx(location);
                    let mut request = site.request(bundle.files());
                    request.options.prune_stale_slxs = false;
                    let outcome = loop {
                        match apply_upload(&site.repository, &site.facts, request.clone()) {
                            Err(UploadError::Busy) => {}
                            outcome => break outcome.unwrap(),
                        }
                    };
                    assert!(outcome.committed);
                }
            })
        });
        for builder in builders {
            builder.join().unwrap();
        }
    });
    let tree = site.repository.snapshot(site.head()).unwrap();
    let slxs = tree.files().keys().filter(|path| path.file_name() == "slx.yaml").count();
    assert_eq!(slxs, 16);
    let workspace = String::from_utf8(tree.read_path("workspace.yaml").unwrap().unwrap().to_vec()).unwrap();
    assert_eq!(workspace.matches("    - ").count(), 16, "{workspace}");
}

#[test]
fn real_bundles_leave_exactly_their_files_in_a_real_repository() {
    let (Some(first), Some(mut second)) = (corpus::bundle("medium-v1"), corpus::bundle("medium-v2")) else {
        return;
    };
    let site = Site::new("my-workspace");
    assert!(site.upload(first.clone()).unwrap().committed);
    site.assert_slxs_are(&first);
    let outcome = site.upload(second.clone()).unwrap();
    assert_eq!(outcome.summary.counts.pruned, 10);
    site.assert_slxs_are(&second);
    assert!(!site.upload(second.clone()).unwrap().committed);
    corpus::reorder(&mut second);
    assert!(!site.upload(second).unwrap().committed);
}
