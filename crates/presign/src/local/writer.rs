//! Writing one object under the conditions that were signed.

use std::io::{self, Write};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::PutPermit;
use super::directory::{Directory, State};
use crate::error::RefusedPut;
use crate::store::ObjectInfo;

/// Takes an object's content; dropped before [`Self::finish`], nothing of it remains.
#[derive(Debug)]
pub struct PutWriter {
    directory: Arc<Directory>,
    permit: PutPermit,
    file: NamedTempFile,
    hasher: Sha256,
    size: u64,
}

impl PutWriter {
    pub(super) fn begin(directory: Arc<Directory>, permit: &PutPermit) -> Result<Self, RefusedPut> {
        let permit = permit.clone();
        let file = match directory.temporary(&permit.key) {
            Ok(file) => file,
            Err(source) => return Err(RefusedPut::Io { key: permit.key, source }),
        };
        Ok(Self { directory, permit, file, hasher: Sha256::new(), size: 0 })
    }

    /// Writes the next bytes; what exceeds the conditions is refused before it is written.
    pub fn write(&mut self, chunk: &[u8]) -> Result<(), RefusedPut> {
        let size = self.size + chunk.len() as u64;
        let conditions = &self.permit.conditions;
        if let Some(declared) = conditions.size.filter(|&declared| size > declared) {
            return Err(RefusedPut::WrongSize { actual: size, declared });
        }
        if size > conditions.max_bytes {
            return Err(RefusedPut::TooLarge { actual: size, maximum: conditions.max_bytes });
        }
        self.file.write_all(chunk).map_err(|source| self.failed(source))?;
        self.hasher.update(chunk);
        self.size = size;
        Ok(())
    }

    /// Checks size and hash, and puts the object in its place durably, instead of an earlier one.
    pub fn finish(self) -> Result<ObjectInfo, RefusedPut> {
        let (directory, key) = (Arc::clone(&self.directory), self.permit.key.clone());
        let (file, _) = self.into_file()?;
        let put = || -> io::Result<Option<ObjectInfo>> {
            file.as_file().sync_all()?;
            match directory.put(&key, file)? {
                State::Put => directory.info(&key),
                _ => Ok(None),
            }
        };
        match put() {
            Ok(Some(info)) => Ok(info),
            Ok(None) => Err(RefusedPut::Closed { key }),
            Err(source) => Err(RefusedPut::Io { key, source }),
        }
    }

    /// Checks size and hash, and returns the file with its hash instead of putting it anywhere.
    ///
    /// The file is gone when it is dropped.
    pub fn into_file(self) -> Result<(NamedTempFile, [u8; 32]), RefusedPut> {
        let Self { permit, file, hasher, size, .. } = self;
        if let Some(declared) = permit.conditions.size.filter(|&declared| size != declared) {
            return Err(RefusedPut::WrongSize { actual: size, declared });
        }
        let actual: [u8; 32] = hasher.finalize().into();
        if let Some(declared) = permit.conditions.sha256.filter(|&declared| actual != declared) {
            return Err(RefusedPut::WrongHash { actual, declared });
        }
        Ok((file, actual))
    }

    fn failed(&self, source: io::Error) -> RefusedPut {
        RefusedPut::Io { key: self.permit.key.clone(), source }
    }
}
