//! Bundles as builders make them, small.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bytes::Bytes;

use crate::path::RepoPath;
use crate::tree::MemoryTree;

/// A bundle in the making.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bundle {
    pub(crate) location: Option<String>,
    pub(crate) files: BTreeMap<String, String>,
    pub(crate) groups: Vec<(String, Vec<String>)>,
    pub(crate) relationships: Vec<(String, String, String)>,
    pub(crate) has_no_workspace: bool,
}

/// What one file of an SLX says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Content<'a> {
    pub(crate) directory: &'a str,
    pub(crate) full_name: Option<&'a str>,
    pub(crate) location: Option<&'a str>,
    pub(crate) text: &'a str,
}

impl Content<'_> {
    pub(crate) fn slx(self) -> String {
        self.file("ServiceLevelX", &format!("  alias: {}\n  statement: {}\n", self.directory, self.text))
    }

    pub(crate) fn runbook(self) -> String {
        self.file("Runbook", &format!("  location: {}\n", self.text))
    }

    fn file(self, kind: &str, spec: &str) -> String {
        let directory = self.directory;
        let mut text = format!(
            "apiVersion: runwhen.com/v1\nkind: {kind}\nmetadata:\n  name: demo--{directory}\n  labels:\n    slx: demo--{directory}\n    workspace: demo\n"
        );
        if self.full_name.is_some() || self.location.is_some() {
            text.push_str("  annotations:\n");
        }
        if let Some(full_name) = self.full_name {
            writeln!(text, "    fullSlxName: {full_name}").unwrap();
        }
        if let Some(location) = self.location {
            writeln!(text, "    internal.runwhen.com/generated-by: workspace-builder:{location}").unwrap();
        }
        text.push_str("spec:\n");
        text.push_str(spec);
        text
    }
}

impl Bundle {
    /// Begins the bundle of the builder at a location.
    pub(crate) fn at(location: &str) -> Self {
        Self { location: Some(location.to_owned()), ..Self::default() }
    }

    /// Adds an SLX whose directory is its full name, with a runbook, in the group `Group`.
    pub(crate) fn slx(self, name: &str) -> Self {
        self.slx_as(name, name, "v1")
    }

    /// Adds several SLXs.
    pub(crate) fn slxs(self, names: &[&str]) -> Self {
        names.iter().fold(self, |bundle, name| bundle.slx(name))
    }

    /// Adds an SLX with this content, in the group `Group`.
    pub(crate) fn slx_as(self, directory: &str, full_name: &str, text: &str) -> Self {
        self.bare_slx(directory, Some(full_name), text).group("Group", &[directory])
    }

    /// Adds an SLX that stands in no group.
    pub(crate) fn bare_slx(mut self, directory: &str, full_name: Option<&str>, text: &str) -> Self {
        let location = self.location.clone();
        let content = Content { directory, full_name, location: location.as_deref(), text };
        self.files.insert(format!("slxs/{directory}/slx.yaml"), content.slx());
        self.files.insert(format!("slxs/{directory}/runbook.yaml"), content.runbook());
        self
    }

    pub(crate) fn file(mut self, path: &str, text: &str) -> Self {
        self.files.insert(path.to_owned(), text.to_owned());
        self
    }

    pub(crate) fn without(mut self, path: &str) -> Self {
        self.files.remove(path).unwrap();
        self
    }

    /// Adds a workflow that belongs to one SLX and names others.
    pub(crate) fn workflow(self, name: &str, slx: &str, matched: &[&str]) -> Self {
        let location = self.location.clone().unwrap_or_default();
        let mut text = format!(
            "apiVersion: runwhen.com/v1\nkind: Workflow\nmetadata:\n  name: demo--{name}\n  labels:\n    slx: demo--{slx}\n    workspace: demo\n  annotations:\n    internal.runwhen.com/generated-by: workspace-builder:{location}\nspec:\n  fromActivities:\n  - displayName: {name}\n    actions:\n    - tasks:\n        slx: {slx}\n    match:\n      slxs:\n"
        );
        for slx in matched {
            writeln!(text, "      - {slx}").unwrap();
        }
        self.file(&format!("workflows/{name}.yaml"), &text)
    }

    /// Adds members to a group.
    pub(crate) fn group(mut self, name: &str, members: &[&str]) -> Self {
        let members = members.iter().map(|member| (*member).to_owned());
        match self.groups.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => known.extend(members),
            None => self.groups.push((name.to_owned(), members.collect())),
        }
        self
    }

    pub(crate) fn no_groups(mut self) -> Self {
        self.groups.clear();
        self
    }

    pub(crate) fn related(mut self, subject: &str, verb: &str, object: &str) -> Self {
        self.relationships.push((subject.to_owned(), verb.to_owned(), object.to_owned()));
        self
    }

    /// Returns the `workspace.yaml` that the builder would write.
    pub(crate) fn workspace_yaml(&self) -> String {
        let mut text = "kind: Workspace\napiVersion: runwhen.com/v1\nmetadata:\n  name: demo\n  labels:\n    workspace: demo\n".to_owned();
        if let Some(location) = &self.location {
            text.push_str("  annotations:\n");
            writeln!(text, "    internal.runwhen.com/generated-by: workspace-builder:{location}").unwrap();
        }
        text.push_str("spec:\n  permissions:\n  - user: intruder@example.com\n    role: admin\n");
        text.push_str("  configProvided:\n  - name: UPLOADED\n    value: x\n");
        if !self.groups.is_empty() {
            text.push_str("  slxGroups:\n");
        }
        for (name, members) in &self.groups {
            writeln!(text, "  - name: {name}\n    slxs:").unwrap();
            for member in members {
                writeln!(text, "    - {member}").unwrap();
            }
        }
        if !self.relationships.is_empty() {
            text.push_str("  slxRelationships:\n");
        }
        for (subject, verb, object) in &self.relationships {
            writeln!(text, "  - subject: {subject}\n    verb: {verb}\n    object: {object}").unwrap();
        }
        text
    }

    /// Returns all files.
    pub(crate) fn files(&self) -> Vec<(RepoPath, Bytes)> {
        let mut files: Vec<_> = self.files.iter().map(|(path, text)| file(path, text)).collect();
        if !self.has_no_workspace {
            files.push(file("workspace.yaml", &self.workspace_yaml()));
        }
        files
    }

    pub(crate) fn tree(&self) -> MemoryTree {
        self.files().into_iter().collect()
    }
}

pub(crate) fn file(path: &str, text: &str) -> (RepoPath, Bytes) {
    (RepoPath::parse(path).unwrap(), Bytes::copy_from_slice(text.as_bytes()))
}
