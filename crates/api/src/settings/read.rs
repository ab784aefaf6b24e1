//! Reading the settings: each by its name in the table.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use workstead_bundler::Limits;

use super::parse::{self, Reader};
use super::{BranchPatterns, CreatePolicy, InvalidSetting, LogFormat, RepositorySettings, Settings, stores};
use crate::auth::client_address::Network;
use crate::codecollections;
use crate::git_http::{AliasPrefix, GitLimits};

impl Settings {
    /// Reads all settings by asking for each by name; an empty value counts as absent.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, InvalidSetting> {
        let reader = Reader::new(&lookup);
        let limits = bundle_limits(&reader)?;
        let git_limits = git_limits(&reader, &limits)?;
        let (slack_client_id, slack_client_secret) = slack_app(&reader)?;
        Ok(Self {
            git_limits,
            git_alias_prefix: reader.read_optional("WORKSTEAD_GIT_ALIAS_PREFIX", AliasPrefix::parse)?,
            protected_branches: reader
                .read_optional("WORKSTEAD_GIT_PROTECTED_BRANCHES", BranchPatterns::parse)?
                .unwrap_or_default(),
            llm_config: reader.read_optional("WORKSTEAD_LLM_CONFIG", parse::llm_config)?,
            slack_client_id,
            slack_client_secret,
            slack_base_url: reader.read("WORKSTEAD_SLACK_BASE_URL", parse::base_url)?,
            hook_program: None,
            data_dir: reader.read("WORKSTEAD_DATA_DIR", |text| Some(PathBuf::from(text)))?,
            listen: reader.read("WORKSTEAD_LISTEN", parse::listen)?,
            public_url: reader.read_optional("WORKSTEAD_PUBLIC_URL", parse::base_url)?,
            admin_email: reader.read("WORKSTEAD_ADMIN_EMAIL", parse::email)?,
            admin_token: reader.read_optional("WORKSTEAD_ADMIN_TOKEN", parse::token)?,
            trusted_proxies: reader
                .read_optional("WORKSTEAD_TRUSTED_PROXIES", Network::parse_list)?
                .unwrap_or_default(),
            egress_allow: reader
                .read_optional("WORKSTEAD_EGRESS_ALLOW", Network::parse_list)?
                .unwrap_or_default(),
            egress_allow_http: reader.read("WORKSTEAD_EGRESS_ALLOW_HTTP", parse::boolean)?,
            jwt_key_lifetime: reader.read("WORKSTEAD_JWT_KEY_DAYS", |text| {
                parse::within(text, 1..=3650).map(|days| Duration::from_hours(days * 24))
            })?,
            token_requests_per_minute: reader
                .read_optional("WORKSTEAD_TOKEN_REQUESTS_PER_MINUTE", |text| {
                    parse::within(text, 1..=100_000)
                })?,
            log: reader.read("WORKSTEAD_LOG", |text| Some(text.to_owned()))?,
            log_format: reader.read_optional("WORKSTEAD_LOG_FORMAT", |text| match text {
                "text" => Some(LogFormat::Text),
                "json" => Some(LogFormat::Json),
                _ => None,
            })?,
            metrics_listen: reader.read_optional("WORKSTEAD_METRICS_LISTEN", parse::listen)?,
            metrics_token: reader.read_optional("WORKSTEAD_METRICS_TOKEN", parse::token)?,
            otlp_endpoint: reader.read_optional_or(
                "WORKSTEAD_OTLP_ENDPOINT",
                "OTEL_EXPORTER_OTLP_ENDPOINT",
                parse::base_url,
            )?,
            trace_ratio: reader.read("WORKSTEAD_TRACE_RATIO", |text| parse::within(text, 0.0..=1.0))?,
            create: reader.read("WORKSTEAD_CREATE", |text| match text {
                "any" => Some(CreatePolicy::Any),
                "staff" => Some(CreatePolicy::Staff),
                _ => None,
            })?,
            max_body_bytes: reader.read("WORKSTEAD_MAX_BODY_BYTES", parse::size)?,
            upload_limits: limits,
            upload_concurrency: reader.read("WORKSTEAD_UPLOAD_CONCURRENCY", parse::at_least_one)?,
            upload_memory_bytes: reader.read("WORKSTEAD_UPLOAD_MEMORY_BYTES", parse::size)?,
            upload_max_open: reader.read("WORKSTEAD_UPLOAD_MAX_OPEN", parse::at_least_one)?,
            upload_retention: reader.read("WORKSTEAD_UPLOAD_RETENTION_HOURS", |text| {
                parse::within(text, 1..=87_600).map(Duration::from_hours)
            })?,
            upload_failed_retention: reader.read("WORKSTEAD_UPLOAD_FAILED_RETENTION_HOURS", |text| {
                parse::within(text, 1..=87_600).map(Duration::from_hours)
            })?,
            upload_history: reader.read("WORKSTEAD_UPLOAD_HISTORY_DAYS", |text| {
                parse::within(text, 1..=36_500).map(|days| Duration::from_hours(days * 24))
            })?,
            event_retention: reader.read("WORKSTEAD_EVENT_RETENTION_DAYS", |text| {
                parse::within(text, 1..=36_500).map(|days| Duration::from_hours(days * 24))
            })?,
            upload_sweep_pause: reader.read("WORKSTEAD_UPLOAD_SWEEP_SECONDS", |text| {
                parse::within(text, 1..=86_400).map(Duration::from_secs)
            })?,
            upload_notify_secret: reader.read_optional("WORKSTEAD_UPLOAD_NOTIFY_SECRET", parse::token)?,
            presign_lifetime: reader.read("WORKSTEAD_PRESIGN_MINUTES", |text| {
                parse::within(text, 1..=720).map(Duration::from_mins)
            })?,
            object_store: stores::read(&reader)?,
            upload_cors_origins: reader
                .read_optional("WORKSTEAD_UPLOAD_CORS_ORIGINS", |text| {
                    text.split(',').map(|entry| parse::Origin::parse(entry.trim())).collect()
                })?
                .unwrap_or_default(),
            allow_mass_prune: reader.read("WORKSTEAD_ALLOW_MASS_PRUNE", parse::boolean)?,
            max_runners: reader.read("WORKSTEAD_RUNNERS_MAX", parse::at_least_one)?,
            runner_stale_after: reader.read("WORKSTEAD_RUNNER_STALE_MINUTES", parse::minutes_of_a_day)?,
            max_secrets: reader.read("WORKSTEAD_SECRETS_MAX", parse::at_least_one)?,
            max_secret_bytes: reader.read("WORKSTEAD_SECRET_MAX_BYTES", parse::size)?,
            max_webhooks: reader.read("WORKSTEAD_WEBHOOKS_MAX", parse::at_least_one)?,
            git_credential_lifetime: reader
                .read("WORKSTEAD_GIT_CREDENTIAL_MINUTES", parse::minutes_of_a_day)?,
            repositories: repositories(&reader)?,
            codecollections: reader.read("WORKSTEAD_CODECOLLECTIONS", codecollections::parse)?,
            shutdown_grace: reader.read("WORKSTEAD_SHUTDOWN_GRACE", |text| {
                text.parse::<u32>().ok().map(|seconds| Duration::from_secs(u64::from(seconds)))
            })?,
        })
    }
}

