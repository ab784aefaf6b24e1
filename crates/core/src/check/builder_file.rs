//! What the workspace builder's own files must be when they lie in the repository.

use super::names::report_workspace;
use super::place::{Place, Report};
use crate::model::FileKind;
use crate::name::WorkspaceName;
use crate::yaml::Node;

/// Checks that the builder would work for this workspace, and that no token is published.
///
/// Whoever may read the workspace could upload with the token, and Git keeps it for ever.
pub(crate) fn check_builder_file(
    report: &mut Report<'_>,
    workspace: &WorkspaceName,
    kind: FileKind,
    root: &Node,
) {
    if !matches!(kind, FileKind::WorkspaceInfo | FileKind::UploadInfo) {
        return;
    }
    let filled = |key: &str| {
        let node = root.get(key)?;
        node.as_text().filter(|text| !text.is_empty()).map(|text| (node, text))
    };
    if let Some((node, text)) = filled("workspaceName")
        && text != workspace.as_str()
    {
        report_workspace(report, workspace, (node, text), &Place::ROOT.key("workspaceName"));
    }
    // A variable that something fills in later, such as `${TOKEN}`, is no secret.
    if let Some((node, text)) = filled("token")
        && !text.starts_with('$')
    {
        let place = Place::ROOT.key("token");
        let message = "`token` holds a secret, which all who read the workspace would see".to_owned();
        let hint =
            "write `token: \"\"`, keep the token outside the repository, and revoke this one".to_owned();
        report.error((node.span.start, &place), "secret_in_repository", message, hint);
    }
}
