//! Values that the chart does not take, and what it says.

use std::path::Path;

use super::chart::{CHART, Rendered};
use super::programs::HELM;
use crate::support::repository_root;

#[test]
fn wrong_values_are_refused_by_name() {
    if !HELM.is_here() {
        return;
    }
    let wrong = [
        r#"{"replicaCount": 2}"#,
        r#"{"replicas": 1}"#,
        r#"{"store": {"type": "minio", "s3": {"bucket": "uploads"}}}"#,
        r#"{"store": {"type": "s3"}}"#,
        r#"{"store": {"type": "gcs"}}"#,
        r#"{"store": {"type": "azure"}}"#,
        r#"{"settings": {"WORKSTEAD_ADMIN_TOKEN": "0123456789abcdef0123456789abcdef"}}"#,
        r#"{"settings": {"WORKSTEAD_DATA_DIR": "/elsewhere"}}"#,
        r#"{"settings": {"WORKSTEAD_LOGS": "debug"}}"#,
        r#"{"secretSettings": {"WORKSTEAD_LOG": {"secret": "a", "key": "b"}}}"#,
        r#"{"secretSettings": {"WORKSTEAD_ADMIN_TOKEN": {"secret": "a"}}}"#,
        r#"{"ingress": {"enabled": true}}"#,
        r#"{"metrics": {"serviceMonitor": {"enabled": true}}}"#,
        r#"{"metrics": {"enabled": true, "port": 8700}}"#,
        r#"{"publicUrl": "workstead.example.com"}"#,
        r#"{"image": {"digest": "sha256:1234"}}"#,
    ];
    let said: Vec<String> = wrong
        .iter()
        .map(|values| {
            let rendered = Rendered::of_chart(Path::new(CHART), &[values]);
            assert!(rendered.objects.is_empty(), "{values} was taken");
            let lines = rendered.error.lines().filter(|line| line.trim_start().starts_with('-')).map(cut);
            format!("{values}\n{}", lines.collect::<Vec<_>>().join("\n"))
        })
        .collect();
    insta::assert_snapshot!(said.join("\n"), @r#"
    {"replicaCount": 2}
    - at '/replicaCount': maximum: got 2, want 1
    {"replicas": 1}
    - at '': additional properties 'replicas' not allowed
    {"store": {"type": "minio", "s3": {"bucket": "uploads"}}}
    - at '/store': 'allOf' failed
      - at '/store/s3/endpoint': minLength: got 0, want 1
    {"store": {"type": "s3"}}
    - at '/store': 'allOf' failed
      - at '/store/s3/bucket': minLength: got 0, want 3
    {"store": {"type": "gcs"}}
    - at '/store': 'allOf' failed
      - at '/store/gcs/bucket': minLength: got 0, want 3
    {"store": {"type": "azure"}}
    - at '/store/type': value must be one of 'local', 'minio', 's3', 'gcs'
    {"settings": {"WORKSTEAD_ADMIN_TOKEN": "0123456789abcdef0123456789abcdef"}}
    - at '': invalid propertyName 'WORKSTEAD_ADMIN_TOKEN'
      - at '': value must be one of 'WORKSTEAD...
    {"settings": {"WORKSTEAD_DATA_DIR": "/elsewhere"}}
    - at '': invalid propertyName 'WORKSTEAD_DATA_DIR'
      - at '': value must be one of 'WORKSTEAD...
    {"settings": {"WORKSTEAD_LOGS": "debug"}}
    - at '': invalid propertyName 'WORKSTEAD_LOGS'
      - at '': value must be one of 'WORKSTEAD...
    {"secretSettings": {"WORKSTEAD_LOG": {"secret": "a", "key": "b"}}}
    - at '': invalid propertyName 'WORKSTEAD_LOG'
      - at '': value must be one of 'WORKSTEAD...
    {"secretSettings": {"WORKSTEAD_ADMIN_TOKEN": {"secret": "a"}}}
    - at '/secretSettings/WORKSTEAD_ADMIN_TOKEN': missing property 'key'
    {"ingress": {"enabled": true}}
    - at '/ingress/hosts': minItems: got 0, want 1
    {"metrics": {"serviceMonitor": {"enabled": true}}}
    - at '/metrics/enabled': value must be true
    {"metrics": {"enabled": true, "port": 8700}}
    - at '/metrics/port': 'not' failed
    {"publicUrl": "workstead.example.com"}
    - at '/publicUrl': 'workstead.example.com' does not match pattern '^(https?://[^\\s?#]+)?$'
    {"image": {"digest": "sha256:1234"}}
    - at '/image/digest': 'sha256:1234' does not match pattern '^(sha256:[0-9a-f]{64})?$'
    "#);
}

#[test]
fn who_skips_the_schema_is_refused_all_the_same() {
    if !HELM.is_here() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let copy = directory.path().join("workstead");
    copy_without_schema(&repository_root().join(CHART), &copy);
    let said =
        [r#"{"replicaCount": 3}"#, r#"{"metrics": {"serviceMonitor": {"enabled": true}}}"#].map(|values| {
            let error = Rendered::of_chart(&copy, &[values]).error;
            error.split("error calling fail: ").nth(1).unwrap_or(&error).to_owned()
        });
    insta::assert_snapshot!(said.join("\n"), @r#"
    execution error at (workstead/templates/statefulset.yaml:1:4): replicaCount is 3, but only one server may run: its database and its repositories lie on one volume, which it locks; set it to 1
    execution error at (workstead/templates/statefulset.yaml:1:4): metrics.serviceMonitor.enabled is true, but metrics.enabled is false: there is nothing to scrape; enable both or none
    "#);
}

/// Leaves out the list of all settings, which has a test of its own.
fn cut(line: &str) -> String {
    let begin = "value must be one of 'WORKSTEAD";
    line.split_once(begin).map_or_else(|| line.to_owned(), |(before, _)| format!("{before}{begin}..."))
}

fn copy_without_schema(from: &Path, to: &Path) {
    fs_err::create_dir_all(to).unwrap();
    for entry in fs_err::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap();
        if path.is_dir() {
            copy_without_schema(&path, &to.join(name));
        } else if name != "values.schema.json" {
            fs_err::copy(&path, to.join(name)).unwrap();
        }
    }
}
