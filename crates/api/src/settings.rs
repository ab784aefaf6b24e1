//! Every setting of the server, in one table.

mod parse;

use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use url::Url;
use workstead_bundler::Limits;

use self::parse::Reader;
use crate::client_address::Network;
use crate::codecollections::{self, CodeCollection};
use crate::git_http::GitLimits;

/// One setting: an environment variable, what it means and what it is when absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// The environment variable.
    pub name: &'static str,
    /// The value when the variable is absent, as text; empty when there is none.
    pub default: &'static str,
    /// What a value must look like, as the end of "expected ...".
    pub expected: &'static str,
    /// What it does, one sentence.
    pub help: &'static str,
    /// Whether its value must never be shown.
    pub secret: bool,
}

const fn setting(
    name: &'static str,
    default: &'static str,
    expected: &'static str,
    help: &'static str,
) -> Setting {
    Setting { name, default, expected, help, secret: false }
}

/// All settings, in the order in which the README lists them.
pub const SETTINGS: &[Setting] = &[
    setting(
        "WORKSTEAD_DATA_DIR",
        "./workstead-data",
        "a directory",
        "Where the database, the repositories and the uploaded objects are kept.",
    ),
    setting(
        "WORKSTEAD_LISTEN",
        "127.0.0.1:8700",
        "host:port, like 0.0.0.0:8700",
        "Where the server listens; port 0 takes a free one.",
    ),
    setting(
        "WORKSTEAD_PUBLIC_URL",
        "",
        "an http or https URL without query, like https://workstead.example.com",
        "The address under which clients reach the server; without it, http:// and the listening address.",
    ),
    setting(
        "WORKSTEAD_ADMIN_EMAIL",
        "admin@localhost",
        "an e-mail address",
        "The user whom the admin token stands for.",
    ),
    Setting {
        name: "WORKSTEAD_ADMIN_TOKEN",
        default: "",
        expected: "at least 32 visible ASCII characters without blanks",
        help: "The admin's token; without it one is made at the first start and printed once. A changed one ends the old.",
        secret: true,
    },
    setting(
        "WORKSTEAD_TRUSTED_PROXIES",
        "",
        "addresses and networks between commas, like 10.0.0.0/8,192.0.2.1",
        "The proxies whose X-Forwarded-For says where a request comes from, for the limit of wrong passwords.",
    ),
    setting(
        "WORKSTEAD_JWT_KEY_DAYS",
        "90",
        "a whole number of days from 1 to 3650",
        "How long a key signs the tokens of logins before a new one does.",
    ),
    setting(
        "WORKSTEAD_TOKEN_REQUESTS_PER_MINUTE",
        "",
        "a whole number from 1 to 100000",
        "How many requests a minute one token may make of the API; without it, any number.",
    ),
    setting(
        "WORKSTEAD_LOG",
        "info",
        "a filter like info or workstead=debug,sqlx=warn",
        "What is logged, in tracing's filter syntax.",
    ),
    setting(
        "WORKSTEAD_LOG_FORMAT",
        "",
        "text or json",
        "How a line of the log looks; without it, text on a terminal and JSON elsewhere.",
    ),
    setting(
        "WORKSTEAD_CREATE",
        "any",
        "any or staff",
        "Who may create workspaces: any signed-in user, or staff only.",
    ),
    setting(
        "WORKSTEAD_MAX_BODY_BYTES",
        "16MiB",
        SIZE,
        "Largest JSON body of a request that is not an upload.",
    ),
    setting(
        "WORKSTEAD_UPLOAD_MAX_COMPRESSED_BYTES",
        "64MiB",
        SIZE,
        "Largest bundle as it is sent, compressed.",
    ),
    setting("WORKSTEAD_UPLOAD_MAX_UNPACKED_BYTES", "1GiB", SIZE, "Largest bundle once unpacked."),
    setting("WORKSTEAD_UPLOAD_MAX_ENTRIES", "1000000", COUNT, "Most entries of a bundle."),
    setting("WORKSTEAD_UPLOAD_MAX_FILE_BYTES", "16MiB", SIZE, "Largest single file of a bundle."),
    setting("WORKSTEAD_UPLOAD_MAX_PATH_BYTES", "1024", COUNT, "Most bytes of a path in a bundle."),
    setting("WORKSTEAD_UPLOAD_MAX_PATH_DEPTH", "16", COUNT, "Most levels of a path in a bundle."),
    setting(
        "WORKSTEAD_UPLOAD_CONCURRENCY",
        "2",
        "a whole number of at least 1",
        "How many bundles are unpacked and merged at the same time; more wait.",
    ),
    setting(
        "WORKSTEAD_UPLOAD_MAX_OPEN",
        "100",
        "a whole number of at least 1",
        "How many presigned uploads of one workspace may be open.",
    ),
    setting(
        "WORKSTEAD_UPLOAD_RETENTION_HOURS",
        "24",
        "a whole number of hours from 1 to 87600",
        "How long an uploaded object is kept that was never completed.",
    ),
    setting(
        "WORKSTEAD_PRESIGN_MINUTES",
        "15",
        "a whole number from 1 to 720",
        "How long a presigned upload URL works.",
    ),
    setting(
        "WORKSTEAD_ALLOW_MASS_PRUNE",
        "false",
        "true or false",
        "Whether uploads may prune more than half of a location's SLXs unasked.",
    ),
    setting("WORKSTEAD_RUNNERS_MAX", "100", COUNT, "How many runners of one workspace may be registered."),
    setting(
        "WORKSTEAD_RUNNER_STALE_MINUTES",
        "10",
        "a whole number of minutes from 1 to 1440",
        "How long after its last heartbeat a runner counts as stale.",
    ),
    setting("WORKSTEAD_SECRETS_MAX", "1000", COUNT, "How many secrets one workspace may have."),
    setting("WORKSTEAD_SECRET_MAX_BYTES", "64KiB", SIZE, "Largest value of a secret."),
    setting(
        "WORKSTEAD_CODECOLLECTIONS",
        "",
        "name=URL,name=URL with http or https URLs, like rw-generic-codecollection=https://git.example.com/rw-generic-codecollection",
        "The code collections that clients take their code bundles from instead of the public ones.",
    ),
    setting("WORKSTEAD_GIT_MAX_PUSH_BYTES", "256MiB", SIZE, "Largest pack of a push."),
    setting(
        "WORKSTEAD_GIT_MAX_PROCESSES",
        "32",
        COUNT,
        "How many clones, fetches and pushes run at the same time; more wait a moment and are then turned away.",
    ),
    setting(
        "WORKSTEAD_GIT_MAX_MINUTES",
        "30",
        "a whole number of minutes from 1 to 1440",
        "How long one clone, fetch or push may take.",
    ),
    Setting {
        name: "WORKSTEAD_LLM_CONFIG",
        default: "",
        expected: "a JSON object with some of DEFAULT, CHAT, BACKGROUND, EMBEDDING, each an object",
        help: "The language models of workspaces that neither they nor their organizations name one for.",
        secret: true,
    },
    setting(
        "WORKSTEAD_GIT_CREDENTIAL_MINUTES",
        "60",
        "a whole number of minutes from 1 to 1440",
        "How long the credentials of `get-gitlab-sas` work.",
    ),
    setting(
        "WORKSTEAD_SLACK_CLIENT_ID",
        "",
        "the client id of a Slack app, with WORKSTEAD_SLACK_CLIENT_SECRET",
        "The Slack app that workspaces are connected by; its redirect URL is /api/v3/integrations/slack/callback below WORKSTEAD_PUBLIC_URL.",
    ),
    Setting {
        name: "WORKSTEAD_SLACK_CLIENT_SECRET",
        default: "",
        expected: "the client secret of the Slack app, with WORKSTEAD_SLACK_CLIENT_ID",
        help: "The secret of that Slack app.",
        secret: true,
    },
    setting(
        "WORKSTEAD_SLACK_BASE_URL",
        "https://slack.com",
        "an http or https URL without query",
        "Where Slack is; another one is for tests and for Slack's government cloud.",
    ),
    setting(
        "WORKSTEAD_SHUTDOWN_GRACE",
        "30",
        "a whole number of seconds",
        "How long running requests may take to finish at shutdown.",
    ),
];

