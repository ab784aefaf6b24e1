//! Merge patches of one file.

use serde_json::Value as Json;

use crate::yaml::{EditError, Editor};

/// Why a file could not be patched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// A patch that is no object would replace the whole file.
    #[error("the patch is {0}, not an object like {{\"spec\": {{\"alias\": \"New name\"}}}}")]
    NotAnObject(&'static str),
    /// The file can't be edited.
    #[error(transparent)]
    Edit(#[from] EditError),
}

/// Applies a JSON merge patch (RFC 7396) to the text of a YAML file; null removes a key.
///
/// Comments, order and formatting of all that the patch does not change stay. Lists are replaced as a
/// whole, but their items that stay the same keep their text too.
///
/// ```
/// use serde_json::json;
/// use workstead_core::slx_config::patch_file;
///
/// let patched = patch_file("spec:\n  alias: a # x\n  icon: y\n", &json!({"spec": {"alias": "b", "icon": null}}));
/// assert_eq!(patched.unwrap(), "spec:\n  alias: b # x\n");
/// ```
pub fn patch_file(text: &str, patch: &Json) -> Result<String, PatchError> {
    if !patch.is_object() {
        return Err(PatchError::NotAnObject(match patch {
            Json::Null => "null",
            Json::Bool(_) => "a boolean",
            Json::Number(_) => "a number",
            Json::String(_) => "a string",
            Json::Array(_) | Json::Object(_) => "a list",
        }));
    }
    let mut editor = Editor::new(text).map_err(EditError::Syntax)?;
    Ok(editor.merge(patch).finish()?)
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::merge_patch::merge_patch;
    use crate::yaml::edit::tests::any_json;
    use crate::yaml::parse;

    const SOURCE: &str = "# A runbook.\nkind: Runbook\nspec:\n  location: loc-1 # ours\n  codeBundle: {repoUrl: https://example.com/a.git, ref: main}\n  configProvided:\n  # How long.\n  - name: WINDOW\n    value: 5m\n  - name: DEPTH\n    value: '3'\n# The end.\n";

    #[test]
    fn nested_maps_and_lists_change_and_the_rest_stays() {
        let patch = json!({"spec": {
            "codeBundle": {"ref": "v2", "pathToRobot": "a.robot"},
            "configProvided": [{"name": "WINDOW", "value": "10m"}, {"name": "DEPTH", "value": "3"}, {"name": "MODE", "value": "no"}],
            "location": null,
            "requirements": {"memory": {"limit": 1}},
        }});
        assert_snapshot!(patch_file(SOURCE, &patch).unwrap(), @r"
        # A runbook.
        kind: Runbook
        spec:
          codeBundle: {repoUrl: https://example.com/a.git, ref: v2, pathToRobot: a.robot}
          configProvided:
          # How long.
          - name: WINDOW
            value: 10m
          - name: DEPTH
            value: '3'
          - name: MODE
            value: 'no'
          requirements:
            memory:
              limit: 1
        # The end.
        ");
    }

    #[test]
    fn what_is_the_same_changes_nothing() {
        let text = patch_file(SOURCE, &json!({"spec": {"location": "loc-1", "gone": null}})).unwrap();
        assert_eq!(text, SOURCE);
    }

    #[test]
    fn refusals_say_what_is_wrong() {
        assert_snapshot!(patch_file(SOURCE, &json!([1])).unwrap_err(), @r#"the patch is a list, not an object like {"spec": {"alias": "New name"}}"#);
        assert_snapshot!(patch_file("a: [", &json!({"a": 1})).unwrap_err(), @"the file can't be read: not valid YAML: while parsing a node, did not find expected node content at line 2 column 1");
    }

    proptest! {
        #[test]
        fn a_patched_file_holds_what_the_rfc_says(patch in any_json()) {
            let expected = |text: &str| {
                let mut value = parse(text).unwrap().to_json();
                merge_patch(&mut value, &patch);
                value
            };
            if let Ok(text) = patch_file(SOURCE, &patch) {
                prop_assert_eq!(parse(&text).unwrap().to_json(), expected(SOURCE));
                prop_assert!(text.starts_with("# A runbook.\n"), "{}", text);
                prop_assert_eq!(patch_file(&text, &patch).unwrap(), text);
            } else {
                prop_assert!(!patch.is_object(), "{}", patch);
            }
        }
    }
}
