//! What a bundle may cost, and the error that names the limit, the actual value and the setting.

use std::fmt;

/// The limits of one bundle; exactly the limit is fine, one more is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of the gzip file.
    pub max_compressed_bytes: u64,
    /// Most bytes of all files together, unpacked; extended headers count too, and names by themselves.
    pub max_unpacked_bytes: u64,
    /// Most members: files, directories and global headers; and most directories that only paths name.
    pub max_entries: u64,
    /// Most bytes of one file.
    pub max_file_bytes: u64,
    /// Most bytes of one path; more than [`workstead_core::path::MAX_PATH_BYTES`] has no effect.
    pub max_path_bytes: u64,
    /// Most components of one path; more than [`workstead_core::path::MAX_PATH_DEPTH`] has no effect.
    pub max_depth: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_compressed_bytes: 64 << 20,
            max_unpacked_bytes: 1 << 30,
            max_entries: 1_000_000,
            max_file_bytes: 16 << 20,
            max_path_bytes: 1024,
            max_depth: 16,
        }
    }
}

impl Limits {
    /// Returns an error when the actual value is over the limit.
    pub(crate) fn check(&self, limit: Limit, actual: u64, member: Option<&str>) -> Result<(), LimitExceeded> {
        let maximum = self.maximum(limit);
        if actual <= maximum {
            return Ok(());
        }
        Err(LimitExceeded { limit, maximum, actual, member: member.map(crate::error::cut) })
    }

    fn maximum(&self, limit: Limit) -> u64 {
        match limit {
            Limit::CompressedBytes => self.max_compressed_bytes,
            Limit::UnpackedBytes => self.max_unpacked_bytes,
            Limit::Entries => self.max_entries,
            Limit::FileBytes => self.max_file_bytes,
            Limit::PathBytes => self.max_path_bytes,
            Limit::PathDepth => self.max_depth,
        }
    }
}

/// Which limit it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// The gzip file's size.
    CompressedBytes,
    /// The size of all files together.
    UnpackedBytes,
    /// The number of members.
    Entries,
    /// The size of one file.
    FileBytes,
    /// The length of one path.
    PathBytes,
    /// The number of components of one path.
    PathDepth,
}

impl Limit {
    /// Returns the environment variable that sets the limit.
    pub const fn setting(self) -> &'static str {
        match self {
            Self::CompressedBytes => "WORKSTEAD_UPLOAD_MAX_COMPRESSED_BYTES",
            Self::UnpackedBytes => "WORKSTEAD_UPLOAD_MAX_UNPACKED_BYTES",
            Self::Entries => "WORKSTEAD_UPLOAD_MAX_ENTRIES",
            Self::FileBytes => "WORKSTEAD_UPLOAD_MAX_FILE_BYTES",
            Self::PathBytes => "WORKSTEAD_UPLOAD_MAX_PATH_BYTES",
            Self::PathDepth => "WORKSTEAD_UPLOAD_MAX_PATH_DEPTH",
        }
    }

    /// Returns the stable code of the error.
    pub const fn code(self) -> &'static str {
        match self {
            Self::CompressedBytes => "bundle_too_large_compressed",
            Self::UnpackedBytes => "bundle_too_large_unpacked",
            Self::Entries => "bundle_too_many_entries",
            Self::FileBytes => "bundle_file_too_large",
            Self::PathBytes => "bundle_path_too_long",
            Self::PathDepth => "bundle_path_too_deep",
        }
    }
}

/// A limit that a bundle or directory exceeds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitExceeded {
    /// Which limit it is.
    pub limit: Limit,
    /// The limit in force.
    pub maximum: u64,
    /// The value found; for totals as far as it was counted.
    pub actual: u64,
    /// The member at which it happened, where there is one; cut to 300 characters.
    pub member: Option<String>,
}

impl std::error::Error for LimitExceeded {}

impl fmt::Display for LimitExceeded {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { limit, maximum, actual, member } = self;
        let member = member.as_deref().unwrap_or_default();
        match limit {
            Limit::CompressedBytes => write!(out, "the compressed bundle has at least {}", Size(*actual))?,
            Limit::UnpackedBytes => {
                write!(out, "the bundle unpacks to at least {} with member {member:?}", Size(*actual))?;
            }
            Limit::Entries => write!(out, "the bundle has at least {actual} entries with {member:?}")?,
            Limit::FileBytes => write!(out, "member {member:?} has {}", Size(*actual))?,
            Limit::PathBytes => write!(out, "the path of member {member:?} has {actual} bytes")?,
            Limit::PathDepth => write!(out, "the path of member {member:?} is {actual} levels deep")?,
        }
        match limit {
            Limit::CompressedBytes | Limit::UnpackedBytes | Limit::FileBytes => {
                write!(out, ", more than the limit of {}", Size(*maximum))?;
            }
            Limit::Entries | Limit::PathBytes | Limit::PathDepth => {
                write!(out, ", more than the limit of {maximum}")?;
            }
        }
        write!(out, " (setting {})", limit.setting())
    }
}

/// A size in bytes, with the round unit beside it where there is one.
struct Size(u64);

impl fmt::Display for Size {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} bytes", self.0)?;
        let unit = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
        match unit.iter().find(|(bits, _)| self.0 > 0 && self.0.trailing_zeros() >= *bits) {
            Some((bits, name)) => write!(out, " ({} {name})", self.0 >> bits),
            None => Ok(()),
        }
    }
}
