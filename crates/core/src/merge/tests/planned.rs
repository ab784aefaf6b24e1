//! Plans say what uploads do, on the same random histories, in a real repository.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use proptest::prelude::*;

use super::bundle::Bundle;
use super::steps::{FEW_NAMES, Step, WIDE, history};
use super::world::{FRESH, World};
use crate::merge::Conflict;
use crate::name::{BranchName, WorkspaceName};
use crate::repository::{Author, CommitRequest, FirstCommit, Repository, RepositoryId, RepositoryStore};
use crate::tree::{Edit, Edits, FileTree};
use crate::upload::{FileAction, PlanLimits, UploadPlan, UploadRequest, apply_upload, plan_upload};

/// A world, and the repository that holds the same.
struct Twin {
    world: World,
    repository: Repository,
    _directory: tempfile::TempDir,
}

fn author() -> Author {
    Author { name: "Builder".to_owned(), email: "builder@example.com".to_owned() }
}

impl Twin {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut world = World::new();
        world.options.allow_mass_prune = true;
        assert_eq!(world.text("workspace.yaml"), FRESH);
        let edits = world.tree.files().iter();
        let first = FirstCommit {
            branch: BranchName::main(),
            edits: edits
                .map(|(path, id)| (path.clone(), Edit::Write(world.tree.read(*id).unwrap())))
                .collect(),
            author: author(),
            message: "Begin".to_owned(),
            trailers: Vec::new(),
            when: world.options.now,
        };
        let store = RepositoryStore::open(directory.path()).unwrap();
        let repository = store.create(&RepositoryId::parse("w1").unwrap(), first).unwrap();
        Self { world, repository, _directory: directory }
    }

    fn live(&mut self, step: Step) {
        match step {
            Step::Upload(upload) => {
                let options = &mut self.world.options;
                options.mode = upload.mode;
                options.conflict = upload.conflict;
                options.prune_stale_slxs = upload.prune_slxs;
                options.prune_stale_resources = upload.prune_resources;
                options.now += jiff::SignedDuration::from_hours(upload.hours);
                self.upload(&upload.bundle);
            }
            Step::People(act) => {
                act.happen(&mut self.world);
                self.commit_what_people_did();
            }
        }
    }

    /// Plans an upload, uploads it, and compares the two.
    fn upload(&mut self, bundle: &Bundle) {
        let mut request = UploadRequest {
            workspace: WorkspaceName::parse("demo").unwrap(),
            branch: BranchName::main(),
            files: bundle.files().into_iter().collect(),
            options: self.world.options.clone(),
            author: author(),
            message: "Upload".to_owned(),
            trailers: Vec::new(),
        };
        let before = self.repository.head(&BranchName::main()).unwrap().unwrap();
        let old = self.repository.snapshot(before).unwrap();
        let (disk, branches) =
            (files_below(self.repository.directory()), self.repository.branches().unwrap());
        let facts = &self.world.facts;
        let plan = plan_upload(&self.repository, facts, request.clone(), &PlanLimits::default());
        assert_eq!(files_below(self.repository.directory()), disk, "a plan writes");
        assert_eq!(self.repository.branches().unwrap(), branches);

        // What would be refused is shown as it is when the caller insists.
        if let Some(refusal) = plan.as_ref().ok().and_then(|plan| plan.refusal.as_ref()) {
            let refused = apply_upload(&self.repository, facts, request.clone()).unwrap_err();
            assert_eq!(refused.to_string(), refusal.to_string());
            self.world.options.conflict = Conflict::Existing;
            request.options.conflict = Conflict::Existing;
        }
        let done = apply_upload(&self.repository, facts, request);
        let (plan, done) = match (plan, done) {
            (Ok(plan), Ok(done)) => (plan, done),
            (Err(one), Err(other)) => return assert_eq!(one.to_string(), other.to_string()),
            (plan, done) => panic!("{plan:?} but {done:?}"),
        };
        let new = self.repository.snapshot(done.commit).unwrap();
        assert_eq!((plan.base, plan.tree), (Some(before), new.tree_id()));
        assert_eq!((plan.changes, &plan.summary), (done.committed, &done.summary));
        assert_files_are(&plan, &*old, &*new);
        assert_all_slxs_are_there(&plan);
        self.world.apply_tree(&bundle.tree()).unwrap();
        assert_eq!(self.world.tree.files(), new.files());
    }

    fn commit_what_people_did(&self) {
        let head = self.repository.head(&BranchName::main()).unwrap();
        let tree = self.repository.snapshot(head.unwrap()).unwrap();
        let removed = tree.files().keys().filter(|path| !self.world.tree.files().contains_key(*path));
        let mut edits: Edits = removed.map(|path| (path.clone(), Edit::Remove)).collect();
        for (path, id) in self.world.tree.files() {
            if tree.files().get(path) != Some(id) {
                edits.insert(path.clone(), Edit::Write(self.world.tree.read(*id).unwrap()));
            }
        }
        let request = CommitRequest {
            branch: &BranchName::main(),
            base: head,
            edits: &edits,
            executable: None,
            merged: &[],
            records: &[],
            author: &author(),
            message: "By hand",
            trailers: &[],
            when: self.world.options.now,
        };
        self.repository.commit(&request).unwrap();
    }
}

