//! Where one file names an SLX of another.

use crate::yaml::{Mark, Node};

/// A place that names an SLX by its short name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlxReference {
    /// The short name that stands there.
    pub name: String,
    /// Where it stands.
    pub mark: Mark,
    /// Its JSON pointer.
    pub pointer: String,
}

impl SlxReference {
    /// Makes a reference of a scalar; null and empty ones name nothing.
    pub(super) fn of(node: &Node, pointer: impl FnOnce() -> String) -> Option<Self> {
        let name = node.as_text().filter(|text| !text.is_empty())?.to_owned();
        Some(Self { name, mark: node.span.start, pointer: pointer() })
    }

    /// Returns roughly how many bytes of memory it takes.
    pub(super) fn weight(&self) -> usize {
        size_of::<Self>() + self.name.capacity() + self.pointer.capacity()
    }
}

/// Every place of `workspace.yaml` that names an SLX: groups and relationships.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkspaceReferences {
    /// The members of groups, in the order of the text.
    pub members: Vec<SlxReference>,
    /// Subjects and objects of relationships, in the order of the text.
    pub related: Vec<SlxReference>,
}

impl WorkspaceReferences {
    /// Reads the references from a parsed `workspace.yaml`.
    pub fn read(root: &Node) -> Self {
        let list = |key: &str| root.at(&["spec", key]).map(Node::items).unwrap_or_default();
        let mut references = Self::default();
        for (index, group) in list("slxGroups").iter().enumerate() {
            let members = group.get("slxs").map(Node::items).unwrap_or_default();
            references.members.extend(members.iter().enumerate().filter_map(|(member, node)| {
                SlxReference::of(node, || format!("/spec/slxGroups/{index}/slxs/{member}"))
            }));
        }
        for (index, relationship) in list("slxRelationships").iter().enumerate() {
            // The builder calls the object `directObject`.
            let object = if relationship.get("object").is_some() { "object" } else { "directObject" };
            references.related.extend(["subject", object].iter().filter_map(|key| {
                let pointer = || format!("/spec/slxRelationships/{index}/{key}");
                SlxReference::of(relationship.get(key)?, pointer)
            }));
        }
        references
    }

    /// Returns roughly how many bytes of memory it takes.
    pub(super) fn weight(&self) -> usize {
        self.members.iter().chain(&self.related).map(SlxReference::weight).sum::<usize>() + size_of::<Self>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_and_relationships_name_slxs_with_their_places() {
        let root = crate::yaml::parse(
            "spec:\n  slxGroups:\n  - name: g\n    slxs: [a, 12e3, null, [x]]\n  slxRelationships:\n  - {subject: a, verb: v, object: b}\n  - {subject: b, verb: v, directObject: c}\n",
        )
        .unwrap();
        let references = WorkspaceReferences::read(&root);
        let show = |list: &[SlxReference]| {
            let show = |r: &SlxReference| format!("{} {}:{}", r.name, r.mark.line, r.pointer);
            list.iter().map(show).collect::<Vec<_>>()
        };
        assert_eq!(
            show(&references.members),
            ["a 4:/spec/slxGroups/0/slxs/0", "12e3 4:/spec/slxGroups/0/slxs/1"]
        );
        assert_eq!(
            show(&references.related),
            [
                "a 6:/spec/slxRelationships/0/subject",
                "b 6:/spec/slxRelationships/0/object",
                "b 7:/spec/slxRelationships/1/subject",
                "c 7:/spec/slxRelationships/1/directObject"
            ]
        );
    }
}
