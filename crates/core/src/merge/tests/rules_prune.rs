//! Rule 4: what an upload lacks stays, unless it is to be pruned and nobody touched it.

use super::bundle::{Bundle, Content};
use super::world::World;
use crate::merge::{KeptReason, MergeError, PrunedKept};

fn kept(name: &str, reason: KeptReason) -> Vec<PrunedKept> {
    vec![PrunedKept { name: name.to_owned(), reason }]
}

fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("s{number:02}")).collect()
}

fn bundle_of(names: &[String]) -> Bundle {
    names.iter().fold(Bundle::at("east"), |bundle, name| bundle.slx(name))
}

#[test]
fn in_the_repo_but_not_in_the_upload_stays() {
    let mut world = World::keeping_uploaded();
    world.upload(&Bundle::at("east").slxs(&["a", "b"]));
    let plan = world.upload(&Bundle::at("east").slx("a"));
    assert_eq!(world.slxs(), ["a", "b"]);
    assert!(plan.summary.pruned_kept.is_empty());
}

#[test]
fn a_prune_takes_what_an_earlier_upload_of_the_location_brought_with_its_references() {
    let mut world = World::pruning();
    world.upload(&Bundle::at("east").slxs(&["a", "b"]).related("a", "feeds", "b").file("slxs/b/x/y.md", "x"));
    let plan = world.upload(&Bundle::at("east").slx("a"));
    assert_eq!(plan.summary.pruned, ["b"]);
    assert_eq!(world.slxs(), ["a"]);
    assert_eq!(world.groups(), ["Group: a"]);
    assert!(world.relationships().is_empty());
}

#[test]
fn what_was_pruned_leaves_no_tombstone_and_comes_back() {
    let mut world = World::pruning();
    world.upload(&Bundle::at("east").slxs(&["a", "b"]));
    world.upload(&Bundle::at("east").slx("a"));
    assert!(world.manifest().tombstones.is_empty());
    assert_eq!(world.upload(&Bundle::at("east").slxs(&["a", "b"])).summary.added, ["b"]);
    assert_eq!(world.groups(), ["Group: a b"]);
}

#[test]
fn it_need_not_be_the_last_upload_that_brought_it() {
    let mut world = World::keeping_uploaded();
    world.upload(&Bundle::at("east").slxs(&["a", "b"]));
    world.upload(&Bundle::at("east").slx("a"));
    world.upload(&Bundle::at("east").slxs(&["a", "c"]));
    world.options.prune_stale_slxs = true;
    assert_eq!(world.upload(&Bundle::at("east").slxs(&["a", "c"])).summary.pruned, ["b"]);
}

#[test]
fn prune_stale_resources_includes_what_prune_stale_slxs_does() {
    let mut world = World::new();
    world.upload(&Bundle::at("east").slxs(&["a", "b"]));
    world.options.prune_stale_resources = true;
    assert_eq!(world.upload(&Bundle::at("east").slx("a")).summary.pruned, ["b"]);
}

#[test]
fn hand_made_slxs_never_go() {
    let mut world = World::pruning();
    let mine = Content { directory: "mine", full_name: None, location: Some("east"), text: "x" }.slx();
    world.write("slxs/mine/slx.yaml", &mine);
    let plan = world.upload(&Bundle::at("east").slx("a"));
    assert_eq!(plan.summary.pruned_kept, kept("mine", KeptReason::HandMade));
    assert!(world.has("slxs/mine/slx.yaml"));
}

#[test]
fn an_slx_that_is_marked_as_made_by_a_person_never_goes() {
    let marked = Content { directory: "b", full_name: Some("b"), location: Some("east"), text: "x" }
        .slx()
        .replace("  annotations:\n", "  annotations:\n    internal.runwhen.com/manually-created: \"true\"\n");
    let mut world = World::pruning();
    world.upload(&Bundle::at("east").slxs(&["a", "b"]).file("slxs/b/slx.yaml", &marked));
    let plan = world.upload(&Bundle::at("east").slx("a"));
    assert_eq!(plan.summary.pruned_kept, kept("b", KeptReason::HandMade));
}

#[test]
fn hand_edited_slxs_never_go() {
    type EditOf = fn(&mut World);
    let edits: [EditOf; 4] = [
        |world| world.replace("slxs/b/runbook.yaml", "v1", "mine"),
        |world| world.write("slxs/b/notes.md", "a file more"),
        |world| world.remove("slxs/b/runbook.yaml"),
        |world| world.rename_slx("b", "c"),
    ];
    for edit in edits {
        let mut world = World::pruning();
        world.upload(&Bundle::at("east").slxs(&["a", "b"]));
        edit(&mut world);
        let before = world.slxs();
        for _ in 0..2 {
            let plan = world.upload(&Bundle::at("east").slx("a"));
            assert_eq!(plan.summary.pruned_kept[0].reason, KeptReason::Edited);
            assert_eq!(world.slxs(), before);
        }
    }
}

#[test]
fn an_edit_that_was_taken_back_or_uploaded_over_is_no_edit() {
    let mut world = World::pruning();
    world.upload(&Bundle::at("east").slxs(&["a", "b", "c"]));
    world.replace("slxs/b/runbook.yaml", "v1", "mine");
    world.remove("slxs/c/runbook.yaml");
    world.upload(&Bundle::at("east").slxs(&["a", "b", "c"]));
    assert_eq!(world.upload(&Bundle::at("east").slx("a")).summary.pruned, ["b", "c"]);
}

