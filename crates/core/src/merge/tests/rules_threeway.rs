//! Rule 7.

use super::bundle::Bundle;
use super::world::{KEEP_EXISTING, KEEP_UPLOADED, World};
use crate::merge::{Conflict, MergeConflict, MergeError, MergeMode, MergeSummary};
use crate::model::slx_directory;
use crate::tree::FileTree;

pub(super) const SLX: &str = "slxs/a/slx.yaml";

pub(super) fn threeway(conflict: Conflict) -> World {
    let mut world = World::new();
    world.options.mode = MergeMode::ThreeWay;
    world.options.conflict = conflict;
    world
}

/// What the builder makes of the SLX `a`; both fields stand in slx.yaml.
pub(super) fn made(alias: &str, statement: &str) -> Bundle {
    let mut bundle = Bundle::at("east").slx_as("a", "a", statement);
    let text = bundle.files[SLX].replace("  alias: a\n", &format!("  alias: {alias}\n"));
    bundle.files.insert(SLX.to_owned(), text);
    bundle
}

/// A world in which people have another alias, with a comment.
pub(super) fn with_edited_alias(conflict: Conflict) -> World {
    let mut world = threeway(conflict);
    world.upload(&made("one", "v1"));
    world.replace(SLX, "alias: one", "alias: mine # ours");
    world
}

fn shown(conflicts: &[MergeConflict]) -> String {
    let show = |conflict: &MergeConflict| {
        let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        let MergeConflict { name, path, field, code, resolution, base, existing, uploaded } = conflict;
        format!(
            "{name} {} {:?} {code} {resolution:?}: {} | {} | {}",
            text(path),
            text(field),
            text(base),
            text(existing),
            text(uploaded)
        )
    };
    conflicts.iter().map(show).collect::<Vec<_>>().join("\n")
}

fn refused(world: &World, bundle: &Bundle) -> (Vec<MergeConflict>, usize) {
    let MergeError::Conflicts { conflicts, total } = world.plan(bundle).unwrap_err() else {
        panic!("it is refused for another reason")
    };
    (conflicts, total)
}

#[test]
fn what_only_the_builder_changed_is_taken_as_it_is() {
    let mut world = threeway(Conflict::Fail);
    world.upload(&made("one", "v1"));
    let bundle = made("two", "v2");
    let plan = world.upload(&bundle);
    assert_eq!(plan.summary.changed, ["a"]);
    assert_eq!(world.text(SLX), bundle.files[SLX]);
}

#[test]
fn what_only_people_changed_is_kept() {
    let mut world = with_edited_alias(Conflict::Fail);
    let plan = world.upload(&made("one", "v1"));
    assert!(plan.edits.is_empty() && plan.record_edits.len() == 1);
    assert_eq!((plan.summary.kept, plan.summary.conflicts), (vec!["a".to_owned()], vec![]));
}

#[test]
fn what_both_changed_is_joined_and_peoples_formatting_stays() {
    let mut world = with_edited_alias(Conflict::Fail);
    let plan = world.upload(&made("one", "v2"));
    assert_eq!((plan.summary.changed, plan.summary.conflicts), (vec!["a".to_owned()], vec![]));
    assert!(
        world.text(SLX).ends_with("spec:\n  alias: mine # ours\n  statement: v2\n"),
        "{}",
        world.text(SLX)
    );
    assert!(world.text("slxs/a/runbook.yaml").contains("location: v2"));
    // The base has moved on, although the repository never held what it says.
    let plan = world.upload(&made("one", "v3"));
    assert_eq!(plan.summary.conflicts, []);
    assert!(world.text(SLX).ends_with("alias: mine # ours\n  statement: v3\n"), "{}", world.text(SLX));
    // What people now have like the builder is nobody's edit any more.
    world.replace(SLX, "mine # ours", "one");
    assert!(world.upload(&made("one", "v3")).edits.is_empty());
    assert!(
        !world
            .records
            .values()
            .any(|record| record.files().keys().any(|path| path.as_str().starts_with(".base")))
    );
}

#[test]
fn what_both_changed_in_the_same_way_is_fine() {
    let mut world = threeway(Conflict::Fail);
    world.upload(&made("one", "v1"));
    world.replace(SLX, "alias: one\n  statement: v1", "statement: v1 # same\n  alias: two");
    let plan = world.upload(&made("two", "v1"));
    assert!(plan.edits.is_empty());
    assert_eq!((plan.summary.kept, plan.summary.conflicts), (vec!["a".to_owned()], vec![]));
}

