//! A request's body on its way to `git`: inflated, counted, never collected.

use std::io::Write as _;
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::{HeaderMap, header::CONTENT_ENCODING};
use bytes::Bytes;
use flate2::write::GzDecoder;
use futures_util::StreamExt as _;

/// Most bytes of a gzip header; its name and comment fields are unlimited by themselves.
const MAX_GZIP_HEADER_BYTES: u64 = 64 << 10;

/// Why a request's body could not be read to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InputError {
    /// The client went away or broke the framing.
    #[error("the request ended early")]
    Broken(#[source] axum::Error),
    /// The client stopped sending.
    #[error("the client sent nothing for {} seconds", .0.as_secs())]
    Idle(Duration),
    /// There is more than the limit.
    #[error("the request has more than {limit} bytes")]
    TooLarge {
        /// The limit in force.
        limit: u64,
    },
    /// It says gzip and is not.
    #[error("the request's body is not valid gzip")]
    Gzip(#[source] std::io::Error),
}

/// How a body is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// Not at all.
    Identity,
    /// As one gzip member (RFC 1952), which `git` does with large negotiations.
    Gzip,
}

impl Encoding {
    /// Reads `Content-Encoding`; nothing for one that is not supported.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(CONTENT_ENCODING).iter();
        let first = values.next().map(|value| value.as_bytes().to_ascii_lowercase());
        match (first.as_deref(), values.next()) {
            (None | Some(b"" | b"identity"), None) => Some(Self::Identity),
            (Some(b"gzip" | b"x-gzip"), None) => Some(Self::Gzip),
            _ => None,
        }
    }
}

/// A body that is read piece by piece.
pub(crate) struct Input {
    stream: BodyDataStream,
    inflate: Option<GzDecoder<Vec<u8>>>,
    pending: Bytes,
    received: u64,
    delivered: u64,
    limit: u64,
    max_idle: Duration,
}

impl Input {
    /// Wraps a body whose unpacked content may have `limit` bytes.
    pub(crate) fn new(body: Body, encoding: Encoding, limit: u64, max_idle: Duration) -> Self {
        let inflate = (encoding == Encoding::Gzip).then(|| GzDecoder::new(Vec::new()));
        let stream = body.into_data_stream();
        Self { stream, inflate, pending: Bytes::new(), received: 0, delivered: 0, limit, max_idle }
    }

    /// Returns the next piece, at most some 64 KiB when it is inflated, or nothing at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, InputError> {
        loop {
            let piece = if self.pending.is_empty() {
                let received = tokio::time::timeout(self.max_idle, self.stream.next()).await;
                match received.map_err(|_| InputError::Idle(self.max_idle))? {
                    Some(chunk) => self.receive(chunk.map_err(InputError::Broken)?)?,
                    None => return self.finish(),
                }
                continue;
            } else {
                self.unpack_some()?
            };
            if !piece.is_empty() {
                return self.deliver(piece).map(Some);
            }
        }
    }

    fn receive(&mut self, chunk: Bytes) -> Result<(), InputError> {
        self.received += chunk.len() as u64;
        if self.received > self.limit {
            return Err(InputError::TooLarge { limit: self.limit });
        }
        self.pending = chunk;
        Ok(())
    }

    /// Takes all that is pending, or inflates as much of it as fills the decoder's own 32 KiB once.
    fn unpack_some(&mut self) -> Result<Bytes, InputError> {
        let Some(decoder) = &mut self.inflate else { return Ok(std::mem::take(&mut self.pending)) };
        let wrong = |text| InputError::Gzip(std::io::Error::other(text));
        let taken = decoder.write(&self.pending).map_err(InputError::Gzip)?;
        if taken == 0 {
            return Err(wrong("bytes follow its end"));
        }
        if decoder.header().is_none() && self.received > MAX_GZIP_HEADER_BYTES {
            return Err(wrong("its header does not end"));
        }
        let _ = self.pending.split_to(taken);
        Ok(Bytes::from(std::mem::take(decoder.get_mut())))
    }

    fn finish(&mut self) -> Result<Option<Bytes>, InputError> {
        let Some(mut decoder) = self.inflate.take() else { return Ok(None) };
        decoder.try_finish().map_err(InputError::Gzip)?;
        let rest = Bytes::from(std::mem::take(decoder.get_mut()));
        if rest.is_empty() { Ok(None) } else { self.deliver(rest).map(Some) }
    }

    fn deliver(&mut self, piece: Bytes) -> Result<Bytes, InputError> {
        self.delivered += piece.len() as u64;
        if self.delivered > self.limit {
            return Err(InputError::TooLarge { limit: self.limit });
        }
        Ok(piece)
    }
}

