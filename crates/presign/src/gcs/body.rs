//! Streams in both directions.

use std::io::{self, Read};

use sha2::{Digest, Sha256};

use super::answer;
use crate::error::StoreError;
use crate::key::ObjectKey;

/// Reads exactly the bytes that an object had when it was sealed.
pub(super) struct Exact<R> {
    inner: R,
    left: u64,
    key: ObjectKey,
}

impl<R: Read> Exact<R> {
    pub(super) const fn new(inner: R, size: u64, key: ObjectKey) -> Self {
        Self { inner, left: size, key }
    }
}

impl<R: Read> Read for Exact<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let count = self.inner.read(buffer).map_err(|error| io::Error::other(answer::broken(error)))?;
        match self.left.checked_sub(count as u64) {
            None => Err(io::Error::other(StoreError::Changed { key: self.key.clone() })),
            Some(left) if count == 0 && left > 0 => Err(io::Error::other(StoreError::Unavailable {
                reason: format!("the object broke off {left} bytes before its end"),
            })),
            Some(left) => {
                self.left = left;
                Ok(count)
            }
        }
    }
}

/// Hashes what is read through it.
pub(super) struct Hashing<R> {
    inner: R,
    hasher: Sha256,
}

impl<R: Read> Hashing<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, hasher: Sha256::new() }
    }

    pub(super) fn finish(self) -> [u8; 32] {
        self.hasher.finalize().into()
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        Ok(count)
    }
}
