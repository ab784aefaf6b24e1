//! What the server keeps in Git, looked at by the real `git`.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use super::TestApp;

impl TestApp {
    /// Returns the only repository's directory.
    pub(crate) fn repository(&self) -> std::path::PathBuf {
        let mut found = Vec::new();
        find_repositories(&self.data().join("repositories"), &mut found);
        assert_eq!(found.len(), 1, "{found:?}");
        found.remove(0)
    }

    /// Runs `git` in the only repository.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        self.git_with_input(arguments, Path::new("/dev/null"))
    }

    /// Runs `git` in the only repository, with a file as its input.
    pub(crate) fn git_with_input(&self, arguments: &[&str], input: &Path) -> String {
        let output = Command::new("git")
            .stdin(std::fs::File::open(input).unwrap())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.directory.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .arg("--git-dir")
            .arg(self.repository())
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Returns the files below `slxs/` on main.
    pub(crate) fn committed(&self) -> BTreeMap<String, String> {
        let listing = self.git(&["ls-tree", "-r", "-z", "main", "slxs/"]);
        let entry = |line: &str| {
            let (meta, path) = line.split_once('\t')?;
            Some((path.to_owned(), meta.split(' ').nth(2)?.to_owned()))
        };
        listing.split('\0').filter_map(entry).collect()
    }

    /// Returns how many commits main has.
    pub(crate) fn commits(&self) -> usize {
        self.git(&["rev-list", "--count", "main"]).trim().parse().unwrap()
    }
}

fn find_repositories(directory: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.join("HEAD").exists() {
            found.push(path);
        } else if path.is_dir() {
            find_repositories(&path, found);
        }
    }
}
