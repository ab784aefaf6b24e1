//! Reading an object while it comes.

use std::io::{self, Read};
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_s3::primitives::ByteStream;
use bytes::{Buf as _, Bytes};

use super::connection::{causes, last};
use super::runtime::Runtime;
use crate::error::StoreError;

/// The content of an object, piece by piece; it is never whole in memory.
pub struct ObjectReader {
    runtime: Arc<Runtime>,
    body: ByteStream,
    piece: Bytes,
    /// Bytes that are still to come, after the piece.
    missing: u64,
    size: u64,
    /// How long all pieces together may be waited for.
    patience: Duration,
    store: String,
}

impl ObjectReader {
    pub(super) fn new(
        runtime: Arc<Runtime>,
        body: ByteStream,
        size: u64,
        patience: Duration,
        store: String,
    ) -> Self {
        Self { runtime, body, piece: Bytes::new(), missing: size, size, patience, store }
    }

    /// Waits for the next piece; an empty one is the end.
    fn next_piece(&mut self) -> Result<Bytes, StoreError> {
        loop {
            let began = Instant::now();
            let (body, patience) = (&mut self.body, self.patience);
            let waited = self.runtime.block_on(async { tokio::time::timeout(patience, body.next()).await });
            self.patience = self.patience.saturating_sub(began.elapsed());
            match waited {
                Err(_) => return Err(self.broke("it is too slow")),
                Ok(Some(Err(error))) => return Err(self.broke(&last(&causes(&error)))),
                Ok(Some(Ok(piece))) if piece.is_empty() => {}
                Ok(Some(Ok(piece))) => {
                    self.missing = self.missing.saturating_sub(piece.len() as u64);
                    return Ok(piece);
                }
                Ok(None) if self.missing > 0 => return Err(self.broke("the connection ended")),
                Ok(None) => return Ok(Bytes::new()),
            }
        }
    }

    fn broke(&self, why: &str) -> StoreError {
        let (came, size) = (self.size - self.missing, self.size);
        let reason = format!("{} sent {came} of {size} bytes of an object: {why}", self.store);
        StoreError::Unavailable { reason }
    }
}

impl Read for ObjectReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.piece.is_empty() && !buffer.is_empty() {
            self.piece = self.next_piece().map_err(io::Error::other)?;
        }
        let count = self.piece.len().min(buffer.len());
        self.piece.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}
