//! The files of a local store and the changes of their state.

use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use fs_err::{self as fs, File};
use jiff::Timestamp;
use tempfile::NamedTempFile;

use crate::key::ObjectKey;
use crate::store::{Listing, ObjectInfo, StoredObject};

/// Where an object is on its one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing was put.
    Empty,
    /// Put, replaceable.
    Put,
    /// Frozen.
    Sealed,
    /// Deleted.
    Closed,
}

const TEMPORARY_PREFIX: &str = ".put-";

/// The directory of a local store.
#[derive(Debug)]
pub(super) struct Directory {
    root: PathBuf,
    /// Held while a state is looked at and changed; no content is read or written under it.
    changing: Mutex<()>,
}

impl Directory {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root, changing: Mutex::new(()) }
    }

    /// Looks at an object's state.
    pub(super) fn state(&self, key: &ObjectKey) -> io::Result<State> {
        let closed = self.workspace_file(key.workspace_id()).with_extension("closed");
        Ok(if closed.try_exists()? || self.file(key, "closed").try_exists()? {
            State::Closed
        } else if self.file(key, "sealed").try_exists()? {
            State::Sealed
        } else if self.file(key, "tar.gz").try_exists()? {
            State::Put
        } else {
            State::Empty
        })
    }

    /// Returns what is known of an object that is there.
    pub(super) fn info(&self, key: &ObjectKey) -> io::Result<Option<ObjectInfo>> {
        match self.open(key)? {
            (_, Some(file)) => Ok(Some(info(&file.metadata()?)?)),
            (_, None) => Ok(None),
        }
    }

    /// Opens an object that is there, and tells its state.
    pub(super) fn open(&self, key: &ObjectKey) -> io::Result<(State, Option<File>)> {
        let _changing = self.lock();
        let state = self.state(key)?;
        let extension = match state {
            State::Put => "tar.gz",
            State::Sealed => "sealed",
            State::Empty | State::Closed => return Ok((state, None)),
        };
        Ok((state, Some(File::open(self.file(key, extension))?)))
    }

    /// Makes a temporary file beside the object.
    pub(super) fn temporary(&self, key: &ObjectKey) -> io::Result<NamedTempFile> {
        let _changing = self.lock();
        let directory = self.make_directory(key.workspace_id())?;
        tempfile::Builder::new().prefix(TEMPORARY_PREFIX).tempfile_in(directory)
    }

    /// Writes a file and takes it away again, where uploads would be written.
    ///
    /// The directory itself is never made here: that it is gone is what the caller wants to know.
    pub(super) fn check(&self) -> io::Result<()> {
        let uploads = self.root.join("uploads");
        let directory = if uploads.is_dir() { uploads } else { self.root.clone() };
        let mut file = tempfile::Builder::new().prefix(TEMPORARY_PREFIX).tempfile_in(directory)?;
        file.write_all(b"check")?;
        file.close()
    }

    /// Puts a synced temporary file in the object's place, unless the object is frozen or gone.
    pub(super) fn put(&self, key: &ObjectKey, file: NamedTempFile) -> io::Result<State> {
        let _changing = self.lock();
        let state = self.state(key)?;
        if matches!(state, State::Sealed | State::Closed) {
            return Ok(state);
        }
        file.persist(self.file(key, "tar.gz")).map_err(|error| error.error)?;
        sync_directory(&self.workspace_file(key.workspace_id()))?;
        Ok(State::Put)
    }

    /// Freezes an object that is there and returns the state after it.
    pub(super) fn seal(&self, key: &ObjectKey) -> io::Result<State> {
        let _changing = self.lock();
        let state = self.state(key)?;
        if state != State::Put {
            return Ok(state);
        }
        fs::rename(self.file(key, "tar.gz"), self.file(key, "sealed"))?;
        sync_directory(&self.workspace_file(key.workspace_id()))?;
        Ok(State::Sealed)
    }

    /// Deletes an object; its mark is durable before its content goes.
    pub(super) fn close(&self, key: &ObjectKey) -> io::Result<()> {
        let _changing = self.lock();
        let directory = self.make_directory(key.workspace_id())?;
        mark(&self.file(key, "closed"))?;
        for extension in ["tar.gz", "sealed"] {
            ignore_missing(fs::remove_file(self.file(key, extension)))?;
        }
        sync_directory(&directory)
    }

    /// Deletes all objects of a workspace.
    pub(super) fn close_workspace(&self, workspace_id: &str) -> io::Result<()> {
        let _changing = self.lock();
        let directory = self.workspace_file(workspace_id);
        let uploads = make_directories(&self.root.join("uploads"))?;
        mark(&directory.with_extension("closed"))?;
        ignore_missing(fs::remove_dir_all(&directory))?;
        sync_directory(&uploads)
    }

    /// Lists objects that were written before a time.
    pub(super) fn list_older_than(&self, time: Timestamp) -> io::Result<Listing> {
        let mut listing = Listing::default();
        self.visit(|workspace, file| {
            let name = file.file_name();
            let name = name.to_str().unwrap_or_default();
            if is_ours(name) {
                return Ok(());
            }
            let upload = name.strip_suffix(".tar.gz").or_else(|| name.strip_suffix(".sealed"));
            let key =
                workspace.zip(upload).and_then(|(workspace, upload)| ObjectKey::new(workspace, upload).ok());
            match (key, older(file, time)?) {
                (Some(key), Some(info)) => listing.objects.push(StoredObject { key, info }),
                (None, Some(_)) => listing.foreign += 1,
                (_, None) => {}
            }
            Ok(())
        })?;
        listing.objects.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(listing)
    }

    /// Removes marks and temporary files from before a time, and directories that are empty then.
    pub(super) fn forget_older_than(&self, time: Timestamp) -> io::Result<usize> {
        let _changing = self.lock();
        let mut forgotten = 0;
        let mut workspaces = Vec::new();
        self.visit(|workspace, file| {
            let name = file.file_name();
            let name = name.to_str().unwrap_or_default();
            if is_ours(name) && older(file, time)?.is_some() {
                ignore_missing(fs::remove_file(file.path()))?;
                forgotten += 1;
                workspaces.extend(workspace.map(str::to_owned));
            }
            Ok(())
        })?;
        for workspace in workspaces {
            // Fails, as it should, while the directory still holds something.
            let _ = fs::remove_dir(self.workspace_file(&workspace));
        }
        Ok(forgotten)
    }

    /// Visits the files of all workspaces, and those beside the workspaces' directories.
    fn visit(&self, mut visit: impl FnMut(Option<&str>, &fs::DirEntry) -> io::Result<()>) -> io::Result<()> {
        for entry in entries(&self.root.join("uploads"))? {
            if !entry.file_type()?.is_dir() {
                visit(None, &entry)?;
                continue;
            }
            for file in entries(&entry.path())? {
                visit(entry.file_name().to_str(), &file)?;
            }
        }
        Ok(())
    }

    fn make_directory(&self, workspace_id: &str) -> io::Result<PathBuf> {
        make_directories(&self.workspace_file(workspace_id))
    }

    fn workspace_file(&self, workspace_id: &str) -> PathBuf {
        // Ids hold no dots and no slashes: see ObjectKey.
        self.root.join("uploads").join(workspace_id)
    }

    fn file(&self, key: &ObjectKey, extension: &str) -> PathBuf {
        self.workspace_file(key.workspace_id()).join(format!("{}.{extension}", key.upload_id()))
    }

    fn lock(&self) -> MutexGuard<'_, ()> {
        // The files are the state; a panic elsewhere leaves them consistent.
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells whether a file is a mark or a temporary one.
fn is_ours(name: &str) -> bool {
    name.ends_with(".closed") || name.starts_with(TEMPORARY_PREFIX)
}

