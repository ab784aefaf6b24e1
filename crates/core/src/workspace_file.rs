//! The file `workspace.yaml`: reading it, the configuration in it, and edits that keep people's text.

mod edit;
mod fields;
mod json;
#[cfg(test)]
mod laws;
mod read;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use indexmap::IndexMap;

pub use edit::{edit_workspace, new_workspace};
pub use fields::{FieldProblem, merge};

use crate::yaml::{Node, SyntaxError, parse};

/// Fields of the workspace object that a client may send back but that are not its configuration.
///
/// They are derived, or handled outside the file, so they are ignored here.
pub const IGNORED_FIELDS: [&str; 9] =
    ["name", "owner", "createdAt", "updatedAt", "spec", "alias", "repoUrl", "branch", "revision"];

/// The configuration that the HTTP API shows and changes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WorkspaceConfig {
    /// The name for people, `spec.displayName`.
    pub display_name: Option<String>,
    /// The locations that work for the workspace; the first one is the default.
    pub enabled_locations: Vec<String>,
    /// Configuration values by name.
    pub config_provided: IndexMap<String, String>,
    /// The workspace's key of each secret by name.
    pub secrets_provided: IndexMap<String, String>,
    /// The groups of SLXs by name.
    pub slx_groups: IndexMap<String, SlxGroup>,
    /// How SLXs relate to each other.
    pub slx_relationships: Vec<Relationship>,
    /// Who may do what.
    pub permissions: Vec<Permission>,
}

/// A group of SLXs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SlxGroup {
    /// The short names of its members.
    pub slxs: Vec<String>,
    /// The groups that it depends on.
    pub depends_on: Vec<String>,
}

/// A statement about two SLXs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Relationship {
    /// The SLX that it is about.
    pub subject: String,
    /// What the subject does; free text.
    pub verb: String,
    /// The SLX that it does it to.
    pub object: String,
}

/// A role that is given to somebody.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Permission {
    /// Who gets it.
    pub subject: Subject,
    /// The role as it is written.
    pub role: String,
}

/// Who gets a role.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A user by e-mail address.
    User(String),
    /// A group of users by name.
    Group(String),
}

impl SlxGroup {
    /// Tells whether both have the same set of members, in whatever order.
    pub fn has_members_of(&self, other: &Self) -> bool {
        self.slxs == other.slxs || members(&self.slxs) == members(&other.slxs)
    }
}

fn members(names: &[String]) -> BTreeSet<&str> {
    names.iter().map(String::as_str).collect()
}

impl WorkspaceConfig {
    /// Tells whether both give the same roles to the same people, in whatever order.
    pub fn has_permissions_of(&self, other: &Self) -> bool {
        let sorted = |config: &Self| config.permissions.iter().cloned().collect::<BTreeSet<_>>();
        self.permissions == other.permissions || sorted(self) == sorted(other)
    }
}

/// What is read from `workspace.yaml`.
///
/// Values of a wrong type are left out; it is the check's task to report them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WorkspaceFile {
    /// The name, `metadata.name`.
    pub name: Option<String>,
    /// The configuration.
    pub config: WorkspaceConfig,
    /// The location of the builder that made the file, by its annotation
    /// `internal.runwhen.com/generated-by: workspace-builder:<location>`.
    pub location: Option<String>,
    /// The label `locationId`.
    pub location_id: Option<String>,
    /// The label `locationName`.
    pub location_name: Option<String>,
    /// The whole `spec` as it stands in the file.
    pub spec: serde_json::Value,
    /// Whether uploads may remove most SLXs at once, `spec.uploads.allowMassPrune`.
    pub allow_mass_prune: Option<bool>,
}

impl WorkspaceFile {
    /// Reads the text of a `workspace.yaml`.
    pub fn read(text: &str) -> Result<Self, Vec<SyntaxError>> {
        parse(text).map(|root| Self::from_node(&root))
    }

    /// Reads a `workspace.yaml` that was parsed.
    pub fn from_node(root: &Node) -> Self {
        read::file(root)
    }
}
