//! A repository with its records, on which uploads and people work in turn.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::bundle::{Bundle, file};
use crate::check::check_tree;
use crate::merge::{
    Conflict, Manifest, MergeError, MergeInput, MergeMode, MergeOptions, MergePlan, MergeSummary, merge,
    upload_record,
};
use crate::model::{FactsCache, slx_directory};
use crate::name::WorkspaceName;
use crate::path::RepoPath;
use crate::repository::RecordName;
use crate::tree::{Edit, FileTree, MemoryTree};
use crate::workspace_file::{WorkspaceConfig, WorkspaceFile, edit_workspace};

pub(crate) const KEEP_EXISTING: MergeMode = MergeMode::KeepExisting;
pub(crate) const KEEP_UPLOADED: MergeMode = MergeMode::KeepUploaded;

/// The `workspace.yaml` of a workspace that was just made.
pub(crate) const FRESH: &str = "# The configuration of demo\napiVersion: runwhen.com/v1\nkind: Workspace\nmetadata:\n  name: demo\nspec:\n  displayName: Demo # for people\n  permissions:\n  - user: owner@example.com\n    role: admin\n";

#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) tree: MemoryTree,
    pub(crate) records: BTreeMap<RecordName, MemoryTree>,
    pub(crate) facts: FactsCache,
    pub(crate) options: MergeOptions,
    pub(crate) workspace: WorkspaceName,
}

impl World {
    /// Makes a workspace; uploads keep what exists and prune nothing until told otherwise.
    pub(crate) fn new() -> Self {
        let tree = [file("workspace.yaml", FRESH), file("README.md", "# demo\n")].into_iter().collect();
        Self {
            tree,
            records: BTreeMap::new(),
            facts: FactsCache::new(),
            options: MergeOptions {
                mode: KEEP_EXISTING,
                conflict: Conflict::Existing,
                prune_stale_slxs: false,
                prune_stale_resources: false,
                allow_mass_prune: false,
                build_date: None,
                now: "2023-07-14T06:00:00Z".parse().unwrap(),
            },
            workspace: WorkspaceName::parse("demo").unwrap(),
        }
    }

    pub(crate) fn keeping_uploaded() -> Self {
        let mut world = Self::new();
        world.options.mode = KEEP_UPLOADED;
        world
    }

    /// Keeps uploaded content and prunes SLXs, which is what the builder asks for.
    pub(crate) fn pruning() -> Self {
        let mut world = Self::keeping_uploaded();
        world.options.prune_stale_slxs = true;
        world
    }

    pub(crate) fn at(mut self, now: &str) -> Self {
        self.options.now = now.parse::<Timestamp>().unwrap();
        self
    }

    pub(crate) fn plan_tree(&self, upload: &MemoryTree) -> Result<MergePlan, MergeError> {
        let nothing = MemoryTree::new();
        let record = self.records.get(&upload_record(upload, &self.facts)?).unwrap_or(&nothing);
        merge(&MergeInput {
            workspace: &self.workspace,
            repository: &self.tree,
            record,
            upload,
            options: &self.options,
            facts: &self.facts,
        })
    }

    pub(crate) fn plan(&self, bundle: &Bundle) -> Result<MergePlan, MergeError> {
        self.plan_tree(&bundle.tree())
    }

    /// Merges and applies, and checks the laws that hold for every merge.
    pub(crate) fn apply_tree(&mut self, upload: &MemoryTree) -> Result<MergePlan, MergeError> {
        let plan = self.plan_tree(upload)?;
        let was_acceptable = self.is_acceptable(&self.tree) && self.is_acceptable(upload);
        self.tree.apply(&plan.edits);
        let record = self.records.entry(plan.record_name.clone()).or_default();
        record.apply(&plan.record_edits);
        for (path, edit) in &plan.record_edits {
            if let Edit::Link(id) = edit {
                let content = self.tree.read(*id).expect("the record links what the branch holds");
                record.insert(path.clone(), content);
            }
        }
        if was_acceptable {
            assert!(self.is_acceptable(&self.tree), "{:#?}", self.problems(&self.tree));
        }
        assert_accounted_for(upload, &plan.summary);
        let again = self.plan_tree(upload)?;
        assert!(again.edits.is_empty(), "a second merge changes {:#?}", again.edits);
        assert!(again.record_edits.is_empty(), "a second merge records {:#?}", again.record_edits);
        // Every tombstone of an uploaded SLX says now, so that none is due so soon.
        if !plan.edits.is_empty() {
            let mut later = self.clone();
            later.options.now += SignedDuration::from_hours(1);
            later.options.build_date = Some("later".to_owned());
            let later = later.plan_tree(upload)?;
            assert!(later.edits.is_empty(), "an hour later a merge changes {:#?}", later.edits);
        }
        Ok(plan)
    }

