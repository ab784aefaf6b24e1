//! Extended headers: pax records, and GNU's long names.

use std::collections::HashSet;

use super::header::Header;
use super::shown;
use crate::error::BundleError;

/// Most bytes that one extended header may have.
pub(super) const MAX_EXTENDED_BYTES: u64 = 64 << 10;

/// Which extended header it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExtendedKind {
    /// pax records for the next member.
    Pax,
    /// pax records for all members that follow.
    PaxGlobal,
    /// GNU: the next member's name.
    LongName,
    /// GNU: the next member's link target.
    LongLink,
}

impl ExtendedKind {
    /// Tells whether it stands for itself, not for the next member.
    pub(super) fn is_global(self) -> bool {
        self == Self::PaxGlobal
    }
}

/// Refuses an extended header that is too large, before it is read.
pub(super) fn check_size(header: &Header) -> Result<(), BundleError> {
    if header.size <= MAX_EXTENDED_BYTES {
        return Ok(());
    }
    let (member, actual) = (header.shown_name(), header.size);
    Err(BundleError::ExtendedHeaderTooLarge { member, actual, maximum: MAX_EXTENDED_BYTES })
}

/// The extended headers that wait for their member: at most one of each kind.
#[derive(Debug, Default)]
pub(super) struct Extended {
    waiting: Vec<ExtendedKind>,
    pax_path: Option<Vec<u8>>,
    pax_size: Option<u64>,
    long_name: Option<Vec<u8>>,
    sparse_key: Option<String>,
}

impl Extended {
    /// Takes in one extended header.
    pub(super) fn take(
        &mut self,
        kind: ExtendedKind,
        header: &Header,
        payload: Vec<u8>,
    ) -> Result<(), BundleError> {
        let invalid = |rule: String| BundleError::InvalidHeader { member: header.shown_name(), rule };
        if kind.is_global() {
            return check_global(&payload).map_err(invalid);
        }
        if self.waiting.contains(&kind) {
            return Err(invalid("it follows another extended header of the same kind".to_owned()));
        }
        self.waiting.push(kind);
        match kind {
            ExtendedKind::Pax => self.take_pax(&payload).map_err(invalid),
            ExtendedKind::LongName => {
                self.long_name = Some(without_terminator(payload));
                Ok(())
            }
            // Only links have targets, and links are refused where they stand.
            ExtendedKind::LongLink | ExtendedKind::PaxGlobal => Ok(()),
        }
    }

    fn take_pax(&mut self, payload: &[u8]) -> Result<(), String> {
        for record in records(payload)? {
            match record.key {
                "path" => self.pax_path = Some(record.value.to_vec()),
                "size" => self.pax_size = Some(decimal(record.value)?),
                key if says_sparse(key) => self.sparse_key = Some(key.to_owned()),
                // Times, owners, comments and what else tools write has no meaning here.
                _ => {}
            }
        }
        Ok(())
    }

    /// Gives a member what the extended headers before it say, and forgets them.
    pub(super) fn finish(&mut self, header: Header) -> Result<Header, BundleError> {
        let Self { pax_path, pax_size, long_name, sparse_key, .. } = std::mem::take(self);
        let Header { kind, name, size } = header;
        let name = match (pax_path, long_name) {
            (Some(path), None) => path,
            (None, Some(long)) => long,
            (None, None) => name,
            (Some(path), Some(_)) => {
                let rule = "it has two long names, one by pax and one by GNU's header".to_owned();
                return Err(BundleError::InvalidHeader { member: shown(&path), rule });
            }
        };
        if let Some(key) = sparse_key {
            return Err(BundleError::Sparse { member: shown(&name), key });
        }
        match pax_size {
            Some(extended) if extended != size => {
                Err(BundleError::SizeMismatch { member: shown(&name), header: size, extended })
            }
            _ => Ok(Header { kind, name, size }),
        }
    }

    /// Refuses extended headers at the archive's end, where no member follows.
    pub(super) fn check_used(&self) -> Result<(), BundleError> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        Err(BundleError::Truncated("after an extended header, without its member".to_owned()))
    }
}

/// Refuses global records that would change what later members are.
fn check_global(payload: &[u8]) -> Result<(), String> {
    for record in records(payload)? {
        if matches!(record.key, "path" | "linkpath" | "size") || says_sparse(record.key) {
            return Err(format!("a global pax header sets {:?} for all members", record.key));
        }
    }
    Ok(())
}

/// Tells whether a pax key changes how a member's data are to be read (GNU tar's and star's keys).
fn says_sparse(key: &str) -> bool {
    key.starts_with("GNU.sparse.") || matches!(key, "SCHILY.realsize" | "SCHILY.filetype")
}

struct Record<'a> {
    key: &'a str,
    value: &'a [u8],
}

/// Splits pax records, `<length> <key>=<value>\n` each, the length counting itself.
fn records(mut payload: &[u8]) -> Result<Vec<Record<'_>>, String> {
    let mut records = Vec::new();
    let mut keys = HashSet::new();
    while !payload.is_empty() {
        let record = split_record(&mut payload)
            .ok_or_else(|| "it holds a pax record that is not \"<length> <key>=<value>\\n\"".to_owned())?;
        if !keys.insert(record.key) {
            return Err(format!("it holds the pax record {:?} twice", record.key));
        }
        records.push(record);
    }
    Ok(records)
}

fn split_record<'a>(payload: &mut &'a [u8]) -> Option<Record<'a>> {
    let blank = payload.iter().take(8).position(|&byte| byte == b' ')?;
    let length = usize::try_from(decimal(&payload[..blank]).ok()?).ok()?;
    let (record, rest) = payload.split_at_checked(length)?;
    let record = record.get(blank + 1..)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|&byte| byte == b'=')?;
    let key = str::from_utf8(&record[..equals]).ok().filter(|key| !key.is_empty())?;
    *payload = rest;
    Some(Record { key, value: &record[equals + 1..] })
}

fn decimal(text: &[u8]) -> Result<u64, String> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let value = str::from_utf8(text).ok().filter(|_| digits).and_then(|text| text.parse().ok());
    value.ok_or_else(|| format!("it holds the pax number \"{}\"", text.escape_ascii()))
}

/// Drops the zeros that end a long name.
fn without_terminator(mut name: Vec<u8>) -> Vec<u8> {
    while name.last() == Some(&0) {
        name.pop();
    }
    name
}
