//! Rule 6: groups, relationships and the rest of `workspace.yaml`.

use super::bundle::{Bundle, Content};
use super::world::{FRESH, World};

#[test]
fn an_slx_that_stands_in_a_group_in_the_repo_stays_in_that_group() {
    let mut world = World::keeping_uploaded();
    world.upload(&Bundle::at("east").slxs(&["a", "b"]));
    world.replace("workspace.yaml", "- name: Group", "- name: Mine");
    let plan = world.upload(&Bundle::at("east").slxs(&["a", "b"]));
    assert!(plan.edits.is_empty());
    assert_eq!(world.groups(), ["Mine: a b"]);
}

#[test]
fn others_join_their_uploaded_group_and_members_are_sorted() {
    let mut world = World::new();
    world.upload(&Bundle::at("east").slxs(&["b", "d"]));
    world.upload(&Bundle::at("east").slxs(&["d", "c", "b", "a"]));
    assert_eq!(world.groups(), ["Group: a b c d"]);
}

#[test]
fn a_group_that_only_the_upload_has_is_added_whatever_the_order() {
    let slxs = Bundle::at("east").slxs(&["a", "b", "c"]).no_groups();
    let one = slxs.clone().group("Z", &["c", "a"]).group("B", &["b"]);
    let other = slxs.group("B", &["b"]).group("Z", &["a", "c"]);
    let (mut first, mut second) = (World::new(), World::new());
    first.upload(&one);
    second.upload(&other);
    assert_eq!(first.groups(), ["B: b", "Z: a c"]);
    assert_eq!(first.text("workspace.yaml"), second.text("workspace.yaml"));
    assert!(first.upload(&other).edits.is_empty());
}

#[test]
fn a_group_whose_set_of_members_does_not_change_is_not_touched_not_even_sorted() {
    let mut world = World::new();
    let slxs = Bundle::at("east").slxs(&["a", "b"]).no_groups();
    world.write("workspace.yaml", &format!("{FRESH}  slxGroups:\n  - name: G # mine\n    slxs: [b, a]\n"));
    world.upload(&slxs.clone().group("G", &["a", "b"]));
    assert!(world.text("workspace.yaml").ends_with("  - name: G # mine\n    slxs: [b, a]\n"));
    world.upload(&slxs.slx("c").no_groups().group("G", &["a", "b"]).group("H", &["c"]));
    assert!(world.text("workspace.yaml").contains("  - name: G # mine\n    slxs: [b, a]\n"));
    assert_eq!(world.groups(), ["G: b a", "H: c"]);
}