    pub(crate) fn upload(&mut self, bundle: &Bundle) -> MergePlan {
        self.apply_tree(&bundle.tree()).unwrap()
    }

    fn problems(&self, tree: &MemoryTree) -> Vec<crate::problem::Problem> {
        check_tree(&self.workspace, tree, None, &self.facts).unwrap().into_sorted()
    }

    pub(crate) fn is_acceptable(&self, tree: &MemoryTree) -> bool {
        check_tree(&self.workspace, tree, None, &self.facts).unwrap().is_acceptable()
    }

    // What people do.

    pub(crate) fn write(&mut self, path: &str, text: &str) {
        let (path, content) = file(path, text);
        self.tree.insert(path, content);
    }

    pub(crate) fn replace(&mut self, path: &str, from: &str, to: &str) {
        let text = self.text(path);
        assert!(text.contains(from), "{path} holds no {from:?}:\n{text}");
        self.write(path, &text.replace(from, to));
    }

    pub(crate) fn remove(&mut self, path: &str) {
        assert!(self.has(path));
        let edits = [(RepoPath::parse(path).unwrap(), Edit::Remove)].into();
        self.tree.apply(&edits);
    }

    pub(crate) fn paths_of(&self, slx: &str) -> Vec<RepoPath> {
        let of = |path: &&RepoPath| slx_directory(path).is_some_and(|(directory, _)| directory == slx);
        self.tree.files().keys().filter(of).cloned().collect()
    }

    pub(crate) fn remove_slx(&mut self, slx: &str) {
        let paths = self.paths_of(slx);
        assert!(!paths.is_empty());
        for path in paths {
            self.remove(path.as_str());
        }
    }

    /// Renames an SLX as people do: its directory and the names in its files.
    pub(crate) fn rename_slx(&mut self, from: &str, to: &str) {
        for path in self.paths_of(from) {
            let text = self.text(path.as_str()).replace(&format!("demo--{from}\n"), &format!("demo--{to}\n"));
            let (_, rest) = slx_directory(&path).unwrap();
            let (rest, path) = (rest.to_owned(), path.as_str().to_owned());
            self.remove(&path);
            self.write(&format!("slxs/{to}/{rest}"), &text);
        }
    }

    /// Copies an SLX as people do: under another name, but with the same identity.
    pub(crate) fn copy_slx(&mut self, from: &str, to: &str) {
        let original = self.tree.clone();
        self.rename_slx(from, to);
        for (path, id) in original.files() {
            if slx_directory(path).is_some_and(|(directory, _)| directory == from) {
                self.tree.insert(path.clone(), original.read(*id).unwrap());
            }
        }
    }

    /// Changes the configuration in `workspace.yaml`.
    pub(crate) fn configure(&mut self, change: impl FnOnce(&mut WorkspaceConfig)) {
        let mut config = self.config();
        change(&mut config);
        let text = edit_workspace(&self.text("workspace.yaml"), &config).unwrap();
        self.write("workspace.yaml", &text);
    }

    // What there is to see.

    pub(crate) fn text(&self, path: &str) -> String {
        let content = self.tree.read_path(path).unwrap().unwrap_or_else(|| panic!("there is no {path}"));
        String::from_utf8(content.to_vec()).unwrap()
    }

    pub(crate) fn has(&self, path: &str) -> bool {
        self.tree.files().contains_key(path)
    }

