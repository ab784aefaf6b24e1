//! The shapes of what clients write into SLXs.

use serde_json::{Map, Value};
use utoipa::ToSchema;

/// A typed payload.
#[derive(ToSchema)]
pub(crate) struct Typed<T> {
    payload: T,
    /// The commit's message; `commitMsg` is read too.
    commit_msg: Option<String>,
}

/// What is said of a removal.
#[derive(ToSchema)]
pub(crate) struct Message {
    /// The commit's message; `commitMsg` is read too.
    commit_msg: Option<String>,
}

/// The fields of `slx.yaml`.
#[derive(ToSchema)]
pub(crate) struct SlxFields {
    /// `<workspace>--<short name>`, or the short name alone.
    name: String,
    /// The name for people; a new SLX needs it.
    alias: Option<String>,
    /// What should be true of the thing that is watched.
    statement: Option<String>,
    /// E-mail addresses.
    owners: Option<Vec<String>>,
    tags: Option<Vec<Pair>>,
    /// The URL of the icon.
    image_url: Option<String>,
    /// Written as it is.
    additional_context: Option<Map<String, Value>>,
}

/// The fields of `runbook.yaml`.
#[derive(ToSchema)]
pub(crate) struct RunbookFields {
    /// The `resourceId` of the SLX.
    slx_id: i64,
    /// The location that runs it; a new runbook needs it.
    runner_uuid: Option<String>,
    /// A new runbook needs it.
    code_bundle_repo_url: Option<String>,
    code_bundle_ref: Option<String>,
    /// A new runbook needs it.
    code_bundle_path: Option<String>,
    config_provided: Option<Vec<Pair>>,
    secrets_provided: Option<Vec<SecretPair>>,
    /// Written as it is.
    requirements: Option<Map<String, Value>>,
    /// Written as they are.
    runtime_vars_provided: Option<Vec<Map<String, Value>>>,
}

/// The fields of `sli.yaml`.
#[derive(ToSchema)]
pub(crate) struct SliFields {
    /// The `resourceId` of the SLX.
    slx_id: i64,
    /// The location that measures it; a new indicator needs it.
    runner_uuid: Option<String>,
    display_units_long: Option<String>,
    display_units_short: Option<String>,
    description: Option<String>,
    /// A new indicator needs it.
    code_bundle_repo_url: Option<String>,
    code_bundle_ref: Option<String>,
    /// A new indicator needs it.
    code_bundle_path: Option<String>,
    interval_strategy: Option<String>,
    #[schema(minimum = 1)]
    interval_seconds: Option<i64>,
    config_provided: Option<Vec<Pair>>,
    secrets_provided: Option<Vec<SecretPair>>,
    /// Written as it is.
    alert_config: Option<Map<String, Value>>,
}

/// The fields of `slo.yaml`.
#[derive(ToSchema)]
pub(crate) struct SloFields {
    /// The `resourceId` of the SLX.
    slx_id: i64,
    /// A new objective needs it.
    code_bundle_repo_url: Option<String>,
    code_bundle_ref: Option<String>,
    /// A new objective needs it.
    code_bundle_path: Option<String>,
    slo_spec_type: Option<String>,
    objective: Option<f64>,
    threshold: Option<f64>,
    operand: Option<String>,
}

/// A name and its value.
#[derive(ToSchema)]
pub(crate) struct Pair {
    name: String,
    value: String,
}

/// A secret's name and the workspace's key of it.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct SecretPair {
    name: String,
    workspace_key: String,
}
