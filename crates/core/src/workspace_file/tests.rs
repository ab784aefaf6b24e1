use serde_json::json;

use super::*;
use crate::name::WorkspaceName;

/// A file as the builder writes it and people went on.
pub(super) const SOURCE: &str = "\
# Our workspace.
kind: Workspace
apiVersion: runwhen.com/v1
metadata:
  name: my-workspace
  labels:
    workspace: my-workspace
    locationId: loc-0001
    locationName: location-01
  annotations:
    internal.runwhen.com/generated-by: workspace-builder:location-01
spec:
  displayName: Ours # for people
  permissions:
  - user: owner@example.com
    role: admin
  - group: everyone
    role: readonly
    note: kept
  enabledLocation: []
  configProvided:
  # about it
  - name: PLACEHOLDER
    value: 12
  - name: OTHER
    value: \"x\"
  slxGroups:
  - name: Cluster
    slxs:
    - b # second
    - a
  - name: Empty
    slxs: []
    icon: kept
    dependsOn:
    - Cluster
  slxRelationships:
  - subject: a
    verb: dependsOn
    object: b
  uploads:
    allowMassPrune: true
# The end.
";

pub(super) fn config() -> WorkspaceConfig {
    WorkspaceFile::read(SOURCE).unwrap().config
}

fn lines_of(text: &str) -> Vec<&str> {
    text.lines().collect()
}

/// Returns the lines that an edit took and brought.
pub(super) fn hunk(before: &str, after: &str) -> String {
    let (before, after) = (lines_of(before), lines_of(after));
    let start = before.iter().zip(&after).take_while(|(one, other)| one == other).count();
    let rest = (&before[start..], &after[start..]);
    let end = rest.0.iter().rev().zip(rest.1.iter().rev()).take_while(|(one, other)| one == other).count();
    let old = rest.0[..rest.0.len() - end].iter().map(|line| format!("-{line}\n"));
    let new = rest.1[..rest.1.len() - end].iter().map(|line| format!("+{line}\n"));
    old.chain(new).collect()
}

fn edited(change: impl FnOnce(&mut WorkspaceConfig)) -> String {
    let mut target = config();
    change(&mut target);
    let text = edit_workspace(SOURCE, &target).unwrap();
    assert_eq!(WorkspaceFile::read(&text).unwrap().config, target);
    hunk(SOURCE, &text)
}

#[test]
fn a_file_of_the_builder_is_read() {
    let file = WorkspaceFile::read(SOURCE).unwrap();
    assert_eq!(file.name.as_deref(), Some("my-workspace"));
    assert_eq!(file.location.as_deref(), Some("location-01"));
    assert_eq!(file.location_id.as_deref(), Some("loc-0001"));
    assert_eq!(file.location_name.as_deref(), Some("location-01"));
    assert_eq!(file.allow_mass_prune, Some(true));
    assert_eq!(file.spec["configProvided"][0], json!({"name": "PLACEHOLDER", "value": 12}));
    assert_eq!(
        serde_json::Value::Object(file.config.to_json()),
        json!({
            "displayName": "Ours",
            "enabledLocations": [],
            "configProvided": {"PLACEHOLDER": "12", "OTHER": "x"},
            "secretsProvided": {},
            "slxGroups": {"Cluster": {"slxs": ["b", "a"]}, "Empty": {"slxs": [], "dependsOn": ["Cluster"]}},
            "slxRelationships": [{"subject": "a", "verb": "dependsOn", "object": "b"}],
            "permissions": [
                {"user": "owner@example.com", "role": "admin"}, {"group": "everyone", "role": "readonly"},
            ],
        })
    );
}

#[test]
fn the_builders_name_for_the_object_of_a_relationship_is_read_and_stays() {
    let source = "spec:\n  slxRelationships:\n  - subject: a\n    verb: dependent-on\n    directObject: b\n";
    let mut config = WorkspaceFile::read(source).unwrap().config;
    let relationship = |subject: &str, object: &str| Relationship {
        subject: subject.to_owned(),
        verb: "dependent-on".to_owned(),
        object: object.to_owned(),
    };
    assert_eq!(config.slx_relationships, [relationship("a", "b")]);
    assert_eq!(edit_workspace(source, &config).unwrap(), source);
    config.slx_relationships.push(relationship("b", "c"));
    let edited = edit_workspace(source, &config).unwrap();
    assert_eq!(edited, format!("{source}  - subject: b\n    verb: dependent-on\n    object: c\n"));
    assert_eq!(WorkspaceFile::read(&edited).unwrap().config, config);
}

