//! Where `scripts/install-test-tools` has put the stores.

use std::env;
use std::path::PathBuf;

/// A store as `scripts/install-test-tools` knows it.
pub(crate) struct Tool {
    /// Its directory.
    pub(crate) directory: &'static str,
    /// Its name there.
    pub(crate) name: &'static str,
    /// Its program, below that directory.
    pub(crate) program: &'static str,
    /// A variable with the path of the program, for one that lies elsewhere.
    pub(crate) path: &'static str,
    /// The variable by which `scripts/test` says that it can't be had.
    pub(crate) without: &'static str,
}

impl Tool {
    /// Returns the program, or nothing if the tests are to run without it.
    #[track_caller]
    pub(crate) fn find(&self) -> Option<PathBuf> {
        if env::var_os(self.without).is_some() {
            return None;
        }
        let installed = || root().join(self.directory).join(self.program);
        let path = env::var_os(self.path).map_or_else(installed, PathBuf::from);
        assert!(
            path.is_file(),
            "there is no {}: run scripts/install-test-tools {}, or set {}=1 to test without it",
            path.display(),
            self.name,
            self.without
        );
        Some(path)
    }
}

/// Returns the directory of all tools.
fn root() -> PathBuf {
    env::var_os("WORKSTEAD_TEST_TOOLS").map_or_else(default_root, PathBuf::from)
}

/// Returns where the script installs when it is told nothing else.
fn default_root() -> PathBuf {
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = env::home_dir().map(|home| home.join(".cache"));
    cache.or(home).expect("HOME is set").join("workstead-test")
}
