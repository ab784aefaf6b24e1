//! One bare repository, served on a free port, and clients of it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use fs_err as fs;
use secrecy::ExposeSecret as _;

use crate::git_http::credentials;
use crate::git_http::exchange::ExchangeError;
use crate::git_http::gateway::{GatewayError, GitHttp, Purpose};
use crate::git_http::limits::GitLimits;
use crate::git_http::push_check::wire::{PushRequest, Verdict};
use crate::git_http::service::Service;

type Rule = Arc<dyn Fn(&PushRequest) -> Verdict + Send + Sync>;

/// What the tests observe of the server.
pub(super) struct Seen {
    /// Pushes that were judged.
    pub(super) judged: Mutex<Vec<PushRequest>>,
    /// How often a push was finished.
    pub(super) finished: Mutex<usize>,
    /// Content encodings of POST requests.
    pub(super) encodings: Mutex<Vec<String>>,
    /// Errors that became statuses.
    pub(super) errors: Mutex<Vec<String>>,
}

struct Shared {
    git: GitHttp,
    repository: PathBuf,
    rule: Mutex<Rule>,
    finish_fails: Mutex<bool>,
    seen: Seen,
}

pub(super) struct Host {
    pub(super) root: tempfile::TempDir,
    pub(super) address: SocketAddr,
    shared: Arc<Shared>,
}

impl Host {
    pub(super) async fn start() -> Self {
        Self::with_limits(GitLimits::default()).await
    }

    pub(super) async fn with_limits(limits: GitLimits) -> Self {
        let root = tempfile::tempdir().unwrap();
        let repository = root.path().join("data/it's a repository.git");
        fs::create_dir_all(&repository).unwrap();
        git(root.path(), &["init", "-q", "--bare", "-b", "main", repository.to_str().unwrap()])
            .await
            .success();
        Self::serve(root, repository, limits).await
    }

    /// Serves an existing repository.
    pub(super) async fn serve(root: tempfile::TempDir, repository: PathBuf, limits: GitLimits) -> Self {
        let git = GitHttp::start(limits, &root.path().join("data/run"), &hook_program(root.path())).unwrap();
        let seen = Seen {
            judged: Mutex::default(),
            finished: Mutex::default(),
            encodings: Mutex::default(),
            errors: Mutex::default(),
        };
        let rule: Rule = Arc::new(|_| Verdict::accepted(Vec::new()));
        let shared = Arc::new(Shared {
            git,
            repository,
            rule: Mutex::new(rule),
            finish_fails: Mutex::default(),
            seen,
        });
        let router = Router::new()
            .route("/git/demo.git/info/refs", get(advertise))
            .route("/git/demo.git/git-upload-pack", post(fetch))
            .route("/git/demo.git/git-receive-pack", post(push))
            .with_state(Arc::clone(&shared));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { root, address, shared }
    }

    /// Judges pushes from now on.
    pub(super) fn rule(&self, rule: impl Fn(&PushRequest) -> Verdict + Send + Sync + 'static) {
        *self.shared.rule.lock().unwrap() = Arc::new(rule);
    }

    /// Lets the end of each push fail from now on.
    pub(super) fn fail_to_finish(&self) {
        *self.shared.finish_fails.lock().unwrap() = true;
    }

    pub(super) fn seen(&self) -> &Seen {
        &self.shared.seen
    }

    pub(super) fn repository(&self) -> &Path {
        &self.shared.repository
    }

    pub(super) fn url(&self) -> String {
        format!("http://anybody:s3cret@{}/git/demo.git", self.address)
    }

    pub(super) fn limits(&self) -> &GitLimits {
        self.shared.git.limits()
    }

    /// Puts a commit with these files on a branch of the served repository, past the server.
    pub(super) async fn seed(&self, files: &[(&str, &[u8])]) {
        let work = self.root.path().join("seed");
        if !work.exists() {
            git(self.root.path(), &["init", "-q", "-b", "main", "seed"]).await.success();
        }
        commit(&work, files).await;
        git(&work, &["push", "-q", self.repository().to_str().unwrap(), "main"]).await.success();
    }

    /// Clones over HTTP into a directory of this name.
    pub(super) async fn clone_to(&self, name: &str, options: &[&str]) -> PathBuf {
        let url = self.url();
        let arguments = [&["clone", "-q"], options, &[&url, name]].concat();
        git(self.root.path(), &arguments).await.success();
        self.root.path().join(name)
    }

    /// Returns every file below the repository's `objects`.
    pub(super) fn object_files(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut open = vec![self.repository().join("objects")];
        while let Some(directory) = open.pop() {
            for entry in fs::read_dir(directory).unwrap() {
                let entry = entry.unwrap();
                if entry.file_type().unwrap().is_dir() {
                    open.push(entry.path());
                }
                found.push(entry.path());
            }
        }
        found.sort();
        found
    }

