//! Laws of merging, on random repositories, bundles and people.
//!
//! Every merge in these tests also proves what `World::apply_tree` asserts: the result passes the check,
//! every uploaded SLX is accounted for once, and the same upload again changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::bundle::Bundle;
use super::steps;
use super::steps::{FEW_NAMES, Step, Upload, WIDE, act, history};
use super::world::{World, left_out};
use crate::merge::{Conflict, MergeError, MergeMode, MergePlan};
use crate::model::{Manifest, slx_directory};
use crate::oid::BlobId;
use crate::path::{RepoPath, fold};
use crate::tree::{Edit, FileTree, MemoryTree};

/// What uploads ever wrote at each path, by their location.
type Written = BTreeMap<(Option<String>, RepoPath), BTreeSet<BlobId>>;

/// What a history has shown so far.
#[derive(Debug, Default)]
struct Seen {
    written: Written,
    /// Identities that stood in a group after some upload, by its location.
    grouped: BTreeSet<(Option<String>, String)>,
}

fn live(world: &mut World, step: Step, seen: &mut Seen) {
    match step {
        Step::Upload(Upload { bundle, mode, conflict, prune_slxs, prune_resources, hours }) => {
            world.options.mode = mode;
            world.options.prune_stale_slxs = prune_slxs;
            world.options.prune_stale_resources = prune_resources;
            world.options.now += jiff::SignedDuration::from_hours(hours);
            world.options.conflict = conflict;
            refuse_conflicts(world, &bundle);
            upload(world, &bundle, seen);
        }
        Step::People(act) => act.happen(world),
    }
}

/// What is to be refused for its conflicts is, and else has none; it comes in with the repository's values then.
fn refuse_conflicts(world: &mut World, bundle: &Bundle) {
    if world.options.conflict != Conflict::Fail {
        return;
    }
    let plan = world.plan(bundle);
    world.options.conflict = Conflict::Existing;
    let kept = world.plan(bundle).unwrap();
    match plan {
        Ok(plan) => assert_eq!(plan.edits, kept.edits),
        Err(MergeError::Conflicts { conflicts, total }) => {
            let of_files = kept.summary.conflicts.iter().filter(|conflict| conflict.path.is_some());
            assert_eq!((conflicts.len(), total), (of_files.count(), conflicts.len()));
            assert!(total > 0 && world.options.mode == MergeMode::ThreeWay);
        }
        Err(error) => panic!("{error}"),
    }
}

fn upload(world: &mut World, bundle: &Bundle, seen: &mut Seen) {
    let before = world.clone();
    let tree = bundle.tree();
    let mut reordered = bundle.clone();
    reordered.groups.reverse();
    reordered.groups.iter_mut().for_each(|(_, members)| members.reverse());
    reordered.relationships.reverse();
    let other = world.plan(&reordered).unwrap();
    let plan = world.apply_tree(&tree).unwrap();
    let edits = |plan: &MergePlan| (plan.edits.clone(), plan.record_edits.clone());
    assert_eq!(edits(&plan), edits(&other), "the order of the upload's groups plays a part");
    let again = world.plan(&reordered).unwrap();
    assert_eq!(edits(&again), Default::default(), "another order changes something");
    let written = &mut seen.written;
    assert_removals_are_the_builders_own(&before, bundle, &plan, written);
    match before.options.mode {
        MergeMode::KeepExisting => assert_existing_files_are_kept(&before, &plan),
        MergeMode::KeepUploaded => assert_uploaded_files_are_there(world, &tree, &plan),
        MergeMode::ThreeWay => assert_nothing_is_made_up(&before, &tree, &plan, world),
    }
    assert_manifest_is_right(&before, world);
    assert_replaced_are_the_builders_own(&before, bundle, world, written);
    let called = Called::before(&before, &tree);
    assert_groups_are_kept(&before, &called, world);
    assert_relationships_are_kept(&before, world);
    assert_eq!(before.config().permissions, world.config().permissions);
    for (path, id) in tree.files() {
        written.entry((bundle.location.clone(), path.clone())).or_default().insert(*id);
    }
    let is_here = |location: &Option<String>| *location == bundle.location;
    let (old, new) = (before.manifest(), world.manifest());
    seen.grouped.retain(|(_, identity)| [&old, &new].iter().all(|known| known.slxs.contains_key(identity)));
    for (_, identity) in seen.grouped.iter().filter(|(location, _)| is_here(location)) {
        assert_taken_out_stays_out(&before, &called, world, identity);
    }
    let standing = new.slxs.iter().filter(|(_, name)| !world.groups_of(&[name]).is_empty());
    seen.grouped.extend(standing.map(|(identity, _)| (bundle.location.clone(), identity.clone())));
}

