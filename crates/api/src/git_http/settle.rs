//! What a push leaves on disk, made durable and tidy.

use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use fs_err as fs;

/// How the quarantine of `git receive-pack` is called (tmp-objdir.c).
const QUARANTINE: &str = "tmp_objdir-incoming-";

/// Waits until the entries of what a push may have written are on disk, and removes what a push
/// that was ended by force left behind.
///
/// `core.fsync=all` makes Git wait for the content of packs and references, not for the directories
/// that name them. `max_time` is the longest life of a push: an older quarantine is nobody's.
pub(super) fn settle(repository: &Path, max_time: Duration) -> io::Result<()> {
    let objects = repository.join("objects");
    for directory in [objects.join("pack"), objects.clone(), repository.to_owned()] {
        sync(&directory)?;
    }
    sync_all(&repository.join("refs"))?;
    remove_abandoned(&objects, max_time + Duration::from_mins(1))
}

/// Syncs a directory with those in it.
fn sync_all(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            match sync_all(&entry.path()) {
                // Git removes a directory whose last reference has gone.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                other => other?,
            }
        }
    }
    sync(directory)
}

fn sync(directory: &Path) -> io::Result<()> {
    fs::File::open(directory)?.sync_all()
}

fn remove_abandoned(objects: &Path, age: Duration) -> io::Result<()> {
    for entry in fs::read_dir(objects)? {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().starts_with(QUARANTINE) {
            continue;
        }
        let Ok(modified) = entry.metadata().and_then(|metadata| metadata.modified()) else { continue };
        if SystemTime::now().duration_since(modified).is_ok_and(|old| old > age)
            && let Err(error) = fs::remove_dir_all(entry.path())
        {
            tracing::warn!(%error, "the remains of a push could not be removed");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_old_quarantines_are_removed() {
        let repository = tempfile::tempdir().unwrap();
        let objects = repository.path().join("objects");
        for name in ["pack", "ab", "tmp_objdir-incoming-1"] {
            fs::create_dir_all(objects.join(name).join("inner")).unwrap();
        }
        fs::create_dir_all(repository.path().join("refs/heads/feature")).unwrap();
        settle(repository.path(), Duration::from_mins(1)).unwrap();
        assert!(objects.join("tmp_objdir-incoming-1").exists());
        let old = SystemTime::now() - Duration::from_hours(1);
        for name in ["tmp_objdir-incoming-1", "ab"] {
            fs::File::open(objects.join(name)).unwrap().into_parts().0.set_modified(old).unwrap();
        }
        settle(repository.path(), Duration::from_mins(1)).unwrap();
        assert!(!objects.join("tmp_objdir-incoming-1").exists());
        assert!(objects.join("ab").exists());
    }
}
