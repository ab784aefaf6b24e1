//! Real bundles of the real builder, when they lie beside the project.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::world::World;
use crate::merge::MergeMode;
use crate::model::slx_directory;
use crate::name::WorkspaceName;
use crate::path::RepoPath;
use crate::tree::{FileTree, MemoryTree};
use crate::yaml::{self, Editor};

/// Unpacks a real bundle, or nothing when there are none here.
pub(crate) fn bundle(name: &str) -> Option<Vec<(RepoPath, Bytes)>> {
    let root: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let file = fs_err::File::open(root.join(name).join("bundle.tar.gz")).ok()?;
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
    let mut files = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        if entry.header().entry_type().is_file() {
            let path = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            files.push((RepoPath::parse(path.trim_start_matches("./")).unwrap(), content.into()));
        }
    }
    Some(files)
}

/// Reverses the order of groups and of their members.
pub(crate) fn reorder(files: &mut [(RepoPath, Bytes)]) {
    let (_, content) = files.iter_mut().find(|(path, _)| path.as_str() == "workspace.yaml").unwrap();
    let text = String::from_utf8(content.to_vec()).unwrap();
    let (head, groups) = text.split_once("  slxGroups:\n").unwrap();
    let mut blocks: Vec<String> = Vec::new();
    for group in groups.split("  - name: ").skip(1).collect::<Vec<_>>().into_iter().rev() {
        let (name, members) = group.split_once("    slxs:\n").unwrap();
        let mut members: Vec<&str> = members.lines().collect();
        members.reverse();
        blocks.push(format!("  - name: {name}    slxs:\n{}\n", members.join("\n")));
    }
    *content = format!("{head}  slxGroups:\n{}", blocks.concat()).into();
}

fn my_workspace() -> World {
    let mut world = World::pruning();
    world.workspace = WorkspaceName::parse("my-workspace").unwrap();
    world.replace("workspace.yaml", "name: demo", "name: my-workspace");
    world
}

fn tree(files: &[(RepoPath, Bytes)]) -> MemoryTree {
    files.iter().cloned().collect()
}

/// Asserts that `slxs/` holds exactly what the bundle has there.
fn assert_slxs_are(world: &World, bundle: &MemoryTree) {
    let slxs = |tree: &MemoryTree| {
        let files = tree.files().iter().filter(|(path, _)| path.as_str().starts_with("slxs/"));
        files.map(|(path, id)| (path.clone(), *id)).collect::<Vec<_>>()
    };
    assert_eq!(slxs(&world.tree), slxs(bundle));
}

#[test]
fn the_second_run_of_a_real_builder_leaves_exactly_its_files() {
    let (Some(first), Some(mut second)) = (bundle("medium-v1"), bundle("medium-v2")) else { return };
    let mut world = my_workspace();
    let plan = world.apply_tree(&tree(&first)).unwrap();
    assert_eq!(plan.summary.counts.added, 530);
    assert_slxs_are(&world, &tree(&first));
    let plan = world.apply_tree(&tree(&second)).unwrap();
    let counts = plan.summary.counts;
    assert_eq!((counts.added, counts.changed, counts.pruned, counts.pruned_kept), (11, 31, 10, 0));
    assert_slxs_are(&world, &tree(&second));
    reorder(&mut second);
    assert!(world.apply_tree(&tree(&second)).unwrap().edits.is_empty());
}

#[test]
fn bundles_of_two_locations_are_both_kept() {
    let (Some(one), Some(two)) = (bundle("small"), bundle("small-location2")) else { return };
    let mut world = my_workspace();
    world.apply_tree(&tree(&one)).unwrap();
    world.apply_tree(&tree(&two)).unwrap();
    assert_eq!(world.slxs().len(), 24);
    for bundle in [&one, &two] {
        assert!(world.apply_tree(&tree(bundle)).unwrap().edits.is_empty());
    }
}

#[test]
fn every_real_bundle_merges_and_is_no_change_the_second_time() {
    for name in ["small", "small-extras", "small-disk", "longnames", "medium-v1"] {
        let Some(files) = bundle(name) else { return };
        let plan = my_workspace().apply_tree(&tree(&files)).unwrap();
        assert!(plan.summary.conflicts.is_empty(), "{name}");
        assert_eq!(plan.summary.warnings, Vec::<String>::new(), "{name}");
    }
}

#[test]
fn stale_resources_of_a_real_builder_go() {
    let (Some(extras), Some(small)) = (bundle("small-extras"), bundle("small")) else { return };
    let mut world = my_workspace();
    world.options.prune_stale_resources = true;
    world.apply_tree(&tree(&extras)).unwrap();
    assert!(world.has("fallback-outputs/unknown-note.yaml"));
    world.apply_tree(&tree(&small)).unwrap();
    assert_slxs_are(&world, &tree(&small));
    let workflows = world.tree.files().keys().filter(|path| path.as_str().starts_with("workflows/")).count();
    assert_eq!(workflows, 0);
}

#[test]
fn what_people_changed_in_every_slx_survives_the_second_run_of_a_real_builder() {
    let (Some(first), Some(second)) = (bundle("medium-v1"), bundle("medium-v2")) else { return };
    let mut world = my_workspace();
    world.options.mode = MergeMode::ThreeWay;
    world.apply_tree(&tree(&first)).unwrap();
    for name in world.slxs() {
        let path = format!("slxs/{name}/slx.yaml");
        let text = format!("# by people\n{}", world.text(&path));
        let edited = Editor::new(&text).unwrap().set(&["spec", "alias"], &"ours".into()).finish().unwrap();
        world.write(&path, &edited);
    }
    let summary = world.apply_tree(&tree(&second)).unwrap().summary;
    assert_eq!((summary.counts.added, summary.counts.pruned, summary.counts.pruned_kept), (11, 0, 10));
    assert!(summary.counts.changed > 0);
    assert!(summary.conflicts.iter().all(|it| it.field.as_deref() == Some("/spec/alias")), "{summary:#?}");
    let is_new =
        |path| slx_directory(path).is_some_and(|(name, _)| summary.added.iter().any(|it| it == name));
    for (path, content) in &second {
        if path.file_name() == "slx.yaml" && !is_new(path) {
            let text = world.text(path.as_str());
            let [mut joined, uploaded] = [text.as_bytes(), content]
                .map(|it| yaml::parse(std::str::from_utf8(it).unwrap()).unwrap().to_json());
            assert!(text.starts_with("# by people\n") && joined["spec"]["alias"] == "ours", "{path}: {text}");
            joined["spec"]["alias"] = uploaded["spec"]["alias"].clone();
            assert_eq!(joined, uploaded, "{path}");
        } else if !matches!(path.as_str(), "workspace.yaml") {
            assert_eq!(world.tree.read_path(path.as_str()).unwrap().as_ref(), Some(content), "{path}");
        }
    }
}
