//! What a file is, by its path.

use crate::path::RepoPath;

/// The file at the root that holds the workspace's configuration.
pub const WORKSPACE_FILE: &str = "workspace.yaml";
/// The file at the root that records uploads.
pub const MANIFEST_FILE: &str = ".workspace-builder-manifest.yaml";
/// The file that makes a directory under `slxs/` an SLX.
pub const SLX_FILE: &str = "slx.yaml";
/// The file at the root that tells the workspace builder what to look for.
pub const WORKSPACE_INFO_FILE: &str = "workspaceInfo.yaml";
/// The file at the root that tells the workspace builder where to upload.
pub const UPLOAD_INFO_FILE: &str = "uploadInfo.yaml";

/// What a file is, by its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileKind {
    /// `workspace.yaml` at the root.
    Workspace,
    /// `slxs/<directory>/slx.yaml`.
    Slx,
    /// `slxs/<directory>/runbook.yaml`.
    Runbook,
    /// `slxs/<directory>/sli.yaml`.
    Sli,
    /// `slxs/<directory>/slo.yaml`.
    Slo,
    /// `workflows/<any name>.yaml`.
    Workflow,
    /// `personas/<name>.yaml`.
    Persona,
    /// `.workspace-builder-manifest.yaml` at the root, the record of uploads.
    Manifest,
    /// `workspaceInfo.yaml` at the root, the workspace builder's settings.
    WorkspaceInfo,
    /// `uploadInfo.yaml` at the root, the workspace builder's access.
    UploadInfo,
    /// Any other file, kept as it is.
    Other,
}

impl FileKind {
    /// The kinds that have a `kind` field.
    pub(crate) const NAMED: [Self; 7] =
        [Self::Workspace, Self::Slx, Self::Runbook, Self::Sli, Self::Slo, Self::Workflow, Self::Persona];

    /// Tells what the file at a path is.
    pub fn of(path: &RepoPath) -> Self {
        match path.as_str() {
            WORKSPACE_FILE => return Self::Workspace,
            MANIFEST_FILE => return Self::Manifest,
            WORKSPACE_INFO_FILE => return Self::WorkspaceInfo,
            UPLOAD_INFO_FILE => return Self::UploadInfo,
            _ => {}
        }
        if let Some((_, rest)) = slx_directory(path) {
            return match rest {
                SLX_FILE => Self::Slx,
                "runbook.yaml" => Self::Runbook,
                "sli.yaml" => Self::Sli,
                "slo.yaml" => Self::Slo,
                _ => Self::Other,
            };
        }
        match path.as_str().split_once('/') {
            Some(("workflows", name)) if is_yaml_name(name) => Self::Workflow,
            Some(("personas", name)) if is_yaml_name(name) => Self::Persona,
            _ => Self::Other,
        }
    }

    /// Returns what the file's `kind` field must say, or nothing for files without one.
    pub const fn kind_name(self) -> Option<&'static str> {
        match self {
            Self::Workspace => Some("Workspace"),
            Self::Slx => Some("ServiceLevelX"),
            Self::Runbook => Some("Runbook"),
            Self::Sli => Some("ServiceLevelIndicator"),
            Self::Slo => Some("ServiceLevelObjective"),
            Self::Workflow => Some("Workflow"),
            Self::Persona => Some("Persona"),
            Self::Manifest | Self::WorkspaceInfo | Self::UploadInfo | Self::Other => None,
        }
    }

    /// Returns where a file of this kind lies, for messages.
    pub(crate) const fn place(self) -> &'static str {
        match self {
            Self::Workspace => WORKSPACE_FILE,
            Self::Slx => "slxs/<name>/slx.yaml",
            Self::Runbook => "slxs/<name>/runbook.yaml",
            Self::Sli => "slxs/<name>/sli.yaml",
            Self::Slo => "slxs/<name>/slo.yaml",
            Self::Workflow => "workflows/<name>.yaml",
            Self::Persona => "personas/<name>.yaml",
            Self::Manifest => MANIFEST_FILE,
            Self::WorkspaceInfo => WORKSPACE_INFO_FILE,
            Self::UploadInfo => UPLOAD_INFO_FILE,
            Self::Other => "any other path",
        }
    }

    /// Tells whether the file is one of the four that describe an SLX.
    pub const fn is_of_slx(self) -> bool {
        matches!(self, Self::Slx | Self::Runbook | Self::Sli | Self::Slo)
    }
}

/// Splits `slxs/<directory>/<rest>` into the directory's name and the rest.
pub fn slx_directory(path: &RepoPath) -> Option<(&str, &str)> {
    path.as_str().strip_prefix("slxs/")?.split_once('/')
}

/// Returns the short name of the persona in `personas/<short name>.yaml`.
pub(crate) fn persona_name(path: &RepoPath) -> Option<&str> {
    path.as_str().strip_prefix("personas/")?.strip_suffix(".yaml")
}

fn is_yaml_name(name: &str) -> bool {
    name.strip_suffix(".yaml").is_some_and(|stem| !stem.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_alone_tells_the_kind() {
        for (path, kind) in [
            ("workspace.yaml", FileKind::Workspace),
            (".workspace-builder-manifest.yaml", FileKind::Manifest),
            ("slxs/a b (c)/slx.yaml", FileKind::Slx),
            ("slxs/x/runbook.yaml", FileKind::Runbook),
            ("slxs/x/sli.yaml", FileKind::Sli),
            ("slxs/x/slo.yaml", FileKind::Slo),
            ("workflows/x.yaml", FileKind::Workflow),
            ("personas/x.yaml", FileKind::Persona),
            ("workspaceInfo.yaml", FileKind::WorkspaceInfo),
            ("uploadInfo.yaml", FileKind::UploadInfo),
            ("slxs/x/SKILL.md", FileKind::Other),
            ("slxs/x/SLX.yaml", FileKind::Other),
            ("slxs/x/deep/slx.yaml", FileKind::Other),
            ("slxs/slx.yaml", FileKind::Other),
            ("x/slxs/y/slx.yaml", FileKind::Other),
            ("x/workspace.yaml", FileKind::Other),
            ("workflows/x.yml", FileKind::Other),
            ("workflows/deep/x.yaml", FileKind::Other),
            ("personas/deep/x.yaml", FileKind::Other),
            ("personas/x.json", FileKind::Other),
            ("x/personas/y.yaml", FileKind::Other),
            ("builder/uploadInfo.yaml", FileKind::Other),
            ("helm/values.yaml", FileKind::Other),
            ("fallback-outputs/x.yaml", FileKind::Other),
        ] {
            assert_eq!(FileKind::of(&RepoPath::parse(path).unwrap()), kind, "{path}");
        }
    }

    #[test]
    fn slx_directories_are_split_from_the_rest() {
        let split = |path: &str| {
            let path = RepoPath::parse(path).unwrap();
            slx_directory(&path).map(|(name, rest)| (name.to_owned(), rest.to_owned()))
        };
        assert_eq!(split("slxs/a/b/c"), Some(("a".to_owned(), "b/c".to_owned())));
        assert_eq!(split("slxs/a"), None);
        assert_eq!(split("workflows/a/b"), None);
    }
}