fn assert_removals_are_the_builders_own(
    before: &World,
    bundle: &Bundle,
    plan: &MergePlan,
    written: &Written,
) {
    let removed = plan.edits.iter().filter(|(_, edit)| matches!(edit, Edit::Remove)).map(|(path, _)| path);
    for path in removed {
        let here = (bundle.location.clone(), path.clone());
        let content = before.tree.files()[path];
        assert!(written.get(&here).is_some_and(|ids| ids.contains(&content)), "{path} is people's");
        if let Some((directory, _)) = slx_directory(path) {
            // An SLX that stays may have become this location's by this very upload.
            let slx = format!("slxs/{directory}/slx.yaml");
            let content = match plan.edits.get(slx.as_str()) {
                Some(Edit::Write(content)) => content.clone(),
                _ => before.tree.read_path(&slx).unwrap().unwrap(),
            };
            let facts = before.facts.slx(BlobId::of(&content), || Ok(content)).unwrap();
            assert_eq!(facts.location, bundle.location, "{path} is another location's");
        }
    }
}

/// With keepexisting, only whole SLXs are replaced, and only by another identity.
fn assert_existing_files_are_kept(before: &World, plan: &MergePlan) {
    for (path, edit) in &plan.edits {
        let is_own = matches!(path.as_str(), "workspace.yaml" | ".workspace-builder-manifest.yaml");
        if is_own || !before.tree.files().contains_key(path) || matches!(edit, Edit::Remove) {
            continue;
        }
        let (directory, _) = slx_directory(path).expect("a file outside of SLXs was altered");
        assert!(plan.summary.changed.iter().any(|name| name == directory), "{path} was altered");
        let facts = |content: &bytes::Bytes| {
            crate::model::SlxFacts::read(&crate::yaml::parse(std::str::from_utf8(content).unwrap()).unwrap())
        };
        let slx = format!("slxs/{directory}/slx.yaml");
        let old = facts(&before.tree.read_path(&slx).unwrap().unwrap());
        let Some(Edit::Write(new)) = plan.edits.get(slx.as_str()) else { panic!("{slx} stays") };
        assert_ne!(old.identity(directory), facts(new).identity(directory));
    }
}

/// With keepuploaded, what keeps its name has exactly the uploaded files.
fn assert_uploaded_files_are_there(after: &World, tree: &MemoryTree, plan: &MergePlan) {
    let summary = &plan.summary;
    let left_out: BTreeSet<&String> = summary
        .tombstoned
        .iter()
        .chain(left_out(summary))
        .chain(summary.renamed.iter().map(|renamed| &renamed.uploaded_name))
        .collect();
    for (path, id) in tree.files() {
        if let Some((directory, rest)) = slx_directory(path)
            && !left_out.contains(&directory.to_owned())
            && rest != "notes.md"
        {
            assert_eq!(after.tree.files().get(path), Some(id), "{path}");
        }
    }
}

/// With threeway, whatever is written stood in the repository or in the upload, but for names.
fn assert_nothing_is_made_up(before: &World, upload: &MemoryTree, plan: &MergePlan, after: &World) {
    let uploaded_names: BTreeMap<&str, &str> =
        plan.summary.renamed.iter().map(|it| (it.name.as_str(), it.uploaded_name.as_str())).collect();
    for (path, edit) in &plan.edits {
        let Edit::Write(content) = edit else { continue };
        if matches!(path.as_str(), "workspace.yaml" | ".workspace-builder-manifest.yaml") {
            continue;
        }
        let source = match slx_directory(path) {
            Some((directory, rest)) => {
                format!("slxs/{}/{rest}", uploaded_names.get(directory).unwrap_or(&directory))
            }
            None => path.as_str().to_owned(),
        };
        let is_meant = |(known, _): &(&RepoPath, &BlobId)| fold(known.as_str()) == fold(&source);
        let (_, uploaded) = upload.files().iter().find(is_meant).expect("a written file was uploaded");
        let uploaded = upload.read(*uploaded).unwrap();
        if *content == uploaded {
            continue;
        }
        let existing = before.tree.read_path(path.as_str()).unwrap().unwrap_or_default();
        let known = [&existing, &uploaded].map(leaves).concat();
        for leaf in leaves(content) {
            let is_name = after.slxs().iter().any(|name| leaf.ends_with(&format!("{name}\"")));
            assert!(is_name || known.contains(&leaf), "{path}: {leaf} came from nowhere");
        }
    }
}