    /// Returns the names of all SLXs.
    pub(crate) fn slxs(&self) -> Vec<String> {
        let names = self.tree.files().keys().filter_map(slx_directory).map(|(name, _)| name.to_owned());
        names.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Returns the identities of all SLXs by name.
    pub(crate) fn identities(&self) -> BTreeMap<String, String> {
        self.identities_of(&self.tree)
    }

    /// Returns the identities of all SLXs of another tree by name.
    pub(crate) fn identities_of(&self, tree: &MemoryTree) -> BTreeMap<String, String> {
        let slxs = tree.files().iter().filter_map(|(path, id)| Some((slx_directory(path)?, *id)));
        slxs.filter(|((_, rest), _)| *rest == "slx.yaml")
            .map(|((name, _), id)| {
                let facts = self.facts.slx(id, || tree.read(id)).unwrap();
                (name.to_owned(), facts.identity(name).to_owned())
            })
            .collect()
    }

    /// Returns the manifest, an empty one if there is none.
    pub(crate) fn manifest(&self) -> Manifest {
        const MANIFEST: &str = ".workspace-builder-manifest.yaml";
        if self.has(MANIFEST) { Manifest::read(&self.text(MANIFEST)).unwrap() } else { Manifest::default() }
    }

    /// Returns the groups that have one of these members.
    pub(crate) fn groups_of(&self, members: &[&str]) -> BTreeSet<String> {
        let groups = self.config().slx_groups.into_iter();
        let of =
            groups.filter(|(_, group)| group.slxs.iter().any(|member| members.contains(&member.as_str())));
        of.map(|(name, _)| name).collect()
    }

    pub(crate) fn config(&self) -> WorkspaceConfig {
        WorkspaceFile::read(&self.text("workspace.yaml")).unwrap().config
    }

    /// Returns the groups as `name: member member`.
    pub(crate) fn groups(&self) -> Vec<String> {
        let show = |(name, group): (&String, &crate::workspace_file::SlxGroup)| {
            format!("{name}: {}", group.slxs.join(" "))
        };
        self.config().slx_groups.iter().map(show).collect()
    }

    pub(crate) fn relationships(&self) -> Vec<String> {
        let show = |r: &crate::workspace_file::Relationship| format!("{} {} {}", r.subject, r.verb, r.object);
        self.config().slx_relationships.iter().map(show).collect()
    }
}

/// Every uploaded SLX stands in exactly one list of the summary, or is counted as unchanged.
fn assert_accounted_for(upload: &MemoryTree, summary: &MergeSummary) {
    let uploaded: BTreeSet<&str> = upload
        .files()
        .keys()
        .filter(|p| p.file_name() == "slx.yaml")
        .filter_map(slx_directory)
        .map(|(name, _)| name)
        .collect();
    let counts = &summary.counts;
    let in_conflict = left_out(summary).count();
    let listed =
        counts.added + counts.changed + counts.unchanged + counts.kept + counts.tombstoned + in_conflict;
    assert_eq!((counts.uploaded, listed), (uploaded.len(), uploaded.len()), "{summary:#?}");
    let renamed = |name: &str| {
        let found = summary.renamed.iter().find(|renamed| renamed.name == name);
        found.map_or_else(|| name.to_owned(), |renamed| renamed.uploaded_name.clone())
    };
    let in_repository =
        [&summary.added, &summary.changed, &summary.kept].into_iter().flatten().map(|name| renamed(name));
    let left_out = summary.tombstoned.iter().chain(left_out(summary)).cloned();
    let names: Vec<String> = in_repository.chain(left_out).collect();
    let distinct: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(names.len(), distinct.len(), "one SLX is listed twice: {summary:#?}");
    assert!(distinct.is_subset(&uploaded), "{summary:#?}");
}

/// Returns the names of the uploaded SLXs that a conflict left out.
pub(crate) fn left_out(summary: &MergeSummary) -> impl Iterator<Item = &String> {
    summary.conflicts.iter().filter(|conflict| conflict.path.is_none()).map(|conflict| &conflict.name)
}
