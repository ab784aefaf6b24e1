//! The shapes of answers that are rendered from Git or from records, for the description of the API.
//!
//! Answers that are made of a type of their own describe themselves; these are those that are not. The test of
//! the description against the live server (`scripts/test`, schemathesis) keeps them true.
#![expect(dead_code, reason = "they describe JSON that is made elsewhere, field by field")]

mod payloads;
mod plans;
mod uploads;

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

pub(crate) use self::payloads::{Message, Pair, RunbookFields, SliFields, SloFields, SlxFields, Typed};
pub(crate) use self::uploads::{
    StoreNotification, UploadAccepted, UploadAnswer, UploadFilter, UploadInline, UploadQuery, UploadRow,
    UploadTarget, UploadTask, Waiting,
};

/// One page of a list.
#[derive(ToSchema)]
pub(crate) struct Page<T> {
    /// How many there are on all pages.
    count: u64,
    /// The address of the next page.
    #[schema(required)]
    next: Option<String>,
    /// The address of the page before.
    #[schema(required)]
    previous: Option<String>,
    results: Vec<T>,
}

/// Which page of a list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// The page, counted from 1; one beyond the end is 404.
    #[param(minimum = 1)]
    page: Option<u64>,
    /// How many a page holds, 100 unless told, at most 1000.
    #[param(minimum = 1)]
    page_size: Option<u64>,
    /// How many to answer, for clients that count by offset.
    #[param(minimum = 1)]
    limit: Option<u64>,
    /// How many to leave out.
    offset: Option<u64>,
}

/// A workspace in a list.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct WorkspaceListRow {
    name: String,
    #[schema(required)]
    display_name: Option<String>,
    /// The owner's e-mail address.
    owner: String,
    enabled_locations: Vec<String>,
    created_at: String,
    /// When the server last moved the default branch.
    updated_at: String,
}

/// A workspace with its configuration.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct WorkspaceObject {
    name: String,
    #[schema(required)]
    display_name: Option<String>,
    owner: String,
    enabled_locations: Vec<String>,
    /// Values by name.
    config_provided: BTreeMap<String, String>,
    /// Names of the workspace's secrets, by the name under which they are asked for.
    secrets_provided: BTreeMap<String, String>,
    slx_groups: BTreeMap<String, SlxGroup>,
    created_at: String,
    updated_at: String,
    /// The lists exactly as `workspace.yaml` has them.
    spec: Map<String, Value>,
    /// The same as `displayName`.
    #[schema(required)]
    alias: Option<String>,
    /// Where Git clones it from.
    repo_url: String,
    branch: String,
    /// The commit that this was read from.
    revision: String,
}

/// SLXs that belong together.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct SlxGroup {
    /// Short names.
    slxs: Vec<String>,
    /// Groups that this one depends on.
    depends_on: Option<Vec<String>>,
}

/// What somebody may do with a workspace; each may what those before it may.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum RoleName {
    ReadOnly,
    ReadAndRun,
    ReadAndRunWithAssistant,
    ReadWrite,
    Admin,
}

/// A person or group with a role.
#[derive(ToSchema)]
pub(crate) struct Permission {
    /// An e-mail address; either this or `group`.
    user: Option<String>,
    /// A group of this server.
    group: Option<String>,
    role: RoleName,
}

/// A workspace's new configuration; what GET answers is accepted back.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct WorkspaceWrite {
    display_name: Option<String>,
    /// Only an admin may change it.
    owner: Option<String>,
    enabled_locations: Option<Vec<String>>,
    config_provided: Option<BTreeMap<String, String>>,
    secrets_provided: Option<BTreeMap<String, String>>,
    slx_groups: Option<BTreeMap<String, SlxGroup>>,
    /// Only an admin may change it.
    permissions: Option<Vec<Permission>>,
}

/// A workspace to be made.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct WorkspaceCreate {
    /// 2 to 63 lower-case letters, digits and single hyphens.
    #[schema(min_length = 2, max_length = 63, pattern = "^[a-z0-9]+(-[a-z0-9]+)*$")]
    name: String,
    display_name: Option<String>,
    /// Staff may name somebody else than themselves.
    #[schema(pattern = "^[^@]+@[^@]+$", max_length = 254)]
    owner: Option<String>,
    enabled_locations: Option<Vec<String>>,
    config_provided: Option<BTreeMap<String, String>>,
    secrets_provided: Option<BTreeMap<String, String>>,
    slx_groups: Option<BTreeMap<String, SlxGroup>>,
    permissions: Option<Vec<Permission>>,
}

/// How the server stands, in one word.
#[derive(ToSchema)]
pub(crate) struct Standing {
    status: String,
}

/// A choice.
#[derive(ToSchema)]
pub(crate) struct SlxOption {
    /// The short name.
    value: String,
    /// The alias.
    label: String,
}

/// What the builder's configuration is to say.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct BuilderConfigQuery {
    /// How many hours the token works, 720 unless told.
    #[param(minimum = 1, maximum = 4320)]
    hours: Option<u64>,
    /// The location that the builder runs at; without it the workspace's first.
    location: Option<String>,
    /// `json` or `yaml`; without it as `Accept` asks, else JSON.
    #[param(pattern = "^(json|yaml)?$")]
    format: Option<String>,
}

/// What a template is to be filled with.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DefaultManifestQuery {
    /// The short name of the SLX that the template is about, `my-slx` unless told.
    name: Option<String>,
    /// The location; without it the workspace's first.
    location: Option<String>,
    /// `json` or `yaml`; without it as `Accept` asks, else JSON.
    #[param(pattern = "^(json|yaml)?$")]
    format: Option<String>,
}

/// The workspace builder's `uploadInfo.yaml`.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct BuilderConfig {
    workspace_name: String,
    /// A new token that may upload to this workspace and do nothing else.
    token: String,
    workspace_owner_email: String,
    #[schema(rename = "papiURL")]
    papi_url: String,
    location_id: String,
    location_name: String,
    default_location: String,
    default_location_name: String,
}