#[test]
fn values_of_a_wrong_type_are_left_out() {
    let text = "spec:\n  displayName: [a]\n  enabledLocations: {a: b}\n  configProvided: [a, {name: b}, \
                {name: [c]}, {name: d, value: {}}]\n  slxGroups: 3\n  permissions: [{user: x}, {role: y}]\n";
    let expected = WorkspaceConfig {
        config_provided: [("b".to_owned(), String::new())].into(),
        ..WorkspaceConfig::default()
    };
    assert_eq!(WorkspaceFile::read(text).unwrap().config, expected);
    for text in ["a", "[]", "spec: 1", "metadata: []"] {
        assert_eq!(WorkspaceFile::read(text).unwrap().config, WorkspaceConfig::default());
    }
}

#[test]
fn the_plural_of_the_locations_wins() {
    let both = "spec:\n  enabledLocation: [a]\n  enabledLocations: [b]\n";
    let mut file = WorkspaceFile::read(both).unwrap();
    assert_eq!(file.config.enabled_locations, ["b"]);
    file.config.enabled_locations = vec!["c".to_owned()];
    let text = edit_workspace(both, &file.config).unwrap();
    assert_eq!(text, "spec:\n  enabledLocation: [a]\n  enabledLocations: [c]\n");
}

#[test]
fn one_changed_field_is_one_small_hunk() {
    insta::assert_snapshot!(edited(|it| it.display_name = Some("No".to_owned())), @"
    -  displayName: Ours # for people
    +  displayName: 'No' # for people
    ");
    insta::assert_snapshot!(edited(|it| it.display_name = None), @"-  displayName: Ours # for people");
    insta::assert_snapshot!(edited(|it| it.enabled_locations = vec!["a".into(), "b".into()]), @"
    -  enabledLocation: []
    +  enabledLocation:
    +  - a
    +  - b
    ");
    insta::assert_snapshot!(edited(|it| it.config_provided["PLACEHOLDER"] = "13".into()), @"
    -    value: 12
    +    value: '13'
    ");
    insta::assert_snapshot!(edited(|it| it.config_provided["OTHER"] = "y".into()), @r#"
    -    value: "x"
    +    value: "y"
    "#);
    insta::assert_snapshot!(edited(|it| drop(it.config_provided.insert("NEW".into(), "1".into()))), @"
    +  - name: NEW
    +    value: '1'
    ");
    insta::assert_snapshot!(edited(|it| drop(it.config_provided.shift_remove("OTHER"))), @r#"
    -  - name: OTHER
    -    value: "x"
    "#);
    insta::assert_snapshot!(edited(|it| drop(it.secrets_provided.insert("K".into(), "k".into()))), @"
    +  secretsProvided:
    +  - name: K
    +    workspaceKey: k
    ");
    insta::assert_snapshot!(edited(|it| it.slx_groups["Cluster"].slxs.push("c".into())), @"+    - c");
    insta::assert_snapshot!(edited(|it| drop(it.slx_groups["Cluster"].slxs.remove(0))), @"-    - b # second");
    insta::assert_snapshot!(edited(|it| it.slx_groups["Empty"].depends_on.clear()), @"
    -    dependsOn:
    -    - Cluster
    ");
    insta::assert_snapshot!(edited(|it| drop(it.slx_groups.shift_remove("Cluster"))), @"
    -  - name: Cluster
    -    slxs:
    -    - b # second
    -    - a
    ");
    insta::assert_snapshot!(edited(|it| it.slx_relationships.clear()), @"
    -  slxRelationships:
    -  - subject: a
    -    verb: dependsOn
    -    object: b
    +  slxRelationships: []
    ");
    insta::assert_snapshot!(edited(|it| it.permissions[1].role = "admin".into()), @"
    -    role: readonly
    +    role: admin
    ");
}

#[test]
fn orders_without_a_meaning_are_not_touched() {
    let mut target = config();
    target.slx_groups["Cluster"].slxs.reverse();
    target.slx_groups.reverse();
    target.permissions.reverse();
    target.config_provided.reverse();
    assert_eq!(edit_workspace(SOURCE, &target).unwrap(), SOURCE);
}

#[test]
fn items_that_cannot_be_read_stay() {
    let source = "spec:\n  permissions:\n  - odd\n  - user: a\n    role: admin\n";
    let mut target = WorkspaceFile::read(source).unwrap().config;
    target.permissions.clear();
    assert_eq!(edit_workspace(source, &target).unwrap(), "spec:\n  permissions:\n  - odd\n");
}

#[test]
fn a_file_indented_beyond_reason_is_refused_and_not_fatal() {
    let source = format!("spec:\n{}displayName: x\n", " ".repeat(70_000));
    let mut target = WorkspaceFile::read(&source).unwrap().config;
    target.enabled_locations = vec!["one".to_owned()];
    insta::assert_snapshot!(edit_workspace(&source, &target).unwrap_err(),
        @"line 2: what is indented by more than 1000 columns can't be edited in place: change the file itself instead");
}

#[test]
fn a_file_without_a_place_for_the_configuration_is_refused() {
    let target = WorkspaceConfig { display_name: Some("x".into()), ..WorkspaceConfig::default() };
    assert_eq!(
        edit_workspace("kind: Workspace\n", &target).unwrap(),
        "kind: Workspace\nspec:\n  displayName: x\n"
    );
    insta::assert_snapshot!(edit_workspace("spec: 1\n", &target).unwrap_err(),
        @"`/spec` is a number, so nothing can be set below it");
    insta::assert_snapshot!(edit_workspace("a: [\n", &target).unwrap_err(),
        @"the file can't be read: not valid YAML: while parsing a node, did not find expected node content at line 2 column 1");
}

#[test]
fn the_first_file_is_complete() {
    let name = WorkspaceName::parse("my-workspace").unwrap();
    let text = new_workspace(&name, &config());
    assert_eq!(WorkspaceFile::read(&text).unwrap().config, config());
    insta::assert_snapshot!(new_workspace(&name, &WorkspaceConfig::default()), @"
    apiVersion: runwhen.com/v1
    kind: Workspace
    metadata:
      name: my-workspace
      labels:
        workspace: my-workspace
    spec:
      enabledLocations: []
    ");
}

#[test]
fn a_merge_patch_changes_what_it_names() {
    let patch = json!({
        "displayName": null, "configProvided": {"PLACEHOLDER": null, "NEW": "n"}, "spec": {"x": 1}, "owner": "a",
        "slxGroups": {"Empty": {"slxs": ["c"]}, "Cluster": null},
    });
    let patched = config().merge_patched(&patch).unwrap();
    let mut expected = config();
    expected.display_name = None;
    expected.config_provided =
        [("OTHER", "x"), ("NEW", "n")].map(|(a, b)| (a.to_owned(), b.to_owned())).into();
    expected.slx_groups.shift_remove("Cluster");
    expected.slx_groups["Empty"].slxs = vec!["c".to_owned()];
    assert_eq!(patched, expected);
}

#[test]
fn a_replacement_resets_what_it_leaves_out_but_not_permissions() {
    let replaced = config().replaced(&json!({"displayName": "New", "createdAt": "x"})).unwrap();
    let expected = WorkspaceConfig {
        display_name: Some("New".to_owned()),
        permissions: config().permissions,
        slx_relationships: config().slx_relationships,
        ..WorkspaceConfig::default()
    };
    assert_eq!(replaced, expected);
    let emptied = config().replaced(&json!({"permissions": [], "slxRelationships": []})).unwrap();
    assert_eq!(emptied, WorkspaceConfig::default());
}

#[test]
fn all_problems_are_reported_at_once() {
    let body = json!({
        "displayname": "x", "colour": "red", "displayName": 3, "enabledLocations": ["a", 1],
        "configProvided": [{"name": "A", "value": "b"}], "secretsProvided": {"a/b": true},
        "slxGroups": {"g": {"slx": []}, "h": ["a"]}, "slxRelationships": [{"subject": "a", "verb": "b"}],
        "permissions": [{"user": "a", "group": "b", "role": "admin"}, {"role": "admin"}, 3],
    });
    let problems = config().merge_patched(&body).unwrap_err();
    let lines = problems.iter().map(|it| {
        format!("{} {}: {} ({})", it.pointer, it.code, it.message, it.hint.as_deref().unwrap_or("-"))
    });
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"), @r#"
    /displayname unknown_field: the field `displayname` is not known (did you mean `displayName`?)
    /colour unknown_field: the field `colour` is not known (the fields are `displayName`, `enabledLocations`, `configProvided`, `secretsProvided`, `slxGroups`, `slxRelationships`, `permissions`)
    /displayName wrong_type: `/displayName` is a number, not a string (write it in quotes: "3")
    /enabledLocations/1 wrong_type: `/enabledLocations/1` is a number, not a string (write it in quotes: "1")
    /configProvided wrong_type: `/configProvided` is a list, not an object (write {"NAME": "value"})
    /secretsProvided/a~1b wrong_type: `/secretsProvided/a~1b` is a boolean, not a string (write it in quotes: "true")
    /slxGroups/g/slx unknown_field: the field `slx` is not known (did you mean `slxs`?)
    /slxGroups/h wrong_type: `/slxGroups/h` is a list, not an object (write {"slxs": ["short-name"]})
    /slxRelationships/0 missing_field: `/slxRelationships/0` has no `object` (-)
    /permissions/0 conflicting_fields: `/permissions/0` has both `user` and `group` (write one entry for the user and one for the group)
    /permissions/1 missing_field: `/permissions/1` has neither `user` nor `group` (-)
    /permissions/2 wrong_type: `/permissions/2` is a number, not an object (-)
    "#);
    assert_eq!(config().replaced(&json!([])).unwrap_err()[0].message, "the body is a list, not an object");
}
