//! The table of all settings: names, defaults, and what they are for.

use std::fmt::Write;

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

const SIZE: &str = "a size like 64MiB, or a number of bytes";
const COUNT: &str = "a whole number of at least 1";

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
        "WORKSTEAD_EGRESS_ALLOW",
        "",
        "addresses and networks between commas, like 10.0.0.0/8,192.168.1.7",
        "The networks that are not public which webhooks and mirrors may go to; without it, public addresses only.",
    ),
    setting(
        "WORKSTEAD_EGRESS_ALLOW_HTTP",
        "false",
        "true or false",
        "Whether webhooks and mirrors may go to plain http URLs.",
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
        "WORKSTEAD_METRICS_LISTEN",
        "",
        "host:port, like 127.0.0.1:9464",
        "Where `/metrics` is answered to whoever asks, apart from the API; without it, nowhere.",
    ),
    Setting {
        name: "WORKSTEAD_METRICS_TOKEN",
        default: "",
        expected: "at least 32 visible ASCII characters without blanks",
        help: "The bearer token for which the API's own address answers `/metrics`; without it there is no such route.",
        secret: true,
    },
    setting(
        "WORKSTEAD_OTLP_ENDPOINT",
        "",
        "an http or https URL without query, like http://otel-collector:4318",
        "Where traces are sent, by OTLP over HTTP, below /v1/traces; without it `OTEL_EXPORTER_OTLP_ENDPOINT` counts, and without both there are none.",
    ),
    setting(
        "WORKSTEAD_TRACE_RATIO",
        "1",
        "a number from 0 to 1",
        "Which share of the traces that begin here is kept; those that a client began follow the client.",
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
        "WORKSTEAD_UPLOAD_MEMORY_BYTES",
        "1GiB",
        SIZE,
        "How much memory all bundles together may take while they are merged; a larger one is merged alone.",
    ),
    setting(
        "WORKSTEAD_UPLOAD_MAX_OPEN",
        "100",
        "a whole number of at least 1",
        "How many uploads of one workspace may be open or queued.",
    ),
    setting(
        "WORKSTEAD_UPLOAD_RETENTION_HOURS",
        "24",
        "a whole number of hours from 1 to 87600",
        "How long an uploaded object is kept that was never completed.",
    ),
    setting(
        "WORKSTEAD_UPLOAD_FAILED_RETENTION_HOURS",
        "72",
        "a whole number of hours from 1 to 87600",
        "How long the bundle of an upload is kept that failed or was cancelled, so that it can be retried; at most the newest 20 of a workspace are.",
    ),
    setting(
        "WORKSTEAD_UPLOAD_HISTORY_DAYS",
        "90",
        "a whole number of days from 1 to 36500",
        "How long the record of an upload is kept that is over; the newest 100 of a workspace always are.",
    ),
    setting(
        "WORKSTEAD_EVENT_RETENTION_DAYS",
        "30",
        "a whole number of days from 1 to 36500",
        "How long events are kept: what happened to a workspace, for those who follow it.",
    ),
    setting(
        "WORKSTEAD_UPLOAD_SWEEP_SECONDS",
        "60",
        "a whole number of seconds from 1 to 86400",
        "How often the object store is looked through for bundles that nobody completed, and for what is to be deleted.",
    ),
    Setting {
        name: "WORKSTEAD_UPLOAD_NOTIFY_SECRET",
        default: "",
        expected: "at least 32 visible ASCII characters without blanks",
        help: "What a bucket's notifications carry as `Authorization: Bearer`; without it the server takes none.",
        secret: true,
    },
    setting(
        "WORKSTEAD_PRESIGN_MINUTES",
        "15",
        "a whole number from 1 to 720",
        "How long a presigned upload URL works.",
    ),
    setting(
        "WORKSTEAD_S3_BUCKET",
        "",
        "a bucket's name of 3 to 255 of a-z, A-Z, 0-9, dots, dashes and underscores; the other settings of S3 need it",
        "The bucket of S3 or MinIO that uploads are put to; without it, uploads lie in the data directory.",
    ),
    setting(
        "WORKSTEAD_S3_ENDPOINT",
        "",
        "an http or https URL without query, like http://minio:9000, with WORKSTEAD_S3_BUCKET",
        "Where this server reaches the store; without it, AWS S3.",
    ),
    setting(
        "WORKSTEAD_S3_PUBLIC_ENDPOINT",
        "",
        "an http or https URL without query, like https://minio.example.com, with WORKSTEAD_S3_BUCKET",
        "Where clients reach the store, when that is elsewhere: signed URLs name it.",
    ),
    setting(
        "WORKSTEAD_S3_REGION",
        "us-east-1",
        "a region's name of a-z, 0-9 and dashes, like eu-central-1",
        "The region of the bucket.",
    ),
    setting(
        "WORKSTEAD_S3_PATH_STYLE",
        "",
        "true or false",
        "Whether URLs name the bucket in the path instead of the host; without it, where an endpoint is set.",
    ),
    setting(
        "WORKSTEAD_UPLOAD_CORS_ORIGINS",
        "",
        "origins between commas, like https://portal.example.com,http://localhost:3000",
        "The web origins whose pages may upload from the browser.",
    ),
    setting(
        "WORKSTEAD_GCS_BUCKET",
        "",
        "a bucket's name of 3 to 255 of a-z, A-Z, 0-9, dots, dashes and underscores; the other settings of GCS need it",
        "The bucket of Google Cloud Storage that uploads are put to, instead of one of S3.",
    ),
    setting(
        "WORKSTEAD_GCS_ENDPOINT",
        "",
        "an http or https URL without a path, like http://gcs:4443, with WORKSTEAD_GCS_BUCKET",
        "Where this server reaches the store; without it, https://storage.googleapis.com.",
    ),
    setting(
        "WORKSTEAD_GCS_PUBLIC_ENDPOINT",
        "",
        "an http or https URL without a path, like https://storage.googleapis.com, with WORKSTEAD_GCS_BUCKET",
        "Where clients reach the store, when that is elsewhere: signed URLs name it.",
    ),
    setting(
        "WORKSTEAD_GCS_SIGNER",
        "",
        "an e-mail address, like uploads@project.iam.gserviceaccount.com, with WORKSTEAD_GCS_BUCKET",
        "The service account that signs by signBlob, where the credentials are no key file and name none.",
    ),
    setting(
        "GOOGLE_APPLICATION_CREDENTIALS",
        "",
        "the path of a file",
        "The key file or other credentials for Google; without it, those of gcloud, then the machine's service account.",
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
    setting("WORKSTEAD_WEBHOOKS_MAX", "20", COUNT, "How many webhooks one workspace may have."),
    setting(
        "WORKSTEAD_CODECOLLECTIONS",
        "",
        "name=URL,name=URL with http or https URLs, like rw-generic-codecollection=https://git.example.com/rw-generic-codecollection",
        "The code collections that clients take their code bundles from instead of the public ones.",
    ),
    setting(
        "WORKSTEAD_GIT_PROTECTED_BRANCHES",
        "",
        "names of branches between commas with * for any characters, like release/*,stable",
        "Branches that only move forward and are not deleted; the default branch is always one.",
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
    setting(
        "WORKSTEAD_GIT_ALIAS_PREFIX",
        "",
        "a path like /platform-cluster-01, of letters, digits, dots, dashes and underscores, that no other route has",
        "A second address of all repositories, for clients that clone <prefix>/<workspace>.git; /git stays.",
    ),
    setting(
        "WORKSTEAD_REPOSITORY_MAX_BYTES",
        "2GiB",
        SIZE,
        "Largest repository of a workspace, by its packs; writes that would exceed it are refused.",
    ),
    setting(
        "WORKSTEAD_GIT_UNREACHABLE_DAYS",
        "14",
        "a whole number of days from 1 to 3650",
        "How long objects are kept that no branch or tag leads to, as after a forced push or a deleted branch.",
    ),
    setting(
        "WORKSTEAD_GIT_HOUSEKEEPING_HOURS",
        "24",
        "a whole number of hours from 1 to 8760",
        "How often a repository that changed is looked after in the background.",
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
