//! Ready-to-commit templates of the files that a workspace is made of.

use std::fmt;

use serde_json::Value;
use workstead_core::check::SchemaKind;
use workstead_core::name::{SlxName, WorkspaceName};
use workstead_core::yaml::SyntaxError;
use workstead_core::yaml::write::write_scalar;

/// The kinds of template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ManifestType {
    /// `workspace.yaml`.
    Workspace,
    /// An SLX's `slx.yaml`.
    Slx,
    /// An SLX's `sli.yaml`.
    Sli,
    /// An SLX's `slo.yaml`.
    Slo,
    /// An SLX's `runbook.yaml`.
    Runbook,
    /// A workflow.
    Workflow,
    /// A persona, which is an assistant and how boldly it acts.
    Persona,
    /// The builder's `workspaceInfo.yaml`.
    WorkspaceInfo,
    /// The builder's `uploadInfo.yaml`, without a token.
    UploadInfo,
    /// Values for the Helm chart that runs the builder.
    HelmValues,
}

impl ManifestType {
    /// All types, in the order in which a list shows them.
    pub const ALL: [Self; 10] = [
        Self::Workspace,
        Self::Slx,
        Self::Sli,
        Self::Slo,
        Self::Runbook,
        Self::Workflow,
        Self::Persona,
        Self::WorkspaceInfo,
        Self::UploadInfo,
        Self::HelmValues,
    ];

    /// Returns the type's name as it stands in an URL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Workspace => "workspace",
            Self::Slx => "slx",
            Self::Sli => "sli",
            Self::Slo => "slo",
            Self::Runbook => "runbook",
            Self::Workflow => "workflow",
            Self::Persona => "persona",
            Self::WorkspaceInfo => "workspaceinfo",
            Self::UploadInfo => "uploadinfo",
            Self::HelmValues => "helm-values",
        }
    }

    /// Finds a type by its name; nothing when there is none.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Returns where the file belongs in the repository; the checks know all of these places but the chart's values.
    pub fn file_path(self, values: &ManifestValues) -> String {
        let name = self.file_name();
        let named = values.name.as_ref().map_or_else(|| name.to_owned(), |name| format!("{name}.yaml"));
        match self {
            Self::Workspace | Self::WorkspaceInfo | Self::UploadInfo => name.to_owned(),
            Self::Slx | Self::Sli | Self::Slo | Self::Runbook => format!("slxs/{}/{name}", values.slx),
            Self::Workflow => format!("workflows/{named}"),
            Self::Persona => format!("personas/{named}"),
            Self::HelmValues => format!("helm/{name}"),
        }
    }

    /// Returns the name of the file, without its directories.
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::Workspace => "workspace.yaml",
            Self::Slx => "slx.yaml",
            Self::Sli => "sli.yaml",
            Self::Slo => "slo.yaml",
            Self::Runbook => "runbook.yaml",
            Self::Workflow => "my-workflow.yaml",
            Self::Persona => "my-persona.yaml",
            Self::WorkspaceInfo => "workspaceInfo.yaml",
            Self::UploadInfo => "uploadInfo.yaml",
            Self::HelmValues => "values.yaml",
        }
    }

    /// Returns the schema of the file; the chart's values are not ours to describe.
    pub fn schema(self) -> Option<SchemaKind> {
        SchemaKind::parse(self.as_str())
    }

    const fn template(self) -> &'static str {
        match self {
            Self::Workspace => include_str!("../manifests/workspace.yaml"),
            Self::Slx => include_str!("../manifests/slx.yaml"),
            Self::Sli => include_str!("../manifests/sli.yaml"),
            Self::Slo => include_str!("../manifests/slo.yaml"),
            Self::Runbook => include_str!("../manifests/runbook.yaml"),
            Self::Workflow => include_str!("../manifests/workflow.yaml"),
            Self::Persona => include_str!("../manifests/persona.yaml"),
            Self::WorkspaceInfo => include_str!("../manifests/workspaceinfo.yaml"),
            Self::UploadInfo => include_str!("../manifests/uploadinfo.yaml"),
            Self::HelmValues => include_str!("../manifests/helm-values.yaml"),
        }
    }
}

impl fmt::Display for ManifestType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// What a template is filled with.
#[derive(Debug, Clone)]
pub struct ManifestValues {
    /// The workspace.
    pub workspace: WorkspaceName,
    /// The owner's e-mail address.
    pub owner: String,
    /// The short name of the SLX that the templates are about.
    pub slx: SlxName,
    /// The name of a workflow or persona; without one, that of an example.
    pub name: Option<SlxName>,
    /// The location's id.
    pub location_id: String,
    /// The location's name.
    pub location_name: String,
    /// The server's address, to which clients add `/api/v3`; slashes at its end are dropped.
    pub papi_url: String,
}

impl ManifestValues {
    /// Returns what a placeholder stands for, as it is written into YAML.
    fn get(&self, placeholder: &str) -> Option<String> {
        let text = match placeholder {
            "workspace" => self.workspace.to_string(),
            "owner" => self.owner.clone(),
            "slx" => self.slx.to_string(),
            "qualifiedSlx" => self.slx.qualified(&self.workspace),
            "qualifiedWorkflow" => self.qualified("my-workflow"),
            "qualifiedPersona" => self.qualified("my-persona"),
            "personaName" => self.name.as_ref().map_or("My persona", SlxName::as_str).to_owned(),
            "personaComment" => {
                return Some(comment(self.name.as_ref().map_or("my-persona", SlxName::as_str)));
            }
            "personaDescription" => format!("Looks into {} when it needs attention.", self.slx),
            "locationId" => self.location_id.clone(),
            "locationName" => self.location_name.clone(),
            "papiURL" => self.papi_url().to_owned(),
            "workspaceComment" => return Some(comment(self.workspace.as_str())),
            "papiURLComment" => return Some(comment(self.papi_url())),
            _ => return None,
        };
        Some(write_scalar(&text).into_owned())
    }

    fn qualified(&self, example: &str) -> String {
        format!("{}--{}", self.workspace, self.name.as_ref().map_or(example, SlxName::as_str))
    }

    fn papi_url(&self) -> &str {
        self.papi_url.trim_end_matches('/')
    }
}

/// Returns a template filled with values, with its comments.
///
/// The first of them tells editors where the server has the file's schema; without a server's address it is left out.
pub fn default_manifest(kind: ManifestType, values: &ManifestValues) -> String {
    let filled = fill(kind.template(), |placeholder| values.get(placeholder));
    match kind.schema().filter(|_| !values.papi_url().is_empty()) {
        Some(schema) => schema.modeline(values.papi_url()) + &filled,
        None => filled,
    }
}

/// Returns what the filled template says, read from the very YAML of [`default_manifest`].
pub fn default_manifest_json(kind: ManifestType, values: &ManifestValues) -> Result<Value, Vec<SyntaxError>> {
    Ok(workstead_core::yaml::parse(&default_manifest(kind, values))?.to_json())
}

/// Writes a name or an address, which have only such characters, into a comment, which nothing else may end.
fn comment(text: &str) -> String {
    text.chars().filter(char::is_ascii_graphic).collect()
}

/// Replaces every `{{name}}` by what `value` gives for the name; what it does not know stays.
///
/// One pass, so a value that looks like a placeholder is not filled again.
fn fill(template: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(template.len() * 2);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        let filled = after.split_once("}}").and_then(|(name, tail)| Some((value(name)?, tail)));
        if let Some((text, tail)) = filled {
            out.push_str(&text);
            rest = tail;
        } else {
            out.push_str("{{");
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests;
