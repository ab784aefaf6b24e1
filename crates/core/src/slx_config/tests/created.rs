//! Files that are written anew.

use insta::assert_snapshot;
use serde_json::json;

use super::{apply, created, runbook, sli};
use crate::slx_config::*;

#[test]
fn an_slx_is_created_whole() {
    let payload = json!({
        "name": "demo--web", "alias": "Pod Health", "statement": "Pods: run # well", "owners": ["a@example.com"],
        "tags": [{"name": "team", "value": "yes"}, {"name": "team", "value": "1.10"}, {"name": "access", "value": "read-write"}],
        "image_url": "https://example.com/prompt.svg",
        "additional_context": {"resourcePath": "custom/kubernetes/prod", "hierarchy": ["team"]},
    });
    assert_snapshot!(created::<SlxPayload>(&payload), @r"
    apiVersion: runwhen.com/v1
    kind: ServiceLevelX
    metadata:
      name: demo--web
      labels:
        workspace: demo
        slx: demo--web
      annotations:
        internal.runwhen.com/manually-created: 'true'
    spec:
      alias: Pod Health
      imageURL: https://example.com/prompt.svg
      statement: 'Pods: run # well'
      owners:
      - a@example.com
      tags:
      - name: team
        value: 'yes'
      - name: team
        value: '1.10'
      - name: access
        value: read-write
      additionalContext:
        resourcePath: custom/kubernetes/prod
        hierarchy:
        - team
    ");
    assert_snapshot!(created::<SlxPayload>(&json!({"name": "web", "alias": "x", "additionalContext": {}})), @r"
    apiVersion: runwhen.com/v1
    kind: ServiceLevelX
    metadata:
      name: demo--web
      labels:
        workspace: demo
        slx: demo--web
      annotations:
        internal.runwhen.com/manually-created: 'true'
    spec:
      alias: x
    ");
}

#[test]
fn a_runbook_is_created_whole() {
    assert_snapshot!(created::<RunbookPayload>(&runbook()), @r#"
    apiVersion: runwhen.com/v1
    kind: Runbook
    metadata:
      name: demo--web
      labels:
        workspace: demo
        slx: demo--web
      annotations:
        internal.runwhen.com/manually-created: 'true'
    spec:
      location: loc-1
      codeBundle:
        repoUrl: https://github.com/runwhen-contrib/rw-generic-codecollection.git
        ref: main
        pathToRobot: codebundles/tool-builder/runbook.robot
      configProvided:
      - name: TASK_TITLE
        value: ''
      - name: GEN_CMD
        value: bWFpbigpIHs=
      - name: CONFIG_ENV_MAP
        value: '{"NAMESPACE": "prod"}'
      - name: SECRET_ENV_MAP
        value: '["kubeconfig"]'
      - name: DRY_RUN
        value: 'false'
      - name: CODE
        value: '012'
      - name: LIMIT
        value: '1e3'
      secretsProvided:
      - name: kubeconfig
        workspaceKey: k8s:file@secret/kubeconfig:kubeconfig
      runtimeVarsProvided:
      - name: WINDOW
        description: d
        default: 5m
        validation:
          type: regex
          pattern: ^[0-9]+m$
        x_extra:
        - 1
        - true
        - null
    "#);
}

#[test]
fn an_indicator_is_created_whole() {
    assert_snapshot!(created::<SliPayload>(&sli()), @r"
    apiVersion: runwhen.com/v1
    kind: ServiceLevelIndicator
    metadata:
      name: demo--web
      labels:
        workspace: demo
        slx: demo--web
      annotations:
        internal.runwhen.com/manually-created: 'true'
    spec:
      locations:
      - loc-1
      displayUnitsLong: OK
      displayUnitsShort: ok
      intervalSeconds: 60
      intervalStrategy: intermezzo
      alertConfig:
        tasks:
          persona: eager-edgar
          sessionTTL: 10m
      codeBundle:
        repoUrl: https://github.com/runwhen-contrib/rw-workspace-utils.git
        ref: main
        pathToRobot: codebundles/cron-scheduler-sli/sli.robot
      configProvided:
      - name: CRON_SCHEDULE
        value: 0 */2 * * *
      - name: DRY_RUN
        value: 'false'
    ");
}

#[test]
fn what_is_left_out_of_a_new_file_has_a_default() {
    let payload = json!({"slxId": "7", "runnerUuid": "loc-1", "codeBundleRepoUrl": "https://example.com/a.git", "codeBundlePath": "sli.robot"});
    let text = created::<SliPayload>(&payload);
    assert_snapshot!(text.split_once("spec:").unwrap().1, @r"
    locations:
    - loc-1
    intervalSeconds: 300
    intervalStrategy: intermezzo
    codeBundle:
      repoUrl: https://example.com/a.git
      ref: main
      pathToRobot: sli.robot
    configProvided: []
    ");
}

#[test]
fn an_objective_is_created_whole() {
    let payload = json!({
        "slx_id": 7, "code_bundle_repo_url": "https://example.com/a.git",
        "code_bundle_path": "codebundles/slo-default/queries.yaml", "slo_spec_type": "simple-mwmb",
        "objective": 99.5, "threshold": 1, "operand": "eq",
    });
    let text = created::<SloPayload>(&payload);
    assert_snapshot!(text.split_once("spec:").unwrap().1, @r"
    codeBundle:
      repoUrl: https://example.com/a.git
      ref: main
      pathToYaml: codebundles/slo-default/queries.yaml
    sloSpecType: simple-mwmb
    objective: 99.5
    threshold: 1
    operand: eq
    ");
}

#[test]
fn an_objective_of_robot_code_says_so() {
    let payload = json!({"slx_id": 7, "code_bundle_repo_url": "https://example.com/a.git", "code_bundle_path": "slo.robot"});
    assert!(created::<SloPayload>(&payload).contains("    pathToRobot: slo.robot\n"));
}

#[test]
fn a_new_file_needs_what_makes_it_run() {
    let missing = |result: Result<String, ApplyError>| result.unwrap_err().to_string();
    assert_snapshot!(missing(apply::<SlxPayload>(&json!({"name": "web"}), None)), @"the payload has no `alias`, which a new SLXModel needs; add it, or name one that exists already");
    assert_snapshot!(missing(apply::<RunbookPayload>(&json!({"slx_id": 7}), None)), @"the payload has no `runner_uuid`, which a new RunbookModel needs; add it, or name one that exists already (and 2 more)");
    assert_snapshot!(missing(apply::<SliPayload>(&json!({"slx_id": 7, "runner_uuid": "x"}), None)), @"the payload has no `code_bundle_repo_url`, which a new SLIModel needs; add it, or name one that exists already (and 1 more)");
    assert_snapshot!(missing(apply::<SloPayload>(&json!({"slx_id": 7}), None)), @"the payload has no `code_bundle_repo_url`, which a new SLOModel needs; add it, or name one that exists already (and 1 more)");
}