/// Reads what becomes of repositories.
fn repositories(reader: &Reader<'_>) -> Result<RepositorySettings, InvalidSetting> {
    Ok(RepositorySettings {
        max_bytes: reader.read("WORKSTEAD_REPOSITORY_MAX_BYTES", parse::size)?,
        unreachable_grace: reader.read("WORKSTEAD_GIT_UNREACHABLE_DAYS", |text| {
            parse::within(text, 1..=3650).map(|days| Duration::from_hours(days * 24))
        })?,
        housekeeping_interval: reader.read("WORKSTEAD_GIT_HOUSEKEEPING_HOURS", |text| {
            parse::within(text, 1..=8760).map(Duration::from_hours)
        })?,
    })
}

/// Reads what a bundle may cost.
fn bundle_limits(reader: &Reader<'_>) -> Result<Limits, InvalidSetting> {
    Ok(Limits {
        max_compressed_bytes: reader.read("WORKSTEAD_UPLOAD_MAX_COMPRESSED_BYTES", parse::size)?,
        max_unpacked_bytes: reader.read("WORKSTEAD_UPLOAD_MAX_UNPACKED_BYTES", parse::size)?,
        max_entries: reader.read("WORKSTEAD_UPLOAD_MAX_ENTRIES", parse::at_least_one)?,
        max_file_bytes: reader.read("WORKSTEAD_UPLOAD_MAX_FILE_BYTES", parse::size)?,
        max_path_bytes: reader.read("WORKSTEAD_UPLOAD_MAX_PATH_BYTES", parse::at_least_one)?,
        max_depth: reader.read("WORKSTEAD_UPLOAD_MAX_PATH_DEPTH", parse::at_least_one)?,
    })
}

/// Reads what an exchange with a Git client may take; a pushed file may be as large as one of a bundle.
fn git_limits(reader: &Reader<'_>, bundles: &Limits) -> Result<GitLimits, InvalidSetting> {
    Ok(GitLimits {
        max_push_bytes: reader.read("WORKSTEAD_GIT_MAX_PUSH_BYTES", parse::size)?,
        max_processes: reader.read("WORKSTEAD_GIT_MAX_PROCESSES", parse::at_least_one)?,
        max_time: reader.read("WORKSTEAD_GIT_MAX_MINUTES", parse::minutes_of_a_day)?,
        max_file_bytes: bundles.max_file_bytes,
        max_unpacked_bytes: bundles.max_unpacked_bytes,
        ..GitLimits::default()
    })
}

/// Reads the id and the secret of the Slack app; one without the other is refused.
fn slack_app(reader: &Reader<'_>) -> Result<(Option<String>, Option<SecretString>), InvalidSetting> {
    let slack_client_id = reader.read_optional("WORKSTEAD_SLACK_CLIENT_ID", parse::visible)?;
    let slack_client_secret = reader.read_optional("WORKSTEAD_SLACK_CLIENT_SECRET", |text| {
        parse::visible(text).map(SecretString::from)
    })?;
    match (&slack_client_id, &slack_client_secret) {
        (Some(_), None) => return Err(parse::missing("WORKSTEAD_SLACK_CLIENT_SECRET")),
        (None, Some(_)) => return Err(parse::missing("WORKSTEAD_SLACK_CLIENT_ID")),
        _ => {}
    }
    Ok((slack_client_id, slack_client_secret))
}
