//! A server, its store, and a proxy before the store for each of those that talk to it.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::Value;
use ureq::http::Method;
use url::Url;
use workstead_presign::{ObjectStore, S3Config, S3Credentials, S3Store};
use workstead_test_stores::{Garage, Proxy};

use crate::support::{Answer, Content, ServerOptions, TestServer, bundle, send};

/// The API of workspaces.
pub(super) const BASE: &str = "/api/v3/workspaces";

/// The three parties of a presigned upload.
pub(super) struct World {
    pub(super) server: TestServer,
    /// Between the server and the store.
    pub(super) internal: Proxy,
    /// Between clients and the store.
    pub(super) public: Proxy,
    pub(super) garage: Garage,
    options: ServerOptions,
}

impl World {
    /// Starts all; nothing where `scripts/test` could not install the store.
    pub(super) fn start(settings: &[(&'static str, &str)]) -> Option<Self> {
        let garage = Garage::start()?;
        let (internal, public) = (Proxy::start(&garage.endpoint()), Proxy::start(&garage.endpoint()));
        let key = garage.key();
        let mut environment = vec![
            ("WORKSTEAD_S3_BUCKET", garage.bucket().to_owned()),
            ("WORKSTEAD_S3_REGION", Garage::REGION.to_owned()),
            ("WORKSTEAD_S3_ENDPOINT", internal.endpoint()),
            ("WORKSTEAD_S3_PUBLIC_ENDPOINT", public.endpoint()),
            ("AWS_ACCESS_KEY_ID", key.id.clone()),
            ("AWS_SECRET_ACCESS_KEY", key.secret.clone()),
        ];
        environment.extend(settings.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let options = ServerOptions { environment, ..ServerOptions::default() };
        let server = TestServer::start_with(&options);
        Some(Self { server, internal, public, garage, options })
    }

    /// Ends the server as a crash does and starts it again.
    pub(super) fn crash(&mut self) {
        self.server.signal("KILL");
        self.server.wait();
        self.server.run(&self.options);
    }

    /// Opens an upload.
    pub(super) fn open(&self, workspace: &str, query: &str) -> Value {
        self.server.get(&format!("{BASE}/{workspace}/upload?{query}")).expect(200).json
    }

    /// Opens an upload and puts a bundle.
    pub(super) fn opened(&self, workspace: &str, files: &Content) -> Value {
        let target = self.open(workspace, "");
        put(&target, &bundle(files)).expect(200);
        target
    }

    /// Sends a request about an upload to one of its addresses.
    pub(super) fn post(&self, target: &Value, field: &str) -> Answer {
        self.server.call(Method::POST, path(target, field), Some(b""))
    }

    /// Completes an upload.
    pub(super) fn complete(&self, target: &Value) -> Answer {
        self.post(target, "completeUrl")
    }

    /// Asks how an upload stands.
    pub(super) fn status(&self, target: &Value) -> Value {
        self.server.get(path(target, "statusUrl")).expect(200).json
    }

    /// Shows an upload's record.
    pub(super) fn record(&self, workspace: &str, target: &Value) -> Value {
        let id = target["uploadId"].as_str().unwrap();
        self.server.get(&format!("{BASE}/{workspace}/uploads/{id}")).expect(200).json
    }

    /// Waits until the bucket is empty: what was taken in is deleted after its answer.
    pub(super) fn wait_until_empty(&self) {
        let since = Instant::now();
        while self.objects() > 0 {
            assert!(since.elapsed() < Duration::from_secs(20), "{} objects stay", self.objects());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Counts the objects in the bucket.
    pub(super) fn objects(&self) -> usize {
        let key = self.garage.key();
        let config = S3Config {
            endpoint: Some(Url::parse(&self.garage.endpoint()).unwrap()),
            credentials: S3Credentials::Fixed {
                access_key_id: key.id.clone(),
                secret_access_key: key.secret.clone().into(),
            },
            ..S3Config::new(self.garage.bucket(), Garage::REGION)
        };
        let store = ObjectStore::S3(std::sync::Arc::new(S3Store::new(config).unwrap()));
        store.list_older_than(Timestamp::MAX).unwrap().objects.len()
    }
}

/// Returns the path of one of an upload's addresses; another port is another run of the same server.
fn path<'a>(target: &'a Value, field: &str) -> &'a str {
    let url = target[field].as_str().unwrap();
    &url[url.find("/api/").unwrap()..]
}

/// Puts bytes exactly as the server said.
pub(super) fn put(target: &Value, bytes: &[u8]) -> Answer {
    send(Method::PUT, target["url"].as_str().unwrap(), &headers(target), Some(bytes))
}

/// Returns the headers that the server demands, but for the length, which every client sends.
pub(super) fn headers(target: &Value) -> Vec<(&str, &str)> {
    let headers = target["headers"].as_object().unwrap().iter();
    let headers = headers.filter(|(name, _)| !name.eq_ignore_ascii_case("content-length"));
    headers.map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect()
}
