//! Rule 5, workflows, and all other files.

use super::bundle::Bundle;
use super::world::{KEEP_EXISTING, World};

fn with_sli() -> Bundle {
    Bundle::at("east").slx("a").file("slxs/a/notes.md", "uploaded")
}

#[test]
fn files_inside_an_slx_that_the_upload_lacks_stay() {
    let mut world = World::pruning();
    world.upload(&with_sli());
    world.upload(&Bundle::at("east").slx("a"));
    assert!(world.has("slxs/a/notes.md"));
}

#[test]
fn prune_stale_resources_takes_files_that_some_earlier_upload_brought() {
    let mut world = World::keeping_uploaded();
    world.upload(&with_sli());
    world.upload(&Bundle::at("east").slx_as("a", "a", "v2"));
    world.options.prune_stale_resources = true;
    let plan = world.upload(&Bundle::at("east").slx_as("a", "a", "v2"));
    assert_eq!(plan.summary.changed, ["a"]);
    assert!(!world.has("slxs/a/notes.md"));
    assert!(world.has("slxs/a/runbook.yaml"));
}

#[test]
fn prune_stale_resources_leaves_files_that_people_made_or_edited() {
    let mut world = World::keeping_uploaded();
    world.upload(&with_sli());
    world.replace("slxs/a/notes.md", "uploaded", "mine");
    world.write("slxs/a/more.md", "mine");
    world.options.prune_stale_resources = true;
    let plan = world.upload(&Bundle::at("east").slx("a"));
    assert!(plan.edits.is_empty());
}

#[test]
fn prune_stale_resources_leaves_files_of_a_kept_slx_that_the_upload_lacks() {
    let mut world = World::keeping_uploaded();
    world.upload(&with_sli().slx("b"));
    world.replace("slxs/a/slx.yaml", "v1", "mine");
    world.options.prune_stale_resources = true;
    world.upload(&Bundle::at("east").slx("b"));
    assert_eq!(world.paths_of("a").len(), 3);
}

#[test]
fn prune_stale_slxs_alone_leaves_files_and_workflows() {
    let mut world = World::pruning();
    world.upload(&with_sli().workflow("w", "a", &["a"]));
    world.upload(&Bundle::at("east").slx("a"));
    assert!(world.has("slxs/a/notes.md") && world.has("workflows/w.yaml"));
}

#[test]
fn stale_workflows_go_unless_edited_or_from_another_location() {
    let mut world = World::keeping_uploaded();
    world.upload(&Bundle::at("west").slx("x").workflow("west", "x", &["x"]));
    world.upload(&Bundle::at("east").slx("a").workflow("stale", "a", &["a"]).workflow("edited", "a", &["a"]));
    world.replace("workflows/edited.yaml", "displayName: edited", "displayName: mine");
    world.options.prune_stale_resources = true;
    world.upload(&Bundle::at("east").slx("a"));
    assert!(!world.has("workflows/stale.yaml"));
    assert!(world.has("workflows/edited.yaml") && world.has("workflows/west.yaml"));
}

