//! Three requests: an address, the bundle put there, and the completion. Each may be needed again.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};
use ureq::http::Method;
use url::Url;

use super::after_put::{AfterPut, FailedPut};
use super::send::{Stop, Upload, Way};
use crate::client::{ClientError, Payload};
use crate::error::{CliError, Ending};

/// The part of the server's answer that is needed. The address is a secret: no Debug.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Opened {
    upload_id: String,
    url: String,
    #[serde(default)]
    headers: Map<String, Value>,
    #[serde(default)]
    provider: String,
    max_bytes: Option<u64>,
    expires_at: Option<Timestamp>,
    complete_url: String,
    status_url: String,
}

/// An upload that is open: where its bundle goes, and where it is completed.
struct Open {
    put: Url,
    /// The store's name for messages; nothing when it is the server itself.
    store: Option<String>,
    headers: Vec<(String, String)>,
    expires_at: Option<Timestamp>,
    complete: Url,
    status: Url,
}

impl Upload<'_> {
    /// Uploads by an address of the store or of the server.
    ///
    /// What was put is never put again: when an answer is lost, the completion tells whether the bundle is there.
    pub(super) fn by_address(&self, way: Way, other_way: bool) -> Result<Value, Stop> {
        self.effort.way.set(Some(way));
        let mut attempts = self.attempts();
        let (mut refused_before, mut unreached_before) = (false, false);
        loop {
            let open = self.open(way)?;
            let other_way = other_way && open.store.is_some();
            let lost = match self.put(&open) {
                Ok(()) => None,
                Err((error, sent_all)) => {
                    let expired = open.expires_at.is_some_and(|at| at <= Timestamp::now());
                    let put = FailedPut { sent_all, expired, refused_before, other_way, unreached_before };
                    let of_way = |error| if other_way { Stop::Way(error) } else { Stop::Final(error) };
                    match put.next(&error) {
                        AfterPut::Complete => Some(error),
                        AfterPut::Renew => {
                            refused_before = true;
                            let brief = error.brief();
                            self.manner.talk.say(&format!("{brief}; asking for a new address"));
                            continue;
                        }
                        AfterPut::Wait => {
                            let connected = !matches!(&error, ClientError::Unreachable(it) if !it.connected);
                            unreached_before = !connected;
                            self.pause(&mut attempts, error).map_err(of_way)?;
                            continue;
                        }
                        AfterPut::Stop => return Err(of_way(error)),
                        AfterPut::Fail => return Err(Stop::Final(error)),
                    }
                }
            };
            let error = match self.complete(&open) {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            // Only that there is nothing, or nothing any more, is a reason to send it again.
            if !error.has_code("nothing_uploaded") && !error.has_code("upload_expired") {
                return Err(Stop::Final(error));
            }
            let next = attempts.after_pause(error.retry_after());
            self.follow(&attempts, next, lost.unwrap_or(error))?;
        }
    }

    /// Opens an upload.
    fn open(&self, way: Way) -> Result<Open, ClientError> {
        let mut url = self.client.api(&["workspaces", self.workspace.as_str(), "upload"]);
        {
            let mut query = url.query_pairs_mut();
            query.append_pair("size", &self.bundle.len().to_string());
            query.append_pair("sha256", &self.sha256);
            if way == Way::Server {
                query.append_pair("via", way.as_str());
            }
            for (name, value) in self.fields() {
                query.append_pair(name, value.as_str().unwrap_or("true"));
            }
        }
        let answer = self.retrying(|| self.client.call(Method::GET, &url, None))?;
        let opened: Opened = serde_json::from_value(answer).map_err(|error| {
            ClientError::Failed(CliError::unexpected(error, "the server's answer is no open upload"))
        })?;
        self.effort.task.replace(Some(opened.upload_id.clone()));
        self.effort.provider.replace(Some(opened.provider.clone()).filter(|provider| !provider.is_empty()));
        self.check_size(opened.max_bytes)?;
        self.read_open(way, opened).map_err(ClientError::Failed)
    }

    fn check_size(&self, max_bytes: Option<u64>) -> Result<(), ClientError> {
        let length = self.bundle.len() as u64;
        let Some(limit) = max_bytes.filter(|limit| length > *limit) else { return Ok(()) };
        let message = format!("the bundle has {length} bytes, and the server takes at most {limit}");
        let hint = "WORKSTEAD_UPLOAD_MAX_COMPRESSED_BYTES is its setting";
        Err(ClientError::Failed(CliError::user(message).hint(hint).ends(Ending::Refused)))
    }

    fn read_open(&self, way: Way, opened: Opened) -> Result<Open, CliError> {
        let headers = opened.headers.into_iter();
        let headers = headers.filter_map(|(name, value)| Some((name, value.as_str()?.to_owned()))).collect();
        let is_servers = way == Way::Server || opened.provider == "local";
        let put = if is_servers {
            // Where the caller reaches the server counts, not what the server takes for its address.
            self.client.on_this_server(&opened.url)?
        } else {
            let url = Url::parse(&opened.url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
            url.ok_or_else(|| {
                CliError::unexpected_message("the server signed an address that can't be called")
            })?
        };
        let store = format!("the object store at {}", put.origin().ascii_serialization());
        Ok(Open {
            put,
            store: (!is_servers).then_some(store),
            headers,
            expires_at: opened.expires_at,
            complete: self.client.on_this_server(&opened.complete_url)?,
            status: self.client.on_this_server(&opened.status_url)?,
        })
    }

    /// Puts the bundle; an error comes with whether the connection took all bytes.
    fn put(&self, open: &Open) -> Result<(), (ClientError, bool)> {
        let length = self.bundle.len() as u64;
        self.effort.sent.set(self.effort.sent.get() + 1);
        let mut sending = self.manner.talk.sending(length, open.store.as_deref().unwrap_or("the server"));
        let mut reader = sending.counting(self.bundle);
        let payload = Payload { content_type: "application/gzip", length, reader: &mut reader };
        let put = self.client.put_signed(&open.put, &open.headers, payload, open.store.clone());
        drop(reader);
        let sent_all = sending.end();
        put.map_err(|error| (error, sent_all))
    }

    /// Has the bundle taken in.
    fn complete(&self, open: &Open) -> Result<Value, ClientError> {
        let waiting = self.manner.talk.waiting("the server takes it in");
        let completed =
            self.retrying(|| self.client.ask(Method::POST, &open.complete, self.preference(), None));
        drop(waiting);
        match completed {
            Ok(answer) if answer.status == 202 => {
                self.await_end(&open.status, Some(&open.complete), answer.json)
            }
            // Somebody else has it in hand: a notification, or a request of ours whose answer was lost.
            Err(error) if error.has_code("upload_running") => {
                self.await_end(&open.status, Some(&open.complete), Value::Null)
            }
            Ok(answer) => Ok(answer.json),
            Err(error) => Err(error),
        }
    }
}