#[test]
fn a_conflict_keeps_the_repositorys_value_unless_told() {
    let mut world = with_edited_alias(Conflict::default());
    let plan = world.upload(&made("two", "v2"));
    insta::assert_snapshot!(shown(&plan.summary.conflicts), @r#"a slxs/a/slx.yaml "/spec/alias" both_changed Some(Existing): "one" | "mine" | "two""#);
    assert_eq!(plan.summary.counts.conflicts, 1);
    assert!(world.text(SLX).ends_with("alias: mine # ours\n  statement: v2\n"));
    // It was settled: the same is no conflict again, something new is.
    assert_eq!(world.upload(&made("two", "v2")).summary.conflicts, []);
    assert_eq!(world.upload(&made("three", "v2")).summary.conflicts.len(), 1);
}

#[test]
fn a_conflict_takes_the_uploaded_value_when_told() {
    let mut world = with_edited_alias(Conflict::Uploaded);
    let plan = world.upload(&made("two", "v2"));
    insta::assert_snapshot!(shown(&plan.summary.conflicts), @r#"a slxs/a/slx.yaml "/spec/alias" both_changed Some(Uploaded): "one" | "mine" | "two""#);
    assert!(world.text(SLX).ends_with("alias: two # ours\n  statement: v2\n"), "{}", world.text(SLX));
}

#[test]
fn a_conflict_refuses_the_upload_when_told() {
    let world = with_edited_alias(Conflict::Fail);
    let mut bundle = made("two", "v2").file("Z", "uploaded");
    bundle.files.get_mut(SLX).unwrap().push_str("  more: {x: 1}\n");
    let mut world = world;
    world.write("Z", "mine");
    insta::assert_snapshot!(world.plan(&bundle).unwrap_err(), @r#"people and the builder changed 2 fields in different ways, the first is `Z` [no_base]: settle them in the repository, or send conflict=existing or conflict=uploaded"#);
    let (conflicts, total) = refused(&world, &bundle);
    assert_eq!(total, 2);
    insta::assert_snapshot!(shown(&conflicts), @r#"
    Z Z "" no_base None: - | mine | uploaded
    a slxs/a/slx.yaml "/spec/alias" both_changed None: "one" | "mine" | "two"
    "#);
}

#[test]
fn conflicts_beyond_the_limit_are_counted() {
    let tags = |text: &str| {
        let tag = |number: usize| format!("  - name: t{number}\n    value: {text}\n");
        format!("  tags:\n{}", (0..MergeSummary::MAX_CONFLICTS + 5).map(tag).collect::<String>())
    };
    let with_tags = |text: &str| {
        let mut bundle = made("one", "v1");
        bundle.files.get_mut(SLX).unwrap().push_str(&tags(text));
        bundle
    };
    let mut world = threeway(Conflict::Existing);
    world.upload(&with_tags("x"));
    world.replace(SLX, "value: x", "value: mine");
    let plan = world.upload(&with_tags("y"));
    let listed = plan.summary.conflicts.len();
    assert_eq!((listed, plan.summary.counts.conflicts), (MergeSummary::MAX_CONFLICTS, listed + 5));
    assert_eq!(plan.summary.conflicts[0].field.as_deref(), Some("/spec/tags/name=t0/value"));
}

#[test]
fn files_that_are_no_yaml_are_atomic() {
    let mut world = threeway(Conflict::Existing);
    let bundle = |text: &str| made("one", "v1").file("slxs/a/notes.md", text).file("Z", text);
    world.upload(&bundle("one\ntwo\n"));
    world.replace("slxs/a/notes.md", "one", "mine");
    world.write("Z", "?");
    let plan = world.upload(&bundle("one\nthree\n"));
    insta::assert_snapshot!(shown(&plan.summary.conflicts), @r#"
    Z Z "" both_changed Some(Existing): one two | ? | one three
    a slxs/a/notes.md "" both_changed Some(Existing): one two | mine two | one three
    "#);
    assert_eq!(world.text("slxs/a/notes.md"), "mine\ntwo\n");
    world.options.conflict = Conflict::Uploaded;
    world.upload(&bundle("four\n"));
    assert_eq!((world.text("slxs/a/notes.md"), world.text("Z")), ("four\n".to_owned(), "four\n".to_owned()));
}

#[test]
fn a_file_that_people_deleted_stays_away_unless_the_builder_changed_it_and_wins() {
    for path in ["slxs/a/runbook.yaml", "Z"] {
        let bundle = |text: &str| made("one", text).file("Z", text);
        let mut world = threeway(Conflict::Fail);
        world.upload(&bundle("v1"));
        world.remove(path);
        assert!(world.upload(&bundle("v1")).edits.is_empty());
        assert!(!world.has(path));
        let (conflicts, _) = refused(&world, &bundle("v2"));
        assert_eq!((conflicts[0].code, conflicts[0].existing.as_ref()), ("removed_by_people", None));
        world.options.conflict = Conflict::Existing;
        world.upload(&bundle("v2"));
        assert!(!world.has(path));
        assert_eq!(world.upload(&bundle("v2")).summary.conflicts, []);
        world.options.conflict = Conflict::Uploaded;
        world.upload(&bundle("v3"));
        assert!(world.has(path));
    }
}

#[test]
fn a_file_that_the_builder_gave_up_stays_if_people_edited_it() {
    let mut world = threeway(Conflict::Uploaded);
    world.options.prune_stale_resources = true;
    let bundle = made("one", "v1").file("slxs/a/x.yaml", "a: 1\n").file("slxs/a/y.yaml", "a: 1\n");
    world.upload(&bundle);
    world.write("slxs/a/x.yaml", "a: 2\n");
    let plan = world.upload(&made("one", "v1"));
    assert_eq!((plan.summary.changed, plan.summary.conflicts), (vec!["a".to_owned()], vec![]));
    assert!(world.has("slxs/a/x.yaml") && !world.has("slxs/a/y.yaml"));
}

#[test]
fn an_slx_that_people_deleted_stays_deleted_whatever_the_builder_changed() {
    let mut world = threeway(Conflict::Uploaded);
    world.upload(&made("one", "v1").slx("b"));
    world.remove_slx("a");
    let plan = world.upload(&made("two", "v2").slx("b"));
    assert_eq!(plan.summary.tombstoned, ["a"]);
    assert!(world.paths_of("a").is_empty());
}

#[test]
fn an_edited_slx_that_the_builder_gave_up_is_not_pruned() {
    let mut world = with_edited_alias(Conflict::Uploaded);
    world.upload(&made("one", "v2").slx("b"));
    world.options.prune_stale_slxs = true;
    let plan = world.upload(&Bundle::at("east").slx("b"));
    assert_eq!((plan.summary.pruned.len(), plan.summary.pruned_kept.len()), (0, 1));
    assert!(world.text(SLX).contains("mine # ours"));
}

#[test]
fn a_file_that_cannot_be_joined_is_one_conflict() {
    for damage in ["\u{fffd}: [", "a: 1\n---\na: 2\n", "a: &x 1\nb: *x\nb: 2\n"] {
        let mut world = threeway(Conflict::Existing);
        let bundle = |value: u8| made("one", "v1").file("fallback-outputs/y.yaml", &format!("a: {value}\n"));
        world.upload(&bundle(1));
        world.write("fallback-outputs/y.yaml", damage);
        let plan = world.upload(&bundle(2));
        assert_eq!(plan.summary.conflicts[0].code, "not_mergeable", "{damage}");
        assert_eq!(world.text("fallback-outputs/y.yaml"), damage);
    }
}

#[test]
fn nothing_invalid_is_written() {
    let mut world = threeway(Conflict::Existing);
    world.upload(&made("one", "v1"));
    world.replace(SLX, "alias: one", "alias: [one]");
    let before = world.text(SLX);
    assert!(!world.is_acceptable(&world.tree));
    let plan = world.upload(&made("one", "v2"));
    assert_eq!(plan.summary.conflicts[0].code, "not_mergeable");
    assert_eq!(world.text(SLX), before);
}

#[test]
fn workspace_yaml_is_merged_as_in_every_mode() {
    let bundle = made("one", "v1").slx("b").related("a", "feeds", "b");
    let mut results = Vec::new();
    for mode in [MergeMode::ThreeWay, KEEP_EXISTING, KEEP_UPLOADED] {
        let mut world = threeway(Conflict::Uploaded);
        world.options.mode = mode;
        world.upload(&bundle);
        world.replace("workspace.yaml", "displayName: Demo", "displayName: Ours");
        world.configure(|config| config.slx_groups.clear());
        world.upload(&bundle.clone().slx("c").group("New", &["c"]));
        results.push(world.text("workspace.yaml"));
    }
    assert_eq!(results[0], results[1]);
    assert_eq!(results[0], results[2]);
}

#[test]
fn strays_where_a_new_slx_comes_are_in_conflict() {
    let mut world = threeway(Conflict::Existing);
    world.write("slxs/a/notes.md", "mine");
    let bundle = made("one", "v1").file("slxs/a/notes.md", "uploaded").file("slxs/a/more.md", "uploaded");
    let plan = world.upload(&bundle);
    assert_eq!((plan.summary.added, plan.summary.conflicts[0].code), (vec!["a".to_owned()], "no_base"));
    assert_eq!(world.text("slxs/a/notes.md"), "mine");
    assert!(
        world.paths_of("a").iter().all(|path| slx_directory(path).is_some()) && world.has("slxs/a/more.md")
    );
}
