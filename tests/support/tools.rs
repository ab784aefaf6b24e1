//! The Python programs that `scripts/install-test-tools` installs.

use std::path::PathBuf;

/// Returns a program of a tool, which is named with its version.
#[track_caller]
pub(crate) fn tool(name: &str, program: &str) -> PathBuf {
    let root = std::env::var_os("WORKSTEAD_TEST_TOOLS").map_or_else(default_root, PathBuf::from);
    let path = root.join(name).join("bin").join(program);
    assert!(path.is_file(), "there is no {}: run scripts/install-test-tools", path.display());
    path
}

/// Returns where the script installs when it is told nothing else.
fn default_root() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = std::env::home_dir().map(|home| home.join(".cache"));
    cache.or(home).unwrap().join("workstead-test")
}
