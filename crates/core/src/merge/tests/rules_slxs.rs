//! Rules 1 and 2: what is new comes, what exists keeps its name.

use super::bundle::{Bundle, Content};
use super::world::{KEEP_UPLOADED, World};
use crate::merge::{MergeConflict, Renamed};

fn conflict(name: &str) -> Vec<MergeConflict> {
    vec![MergeConflict::left_out(name.to_owned(), "name_taken")]
}

#[test]
fn a_new_slx_is_added_with_its_groups_and_relationships() {
    let mut world = World::new();
    let bundle = Bundle::at("east").slxs(&["b", "a"]).related("a", "depends on", "b");
    let plan = world.upload(&bundle);
    assert_eq!(plan.summary.added, ["a", "b"]);
    assert_eq!(world.text("slxs/a/slx.yaml"), bundle.files["slxs/a/slx.yaml"]);
    assert_eq!(world.groups(), ["Group: a b"]);
    assert_eq!(world.relationships(), ["a depends on b"]);
}

#[test]
fn keepexisting_leaves_its_files() {
    let mut world = World::new();
    world.upload(&Bundle::at("east").slx("a"));
    let before = world.tree.clone();
    let next = Bundle::at("east").slx_as("a", "a", "v2").file("slxs/a/sli.yaml", "");
    let plan = world.upload(&next.clone().without("slxs/a/sli.yaml").file("slxs/a/notes.md", "new"));
    assert_eq!(plan.summary.kept, ["a"]);
    assert!(plan.edits.is_empty());
    assert_eq!(crate::tree::FileTree::files(&world.tree), crate::tree::FileTree::files(&before));
}

#[test]
fn keepuploaded_takes_the_uploaded_content() {
    let mut world = World::keeping_uploaded();
    world.upload(&Bundle::at("east").slx("a"));
    world.replace("slxs/a/runbook.yaml", "v1", "mine");
    let next = Bundle::at("east").slx_as("a", "a", "v2");
    let plan = world.upload(&next);
    assert_eq!(plan.summary.changed, ["a"]);
    for path in ["slxs/a/slx.yaml", "slxs/a/runbook.yaml"] {
        assert_eq!(world.text(path), next.files[path]);
    }
}

