//! An index and a place for objects that `git` may write to without touching the clone.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{CommitTree, WorkTree, path_of};
use crate::error::CliError;

impl WorkTree {
    /// Returns what `git commit` would commit now: the index.
    pub(crate) fn staged(&self, prefix: &str) -> Result<CommitTree, CliError> {
        let unmerged = self.ok(&["ls-files", "--unmerged", "-z", "--full-name"])?;
        if let Some(first) = unmerged.split(|byte| *byte == 0).find(|entry| !entry.is_empty()) {
            let path = first.splitn(2, |byte| *byte == b'\t').nth(1).unwrap_or(first);
            let path = String::from_utf8_lossy(path);
            return Err(CliError::user(format!("`{path}` is not merged, so nothing can be committed"))
                .hint("resolve the conflict and `git add` the file"));
        }
        let scratch = Scratch::of(self)?;
        scratch.tree(prefix)
    }

    /// Returns what a commit of the whole work tree would hold: changed, new and without what is ignored.
    pub(crate) fn work_tree(&self, prefix: &str) -> Result<CommitTree, CliError> {
        let scratch = Scratch::of(self)?;
        let below = if prefix.is_empty() { "." } else { prefix };
        scratch.tree.ok(&["add", "--all", "--", below])?;
        scratch.tree(prefix)
    }
}

/// The clone, but with an index of its own and objects beside the clone's.
struct Scratch {
    tree: WorkTree,
    directory: TempDir,
}

impl Scratch {
    fn of(real: &WorkTree) -> Result<Self, CliError> {
        let failed = |error| CliError::unexpected(error, "failed to prepare a copy of the index");
        let at_top = |line: Vec<u8>| real.top.join(path_of(&line));
        let index = at_top(real.ok(&["rev-parse", "--git-path", "index"])?);
        let objects = at_top(real.ok(&["rev-parse", "--git-path", "objects"])?);
        let objects = objects.canonicalize().map_err(failed)?;
        let directory = tempfile::tempdir().map_err(failed)?;
        let (own_index, own_objects) = (directory.path().join("index"), directory.path().join("objects"));
        fs_err::create_dir_all(own_objects.join("info")).map_err(failed)?;
        borrow_objects(&own_objects, &objects).map_err(failed)?;
        copy_index(&index, &own_index).map_err(failed)?;
        let mut variables = real.variables.clone();
        variables.push(("GIT_INDEX_FILE", own_index.into_os_string()));
        variables.push(("GIT_OBJECT_DIRECTORY", own_objects.into_os_string()));
        Ok(Self { tree: WorkTree { top: real.top.clone(), variables }, directory })
    }

    /// Returns what the index holds, as a commit would.
    fn tree(self, prefix: &str) -> Result<CommitTree, CliError> {
        let written = self.tree.ok(&["write-tree"])?;
        let tree = String::from_utf8_lossy(&written).trim().to_owned();
        Ok(self.tree.tree(&tree, prefix)?.keeping(self.directory))
    }
}

/// Lets `git` find the clone's objects from another place.
fn borrow_objects(own: &Path, objects: &Path) -> std::io::Result<()> {
    use std::os::unix::ffi::OsStrExt as _;
    let line = [objects.as_os_str().as_bytes(), b"\n"].concat();
    fs_err::write(own.join("info/alternates"), line)
}

/// Copies the index, if there is one yet, with its time.
///
/// Files that changed no earlier than the index are looked at again; a younger copy would make Git trust them.
fn copy_index(index: &PathBuf, own: &Path) -> std::io::Result<()> {
    if !index.exists() {
        return Ok(());
    }
    fs_err::copy(index, own)?;
    let written = fs_err::metadata(index)?.modified()?;
    fs_err::OpenOptions::new().write(true).open(own)?.file().set_modified(written)
}
