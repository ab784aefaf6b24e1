//! Rule 3 and the manifest: what people deleted stays deleted.

use super::bundle::{Bundle, Content};
use super::world::World;
use crate::path::RepoPath;

const MANIFEST: &str = ".workspace-builder-manifest.yaml";

#[test]
fn the_manifest_records_uploads() {
    let mut world = World::new();
    world.options.build_date = Some("2023-07-14T05:59:00.123Z".into());
    world.upload(&Bundle::at("east").slx_as("b", "z full", "v1").slx("a"));
    insta::assert_snapshot!(world.text(MANIFEST), @r"
    version: '0.5'
    lastBuildDate: '2023-07-14T05:59:00.123Z'
    lastUploadDate: '2023-07-14T06:00:00'
    slxs:
    - fullName: a
      name: a
    - fullName: z full
      name: b
    tombstones: []
    ");
}

#[test]
fn the_build_date_is_absent_if_none_came() {
    let mut world = World::new();
    world.options.build_date = Some("x".into());
    world.upload(&Bundle::at("east").slx("a"));
    world.options.build_date = None;
    world.upload(&Bundle::at("east").slxs(&["a", "b"]));
    assert!(!world.text(MANIFEST).contains("lastBuildDate"));
}

#[test]
fn a_change_of_the_two_dates_alone_makes_no_commit() {
    let mut world = World::new();
    world.upload(&Bundle::at("east").slx("a"));
    let mut later = world.clone().at("2023-09-01T00:00:00Z");
    later.options.build_date = Some("2023-09-01".into());
    assert!(later.upload(&Bundle::at("east").slx("a")).edits.is_empty());
}

#[test]
fn what_people_deleted_is_not_brought_back_and_references_to_it_are_dropped() {
    let bundle = Bundle::at("east").slxs(&["a", "b"]).related("a", "feeds", "b");
    let mut world = World::new();
    world.upload(&bundle);
    world.remove_slx("a");
    let mut world = world.at("2023-07-15T07:08:09.9Z");
    let plan = world.upload(&bundle);
    assert_eq!(plan.summary.tombstoned, ["a"]);
    assert_eq!(world.slxs(), ["b"]);
    assert_eq!(world.groups(), ["Group: b"]);
    assert!(world.relationships().is_empty());
    insta::assert_snapshot!(world.text(MANIFEST), @r"
    version: '0.5'
    lastUploadDate: '2023-07-15T07:08:09'
    slxs:
    - fullName: b
      name: b
    tombstones:
    - fullName: a
      lastSeen: 2023-07-15 07:08:09
    ");
}

fn world_with_tombstone() -> World {
    let mut world = World::new();
    world.upload(&Bundle::at("east").slxs(&["a", "b"]));
    world.remove_slx("a");
    world.upload(&Bundle::at("east").slxs(&["a", "b"]));
    world
}

#[test]
fn last_seen_moves_with_any_other_change() {
    let mut world = world_with_tombstone().at("2023-07-14T07:00:00Z");
    world.upload(&Bundle::at("east").slxs(&["a", "b", "c"]));
    assert_eq!(world.manifest().tombstones["a"], "2023-07-14T07:00:00Z".parse().unwrap());
}

#[test]
fn last_seen_moves_alone_only_when_it_is_older_than_24_hours() {
    let bundle = Bundle::at("east").slxs(&["a", "b"]);
    let mut young = world_with_tombstone().at("2023-07-15T06:00:00Z");
    assert!(young.upload(&bundle).edits.is_empty());
    let mut old = world_with_tombstone().at("2023-07-15T06:00:01Z");
    let plan = old.upload(&bundle);
    assert_eq!(plan.edits.keys().map(RepoPath::as_str).collect::<Vec<_>>(), [MANIFEST]);
    assert_eq!(old.manifest().tombstones["a"], "2023-07-15T06:00:01Z".parse().unwrap());
}

#[test]
fn other_tombstones_stay() {
    let mut world = world_with_tombstone().at("2023-10-01T00:00:00Z");
    world.upload(&Bundle::at("east").slxs(&["b", "c"]));
    assert_eq!(world.manifest().tombstones["a"], "2023-07-14T06:00:00Z".parse().unwrap());
}

#[test]
fn in_the_manifest_not_in_the_repo_not_in_this_upload_is_seen_at_the_last_upload() {
    let mut world = World::new();
    world.upload(&Bundle::at("east").slxs(&["a", "b"]));
    world.remove_slx("a");
    let mut world = world.at("2023-08-01T00:00:00Z");
    let plan = world.upload(&Bundle::at("east").slx("b"));
    assert_eq!(world.manifest().tombstones["a"], "2023-07-14T06:00:00Z".parse().unwrap());
    assert!(plan.summary.tombstoned.is_empty());
    assert_eq!(world.groups(), ["Group: b"]);
}

#[test]
fn an_slx_that_people_put_back_loses_its_tombstone_and_is_deleted_again_like_any_other() {
    let mut world = world_with_tombstone();
    let bundle = Bundle::at("east").slxs(&["a", "b"]);
    world.write("slxs/a/slx.yaml", &bundle.files["slxs/a/slx.yaml"]);
    let mut without = world.clone();
    for (world, bundle) in [(&mut world, &bundle), (&mut without, &Bundle::at("east").slx("b"))] {
        world.upload(bundle);
        let manifest = world.manifest();
        assert!(manifest.tombstones.is_empty());
        assert_eq!(manifest.slxs["a"], "a");
        world.remove_slx("a");
        let plan = world.upload(&Bundle::at("east").slxs(&["a", "b"]));
        assert_eq!(plan.summary.tombstoned, ["a"]);
    }
}

#[test]
fn a_manifest_with_wrong_names_or_without_tombstones_is_survived() {
    let mut world = World::new();
    world.upload(&Bundle::at("east").slxs(&["a", "b"]));
    world.remove_slx("a");
    world.write(
        MANIFEST,
        "version: '0.5'\nslxs:\n- fullName: a\n  name: nonsense\n- fullName: b\n  name: b\n",
    );
    let plan = world.upload(&Bundle::at("east").slxs(&["a", "b"]));
    assert_eq!(plan.summary.tombstoned, ["a"]);
    assert_eq!(world.manifest().slxs["b"], "b");
}

#[test]
fn a_wrong_name_in_the_manifest_takes_no_reference_of_another_slx() {
    let mut world = World::new();
    world.upload(&Bundle::at("east").slxs(&["a", "b"]));
    world.remove_slx("a");
    world.write(MANIFEST, "slxs:\n- fullName: a\n  name: b\n- fullName: b\n  name: b\n");
    world.upload(&Bundle::at("east").slxs(&["a", "b"]));
    assert_eq!(world.groups(), ["Group: b"]);
}

#[test]
fn a_broken_manifest_is_told_and_counts_as_empty() {
    let mut world = World::new();
    world.write(MANIFEST, "slxs: [");
    let plan = world.upload(&Bundle::at("east").slx("a"));
    assert_eq!(plan.summary.counts.warnings, 1);
    assert_eq!(world.manifest().slxs["a"], "a");
}

#[test]
fn an_slx_that_only_people_made_is_not_in_the_manifest() {
    let mut world = World::new();
    let mine = Content { directory: "mine", full_name: None, location: None, text: "x" }.slx();
    world.write("slxs/mine/slx.yaml", &mine);
    world.upload(&Bundle::at("east").slx("a"));
    assert_eq!(world.manifest().slxs.keys().collect::<Vec<_>>(), ["a"]);
}

#[test]
fn the_manifest_of_a_bundle_is_ignored() {
    let mut world = World::new();
    world.upload(&Bundle::at("east").slx("a").file(MANIFEST, "slxs: []\n"));
    assert_eq!(world.manifest().slxs["a"], "a");
}