#[test]
fn a_deletion_that_was_taken_back_is_no_edit_either() {
    let mut before = World::pruning();
    before.upload(&Bundle::at("east").slxs(&["a", "b"]));
    let mut world = before.clone();
    world.remove_slx("b");
    world.upload(&Bundle::at("west").slx("x"));
    assert!(world.manifest().tombstones.contains_key("b"));
    for path in before.paths_of("b") {
        world.write(path.as_str(), &before.text(path.as_str()));
    }
    let plan = world.upload(&Bundle::at("east").slx("a"));
    assert_eq!(plan.summary.pruned, ["b"]);
}

#[test]
fn what_keepexisting_kept_although_newer_content_came_is_not_edited() {
    let mut world = World::new();
    world.upload(&Bundle::at("east").slxs(&["a", "b"]));
    world.upload(&Bundle::at("east").slx("a").slx_as("b", "b", "v2"));
    world.options.prune_stale_slxs = true;
    assert_eq!(world.upload(&Bundle::at("east").slx("a")).summary.pruned, ["b"]);
}

#[test]
fn other_locations_slxs_never_go() {
    let mut world = World::pruning();
    world.upload(&Bundle::at("east").slxs(&["a", "b"]));
    let plan = world.upload(&Bundle::at("west").slx("c"));
    assert_eq!(world.slxs(), ["a", "b", "c"]);
    assert_eq!(plan.summary.pruned_kept.len(), 2);
    assert_eq!(plan.summary.pruned_kept[0].reason, KeptReason::OtherLocation);
}

#[test]
fn an_slx_without_location_has_none() {
    let bare = Content { directory: "b", full_name: Some("b"), location: None, text: "x" }.slx();
    let mut world = World::pruning();
    world.upload(&Bundle::at("east").slxs(&["a", "b"]).file("slxs/b/slx.yaml", &bare));
    let plan = world.upload(&Bundle::at("east").slx("a"));
    assert_eq!(plan.summary.pruned_kept, kept("b", KeptReason::NoLocation));
}

#[test]
fn uploads_without_location_prune_only_what_such_uploads_brought() {
    let mut world = World::pruning();
    world.upload(&Bundle::at("east").slx("a"));
    world.upload(&Bundle::default().slxs(&["b", "c"]));
    let plan = world.upload(&Bundle::default().slx("b"));
    assert_eq!(plan.summary.pruned, ["c"]);
    assert_eq!(plan.summary.pruned_kept, kept("a", KeptReason::OtherLocation));
}

#[test]
fn without_a_record_everything_counts_as_edited_and_the_answer_says_so() {
    let mut world = World::pruning();
    world.upload(&Bundle::at("east").slxs(&["a", "b"]));
    world.records.clear();
    let plan = world.plan(&Bundle::at("east").slx("a")).unwrap();
    assert_eq!(plan.summary.pruned_kept, kept("b", KeptReason::NoRecord));
    insta::assert_snapshot!(plan.summary.warnings.join("\n"), @r#"what uploads from location "east" wrote earlier was not recorded, so all their SLXs count as edited and none is pruned"#);
}

#[test]
fn an_empty_bundle_is_refused() {
    let world = World::pruning();
    let zero = crate::tree::MemoryTree::new();
    assert!(matches!(world.plan_tree(&zero), Err(MergeError::EmptyBundle)));
    assert!(matches!(world.plan(&Bundle::at("east")), Err(MergeError::EmptyBundle)));
}

#[test]
fn a_prune_of_more_than_half_and_at_least_five_is_refused() {
    for (before, after, refused) in [
        (10, 5, false),
        (11, 5, true),
        (9, 4, true),
        (8, 4, false),
        (7, 3, false),
        (6, 1, true),
        (5, 1, false),
    ] {
        let mut world = World::pruning();
        let names = numbered(before);
        world.upload(&bundle_of(&names));
        // Another location's SLXs count for nothing.
        world.upload(&Bundle::at("west").slxs(&["x", "y", "z"]));
        let result = world.plan(&bundle_of(&names[..after]));
        assert_eq!(matches!(result, Err(MergeError::PruneGuard { .. })), refused, "{before} to {after}");
    }
}

#[test]
fn a_refused_prune_says_how_many_and_what_to_do() {
    let mut world = World::pruning();
    let names = numbered(10);
    world.upload(&bundle_of(&names));
    let error = world.plan(&bundle_of(&names[..2])).unwrap_err();
    insta::assert_snapshot!(error, @r#"the upload would prune 8 of the 10 SLXs of location "east", more than half: check that the builder saw everything, then send allowMassPrune=true or set spec.uploads.allowMassPrune: true in workspace.yaml"#);
}

#[test]
fn the_request_or_the_workspace_may_allow_a_mass_prune() {
    let mut world = World::pruning();
    let names = numbered(10);
    world.upload(&bundle_of(&names));
    let mut by_workspace = world.clone();
    by_workspace.replace("workspace.yaml", "spec:\n", "spec:\n  uploads:\n    allowMassPrune: true\n");
    world.options.allow_mass_prune = true;
    for world in [&mut world, &mut by_workspace] {
        assert_eq!(world.upload(&bundle_of(&names[..2])).summary.counts.pruned, 8);
    }
}

#[test]
fn a_mass_of_edited_slxs_is_no_mass_prune() {
    let mut world = World::pruning();
    let names = numbered(10);
    world.upload(&bundle_of(&names));
    for name in &names[..6] {
        world.replace(&format!("slxs/{name}/slx.yaml"), "v1", "mine");
    }
    let plan = world.upload(&bundle_of(&names[9..]));
    assert_eq!((plan.summary.counts.pruned, plan.summary.counts.pruned_kept), (3, 6));
}