#[test]
fn a_workflow_follows_the_rename_of_its_slx_and_of_those_it_names() {
    let mut world = World::keeping_uploaded();
    let bundle = Bundle::at("east").slxs(&["old", "two", "three"]);
    world.upload(&bundle);
    world.rename_slx("old", "new");
    world.rename_slx("two", "zwei");
    world.upload(&bundle.workflow("w", "old", &["old", "two", "three"]));
    insta::assert_snapshot!(world.text("workflows/w.yaml"), @r"
    apiVersion: runwhen.com/v1
    kind: Workflow
    metadata:
      name: demo--w
      labels:
        slx: demo--new
        workspace: demo
      annotations:
        internal.runwhen.com/generated-by: workspace-builder:east
    spec:
      fromActivities:
      - displayName: w
        actions:
        - tasks:
            slx: new
        match:
          slxs:
          - new
          - zwei
          - three
    ");
}

#[test]
fn an_uploaded_workflow_that_is_there_follows_a_later_rename_unless_existing_files_are_kept() {
    let bundle = Bundle::at("east").slx("old").workflow("w", "old", &["old"]);
    let mut world = World::new();
    world.upload(&bundle);
    world.rename_slx("old", "new");
    world.upload(&bundle);
    assert!(world.text("workflows/w.yaml").contains("slx: demo--old"));
    world.options.mode = super::world::KEEP_UPLOADED;
    world.upload(&bundle);
    assert!(world.text("workflows/w.yaml").contains("slx: demo--new"));
}

#[test]
fn the_workflow_of_a_tombstoned_slx_stays_out() {
    let bundle = Bundle::at("east").slxs(&["a", "b"]);
    let mut world = World::new();
    world.upload(&bundle);
    world.remove_slx("a");
    world.upload(&bundle.workflow("gone", "a", &["a"]).workflow("here", "b", &["a", "b"]));
    assert!(!world.has("workflows/gone.yaml"));
    assert!(world.has("workflows/here.yaml"));
}

#[test]
fn a_workflow_of_an_slx_that_is_nowhere_comes_like_any_file_and_at_once() {
    let mut world = World::new();
    world.upload(&Bundle::at("east").slxs(&["a", "b"]));
    world.remove_slx("a");
    world.upload(&Bundle::at("east").slx("b").workflow("w", "a", &["a"]));
    assert!(world.has("workflows/w.yaml"));
}

#[test]
fn other_files_follow_the_mode() {
    let first = Bundle::at("east").slx("a").file("fallback-outputs/x.yaml", "first").file("NOTES", "first");
    let next = Bundle::at("east").slx("a").file("fallback-outputs/x.yaml", "next").file("new/y", "next");
    let mut keeping = World::new();
    keeping.upload(&first);
    keeping.upload(&next);
    assert_eq!(keeping.text("fallback-outputs/x.yaml"), "first");
    assert_eq!(keeping.text("new/y"), "next");
    let mut taking = World::pruning();
    taking.upload(&first);
    taking.upload(&next);
    assert_eq!(taking.text("fallback-outputs/x.yaml"), "next");
    assert!(taking.has("NOTES"));
    taking.options.prune_stale_resources = true;
    taking.upload(&next);
    assert!(!taking.has("NOTES") && taking.has("README.md"));
}

#[test]
fn other_files_land_on_the_repositorys_spelling() {
    let mut world = World::keeping_uploaded();
    world.options.prune_stale_resources = true;
    world.write("Docs/Guide.md", "mine");
    let bundle = Bundle::at("east").slx("a").file("docs/guide.md", "uploaded").file("docs/b.md", "b");
    world.upload(&bundle);
    assert_eq!(world.text("Docs/Guide.md"), "uploaded");
    assert!(world.has("Docs/b.md") && !world.has("docs/b.md"));
}

#[test]
fn a_stale_file_that_the_upload_spells_in_another_way_is_not_stale() {
    let mut world = World::keeping_uploaded();
    world.options.prune_stale_resources = true;
    world.upload(&Bundle::at("east").slx("a").file("slxs/a/Notes.md", "x").file("Docs/A", "x"));
    world.upload(&Bundle::at("east").slx("a").file("slxs/a/notes.md", "x").file("docs/a", "x"));
    assert!(world.has("slxs/a/Notes.md") && world.has("Docs/A"));
}

#[test]
fn files_that_would_run_something_or_replace_the_servers_own_are_left_out() {
    let bundle = Bundle::at("east")
        .slx("a")
        .file(".github/workflows/x.yml", "x")
        .file("Workspace.yaml", "x")
        .file("slxs/nothing/notes.md", "x");
    let mut world = World::keeping_uploaded();
    let plan = world.apply_tree(&bundle.tree()).unwrap();
    assert_eq!(plan.summary.counts.warnings, 3);
    assert!(!world.has(".github/workflows/x.yml") && !world.has("Workspace.yaml"));
    assert!(world.text("workspace.yaml").contains("owner@example.com"));
}

#[test]
fn two_builders_at_two_locations_do_not_disturb_each_other() {
    let east = Bundle::at("east").slxs(&["a", "b"]).workflow("e", "a", &["a"]);
    let west = Bundle::at("west").slxs(&["x", "y"]).workflow("w", "x", &["x"]);
    let mut world = World::pruning();
    world.options.prune_stale_resources = true;
    world.upload(&east);
    world.upload(&west);
    for bundle in [&east, &west] {
        assert!(world.upload(bundle).edits.is_empty());
    }
    assert_eq!(world.upload(&Bundle::at("east").slx("a")).summary.pruned, ["b"]);
    assert_eq!(world.upload(&Bundle::at("west").slx("x")).summary.pruned, ["y"]);
    assert_eq!(world.groups(), ["Group: a x"]);
}

#[test]
fn keepexisting_prunes_as_well() {
    let mut world = World::pruning();
    world.options.mode = KEEP_EXISTING;
    world.upload(&Bundle::at("east").slxs(&["a", "b"]));
    assert_eq!(world.upload(&Bundle::at("east").slx("a")).summary.pruned, ["b"]);
}

/// Regression: only the second of two equal merges once removed the file.
#[test]
fn an_slx_that_comes_where_people_took_one_apart_takes_its_stale_files_along() {
    let mut world = World::keeping_uploaded();
    world.options.prune_stale_resources = true;
    let notes = Bundle::at("east").slxs(&["a", "d"]).file("slxs/d/notes.md", "v1");
    world.upload(&notes);
    world.remove("slxs/d/slx.yaml");
    world.upload(&Bundle::at("east").slx("a").slx_as("d", "b", "v1"));
    assert!(!world.has("slxs/d/notes.md"));
}