#[test]
fn uploaded_members_that_are_nowhere_are_dropped_with_a_warning() {
    let mut world = World::new();
    let plan =
        world.upload(&Bundle::at("east").slx("a").group("Group", &["ghost"]).group("Empty", &["ghost"]));
    assert_eq!(world.groups(), ["Group: a"]);
    insta::assert_snapshot!(plan.summary.warnings.join("\n"), @r#"
    group "Empty" names "ghost", which is neither in the upload nor in the repository: dropped
    group "Group" names "ghost", which is neither in the upload nor in the repository: dropped
    "#);
}

#[test]
fn a_group_goes_when_this_upload_takes_its_last_member() {
    let mut world = World::pruning();
    world.write("workspace.yaml", &format!("{FRESH}  slxGroups:\n  - name: People's\n    slxs: []\n  - name: P\n    dependsOn: [B]\n    slxs: [a]\n"));
    world.upload(&Bundle::at("east").slxs(&["a", "b"]).no_groups().group("B", &["b"]));
    assert_eq!(world.groups(), ["People's: ", "P: a", "B: b"]);
    world.upload(&Bundle::at("east").slx("a").no_groups());
    assert_eq!(world.groups(), ["People's: ", "P: a"]);
    assert!(world.config().slx_groups["P"].depends_on.is_empty());
}

#[test]
fn an_slx_of_an_earlier_upload_that_people_took_out_of_all_groups_stays_in_none() {
    let mut world = World::keeping_uploaded();
    world.upload(&Bundle::at("east").slxs(&["a", "b"]));
    world.replace("workspace.yaml", "    - b\n", "");
    assert!(world.upload(&Bundle::at("east").slxs(&["a", "b"])).edits.is_empty());
    assert_eq!(world.groups(), ["Group: a"]);
}

#[test]
fn an_slx_that_no_upload_has_grouped_yet_joins_its_group_when_one_names_it() {
    let mut world = World::new();
    let slxs = Bundle::at("east").slxs(&["a", "d"]).no_groups();
    world.upload(&slxs.clone().group("G", &["a"]));
    assert!(world.upload(&slxs.clone().group("G", &["a"])).record_edits.is_empty());
    let grouped = slxs.group("G", &["a"]).group("H", &["d"]);
    world.upload(&grouped);
    assert_eq!(world.groups(), ["G: a", "H: d"]);
    world.replace("workspace.yaml", "    - d\n", "    - elsewhere\n");
    world.upload(&grouped);
    assert_eq!(world.groups(), ["G: a", "H: elsewhere"]);
}

#[test]
fn an_slx_may_join_several_uploaded_groups_and_stays_where_it_is_then() {
    let mut world = World::new();
    world.upload(&Bundle::at("east").slx("a").group("Second", &["a"]));
    assert_eq!(world.groups(), ["Group: a", "Second: a"]);
    world.upload(&Bundle::at("east").slx("a").group("Third", &["a"]));
    assert_eq!(world.groups(), ["Group: a", "Second: a"]);
}

#[test]
fn an_uploaded_group_may_name_peoples_slx() {
    let mut world = World::new();
    world.write(
        "slxs/mine/slx.yaml",
        &Content { directory: "mine", full_name: None, location: None, text: "x" }.slx(),
    );
    world.upload(&Bundle::at("east").slx("a").group("Group", &["mine"]));
    assert_eq!(world.groups(), ["Group: a mine"]);
}

#[test]
fn names_with_the_workspace_before_them_are_understood() {
    let mut world = World::keeping_uploaded();
    let bundle = Bundle::at("east").slxs(&["a", "b"]).no_groups().group("G", &["demo--a", "b"]);
    world.upload(&bundle.clone().related("demo--a", "feeds", "b"));
    assert_eq!(world.groups(), ["G: a b"]);
    assert!(world.upload(&bundle).edits.is_empty());
}

#[test]
fn relationships_are_the_union_with_the_repos_first() {
    let mut world = World::new();
    let slxs = Bundle::at("east").slxs(&["a", "b"]);
    world.upload(&slxs.clone().related("b", "my own verb", "a"));
    world.upload(&slxs.clone().related("b", "x", "a").related("a", "y", "b").related(
        "b",
        "my own verb",
        "a",
    ));
    assert_eq!(world.relationships(), ["b my own verb a", "a y b", "b x a"]);
    assert!(world.upload(&slxs).edits.is_empty());
}

#[test]
fn relationships_with_what_is_nowhere_are_dropped_with_a_warning() {
    let mut world = World::new();
    let plan = world.upload(&Bundle::at("east").slx("a").related("a", "feeds", "ghost"));
    assert!(world.relationships().is_empty());
    assert_eq!(plan.summary.counts.warnings, 1);
}

#[test]
fn of_all_other_fields_the_repos_win_and_what_it_lacks_is_not_added() {
    let mut world = World::keeping_uploaded();
    world.upload(&Bundle::at("east").slx("a"));
    insta::assert_snapshot!(world.text("workspace.yaml"), @r"
    # The configuration of demo
    apiVersion: runwhen.com/v1
    kind: Workspace
    metadata:
      name: demo
    spec:
      displayName: Demo # for people
      permissions:
      - user: owner@example.com
        role: admin
      slxGroups:
      - name: Group
        slxs:
        - a
    ");
}

#[test]
fn permissions_never_change_by_an_upload_also_not_when_it_brings_the_first_workspace_yaml() {
    let mut world = World::new();
    world.remove("workspace.yaml");
    world.upload(&Bundle::at("east").slxs(&["b", "a"]));
    insta::assert_snapshot!(world.text("workspace.yaml"), @r"
    kind: Workspace
    apiVersion: runwhen.com/v1
    metadata:
      name: demo
      labels:
        workspace: demo
      annotations:
        internal.runwhen.com/generated-by: workspace-builder:east
    spec:
      configProvided:
      - name: UPLOADED
        value: x
      slxGroups:
      - name: Group
        slxs:
        - a
        - b
    ");
}

#[test]
fn peoples_references_to_what_does_not_exist_stay() {
    let mut world = World::new();
    world.write("workspace.yaml", &format!("{FRESH}  slxGroups:\n  - name: Group\n    slxs: [soon]\n"));
    world.upload(&Bundle::at("east").slx("a"));
    assert_eq!(world.groups(), ["Group: a soon"]);
}

#[test]
fn an_earlier_name_does_not_stay_beside_the_new_one_where_it_would_come_to_mean_another_slx() {
    let mut world = World::new();
    world.upload(&Bundle::at("east").slx_as("x", "one", "v1").slx("y"));
    world.remove_slx("y");
    world.rename_slx("x", "y");
    // Until this upload `x` is what the manifest calls `one`, and from then on the deleted `y`.
    let plan = world.upload(&Bundle::at("east").slx_as("x", "y", "v1"));
    assert_eq!(plan.summary.tombstoned, ["x"]);
    assert_eq!(world.groups(), ["Group: y"]);
}

#[test]
fn an_slx_that_people_took_out_does_not_come_back_by_the_earlier_name_of_another() {
    let mut world = World::new();
    world.upload(&Bundle::at("east").slx_as("x", "one", "v1").slx("y").slx_as("z", "two", "v1"));
    world.remove_slx("y");
    world.rename_slx("x", "y");
    world.replace("workspace.yaml", "    - z\n", "");
    let plan = world.upload(&Bundle::at("east").slx_as("x", "two", "v1"));
    assert_eq!(plan.summary.renamed.len(), 1);
    assert_eq!(world.groups(), ["Group: y"]);
}

#[test]
fn a_renamed_slx_keeps_all_its_groups_when_people_forgot_it_in_some() {
    let mut world = World::new();
    let bundle = Bundle::at("east").slxs(&["old", "x"]).group("Second", &["old"]);
    world.upload(&bundle);
    world.rename_slx("old", "new");
    world.configure(|config| config.slx_groups["Group"].slxs = vec!["new".into(), "x".into()]);
    world.upload(&bundle);
    assert_eq!(world.groups(), ["Group: new x", "Second: new"]);
}

#[test]
fn an_slx_that_people_grouped_and_took_out_again_stays_in_none() {
    let mut world = World::new();
    let slxs = Bundle::at("east").slxs(&["a", "d"]).no_groups().group("G", &["a"]);
    world.upload(&slxs);
    world.configure(|config| config.slx_groups["G"].slxs.push("d".into()));
    world.upload(&slxs);
    world.configure(|config| drop(config.slx_groups["G"].slxs.pop()));
    world.upload(&slxs.group("G", &["d"]));
    assert_eq!(world.groups(), ["G: a"]);
}

#[test]
fn a_copy_that_people_made_may_join_a_group_when_the_original_is_pruned() {
    let mut world = World::pruning();
    world.upload(&Bundle::at("east").slxs(&["m", "x"]));
    world.copy_slx("m", "a");
    let plan = world.upload(&Bundle::at("east").slx("x").group("Group", &["a"]));
    assert_eq!(plan.summary.pruned, ["m"]);
    assert_eq!(world.groups(), ["Group: a x"]);
}
