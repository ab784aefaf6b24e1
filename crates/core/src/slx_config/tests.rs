mod created;

use insta::assert_snapshot;
use serde_json::{Value as Json, json};

use super::*;
use crate::check::check_file;
use crate::name::{SlxName, WorkspaceName};

fn workspace() -> WorkspaceName {
    WorkspaceName::parse("demo").unwrap()
}

pub(super) fn parse<P: SyncPayload>(payload: &Json) -> Result<P, PayloadError> {
    P::parse(payload.as_object().unwrap())
}

fn apply<P: SyncPayload>(payload: &Json, existing: Option<&str>) -> Result<String, ApplyError> {
    let (workspace, slx) = (workspace(), SlxName::parse("web").unwrap());
    parse::<P>(payload).unwrap().apply(SlxTarget { workspace: &workspace, slx: &slx }, existing)
}

/// Creates a file, which must be valid and stay the same when it is applied again.
fn created<P: SyncPayload>(payload: &Json) -> String {
    let text = apply::<P>(payload, None).unwrap();
    let path = P::FILE.path(&SlxName::parse("web").unwrap()).unwrap();
    assert_eq!(check_file(&workspace(), &path, text.as_bytes()), []);
    assert_eq!(apply::<P>(payload, Some(&text)).unwrap(), text);
    text
}

/// The lines that differ, with the number of hunks.
fn hunks(old: &str, new: &str) -> String {
    let (old, new): (Vec<_>, Vec<_>) = (old.lines().collect(), new.lines().collect());
    let same_first = old.iter().zip(&new).take_while(|(one, other)| one == other).count();
    let rest = old.len().min(new.len()) - same_first;
    let same_last =
        old.iter().rev().zip(new.iter().rev()).take(rest).take_while(|(one, other)| one == other).count();
    let removed = old[same_first..old.len() - same_last].iter().map(|line| format!("-{line}"));
    let added = new[same_first..new.len() - same_last].iter().map(|line| format!("+{line}"));
    removed.chain(added).collect::<Vec<_>>().join("\n")
}

/// What the MCP client of August 2026 sends.
fn runbook() -> Json {
    json!({
        "runner_uuid": "loc-1",
        "code_bundle_repo_url": "https://github.com/runwhen-contrib/rw-generic-codecollection.git",
        "code_bundle_ref": "main",
        "code_bundle_path": "codebundles/tool-builder/runbook.robot",
        "config_provided": [
            {"name": "TASK_TITLE", "value": ""},
            {"name": "GEN_CMD", "value": "bWFpbigpIHs="},
            {"name": "CONFIG_ENV_MAP", "value": "{\"NAMESPACE\": \"prod\"}"},
            {"name": "SECRET_ENV_MAP", "value": "[\"kubeconfig\"]"},
            {"name": "DRY_RUN", "value": "false"},
            {"name": "CODE", "value": "012"},
            {"name": "LIMIT", "value": "1e3"},
        ],
        "secrets_provided": [{"name": "kubeconfig", "workspaceKey": "k8s:file@secret/kubeconfig:kubeconfig"}],
        "requirements": {},
        "runtime_vars_provided": [{
            "name": "WINDOW", "description": "d", "default": "5m",
            "validation": {"type": "regex", "pattern": "^[0-9]+m$"}, "x_extra": [1, true, null],
        }],
        "slx_id": 7,
    })
}

fn sli() -> Json {
    json!({
        "runner_uuid": "loc-1",
        "display_units_long": "OK",
        "display_units_short": "ok",
        "interval_seconds": 60,
        "interval_strategy": "intermezzo",
        "code_bundle_repo_url": "https://github.com/runwhen-contrib/rw-workspace-utils.git",
        "code_bundle_ref": "main",
        "code_bundle_path": "codebundles/cron-scheduler-sli/sli.robot",
        "config_provided": [{"name": "CRON_SCHEDULE", "value": "0 */2 * * *"}, {"name": "DRY_RUN", "value": "false"}],
        "secrets_provided": [],
        "alert_config": {"tasks": {"persona": "eager-edgar", "sessionTTL": "10m"}},
        "slx_id": 7,
    })
}

/// A file of the builder that people have edited.
const SLX: &str = "# The web server.
apiVersion: runwhen.com/v1
kind: ServiceLevelX
metadata:
  labels:
    slx: demo--web
    workspace: demo
    locationId: loc-1
  name: demo--web
  annotations:
    fullSlxName: a-very-long-name
    internal.runwhen.com/generated-by: workspace-builder:east
spec:
  imageURL: https://example.com/i.svg
  alias: Web # for people
  asMeasuredBy: ''
  owners:
  - owner@example.com # on call
  statement: All is
    well.
  additionalContext:
    hierarchy: [platform, cluster]
    resourcePath: kubernetes/a/web
  tags:
  # From the cluster.
  - name: version
    value: 1.10
  - name: access
    value: read-only
    source: label
  - {name: empty, value: }
# The end.
";

