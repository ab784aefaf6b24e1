//! A whole server in a temporary directory, asked without a socket.

mod repository;

use std::collections::BTreeMap;
use std::path::Path;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::StreamExt;
use http_body_util::BodyExt;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use tempfile::TempDir;
use tower::ServiceExt;
use workstead_api::{Server, Settings};
use workstead_bundler::sample::{SampleOptions, sample_workspace};
use workstead_core::name::WorkspaceName;
use workstead_core::path::RepoPath;

/// The admin's token.
pub(crate) const ADMIN: &str = "test-admin-token-0123456789abcdef";
/// The base of all workspaces.
pub(crate) const BASE: &str = "/api/v3/workspaces";

pub(crate) type Files = BTreeMap<RepoPath, Bytes>;

pub(crate) struct TestApp {
    server: Server,
    directory: TempDir,
    settings: Vec<(String, String)>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Asserts the status and returns the body.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        if self.body.is_empty() { Value::Null } else { self.json() }
    }

    /// Asserts an error and returns its code and detail.
    #[track_caller]
    pub(crate) fn error(self, status: u16) -> String {
        let header = self.header("x-request-id").to_owned();
        let content_type = self.header("content-type").to_owned();
        let body = self.expect(status);
        assert_eq!(body["status"], status);
        assert_eq!(body["requestId"], header.as_str());
        assert_eq!(content_type, "application/json");
        format!("{}: {}", body["code"].as_str().unwrap(), body["detail"].as_str().unwrap())
    }
}