const SIZE: &str = "a size like 64MiB, or a number of bytes";
const COUNT: &str = "a whole number of at least 1";

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
    /// How long a key signs the tokens of logins.
    pub jwt_key_lifetime: Duration,
    /// How many requests a minute one token may make; `None` is any number.
    pub token_requests_per_minute: Option<usize>,
    /// The filter of the log.
    pub log: String,
    /// How a line of the log looks; `None` leaves it to where the lines go.
    pub log_format: Option<LogFormat>,
    /// Who may create workspaces.
    pub create: CreatePolicy,
    /// Largest JSON body that is not an upload.
    pub max_body_bytes: u64,
    /// What a bundle may be.
    pub upload_limits: Limits,
    /// How many bundles are worked on at the same time.
    pub upload_concurrency: usize,
    /// How many presigned uploads of one workspace may be open.
    pub upload_max_open: u32,
    /// How long an object is kept that was never completed.
    pub upload_retention: Duration,
    /// How long a presigned upload URL works.
    pub presign_lifetime: Duration,
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
    /// The code collections of this installation.
    pub codecollections: Vec<CodeCollection>,
    /// How long the credentials of `get-gitlab-sas` work.
    pub git_credential_lifetime: Duration,
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
    /// Reads all settings by asking for each by name; an empty value counts as absent.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, InvalidSetting> {
        let reader = Reader::new(&lookup);
        let limits = Limits {
            max_compressed_bytes: reader.read("WORKSTEAD_UPLOAD_MAX_COMPRESSED_BYTES", parse::size)?,
            max_unpacked_bytes: reader.read("WORKSTEAD_UPLOAD_MAX_UNPACKED_BYTES", parse::size)?,
            max_entries: reader.read("WORKSTEAD_UPLOAD_MAX_ENTRIES", parse::at_least_one)?,
            max_file_bytes: reader.read("WORKSTEAD_UPLOAD_MAX_FILE_BYTES", parse::size)?,
            max_path_bytes: reader.read("WORKSTEAD_UPLOAD_MAX_PATH_BYTES", parse::at_least_one)?,
            max_depth: reader.read("WORKSTEAD_UPLOAD_MAX_PATH_DEPTH", parse::at_least_one)?,
        };
        let git_limits = GitLimits {
            max_push_bytes: reader.read("WORKSTEAD_GIT_MAX_PUSH_BYTES", parse::size)?,
            max_processes: reader.read("WORKSTEAD_GIT_MAX_PROCESSES", parse::at_least_one)?,
            max_time: reader.read("WORKSTEAD_GIT_MAX_MINUTES", parse::minutes_of_a_day)?,
            max_file_bytes: limits.max_file_bytes,
            max_unpacked_bytes: limits.max_unpacked_bytes,
            ..GitLimits::default()
        };
        let slack_client_id = reader.read_optional("WORKSTEAD_SLACK_CLIENT_ID", parse::visible)?;
        let slack_client_secret = reader.read_optional("WORKSTEAD_SLACK_CLIENT_SECRET", |text| {
            parse::visible(text).map(SecretString::from)
        })?;
        match (&slack_client_id, &slack_client_secret) {
            (Some(_), None) => return Err(parse::missing("WORKSTEAD_SLACK_CLIENT_SECRET")),
            (None, Some(_)) => return Err(parse::missing("WORKSTEAD_SLACK_CLIENT_ID")),
            _ => {}
        }
        Ok(Self {
            git_limits,
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
                .read_optional("WORKSTEAD_TRUSTED_PROXIES", |text| {
                    text.split(',').map(|entry| Network::parse(entry.trim())).collect()
                })?
                .unwrap_or_default(),
            jwt_key_lifetime: reader.read("WORKSTEAD_JWT_KEY_DAYS", |text| {
                let days = text.parse::<u64>().ok().filter(|days| (1..=3650).contains(days))?;
                Some(Duration::from_secs(days * 24 * 3600))
            })?,
            token_requests_per_minute: reader
                .read_optional("WORKSTEAD_TOKEN_REQUESTS_PER_MINUTE", |text| {
                    text.parse::<usize>().ok().filter(|requests| (1..=100_000).contains(requests))
                })?,
            log: reader.read("WORKSTEAD_LOG", |text| Some(text.to_owned()))?,
            log_format: reader.read_optional("WORKSTEAD_LOG_FORMAT", |text| match text {
                "text" => Some(LogFormat::Text),
                "json" => Some(LogFormat::Json),
                _ => None,
            })?,
            create: reader.read("WORKSTEAD_CREATE", |text| match text {
                "any" => Some(CreatePolicy::Any),
                "staff" => Some(CreatePolicy::Staff),
                _ => None,
            })?,
            max_body_bytes: reader.read("WORKSTEAD_MAX_BODY_BYTES", parse::size)?,
            upload_limits: limits,
            upload_concurrency: reader.read("WORKSTEAD_UPLOAD_CONCURRENCY", parse::at_least_one)?,
            upload_max_open: reader.read("WORKSTEAD_UPLOAD_MAX_OPEN", parse::at_least_one)?,
            upload_retention: reader.read("WORKSTEAD_UPLOAD_RETENTION_HOURS", |text| {
                let hours = text.parse::<u64>().ok().filter(|hours| (1..=87_600).contains(hours))?;
                Some(Duration::from_secs(hours * 3600))
            })?,
            presign_lifetime: reader.read("WORKSTEAD_PRESIGN_MINUTES", |text| {
                let minutes = text.parse::<u64>().ok().filter(|minutes| (1..=720).contains(minutes))?;
                Some(Duration::from_secs(minutes * 60))
            })?,
            allow_mass_prune: reader.read("WORKSTEAD_ALLOW_MASS_PRUNE", parse::boolean)?,
            max_runners: reader.read("WORKSTEAD_RUNNERS_MAX", parse::at_least_one)?,
            runner_stale_after: reader.read("WORKSTEAD_RUNNER_STALE_MINUTES", parse::minutes_of_a_day)?,
            max_secrets: reader.read("WORKSTEAD_SECRETS_MAX", parse::at_least_one)?,
            max_secret_bytes: reader.read("WORKSTEAD_SECRET_MAX_BYTES", parse::size)?,
            git_credential_lifetime: reader
                .read("WORKSTEAD_GIT_CREDENTIAL_MINUTES", parse::minutes_of_a_day)?,
            codecollections: reader.read("WORKSTEAD_CODECOLLECTIONS", codecollections::parse)?,
            shutdown_grace: reader.read("WORKSTEAD_SHUTDOWN_GRACE", |text| {
                text.parse::<u32>().ok().map(|seconds| Duration::from_secs(u64::from(seconds)))
            })?,
        })
    }

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

