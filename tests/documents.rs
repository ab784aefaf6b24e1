//! What the documents say, against the code.

use std::path::{Path, PathBuf};

use crate::support::repository_root;

fn read(path: &str) -> String {
    fs_err::read_to_string(repository_root().join(path)).unwrap()
}

fn documents() -> Vec<PathBuf> {
    let root = repository_root();
    let mut found: Vec<PathBuf> =
        ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(|name| root.join(name)).into();
    let entries = fs_err::read_dir(root.join("docs")).unwrap();
    found.extend(
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.extension() == Some("md".as_ref())),
    );
    found
}

#[test]
fn the_readme_lists_the_settings_that_exist() {
    let table = workstead_api::settings::markdown_table();
    let readme = read("README.md");
    let (before, rest) = readme.split_once("<!-- settings:").unwrap();
    let (comment, rest) = rest.split_once("-->\n").unwrap();
    let (_, after) = rest.split_once("<!-- end of settings -->").unwrap();
    let expected = format!("{before}<!-- settings:{comment}-->\n{table}<!-- end of settings -->{after}");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs_err::write(repository_root().join("README.md"), &expected).unwrap();
        return;
    }
    assert!(readme == expected, "the table in README.md is out of date; the comment above it writes it anew");
}

#[test]
fn the_rules_are_listed_as_they_are() {
    let document = read("docs/VALIDATION.md");
    let (before, rest) = document.split_once("<!-- rules:").unwrap();
    let (comment, rest) = rest.split_once("-->\n").unwrap();
    let (_, after) = rest.split_once("<!-- end of rules -->").unwrap();
    let table = workstead_core::check::rules_table();
    let expected = format!("{before}<!-- rules:{comment}-->\n{table}<!-- end of rules -->{after}");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs_err::write(repository_root().join("docs/VALIDATION.md"), &expected).unwrap();
        return;
    }
    assert!(
        document == expected,
        "the rules in docs/VALIDATION.md are out of date; the comment above them writes them anew"
    );
}

#[test]
fn the_readme_names_the_two_commands() {
    let readme = read("README.md");
    assert!(readme.contains("cargo run --release -- demo"));
    assert!(readme.contains("scripts/test"));
}

#[test]
fn every_link_to_a_file_leads_somewhere() {
    for document in documents() {
        let text = fs_err::read_to_string(&document).unwrap();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = target.split('#').next().unwrap_or_default();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            let path = document.parent().unwrap_or(Path::new(".")).join(target);
            assert!(path.exists(), "{} links to {target}, which is not there", document.display());
        }
    }
}

#[test]
fn the_architecture_names_only_rooms_that_exist() {
    let root = repository_root();
    let text = read("docs/ARCHITECTURE.md");
    let named = text.split('`').skip(1).step_by(2).filter(|word| {
        ["crates/", "tests/", "fixtures/", "scripts/", "docs/"].iter().any(|room| word.starts_with(room))
            && !word.contains([' ', '*', '{'])
    });
    let mut count = 0;
    for path in named {
        count += 1;
        assert!(root.join(path).exists(), "docs/ARCHITECTURE.md names `{path}`, which is not there");
    }
    assert!(count >= 10, "only {count} rooms are named");
}

#[test]
fn the_api_document_holds_the_reference() {
    let reference = workstead_api::reference::markdown();
    assert!(reference.matches("\n#### `").count() >= 20, "{reference}");
    let document = read("docs/API.md");
    let (before, rest) = document.split_once("<!-- reference:").unwrap();
    let (comment, _) = rest.split_once("-->\n").unwrap();
    let expected = format!("{before}<!-- reference:{comment}-->\n\n{reference}");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs_err::write(repository_root().join("docs/API.md"), &expected).unwrap();
        return;
    }
    assert!(
        document == expected,
        "the reference in docs/API.md is out of date; the comment above it writes it anew"
    );
}
