//! The gzip layer: counted compressed bytes, inflated on a thread of its own.
//!
//! Inflating takes as long as taking the archive apart, and the two can go on side by side.

use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, Scope};

use flate2::bufread::GzDecoder;

use crate::error::BundleError;
use crate::limits::{Limit, LimitExceeded};

/// How many compressed bytes are read at a time.
const BUFFER_BYTES: usize = 64 << 10;
/// How many inflated bytes are handed over at a time.
const CHUNK_BYTES: usize = 128 << 10;
/// How many chunks are inflated ahead of what was taken.
const CHUNKS_AHEAD: usize = 2;

/// What the inflating thread hands over.
enum Message {
    /// The next inflated bytes.
    Data(Vec<u8>),
    /// The end of all data, with the size of the compressed bytes.
    End(u64),
    /// What went wrong; nothing follows.
    Failed(Failure),
}

/// Why inflating ended early.
#[derive(Debug)]
pub(super) enum Failure {
    /// More compressed bytes than allowed.
    TooLarge(LimitExceeded),
    /// The reader failed.
    Io(io::Error),
    /// The compressed data ends in its middle.
    Truncated,
    /// The compressed data is not gzip, or its checksum is wrong.
    Corrupt(io::Error),
    /// It does not begin like a gzip file.
    NotGzip(String),
    /// Something follows the gzip data.
    Trailing(&'static str),
}

impl Failure {
    /// Turns it into the error of a bundle; `place` says where the reading of the archive was.
    pub(super) fn into_error(self, place: impl FnOnce() -> String) -> BundleError {
        match self {
            Self::TooLarge(exceeded) => exceeded.into(),
            Self::Io(error) => BundleError::Io(error),
            Self::Truncated => BundleError::Truncated(place()),
            Self::Corrupt(error) => BundleError::Corrupt(error),
            Self::NotGzip(reason) => BundleError::NotGzip(reason),
            Self::Trailing(what) => BundleError::TrailingData(what),
        }
    }
}

/// The inflated bytes of a gzip file.
pub(super) struct Inflated {
    messages: Receiver<Message>,
    chunk: Vec<u8>,
    taken: usize,
    /// The compressed size, once everything was read.
    compressed_bytes: Option<u64>,
}

impl Inflated {
    /// Begins to inflate on a new thread, which ends with the data or when this is dropped.
    pub(super) fn start<'scope, R: Read + Send + 'scope>(
        scope: &'scope Scope<'scope, '_>,
        reader: R,
        max_compressed_bytes: u64,
    ) -> Result<Self, BundleError> {
        let (sender, messages) = sync_channel(CHUNKS_AHEAD);
        Builder::new()
            .name("inflate".to_owned())
            .spawn_scoped(scope, move || {
                let last = match inflate(Counted::new(reader, max_compressed_bytes), &sender) {
                    Ok(compressed_bytes) => Message::End(compressed_bytes),
                    Err(failure) => Message::Failed(failure),
                };
                // Nobody listens any more when the archive was refused.
                let _ = sender.send(last);
            })
            .map_err(BundleError::Io)?;
        Ok(Self { messages, chunk: Vec::new(), taken: 0, compressed_bytes: None })
    }

    /// Returns the next bytes, none at the end.
    pub(super) fn peek(&mut self) -> Result<&[u8], Failure> {
        while self.taken == self.chunk.len() && self.compressed_bytes.is_none() {
            match self.messages.recv() {
                Ok(Message::Data(chunk)) => (self.chunk, self.taken) = (chunk, 0),
                Ok(Message::End(compressed_bytes)) => self.compressed_bytes = Some(compressed_bytes),
                Ok(Message::Failed(failure)) => return Err(failure),
                Err(_) => return Err(Failure::Io(io::Error::other("inflating stopped"))),
            }
        }
        Ok(&self.chunk[self.taken..])
    }

    /// Counts bytes of [`Self::peek`] as taken.
    pub(super) fn consume(&mut self, count: usize) {
        self.taken = (self.taken + count).min(self.chunk.len());
    }

