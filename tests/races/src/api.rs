//! Writers over HTTP, and the client that they share with uploads.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use ureq::Agent;
use ureq::http::Request;

use crate::{Acknowledged, Door, Outcome, Race, Writer};

/// A client with a token.
pub(crate) struct Client {
    agent: Agent,
    url: String,
    token: String,
}

/// What the server answered.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<u64>,
    pub(crate) json: Value,
}

impl Client {
    pub(crate) fn new(race: &Race) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_mins(2)))
            .proxy(None);
        Self { agent: config.build().into(), url: race.url.clone(), token: race.token.clone() }
    }

    pub(crate) fn send(&self, method: &str, path: &str, body: &Value) -> Result<Answer> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", "application/json")
            .body(body.to_string())?;
        let mut response = self.agent.run(request)?;
        let header = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
        let retry_after = header.and_then(|text| text.parse().ok());
        let json = response.body_mut().read_json().context("an answer is no JSON")?;
        Ok(Answer { status: response.status().as_u16(), retry_after, json })
    }
}

impl Answer {
    /// Notes a refusal: clean if it says that it is worth trying again, and when.
    pub(crate) fn note_refusal(&self, door: Door, outcome: &mut Outcome) {
        let code = self.json["code"].as_str().unwrap_or_default();
        let is_clean = matches!((self.status, self.retry_after), (429 | 503, Some(_)) | (409 | 412, _));
        if is_clean && !code.is_empty() {
            outcome.refuse(door, &format!("{} {code}", self.status));
            // Shorter than it says, to keep up the pressure, but not at once.
            std::thread::sleep(Duration::from_millis(50));
        } else {
            outcome.unclean.push(format!("{door:?}: {} {}", self.status, self.json));
        }
    }
}

/// A client that patches a file of its own SLX.
pub(crate) struct Patcher {
    client: Client,
    path: String,
    file: String,
}

impl Patcher {
    /// Prepares the SLX.
    pub(crate) fn new(race: &Race, number: usize) -> Result<Self> {
        let client = Client::new(race);
        let slx = format!("patched-{number}");
        let path = format!("/api/v3/workspaces/{}/branches/main/slxs/{slx}", race.workspace);
        let files = json!({ "slx.yaml": slx_yaml(&race.workspace, &slx, "as it began") });
        let answer = client.send("POST", &path, &json!({ "files": files }))?;
        ensure!(answer.status == 201, "{} {}", answer.status, answer.json);
        Ok(Self { client, path: format!("{path}/slx"), file: format!("slxs/{slx}/slx.yaml") })
    }
}

impl Writer for Patcher {
    fn write(&mut self, number: usize, outcome: &mut Outcome) -> Result<()> {
        let statement = format!("patch {number} stands");
        let patch = json!({ "patch": { "spec": { "statement": statement } } });
        let answer = self.client.send("PATCH", &self.path, &patch)?;
        match answer.json["hexsha"].as_str() {
            Some(commit) if answer.status == 200 => outcome.acknowledged.push(Acknowledged {
                door: Door::Api,
                commit: commit.to_owned(),
                path: self.file.clone(),
                text: format!("statement: {statement}\n"),
            }),
            _ => answer.note_refusal(Door::Api, outcome),
        }
        Ok(())
    }
}

/// Returns an SLX that says something.
pub(crate) fn slx_yaml(workspace: &str, name: &str, statement: &str) -> String {
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
spec:
  alias: {name}
  asMeasuredBy: The share of healthy answers.
  statement: {statement}
  owners:
  - owner@example.com
"
    )
}
