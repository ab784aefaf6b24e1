//! Rule 7: what the base of a file is.

use super::bundle::Bundle;
use super::rules_threeway::{SLX, made, threeway, with_edited_alias};
use super::world::{KEEP_EXISTING, KEEP_UPLOADED, World};
use crate::merge::{Conflict, MergeMode};
use crate::path::RepoPath;
use crate::tree::FileTree;

#[test]
fn a_rename_by_people_is_no_conflict_and_stays() {
    for mode in [MergeMode::ThreeWay, KEEP_UPLOADED, KEEP_EXISTING] {
        let mut world = threeway(Conflict::Fail);
        world.upload(&made("one", "v1").workflow("w", "a", &["a", "b"]));
        world.rename_slx("a", "new");
        // An upload that knows nothing of bases loses none.
        world.options.mode = mode;
        world.upload(&made("one", "v1").workflow("w", "a", &["a", "b"]));
        world.options.mode = MergeMode::ThreeWay;
        world.replace("slxs/new/slx.yaml", "alias: one", "alias: mine");
        world.replace("workflows/w.yaml", "spec:\n", "spec:\n  # ours\n  note: mine\n");
        let plan = world.upload(&made("one", "v2").workflow("w", "a", &["a", "c"]));
        assert_eq!(
            (plan.summary.changed, plan.summary.conflicts),
            (vec!["new".to_owned()], vec![]),
            "{mode:?}"
        );
        let text = world.text("slxs/new/slx.yaml");
        assert!(text.contains("name: demo--new\n") && text.contains("slx: demo--new\n"), "{text}");
        assert!(text.ends_with("alias: mine\n  statement: v2\n"), "{text}");
        assert!(world.text("slxs/new/runbook.yaml").contains("location: v2"));
        let text = world.text("workflows/w.yaml");
        assert!(
            text.contains("  # ours\n  note: mine\n") && text.ends_with("      - new\n      - c\n"),
            "{mode:?} {text}"
        );
    }
}

#[test]
fn a_base_survives_uploads_that_lack_its_slx() {
    let mut world = threeway(Conflict::Fail);
    world.upload(&made("one", "v1").slx("b"));
    world.rename_slx("a", "new");
    world.upload(&Bundle::at("east").slx("b"));
    world.replace("slxs/new/slx.yaml", "alias: one", "alias: mine");
    world.upload(&made("one", "v2").slx("b"));
    assert!(world.text("slxs/new/slx.yaml").ends_with("alias: mine\n  statement: v2\n"));
}

#[test]
fn a_directory_that_the_builder_renamed_keeps_its_base() {
    let mut world = threeway(Conflict::Fail);
    world.upload(&Bundle::at("east").slx_as("a", "full", "v1"));
    world.replace(SLX, "statement: v1", "statement: mine");
    world.upload(&Bundle::at("east").slx_as("moved", "full", "v1"));
    let text = world.text(SLX);
    assert!(text.contains("name: demo--a\n"), "{text}");
    assert!(text.ends_with("alias: moved\n  statement: mine\n"), "{text}");
}

#[test]
fn bases_go_with_their_slxs_and_files() {
    let mut world = with_edited_alias(Conflict::Existing);
    world.write("Z", "mine");
    world.upload(&made("one", "v2").slx("b").file("Z", "uploaded"));
    let bases = |world: &World| -> Vec<String> {
        let record = world.records.values().next().unwrap();
        let paths = record.files().keys().map(RepoPath::as_str);
        paths.filter(|path| path.starts_with(".base")).map(str::to_owned).collect()
    };
    assert_eq!(bases(&world), [".base/files/Z", ".base/slxs/a/slx.yaml"]);
    world.remove_slx("a");
    world.remove("Z");
    world.upload(&Bundle::at("east").slx("b"));
    assert_eq!(bases(&world), [""; 0]);
}

#[test]
fn an_upload_that_keeps_existing_files_moves_no_base() {
    let mut world = with_edited_alias(Conflict::Fail);
    world.options.mode = KEEP_EXISTING;
    world.upload(&made("one", "v2"));
    world.options.mode = MergeMode::ThreeWay;
    let plan = world.upload(&made("one", "v2"));
    assert_eq!(plan.summary.conflicts, []);
    assert!(world.text(SLX).ends_with("alias: mine # ours\n  statement: v2\n"));
}

#[test]
fn without_a_base_a_file_counts_as_edited() {
    let mut world = with_edited_alias(Conflict::Existing);
    world.replace("slxs/a/runbook.yaml", "metadata:\n", "metadata: # same\n");
    world.records.clear();
    let before = world.text(SLX);
    let plan = world.upload(&made("two", "v1"));
    assert_eq!(plan.summary.conflicts.len(), 1, "the other file differs in a comment only");
    assert_eq!(
        (plan.summary.conflicts[0].code, plan.summary.conflicts[0].field.as_deref()),
        ("no_base", Some(""))
    );
    assert_eq!(plan.summary.warnings.len(), 1);
    assert_eq!(world.text(SLX), before);
    // From here on there is one.
    let plan = world.upload(&made("two", "v2"));
    assert_eq!((plan.summary.conflicts, plan.summary.warnings), (vec![], vec![]));
    assert!(world.text(SLX).ends_with("alias: mine # ours\n  statement: v2\n"));
}

#[test]
fn another_locations_upload_has_no_base_here() {
    let mut world = with_edited_alias(Conflict::Existing);
    let mut bundle = Bundle::at("west").slx_as("a", "a", "v2");
    bundle.files.remove("slxs/a/runbook.yaml");
    let plan = world.upload(&bundle);
    assert_eq!(plan.summary.conflicts[0].code, "no_base");
    assert!(world.text(SLX).contains("workspace-builder:east"));
}

#[test]
fn a_second_rename_is_no_change_of_the_builder() {
    let mut world = threeway(Conflict::Fail);
    world.upload(&made("one", "v1"));
    world.rename_slx("a", "new");
    world.upload(&made("one", "v2"));
    world.rename_slx("new", "newer");
    world.remove("slxs/newer/runbook.yaml");
    world.upload(&made("one", "v2"));
    assert!(!world.has("slxs/newer/runbook.yaml"));
}
