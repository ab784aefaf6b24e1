//! How much a repository takes, and how much it may.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::PoisonError;

use fs_err as fs;

use super::Repository;
use super::error::{Error, Result};

impl Repository {
    /// Returns the bytes of the packs and loose objects.
    ///
    /// They are counted when they are asked for first and after housekeeping; in between, what is written is added. So
    /// packs that exist twice while they are joined count once.
    pub fn object_bytes(&self) -> Result<u64> {
        let mut known = self.inner.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bytes) = *known {
            return Ok(bytes);
        }
        let bytes = count(self.objects().directory())?;
        *known = Some(bytes);
        Ok(bytes)
    }

    /// Returns how many they may be, if there is a limit.
    pub fn max_object_bytes(&self) -> Option<u64> {
        self.inner.shared.max_repository_bytes
    }

    /// Refuses what would make the repository larger than it may be.
    pub fn require_room(&self, adding: u64) -> Result<()> {
        let Some(limit) = self.max_object_bytes() else { return Ok(()) };
        let bytes = self.object_bytes()?;
        if bytes.saturating_add(adding) > limit {
            return Err(Error::RepositoryTooLarge { bytes, adding, limit });
        }
        Ok(())
    }

    /// Notes that so many bytes of objects were written.
    pub fn note_added(&self, bytes: u64) {
        let mut known = self.inner.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        *known = known.map(|known| known.saturating_add(bytes));
    }

    /// Counts anew, once housekeeping has ended.
    pub(super) fn recount(&self) {
        *self.inner.bytes.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Adds up packs with what belongs to them, and loose objects; nothing that is still being written.
pub(super) fn count(objects: &Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(objects)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_fan = name.len() == 2 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_fan {
            bytes += count_files(&entry.path(), |name| name.len() == 38)?;
        } else if name == "pack" {
            bytes += count_files(&entry.path(), |name| name.starts_with("pack-"))?;
        }
    }
    Ok(bytes)
}

fn count_files(directory: &Path, counts: impl Fn(&str) -> bool) -> std::io::Result<u64> {
    let gone = |error: &std::io::Error| error.kind() == ErrorKind::NotFound;
    let entries = match fs::read_dir(directory) {
        Err(error) if gone(&error) => return Ok(0),
        entries => entries?,
    };
    let mut bytes = 0;
    for entry in entries {
        let entry = entry?;
        if !counts(&entry.file_name().to_string_lossy()) {
            continue;
        }
        bytes += match entry.metadata() {
            // Git removes packs that it has joined, and directories that it has emptied.
            Err(error) if gone(&error) => 0,
            metadata => metadata?.len(),
        };
    }
    Ok(bytes)
}