#[test]
fn one_field_is_one_hunk() {
    let change = |payload: Json| hunks(SLX, &apply::<SlxPayload>(&payload, Some(SLX)).unwrap());
    assert_snapshot!(change(json!({"name": "web", "alias": "Shop"})), @r"
    -  alias: Web # for people
    +  alias: Shop # for people
    ");
    assert_snapshot!(change(json!({"name": "web", "owners": ["owner@example.com", "b@example.com"]})), @"+  - b@example.com");
    assert_snapshot!(change(json!({"name": "web", "imageUrl": "https://example.com/j.svg"})), @r"
    -  imageURL: https://example.com/i.svg
    +  imageURL: https://example.com/j.svg
    ");
    assert_snapshot!(change(json!({"name": "web", "additional_context": {"resourcePath": "x", "hierarchy": ["platform", "cluster"]}})), @r"
    -    resourcePath: kubernetes/a/web
    +    resourcePath: x
    ");
    let tags = json!([{"name": "version", "value": "1.10"}, {"name": "access", "value": "read-write"}, {"name": "empty", "value": ""}]);
    assert_snapshot!(change(json!({"name": "web", "tags": tags})), @r"
    -    value: read-only
    +    value: read-write
    ");
    assert_snapshot!(change(json!({"name": "web", "additional_context": {}})), @r"
    -  additionalContext:
    -    hierarchy: [platform, cluster]
    -    resourcePath: kubernetes/a/web
    +  additionalContext: {}
    ");
}

#[test]
fn what_is_the_same_changes_nothing() {
    let payload = json!({
        "name": "web", "alias": "Web", "statement": "All is well.", "owners": ["owner@example.com"],
        "tags": [{"name": "version", "value": "1.10"}, {"name": "access", "value": "read-only"}, {"name": "empty", "value": ""}],
        "image_url": "https://example.com/i.svg", "imageURL": null,
        "additionalContext": {"resourcePath": "kubernetes/a/web", "hierarchy": ["platform", "cluster"]},
    });
    assert_eq!(apply::<SlxPayload>(&payload, Some(SLX)).unwrap(), SLX);
    assert_eq!(apply::<SlxPayload>(&json!({"name": "web"}), Some(SLX)).unwrap(), SLX);
    let crlf = SLX.replace('\n', "\r\n");
    assert_eq!(apply::<SlxPayload>(&payload, Some(&crlf)).unwrap(), crlf);
}

#[test]
fn an_existing_indicator_keeps_its_other_locations_and_empty_lists_add_nothing() {
    let text = created::<SliPayload>(&sli()).replace("  - loc-1\n", "  - loc-1\n  - loc-2 # spare\n");
    assert_eq!(apply::<SliPayload>(&sli(), Some(&text)).unwrap(), text);
    let mut other = sli();
    other["runner_uuid"] = json!("loc-3");
    other["interval_seconds"] = json!(30);
    assert_snapshot!(hunks(&text, &apply::<SliPayload>(&other, Some(&text)).unwrap()), @r"
    -  - loc-1
    -  - loc-2 # spare
    -  displayUnitsLong: OK
    -  displayUnitsShort: ok
    -  intervalSeconds: 60
    +  - loc-3
    +  displayUnitsLong: OK
    +  displayUnitsShort: ok
    +  intervalSeconds: 30
    ");
}

#[test]
fn secrets_are_taken_away_by_an_empty_list() {
    let text = created::<RunbookPayload>(&runbook());
    let payload = json!({"slx_id": 7, "secrets_provided": []});
    assert_snapshot!(hunks(&text, &apply::<RunbookPayload>(&payload, Some(&text)).unwrap()), @r"
    -  secretsProvided:
    -  - name: kubeconfig
    -    workspaceKey: k8s:file@secret/kubeconfig:kubeconfig
    +  secretsProvided: []
    ");
}

#[test]
fn repeated_names_are_told_apart() {
    let text = "spec:\n  tags:\n  - {name: a, value: '1', x: one}\n  - {name: a, value: '2', x: two}\n";
    let tags = json!([{"name": "a", "value": "2"}, {"name": "a", "value": "3"}, {"name": "a", "value": "4"}]);
    let text = apply::<SlxPayload>(&json!({"name": "web", "tags": tags}), Some(text)).unwrap();
    assert_snapshot!(text, @r"
    spec:
      tags:
      - {name: a, value: '2', x: two}
      - {name: a, value: '3', x: one}
      - name: a
        value: '4'
    ");
}

#[test]
fn a_file_that_cannot_be_edited_is_refused_and_not_damaged() {
    let payload = json!({"name": "web", "alias": "x"});
    for text in ["spec: [", "spec: [a]", "", "just text", "spec: text"] {
        let error = apply::<SlxPayload>(&payload, Some(text)).unwrap_err();
        assert!(matches!(error, ApplyError::Edit(_)), "{text}: {error}");
    }
    assert!(apply::<SlxPayload>(&payload, Some("spec:\n")).unwrap().contains("alias: x"));
}

#[test]
fn both_spellings_of_every_field_are_read() {
    let camel = |value: &Json| -> Json {
        let fields = value.as_object().unwrap().iter();
        Json::Object(fields.map(|(key, value)| (fields::camel_case(key), value.clone())).collect())
    };
    assert_eq!(parse::<RunbookPayload>(&runbook()), parse(&camel(&runbook())));
    assert_eq!(parse::<SliPayload>(&sli()), parse(&camel(&sli())));
    assert!(camel(&sli()).get("displayUnitsLong").is_some());
}

#[test]
fn the_name_of_an_slx_may_have_its_workspace() {
    let name = |name: &str| {
        let payload = parse::<SlxPayload>(&json!({"name": name})).unwrap();
        payload.slx_name(&workspace()).map(|name| name.as_str().to_owned()).map_err(|error| error.to_string())
    };
    assert_eq!(name("demo--web"), Ok("web".to_owned()));
    assert_eq!(name("web"), Ok("web".to_owned()));
    assert_eq!(name("demo--web--ok"), Ok("web--ok".to_owned()));
    assert_snapshot!(name("other--web").unwrap_err(), @r#"`name` is "other--web", which belongs to no SLX of workspace `demo`; write `demo--<short name>`"#);
    assert_snapshot!(name("demo--../x").unwrap_err(), @r#"SLX name "../x" holds the character '/'; write `demo--<short name>`"#);
    assert_snapshot!(name("demo--").unwrap_err(), @r#"SLX name "" has an empty component; write `demo--<short name>`"#);
}
