//! The SLXs of a workspace as clients read them.

mod files;
pub(crate) mod ids;
mod list;
mod name;
mod read;
pub(crate) mod sync;
pub(crate) mod write;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use workstead_core::name::WorkspaceName;
use workstead_core::slx_config::{NamedValue, SlxDocument};

pub(crate) use self::files::read_files;
pub(crate) use self::list::{list, read_filter};
pub(crate) use self::name::{find, not_found, resolve};
pub(crate) use self::read::{read, read_file};
use crate::query::rfc3339;
use crate::schema::Pair;
use crate::store::slx_ids::SlxId;

/// An SLX.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Slx {
    /// Its number in the workspace, which it keeps when it is deleted and made again.
    id: i64,
    /// `<workspace>--<short name>`.
    name: String,
    short_name: String,
    /// The name for people.
    alias: String,
    #[schema(value_type = Vec<Pair>)]
    tags: Vec<NamedValue>,
    has_sli: bool,
    has_slo: bool,
    has_runbook: bool,
    /// `spec` of its `slx.yaml`.
    #[schema(value_type = Object)]
    spec: Value,
    /// When the server first saw it.
    created_at: String,
    /// Why its `slx.yaml` can't be read, if it can't.
    #[serde(skip_serializing_if = "Option::is_none")]
    unreadable: Option<String>,
}

impl Slx {
    fn new(workspace: &WorkspaceName, document: &SlxDocument, number: SlxId) -> Self {
        Self {
            id: number.id,
            name: format!("{workspace}--{}", document.short),
            short_name: document.short.clone(),
            alias: document.alias().to_owned(),
            tags: document.tags.clone(),
            has_sli: document.has_sli,
            has_slo: document.has_slo,
            has_runbook: document.has_runbook,
            spec: document.spec(),
            created_at: rfc3339(number.created_at),
            unreadable: document.unreadable.clone(),
        }
    }
}