/// Writes the README's table of settings.
pub fn markdown_table() -> String {
    let mut table = String::from("| Variable | Default | Meaning |\n|---|---|---|\n");
    for setting in SETTINGS {
        let default = match setting.default {
            "" => "none".to_owned(),
            text => format!("`{text}`"),
        };
        let Setting { name, help, expected, .. } = setting;
        // Writing to a string can't fail.
        let _ = writeln!(table, "| `{name}` | {default} | {help} Takes {expected}. |");
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &'static str, value: &'static str) -> Result<Settings, String> {
        let lookup = move |asked: &str| (asked == name).then(|| value.to_owned());
        Settings::from_lookup(lookup).map_err(|error| error.to_string())
    }

    #[test]
    fn every_default_is_valid() {
        let settings = Settings::from_lookup(|_| None).unwrap();
        assert_eq!(settings.listen, "127.0.0.1:8700");
        assert_eq!(settings.upload_limits, Limits::default());
        assert_eq!(settings.presign_lifetime, Duration::from_mins(15));
        assert!(settings.public_url.is_none() && settings.admin_token.is_none());
    }

    #[test]
    fn a_bad_value_is_named_with_what_was_expected() {
        let cases = [
            ("WORKSTEAD_LISTEN", "8700"),
            ("WORKSTEAD_PUBLIC_URL", "ftp://x"),
            ("WORKSTEAD_PUBLIC_URL", "https://x/?a=b"),
            ("WORKSTEAD_ADMIN_EMAIL", "nobody"),
            ("WORKSTEAD_ADMIN_TOKEN", "short"),
            ("WORKSTEAD_TRUSTED_PROXIES", "10.0.0.0/8, proxy"),
            ("WORKSTEAD_JWT_KEY_DAYS", "0"),
            ("WORKSTEAD_TOKEN_REQUESTS_PER_MINUTE", "0"),
            ("WORKSTEAD_CREATE", "all"),
            ("WORKSTEAD_UPLOAD_MAX_COMPRESSED_BYTES", "64MB!"),
            ("WORKSTEAD_UPLOAD_CONCURRENCY", "0"),
            ("WORKSTEAD_PRESIGN_MINUTES", "721"),
            ("WORKSTEAD_ALLOW_MASS_PRUNE", "maybe"),
            ("WORKSTEAD_RUNNER_STALE_MINUTES", "0"),
            ("WORKSTEAD_CODECOLLECTIONS", "name"),
            ("WORKSTEAD_LLM_CONFIG", r#"{"CHAT": {"apiKey": "geheim"}, "chat": {}}"#),
            ("WORKSTEAD_SLACK_CLIENT_ID", "1.2"),
            ("WORKSTEAD_SLACK_CLIENT_SECRET", "geheim"),
            ("WORKSTEAD_SLACK_BASE_URL", "slack.com"),
        ];
        let errors: Vec<_> = cases.map(|(name, value)| with(name, value).unwrap_err()).into();
        insta::assert_snapshot!(errors.join("\n"), @r#"
        WORKSTEAD_LISTEN is "8700": expected host:port, like 0.0.0.0:8700
        WORKSTEAD_PUBLIC_URL is "ftp://x": expected an http or https URL without query, like https://workstead.example.com
        WORKSTEAD_PUBLIC_URL is "https://x/?a=b": expected an http or https URL without query, like https://workstead.example.com
        WORKSTEAD_ADMIN_EMAIL is "nobody": expected an e-mail address
        WORKSTEAD_ADMIN_TOKEN is a secret of 5 characters: expected at least 32 visible ASCII characters without blanks
        WORKSTEAD_TRUSTED_PROXIES is "10.0.0.0/8, proxy": expected addresses and networks between commas, like 10.0.0.0/8,192.0.2.1
        WORKSTEAD_JWT_KEY_DAYS is "0": expected a whole number of days from 1 to 3650
        WORKSTEAD_TOKEN_REQUESTS_PER_MINUTE is "0": expected a whole number from 1 to 100000
        WORKSTEAD_CREATE is "all": expected any or staff
        WORKSTEAD_UPLOAD_MAX_COMPRESSED_BYTES is "64MB!": expected a size like 64MiB, or a number of bytes
        WORKSTEAD_UPLOAD_CONCURRENCY is "0": expected a whole number of at least 1
        WORKSTEAD_PRESIGN_MINUTES is "721": expected a whole number from 1 to 720
        WORKSTEAD_ALLOW_MASS_PRUNE is "maybe": expected true or false
        WORKSTEAD_RUNNER_STALE_MINUTES is "0": expected a whole number of minutes from 1 to 1440
        WORKSTEAD_CODECOLLECTIONS is "name": expected name=URL,name=URL with http or https URLs, like rw-generic-codecollection=https://git.example.com/rw-generic-codecollection
        WORKSTEAD_LLM_CONFIG is a secret of 42 characters: expected a JSON object with some of DEFAULT, CHAT, BACKGROUND, EMBEDDING, each an object
        WORKSTEAD_SLACK_CLIENT_SECRET is absent: expected the client secret of the Slack app, with WORKSTEAD_SLACK_CLIENT_ID
        WORKSTEAD_SLACK_CLIENT_ID is absent: expected the client id of a Slack app, with WORKSTEAD_SLACK_CLIENT_SECRET
        WORKSTEAD_SLACK_BASE_URL is "slack.com": expected an http or https URL without query
        "#);
    }

    #[test]
    fn values_are_read() {
        assert_eq!(
            with("WORKSTEAD_UPLOAD_MAX_FILE_BYTES", "2MiB").unwrap().upload_limits.max_file_bytes,
            2 << 20
        );
        let url = with("WORKSTEAD_PUBLIC_URL", "https://a.example/base/").unwrap().public_url.unwrap();
        assert_eq!(url.as_str(), "https://a.example/base");
        assert!(with("WORKSTEAD_ALLOW_MASS_PRUNE", "true").unwrap().allow_mass_prune);
        assert_eq!(with("WORKSTEAD_CREATE", "staff").unwrap().create, CreatePolicy::Staff);
        assert!(with("WORKSTEAD_UPLOAD_RETENTION_HOURS", "87601").is_err());
        assert_eq!(with("WORKSTEAD_TRUSTED_PROXIES", "10.0.0.0/8, ::1").unwrap().trusted_proxies.len(), 2);
    }

    #[test]
    fn a_secret_is_not_shown() {
        let token = "0123456789abcdef0123456789abcdef";
        let settings = with("WORKSTEAD_ADMIN_TOKEN", token).unwrap();
        assert!(!format!("{settings:?}").contains(token));
        assert_eq!(settings.admin_token(), Some(token));
    }

    #[test]
    fn the_table_lists_every_setting() {
        let table = markdown_table();
        assert_eq!(table.lines().count(), SETTINGS.len() + 2);
        assert!(table.contains("| `WORKSTEAD_LISTEN` | `127.0.0.1:8700` |"));
    }
}