/// Returns all scalars of a YAML file.
fn leaves(content: &bytes::Bytes) -> Vec<String> {
    fn collect(value: &serde_json::Value, leaves: &mut Vec<String>) {
        match value {
            serde_json::Value::Array(items) => items.iter().for_each(|item| collect(item, leaves)),
            serde_json::Value::Object(members) => members.values().for_each(|value| collect(value, leaves)),
            scalar => leaves.push(scalar.to_string()),
        }
    }
    let mut leaves = Vec::new();
    if let Ok(root) = crate::yaml::parse(std::str::from_utf8(content).unwrap()) {
        collect(&root.to_json(), &mut leaves);
    }
    leaves
}

/// The manifest says what is there, and what people deleted stays deleted.
fn assert_manifest_is_right(before: &World, after: &World) {
    let (old, new) = (before.manifest(), after.manifest());
    let (had, has) = (before.identities(), after.identities());
    for (identity, name) in &new.slxs {
        assert_eq!(has.get(name), Some(identity), "{name} is not there");
    }
    let is_in =
        |slxs: &BTreeMap<String, String>, identity: &String| slxs.values().any(|known| known == identity);
    for identity in old.slxs.keys().chain(old.tombstones.keys()).filter(|identity| !is_in(&had, identity)) {
        assert!(!is_in(&has, identity), "{identity} was brought back");
        assert!(new.tombstones.contains_key(identity), "{identity} is forgotten");
    }
}

/// Whatever changes its identity was the builder's own in all its files.
fn assert_replaced_are_the_builders_own(before: &World, bundle: &Bundle, after: &World, written: &Written) {
    let has = after.identities();
    let is_replaced = |(name, identity): &(String, String)| has.get(name).is_some_and(|now| now != identity);
    for (name, _) in before.identities().into_iter().filter(is_replaced) {
        for path in before.paths_of(&name) {
            let content = before.tree.files()[&path];
            let here = written.get(&(bundle.location.clone(), path.clone()));
            assert!(here.is_some_and(|ids| ids.contains(&content)), "{path} was people's");
        }
    }
}

/// How SLXs may have been called before an upload.
struct Called {
    /// Identities of the repository's SLXs by name.
    had: BTreeMap<String, String>,
    /// Identities of the uploaded SLXs by name.
    uploaded: BTreeMap<String, String>,
    manifest: Manifest,
}

impl Called {
    fn before(world: &World, upload: &MemoryTree) -> Self {
        let (had, uploaded) = (world.identities(), world.identities_of(upload));
        Self { had, uploaded, manifest: world.manifest() }
    }

    /// Returns what may have meant the SLX of this name and identity, rightly or not.
    fn names_of<'n>(&'n self, name: &'n str, identity: &str) -> Vec<&'n str> {
        let uploaded = self.uploaded.iter().filter(|(_, other)| *other == identity).map(|(name, _)| name);
        let spelled = self.had.keys().filter(|other| fold(other) == fold(name));
        let known = self.manifest.slxs.get(identity).into_iter();
        known.chain(uploaded).chain(spelled).map(String::as_str).chain([name]).collect()
    }

    fn is_known(&self, name: &str) -> bool {
        self.had.contains_key(name)
            || self.manifest.slxs.values().any(|known| known == name)
            || self.uploaded.keys().any(|known| fold(known) == fold(name))
    }
}

/// What stands in groups stays in them and joins no other; what nobody knows is people's business.
fn assert_groups_are_kept(before: &World, called: &Called, after: &World) {
    for (name, identity) in after.identities() {
        let (stood, stands) = (before.groups_of(&[&name]), after.groups_of(&[&name]));
        if !stood.is_empty() && called.had.contains_key(&name) {
            assert!(stood.is_subset(&stands), "{name} left one of {stood:?}");
            let stood = before.groups_of(&called.names_of(&name, &identity));
            assert!(stands.is_subset(&stood), "{name} joined one of {stands:?}");
        }
    }
    for (group, members) in before.config().slx_groups {
        for member in members.slxs.iter().filter(|member| !called.is_known(member)) {
            assert!(after.groups_of(&[member]).contains(&group), "{member} was taken out of {group}");
        }
    }
}

