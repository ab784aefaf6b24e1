//! Every setting of the server, in one table.

mod branches;
mod parse;
mod read;
mod stores;
mod table;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use url::Url;
use workstead_bundler::Limits;

pub use self::branches::BranchPatterns;
pub use self::parse::Origin;
pub use self::stores::StoreSettings;
pub use self::table::{SETTINGS, Setting, markdown_table};
use crate::auth::client_address::Network;
use crate::codecollections::CodeCollection;
use crate::git_http::{AliasPrefix, GitLimits};

/// Who may create workspaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreatePolicy {
    /// Any signed-in user.
    Any,
    /// Staff only.
    Staff,
}

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Text for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// How large repositories may be, and how they are looked after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RepositorySettings {
    /// Most bytes of one repository's objects.
    pub max_bytes: u64,
    /// How long objects are kept that nothing leads to.
    pub unreachable_grace: Duration,
    /// How often a repository in which something changed is looked after.
    pub housekeeping_interval: Duration,
}

/// The settings in force, all checked.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// `host:port` to listen on.
    pub listen: String,
    /// The address for clients, without a trailing slash; `None` derives it from the listening address.
    pub public_url: Option<Url>,
    /// The admin's e-mail address.
    pub admin_email: String,
    /// The admin's token, when the setting gives one.
    pub admin_token: Option<SecretString>,
    /// The proxies that are believed about where a request comes from.
    pub trusted_proxies: Vec<Network>,
    /// The networks that are not public and may be connected to where people name the address.
    pub egress_allow: Vec<Network>,
    /// Whether such connections may be plain http.
    pub egress_allow_http: bool,
    /// How long a key signs the tokens of logins.
    pub jwt_key_lifetime: Duration,
    /// How many requests a minute one token may make; `None` is any number.
    pub token_requests_per_minute: Option<usize>,
    /// The filter of the log.
    pub log: String,
    /// How a line of the log looks; `None` leaves it to where the lines go.
    pub log_format: Option<LogFormat>,
    /// `host:port` where metrics are answered to whoever asks; `None` is nowhere.
    pub metrics_listen: Option<String>,
    /// The token for which `/metrics` of the API's own address answers; `None` is no such route.
    pub metrics_token: Option<SecretString>,
    /// Where traces are sent, the OTLP base address; `None` is nowhere.
    pub otlp_endpoint: Option<Url>,
    /// Which share of the traces that begin here is kept.
    pub trace_ratio: f64,
    /// Who may create workspaces.
    pub create: CreatePolicy,
    /// Largest JSON body that is not an upload.
    pub max_body_bytes: u64,
    /// What a bundle may be.
    pub upload_limits: Limits,
    /// How many bundles are worked on at the same time.
    pub upload_concurrency: usize,
    /// How many bytes all bundles together may take in memory while they are merged.
    pub upload_memory_bytes: u64,
    /// How many uploads of one workspace may be open or queued.
    pub upload_max_open: u32,
    /// How long an object is kept that was never completed.
    pub upload_retention: Duration,
    /// How long the object of an upload is kept that failed or was cancelled.
    pub upload_failed_retention: Duration,
    /// How long the record of an upload is kept that is over.
    pub upload_history: Duration,
    /// How long events are kept for those who follow a workspace.
    pub event_retention: Duration,
    /// How long the sweeper rests.
    pub upload_sweep_pause: Duration,
    /// What a store shows that notifies of uploads; without it nobody may.
    pub upload_notify_secret: Option<SecretString>,
    /// How long a presigned upload URL works.
    pub presign_lifetime: Duration,
    /// Where uploaded objects lie.
    pub object_store: StoreSettings,
    /// The origins whose pages may upload.
    pub upload_cors_origins: Vec<Origin>,
    /// Whether uploads may prune more than half of a location's SLXs unasked.
    pub allow_mass_prune: bool,
    /// How many runners of one workspace may be registered.
    pub max_runners: u32,
    /// How long after its last heartbeat a runner counts as stale.
    pub runner_stale_after: Duration,
    /// How many secrets one workspace may have.
    pub max_secrets: u32,
    /// Largest value of a secret.
    pub max_secret_bytes: u64,
    /// How many webhooks one workspace may have.
    pub max_webhooks: u32,
    /// The code collections of this installation.
    pub codecollections: Vec<CodeCollection>,
    /// How long the credentials of `get-gitlab-sas` work.
    pub git_credential_lifetime: Duration,
    /// Where repositories are found beside `/git`.
    pub git_alias_prefix: Option<AliasPrefix>,
    /// How large repositories may be, and how they are looked after.
    pub repositories: RepositorySettings,
    /// The branches that only move forward, beside the default one.
    pub protected_branches: BranchPatterns,
    /// What an exchange with a Git client may take.
    pub git_limits: GitLimits,
    /// The program that the hook of a push runs as `program pre-receive --socket <path>`; `None` is this one.
    pub hook_program: Option<PathBuf>,
    /// The platform's language models by category, as JSON; keys in it are never answered.
    pub llm_config: Option<SecretString>,
    /// The client id of the Slack app that workspaces are connected by.
    pub slack_client_id: Option<String>,
    /// The secret of that Slack app; there exactly when the id is.
    pub slack_client_secret: Option<SecretString>,
    /// Where Slack is, without a trailing slash.
    pub slack_base_url: Url,
    /// How long running requests may take to finish at shutdown.
    pub shutdown_grace: Duration,
}

/// Why a setting was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} is {value}: expected {expected}")]
pub struct InvalidSetting {
    /// The environment variable.
    pub name: &'static str,
    /// Its value in quotes, or a word in place of a secret one.
    pub value: String,
    /// What it must look like.
    pub expected: &'static str,
}

impl Settings {
    /// Reads all settings from the process's environment.
    pub fn from_environment() -> Result<Self, InvalidSetting> {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// Returns the admin's token in clear, when the setting gives one.
    pub(crate) fn admin_token(&self) -> Option<&str> {
        self.admin_token.as_ref().map(ExposeSecret::expose_secret)
    }
}

/// Tells whether a text is an e-mail address as far as it matters.
pub(crate) fn is_email(text: &str) -> bool {
    parse::email(text).is_some()
}
