//! Reading a bundle: streaming, bounded, and hostile until proven otherwise.
//!
//! The archive's blocks are walked here, not by the `tar` crate's reader: that one is lenient where
//! a check is wanted (a missing end, a pax size that overrides the header's, a second size in
//! base-256, data behind the end). Only its header layout is used.
//! Format: POSIX.1-2017 `pax`, section "ustar Interchange Format" and "pax Header Block"; GNU tar manual, "Basic
//! Tar Format".

mod extended;
mod header;
mod inflate;
mod source;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io::Read;
use std::thread;

use bytes::Bytes;
use workstead_core::path::RepoPath;

use self::extended::Extended;
use self::header::{Header, Kind};
use self::inflate::Inflated;
use self::source::Source;
use crate::error::{BundleError, cut};
use crate::limits::{Limit, Limits};
use crate::names::Names;

/// Names may take so much whatever the limit of unpacked bytes.
const NAMES_FREE_BYTES: u64 = 1 << 20;
/// Entries between two reports of how far the reading is: some milliseconds' worth.
const TELL_AFTER: u64 = 512;

/// The files of a bundle that passed every check.
#[derive(Debug, Clone)]
pub struct Bundle {
    /// The files, by path.
    pub files: BTreeMap<RepoPath, Bytes>,
    /// The size of all files together.
    pub unpacked_bytes: u64,
    /// The size of the gzip file.
    pub compressed_bytes: u64,
}

/// Reads a bundle, checking everything that does not need YAML.
///
/// Stops at the first thing that is wrong; no more than a few hundred kilobytes beyond a limit are inflated, and
/// nothing is written anywhere.
pub fn read(reader: impl Read + Send, limits: &Limits) -> Result<Bundle, BundleError> {
    read_observed(reader, limits, &mut |_| {})
}

/// Reads a bundle like [`read()`] and tells from time to time how many files were read.
pub fn read_observed(
    reader: impl Read + Send,
    limits: &Limits,
    tell: &mut dyn FnMut(u64),
) -> Result<Bundle, BundleError> {
    thread::scope(|scope| {
        let mut source = Source::new(Inflated::start(scope, reader, limits.max_compressed_bytes)?);
        let mut reading = Reading::new(limits);
        let mut told = 0;
        while let Some(header) = source.header()? {
            reading.take(header, &mut source)?;
            if reading.entries >= told + TELL_AFTER {
                told = reading.entries;
                tell(reading.files.len() as u64);
            }
        }
        reading.extended.check_used()?;
        let compressed_bytes = source.finish()?;
        if reading.files.is_empty() {
            return Err(BundleError::Empty { entries: reading.entries });
        }
        Ok(Bundle { files: reading.files, unpacked_bytes: reading.file_bytes, compressed_bytes })
    })
}

/// What was read so far.
struct Reading<'a> {
    limits: &'a Limits,
    files: BTreeMap<RepoPath, Bytes>,
    names: Names,
    /// Extended headers that wait for their member.
    extended: Extended,
    entries: u64,
    file_bytes: u64,
    /// Payloads of extended headers; they count as unpacked bytes.
    extended_bytes: u64,
}

impl<'a> Reading<'a> {
    fn new(limits: &'a Limits) -> Self {
        Self {
            limits,
            files: BTreeMap::new(),
            names: Names::default(),
            extended: Extended::default(),
            entries: 0,
            file_bytes: 0,
            extended_bytes: 0,
        }
    }

    /// Takes in one header with its data.
    fn take(&mut self, header: Header, source: &mut Source) -> Result<(), BundleError> {
        match header.kind {
            Kind::Extended(kind) => {
                if kind.is_global() {
                    self.count_entry(|| header.shown_name())?;
                }
                extended::check_size(&header)?;
                let total = self.file_bytes + self.extended_bytes + header.size;
                self.limits.check(Limit::UnpackedBytes, total, Some(&header.shown_name()))?;
                let payload = source.payload(&header.shown_name(), header.size)?;
                self.extended_bytes += header.size;
                self.extended.take(kind, &header, payload)
            }
            Kind::File => self.take_file(header, source),
            Kind::Directory => self.take_directory(header),
            Kind::Refused(flag) => {
                let name = self.extended.finish(header)?.name;
                Err(BundleError::RefusedType { member: shown(&name), kind: header::describe(flag) })
            }
        }
    }

    fn take_file(&mut self, header: Header, source: &mut Source) -> Result<(), BundleError> {
        let Header { name, size, .. } = self.extended.finish(header)?;
        self.count_entry(|| shown(&name))?;
        let path = self.path(&name, b"")?;
        self.limits.check(Limit::FileBytes, size, Some(path.as_str()))?;
        let total = self.file_bytes + self.extended_bytes + size;
        self.limits.check(Limit::UnpackedBytes, total, Some(path.as_str()))?;
        self.names.add_file(&path)?;
        self.check_names(&path)?;
        let content = source.payload(path.as_str(), size)?;
        self.file_bytes += size;
        self.files.insert(path, content.into());
        Ok(())
    }

    /// Checks a directory; it leaves nothing, since directories follow from the files in them.
    fn take_directory(&mut self, header: Header) -> Result<(), BundleError> {
        let Header { name, size, .. } = self.extended.finish(header)?;
        self.count_entry(|| shown(&name))?;
        // POSIX lets a size here mean "allocate so much" without data, others let data follow: no guessing.
        if size != 0 {
            return Err(BundleError::DirectoryWithData { member: shown(&name), size });
        }
        if matches!(&name[..], b"." | b"./") {
            return Ok(());
        }
        let path = self.path(&name, b"/")?;
        self.names.add_directory(&path)?;
        self.check_names(&path)
    }

    /// Bounds what names alone cost: a path of many components brings a directory for each.
    fn check_names(&self, path: &RepoPath) -> Result<(), BundleError> {
        self.limits.check(Limit::Entries, self.names.implied_directories(), Some(path.as_str()))?;
        if self.names.bytes() > NAMES_FREE_BYTES {
            self.limits.check(Limit::UnpackedBytes, self.names.bytes(), Some(path.as_str()))?;
        }
        Ok(())
    }

    fn count_entry(&mut self, name: impl FnOnce() -> String) -> Result<(), BundleError> {
        self.entries += 1;
        if self.entries > self.limits.max_entries {
            self.limits.check(Limit::Entries, self.entries, Some(&name()))?;
        }
        Ok(())
    }

    /// Parses a member's name, with or without `./` in front and the suffix at its end.
    fn path(&self, name: &[u8], suffix: &[u8]) -> Result<RepoPath, BundleError> {
        let member = || shown(name);
        let Ok(mut text) = str::from_utf8(name.strip_suffix(suffix).unwrap_or(name)) else {
            return Err(BundleError::NotUtf8 { member: member() });
        };
        while let Some(rest) = text.strip_prefix("./") {
            text = rest;
        }
        self.limits.check(Limit::PathBytes, text.len() as u64, Some(text))?;
        self.limits.check(Limit::PathDepth, text.split('/').count() as u64, Some(text))?;
        let path = RepoPath::parse(text)
            .map_err(|invalid| BundleError::InvalidPath { member: member(), rule: invalid.rule })?;
        if text.starts_with('.') {
            return Err(BundleError::RootDotName { member: member() });
        }
        Ok(path)
    }
}

/// Returns a name as an error message shows it.
fn shown(name: &[u8]) -> String {
    cut(&String::from_utf8_lossy(name))
}