#[test]
fn a_renamed_slx_keeps_its_name_in_directory_metadata_and_label() {
    let mut world = World::keeping_uploaded();
    world.upload(&Bundle::at("east").slx("old"));
    world.rename_slx("old", "new");
    let plan =
        world.upload(&Bundle::at("east").slx_as("old", "old", "v2").file("slxs/old/SKILL.md", "skill"));
    assert_eq!(plan.summary.renamed, [Renamed { name: "new".into(), uploaded_name: "old".into() }]);
    assert_eq!(plan.summary.changed, ["new"]);
    assert_eq!(world.slxs(), ["new"]);
    insta::assert_snapshot!(world.text("slxs/new/slx.yaml"), @r"
    apiVersion: runwhen.com/v1
    kind: ServiceLevelX
    metadata:
      name: demo--new
      labels:
        slx: demo--new
        workspace: demo
      annotations:
        fullSlxName: old
        internal.runwhen.com/generated-by: workspace-builder:east
    spec:
      alias: old
      statement: v2
    ");
    assert!(world.text("slxs/new/runbook.yaml").contains("slx: demo--new\n"));
    assert_eq!(world.text("slxs/new/SKILL.md"), "skill");
}

#[test]
fn the_name_of_a_renamed_slx_is_rewritten_in_uploaded_groups_relationships_and_manifest() {
    let mut world = World::keeping_uploaded();
    world.upload(&Bundle::at("east").slx("old"));
    world.rename_slx("old", "new");
    world.replace("workspace.yaml", "- old", "- new");
    let next = Bundle::at("east").slxs(&["old", "other"]).related("other", "feeds", "old");
    world.upload(&next);
    assert_eq!(world.groups(), ["Group: new other"]);
    assert_eq!(world.relationships(), ["other feeds new"]);
    assert_eq!(world.manifest().slxs["old"], "new");
}

#[test]
fn a_renamed_slx_keeps_its_group_also_when_people_forgot_it_there() {
    let mut world = World::keeping_uploaded();
    let bundle = Bundle::at("east").slxs(&["old", "x"]).related("x", "feeds", "old");
    world.upload(&bundle);
    world.rename_slx("old", "new");
    world.upload(&bundle);
    assert_eq!(world.groups(), ["Group: new x"]);
    assert_eq!(world.relationships(), ["x feeds new"]);
}

#[test]
fn keepexisting_leaves_a_renamed_slx_and_its_name() {
    let mut world = World::new();
    world.upload(&Bundle::at("east").slx("old"));
    world.rename_slx("old", "new");
    let before = world.text("slxs/new/slx.yaml");
    let plan = world.upload(&Bundle::at("east").slx_as("old", "old", "v2"));
    assert_eq!(world.slxs(), ["new"]);
    assert_eq!(world.text("slxs/new/slx.yaml"), before);
    assert_eq!(plan.summary.kept, ["new"]);
}

#[test]
fn an_slx_without_full_name_is_known_by_its_directory_and_keeps_that_identity_under_another_name() {
    let mut world = World::keeping_uploaded();
    let content = Content { directory: "new", full_name: Some("old"), location: None, text: "mine" };
    world.write("slxs/new/slx.yaml", &content.slx());
    world.upload(&Bundle::at("east").bare_slx("old", None, "v1"));
    assert_eq!(world.slxs(), ["new"]);
    assert!(world.text("slxs/new/slx.yaml").contains("fullSlxName: old\n"));
    world.upload(&Bundle::at("east").bare_slx("old", None, "v2"));
    assert!(world.text("slxs/new/slx.yaml").contains("v2"));
}

#[test]
fn the_identity_is_the_full_name_also_when_it_differs_from_the_directory() {
    let mut world = World::keeping_uploaded();
    world.upload(&Bundle::at("east").slx_as("short", "the full name", "v1"));
    assert_eq!(world.manifest().slxs["the full name"], "short");
    let plan = world.upload(&Bundle::at("east").slx_as("shorter", "the full name", "v2"));
    assert_eq!(plan.summary.renamed.len(), 1);
    assert_eq!(world.slxs(), ["short"]);
}

#[test]
fn peoples_slx_with_that_directory_stays_and_the_uploaded_one_is_a_conflict() {
    let mut world = World::pruning();
    let mine = Content { directory: "a", full_name: Some("mine"), location: None, text: "mine" }.slx();
    world.write("slxs/a/slx.yaml", &mine);
    let plan = world.upload(&Bundle::at("east").slxs(&["a", "b"]).related("a", "feeds", "b"));
    assert_eq!(plan.summary.conflicts, conflict("a"));
    assert_eq!(world.text("slxs/a/slx.yaml"), mine);
    assert!(!world.has("slxs/a/runbook.yaml"));
    // What names the uploaded one does not mean people's.
    assert_eq!(world.groups(), ["Group: b"]);
    assert!(world.relationships().is_empty());
    assert!(!world.manifest().slxs.contains_key("a"));
    // Without the obstacle it comes.
    world.remove_slx("a");
    assert_eq!(world.upload(&Bundle::at("east").slxs(&["a", "b"])).summary.added, ["a"]);
}

#[test]
fn a_builder_made_slx_whose_identity_the_builder_changed_is_replaced() {
    let mut world = World::keeping_uploaded();
    world.upload(&Bundle::at("east").slx_as("a", "first identity", "v1").file("slxs/a/notes.md", "x"));
    let next = Bundle::at("east").slx_as("a", "second identity", "v1");
    let plan = world.upload(&next);
    assert_eq!(plan.summary.changed, ["a"]);
    assert!(plan.summary.conflicts.is_empty());
    assert_eq!(world.text("slxs/a/slx.yaml"), next.files["slxs/a/slx.yaml"]);
    assert!(!world.has("slxs/a/notes.md"));
    assert_eq!(world.groups(), ["Group: a"]);
    let manifest = world.manifest();
    assert_eq!(manifest.slxs.keys().collect::<Vec<_>>(), ["second identity"]);
    assert!(manifest.tombstones.is_empty());
}

#[test]
fn a_builder_made_slx_that_people_edited_or_another_location_made_is_not_replaced() {
    let mut edited = World::keeping_uploaded();
    edited.upload(&Bundle::at("east").slx_as("a", "first identity", "v1"));
    edited.replace("slxs/a/runbook.yaml", "v1", "mine");
    let plan = edited.upload(&Bundle::at("east").slx_as("a", "second identity", "v1"));
    assert_eq!(plan.summary.conflicts, conflict("a"));

    let mut foreign = World::keeping_uploaded();
    foreign.upload(&Bundle::at("west").slx_as("a", "first identity", "v1"));
    let plan = foreign.upload(&Bundle::at("east").slx_as("a", "second identity", "v1"));
    assert_eq!(plan.summary.conflicts, conflict("a"));
}

#[test]
fn an_slx_is_not_replaced_by_one_that_takes_its_directory_while_it_is_uploaded_too() {
    let mut world = World::keeping_uploaded();
    world.upload(&Bundle::at("east").slx_as("a", "one", "v1"));
    let plan = world.upload(&Bundle::at("east").slx_as("a", "two", "v1").slx_as("b", "one", "v1"));
    assert_eq!(plan.summary.conflicts, conflict("a"));
    assert_eq!(world.slxs(), ["a"]);
    assert!(world.text("slxs/a/slx.yaml").contains("fullSlxName: one\n"));
}

#[test]
fn names_equal_but_for_case_or_unicode_form_count_as_the_same() {
    for (existing, uploaded) in [("Web", "web"), ("Zürich", "ZU\u{308}RICH")] {
        let mut world = World::new();
        let mine = Content { directory: existing, full_name: None, location: None, text: "mine" }.slx();
        world.write(&format!("slxs/{existing}/slx.yaml"), &mine);
        let plan = world.upload(&Bundle::at("east").slx(uploaded).slx("other"));
        assert_eq!(plan.summary.conflicts, conflict(uploaded));
        assert_eq!(world.groups(), ["Group: other"]);
    }
}

#[test]
fn a_builder_made_slx_whose_spelling_the_builder_changed_is_replaced_with_its_references() {
    let mut world = World::pruning();
    world.upload(&Bundle::at("east").slxs(&["Web", "x"]).related("x", "feeds", "Web"));
    let plan = world.upload(&Bundle::at("east").slxs(&["web", "x"]).related("x", "feeds", "web"));
    assert_eq!(plan.summary.changed, ["web"]);
    assert_eq!(world.slxs(), ["web", "x"]);
    assert_eq!(world.groups(), ["Group: web x"]);
    assert_eq!(world.relationships(), ["x feeds web"]);
}

#[test]
fn one_identity_twice_in_a_bundle_comes_once() {
    let twice = Bundle::at("east").slx_as("a", "same", "v1").slx_as("b", "same", "v1").no_groups();
    for (grouped, groups) in [("a", vec!["G: a"]), ("b", vec![])] {
        let mut world = World::new();
        let plan = world.upload(&twice.clone().group("G", &[grouped]));
        assert_eq!(plan.summary.added, ["a"]);
        assert_eq!(plan.summary.conflicts, [MergeConflict::left_out("b".into(), "duplicate_identity")]);
        assert_eq!(world.groups(), groups);
    }
}

#[test]
fn a_copy_that_people_made_is_not_taken_for_the_original() {
    let mut world = World::pruning();
    world.upload(&Bundle::at("east").slxs(&["m", "x"]));
    world.copy_slx("m", "a");
    let plan = world.upload(&Bundle::at("east").slx("x").slx_as("m", "m", "v2"));
    assert_eq!(plan.summary.changed, ["m"]);
    assert!(plan.summary.pruned.is_empty());
    assert!(world.text("slxs/a/slx.yaml").contains("v1"));
    assert_eq!(plan.summary.warnings, ["more than one SLX of the repository has the fullSlxName \"m\""]);
}

#[test]
fn an_upload_is_merged_whatever_the_repository_holds_in_the_way() {
    let mut world = World::new();
    world.options.mode = KEEP_UPLOADED;
    world.write("slxs/a", "a file where a directory belongs");
    world.write("slxs/b/SLX.yaml/x", "no SLX");
    world.write("slxs/C/notes.md", "only notes");
    world.write("slxs/d/notes.md", "only notes");
    let plan =
        world.upload(&Bundle::at("east").slxs(&["a", "b", "c", "d"]).file("slxs/d/Notes.md", "uploaded"));
    let codes: Vec<_> = plan.summary.conflicts.iter().map(|conflict| conflict.name.as_str()).collect();
    assert_eq!(codes, ["a", "b", "c"]);
    assert_eq!(world.text("slxs/d/notes.md"), "uploaded");
    assert!(world.has("slxs/d/slx.yaml"));
}
