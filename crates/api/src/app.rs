//! What all requests share.

use std::ops::Deref;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use bytes::Bytes;
use moka::sync::Cache;
use secrecy::ExposeSecret;
use serde_json::Value;
use tokio::sync::{Mutex, MutexGuard, OwnedSemaphorePermit, Semaphore};
use url::Url;
use workstead_core::model::FactsCache;
use workstead_core::oid::{BlobId, CommitId};
use workstead_core::repository::RepositoryStore;
use workstead_presign::{LocalStore, ObjectStore};

use crate::auth::Caller;
use crate::auth::login::Failures;
use crate::auth::password::Passwords;
use crate::auth::rate_limit::RateLimit;
use crate::auth::signing::SigningKeys;
use crate::auth::token::TokenHash;
use crate::blocking::Work;
use crate::body::BodyLimit;
use crate::egress::Egress;
use crate::error::ApiError;
use crate::events::Events;
use crate::git_http::GitHttp;
use crate::health::Examinations;
use crate::history::History;
use crate::housekeeping::HousekeepingState;
use crate::llm_config;
use crate::metrics::Metrics;
use crate::mirrors::Mirrors;
use crate::remembered::Remembered;
use crate::right_of_way::RightOfWay;
use crate::routes::openapi::Described;
use crate::seal::ServerKey;
use crate::settings::Settings;
use crate::slack::Slack;
use crate::store::Database;
use crate::turns::Turns;
use crate::upload::{UploadMemory, Uploads};
use crate::view::View;
use crate::webhooks::Webhooks;
use crate::workspace::Workspace;

/// How long an answer of the database is remembered at most; changes are seen at once anyway.
const MEMORY: Duration = Duration::from_secs(30);
/// Most bytes of parsed workspaces and rendered answers that are kept.
const VIEW_BYTES: u64 = 64 << 20;
/// Most bytes of rendered files of SLXs that are kept.
const SLX_FILE_BYTES: u64 = 16 << 20;
/// Most workspaces that are remembered; each keeps the files of its repository open.
///
/// With those that the store keeps open, of some twenty files each, they stay below the usual limit
/// of 1024 open files.
const OPEN_WORKSPACES: u64 = 28;
const INDEX_LOCKS: usize = 64;
/// Most bundles that are put to signed URLs at the same time.
const PUTS: usize = 32;
/// Most of them that go to one workspace.
const PUTS_OF_ONE: usize = 8;
/// Most inline uploads of one workspace that are in memory or wait for it.
const UPLOADS_OF_ONE: usize = 2;

/// The parts of a running server.
pub(crate) struct App {
    /// The settings in force.
    pub(crate) settings: Settings,
    /// The address for clients, without a trailing slash.
    pub(crate) public_url: Url,
    /// All repositories.
    pub(crate) repositories: RepositoryStore,
    /// Facts of blobs.
    pub(crate) facts: FactsCache,
    pub(crate) objects: ObjectStore,
    /// Where our own PUT route writes: the objects' own place, or a stop on their way to a store elsewhere.
    pub(crate) local: Arc<LocalStore>,
    /// The directory of files that live as long as a piece of work; emptied at every start.
    pub(crate) spool: PathBuf,
    pub(crate) git: GitHttp,
    /// What every other key is derived from.
    pub(crate) server_key: ServerKey,
    pub(crate) database: Database,
    pub(crate) callers: Remembered<TokenHash, Caller>,
    pub(crate) passwords: Passwords,
    pub(crate) signing_keys: SigningKeys,
    /// Requests of each token in the last minute, where they are limited.
    pub(crate) token_requests: Option<RateLimit<String>>,
    /// Failed logins of the last minute.
    pub(crate) failures: Failures,
    pub(crate) workspaces: Remembered<String, Arc<Workspace>>,
    pub(crate) views: Cache<(String, CommitId), Arc<View>>,
    /// Files of SLXs as they are answered, by the SLX's name with its workspace.
    pub(crate) slx_files: Cache<(String, BlobId), Bytes>,
    pub(crate) work: Work,
    /// Kibibytes of upload bodies that may be in memory.
    pub(crate) upload_bodies: Arc<Semaphore>,
    /// What bundles take once they are unpacked.
    pub(crate) upload_memory: UploadMemory,
    pub(crate) uploads: Uploads,
    /// Inline uploads of each workspace.
    pub(crate) upload_turns: Turns,
    /// Changes of each workspace's configuration: one after the other, they need not follow each other's commits.
    pub(crate) change_turns: Turns,
    /// Pushes that other writes wait for.
    pub(crate) right_of_way: RightOfWay,
    /// PUTs to the local store.
    pub(crate) puts: Arc<Semaphore>,
    /// PUTs of each workspace.
    pub(crate) put_turns: Turns,
    /// How many bundles may be worked on.
    upload_slots: Arc<Semaphore>,
    index_locks: Vec<Mutex<()>>,
    /// What examinations of workspaces remember.
    pub(crate) health: Examinations,
    pub(crate) housekeeping: HousekeepingState,
    pub(crate) slack: Slack,
    /// Where connections go whose address people named.
    pub(crate) egress: Egress,
    pub(crate) webhooks: Webhooks,
    pub(crate) mirrors: Mirrors,
    pub(crate) events: Events,
    pub(crate) history: History,
    /// What is counted and measured.
    pub(crate) metrics: Metrics,
    /// How the API is described, once somebody asked.
    pub(crate) described: OnceLock<Described>,
    /// The platform's language models, without what is secret in them.
    pub(crate) platform_llm: Option<Value>,
}

