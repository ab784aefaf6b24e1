//! Three requests: a signed address, the bundle put there, and the completion.

use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use ureq::http::Method;
use url::Url;

use super::{Upload, progress};
use crate::client::{ClientError, Payload};
use crate::error::CliError;

/// The part of the server's answer that is needed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Signed {
    url: String,
    #[serde(default)]
    headers: Map<String, Value>,
    max_bytes: Option<u64>,
    complete_url: String,
}

impl Upload<'_> {
    /// Uploads by way of the object store and returns the answer of the completion.
    pub(super) fn presigned(&self) -> Result<Value, ClientError> {
        let signed = self.sign()?;
        self.put(&signed)?;
        let complete = self.client.on_this_server(&signed.complete_url).map_err(ClientError::Failed)?;
        self.client.call(Method::POST, &complete, None)
    }

    fn sign(&self) -> Result<Signed, ClientError> {
        let mut url = self.client.api(&["workspaces", self.workspace.as_str(), "upload"]);
        {
            let mut query = url.query_pairs_mut();
            query.append_pair("size", &self.bundle.len().to_string());
            query.append_pair("sha256", &hex::encode(Sha256::digest(self.bundle)));
            for (name, value) in self.options.fields() {
                query.append_pair(name, value.as_str().unwrap_or("true"));
            }
        }
        let answer = self.client.call(Method::GET, &url, None)?;
        serde_json::from_value(answer).map_err(|error| {
            ClientError::Failed(CliError::unexpected(error, "the server's answer is no signed upload"))
        })
    }

    fn put(&self, signed: &Signed) -> Result<(), ClientError> {
        let length = self.bundle.len() as u64;
        if let Some(limit) = signed.max_bytes.filter(|limit| length > *limit) {
            let message = format!("the bundle has {length} bytes, and the server takes at most {limit}");
            return Err(ClientError::Failed(CliError::user(message)));
        }
        let headers: Vec<(String, String)> = signed
            .headers
            .iter()
            .filter_map(|(name, value)| value.as_str().map(|text| (name.clone(), text.to_owned())))
            .collect();
        let url = Url::parse(&signed.url).map_err(|error| {
            ClientError::Failed(CliError::unexpected(error, "the server signed a bad address"))
        })?;
        let bar = progress(length);
        let payload =
            Payload { content_type: "application/gzip", length, reader: &mut bar.wrap_read(self.bundle) };
        let put = self.client.put_signed(&url, &headers, payload);
        bar.finish_and_clear();
        put
    }
}
