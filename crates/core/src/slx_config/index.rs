//! The configuration index: everything that is configured, at a glance.

use std::collections::HashMap;

use serde::Serialize;

use super::read::{SlxDocument, list_slx_documents};
use crate::model::{FactsCache, FileKind, WORKSPACE_FILE};
use crate::name::WorkspaceName;
use crate::tree::{FileTree, ReadError};
use crate::workspace_file::WorkspaceConfig;

/// Everything that is configured in a revision of a workspace, at a glance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConfigurationIndex {
    /// The workspace.
    pub workspace: WorkspaceName,
    /// How much there is of each.
    pub counts: ConfigurationCounts,
    /// The SLXs by short name.
    pub slxs: Vec<SlxEntry>,
    /// The groups in the order of the file.
    pub groups: Vec<GroupEntry>,
    /// The relationships in the order of the file.
    pub relationships: Vec<RelationshipEntry>,
}

/// One SLX of the index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SlxEntry {
    /// The name with the workspace.
    pub name: String,
    /// The short name.
    pub short_name: String,
    /// The name for people.
    pub alias: String,
    /// What it consists of: `slx`, `runbook`, `sli`, `slo`, `workflow`.
    pub kinds: Vec<&'static str>,
    /// Whether it has a runbook.
    pub has_runbook: bool,
    /// Whether it has an indicator.
    pub has_sli: bool,
    /// Whether it has an objective.
    pub has_slo: bool,
    /// Whether a workflow belongs to it.
    pub has_workflow: bool,
    /// The groups that it is in, in the order of the file.
    pub groups: Vec<String>,
    /// Where the thing is that it watches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_path: Option<String>,
    /// What the thing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_type: Option<String>,
}

/// One group of the index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupEntry {
    /// Its name.
    pub name: String,
    /// Its members as they are written.
    pub slxs: Vec<String>,
    /// The groups that it depends on.
    pub depends_on: Vec<String>,
}

/// One relationship of the index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RelationshipEntry {
    /// The SLX that it is about.
    pub subject: String,
    /// What the subject does.
    pub verb: String,
    /// The SLX that it does it to.
    pub object: String,
}

/// How much there is of each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ConfigurationCounts {
    /// SLXs.
    pub slxs: usize,
    /// SLXs with a runbook.
    pub runbooks: usize,
    /// SLXs with an indicator.
    pub slis: usize,
    /// SLXs with an objective.
    pub slos: usize,
    /// Workflows, those without an SLX included.
    pub workflows: usize,
    /// Groups.
    pub groups: usize,
    /// Relationships.
    pub relationships: usize,
}

/// Makes the index of a revision.
///
/// Of a `workspace.yaml` that is absent or can't be read there are no groups and no relationships.
pub fn configuration_index(
    workspace: &WorkspaceName,
    tree: &dyn FileTree,
    facts: &FactsCache,
) -> Result<ConfigurationIndex, ReadError> {
    let documents = list_slx_documents(workspace, tree, facts)?;
    let file = match tree.files().get(WORKSPACE_FILE) {
        Some(id) => Some(facts.workspace(*id, || tree.read(*id))?),
        None => None,
    };
    let nothing = WorkspaceConfig::default();
    let config = file.as_deref().and_then(|file| file.as_ref().ok()).map_or(&nothing, |file| &file.config);
    let mut groups_of: HashMap<&str, Vec<String>> = HashMap::new();
    for (name, group) in &config.slx_groups {
        for member in &group.slxs {
            let groups = groups_of.entry(member).or_default();
            if groups.last() != Some(name) {
                groups.push(name.clone());
            }
        }
    }
    let prefix = format!("{workspace}--");
    let entry = |slx: &SlxDocument| {
        let name = format!("{prefix}{}", slx.short);
        let mut groups = groups_of.get(slx.short.as_str()).cloned().unwrap_or_default();
        let others = groups_of.get(name.as_str()).into_iter().flatten();
        groups.extend(others.filter(|group| !groups.contains(group)).cloned().collect::<Vec<_>>());
        slx_entry(slx, name, groups)
    };
    let slxs: Vec<SlxEntry> = documents.iter().map(entry).collect();
    let count = |has: fn(&SlxEntry) -> bool| slxs.iter().filter(|slx| has(slx)).count();
    let counts = ConfigurationCounts {
        slxs: slxs.len(),
        runbooks: count(|slx| slx.has_runbook),
        slis: count(|slx| slx.has_sli),
        slos: count(|slx| slx.has_slo),
        workflows: tree.files().keys().filter(|path| FileKind::of(path) == FileKind::Workflow).count(),
        groups: config.slx_groups.len(),
        relationships: config.slx_relationships.len(),
    };
    Ok(ConfigurationIndex {
        workspace: workspace.clone(),
        counts,
        slxs,
        groups: groups(config),
        relationships: relationships(config),
    })
}

