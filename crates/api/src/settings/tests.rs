//! What the settings read, and how they refuse.

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
        ("WORKSTEAD_EGRESS_ALLOW", "10.0.0.0/8 192.168.0.0/16"),
        ("WORKSTEAD_JWT_KEY_DAYS", "0"),
        ("WORKSTEAD_TOKEN_REQUESTS_PER_MINUTE", "0"),
        ("WORKSTEAD_METRICS_LISTEN", "9464"),
        ("WORKSTEAD_REPOSITORY_MAX_BYTES", "0"),
        ("WORKSTEAD_GIT_UNREACHABLE_DAYS", "0"),
        ("WORKSTEAD_GIT_HOUSEKEEPING_HOURS", "daily"),
        ("WORKSTEAD_METRICS_TOKEN", "geheim"),
        ("WORKSTEAD_OTLP_ENDPOINT", "collector:4318"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
        ("WORKSTEAD_TRACE_RATIO", "2"),
        ("WORKSTEAD_TRACE_RATIO", "NaN"),
        ("WORKSTEAD_CREATE", "all"),
        ("WORKSTEAD_UPLOAD_MAX_COMPRESSED_BYTES", "64MB!"),
        ("WORKSTEAD_UPLOAD_CONCURRENCY", "0"),
        ("WORKSTEAD_UPLOAD_SWEEP_SECONDS", "0"),
        ("WORKSTEAD_UPLOAD_NOTIFY_SECRET", "geheim"),
        ("WORKSTEAD_PRESIGN_MINUTES", "721"),
        ("WORKSTEAD_UPLOAD_CORS_ORIGINS", "https://a.example,*"),
        ("WORKSTEAD_ALLOW_MASS_PRUNE", "maybe"),
        ("WORKSTEAD_RUNNER_STALE_MINUTES", "0"),
        ("WORKSTEAD_CODECOLLECTIONS", "name"),
        ("WORKSTEAD_LLM_CONFIG", r#"{"CHAT": {"apiKey": "geheim"}, "chat": {}}"#),
        ("WORKSTEAD_GIT_ALIAS_PREFIX", "platform"),
        ("WORKSTEAD_GIT_ALIAS_PREFIX", "/api/git"),
        ("WORKSTEAD_GIT_PROTECTED_BRANCHES", "release/*,a b"),
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
    WORKSTEAD_EGRESS_ALLOW is "10.0.0.0/8 192.168.0.0/16": expected addresses and networks between commas, like 10.0.0.0/8,192.168.1.7
    WORKSTEAD_JWT_KEY_DAYS is "0": expected a whole number of days from 1 to 3650
    WORKSTEAD_TOKEN_REQUESTS_PER_MINUTE is "0": expected a whole number from 1 to 100000
    WORKSTEAD_METRICS_LISTEN is "9464": expected host:port, like 127.0.0.1:9464
    WORKSTEAD_REPOSITORY_MAX_BYTES is "0": expected a size like 64MiB, or a number of bytes
    WORKSTEAD_GIT_UNREACHABLE_DAYS is "0": expected a whole number of days from 1 to 3650
    WORKSTEAD_GIT_HOUSEKEEPING_HOURS is "daily": expected a whole number of hours from 1 to 8760
    WORKSTEAD_METRICS_TOKEN is a secret of 6 characters: expected at least 32 visible ASCII characters without blanks
    WORKSTEAD_OTLP_ENDPOINT is "collector:4318": expected an http or https URL without query, like http://otel-collector:4318
    OTEL_EXPORTER_OTLP_ENDPOINT is "collector:4318": expected an http or https URL without query, like http://otel-collector:4318
    WORKSTEAD_TRACE_RATIO is "2": expected a number from 0 to 1
    WORKSTEAD_TRACE_RATIO is "NaN": expected a number from 0 to 1
    WORKSTEAD_CREATE is "all": expected any or staff
    WORKSTEAD_UPLOAD_MAX_COMPRESSED_BYTES is "64MB!": expected a size like 64MiB, or a number of bytes
    WORKSTEAD_UPLOAD_CONCURRENCY is "0": expected a whole number of at least 1
    WORKSTEAD_UPLOAD_SWEEP_SECONDS is "0": expected a whole number of seconds from 1 to 86400
    WORKSTEAD_UPLOAD_NOTIFY_SECRET is a secret of 6 characters: expected at least 32 visible ASCII characters without blanks
    WORKSTEAD_PRESIGN_MINUTES is "721": expected a whole number from 1 to 720
    WORKSTEAD_UPLOAD_CORS_ORIGINS is "https://a.example,*": expected origins between commas, like https://portal.example.com,http://localhost:3000
    WORKSTEAD_ALLOW_MASS_PRUNE is "maybe": expected true or false
    WORKSTEAD_RUNNER_STALE_MINUTES is "0": expected a whole number of minutes from 1 to 1440
    WORKSTEAD_CODECOLLECTIONS is "name": expected name=URL,name=URL with http or https URLs, like rw-generic-codecollection=https://git.example.com/rw-generic-codecollection
    WORKSTEAD_LLM_CONFIG is a secret of 42 characters: expected a JSON object with some of DEFAULT, CHAT, BACKGROUND, EMBEDDING, each an object
    WORKSTEAD_GIT_ALIAS_PREFIX is "platform": expected a path like /platform-cluster-01, of letters, digits, dots, dashes and underscores, that no other route has
    WORKSTEAD_GIT_ALIAS_PREFIX is "/api/git": expected a path like /platform-cluster-01, of letters, digits, dots, dashes and underscores, that no other route has
    WORKSTEAD_GIT_PROTECTED_BRANCHES is "release/*,a b": expected names of branches between commas with * for any characters, like release/*,stable
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
    for name in ["WORKSTEAD_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"] {
        let url = with(name, "http://collector:4318/").unwrap().otlp_endpoint.unwrap();
        assert_eq!(url.as_str(), "http://collector:4318/", "{name}");
    }
    assert!(with("WORKSTEAD_ALLOW_MASS_PRUNE", "true").unwrap().allow_mass_prune);
    assert_eq!(with("WORKSTEAD_CREATE", "staff").unwrap().create, CreatePolicy::Staff);
    assert!(with("WORKSTEAD_UPLOAD_RETENTION_HOURS", "87601").is_err());
    let history = with("WORKSTEAD_UPLOAD_HISTORY_DAYS", "2").unwrap().upload_history;
    assert_eq!(history, Duration::from_hours(48));
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
