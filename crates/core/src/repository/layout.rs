//! Where things are on disk: a bare repository's files, what crashes leave behind, durability.
//!
//! The files are those of <https://git-scm.com/docs/gitrepository-layout>, without hooks,
//! templates, descriptions or excludes.

use std::path::Path;
use std::time::{Duration, SystemTime};

use fs_err as fs;

use super::error::Result;

/// How the name of a directory begins in which a pack is being written.
///
/// Git's own temporary object directories begin like this, so `git prune` removes old ones too.
pub(super) const TEMPORARY_OBJECTS: &str = "tmp_objdir-workstead-";
/// How the names of all temporary object directories begin, also of pushes that were cut off.
pub(super) const ANY_TEMPORARY_OBJECTS: &str = "tmp_objdir-";

/// The configuration that `git` sees in a repository: never collect garbage by itself.
const CONFIG: &str = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n\
                      [gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n";

/// How old the lock of a reference must be to count as left behind by a crash.
const STALE_LOCK_AGE: Duration = Duration::from_secs(2);

/// Makes an empty bare repository in an existing empty directory, durably.
pub(super) fn write_repository(directory: &Path, head: &str) -> Result<()> {
    let folders = ["objects", "objects/pack", "objects/info", "refs", "refs/heads", "refs/tags"];
    for folder in folders {
        fs::create_dir(directory.join(folder))?;
    }
    write_durably(&directory.join("HEAD"), &format!("ref: {head}\n"))?;
    write_durably(&directory.join("config"), CONFIG)?;
    for folder in folders {
        sync_directory(&directory.join(folder))?;
    }
    sync_directory(directory)
}

/// Writes a new file and waits until its content is on disk.
pub(super) fn write_durably(path: &Path, content: &str) -> Result<()> {
    use std::io::Write as _;
    let mut file = fs::File::create(path)?;
    file.write_all(content.as_bytes())?;
    Ok(file.sync_all()?)
}

/// Waits until a directory's entries are on disk.
pub(super) fn sync_directory(directory: &Path) -> Result<()> {
    Ok(fs::File::open(directory)?.sync_all()?)
}

/// Removes what a crash left in a repository: temporary objects and locks of references.
///
/// Only one process has the store open, so whatever is there when it first opens a repository
/// belongs to the dead. A `git receive-pack` may outlive its server for a moment, so a lock
/// must be old enough.
pub(super) fn clean_repository(directory: &Path) -> Result<()> {
    for entry in fs::read_dir(directory.join("objects"))? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(ANY_TEMPORARY_OBJECTS) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    for name in ["HEAD.lock", "packed-refs.lock"] {
        remove_stale_lock(&directory.join(name))?;
    }
    clean_locks(&directory.join("refs"))
}

fn clean_locks(directory: &Path) -> Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            clean_locks(&entry.path())?;
        } else if entry.path().extension().is_some_and(|extension| extension == "lock") {
            // No reference may end in `.lock` (git-check-ref-format).
            remove_stale_lock(&entry.path())?;
        }
    }
    Ok(())
}

fn remove_stale_lock(path: &Path) -> Result<()> {
    loop {
        let metadata = match fs::symlink_metadata(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            other => other?,
        };
        // A time in the future is as good as an old one: waiting for it would not end.
        let age = SystemTime::now().duration_since(metadata.modified()?).unwrap_or(STALE_LOCK_AGE);
        if age >= STALE_LOCK_AGE {
            return match fs::remove_file(path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
                _ => Ok(()),
            };
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
