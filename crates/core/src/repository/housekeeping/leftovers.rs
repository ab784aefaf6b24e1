//! What pushes, `git repack` and this program leave when they are killed.

use std::path::Path;
use std::time::{Duration, SystemTime};

use fs_err as fs;

use crate::repository::error::Result;
use crate::repository::layout::ANY_TEMPORARY_OBJECTS;

/// Nothing lives longer: a push may take a day, all else less.
const AGE: Duration = Duration::from_hours(25);
/// How the names of files begin that are still being written to the directory of packs.
const TEMPORARY: [&str; 2] = ["tmp_", ".tmp-"];
/// How the `.keep` file of a push begins that has not moved its references yet.
const OF_A_PUSH: [&str; 2] = ["receive-pack ", "fetch-pack "];

/// Removes what is so old that nobody writes it any more.
pub(super) fn remove(objects: &Path) -> Result<()> {
    for path in old_entries(objects)? {
        if name(&path).starts_with(ANY_TEMPORARY_OBJECTS) {
            fs::remove_dir_all(path)?;
        }
    }
    for path in old_entries(&objects.join("pack"))? {
        if is_left_over(&path)? {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

fn is_left_over(path: &Path) -> Result<bool> {
    let name = name(path);
    if TEMPORARY.iter().any(|temporary| name.starts_with(temporary)) {
        return Ok(true);
    }
    if !name.starts_with("pack-") || path.extension().is_some_and(|extension| extension == "idx") {
        return Ok(false);
    }
    if !path.with_extension("idx").try_exists()? {
        // The index is the first of a pack's files to go and the last to come.
        return Ok(true);
    }
    let is_keep = path.extension().is_some_and(|extension| extension == "keep");
    Ok(is_keep && fs::read_to_string(path).is_ok_and(|text| OF_A_PUSH.iter().any(|of| text.starts_with(of))))
}

fn old_entries(directory: &Path) -> Result<Vec<std::path::PathBuf>> {
    let mut old = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        // One that goes meanwhile is not there to be removed.
        let Ok(modified) = entry.metadata().and_then(|metadata| metadata.modified()) else { continue };
        if SystemTime::now().duration_since(modified).is_ok_and(|age| age > AGE) {
            old.push(entry.path());
        }
    }
    Ok(old)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
