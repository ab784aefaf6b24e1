//! The check of one file by itself.

use super::document::check_document;
use super::place::{MAX_PROBLEMS, Report};
use crate::model::{FactsCache, FileKind, decode};
use crate::name::WorkspaceName;
use crate::oid::BlobId;
use crate::path::RepoPath;
use crate::problem::Problem;
use crate::yaml::{self, Node, SyntaxError};

/// Returns every problem of one file, by line and column.
///
/// Files whose path says nothing about their content are accepted as they are, whatever their bytes.
pub fn check_file(workspace: &WorkspaceName, path: &RepoPath, content: &[u8]) -> Vec<Problem> {
    check(workspace, path, content, |_, _| {})
}

/// Checks like [`check_file`], and keeps the facts that the rules across files will ask for.
pub fn check_blob(
    workspace: &WorkspaceName,
    path: &RepoPath,
    (id, content): (BlobId, &[u8]),
    facts: &FactsCache,
) -> Vec<Problem> {
    check(workspace, path, content, |kind, root| facts.remember(kind, id, root))
}

fn check(
    workspace: &WorkspaceName,
    path: &RepoPath,
    content: &[u8],
    keep: impl FnOnce(FileKind, &Node),
) -> Vec<Problem> {
    let kind = FileKind::of(path);
    if kind == FileKind::Other {
        return Vec::new();
    }
    match decode(content).map_err(|error| vec![error]).and_then(yaml::parse) {
        Ok(root) => {
            let mut report = Report::new(path);
            check_document(&mut report, workspace, kind, &root);
            keep(kind, &root);
            report.into_sorted()
        }
        Err(errors) => errors.into_iter().take(MAX_PROBLEMS).map(|error| syntax(path, error)).collect(),
    }
}