/// Makes a directory and those above it, and makes each new name durable in the one above.
fn make_directories(directory: &Path) -> io::Result<PathBuf> {
    let missing: Vec<&Path> =
        directory.ancestors().take_while(|above| !above.as_os_str().is_empty() && !above.exists()).collect();
    fs::create_dir_all(directory)?;
    for made in missing {
        match made.parent() {
            Some(above) if !above.as_os_str().is_empty() => sync_directory(above)?,
            _ => sync_directory(Path::new("."))?,
        }
    }
    Ok(directory.to_owned())
}

/// Makes an empty file; the caller syncs the directory once more after its own changes.
fn mark(path: &Path) -> io::Result<()> {
    File::create(path)?.sync_all()?;
    path.parent().map_or(Ok(()), sync_directory)
}

fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

fn ignore_missing(result: io::Result<()>) -> io::Result<()> {
    result.or_else(|error| if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

/// Lists a directory; one that is not there is empty.
fn entries(directory: &Path) -> io::Result<Vec<fs::DirEntry>> {
    match fs::read_dir(directory) {
        Ok(entries) => entries.collect(),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Returns what is known of a file from before a time; nothing for a younger one or one that just went.
fn older(file: &fs::DirEntry, time: Timestamp) -> io::Result<Option<ObjectInfo>> {
    match file.metadata() {
        Ok(metadata) => Ok(Some(info(&metadata)?).filter(|info| info.modified_at < time)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn info(metadata: &std::fs::Metadata) -> io::Result<ObjectInfo> {
    let modified: SystemTime = metadata.modified()?;
    let modified_at = Timestamp::try_from(modified).map_err(io::Error::other)?;
    Ok(ObjectInfo { size: metadata.len(), modified_at, version: None })
}
