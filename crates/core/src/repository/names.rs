//! Names that the store gives meaning to: of repositories and of records.

use std::fmt;
use std::fmt::Write as _;

/// Why a text is no id of a repository.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a repository id: 1 to 64 of a-z, 0-9 and hyphens")]
pub struct InvalidRepositoryId(String);

/// The immutable id of a workspace, and thereby of its repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepositoryId(String);

impl RepositoryId {
    /// Parses an id: 1 to 64 of `a-z`, `0-9` and hyphens.
    pub fn parse(text: &str) -> Result<Self, InvalidRepositoryId> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !(1..=64).contains(&text.len()) || !text.bytes().all(allowed) {
            return Err(InvalidRepositoryId(text.chars().take(80).collect()));
        }
        Ok(Self(text.to_owned()))
    }

    /// Returns the id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RepositoryId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::str::FromStr for RepositoryId {
    type Err = InvalidRepositoryId;

    fn from_str(text: &str) -> Result<Self, InvalidRepositoryId> {
        Self::parse(text)
    }
}

/// The name of a record: a tree that the store keeps beside the branches, hidden from clients.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordName(String);

impl RecordName {
    /// The namespace of records among the references.
    pub(super) const PREFIX: &'static str = "refs/workstead/uploads/";

    /// Returns the record of uploads from a location; different locations have different records.
    ///
    /// A location is free text, so what a reference may not hold is written as `_` and two
    /// hexadecimal digits, and what is too long is replaced by its hash.
    pub fn for_location(location: &str) -> Self {
        let mut name = String::with_capacity(location.len() + 1);
        for byte in location.bytes() {
            if byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' {
                name.push(char::from(byte));
            } else {
                // Writing to a String can't fail.
                let _ = write!(name, "_{byte:02x}");
            }
        }
        // Neither `_n` nor `_h` can come out of the escapes above.
        match name.len() {
            0 => Self("_none".to_owned()),
            1..=150 => Self(name),
            _ => Self(format!("_h{}", crate::oid::BlobId::of(location.as_bytes()))),
        }
    }

    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the full reference.
    pub fn reference(&self) -> String {
        format!("{}{}", Self::PREFIX, self.0)
    }
}

impl fmt::Display for RecordName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ids_are_plain() {
        for good in ["a", "0190d3c2-7f3a-7c1e-9d53-3f1f1f1f1f1f", &"x".repeat(64)] {
            assert_eq!(RepositoryId::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "A", "a/b", "..", "a.git", "ü", &"x".repeat(65)] {
            assert!(RepositoryId::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn plain_locations_name_their_records() {
        assert_eq!(RecordName::for_location("location-01").as_str(), "location-01");
        assert_eq!(RecordName::for_location("a b/../.lock").as_str(), "a_20b_2f_2e_2e_2f_2elock");
        assert_eq!(RecordName::for_location("").as_str(), "_none");
        assert_eq!(RecordName::for_location(&"x".repeat(500)).as_str().len(), 42);
    }

    proptest! {
        #[test]
        fn every_location_gives_a_valid_reference(location in "\\PC{0,80}") {
            prop_assert!(git2::Reference::is_valid_name(&RecordName::for_location(&location).reference()));
        }

        #[test]
        fn different_locations_have_different_records(one in "[a_~0-9]{0,6}", other in "[a_~0-9]{0,6}") {
            let same = RecordName::for_location(&one) == RecordName::for_location(&other);
            prop_assert_eq!(same, one == other);
        }
    }
}
