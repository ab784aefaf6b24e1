//! The data directory: one process at a time, and one key.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use fs_err as fs;

/// Why the data directory can't be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Another process uses it.
    #[error("the data directory {path:?} is in use by another process; stop it, or set WORKSTEAD_DATA_DIR")]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// The key file is not what this server wrote.
    #[error(
        "the key file {path:?} has {bytes} bytes, expected 32; restore it from a backup, or remove it to make a new one"
    )]
    BadKey {
        /// The key's file.
        path: PathBuf,
        /// How many bytes it has.
        bytes: usize,
    },
    /// Reading or writing it failed.
    #[error("failed to prepare the data directory")]
    Io(#[from] std::io::Error),
}

/// A data directory that this process alone uses, as long as the value lives.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    lock: std::fs::File,
}

impl Drop for DataDir {
    fn drop(&mut self) {
        // Closing is not enough: a child that is just being forked holds the same open file.
        let _ = self.lock.unlock();
    }
}

impl DataDir {
    /// Makes the directory when absent, and locks it.
    pub(crate) fn open(path: &Path) -> Result<Self, DataDirError> {
        if !path.exists() {
            fs::create_dir_all(path)?;
            restrict(path, 0o700)?;
        }
        let path = fs::canonicalize(path)?;
        let file = fs::File::options().create(true).truncate(false).write(true).open(path.join("lock"))?;
        let lock = file.into_parts().0;
        match lock.try_lock() {
            Ok(()) => {
                let data = Self { path, lock };
                data.close_to_others()?;
                Ok(data)
            }
            Err(std::fs::TryLockError::WouldBlock) => Err(DataDirError::InUse { path }),
            Err(std::fs::TryLockError::Error(error)) => Err(error.into()),
        }
    }

    /// Keeps other users of the machine out of all that is in it, even when the directory lets them in.
    fn close_to_others(&self) -> Result<(), DataDirError> {
        for directory in [self.repositories(), self.objects(), self.run()] {
            fs::create_dir_all(&directory)?;
            restrict(&directory, 0o700)?;
        }
        let database = self.database();
        // SQLite gives the files beside it the mode of the database (wal.html section 2.2, `findCreateFileMode`).
        create_private(&database)?;
        for suffix in ["", "-wal", "-shm"] {
            let mut name = database.clone().into_os_string();
            name.push(suffix);
            match restrict(Path::new(&name), 0o600) {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                other => other?,
            }
        }
        Ok(())
    }

    /// Returns the database's file.
    pub(crate) fn database(&self) -> PathBuf {
        self.path.join("workstead.db")
    }

    /// Returns the directory of the repositories.
    pub(crate) fn repositories(&self) -> PathBuf {
        self.path.join("repositories")
    }

    /// Returns the directory of the uploaded objects.
    pub(crate) fn objects(&self) -> PathBuf {
        self.path.join("objects")
    }

    /// Returns the directory of what lives as long as the server runs: sockets, hooks.
    pub(crate) fn run(&self) -> PathBuf {
        self.path.join("run")
    }

    /// Returns the directory of files that live as long as a piece of work, empty: what a crash left there is gone.
    pub(crate) fn spool(&self) -> Result<PathBuf, DataDirError> {
        let path = self.path.join("spool");
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
            _ => fs::create_dir(&path)?,
        }
        restrict(&path, 0o700)?;
        Ok(path)
    }

    /// Reads the server's key, making it at the first start.
    pub(crate) fn server_key(&self) -> Result<[u8; 32], DataDirError> {
        let path = self.path.join("server.key");
        match fs::read(&path) {
            Ok(bytes) => {
                let key = <[u8; 32]>::try_from(bytes.as_slice());
                key.map_err(|_| DataDirError::BadKey { path, bytes: bytes.len() })
            }
            Err(error) if error.kind() == ErrorKind::NotFound => self.make_key(&path),
            Err(error) => Err(error.into()),
        }
    }

    fn make_key(&self, path: &Path) -> Result<[u8; 32], DataDirError> {
        let key: [u8; 32] = rand::random();
        // A temporary file has mode 0600 from the start, and the rename makes it whole or absent.
        let mut file = tempfile::NamedTempFile::new_in(&self.path)?;
        file.write_all(&key)?;
        file.as_file().sync_all()?;
        file.persist_noclobber(path).map_err(|error| error.error)?;
        fs::File::open(&self.path)?.sync_all()?;
        Ok(key)
    }
}

/// Gives a file or directory a mode.
#[cfg(unix)]
fn restrict(path: &Path, mode: u32) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn restrict(_path: &Path, _mode: u32) -> std::io::Result<()> {
    Ok(())
}

/// Makes an empty file when there is none, which nobody else can open at any moment.
fn create_private(path: &Path) -> std::io::Result<()> {
    let mut options = fs::File::options();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    {
        use fs_err::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_at_a_time() {
        let temp = tempfile::tempdir().unwrap();
        let first = DataDir::open(temp.path()).unwrap();
        let refused = DataDir::open(temp.path()).unwrap_err();
        assert!(matches!(refused, DataDirError::InUse { .. }));
        drop(first);
        DataDir::open(temp.path()).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn an_open_data_directory_shows_nothing_to_others() {
        use std::os::unix::fs::PermissionsExt;
        let temp = tempfile::tempdir().unwrap();
        restrict(temp.path(), 0o755).unwrap();
        for name in ["workstead.db", "workstead.db-wal"] {
            fs::write(temp.path().join(name), b"").unwrap();
            restrict(&temp.path().join(name), 0o644).unwrap();
        }
        fs::create_dir(temp.path().join("objects")).unwrap();
        restrict(&temp.path().join("objects"), 0o755).unwrap();
        let _data = DataDir::open(temp.path()).unwrap();
        let mode = |name: &str| fs::metadata(temp.path().join(name)).unwrap().permissions().mode() & 0o777;
        for name in ["repositories", "objects", "run"] {
            assert_eq!(mode(name), 0o700, "{name}");
        }
        assert_eq!((mode("workstead.db"), mode("workstead.db-wal")), (0o600, 0o600));
    }

    #[test]
    fn the_key_is_made_once_and_private() {
        let temp = tempfile::tempdir().unwrap();
        let data = DataDir::open(temp.path()).unwrap();
        let key = data.server_key().unwrap();
        assert_eq!(data.server_key().unwrap(), key);
        let path = temp.path().join("server.key");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        fs::write(&path, b"short").unwrap();
        assert!(matches!(data.server_key(), Err(DataDirError::BadKey { bytes: 5, .. })));
    }
}