/// What once stood in a group and then in none was taken out by people.
fn assert_taken_out_stays_out(before: &World, called: &Called, after: &World, identity: &str) {
    for (name, _) in after.identities().iter().filter(|(name, other)| {
        *other == identity && called.had.get(*name).is_some_and(|had| had == identity)
    }) {
        if before.groups_of(&called.names_of(name, identity)).is_empty() {
            assert!(after.groups_of(&[name]).is_empty(), "{name} was brought back into a group");
        }
    }
}

/// Relationships between SLXs that are still there stay, and in their order.
fn assert_relationships_are_kept(before: &World, after: &World) {
    let (had, has) = (before.identities(), after.identities());
    let is_there = |name: &String| had.contains_key(name) && has.contains_key(name);
    let all = after.config().slx_relationships;
    let mut rest = all.iter();
    for old in before.config().slx_relationships {
        if is_there(&old.subject) && is_there(&old.object) {
            assert!(rest.any(|new| *new == old), "{old:?} is gone");
        }
    }
}

/// Few cases, for every run of the tests, unless `PROPTEST_CASES` and its like ask for a longer search.
fn config() -> ProptestConfig {
    let is_asked_for = |name: &str| std::env::var_os(name).is_some();
    let mut config = ProptestConfig::default();
    if !is_asked_for("PROPTEST_CASES") {
        config.cases = 96;
    }
    if !is_asked_for("PROPTEST_MAX_SHRINK_ITERS") {
        config.max_shrink_iters = 2000;
    }
    config
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn merges_keep_their_laws_whatever_builders_and_people_do(steps in history(WIDE, 8)) {
        live_through(steps);
    }

    #[test]
    fn merges_keep_their_laws_when_few_names_move_onto_each_other(steps in history(FEW_NAMES, 8)) {
        live_through(steps);
    }
}

proptest! {
    #![proptest_config(config())]

    /// Rule 7: where people changed nothing, the mode takes what was uploaded.
    #[test]
    fn threeway_takes_all_where_people_changed_nothing(bundles in prop::collection::vec(steps::bundle(FEW_NAMES), 2)) {
        let [joined, taken] = [MergeMode::ThreeWay, MergeMode::KeepUploaded].map(|mode| {
            let mut world = World::new();
            world.options.mode = mode;
            world.options.conflict = Conflict::Fail;
            for bundle in &bundles {
                world.upload(bundle);
            }
            world.tree
        });
        prop_assert_eq!(joined.files(), taken.files());
    }

    /// Rule 7: where the builder changed nothing, the mode leaves what people did.
    #[test]
    fn threeway_leaves_all_where_the_builder_changed_nothing(
        steps in history(WIDE, 5),
        bundle in steps::bundle(WIDE),
        acts in prop::collection::vec(act(WIDE), 0..6),
    ) {
        let mut world = live_through(steps);
        world.options.mode = MergeMode::ThreeWay;
        world.options.conflict = Conflict::Existing;
        world.options.prune_stale_slxs = false;
        world.options.prune_stale_resources = false;
        let first = world.upload(&bundle).summary;
        // What was left out has no base, should people make one of the same identity.
        prop_assume!(first.tombstoned.is_empty() && left_out(&first).count() == 0);
        for act in acts {
            act.happen(&mut world);
        }
        prop_assume!(world.has(".workspace-builder-manifest.yaml"));
        let before = world.clone();
        let plan = world.upload(&bundle);
        prop_assert!(plan.summary.conflicts.iter().all(|it| it.path.is_none()), "{:#?}", plan.summary);
        let (had, has) = (before.identities(), world.identities());
        for path in plan.edits.keys().filter(|path| before.has(path.as_str())) {
            let directory = slx_directory(path).map(|(directory, _)| directory.to_owned());
            // Only what the builder itself had put in another one's place before may be replaced.
            let is_replaced = directory.is_some_and(|it| had.get(&it) != has.get(&it));
            let follows_names = path.as_str().starts_with("work") || path.as_str().starts_with(".work");
            prop_assert!(is_replaced || follows_names, "{path}: {:#?}", plan.edits);
        }
    }
}

fn live_through(steps: Vec<Step>) -> World {
    let mut world = World::new();
    world.options.allow_mass_prune = true;
    let mut seen = Seen::default();
    for step in steps {
        live(&mut world, step, &mut seen);
    }
    world
}
