//! Why a bundle was refused.

use std::io;

use crate::limits::LimitExceeded;
use crate::names::NameClash;

/// Why a bundle was refused; each message is one line that names the member and the rule.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// A limit is exceeded.
    #[error(transparent)]
    LimitExceeded(#[from] LimitExceeded),
    /// The data are no gzip file.
    #[error("the bundle is not a gzip file: {0}")]
    NotGzip(String),
    /// The gzip stream is damaged: wrong checksum, wrong length, or invalid compressed data.
    #[error("the bundle's gzip data are damaged: {0}")]
    Corrupt(#[source] io::Error),
    /// The data end too early.
    #[error("the bundle is truncated: it ends {0}")]
    Truncated(String),
    /// Something stands behind the end.
    #[error("the bundle has data after its end: {0}")]
    TrailingData(&'static str),
    /// A member's header can't be read.
    #[error("the header of member {member:?} is invalid: {rule}")]
    InvalidHeader {
        /// The member, as far as it is known.
        member: String,
        /// What is wrong.
        rule: String,
    },
    /// An extended header is larger than 64 KiB.
    #[error(
        "the extended header before member {member:?} has {actual} bytes, more than the limit of {maximum} (fixed)"
    )]
    ExtendedHeaderTooLarge {
        /// The name in the extended header's own header.
        member: String,
        /// Its size.
        actual: u64,
        /// The most that one may have.
        maximum: u64,
    },
    /// A member that is neither file nor directory.
    #[error("member {member:?} is a {kind}; a bundle may hold only regular files and directories")]
    RefusedType {
        /// The member.
        member: String,
        /// What it is, in words.
        kind: String,
    },
    /// A sparse file, by an extended header.
    #[error(
        "member {member:?} is a sparse file (extended header {key:?}); write the archive without sparse files"
    )]
    Sparse {
        /// The member.
        member: String,
        /// The key that says so.
        key: String,
    },
    /// The extended header and the header disagree about the size.
    #[error("member {member:?} has two sizes: {header} in its header and {extended} in its extended header")]
    SizeMismatch {
        /// The member.
        member: String,
        /// The size in the header.
        header: u64,
        /// The size in the extended header.
        extended: u64,
    },
    /// A directory that brings data.
    #[error("member {member:?} is a directory with {size} bytes of data")]
    DirectoryWithData {
        /// The member.
        member: String,
        /// The size in its header.
        size: u64,
    },
    /// A name that is not UTF-8.
    #[error("the name of member {member:?} is not UTF-8")]
    NotUtf8 {
        /// The name, with replacement characters.
        member: String,
    },
    /// A path that is not a plain relative path.
    #[error("the path of member {member:?} {rule}")]
    InvalidPath {
        /// The path.
        member: String,
        /// The rule that it breaks, as the end of a sentence.
        rule: String,
    },
    /// A name at the root that begins with a dot.
    #[error(
        "member {member:?} has a root name that begins with a dot; such names are the server's or the repository host's own, leave it out"
    )]
    RootDotName {
        /// The member.
        member: String,
    },
    /// Two members that can't both be there.
    #[error(transparent)]
    Clash(#[from] NameClash),
    /// No file at all.
    #[error(
        "the bundle holds no files (members: {entries}); a bundle without files is never what a builder means to upload"
    )]
    Empty {
        /// The number of members, all directories.
        entries: u64,
    },
    /// The data could not be read from where they come.
    #[error("the bundle could not be read: {0}")]
    Io(#[source] io::Error),
}

impl BundleError {
    /// Returns the stable code of the error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::LimitExceeded(exceeded) => exceeded.limit.code(),
            Self::NotGzip(_) => "bundle_not_gzip",
            Self::Corrupt(_) => "bundle_corrupt",
            Self::Truncated(_) => "bundle_truncated",
            Self::TrailingData(_) => "bundle_trailing_data",
            Self::InvalidHeader { .. } => "bundle_header_invalid",
            Self::ExtendedHeaderTooLarge { .. } => "bundle_extended_header_too_large",
            Self::RefusedType { .. } => "bundle_type_refused",
            Self::Sparse { .. } => "bundle_sparse_refused",
            Self::SizeMismatch { .. } => "bundle_size_mismatch",
            Self::DirectoryWithData { .. } => "bundle_directory_with_data",
            Self::NotUtf8 { .. } => "bundle_path_not_utf8",
            Self::InvalidPath { .. } => "bundle_path_invalid",
            Self::RootDotName { .. } => "bundle_root_dot_name",
            Self::Clash(clash) => clash.code(),
            Self::Empty { .. } => "empty_bundle",
            Self::Io(_) => "bundle_unreadable",
        }
    }
}

/// Cuts a name to what a one-line message can carry.
pub(crate) fn cut(name: &str) -> String {
    name.chars().take(300).collect()
}
