//! Every rule that a file can break, by the code of its problem.

use std::fmt::Write as _;

use crate::problem::Severity;

/// A rule, as people look it up who met its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// The code of its problems.
    pub code: &'static str,
    /// Whether breaking it refuses a change.
    pub severity: Severity,
    /// What must be so, as a sentence.
    pub rule: &'static str,
    /// What to do where it is not so, as a sentence.
    pub cure: &'static str,
}

const fn error(code: &'static str, rule: &'static str, cure: &'static str) -> Rule {
    Rule { code, severity: Severity::Error, rule, cure }
}

const fn warning(code: &'static str, rule: &'static str, cure: &'static str) -> Rule {
    Rule { code, severity: Severity::Warning, rule, cure }
}

impl Rule {
    /// All rules: of YAML, of one file, of names, between files, and of what may lie in a repository.
    pub const ALL: &[Self] = &[
        error("not_utf8", "A file that is read is text in UTF-8.", "Save it as UTF-8."),
        error(
            "yaml_syntax",
            "A file that is read is valid YAML.",
            "Check the indentation, and quote values that hold `: ` or ` #`.",
        ),
        error("empty_document", "A file holds a document.", "Write it, or remove the file."),
        error("several_documents", "A file holds one document.", "Remove the `---` and what follows it."),
        error("duplicate_key", "A key is there once in its mapping.", "Remove one of the two."),
        error("key_type", "A key is a string.", "Use a string as the key."),
        error(
            "explicit_tag",
            "Values have no explicit tags.",
            "Remove the tag, and quote the value to make it a string.",
        ),
        error("merge_key", "Mappings have no merge keys (`<<`).", "Write the merged fields out."),
        error("too_deep", "Values are nested at most 64 levels deep.", "Nest less deeply."),
        error("too_many_values", "A document holds at most a million values.", "Split it."),
        error("alias", "An alias names an anchor that is complete.", "Write the values out."),
        error("alias_budget", "Aliases expand to at most 1 MiB.", "Write the values out."),
        error(
            "wrong_type",
            "A known field has its type.",
            "Write what the message says; docs and schemas list the fields.",
        ),
        error("missing_field", "A required field is there.", "Add it."),
        error("empty_value", "A required value is not empty.", "Give it a value, or remove the item."),
        error("wrong_api_version", "`apiVersion` is `runwhen.com/v1`.", "Write that."),
        error("wrong_kind", "`kind` is the one that belongs at this path.", "Write it, or move the file."),
        error(
            "unknown_role",
            "A permission's role is one of the five.",
            "Use readonly, readandrun, readandrunwithassistant, readwrite or admin.",
        ),
        error(
            "permission_subject",
            "A permission is for a `user` or a `group`, not both.",
            "Name one of them.",
        ),
        error("duplicate_group", "A group's name is there once.", "Join the two groups, or rename one."),
        warning(
            "unknown_group",
            "A group depends on groups that exist.",
            "Add the group, or remove the name.",
        ),
        error(
            "secret_in_repository",
            "The builder's files hold no token.",
            "Write `token: \"\"`, and revoke the token that was there.",
        ),
        error(
            "wrong_workspace",
            "Files name the workspace that they are in.",
            "Write its name, or send the file to the workspace that it was made for.",
        ),
        error(
            "wrong_name",
            "`metadata.name` is `<workspace>--<directory or file>`.",
            "Write that, or rename the directory or file.",
        ),
        error("wrong_label", "The label `slx` is `<workspace>--<directory>`.", "Write that."),
        error(
            "name_too_long",
            "`<workspace>--<directory>` has at most 255 characters.",
            "Shorten the directory's name.",
        ),
        error(
            "workspace_missing",
            "There is a `workspace.yaml` at the root.",
            "Add it, or name the workspace's own directory.",
        ),
        error(
            "slx_missing",
            "A directory with files of an SLX has its `slx.yaml`.",
            "Add it, or remove the directory.",
        ),
        error(
            "duplicate_full_slx_name",
            "One `fullSlxName` is that of one SLX.",
            "Remove one of the two, or the annotation from the copy.",
        ),
        warning(
            "unknown_slx",
            "Groups, relationships and workflows name SLXs that exist.",
            "Add the SLX, or remove the name.",
        ),
        error(
            "path_collision",
            "No two paths are equal but for case or Unicode form.",
            "Rename or remove one of the two.",
        ),
        error(
            "irregular_entry",
            "A repository holds regular files under portable paths: no symbolic links, no submodules.",
            "Commit the file itself, or rename it.",
        ),
        error(
            "file_too_large",
            "A file has at most the server's limit (`WORKSTEAD_UPLOAD_MAX_FILE_BYTES`).",
            "Make it smaller, or raise the limit.",
        ),
        error(
            "push_too_large",
            "All changed files together have at most the server's limit (`WORKSTEAD_UPLOAD_MAX_UNPACKED_BYTES`).",
            "Push in several steps, or raise the limit.",
        ),
    ];

    /// Finds a rule by its code.
    pub fn find(code: &str) -> Option<&'static Self> {
        Self::ALL.iter().find(|rule| rule.code == code)
    }
}

/// Writes all rules as a table for the documentation.
pub fn rules_table() -> String {
    let mut table = String::from("| Code | | Rule | What to do |\n|---|---|---|---|\n");
    for Rule { code, severity, rule, cure } in Rule::ALL {
        let severity = if *severity == Severity::Error { "error" } else { "warning" };
        // Writing to a string can't fail.
        let _ = writeln!(table, "| `{code}` | {severity} | {rule} | {cure} |");
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Finds what stands in the sources as the code of a problem: words in quotes with an underscore, where codes are given.
    fn codes_of(source: &str) -> Vec<String> {
        let source = source.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let words = source.split('"').skip(1).step_by(2);
        let is_code = |word: &&str| {
            word.contains('_')
                && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        };
        words.filter(is_code).map(str::to_owned).collect()
    }

    #[test]
    fn every_code_in_the_sources_is_in_the_table_and_the_other_way_round() {
        let sources = [
            include_str!("across.rs"),
            include_str!("builder_file.rs"),
            include_str!("collisions.rs"),
            include_str!("document.rs"),
            include_str!("entries.rs"),
            include_str!("file.rs"),
            include_str!("lists.rs"),
            include_str!("names.rs"),
            include_str!("shape.rs"),
            include_str!("../model/text.rs"),
            include_str!("../yaml/parse.rs"),
        ];
        let found: std::collections::BTreeSet<_> =
            sources.iter().flat_map(|source| codes_of(source)).collect();
        let mut known: std::collections::BTreeSet<_> =
            Rule::ALL.iter().map(|rule| rule.code.to_owned()).collect();
        assert_eq!(known.len(), Rule::ALL.len(), "a code is there twice");
        // The one code without an underscore.
        assert!(known.remove("alias"));
        assert_eq!(found, known);
    }

    #[test]
    fn rules_are_sentences() {
        for rule in Rule::ALL {
            assert!(rule.rule.ends_with('.') && rule.cure.ends_with('.'), "{}", rule.code);
            assert!(!rule.rule.contains('|') && !rule.cure.contains('|'), "{}", rule.code);
            assert_eq!(Rule::find(rule.code), Some(rule));
        }
    }
}
