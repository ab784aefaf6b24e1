//! One request that carries the bundle as base64 inside JSON, as the workspace builder does.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use ureq::http::Method;

use super::send::{Upload, Way};
use crate::client::{ClientError, Payload};
use crate::error::CliError;

/// The fields of the builder's own form; others go into the address.
const BODY_FIELDS: [&str; 5] = ["mergeMode", "pruneStaleSlxs", "pruneStaleResources", "message", "buildDate"];

impl Upload<'_> {
    /// Uploads in one request.
    ///
    /// It is safe to send again: what an earlier attempt brought in is found unchanged.
    pub(super) fn inline(&self) -> Result<Value, ClientError> {
        self.effort.way.set(Some(Way::Inline));
        self.effort.provider.replace(None);
        let mut url = self.client.api(&["workspaces", self.workspace.as_str(), "upload"]);
        let mut body = Map::new();
        for (name, value) in self.fields() {
            if BODY_FIELDS.contains(&name) {
                body.insert(name.to_owned(), value);
            } else {
                url.query_pairs_mut().append_pair(name, value.as_str().unwrap_or("true"));
            }
        }
        body.insert("finalizeAction".to_owned(), Value::from("mergeToMain"));
        body.insert("output".to_owned(), Value::from(STANDARD.encode(self.bundle)));
        let body = Value::Object(body).to_string();
        let answer = self.retrying(|| {
            let length = body.len() as u64;
            self.effort.sent.set(self.effort.sent.get() + 1);
            let mut sending = self.manner.talk.sending(length, "the server");
            let mut reader = sending.counting(body.as_bytes());
            let payload = Payload { content_type: "application/json", length, reader: &mut reader };
            let answer = self.client.ask(Method::POST, &url, self.preference(), Some(payload));
            drop(reader);
            sending.end();
            answer
        })?;
        if answer.status != 202 {
            return Ok(answer.json);
        }
        let status = answer.json["statusUrl"].as_str().ok_or_else(|| {
            ClientError::Failed(CliError::unexpected_message(
                "the server queued the upload without a statusUrl",
            ))
        })?;
        let status = self.client.on_this_server(status).map_err(ClientError::Failed)?;
        self.await_end(&status, None, answer.json)
    }
}
