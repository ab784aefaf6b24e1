//! The names of objects; no other file formats or takes apart one.

use std::fmt;

pub(crate) const PREFIX: &str = "uploads/";
const SUFFIX: &str = ".tar.gz";

/// Most characters of a workspace's or upload's id.
const MAX_ID_LENGTH: usize = 64;

/// A text that is no object key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an object key: {rule}")]
pub struct InvalidKey {
    /// The text, cut to 300 characters.
    pub text: String,
    /// The rule that it breaks.
    pub rule: &'static str,
}

/// The key of one uploaded bundle: `uploads/<workspace id>/<upload id>.tar.gz`.
///
/// Both ids are the server's own: 1-64 of `a-z`, `0-9` and `-`, so a key is safe as a path and in a URL as it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    text: String,
    /// Where the workspace's id ends.
    slash: usize,
}

impl ObjectKey {
    /// Makes the key of an upload.
    pub fn new(workspace_id: &str, upload_id: &str) -> Result<Self, InvalidKey> {
        Self::parse(&format!("{PREFIX}{workspace_id}/{upload_id}{SUFFIX}"))
    }

    /// Parses a key.
    pub fn parse(text: &str) -> Result<Self, InvalidKey> {
        let refuse = |rule| InvalidKey { text: text.chars().take(300).collect(), rule };
        let ids = text
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.strip_suffix(SUFFIX))
            .ok_or_else(|| refuse("it is not uploads/<workspace id>/<upload id>.tar.gz"))?;
        let (workspace, upload) =
            ids.split_once('/').ok_or_else(|| refuse("it lacks the workspace's or the upload's id"))?;
        if !is_id(workspace) || !is_id(upload) {
            return Err(refuse("its ids must have 1 to 64 of a-z, 0-9 and -"));
        }
        Ok(Self { text: text.to_owned(), slash: PREFIX.len() + workspace.len() })
    }

    /// Returns the key as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the workspace's immutable id.
    pub fn workspace_id(&self) -> &str {
        &self.text[PREFIX.len()..self.slash]
    }

    /// Returns the upload's id.
    pub fn upload_id(&self) -> &str {
        &self.text[self.slash + 1..self.text.len() - SUFFIX.len()]
    }
}

pub(crate) fn is_id(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=MAX_ID_LENGTH).contains(&text.len()) && text.bytes().all(allowed)
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl std::str::FromStr for ObjectKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        Self::parse(text)
    }
}

impl serde::Serialize for ObjectKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_key_names_workspace_and_upload() {
        let key = ObjectKey::new("0190-ws", "0190-up").unwrap();
        assert_eq!(key.as_str(), "uploads/0190-ws/0190-up.tar.gz");
        assert_eq!((key.workspace_id(), key.upload_id()), ("0190-ws", "0190-up"));
        assert_eq!(ObjectKey::parse(key.as_str()), Ok(key));
    }

    #[test]
    fn nothing_else_is_a_key() {
        let long = "a".repeat(65);
        for (workspace, upload) in [
            ("", "u"),
            ("w", ""),
            ("..", "u"),
            ("w", ".."),
            ("w/x", "u"),
            ("W", "u"),
            ("w", "u%2f"),
            ("ü", "u"),
            (&long, "u"),
            ("w", "u\0"),
        ] {
            assert!(ObjectKey::new(workspace, upload).is_err(), "{workspace}/{upload}");
        }
        for text in [
            "",
            "uploads/",
            "uploads/w.tar.gz",
            "/uploads/w/u.tar.gz",
            "uploads/w/u",
            "uploads/w/u.tar.gz/",
            "uploads/w/u.tar.gz.tar.gz",
        ] {
            assert!(ObjectKey::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_parses_is_made_of_its_ids(text in "(uploads/)?\\PC{0,20}(/[a-z0-9-]{0,5})?(\\.tar\\.gz)?") {
            if let Ok(key) = ObjectKey::parse(&text) {
                prop_assert_eq!(ObjectKey::new(key.workspace_id(), key.upload_id()), Ok(key));
            }
        }
    }
}