#[cfg(test)]
mod tests {
    use flate2::{Compression, GzBuilder, write::GzEncoder};

    use super::*;

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    /// Reads a body that arrives in chunks, and the size of the largest piece that came out.
    async fn read(
        content: &[u8],
        chunk: usize,
        encoding: Encoding,
        limit: u64,
    ) -> Result<(Vec<u8>, usize), String> {
        let chunks: Vec<_> =
            content.chunks(chunk).map(|c| Ok::<_, std::io::Error>(Bytes::copy_from_slice(c))).collect();
        let body = Body::from_stream(futures_util::stream::iter(chunks));
        let mut input = Input::new(body, encoding, limit, Duration::from_secs(5));
        let (mut all, mut largest) = (Vec::new(), 0);
        while let Some(piece) = input.next().await.map_err(|error| match error {
            InputError::Gzip(source) => format!("gzip: {source}"),
            other => other.to_string(),
        })? {
            largest = largest.max(piece.len());
            all.extend_from_slice(&piece);
        }
        Ok((all, largest))
    }

    #[tokio::test]
    async fn gzip_is_inflated_piece_by_piece_however_it_is_cut() {
        let content: Vec<u8> = (0..100_000u32).flat_map(u32::to_le_bytes).collect();
        let packed = gzip(&content);
        for chunk in [1, 7, 1000, packed.len()] {
            let (read, _) = read(&packed, chunk, Encoding::Gzip, 1 << 20).await.unwrap();
            assert!(read == content, "in chunks of {chunk}");
        }
        assert_eq!(read(&content, 9, Encoding::Identity, 1 << 20).await.unwrap().0, content);
    }

    #[tokio::test]
    async fn a_small_body_that_inflates_to_much_never_becomes_a_large_piece() {
        let packed = gzip(&vec![0; 64 << 20]);
        let (_, largest) = read(&packed, packed.len(), Encoding::Gzip, 64 << 20).await.unwrap();
        assert!(largest <= 128 << 10, "{largest}");
        let refused = read(&packed, packed.len(), Encoding::Gzip, (64 << 20) - 1).await;
        assert_eq!(refused.unwrap_err(), "the request has more than 67108863 bytes");
    }

    #[tokio::test]
    async fn damaged_gzip_is_refused() {
        let packed = gzip(b"0032want");
        let mut flipped = packed.clone();
        let last = flipped.len() - 5;
        flipped[last] ^= 1;
        let endless = GzBuilder::new().filename(vec![b'x'; 100 << 10]).write(Vec::new(), Compression::fast());
        let endless = endless.finish().unwrap();
        let trailing = [&packed[..], b"more"].concat();
        for bad in [&packed[..packed.len() - 1], &flipped, &trailing, b"no gzip", b"", &endless[..90 << 10]] {
            let refused = read(bad, 11, Encoding::Gzip, 1 << 20).await;
            assert!(refused.as_ref().is_err_and(|text| text.starts_with("gzip: ")), "{refused:?}");
        }
    }

    #[tokio::test]
    async fn plain_bodies_are_counted_and_silent_clients_dropped() {
        let refused = read(&[0; 100], 10, Encoding::Identity, 99).await;
        assert_eq!(refused.unwrap_err(), "the request has more than 99 bytes");
        let silent = Body::from_stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>());
        let mut input = Input::new(silent, Encoding::Identity, 99, Duration::from_millis(1));
        assert!(matches!(input.next().await, Err(InputError::Idle(_))));
    }

    #[test]
    fn other_encodings_are_not_supported() {
        let of = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(CONTENT_ENCODING, value.parse().unwrap());
            }
            Encoding::of(&headers)
        };
        assert_eq!(of(&[]), Some(Encoding::Identity));
        assert_eq!(of(&["GZip"]), Some(Encoding::Gzip));
        for bad in [&["deflate"][..], &["gzip, gzip"], &["gzip", "gzip"], &["br"]] {
            assert_eq!(of(bad), None, "{bad:?}");
        }
    }
}
