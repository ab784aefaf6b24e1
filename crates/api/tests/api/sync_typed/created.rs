//! The files that payloads of new SLXs and parts make.

use super::{show, with_whole};

#[tokio::test]
async fn an_slx_and_its_runbook_are_complete_files() {
    let app = with_whole().await;
    insta::assert_snapshot!(show(&app, "web/slx.yaml"), @r"
    apiVersion: runwhen.com/v1
    kind: ServiceLevelX
    metadata:
      name: abc--web
      labels:
        workspace: abc
        slx: abc--web
      annotations:
        internal.runwhen.com/manually-created: 'true'
    spec:
      alias: Pod Health
      imageURL: https://example.com/i.svg
      statement: Pods run
      owners:
      - a@example.com
      tags:
      - name: access
        value: read-write
      - name: data
        value: logs-bulk
    ");
    insta::assert_snapshot!(show(&app, "web/runbook.yaml"), @r"
    apiVersion: runwhen.com/v1
    kind: Runbook
    metadata:
      name: abc--web
      labels:
        workspace: abc
        slx: abc--web
      annotations:
        internal.runwhen.com/manually-created: 'true'
    spec:
      location: loc-1
      codeBundle:
        repoUrl: https://example.com/x.git
        ref: main
        pathToRobot: codebundles/tool-builder/runbook.robot
      configProvided:
      - name: TASK_TITLE
        value: Check pods
      - name: DRY_RUN
        value: 'false'
      runtimeVarsProvided:
      - name: WINDOW
        description: d
        default: 5m
        validation:
          type: regex
          pattern: ^[0-9]+m$
    ");
}

#[tokio::test]
async fn an_indicator_and_an_objective_are_complete_files() {
    let app = with_whole().await;
    insta::assert_snapshot!(show(&app, "web/sli.yaml"), @r"
    apiVersion: runwhen.com/v1
    kind: ServiceLevelIndicator
    metadata:
      name: abc--web
      labels:
        workspace: abc
        slx: abc--web
      annotations:
        internal.runwhen.com/manually-created: 'true'
    spec:
      locations:
      - loc-1
      displayUnitsLong: OK
      displayUnitsShort: ok
      intervalSeconds: 300
      intervalStrategy: intermezzo
      alertConfig:
        tasks:
          persona: eager-edgar
          sessionTTL: 10m
      codeBundle:
        repoUrl: https://example.com/x.git
        ref: main
        pathToRobot: codebundles/cron-scheduler-sli/sli.robot
      configProvided:
      - name: CRON_SCHEDULE
        value: 0 */2 * * *
      secretsProvided:
      - name: kubeconfig
        workspaceKey: k8s:file@secret/kubeconfig:kubeconfig
    ");
    insta::assert_snapshot!(show(&app, "web/slo.yaml"), @r"
    apiVersion: runwhen.com/v1
    kind: ServiceLevelObjective
    metadata:
      name: abc--web
      labels:
        workspace: abc
        slx: abc--web
      annotations:
        internal.runwhen.com/manually-created: 'true'
    spec:
      codeBundle:
        repoUrl: https://example.com/x.git
        ref: main
        pathToYaml: slo.yaml
      sloSpecType: simple-mwmb
      objective: 99
      threshold: 1
      operand: eq
    ");
}
