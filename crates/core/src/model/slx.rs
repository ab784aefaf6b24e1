//! What other parts need to know of an `slx.yaml`.

use super::{location, text};
use crate::yaml::{Mark, Node};

/// What other parts need to know of an `slx.yaml`.
///
/// Read tolerantly: what is missing or has the wrong type is simply not there; the check reports it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SlxFacts {
    /// The annotation `fullSlxName`, which is the SLX's identity whatever its directory is called.
    pub full_name: Option<String>,
    /// Where that annotation stands.
    pub full_name_mark: Mark,
    /// The builder's location: what follows `workspace-builder:` in the generated-by annotation.
    pub location: Option<String>,
    /// Whether an annotation says that a person made it.
    pub manually_created: bool,
    /// The name that people see.
    pub alias: Option<String>,
    /// What should be true of the thing that is watched.
    pub statement: Option<String>,
}

impl SlxFacts {
    /// Reads the facts from a parsed `slx.yaml`.
    pub fn read(root: &Node) -> Self {
        let annotation = |key: &str| root.at(&["metadata", "annotations", key]);
        let manual = annotation("internal.runwhen.com/manually-created").and_then(Node::as_text);
        Self {
            full_name: text(root, &["metadata", "annotations", "fullSlxName"]),
            full_name_mark: annotation("fullSlxName").map(|node| node.span.start).unwrap_or_default(),
            location: location(root),
            manually_created: manual.is_some_and(|manual| manual.eq_ignore_ascii_case("true")),
            alias: text(root, &["spec", "alias"]),
            statement: text(root, &["spec", "statement"]),
        }
    }

    /// Returns the identity of the SLX in a directory: its full name, else the directory's name.
    pub fn identity<'a>(&'a self, directory: &'a str) -> &'a str {
        self.full_name.as_deref().unwrap_or(directory)
    }

    /// Tells whether some builder made it.
    pub fn is_generated(&self) -> bool {
        self.location.is_some() && !self.manually_created
    }

    /// Returns roughly how many bytes of memory it takes.
    pub(super) fn weight(&self) -> usize {
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::capacity);
        let texts = [&self.full_name, &self.location, &self.alias, &self.statement];
        size_of::<Self>() + texts.into_iter().map(length).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> SlxFacts {
        SlxFacts::read(&crate::yaml::parse(text).unwrap())
    }

    #[test]
    fn facts_come_from_annotations_and_spec() {
        let facts = read(
            "metadata:\n  annotations:\n    fullSlxName: a long\n      name\n    internal.runwhen.com/generated-by: workspace-builder:east\n    internal.runwhen.com/manually-created: 'true'\nspec:\n  alias: 8123e45\n  statement: all well\n",
        );
        assert_eq!(facts.full_name.as_deref(), Some("a long name"));
        assert_eq!((facts.full_name_mark.line, facts.full_name_mark.column), (3, 18));
        assert_eq!(facts.location.as_deref(), Some("east"));
        assert_eq!(facts.alias.as_deref(), Some("8123e45"));
        assert_eq!(facts.statement.as_deref(), Some("all well"));
        assert!(facts.manually_created && !facts.is_generated());
        assert_eq!(facts.identity("directory"), "a long name");
    }

    #[test]
    fn what_is_missing_or_of_another_shape_is_not_there() {
        for text in ["[]", "a: 1", "metadata: x\nspec: [1]", "metadata:\n  annotations:\n    fullSlxName:\n"]
        {
            let facts = read(text);
            assert_eq!(facts.full_name, None, "{text}");
            assert_eq!(facts.identity("directory"), "directory", "{text}");
            assert_eq!(facts.location, None, "{text}");
        }
        let other = "metadata: {annotations: {internal.runwhen.com/generated-by: 'by-hand:x'}}";
        assert_eq!(read(other).location, None);
    }
}
