//! One header block of a tar archive, read strictly.

use super::extended::ExtendedKind;
use super::shown;
use crate::error::BundleError;

/// The size of a block.
pub(super) const BLOCK: usize = 512;

/// What a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A header that says something about the next member, or about all.
    Extended(ExtendedKind),
    /// Anything else, by its type flag.
    Refused(u8),
}

/// One member's header, with what matters to us.
#[derive(Debug)]
pub(super) struct Header {
    /// What the member is.
    pub(super) kind: Kind,
    /// Its name, as it stands there.
    pub(super) name: Vec<u8>,
    /// The size of its data.
    pub(super) size: u64,
}

impl Header {
    /// Parses a block that is not all zeros.
    pub(super) fn parse(block: &[u8; BLOCK]) -> Result<Self, BundleError> {
        let header = tar::Header::from_byte_slice(block);
        let fields = header.as_old();
        let name = header.path_bytes().into_owned();
        let invalid = |rule: &str| BundleError::InvalidHeader { member: shown(&name), rule: rule.to_owned() };
        let wanted = number(&fields.cksum).ok_or_else(|| invalid("its checksum is not a number"))?;
        if wanted != checksum(block) {
            return Err(invalid("its checksum is wrong, or this is no tar archive"));
        }
        let size =
            number(&fields.size).ok_or_else(|| invalid("its size is not a number that a file can have"))?;
        let kind = kind(fields.linkflag[0]);
        Ok(Self { kind, name, size })
    }

    /// Returns the name as an error message shows it.
    pub(super) fn shown_name(&self) -> String {
        shown(&self.name)
    }
}

/// Sums the header's bytes with the checksum itself read as blanks.
fn checksum(block: &[u8; BLOCK]) -> u64 {
    let sum = |bytes: &[u8]| bytes.iter().map(|&byte| u64::from(byte)).sum::<u64>();
    sum(&block[..148]) + 8 * u64::from(b' ') + sum(&block[156..])
}

/// Reads a numeric field: octal digits, or GNU's base-256 where that is positive and fits.
fn number(field: &[u8]) -> Option<u64> {
    if let [0x80, rest @ ..] = field {
        let (high, low) = rest.split_at_checked(rest.len().checked_sub(8)?)?;
        let low: [u8; 8] = low.try_into().ok()?;
        let value = u64::from_be_bytes(low);
        return (high.iter().all(|&byte| byte == 0) && i64::try_from(value).is_ok()).then_some(value);
    }
    let text = field.trim_ascii_start();
    let digits = text.iter().take_while(|byte| (b'0'..=b'7').contains(byte)).count();
    let rest_is_filling = text[digits..].iter().all(|byte| matches!(byte, 0 | b' '));
    let octal = str::from_utf8(&text[..digits]).ok()?;
    if !rest_is_filling {
        return None;
    }
    if octal.is_empty() { Some(0) } else { u64::from_str_radix(octal, 8).ok() }
}

/// Tells members apart by their type flag (POSIX.1-2017 `pax`, GNU tar manual).
fn kind(flag: u8) -> Kind {
    match flag {
        b'0' | 0 => Kind::File,
        b'5' => Kind::Directory,
        b'x' => Kind::Extended(ExtendedKind::Pax),
        b'g' => Kind::Extended(ExtendedKind::PaxGlobal),
        b'L' => Kind::Extended(ExtendedKind::LongName),
        b'K' => Kind::Extended(ExtendedKind::LongLink),
        other => Kind::Refused(other),
    }
}

/// Returns what a refused type flag stands for, in words.
pub(super) fn describe(flag: u8) -> String {
    let known = match flag {
        b'1' => "hard link",
        b'2' => "symbolic link",
        b'3' => "character device",
        b'4' => "block device",
        b'6' => "fifo (named pipe)",
        b'7' => "contiguous file",
        b'S' => "sparse file",
        other => return format!("member of the unknown type '{}'", other.escape_ascii()),
    };
    known.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_octal_or_positive_base_256() {
        assert_eq!(number(b"00000001750\0"), Some(1000));
        assert_eq!(number(b"   1750 \0\0\0\0"), Some(1000));
        assert_eq!(number(b"\0\0\0\0\0\0\0\0\0\0\0\0"), Some(0));
        assert_eq!(number(b"777777777777"), Some(0o777_777_777_777));
        assert_eq!(number(b"\x80\0\0\0\0\0\0\0\0\0\x03\xe8"), Some(1000));
        for bad in [
            b"0000000175x\0",
            b"-0000000001\0",
            b"00000001790\0",
            b"+1\0\0\0\0\0\0\0\0\0\0",
            b"1 1\0\0\0\0\0\0\0\0\0",
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\x80\0\0\x01\0\0\0\0\0\0\0\0",
            b"\x80\0\0\0\x80\0\0\0\0\0\0\0",
            b"\x81\0\0\0\0\0\0\0\0\0\0\0",
        ] {
            assert_eq!(number(bad), None, "{}", bad.escape_ascii());
        }
    }
}