fn syntax(path: &RepoPath, error: SyntaxError) -> Problem {
    let hint = match error.code {
        "not_utf8" => "save the file as UTF-8",
        "duplicate_key" => "remove one of the two",
        "explicit_tag" => "remove the tag; put the value in quotes to make it a string",
        "merge_key" => "write the merged fields out",
        "several_documents" => "keep one document in the file: remove the `---` and what follows it",
        "empty_document" => "write the document, or remove the file",
        "key_type" => "use a string as the key",
        "too_deep" => "nest less deeply",
        "alias" | "alias_budget" => "write the values out instead of using aliases",
        _ => "check the indentation (blanks, no tabs), and quote values that hold `: ` or ` #`",
    };
    error.into_problem(path).hint(hint)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(path: &str, content: &[u8]) -> Vec<Problem> {
        let workspace = WorkspaceName::parse("demo").unwrap();
        check_file(&workspace, &RepoPath::parse(path).unwrap(), content)
    }

    fn codes(path: &str, content: &str) -> Vec<(&'static str, String)> {
        check(path, content.as_bytes()).into_iter().map(|problem| (problem.code, problem.pointer)).collect()
    }

    fn slx(spec: &str) -> String {
        format!(
            "apiVersion: runwhen.com/v1\nkind: ServiceLevelX\nmetadata:\n  name: demo--web\n  labels: {{slx: demo--web}}\nspec:\n{spec}"
        )
    }

    #[test]
    fn language_models_are_by_category() {
        let workspace = |models: &str| {
            let text = format!(
                "apiVersion: runwhen.com/v1\nkind: Workspace\nmetadata: {{name: demo}}\nspec:\n  llmConfig: {models}\n"
            );
            let problems = check("workspace.yaml", text.as_bytes());
            let line = |problem: Problem| {
                format!("{:?} {problem}; {}", problem.severity, problem.hint.as_ref().unwrap())
            };
            problems.into_iter().map(line).collect::<Vec<_>>().join("\n")
        };
        // Other names are for others.
        assert_eq!(
            workspace("{DEFAULT: {model: m}, CHAT: {any: {thing: [1]}}, BACKGROUND: ~, other: x}"),
            ""
        );
        insta::assert_snapshot!(workspace("{EMBEDDING: m, CHAT: [m]}"), @r#"
        Error workspace.yaml:5:26: `spec.llmConfig.EMBEDDING` must be a mapping, not a string "m" [wrong_type]; write `key: value` lines below it, indented
        Error workspace.yaml:5:35: `spec.llmConfig.CHAT` must be a mapping, not a list [wrong_type]; write `key: value` lines below it, indented
        "#);
        insta::assert_snapshot!(workspace("[m]"), @"Error workspace.yaml:5:14: `spec.llmConfig` must be a mapping, not a list [wrong_type]; write `key: value` lines below it, indented");
    }

    #[test]
    fn a_string_is_what_was_written() {
        for text in [
            "8123e45",
            "12e3",
            "true",
            "0x1f",
            "0o17",
            "1_000",
            "12:30",
            "2020-01-01",
            ".5",
            "no",
            "'1'",
            "~",
            "",
        ] {
            assert_eq!(codes("slxs/web/slx.yaml", &slx(&format!("  alias: {text}\n"))), [], "{text}");
            let tags = format!("  tags:\n  - name: x\n    value: {text}\n");
            assert_eq!(codes("slxs/web/slx.yaml", &slx(&tags)), [], "{text}");
        }
        for name in ["12e3", "0x1f", "true", "007"] {
            let text = slx("  alias: x\n").replace("demo--web", &format!("demo--{name}"));
            assert_eq!(codes(&format!("slxs/{name}/slx.yaml"), &text), [], "{name}");
        }
    }

    #[test]
    fn typed_fields_take_only_their_type() {
        let sli = |value: &str| {
            let text = slx(&format!("  intervalSeconds: {value}\n"))
                .replace("ServiceLevelX", "ServiceLevelIndicator");
            codes("slxs/web/sli.yaml", &text)
        };
        assert_eq!(sli("30"), []);
        assert_eq!(sli(""), []);
        for bad in ["'30'", "3.5", "1e2", "soon", "[30]", "{a: b}", "true"] {
            assert_eq!(sli(bad), [("wrong_type", "/spec/intervalSeconds".to_owned())], "{bad}");
        }
        let slo = |value: &str| {
            let text =
                slx(&format!("  objective: {value}\n")).replace("ServiceLevelX", "ServiceLevelObjective");
            codes("slxs/web/slo.yaml", &text)
        };
        assert_eq!((slo("99"), slo("99.9"), slo("-1")), (vec![], vec![], vec![]));
        assert_eq!(slo("'99'"), [("wrong_type", "/spec/objective".to_owned())]);
    }

    #[test]
    fn windows_line_ends_and_a_byte_order_mark_are_harmless() {
        let text = slx("  alias: Web\n");
        assert_eq!(codes("slxs/web/slx.yaml", &text.replace('\n', "\r\n")), []);
        assert_eq!(codes("slxs/web/slx.yaml", &format!("\u{feff}{text}")), []);
    }

    #[test]
    fn content_that_is_no_text_is_refused_only_where_text_is_needed() {
        assert_eq!(check("workspace.yaml", b"a: \xff")[0].code, "not_utf8");
        assert_eq!(check("slxs/web/NOTES.md", b"\xff"), []);
    }

    #[test]
    fn a_relationship_has_an_object_by_either_name() {
        let found = |relationship: &str| {
            let text = "apiVersion: runwhen.com/v1\nkind: Workspace\nmetadata: {name: demo}\nspec:\n  slxRelationships:\n";
            codes("workspace.yaml", &format!("{text}  - {{subject: a, verb: v{relationship}}}\n"))
        };
        let problem = |code, field: &str| vec![(code, format!("/spec/slxRelationships/0{field}"))];
        assert_eq!((found(", object: b"), found(", directObject: b")), (vec![], vec![]));
        assert_eq!(found(""), problem("missing_field", ""));
        assert_eq!(found(", directObject: ''"), problem("empty_value", "/directObject"));
        assert_eq!(found(", directObject: [b]"), problem("wrong_type", "/directObject"));
        // The one that counts is the one that is read.
        assert_eq!(found(", object: [b], directObject: b"), problem("wrong_type", "/object"));
    }

    #[test]
    fn a_token_is_refused_and_never_shown() {
        let found = check("uploadInfo.yaml", b"workspaceName: demo\ntoken: wst_0123456789\n");
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].code, found[0].line, found[0].pointer.as_str()),
            ("secret_in_repository", 2, "/token")
        );
        assert!(!format!("{found:?}").contains("0123456789"), "{found:?}");
        for none in ["", "\"\"", "~", "${UPLOAD_TOKEN}"] {
            assert_eq!(codes("uploadInfo.yaml", &format!("token: {none}\n")), [], "{none}");
            assert_eq!(codes("workspaceInfo.yaml", &format!("token: {none}\n")), [], "{none}");
        }
    }

    #[test]
    fn a_file_of_nothing_but_problems_is_reported_up_to_a_limit() {
        let spec = format!("  tags: [{}]\n", vec!["x"; 5000].join(", "));
        assert_eq!(codes("slxs/web/slx.yaml", &slx(&spec)).len(), MAX_PROBLEMS);
        assert_eq!(check("workspace.yaml", "a: 1\n".repeat(5000).as_bytes()).len(), MAX_PROBLEMS);
    }

    #[test]
    fn what_an_alias_repeats_is_checked_where_it_stands() {
        let text = slx("  additionalContext: &x {resourcePath: a}\n  alias: *x\n");
        let found = check("slxs/web/slx.yaml", text.as_bytes());
        assert_eq!(
            (found[0].code, found[0].line, found[0].pointer.as_str()),
            ("wrong_type", 8, "/spec/alias")
        );
    }

    proptest! {
        /// Whatever stands in place of any line of a file, nothing panics and every problem has its place.
        #[test]
        fn any_damage_is_reported_at_a_place(line in 0_usize..30, damage in "[-a-z0-9:\\[\\]{}*&!|>'\"#\t ü~]{0,24}") {
            let demo = include_str!("../../../../fixtures/workspaces/valid/demo/workspace.yaml");
            let mut lines: Vec<_> = demo.lines().collect();
            lines[line] = &damage;
            for problem in check("workspace.yaml", lines.join("\n").as_bytes()) {
                prop_assert!(problem.line > 0 && problem.column > 0, "{problem:?}");
                prop_assert!(problem.pointer.is_empty() || problem.pointer.starts_with('/'), "{problem:?}");
                prop_assert!(problem.hint.is_some(), "{problem:?}");
            }
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), kind in 0_usize..10) {
            let paths = ["workspace.yaml", "slxs/a/slx.yaml", "slxs/a/sli.yaml", "slxs/a/slo.yaml",
                "slxs/a/runbook.yaml", "workflows/a.yaml", ".workspace-builder-manifest.yaml", "personas/a.yaml",
                "workspaceInfo.yaml", "uploadInfo.yaml"];
            check(paths[kind], &bytes);
        }
    }
}
