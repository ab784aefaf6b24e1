//! The configuration of one SLX: what clients write into its files, and what they read of it.
//!
//! An SLX is a directory under `slxs/` with up to four known files ([`SlxFile`]). Clients change them by
//! typed payloads ([`SyncPayload`]), by a merge patch of one file ([`patch_file`]), or as a whole
//! ([`delete_slx`]); what nobody asked to change keeps its comments, order and formatting.

mod apply;
#[cfg(test)]
mod corpus;
mod delete;
mod fields;
mod file;
mod filter;
mod index;
#[cfg(test)]
mod laws;
mod patch;
mod payload;
mod read;
#[cfg(test)]
mod refusals;
mod runbook;
mod sli;
mod slo;
mod slx;
#[cfg(test)]
mod tests;

pub use apply::ApplyError;
pub use delete::{DeleteError, delete_slx};
pub use file::{SlxFile, SlxTarget};
pub use filter::SlxFilter;
pub use index::{
    ConfigurationCounts, ConfigurationIndex, GroupEntry, RelationshipEntry, SlxEntry, configuration_index,
};
pub use patch::{PatchError, patch_file};
pub use payload::{CodeBundle, NamedSecret, PayloadError, SyncPayload};
pub use read::{
    FileJson, FileReadError, SlxDocument, SlxPage, find_slx, list_slx_documents, list_slx_page,
    read_file_json, read_slx,
};
pub use runbook::RunbookPayload;
pub use sli::SliPayload;
pub use slo::SloPayload;
pub use slx::SlxPayload;

pub use crate::model::{NamedValue, SlxDetails};
