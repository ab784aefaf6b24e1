//! The stream below the archive, in tar blocks.

use super::header::{BLOCK, Header};
use super::inflate::{Failure, Inflated};
use crate::error::BundleError;

/// Most zero bytes that may follow the archive's end; GNU tar pads to 10 KiB, by option to more.
const MAX_PADDING_BYTES: u64 = 1 << 20;

/// The blocks of a gzip tar.
pub(super) struct Source {
    tar: Inflated,
    /// Whether the two blocks of zeros at the end were read.
    ended: bool,
    /// The last member, for messages.
    last: String,
}

impl Source {
    /// Begins to read.
    pub(super) fn new(tar: Inflated) -> Self {
        Self { tar, ended: false, last: String::new() }
    }

    /// Reads the next member's header; nothing at the archive's end.
    pub(super) fn header(&mut self) -> Result<Option<Header>, BundleError> {
        let mut block = [0; BLOCK];
        self.fill(&mut block, "before the archive's end marker (two blocks of zeros)")?;
        if block != [0; BLOCK] {
            return Header::parse(&block).map(Some);
        }
        self.fill(&mut block, "inside the archive's end marker (two blocks of zeros)")?;
        if block != [0; BLOCK] {
            return Err(BundleError::TrailingData("a block of zeros is followed by another member"));
        }
        self.ended = true;
        Ok(None)
    }

    /// Reads a member's data and skips what fills up its last block.
    pub(super) fn payload(&mut self, member: &str, size: u64) -> Result<Vec<u8>, BundleError> {
        self.last.clear();
        self.last.push_str(member);
        // The caller checked the size against the limits.
        let mut data = vec![0; size as usize];
        self.fill(&mut data, "inside the data")?;
        let filling = (BLOCK - data.len() % BLOCK) % BLOCK;
        self.fill(&mut [0; BLOCK][..filling], "inside the data")?;
        Ok(data)
    }

    /// Reads to the end of all data and returns the compressed size.
    ///
    /// Only here the checksum of the gzip file is compared, and what stands behind the end is found.
    pub(super) fn finish(mut self) -> Result<u64, BundleError> {
        debug_assert!(self.ended, "finish follows the archive's end");
        let mut padding = 0;
        loop {
            let read = match self.tar.peek() {
                Ok([]) => break,
                Ok(data) if data.iter().any(|&byte| byte != 0) => {
                    return Err(BundleError::TrailingData("bytes that are not zero follow the tar archive"));
                }
                Ok(data) => data.len(),
                Err(failure) => return Err(self.explain(failure, "inside the padding")),
            };
            self.tar.consume(read);
            padding += read as u64;
            if padding > MAX_PADDING_BYTES {
                return Err(BundleError::TrailingData("more than 1 MiB of zeros follow the tar archive"));
            }
        }
        Ok(self.tar.compressed_bytes().unwrap_or_default())
    }

    fn fill(&mut self, buffer: &mut [u8], place: &str) -> Result<(), BundleError> {
        self.tar.read_exact(buffer).map_err(|failure| self.explain(failure, place))
    }

    fn explain(&self, failure: Failure, place: &str) -> BundleError {
        failure.into_error(|| match self.last.as_str() {
            "" => place.to_owned(),
            last if place.contains("data") => format!("{place} of member {last:?}"),
            last => format!("{place}, after member {last:?}"),
        })
    }
}