/// What [`App`] is made of that had to be opened.
pub(crate) struct Parts {
    pub(crate) settings: Settings,
    pub(crate) public_url: Url,
    pub(crate) database: Database,
    pub(crate) repositories: RepositoryStore,
    pub(crate) objects: ObjectStore,
    pub(crate) local: Arc<LocalStore>,
    pub(crate) spool: PathBuf,
    pub(crate) git: GitHttp,
    pub(crate) mirrors: Mirrors,
    pub(crate) server_key: ServerKey,
}

/// A handle on the running server, cheap to clone.
#[derive(Clone)]
pub(crate) struct AppState(Arc<App>);

impl AppState {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts {
            settings,
            public_url,
            database,
            repositories,
            objects,
            local,
            spool,
            git,
            mirrors,
            server_key,
        } = parts;
        let weigh = |_: &(String, CommitId), view: &Arc<View>| view.weight();
        let weigh_file = |(name, _): &(String, BlobId), body: &Bytes| {
            u32::try_from(name.len() + body.len() + 200).unwrap_or(u32::MAX)
        };
        // Twice as many bodies as are worked on may wait in memory.
        let waiting = settings.upload_concurrency.saturating_mul(2).max(2);
        let kibibytes = (upload_limit(&settings).max_bytes / 1024 + 1) as usize;
        let metrics = Metrics::new();
        metrics.begin_store(objects.provider());
        let git = git.measured_by(metrics.git.clone());
        Self(Arc::new(App {
            public_url,
            repositories,
            facts: FactsCache::new(),
            objects,
            local,
            spool,
            git,
            server_key,
            database,
            callers: Remembered::new(10_000, MEMORY),
            passwords: Passwords::new(),
            signing_keys: SigningKeys::default(),
            token_requests: settings.token_requests_per_minute.map(RateLimit::a_minute),
            failures: Failures::new(),
            workspaces: Remembered::new(OPEN_WORKSPACES, MEMORY),
            views: Cache::builder().max_capacity(VIEW_BYTES).weigher(weigh).build(),
            slx_files: Cache::builder().max_capacity(SLX_FILE_BYTES).weigher(weigh_file).build(),
            work: Work::default(),
            upload_bodies: semaphore(kibibytes.saturating_mul(waiting)),
            upload_memory: UploadMemory::new(settings.upload_memory_bytes),
            uploads: Uploads::default(),
            upload_turns: Turns::new(UPLOADS_OF_ONE),
            change_turns: Turns::new(1),
            right_of_way: RightOfWay::default(),
            puts: semaphore(PUTS),
            put_turns: Turns::new(PUTS_OF_ONE),
            upload_slots: semaphore(settings.upload_concurrency),
            index_locks: (0..INDEX_LOCKS).map(|_| Mutex::new(())).collect(),
            health: Examinations::new(),
            housekeeping: HousekeepingState::default(),
            slack: Slack::new(&settings),
            egress: Egress::new(&settings),
            webhooks: Webhooks::default(),
            mirrors,
            events: Events::default(),
            history: History::default(),
            metrics,
            described: OnceLock::new(),
            platform_llm: settings.llm_config.as_ref().and_then(|text| {
                // It was checked when the settings were read.
                let config = serde_json::from_str(text.expose_secret()).ok()?;
                Some(llm_config::public(&config))
            }),
            settings,
        }))
    }
}

impl AppState {
    /// Returns a handle that does not keep the server alive.
    pub(crate) fn downgrade(&self) -> Weak<App> {
        Arc::downgrade(&self.0)
    }
}

impl App {
    /// Returns the address of a path on the public base.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.public_url.as_str().trim_end_matches('/'))
    }

    /// Returns the same as an address.
    pub(crate) fn address(&self, path: &str) -> Result<Url, ApiError> {
        Url::parse(&self.url(path)).map_err(ApiError::internal)
    }

    /// Returns the limit of JSON bodies.
    pub(crate) fn json_limit(&self) -> BodyLimit {
        BodyLimit {
            what: "the body",
            max_bytes: self.settings.max_body_bytes,
            setting: "WORKSTEAD_MAX_BODY_BYTES",
        }
    }

    /// Returns the limit of an inline upload's body.
    pub(crate) fn upload_limit(&self) -> BodyLimit {
        upload_limit(&self.settings)
    }

    /// Waits until another bundle may be worked on.
    pub(crate) async fn take_upload_slot(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        Arc::clone(&self.upload_slots).acquire_owned().await.map_err(ApiError::internal)
    }

    /// Lets one at a time bring the index of a workspace up to date.
    pub(crate) async fn lock_index(&self, workspace_id: &str) -> MutexGuard<'_, ()> {
        let sum = workspace_id.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31) + usize::from(byte));
        self.index_locks[sum % INDEX_LOCKS].lock().await
    }
}

fn semaphore(permits: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(permits.min(Semaphore::MAX_PERMITS)))
}

/// Base64 makes four bytes of three; the rest is for the fields around it.
fn upload_limit(settings: &Settings) -> BodyLimit {
    let compressed = settings.upload_limits.max_compressed_bytes;
    BodyLimit {
        what: "the upload's body",
        max_bytes: compressed.saturating_add(compressed / 3).saturating_add(64 << 10),
        setting: "WORKSTEAD_UPLOAD_MAX_COMPRESSED_BYTES",
    }
}

impl From<Arc<App>> for AppState {
    fn from(app: Arc<App>) -> Self {
        Self(app)
    }
}

impl Deref for AppState {
    type Target = App;

    fn deref(&self) -> &App {
        &self.0
    }
}
