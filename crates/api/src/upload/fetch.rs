//! A bundle on its way from the store to this machine: hashed, measured, and held to what was declared.
//!
//! It is written to a file first. So a slow store holds up nobody who merges, a long merge keeps no connection to the
//! store, and what is unpacked is what was hashed.

use std::io::{Read, Seek, SeekFrom, Write};

use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use workstead_presign::{ObjectKey, StoreError};

use super::progress::Reporter;
use super::run::Fingerprint;
use crate::app::AppState;
use crate::error::ApiError;
use crate::metrics::StoreOperation;
use crate::store::uploads::UploadRow;

/// Bytes that are copied at once.
const BUFFER: usize = 256 << 10;
/// The end of a gzip member: four bytes of check sum, four of size.
const TRAILER: u64 = 8;
/// Most bytes that deflate makes of one (zlib Technical Details, "Maximum Compression Factor").
const DEFLATES: u64 = 1032;

/// A bundle on this machine's disk.
#[derive(Debug)]
pub(crate) struct Spooled {
    file: NamedTempFile,
    pub(crate) fingerprint: Fingerprint,
    /// How many bytes it says that it unpacks to.
    pub(crate) declared: u32,
}

impl Spooled {
    /// Opens the bundle from its start.
    pub(crate) fn open(&self) -> Result<std::fs::File, ApiError> {
        self.file.reopen().map_err(ApiError::internal)
    }

    /// Returns where it lies.
    pub(crate) fn path(&self) -> &std::path::Path {
        self.file.path()
    }
}

/// Copies an upload's object into the spool; blocking.
pub(crate) fn fetch(
    app: &AppState,
    key: &ObjectKey,
    row: &UploadRow,
    report: &Reporter,
) -> Result<Spooled, ApiError> {
    // Frozen first: what is checked is what is merged.
    let info = app.store_call(StoreOperation::Seal, |objects| objects.seal(key))?;
    report.update(|progress| progress.bytes_total = Some(info.size));
    check_size(app, row, info.size)?;
    let reader = app.store_call(StoreOperation::Open, |objects| objects.open(key, &info))?;
    let spooled = spool(app, reader, |bytes| report.update(|progress| progress.bytes = bytes))?;
    check_declared(row, &spooled.fingerprint)?;
    Ok(spooled)
}

/// Copies a bundle into the spool; blocking.
pub(crate) fn spool(
    app: &AppState,
    reader: impl Read,
    mut copied: impl FnMut(u64),
) -> Result<Spooled, ApiError> {
    let limit = app.settings.upload_limits.max_compressed_bytes;
    let mut file = NamedTempFile::new_in(&app.spool).map_err(ApiError::internal)?;
    let (mut hash, mut size_bytes) = (Sha256::new(), 0);
    let mut buffer = vec![0; BUFFER];
    // One byte more than the limit shows that there are more.
    let mut reader = reader.take(limit.saturating_add(1));
    loop {
        let count = reader.read(&mut buffer).map_err(StoreError::of_read)?;
        if count == 0 {
            break;
        }
        file.write_all(&buffer[..count]).map_err(ApiError::internal)?;
        hash.update(&buffer[..count]);
        size_bytes += count as u64;
        copied(size_bytes);
    }
    if size_bytes > limit {
        return Err(too_large(limit, &format!("more than {limit}")));
    }
    let declared = declared_size(file.as_file_mut(), size_bytes).map_err(ApiError::internal)?;
    let fingerprint = Fingerprint { sha256: hex::encode(hash.finalize()), size_bytes };
    Ok(Spooled { file, fingerprint, declared })
}

fn declared_size(file: &mut std::fs::File, size: u64) -> std::io::Result<u32> {
    if size < TRAILER {
        return Ok(0);
    }
    let mut bytes = [0; 4];
    file.seek(SeekFrom::End(-4))?;
    file.read_exact(&mut bytes)?;
    Ok(declared_by(bytes, size))
}

/// Reads how large a gzip file says that it is, unpacked, from its last bytes (RFC 1952 section 2.3.1, `ISIZE`).
///
/// Of what is no gzip file they say anything: no more is believed than deflate can make of so many bytes.
pub(crate) fn declared_by(last: [u8; 4], size: u64) -> u32 {
    let most = u32::try_from(size.saturating_mul(DEFLATES)).unwrap_or(u32::MAX);
    u32::from_le_bytes(last).min(most)
}

fn check_size(app: &AppState, row: &UploadRow, size: u64) -> Result<(), ApiError> {
    let limit = app.settings.upload_limits.max_compressed_bytes;
    if size > limit {
        return Err(too_large(limit, &size.to_string()));
    }
    match row.size_bytes.filter(|declared| *declared != size) {
        Some(declared) => Err(size_wrong(size, declared)),
        None => Ok(()),
    }
}

fn check_declared(row: &UploadRow, found: &Fingerprint) -> Result<(), ApiError> {
    // A store may send other than it announced.
    if let Some(declared) = row.size_bytes.filter(|declared| *declared != found.size_bytes) {
        return Err(size_wrong(found.size_bytes, declared));
    }
    if let Some(declared) = row.sha256.as_ref().filter(|declared| **declared != found.sha256) {
        let detail = format!("the bundle's SHA-256 is {}, but {declared} was declared", found.sha256);
        return Err(ApiError::invalid("upload_hash_wrong", detail));
    }
    Ok(())
}

fn size_wrong(size: u64, declared: u64) -> ApiError {
    let detail = format!("the bundle has {size} bytes, but {declared} were declared");
    ApiError::invalid("upload_size_wrong", detail)
}

fn too_large(limit: u64, actual: &str) -> ApiError {
    ApiError::too_large("the bundle", actual, limit, "WORKSTEAD_UPLOAD_MAX_COMPRESSED_BYTES")
}
