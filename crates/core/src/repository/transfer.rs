//! Whole repositories as files: Git's bundle format (git-bundle(1)).

use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use fs_err as fs;

use super::Repository;
use super::error::Result;
use super::program::Run;

/// Longest that one repository may take to be written or read.
const MAX_TIME: Duration = Duration::from_hours(1);

impl Repository {
    /// Writes every reference, the hidden ones too, with all that it reaches into a new file, durably.
    pub fn write_bundle(&self, path: &Path) -> Result<()> {
        let arguments = [OsStr::new("create"), OsStr::new("--quiet"), path.as_os_str(), OsStr::new("--all")];
        Run::new(self.git_program(), self.directory(), "bundle", &arguments, MAX_TIME).run()?;
        Ok(fs::File::open(path)?.sync_all()?)
    }
}

/// Reads a bundle's references and objects into an empty repository; malformed objects are refused.
pub(super) fn read_bundle(program: &Path, directory: &Path, bundle: &Path) -> Result<()> {
    // The refspec takes only what we write: branches, tags and the records of uploads.
    let refs =
        ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*", "+refs/workstead/*:refs/workstead/*"];
    let mut arguments = vec![
        OsStr::new("--quiet"),
        OsStr::new("--no-auto-gc"),
        OsStr::new("--no-write-fetch-head"),
        bundle.as_os_str(),
    ];
    arguments.extend(refs.map(OsStr::new));
    Run::new(program, directory, "fetch", &arguments, MAX_TIME).run()
}