/// The plan names exactly the files that differ.
fn assert_files_are(plan: &UploadPlan, old: &dyn FileTree, new: &dyn FileTree) {
    let mut differing = BTreeMap::new();
    for path in old.files().keys().chain(new.files().keys()) {
        let action = match (old.files().get(path), new.files().get(path)) {
            (None, _) => FileAction::Added,
            (_, None) => FileAction::Removed,
            (one, other) if one != other => FileAction::Modified,
            _ => continue,
        };
        differing.insert(path.as_str().to_owned(), action);
    }
    let planned: BTreeMap<_, _> = plan.files.iter().map(|file| (file.path.clone(), file.action)).collect();
    assert_eq!(planned, differing);
    assert!(plan.files.iter().all(|file| file.diff.is_some() && file.diff_omitted.is_none()));
}

/// Every SLX of the summary stands in the plan, and no file of an SLX changes without it.
fn assert_all_slxs_are_there(plan: &UploadPlan) {
    let counts = &plan.counts;
    let summary = &plan.summary.counts;
    let left_out = plan.summary.conflicts.iter().filter(|conflict| conflict.path.is_none()).count();
    assert_eq!(
        (counts.added, counts.changed, counts.tombstoned, counts.pruned, counts.conflict),
        (summary.added, summary.changed, summary.tombstoned, summary.pruned, left_out)
    );
    assert_eq!(counts.kept, summary.kept + summary.pruned_kept);
    assert_eq!(counts.unchanged + counts.renamed, summary.unchanged);
    let renamed = plan.slxs.iter().filter(|slx| slx.uploaded_name.is_some()).count();
    assert_eq!(renamed, summary.renamed);
    let listed: BTreeSet<_> = plan.slxs.iter().map(|slx| slx.name.as_str()).collect();
    for file in &plan.files {
        if let Some(slx) = &file.slx {
            // What was left where an SLX comes in another spelling goes with no SLX of its own.
            let is_known = listed.contains(slx.as_str());
            assert!(is_known || file.action == FileAction::Removed, "{slx} is missing in {:#?}", plan.slxs);
        }
    }
}

fn files_below(directory: &Path) -> BTreeMap<String, u64> {
    let mut files = BTreeMap::new();
    for entry in fs_err::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            files.extend(files_below(&entry.path()));
        } else {
            files.insert(entry.path().display().to_string(), entry.metadata().unwrap().len());
        }
    }
    files
}

proptest! {
    // Each case is some real commits.
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_upload_does_what_its_plan_says_and_the_plan_writes_nothing(
        steps in prop_oneof![history(WIDE, 8), history(FEW_NAMES, 8)],
    ) {
        let mut twin = Twin::new();
        for step in steps {
            twin.live(step);
        }
    }
}