    /// Fills the buffer.
    pub(super) fn read_exact(&mut self, mut buffer: &mut [u8]) -> Result<(), Failure> {
        while !buffer.is_empty() {
            let available = self.peek()?;
            if available.is_empty() {
                return Err(Failure::Truncated);
            }
            let count = available.len().min(buffer.len());
            buffer[..count].copy_from_slice(&available[..count]);
            self.consume(count);
            buffer = &mut buffer[count..];
        }
        Ok(())
    }

    /// Returns the compressed size, known at the end.
    pub(super) fn compressed_bytes(&self) -> Option<u64> {
        self.compressed_bytes
    }
}

/// Inflates everything; what follows the gzip data is an error.
fn inflate<R: Read>(reader: Counted<R>, sender: &SyncSender<Message>) -> Result<u64, Failure> {
    let mut compressed = BufReader::with_capacity(BUFFER_BYTES, reader);
    check_begin(&mut compressed)?;
    let mut decoder = GzDecoder::new(compressed);
    loop {
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut filled = 0;
        while filled < chunk.len() {
            match decoder.read(&mut chunk[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) => {
                    let failure = decoder.get_ref().get_ref().explain(error);
                    // What came before it is looked at first: it may be refused for itself.
                    chunk.truncate(filled);
                    let _ = sender.send(Message::Data(chunk));
                    return Err(failure);
                }
            }
        }
        if filled == 0 {
            break;
        }
        chunk.truncate(filled);
        if sender.send(Message::Data(chunk)).is_err() {
            // The archive was refused; nobody reads this count.
            return Ok(0);
        }
    }
    let mut compressed = decoder.into_inner();
    match compressed.fill_buf() {
        Ok([]) => Ok(compressed.get_ref().read),
        Ok([0x1f, 0x8b, ..]) => Err(Failure::Trailing("another gzip member follows the first")),
        Ok(_) => Err(Failure::Trailing("bytes follow the gzip data")),
        Err(error) => Err(compressed.get_ref().explain(error)),
    }
}

/// Refuses what does not begin like a gzip file (RFC 1952 section 2.3.1: ID1 = 31, ID2 = 139).
fn check_begin<R: Read>(compressed: &mut BufReader<Counted<R>>) -> Result<(), Failure> {
    let start = match compressed.fill_buf() {
        Ok(start) => start.to_vec(),
        Err(error) => return Err(compressed.get_ref().explain(error)),
    };
    if start.is_empty() {
        return Err(Failure::NotGzip("it is empty".to_owned()));
    }
    // A reader may hand out single bytes.
    if start[0] != 0x1f || start.get(1).is_some_and(|&byte| byte != 0x8b) {
        let begin = &start[..start.len().min(4)];
        return Err(Failure::NotGzip(format!("it begins with {begin:02x?}, not with [1f, 8b]")));
    }
    Ok(())
}

/// A reader that counts, and fails at the first byte over the limit.
struct Counted<R> {
    inner: R,
    maximum: u64,
    read: u64,
    /// Whether reading itself failed, rather than what was read.
    failed: bool,
}

impl<R> Counted<R> {
    fn new(inner: R, maximum: u64) -> Self {
        Self { inner, maximum, read: 0, failed: false }
    }

    /// Turns an error of the layers above into what really happened.
    fn explain(&self, error: io::Error) -> Failure {
        if self.read > self.maximum {
            let (maximum, actual) = (self.maximum, self.read);
            let limit = Limit::CompressedBytes;
            return Failure::TooLarge(LimitExceeded { limit, maximum, actual, member: None });
        }
        match error.kind() {
            _ if self.failed => Failure::Io(error),
            ErrorKind::UnexpectedEof => Failure::Truncated,
            _ => Failure::Corrupt(error),
        }
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.read > self.maximum {
            return Err(io::Error::other("compressed size over the limit"));
        }
        // One byte more than allowed tells "exactly the limit" from "over it".
        let room = usize::try_from(self.maximum - self.read).unwrap_or(usize::MAX).saturating_add(1);
        let length = buffer.len().min(room);
        loop {
            match self.inner.read(&mut buffer[..length]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.failed = true;
                    return Err(error);
                }
                Ok(read) => {
                    self.read += read as u64;
                    if self.read > self.maximum {
                        return Err(io::Error::other("compressed size over the limit"));
                    }
                    return Ok(read);
                }
            }
        }
    }
}