    /// Waits until no process has the repository on its command line.
    pub(super) async fn wait_until_idle(&self) {
        let name = self.repository().to_str().unwrap();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while processes_naming(name) > 0 {
            assert!(std::time::Instant::now() < deadline, "processes of {name} are left");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
}

/// Counts the living processes with this text on their command line.
pub(super) fn processes_naming(text: &str) -> usize {
    let entries = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let lines = entries.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    lines.filter(|line| line.windows(text.len()).any(|window| window == text.as_bytes())).count()
}

/// What a `git` said.
pub(super) struct Said {
    pub(super) ok: bool,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Said {
    #[track_caller]
    pub(super) fn success(self) -> String {
        assert!(self.ok, "{}{}", self.stdout, self.stderr);
        self.stdout
    }

    #[track_caller]
    pub(super) fn failure(self) -> String {
        assert!(!self.ok, "{}{}", self.stdout, self.stderr);
        self.stderr
    }

    /// Returns what the server said, without Git's marks.
    pub(super) fn remote(&self) -> String {
        let lines = self.stderr.lines().filter_map(|line| line.strip_prefix("remote: "));
        lines.map(str::trim_end).collect::<Vec<_>>().join("\n")
    }
}

/// Runs `git` without this machine's configuration.
pub(super) async fn git(directory: &Path, arguments: &[&str]) -> Said {
    git_with(directory, &[], arguments).await
}

/// Runs `git` with more in its environment.
pub(super) async fn git_with(directory: &Path, more: &[(&str, &str)], arguments: &[&str]) -> Said {
    let mut command = tokio::process::Command::new("git");
    command.current_dir(directory).args(arguments).env_clear();
    for (name, value) in [
        ("PATH", std::env::var("PATH").unwrap().as_str()),
        ("HOME", "/nonexistent"),
        ("LC_ALL", "C"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_TERMINAL_PROMPT", "0"),
        ("GIT_AUTHOR_NAME", "Ann"),
        ("GIT_AUTHOR_EMAIL", "ann@example.com"),
        ("GIT_COMMITTER_NAME", "Ann"),
        ("GIT_COMMITTER_EMAIL", "ann@example.com"),
    ] {
        command.env(name, value);
    }
    command.envs(more.iter().copied());
    let output = command.stdin(std::process::Stdio::null()).kill_on_drop(true).output().await.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Said { ok: output.status.success(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

/// Writes files and commits them.
pub(super) async fn commit(work: &Path, files: &[(&str, &[u8])]) {
    for (path, content) in files {
        fs::create_dir_all(work.join(path).parent().unwrap()).unwrap();
        fs::write(work.join(path), content).unwrap();
    }
    git(work, &["add", "-A"]).await.success();
    git(work, &["commit", "-q", "-m", "change"]).await.success();
}

/// Makes bytes that do not compress.
pub(super) fn noise(size: usize) -> Vec<u8> {
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    (0..size).map(|_| next()).collect()
}

/// Writes the script that stands for `workstead`: it is run as `... pre-receive --socket <path>`.
fn hook_program(root: &Path) -> PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let program = root.join("it's workstead");
    let tests = std::env::current_exe().unwrap();
    let script = format!(
        "#!/bin/sh\n[ \"$1 $2\" = 'pre-receive --socket' ] || exit 9\nexport TEST_HOOK_SOCKET=\"$3\"\n\
         exec '{}' --exact git_http::tests::hook_entry --nocapture >/dev/null\n",
        tests.display()
    );
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    program
}

/// Returns the refusal of a request without the token.
fn refused(shared: &Shared, headers: &HeaderMap) -> Option<Response> {
    let token = credentials::token(headers);
    if token.is_some_and(|token| token.expose_secret() == "s3cret") {
        if let Some(encoding) = headers.get(header::CONTENT_ENCODING) {
            shared.seen.encodings.lock().unwrap().push(encoding.to_str().unwrap().to_owned());
        }
        return None;
    }
    Some((StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, credentials::CHALLENGE)]).into_response())
}

fn shape(shared: &Shared, result: Result<Response, GatewayError>) -> Response {
    result.unwrap_or_else(|error| {
        shared.seen.errors.lock().unwrap().push(error.to_string());
        let status = match error {
            GatewayError::Exchange(ExchangeError::Busy(_)) | GatewayError::PushCheck(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            _ => StatusCode::BAD_REQUEST,
        };
        (status, error.to_string()).into_response()
    })
}

async fn advertise(
    State(shared): State<Arc<Shared>>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    if let Some(refusal) = refused(&shared, &headers) {
        return refusal;
    }
    let Some(service) = query.first().and_then(|(_, word)| Service::parse(word)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    shape(&shared, shared.git.advertise(service, &headers, shared.repository.clone()).await)
}

async fn fetch(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Body) -> Response {
    if let Some(refusal) = refused(&shared, &headers) {
        return refusal;
    }
    let answer = shared.git.exchange(&headers, body, shared.repository.clone(), Purpose::Fetch).await;
    shape(&shared, answer)
}

async fn push(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Body) -> Response {
    if let Some(refusal) = refused(&shared, &headers) {
        return refusal;
    }
    let (judging, finishing) = (Arc::clone(&shared), Arc::clone(&shared));
    let purpose = Purpose::Push {
        judge: Box::new(move |request| {
            judging.seen.judged.lock().unwrap().push(request.clone());
            let rule = Arc::clone(&judging.rule.lock().unwrap());
            rule(request)
        }),
        after: Box::pin(async move {
            *finishing.seen.finished.lock().unwrap() += 1;
            if *finishing.finish_fails.lock().unwrap() { Err("the disk is gone".into()) } else { Ok(()) }
        }),
    };
    let answer = shared.git.exchange(&headers, body, shared.repository.clone(), purpose).await;
    shape(&shared, answer)
}