impl TestApp {
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    pub(crate) async fn start_with(settings: &[(&str, &str)]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), settings).await
    }

    async fn start_in(directory: TempDir, settings: &[(&str, &str)]) -> Self {
        let data = directory.path().join("data").display().to_string();
        let mut all = BTreeMap::from([
            ("WORKSTEAD_DATA_DIR", data.as_str()),
            ("WORKSTEAD_LISTEN", "127.0.0.1:0"),
            ("WORKSTEAD_PUBLIC_URL", "https://ws.example"),
            ("WORKSTEAD_ADMIN_TOKEN", ADMIN),
            ("WORKSTEAD_ADMIN_EMAIL", "admin@example.com"),
        ]);
        all.extend(settings.iter().copied());
        let server = Settings::from_lookup(|name| all.get(name).map(|value| (*value).to_owned())).unwrap();
        let server = Server::bind(server).await.unwrap();
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self { server, directory, settings: settings.collect() }
    }

    /// Starts on data that another server left.
    pub(crate) async fn start_on(directory: TempDir) -> Self {
        Self::start_in(directory, &[]).await
    }

    /// Stops without any farewell, and leaves the data.
    pub(crate) async fn stop(self) -> TempDir {
        let Self { server, directory, .. } = self;
        drop(server);
        until_free(&directory.path().join("data/repositories/.lock")).await;
        directory
    }

    /// Stops without any farewell and starts again on the same data and settings; `meanwhile` changes the data.
    pub(crate) async fn restart_after(self, meanwhile: impl AsyncFnOnce(&SqlitePool)) -> Self {
        let Self { server, directory, settings } = self;
        drop(server);
        until_free(&directory.path().join("data/repositories/.lock")).await;
        let database = open_database(directory.path()).await;
        meanwhile(&database).await;
        database.close().await;
        let settings: Vec<_> = settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        Self::start_in(directory, &settings).await
    }

    /// Stops without any farewell and starts again on the same data with other settings.
    pub(crate) async fn restart_with(self, settings: &[(&str, &str)]) -> Self {
        Self::start_in(self.stop().await, settings).await
    }

    /// Takes the only workspace away as a deletion does that comes between two steps of a request: its row
    /// first, then its repository, while the server still has both in mind.
    pub(crate) async fn delete_underneath(&self) {
        let repository = self.repository();
        let database = open_database(self.directory.path()).await;
        sqlx::query("UPDATE workspaces SET state = 'deleting'").execute(&database).await.unwrap();
        database.close().await;
        std::fs::remove_dir_all(repository).unwrap();
    }

    /// Changes the database behind the server's back.
    pub(crate) async fn sql(&self, sql: &'static str) {
        let database = open_database(self.directory.path()).await;
        sqlx::query(sql).execute(&database).await.unwrap();
        database.close().await;
    }

    /// Counts what a statement finds.
    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        let database = open_database(self.directory.path()).await;
        let count = sqlx::query_scalar(sql).fetch_one(&database).await.unwrap();
        database.close().await;
        count
    }

    /// Sweeps as if so much time had passed.
    pub(crate) async fn sweep_after(&self, later: SignedDuration) {
        self.server.sweep_uploads(Timestamp::now() + later).await;
    }

    /// Sends to webhooks what is due as if so much time had passed.
    pub(crate) async fn deliver_after(&self, later: SignedDuration) {
        self.server.deliver_to_webhooks(Timestamp::now() + later).await;
    }

    /// Looks after the repositories as if so much time had passed.
    pub(crate) async fn keep_house_after(&self, later: SignedDuration) {
        self.server.keep_house(Timestamp::now() + later).await;
    }

    /// Returns the directory of all data.
    pub(crate) fn data(&self) -> std::path::PathBuf {
        self.directory.path().join("data")
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.server.service().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// Sends a request whose answer may have no end; returns it as it comes.
    pub(crate) async fn open(&self, request: Request<Body>) -> axum::response::Response {
        self.server.service().oneshot(request).await.unwrap()
    }

    /// Asks with a token and, unless it is null, a JSON body.
    pub(crate) async fn ask(&self, token: &str, method: Method, path: &str, body: Value) -> Answer {
        let request =
            Request::builder().method(method).uri(path).header("authorization", format!("Bearer {token}"));
        let request = if body.is_null() {
            request.body(Body::empty())
        } else {
            request.header("content-type", "application/json").body(Body::from(body.to_string()))
        };
        self.send(request.unwrap()).await
    }

    /// Sends all of a JSON body but its end, lets things change, and then ends it.
    pub(crate) async fn slowly(
        &self,
        token: &str,
        method: Method,
        path: &str,
        body: Value,
        change: impl AsyncFnOnce(),
    ) -> Answer {
        let begun = futures_util::stream::iter([Ok::<_, std::io::Error>(Bytes::from(body.to_string()))]);
        let (send, end) = tokio::sync::oneshot::channel::<()>();
        let end = futures_util::stream::once(async {
            end.await.unwrap();
            Ok(Bytes::from_static(b" "))
        });
        let request =
            Request::builder().method(method).uri(path).header("authorization", format!("Bearer {token}"));
        let asked = self.send(request.body(Body::from_stream(begun.chain(end))).unwrap());
        let changed = async {
            change().await;
            send.send(()).unwrap();
        };
        futures_util::future::join(asked, changed).await.0
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(ADMIN, Method::GET, path, Value::Null).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask(ADMIN, Method::POST, path, body).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.ask(ADMIN, Method::PATCH, path, body).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.ask(ADMIN, Method::PUT, path, body).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.ask(ADMIN, Method::DELETE, path, Value::Null).await
    }

    /// Asks with headers of one's own.
    pub(crate) async fn with(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(body.to_owned())).unwrap()).await
    }

    /// Asserts that a text is in no file of the data directory, the database and its log among them.
    pub(crate) fn assert_nowhere(&self, text: &str) {
        let mut holding = Vec::new();
        let mut known = 0;
        let mut directories = vec![self.data()];
        while let Some(directory) = directories.pop() {
            for path in std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
                if path.is_dir() {
                    directories.push(path);
                    continue;
                }
                if !path.is_file() {
                    continue;
                }
                let content = std::fs::read(&path).unwrap();
                let holds = |text: &str| content.windows(text.len()).any(|window| window == text.as_bytes());
                // The admin's address is in the database as it is, so that what is in clear is found.
                known += usize::from(holds("admin@example.com"));
                if holds(text) {
                    holding.push(path);
                }
            }
        }
        assert!(known > 0 && holding.is_empty(), "{holding:?}");
    }

    /// Creates a workspace and returns its object.
    pub(crate) async fn create(&self, name: &str) -> Value {
        self.post(BASE, json!({ "name": name })).await.expect(201)
    }

    /// Makes a user who is not staff, and returns a token.
    ///
    /// The token is put into the database: a way to it by the routes would hash a password each time.
    pub(crate) async fn user(&self, email: &str) -> String {
        let user = self.post("/api/v3/users", json!({ "email": email })).await.expect(201);
        let token = format!("wst_{}", hex::encode(Sha256::digest(email)));
        let database = open_database(self.directory.path()).await;
        sqlx::query("INSERT INTO tokens (id, hash, suffix, kind, user_id, name, created_at) VALUES ($1, $2, $3, 'personal', $4, 'test', 0)")
            .bind(email)
            .bind(hex::encode(Sha256::digest(&token)))
            .bind(&token[token.len() - 4..])
            .bind(user["id"].as_i64().unwrap())
            .execute(&database)
            .await
            .unwrap();
        database.close().await;
        token
    }

    /// Uploads files inline with options, and returns the answer.
    pub(crate) async fn upload(&self, token: &str, name: &str, files: &Files, options: Value) -> Answer {
        let mut body = json!({ "output": STANDARD.encode(bundle(files)), "mergeMode": "keepuploaded" });
        body.as_object_mut().unwrap().extend(options.as_object().cloned().unwrap_or_default());
        self.ask(token, Method::POST, &format!("{BASE}/{name}/upload"), body).await
    }

    /// Asks as `git` does first, with the token as the password, and returns the status.
    pub(crate) async fn git_asks(&self, token: &str, name: &str, service: &str) -> u16 {
        let basic = format!("Basic {}", STANDARD.encode(format!("git:{token}")));
        let path = format!("/git/{name}.git/info/refs?service={service}");
        self.with(Method::GET, &path, &[("authorization", &basic)], "").await.status.as_u16()
    }
}

/// Waits until nobody holds a lock: what a server left running in the background holds it a moment longer.
async fn until_free(lock: &Path) {
    let lock = std::fs::File::open(lock).unwrap();
    let wait = tokio::task::spawn_blocking(move || lock.lock());
    tokio::time::timeout(std::time::Duration::from_mins(1), wait).await.unwrap().unwrap().unwrap();
}

pub(crate) async fn open_database(directory: &Path) -> SqlitePool {
    let file = directory.join("data/workstead.db");
    SqlitePool::connect_with(SqliteConnectOptions::new().filename(file)).await.unwrap()
}

/// Generates a builder's workspace.
pub(crate) fn sample(name: &str, slxs: usize) -> Files {
    sample_workspace(SampleOptions {
        workspace: WorkspaceName::parse(name).unwrap(),
        owner: "owner@example.com".to_owned(),
        slxs,
        location: "location-01".to_owned(),
        seed: 7,
    })
}

/// Packs files as a bundle.
pub(crate) fn bundle(files: &Files) -> Vec<u8> {
    let mut packed = Vec::new();
    workstead_bundler::write(files, &mut packed).unwrap();
    packed
}
