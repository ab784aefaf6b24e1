//! Writes objects as one pack and makes it durable.
//!
//! The format is <https://git-scm.com/docs/gitformat-pack>: a header, each object as type, size
//! and zlib stream, and the SHA-1 of it all. libgit2's own pack builder only packs what is in an
//! object database already, so the stream is made here, on all cores; libgit2's indexer reads it
//! back as it would a fetched pack. That checks every byte once more, and refuses content made
//! for a SHA-1 collision.

use std::io::Write;
use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};

use bytes::Bytes;
use flate2::{Compress, Compression, FlushCompress, Status};
use fs_err as fs;
use rayon::prelude::*;
use sha1::{Digest, Sha1};

use super::error::{Error, Result};
use super::layout::{TEMPORARY_OBJECTS, sync_directory};
use super::objects::Kind;

/// An object to write.
pub(super) struct PackObject {
    pub(super) kind: Kind,
    pub(super) content: Bytes,
}

/// Uncompressed bytes, and objects, of one unit of work.
const BATCH_BYTES: usize = 256 << 10;
const BATCH_OBJECTS: usize = 256;
/// Batches that are compressed side by side and then handed over together.
const WINDOW: usize = 8;

/// Writes a pack into an object directory.
///
/// When it returns, the pack can be read and survives a loss of power. Before that, nothing of
/// it can be seen: it is made in a temporary directory, which Git's own `prune` knows too.
/// `may` is asked with its bytes before it is kept. Returns how many they are.
pub(super) fn write_pack(
    objects_directory: &Path,
    objects: &[PackObject],
    may: impl FnOnce(u64) -> Result<()>,
) -> Result<u64> {
    let temporary = tempfile::Builder::new().prefix(TEMPORARY_OBJECTS).tempdir_in(objects_directory)?;
    // `verify` would look for the objects that ours refer to; those are in other packs.
    let mut indexer =
        git2::Indexer::new(None, temporary.path(), 0o444, false).map_err(Error::git("start a pack"))?;
    let mut sink = |bytes: &[u8]| indexer.write_all(bytes);
    let batches = batches(objects);
    if batches.len() == 1 {
        stream(objects.len(), std::iter::once(Ok(compress(&mut compressor(), batches[0])?)), &mut sink)?;
    } else {
        std::thread::scope(|scope| {
            let (sender, receiver) = sync_channel(1);
            let batches = &batches;
            scope.spawn(move || compress_all(batches, &sender));
            stream(objects.len(), receiver.into_iter().flatten(), &mut sink)
        })?;
    }
    let name = indexer.commit().map_err(Error::git("index a pack"))?;
    let mut bytes = 0;
    for extension in ["pack", "idx"] {
        bytes += fs::metadata(temporary.path().join(format!("pack-{name}.{extension}")))?.len();
    }
    may(bytes)?;
    install(temporary.path(), &objects_directory.join("pack"), &name)?;
    temporary.close()?;
    Ok(bytes)
}

/// Moves a finished pack to where readers find it: the index last, because that is what they look for.
fn install(from: &Path, to: &Path, name: &str) -> Result<()> {
    let files = [format!("pack-{name}.pack"), format!("pack-{name}.idx")];
    for file in &files {
        fs::File::open(from.join(file))?.sync_all()?;
    }
    for file in &files {
        fs::rename(from.join(file), to.join(file))?;
    }
    sync_directory(to)
}

fn batches(objects: &[PackObject]) -> Vec<&[PackObject]> {
    let mut batches = Vec::new();
    let mut rest = objects;
    while !rest.is_empty() {
        let mut bytes = 0;
        let fits = |object: &&PackObject| {
            bytes += object.content.len();
            bytes <= BATCH_BYTES
        };
        let count = rest.iter().take(BATCH_OBJECTS).take_while(fits).count().max(1);
        let (batch, later) = rest.split_at(count);
        batches.push(batch);
        rest = later;
    }
    batches
}

/// What a window of batches became.
type Window = Vec<std::io::Result<Vec<u8>>>;

/// Compresses a window of batches at a time; ends early when nobody listens any more.
fn compress_all(batches: &[&[PackObject]], sender: &SyncSender<Window>) {
    for window in batches.chunks(WINDOW) {
        let compressed =
            window.par_iter().map_init(compressor, |zlib, batch| compress(zlib, batch)).collect();
        if sender.send(compressed).is_err() {
            return;
        }
    }
}

/// Writes header, compressed batches and checksum.
fn stream(
    count: usize,
    batches: impl Iterator<Item = std::io::Result<Vec<u8>>>,
    sink: &mut dyn FnMut(&[u8]) -> std::io::Result<()>,
) -> Result<()> {
    let count = u32::try_from(count).map_err(|_| Error::TooManyFiles { limit: u32::MAX as usize })?;
    let mut hash = Sha1::new();
    let mut write = |bytes: &[u8]| {
        hash.update(bytes);
        sink(bytes)
    };
    write(&[b"PACK".as_slice(), &2u32.to_be_bytes(), &count.to_be_bytes()].concat())?;
    for batch in batches {
        write(&batch?)?;
    }
    let checksum = hash.finalize();
    Ok(sink(&checksum)?)
}

fn compressor() -> Compress {
    // Level 1: a commit waits for it, and consolidation compresses again.
    Compress::new(Compression::new(1), true)
}

fn compress(zlib: &mut Compress, objects: &[PackObject]) -> std::io::Result<Vec<u8>> {
    let mut out = Vec::with_capacity(objects.iter().map(|object| object.content.len() / 3 + 64).sum());
    for object in objects {
        write_entry_header(object, &mut out);
        zlib.reset();
        let start = zlib.total_in();
        loop {
            let read = usize::try_from(zlib.total_in() - start).unwrap_or(usize::MAX);
            let rest = object.content.get(read..).unwrap_or_default();
            out.reserve(rest.len() / 2 + 128);
            let status = zlib.compress_vec(rest, &mut out, FlushCompress::Finish);
            if status.map_err(std::io::Error::other)? == Status::StreamEnd {
                break;
            }
        }
    }
    Ok(out)
}

/// Writes an entry's type and size: four bits of size beside the type, then seven in each byte.
fn write_entry_header(object: &PackObject, out: &mut Vec<u8>) {
    let code: u8 = match object.kind {
        Kind::Commit => 1,
        Kind::Tree => 2,
        Kind::Blob => 3,
        Kind::Tag => 4,
    };
    let mut size = object.content.len();
    let mut byte = (code << 4) | (size & 15) as u8;
    size >>= 4;
    while size > 0 {
        out.push(byte | 0x80);
        byte = (size & 0x7f) as u8;
        size >>= 7;
    }
    out.push(byte);
}
