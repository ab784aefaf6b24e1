//! One request that carries the bundle as base64 inside JSON, as the workspace builder does.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use ureq::http::Method;

use super::{Upload, progress};
use crate::client::{ClientError, Payload};

impl Upload<'_> {
    /// Uploads in one request and returns the server's answer.
    pub(super) fn inline(&self) -> Result<Value, ClientError> {
        let mut url = self.client.api(&["workspaces", self.workspace.as_str(), "upload"]);
        let mut body = Map::new();
        for (name, value) in self.options.fields() {
            // The body is the builder's own form, which has no such field.
            if name == "allowMassPrune" {
                url.query_pairs_mut().append_pair(name, "true");
            } else {
                body.insert(name.to_owned(), value);
            }
        }
        body.insert("finalizeAction".to_owned(), Value::from("mergeToMain"));
        body.insert("output".to_owned(), Value::from(STANDARD.encode(self.bundle)));
        let body = Value::Object(body).to_string();
        let length = body.len() as u64;
        let bar = progress(length);
        let payload =
            Payload { content_type: "application/json", length, reader: &mut bar.wrap_read(body.as_bytes()) };
        let answer = self.client.call(Method::POST, &url, Some(payload));
        bar.finish_and_clear();
        answer
    }
}
