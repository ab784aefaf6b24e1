//! The YAML files of a generated workspace, in the builder's form.

use std::collections::BTreeMap;
use std::fmt::Write;

use workstead_core::name::WorkspaceName;
use workstead_core::yaml::write::write_scalar;

use super::cluster::Check;

/// Writes the files of one SLX.
pub(super) struct Writer<'a> {
    /// The workspace's name.
    pub(super) workspace: &'a WorkspaceName,
    /// The owner's e-mail address.
    pub(super) owner: &'a str,
    /// The location's name.
    pub(super) location: &'a str,
    /// What the SLX is about.
    pub(super) check: &'a Check,
}

const REPOSITORY: &str = "https://github.com/example/k8s-bundles.git";

impl Writer<'_> {
    fn head(&self, kind: &str) -> String {
        let Self { workspace, location, check, .. } = self;
        let name = &check.name;
        let builder = format!("workspace-builder:{location}");
        let generated = write_scalar(&builder);
        format!(
            "apiVersion: runwhen.com/v1\nkind: {kind}\nmetadata:\n  name: {workspace}--{name}\n  labels:\n    \
             slx: {workspace}--{name}\n    workspace: {workspace}\n  annotations:\n    fullSlxName: {name}\n    \
             internal.runwhen.com/generated-by: {generated}\nspec:\n"
        )
    }

    pub(super) fn slx(&self) -> String {
        let Check { sort, cluster, namespace, resource, digest, .. } = self.check;
        let owner = write_scalar(self.owner);
        let mut out = self.head("ServiceLevelX");
        // Writing to a String can't fail.
        let _ = write!(
            out,
            "  imageURL: https://icons.example.com/{icon}.svg\n  alias: {resource} {title}\n  \
             asMeasuredBy: {measure}.\n  owners:\n  - {owner}\n  \
             statement: {resource} {statement}.\n  additionalContext:\n    \
             qualified_name: {cluster}/{namespace}/{resource}\n    \
             resourceUid: {uid:016x}\n  tags:\n  - name: cluster\n    value: {cluster}\n  - name: namespace\n    \
             value: {namespace}\n  - name: access\n    value: read-only\n",
            icon = sort.icon,
            title = sort.title,
            measure = sort.measure,
            statement = sort.statement,
            uid = digest | 1 << 63 | 0xa << 60,
        );
        out
    }

    pub(super) fn runbook(&self) -> String {
        let Check { sort, namespace, resource, port, .. } = self.check;
        let mut out = self.head("Runbook");
        let _ = write!(
            out,
            "  location: {location}\n  codeBundle:\n    repoUrl: {REPOSITORY}\n    ref: main\n    \
             pathToRobot: codebundles/{bundle}/runbook.robot\n  configProvided:\n  - name: NAMESPACE\n    \
             value: {namespace}\n  - name: URL\n    \
             value: http://{resource}.{namespace}.example.com:{port}/\n  secretsProvided:\n  - name: kubeconfig\n    \
             workspaceKey: kubeconfig\n",
            location = write_scalar(self.location),
            bundle = sort.bundle,
        );
        out
    }

    pub(super) fn sli(&self) -> String {
        let Check { sort, interval, target, .. } = self.check;
        let mut out = self.head("ServiceLevelIndicator");
        let _ = write!(
            out,
            "  displayUnitsShort: ok\n  locations:\n  - {location}\n  codeBundle:\n    \
             repoUrl: {REPOSITORY}\n    ref: main\n    pathToRobot: codebundles/{bundle}/sli.robot\n  \
             intervalStrategy: intermezzo\n  intervalSeconds: {interval}\n  configProvided:\n  - name: TARGET\n    \
             value: '{target}'\n",
            location = write_scalar(self.location),
            bundle = sort.bundle,
        );
        out
    }
}

/// Writes `workspace.yaml` with all groups.
pub(super) fn workspace(
    workspace: &WorkspaceName,
    owner: &str,
    location: &str,
    groups: &BTreeMap<String, Vec<String>>,
) -> String {
    let builder = format!("workspace-builder:{location}");
    let generated = write_scalar(&builder);
    let owner = write_scalar(owner);
    let mut out = format!(
        "kind: Workspace\napiVersion: runwhen.com/v1\nmetadata:\n  name: {workspace}\n  labels:\n    \
         workspace: {workspace}\n  annotations:\n    internal.runwhen.com/generated-by: {generated}\nspec:\n  \
         permissions:\n  - user: {owner}\n    role: admin\n  enabledLocation: []\n  configProvided:\n  \
         - name: WORKSPACE_PLACEHOLDER\n    value: {workspace}-placeholder\n  slxGroups:"
    );
    out.push_str(if groups.is_empty() { " []\n" } else { "\n" });
    for (name, slxs) in groups {
        let _ = writeln!(out, "  - name: {name}\n    slxs:");
        for slx in slxs {
            let _ = writeln!(out, "    - {slx}");
        }
    }
    out
}
