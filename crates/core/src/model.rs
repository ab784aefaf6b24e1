//! What the files of a workspace repository are, and the facts that other parts need of them.

mod cache;
pub(crate) mod date;
mod details;
mod kind;
mod listing;
mod manifest;
mod reference;
mod slx;
mod text;
mod workflow;

pub use cache::{CachedWorkspace, FactsCache};
pub(crate) use details::spec;
pub use details::{NamedValue, SlxDetails};
pub(crate) use kind::persona_name;
pub use kind::{
    FileKind, MANIFEST_FILE, SLX_FILE, UPLOAD_INFO_FILE, WORKSPACE_FILE, WORKSPACE_INFO_FILE, slx_directory,
};
pub(crate) use listing::slx_files;
pub use listing::{SlxListing, list_slxs};
pub use manifest::Manifest;
pub use reference::{SlxReference, WorkspaceReferences};
pub use slx::SlxFacts;
pub(crate) use text::decode;
pub use workflow::WorkflowFacts;

use crate::yaml::{self, Node};

/// The annotation that says who made a file.
const GENERATED_BY: &str = "internal.runwhen.com/generated-by";

/// Parses content as the facts need it: what is no valid YAML simply has no facts.
fn parse(content: &[u8]) -> Option<Node> {
    yaml::parse(decode(content).ok()?).ok()
}

/// Returns the location of the builder that made a file.
fn location(root: &Node) -> Option<String> {
    let maker = root.at(&["metadata", "annotations", GENERATED_BY])?.as_text()?;
    maker.strip_prefix("workspace-builder:").filter(|location| !location.is_empty()).map(str::to_owned)
}

/// Tells whether a workspace builder made a file, and no person said that it is theirs now.
pub fn is_generated(content: &[u8]) -> bool {
    parse(content).is_some_and(|root| SlxFacts::read(&root).is_generated())
}

/// Returns the text of a scalar that is neither null nor empty.
fn text(root: &Node, keys: &[&str]) -> Option<String> {
    root.at(keys)?.as_text().filter(|text| !text.is_empty()).map(str::to_owned)
}
