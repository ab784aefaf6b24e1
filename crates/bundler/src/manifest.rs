//! Ready-to-commit templates of the files that a workspace is made of.

use std::fmt;

use workstead_core::name::{SlxName, WorkspaceName};
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
    /// The builder's `uploadInfo.yaml`, without a token.
    UploadInfo,
}

impl ManifestType {
    /// All types, in the order in which a list shows them.
    pub const ALL: [Self; 7] =
        [Self::Workspace, Self::Slx, Self::Sli, Self::Slo, Self::Runbook, Self::Workflow, Self::UploadInfo];

    /// Returns the type's name as it stands in an URL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Workspace => "workspace",
            Self::Slx => "slx",
            Self::Sli => "sli",
            Self::Slo => "slo",
            Self::Runbook => "runbook",
            Self::Workflow => "workflow",
            Self::UploadInfo => "uploadinfo",
        }
    }

    /// Finds a type by its name; nothing when there is none.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Returns where the file belongs: in the repository, but for `uploadinfo`, which is the builder's.
    pub fn file_path(self, slx: &SlxName) -> String {
        match self {
            Self::Workspace => "workspace.yaml".to_owned(),
            Self::Slx | Self::Sli | Self::Slo | Self::Runbook => format!("slxs/{slx}/{self}.yaml"),
            Self::Workflow => "workflows/my-workflow.yaml".to_owned(),
            Self::UploadInfo => "uploadInfo.yaml".to_owned(),
        }
    }

    const fn template(self) -> &'static str {
        match self {
            Self::Workspace => include_str!("../manifests/workspace.yaml"),
            Self::Slx => include_str!("../manifests/slx.yaml"),
            Self::Sli => include_str!("../manifests/sli.yaml"),
            Self::Slo => include_str!("../manifests/slo.yaml"),
            Self::Runbook => include_str!("../manifests/runbook.yaml"),
            Self::Workflow => include_str!("../manifests/workflow.yaml"),
            Self::UploadInfo => include_str!("../manifests/uploadinfo.yaml"),
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
    /// The location's id.
    pub location_id: String,
    /// The location's name.
    pub location_name: String,
    /// The API's base URL; slashes at its end are dropped.
    pub papi_url: String,
}

/// Returns a template filled with values, with its comments.
pub fn default_manifest(kind: ManifestType, values: &ManifestValues) -> String {
    fill(kind.template(), |placeholder| {
        let text = match placeholder {
            "workspace" => values.workspace.to_string(),
            "owner" => values.owner.clone(),
            "slx" => values.slx.to_string(),
            "qualifiedSlx" => values.slx.qualified(&values.workspace),
            "qualifiedWorkflow" => format!("{}--my-workflow", values.workspace),
            "locationId" => values.location_id.clone(),
            "locationName" => values.location_name.clone(),
            "papiURL" => values.papi_url.trim_end_matches('/').to_owned(),
            _ => return None,
        };
        Some(write_scalar(&text).into_owned())
    })
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
mod tests {
    use workstead_core::check::check_tree;
    use workstead_core::model::{FactsCache, FileKind};
    use workstead_core::path::RepoPath;
    use workstead_core::problem::Problems;
    use workstead_core::tree::{FileTree, MemoryTree};

    use super::*;

    fn values() -> ManifestValues {
        ManifestValues {
            workspace: WorkspaceName::parse("my-workspace").unwrap(),
            owner: "owner@example.com".to_owned(),
            slx: SlxName::parse("my-slx").unwrap(),
            location_id: "loc-0001".to_owned(),
            location_name: "location-01".to_owned(),
            papi_url: "https://workstead.example.com/api/v3/".to_owned(),
        }
    }

    #[test]
    fn every_placeholder_is_filled_and_every_template_is_yaml() {
        let odd = ManifestValues {
            slx: SlxName::parse("Dev \"x\" {{owner}} #1").unwrap(),
            owner: "{{slx}}\n- x: y".to_owned(),
            ..values()
        };
        for kind in ManifestType::ALL {
            assert!(!default_manifest(kind, &values()).contains("{{"), "{kind} has an unknown placeholder");
            let text = default_manifest(kind, &odd);
            let read = workstead_core::yaml::parse(&text)
                .unwrap_or_else(|error| panic!("{kind}: {error:?}\n{text}"));
            if matches!(kind, ManifestType::Slx) {
                assert_eq!(
                    read.at(&["metadata", "labels", "slx"]).unwrap().as_str(),
                    Some("my-workspace--Dev \"x\" {{owner}} #1")
                );
            }
            assert!(text.starts_with("# "), "{kind} begins with a comment that explains it");
        }
    }

    #[test]
    fn types_are_found_by_name() {
        for kind in ManifestType::ALL {
            assert_eq!(ManifestType::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(ManifestType::parse("nonsense"), None);
    }

    #[test]
    fn every_template_passes_our_own_check() {
        let tree: MemoryTree = ManifestType::ALL
            .into_iter()
            .map(|kind| (kind, RepoPath::parse(&kind.file_path(&values().slx)).unwrap()))
            .map(|(kind, path)| (path, default_manifest(kind, &values()).into()))
            .collect();
        let workspace = &values().workspace;
        let problems = check_tree(workspace, &tree, None, &FactsCache::new()).unwrap();
        assert_eq!(problems, Problems::default());
        for path in tree.files().keys().filter(|path| path.as_str() != "uploadInfo.yaml") {
            assert_ne!(FileKind::of(path), FileKind::Other, "{path} is a kind that was checked");
        }
    }

    #[test]
    fn a_filled_template_reads_like_this() {
        insta::assert_snapshot!(default_manifest(ManifestType::UploadInfo, &values()), @r#"
        # uploadInfo.yaml: tells the workspace builder where to upload. It is the builder's file, not the
        # repository's: once it holds a token it is a secret, so do not commit it.
        workspaceName: my-workspace
        # Ask the server for a token: GET /api/v3/workspaces/<workspace>/generate-workspace-builder-config
        token: ""
        workspaceOwnerEmail: owner@example.com
        # The API's base URL, without a slash at its end.
        papiURL: https://workstead.example.com/api/v3
        # The location that this builder works for. Its name marks what the builder made.
        locationId: loc-0001
        locationName: location-01
        # Where things run for which no rule names a location.
        defaultLocation: loc-0001
        defaultLocationName: location-01
        "#);
    }
}
