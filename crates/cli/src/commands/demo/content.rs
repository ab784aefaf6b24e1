//! The demo's workspace, embedded at compile time, and what its builder finds the second time.

use std::path::Path;

use crate::error::CliError;

/// The workspace's name, which its files repeat.
pub(super) const WORKSPACE: &str = "demo";
/// The file that a person edits.
pub(super) const EDITED_FILE: &str = "slxs/storefront-shop-demo-cluster-http-ok-90d2c6e8/slx.yaml";
/// What the edit replaces, and by what.
pub(super) const EDIT: (&str, &str) = ("within a second", "within 300 milliseconds");
/// What a mistake replaces, and by what.
pub(super) const MISTAKE: (&str, &str) = ("  owners:\n  - you@example.com\n", "  owners: you@example.com\n");

/// The directory of the SLX that the edit is in, without what the builder puts before it.
const HTTP_OK: &str = "-shop-demo-cluster-http-ok-90d2c6e8";
/// The service whose SLX the edit is in.
const STOREFRONT: &str = "storefront";
/// The service that only the second build finds.
const CHECKOUT: &str = "checkout";

/// Every file of fixtures/workspaces/valid/demo, by its path there.
const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/demo_files.rs"));

/// Writes what the builder found at first.
pub(super) fn write_first_build(directory: &Path) -> Result<(), CliError> {
    FILES.iter().try_for_each(|(path, content)| write(&directory.join(path), content))
}

/// Writes what the builder finds when it runs again: the same, and one more service.
pub(super) fn write_second_build(directory: &Path) -> Result<(), CliError> {
    write_first_build(directory)?;
    for (path, content) in second_build() {
        write(&directory.join(path), content.as_bytes())?;
    }
    Ok(())
}

/// Returns the files that the second build adds or changes.
fn second_build() -> Vec<(String, String)> {
    let known = format!("{STOREFRONT}{HTTP_OK}");
    let found = format!("{CHECKOUT}{HTTP_OK}");
    let mut files = Vec::new();
    for (path, content) in FILES {
        // All of it is UTF-8, as a test shows.
        let text = String::from_utf8_lossy(content);
        if *path == "workspace.yaml" {
            let member = format!("    - {known}\n");
            files.push(((*path).to_owned(), text.replacen(&member, &format!("{member}    - {found}\n"), 1)));
        } else if path.starts_with(&format!("slxs/{known}/")) {
            files.push((path.replace(STOREFRONT, CHECKOUT), text.replace(STOREFRONT, CHECKOUT)));
        }
    }
    files
}

fn write(path: &Path, content: &[u8]) -> Result<(), CliError> {
    let written = match path.parent() {
        Some(parent) => fs_err::create_dir_all(parent).and_then(|()| fs_err::write(path, content)),
        None => fs_err::write(path, content),
    };
    written.map_err(|error| CliError::unexpected(error, "failed to write the demo's workspace"))
}

#[cfg(test)]
mod tests {
    use workstead_core::check::check_file;
    use workstead_core::name::WorkspaceName;
    use workstead_core::path::RepoPath;

    use super::*;

    fn text(path: &str) -> &'static str {
        let (_, content) = FILES.iter().find(|(name, _)| *name == path).unwrap();
        std::str::from_utf8(content).unwrap()
    }

    #[test]
    fn the_edit_is_valid_and_the_mistake_is_not() {
        let workspace = WorkspaceName::parse(WORKSPACE).unwrap();
        let path = RepoPath::parse(EDITED_FILE).unwrap();
        let check = |(from, to)| {
            let edited = text(EDITED_FILE).replacen(from, to, 1);
            assert_ne!(edited, text(EDITED_FILE), "{from:?} is not in the file");
            check_file(&workspace, &path, edited.as_bytes()).len()
        };
        assert_eq!(check(EDIT), 0);
        assert!(check(MISTAKE) > 0);
    }

    #[test]
    fn the_second_build_finds_one_more_service() {
        assert!(FILES.iter().all(|(_, content)| std::str::from_utf8(content).is_ok()));
        let files = second_build();
        let (_, workspace) = files.iter().find(|(path, _)| path == "workspace.yaml").unwrap();
        assert!(workspace.contains("    - checkout-shop-demo-cluster-http-ok-90d2c6e8\n"), "{workspace}");
        assert!(
            files.iter().any(|(path, _)| path == "slxs/checkout-shop-demo-cluster-http-ok-90d2c6e8/slx.yaml")
        );
        let workspace = WorkspaceName::parse(WORKSPACE).unwrap();
        for (path, content) in files {
            let problems = check_file(&workspace, &RepoPath::parse(&path).unwrap(), content.as_bytes());
            assert!(problems.is_empty(), "{path}: {problems:?}");
        }
    }
}