fn slx_entry(slx: &SlxDocument, name: String, groups: Vec<String>) -> SlxEntry {
    let kinds = [
        (true, "slx"),
        (slx.has_runbook, "runbook"),
        (slx.has_sli, "sli"),
        (slx.has_slo, "slo"),
        (slx.has_workflow, "workflow"),
    ];
    SlxEntry {
        name,
        short_name: slx.short.clone(),
        alias: slx.alias().to_owned(),
        kinds: kinds.into_iter().filter(|(has, _)| *has).map(|(_, kind)| kind).collect(),
        has_runbook: slx.has_runbook,
        has_sli: slx.has_sli,
        has_slo: slx.has_slo,
        has_workflow: slx.has_workflow,
        groups,
        resource_path: slx.resource_path.clone(),
        resource_type: slx.resource_type.clone(),
    }
}

fn groups(config: &WorkspaceConfig) -> Vec<GroupEntry> {
    let groups = config.slx_groups.iter();
    groups
        .map(|(name, group)| GroupEntry {
            name: name.clone(),
            slxs: group.slxs.clone(),
            depends_on: group.depends_on.clone(),
        })
        .collect()
}

fn relationships(config: &WorkspaceConfig) -> Vec<RelationshipEntry> {
    let relationships = config.slx_relationships.iter().cloned();
    relationships
        .map(|relationship| RelationshipEntry {
            subject: relationship.subject,
            verb: relationship.verb,
            object: relationship.object,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use insta::assert_json_snapshot;

    use super::*;
    use crate::path::RepoPath;
    use crate::tree::MemoryTree;

    fn index(files: &[(&str, &str)]) -> ConfigurationIndex {
        let file = |(path, text): &(&str, &str)| (RepoPath::parse(path).unwrap(), (*text).to_owned().into());
        let tree: MemoryTree = files.iter().map(file).collect();
        configuration_index(&WorkspaceName::parse("demo").unwrap(), &tree, &FactsCache::new()).unwrap()
    }

    #[test]
    fn the_index_shows_everything_once() {
        let workspace = "spec:\n  slxGroups:\n  - {name: Front, slxs: [web, gone, web]}\n  - {name: All, slxs: [demo--web, api], dependsOn: [Front]}\n  slxRelationships:\n  - {subject: web, verb: uses, object: api}\n";
        let web = "spec:\n  alias: Web\n  additionalContext: {resourcePath: kubernetes/web}\n  tags: [{name: resource_type, value: ingress}]\n";
        let index = index(&[
            ("slxs/api/slx.yaml", "spec: {}"),
            ("slxs/web/runbook.yaml", "spec: {}"),
            ("slxs/web/sli.yaml", "spec: {}"),
            ("slxs/web/slo.yaml", "spec: {}"),
            ("slxs/web/slx.yaml", web),
            ("workflows/w.yaml", "metadata: {labels: {slx: demo--web}}"),
            ("workspace.yaml", workspace),
        ]);
        assert_json_snapshot!(index, @r#"
        {
          "workspace": "demo",
          "counts": {
            "slxs": 2,
            "runbooks": 1,
            "slis": 1,
            "slos": 1,
            "workflows": 1,
            "groups": 2,
            "relationships": 1
          },
          "slxs": [
            {
              "name": "demo--api",
              "shortName": "api",
              "alias": "api",
              "kinds": [
                "slx"
              ],
              "hasRunbook": false,
              "hasSli": false,
              "hasSlo": false,
              "hasWorkflow": false,
              "groups": [
                "All"
              ]
            },
            {
              "name": "demo--web",
              "shortName": "web",
              "alias": "Web",
              "kinds": [
                "slx",
                "runbook",
                "sli",
                "slo",
                "workflow"
              ],
              "hasRunbook": true,
              "hasSli": true,
              "hasSlo": true,
              "hasWorkflow": true,
              "groups": [
                "Front",
                "All"
              ],
              "resourcePath": "kubernetes/web",
              "resourceType": "ingress"
            }
          ],
          "groups": [
            {
              "name": "Front",
              "slxs": [
                "web",
                "gone",
                "web"
              ],
              "dependsOn": []
            },
            {
              "name": "All",
              "slxs": [
                "demo--web",
                "api"
              ],
              "dependsOn": [
                "Front"
              ]
            }
          ],
          "relationships": [
            {
              "subject": "web",
              "verb": "uses",
              "object": "api"
            }
          ]
        }
        "#);
    }

    #[test]
    fn without_a_readable_workspace_there_are_no_groups() {
        assert_eq!(index(&[]).counts, ConfigurationCounts::default());
        let broken = index(&[("slxs/web/slx.yaml", "spec: {}"), ("workspace.yaml", "spec: [")]);
        assert_eq!((broken.counts.slxs, broken.counts.groups), (1, 0));
    }
}
