//! Objects from elsewhere, kept apart until they are accepted.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use fs_err as fs;

use super::Repository;
use super::error::Result;
use super::layout::{TEMPORARY_OBJECTS, sync_directory};
use super::probe::bytes_below;

/// A directory for the objects of a fetch; it goes, with all that is in it, unless they are admitted.
#[derive(Debug)]
pub struct Incoming {
    directory: tempfile::TempDir,
}

impl Incoming {
    /// Returns the directory, which `git` may write objects to and [`Repository::quarantined`] reads.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Returns how many bytes have come so far.
    pub fn bytes(&self) -> Result<u64> {
        Ok(bytes_below(self.path())?)
    }
}

impl Repository {
    /// Makes a directory for objects from elsewhere.
    pub fn incoming(&self) -> Result<Incoming> {
        let directory =
            tempfile::Builder::new().prefix(TEMPORARY_OBJECTS).tempdir_in(self.objects().directory())?;
        fs::create_dir(directory.path().join("pack"))?;
        Ok(Incoming { directory })
    }

    /// Returns the directory of all objects, to give to the `git` program and for nothing else.
    pub fn objects_directory(&self) -> &Path {
        self.objects().directory()
    }

    /// Takes the packs of a directory into the repository, durably; no reference moves.
    pub fn admit(&self, incoming: Incoming) -> Result<()> {
        // Nobody joins packs, or removes the repository, meanwhile.
        let writer = self.writer()?;
        let (from, to) = (incoming.path().join("pack"), self.objects().directory().join("pack"));
        let mut names: Vec<PathBuf> = Vec::new();
        for entry in fs::read_dir(&from)? {
            let name = PathBuf::from(entry?.file_name());
            let is = |ending: &str| name.extension() == Some(OsStr::new(ending));
            let is_pack = name.to_string_lossy().starts_with("pack-");
            if is_pack && (is("pack") || is("idx") || is("rev")) {
                names.push(name);
            }
        }
        // The index last, because that is what readers look for.
        names.sort_by_key(|name| name.extension() == Some(OsStr::new("idx")));
        for name in &names {
            fs::File::open(from.join(name))?.sync_all()?;
        }
        for name in &names {
            fs::rename(from.join(name), to.join(name))?;
        }
        sync_directory(&to)?;
        self.objects().renew();
        drop(writer);
        Ok(incoming.directory.close()?)
    }
}
