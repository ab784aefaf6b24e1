//! What other parts need to know of a workflow.

use super::location;
use super::reference::SlxReference;
use crate::yaml::Node;

/// What other parts need to know of a workflow.
///
/// Read tolerantly: what is missing or has the wrong type is simply not there; the check reports it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkflowFacts {
    /// The short name of the SLX that it belongs to: `metadata.labels.slx` behind `<workspace>--`.
    pub slx: Option<String>,
    /// The workspace that stands before it in that label.
    pub workspace: Option<String>,
    /// The builder's location: what follows `workspace-builder:` in the generated-by annotation.
    pub location: Option<String>,
    /// Every place that names an SLX, the label included, in the order of pointers.
    pub references: Vec<SlxReference>,
}

impl WorkflowFacts {
    /// Reads the facts from a parsed workflow.
    pub fn read(root: &Node) -> Self {
        let mut facts = Self { location: location(root), ..Self::default() };
        let label = root.at(&["metadata", "labels", "slx"]);
        // A workspace's name holds no "--", so the first one separates.
        if let Some(label) = label
            && let Some((workspace, slx)) = label.as_text().and_then(|text| text.split_once("--"))
        {
            facts.workspace = Some(workspace.to_owned());
            facts.slx = Some(slx.to_owned());
            let pointer = "/metadata/labels/slx".to_owned();
            facts.references.push(SlxReference { name: slx.to_owned(), mark: label.span.start, pointer });
        }
        let activities = root.at(&["spec", "fromActivities"]).map(Node::items).unwrap_or_default();
        for (index, activity) in activities.iter().enumerate() {
            let actions = activity.get("actions").map(Node::items).unwrap_or_default();
            facts.references.extend(actions.iter().enumerate().filter_map(|(action, node)| {
                let pointer = || format!("/spec/fromActivities/{index}/actions/{action}/tasks/slx");
                SlxReference::of(node.at(&["tasks", "slx"])?, pointer)
            }));
            let matched = activity.at(&["match", "slxs"]).map(Node::items).unwrap_or_default();
            facts.references.extend(matched.iter().enumerate().filter_map(|(item, node)| {
                SlxReference::of(node, || format!("/spec/fromActivities/{index}/match/slxs/{item}"))
            }));
        }
        facts
    }

    /// Returns roughly how many bytes of memory it takes.
    pub(super) fn weight(&self) -> usize {
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::capacity);
        let texts = [&self.slx, &self.workspace, &self.location].into_iter().map(length).sum::<usize>();
        size_of::<Self>() + texts + self.references.iter().map(SlxReference::weight).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> WorkflowFacts {
        WorkflowFacts::read(&crate::yaml::parse(text).unwrap())
    }

    #[test]
    fn a_workflow_belongs_to_the_slx_of_its_label_and_names_others() {
        let facts = read(
            "metadata:\n  labels: {slx: demo--web--ok}\n  annotations: {internal.runwhen.com/generated-by: workspace-builder:east}\nspec:\n  fromActivities:\n  - actions:\n    - tasks: {slx: web--ok}\n    match: {slxs: [other]}\n",
        );
        assert_eq!((facts.workspace.as_deref(), facts.slx.as_deref()), (Some("demo"), Some("web--ok")));
        assert_eq!(facts.location.as_deref(), Some("east"));
        let references: Vec<_> =
            facts.references.iter().map(|r| (r.name.as_str(), r.pointer.as_str())).collect();
        assert_eq!(
            references,
            [
                ("web--ok", "/metadata/labels/slx"),
                ("web--ok", "/spec/fromActivities/0/actions/0/tasks/slx"),
                ("other", "/spec/fromActivities/0/match/slxs/0"),
            ]
        );
    }

    #[test]
    fn a_label_without_workspace_names_no_slx() {
        assert_eq!(read("metadata: {labels: {slx: web}}"), WorkflowFacts::default());
        assert_eq!(read("metadata: [x]\nspec: {fromActivities: {a: b}}"), WorkflowFacts::default());
        // A name may begin with a hyphen, a workspace can't end with one.
        assert_eq!(read("metadata: {labels: {slx: demo---x}}").slx.as_deref(), Some("-x"));
    }
}
