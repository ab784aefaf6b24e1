//! Workspaces as the builder makes them, small.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};
use workstead_core::path::RepoPath;

use super::http::Answer;
use super::{Git, TestServer};

/// Files by path.
pub(crate) type Content = BTreeMap<String, String>;

/// Returns an SLX as the builder writes it.
pub(crate) fn slx_yaml(workspace: &str, name: &str) -> String {
    format!(
        "apiVersion: runwhen.com/v1
kind: ServiceLevelX
metadata:
  name: {workspace}--{name}
  labels:
    slx: {workspace}--{name}
    workspace: {workspace}
  annotations:
    fullSlxName: {name}-full
    internal.runwhen.com/generated-by: workspace-builder:test-location
spec:
  alias: {name} Health
  asMeasuredBy: The share of healthy answers.
  statement: {name} should be healthy.
  owners:
  - owner@example.com
  tags:
  - name: kind
    value: Deployment
"
    )
}

/// Returns a workspace with these SLXs, all in one group.
pub(crate) fn workspace_files(workspace: &str, slxs: &[&str]) -> Content {
    let mut members = String::new();
    for name in slxs {
        let _ = writeln!(members, "    - {name}");
    }
    let workspace_yaml = format!(
        "kind: Workspace
apiVersion: runwhen.com/v1
metadata:
  name: {workspace}
  annotations:
    internal.runwhen.com/generated-by: workspace-builder:test-location
spec:
  slxGroups:
  - name: Everything
    slxs:
{members}"
    );
    let mut files = Content::from([("workspace.yaml".to_owned(), workspace_yaml)]);
    for name in slxs {
        files.insert(format!("slxs/{name}/slx.yaml"), slx_yaml(workspace, name));
    }
    files
}

/// Packs files into a bundle.
pub(crate) fn bundle(files: &Content) -> Vec<u8> {
    let files = files
        .iter()
        .map(|(path, text)| (RepoPath::parse(path).unwrap(), Bytes::from(text.clone())))
        .collect();
    let mut bundle = Vec::new();
    workstead_bundler::write(&files, &mut bundle).unwrap();
    bundle
}

/// Returns the body of an inline upload.
pub(crate) fn inline_body(files: &Content) -> Value {
    json!({"output": STANDARD.encode(bundle(files)), "mergeMode": "keepexisting"})
}

impl TestServer {
    /// Uploads files as the builder does.
    pub(crate) fn upload(&self, workspace: &str, files: &Content, options: &Value) -> Answer {
        let mut body = inline_body(files);
        for (name, value) in options.as_object().unwrap() {
            body[name] = value.clone();
        }
        self.post(&format!("/api/v3/workspaces/{workspace}/upload"), &body)
    }
}

impl Git {
    /// Writes files into the work tree.
    pub(crate) fn write_all(&self, files: &Content) {
        for (path, text) in files {
            self.write(path, text);
        }
    }
}
