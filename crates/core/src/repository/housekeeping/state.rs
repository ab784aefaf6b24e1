//! When a repository was looked after, and what it was like: whether it is time to do so again.

use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use fs_err as fs;
use jiff::{SignedDuration, Timestamp};
use sha1::{Digest as _, Sha1};

use super::packs::{self, Keep};
use crate::repository::error::{Error, Result};
use crate::repository::names::RepositoryId;
use crate::repository::store::RepositoryStore;

/// Holds the time of the last housekeeping, and what the references were.
const FILE: &str = "housekeeping.state";
/// In place of what the references were, when something was left to do.
pub(super) const UNFINISHED: &str = "unfinished";

impl RepositoryStore {
    /// Tells whether a repository is to be looked after, without opening it.
    ///
    /// It is when the last time was so long ago, and references have moved since or something that was set aside has
    /// outlived the grace. What can't be read of this says yes, so that somebody notices.
    pub fn needs_housekeeping(
        &self,
        id: &RepositoryId,
        interval: Duration,
        grace: Duration,
        now: Timestamp,
    ) -> Result<bool> {
        let directory = self.directory(id);
        let known = match read(&directory)? {
            Some(known) => known,
            None => (created(&directory)?, UNFINISHED.to_owned()),
        };
        let (at, references) = known;
        // A time in the future is no time that can be waited for.
        if at <= now && now < later(at, interval) {
            return Ok(false);
        }
        if references != self::references(&directory)? {
            return Ok(true);
        }
        let packs = packs::list(&directory.join("objects/pack"))?;
        Ok(packs.iter().any(|pack| matches!(pack.keep, Keep::Aside(since) if later(since, grace) <= now)))
    }
}

/// Adds a time, at most until the end of all.
pub(super) fn later(at: Timestamp, duration: Duration) -> Timestamp {
    let duration = SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
    at.checked_add(duration).unwrap_or(Timestamp::MAX)
}

fn read(directory: &Path) -> Result<Option<(Timestamp, String)>> {
    let text = match fs::read_to_string(directory.join(FILE)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        text => text?,
    };
    // What a crash cut short is like nothing.
    let parsed = text.trim_end().split_once(' ').and_then(|(seconds, references)| {
        Some((Timestamp::from_second(seconds.parse().ok()?).ok()?, references.to_owned()))
    });
    Ok(parsed)
}

fn created(directory: &Path) -> Result<Timestamp> {
    let modified = fs::metadata(directory.join("config"))?.modified()?;
    Timestamp::try_from(modified).map_err(|_| Error::Damaged("its config is of no time".to_owned()))
}

/// Notes when it was done, and what the references were.
pub(super) fn write(directory: &Path, now: Timestamp, references: &str) -> Result<()> {
    Ok(fs::write(directory.join(FILE), format!("{} {references}\n", now.as_second()))?)
}

/// Reduces all references, and the number of packs, to a word.
pub(super) fn references(directory: &Path) -> Result<String> {
    let mut hash = Sha1::new();
    add_file(&mut hash, &directory.join("packed-refs"))?;
    add_directory(&mut hash, &directory.join("refs"))?;
    Ok(hex::encode(hash.finalize()))
}

fn add_directory(hash: &mut Sha1, directory: &Path) -> Result<()> {
    let mut entries = Vec::new();
    match fs::read_dir(directory) {
        // Git removes directories that it has emptied.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        found => entries.extend(found?.collect::<std::io::Result<Vec<_>>>()?),
    }
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            add_directory(hash, &path)?;
        } else if path.extension().is_none_or(|extension| extension != "lock") {
            add_file(hash, &path)?;
        }
    }
    Ok(())
}

fn add_file(hash: &mut Sha1, path: &Path) -> Result<()> {
    let content = match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        content => content?,
    };
    hash.update(path.as_os_str().as_encoded_bytes());
    hash.update([0]);
    hash.update(content);
    Ok(())
}
