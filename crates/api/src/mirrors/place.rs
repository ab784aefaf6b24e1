//! Where `git` runs for a mirror.

use std::path::{Path, PathBuf};

use fs_err as fs;
use tempfile::TempDir;
use workstead_core::oid::CommitId;

/// How the upstream's branch is called in the place of a fetch.
pub(super) const THEIRS: &str = "refs/heads/theirs";
/// What `git` notes of each packet that an upstream sends, which only those do that speak the smart protocol.
const SMART: &str = "git< ";

/// A Git directory with nothing in it but what a run needs.
#[derive(Debug)]
pub(super) struct Place {
    directory: TempDir,
    /// Where objects are written.
    pub(super) objects: PathBuf,
    /// Where others are found.
    pub(super) alternate: Option<PathBuf>,
}

impl Place {
    /// Makes one over an object directory; blocking.
    ///
    /// `ours` is what the other side need not send. What is written goes to `objects`, and what is there already is in
    /// `alternate`, if that is elsewhere.
    pub(super) fn make(
        spool: &Path,
        ours: Option<CommitId>,
        objects: &Path,
        alternate: Option<&Path>,
    ) -> std::io::Result<Self> {
        let directory = tempfile::Builder::new().prefix("mirror-").tempdir_in(spool)?;
        let path = directory.path();
        fs::create_dir(path.join("refs"))?;
        fs::write(path.join("HEAD"), "ref: refs/heads/none\n")?;
        fs::write(path.join("config"), "[core]\n\trepositoryformatversion = 0\n\tbare = true\n")?;
        if let Some(ours) = ours {
            fs::write(path.join("packed-refs"), format!("{ours} refs/heads/ours\n"))?;
        }
        Ok(Self { directory, objects: objects.to_owned(), alternate: alternate.map(Path::to_owned) })
    }

    /// Returns the directory.
    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Returns the file in which a run notes what is said by the smart protocol.
    pub(super) fn notes(&self) -> PathBuf {
        self.directory.path().join("packets")
    }

    /// Returns where the fetched branch is; blocking.
    pub(super) fn fetched(&self) -> Option<CommitId> {
        let text = fs::read_to_string(self.directory.path().join(THEIRS)).ok()?;
        CommitId::parse(text.trim()).ok()
    }
}

/// Tells whether the run that left these notes spoke the smart protocol, and forgets it; blocking.
pub(super) fn take_smartness(notes: &Path) -> std::io::Result<bool> {
    let said = fs::read(notes)?;
    fs::remove_file(notes)?;
    Ok(said.windows(SMART.len()).any(|window| window == SMART.as_bytes()))
}
