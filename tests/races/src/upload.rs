//! Pipelines, each with a location of its own.

use std::collections::BTreeMap;

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::json;
use workstead_core::path::RepoPath;

use crate::api::{Client, slx_yaml};
use crate::{Acknowledged, Door, Outcome, Race, Writer};

/// A pipeline that uploads its SLX again and again.
pub(crate) struct Uploader {
    client: Client,
    workspace: String,
    number: usize,
}

impl Uploader {
    pub(crate) fn new(race: &Race, number: usize) -> Self {
        Self { client: Client::new(race), workspace: race.workspace.clone(), number }
    }

    fn bundle(&self, slx: &str, statement: &str) -> Result<Vec<u8>> {
        let workspace = &self.workspace;
        let manifest = format!(
            "kind: Workspace
apiVersion: runwhen.com/v1
metadata:
  name: {workspace}
  annotations:
    internal.runwhen.com/generated-by: workspace-builder:location-{}
spec:
  slxGroups:
  - name: Uploaded {}
    slxs:
    - {slx}
",
            self.number, self.number
        );
        let files = BTreeMap::from([
            (RepoPath::parse("workspace.yaml")?, Bytes::from(manifest)),
            (
                RepoPath::parse(&format!("slxs/{slx}/slx.yaml"))?,
                Bytes::from(slx_yaml(workspace, slx, statement)),
            ),
        ]);
        let mut bundle = Vec::new();
        workstead_bundler::write(&files, &mut bundle)?;
        Ok(bundle)
    }
}

impl Writer for Uploader {
    fn write(&mut self, number: usize, outcome: &mut Outcome) -> Result<()> {
        let slx = format!("uploaded-{}", self.number);
        let statement = format!("upload {number} stands");
        let output = STANDARD.encode(self.bundle(&slx, &statement)?);
        let body = json!({ "output": output, "mergeMode": "keepuploaded", "pruneStaleSlxs": true });
        let path = format!("/api/v3/workspaces/{}/upload", self.workspace);
        let answer = self.client.send("POST", &path, &body)?;
        match answer.json["commit"].as_str() {
            Some(commit) if answer.status == 200 => outcome.acknowledged.push(Acknowledged {
                door: Door::Upload,
                commit: commit.to_owned(),
                path: format!("slxs/{slx}/slx.yaml"),
                text: format!("statement: {statement}\n"),
            }),
            _ => answer.note_refusal(Door::Upload, outcome),
        }
        Ok(())
    }
}
