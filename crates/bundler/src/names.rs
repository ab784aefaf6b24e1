//! The names seen so far, and which of them can't stand beside each other on every file system.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use workstead_core::path::RepoPath;

/// Two paths that can't both be there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameClash {
    /// The same path twice.
    #[error("{path:?} is there twice")]
    Duplicate {
        /// The path.
        path: String,
    },
    /// Two paths that many file systems take for one.
    #[error("{path:?} and {other:?} differ only by case or Unicode form")]
    Form {
        /// The later path.
        path: String,
        /// The earlier one.
        other: String,
    },
    /// A path that is a file here and a directory there.
    #[error("{path:?} is both a file and a directory")]
    FileAndDirectory {
        /// The path.
        path: String,
    },
}

impl NameClash {
    /// Returns the stable code of the error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Duplicate { .. } => "bundle_duplicate_path",
            Self::Form { .. } => "bundle_path_form_clash",
            Self::FileAndDirectory { .. } => "bundle_file_and_directory",
        }
    }
}

/// What one folded name is; the real spelling is kept only where it differs.
#[derive(Debug)]
struct Seen {
    is_file: bool,
    spelling: Option<Box<str>>,
}

/// All files and directories seen so far, by folded name.
#[derive(Debug, Default)]
pub(crate) struct Names {
    seen: HashMap<Box<str>, Seen>,
    last_parent: String,
    /// How many directories only follow from the paths below them.
    implied: u64,
    /// Bytes of all names that are kept.
    bytes: u64,
}

impl Names {
    /// Returns how many directories no member named, but paths below them.
    pub(crate) fn implied_directories(&self) -> u64 {
        self.implied
    }

    /// Returns the bytes of all names of files and directories, which are kept until the end.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Adds a file and the directories above it.
    pub(crate) fn add_file(&mut self, path: &RepoPath) -> Result<(), NameClash> {
        let folded = path.fold();
        self.add_parents(path, &folded)?;
        self.add(path.as_str(), folded, true)
    }

    /// Adds a directory and those above it; adding it again is fine.
    pub(crate) fn add_directory(&mut self, path: &RepoPath) -> Result<(), NameClash> {
        let folded = path.fold();
        self.add_parents(path, &folded)?;
        self.add(path.as_str(), folded, false)
    }

    fn add_parents(&mut self, path: &RepoPath, folded: &str) -> Result<(), NameClash> {
        let parent = path.parent().unwrap_or_default();
        if parent == self.last_parent {
            return Ok(());
        }
        // Folding never makes or removes a slash, so the components of both texts belong together.
        for (spelling, folded) in prefixes(path.as_str()).zip(prefixes(folded)) {
            let known = self.seen.len();
            self.add(spelling, folded.to_owned(), false)?;
            self.implied += (self.seen.len() - known) as u64;
        }
        parent.clone_into(&mut self.last_parent);
        Ok(())
    }

    fn add(&mut self, path: &str, folded: String, is_file: bool) -> Result<(), NameClash> {
        match self.seen.entry(folded.into_boxed_str()) {
            Entry::Vacant(slot) => {
                self.bytes += path.len() as u64;
                let spelling = (**slot.key() != *path).then(|| path.into());
                slot.insert(Seen { is_file, spelling });
                Ok(())
            }
            Entry::Occupied(slot) => {
                let other = slot.get().spelling.as_deref().unwrap_or(slot.key());
                let path = path.to_owned();
                if other != path {
                    Err(NameClash::Form { other: other.to_owned(), path })
                } else if slot.get().is_file != is_file {
                    Err(NameClash::FileAndDirectory { path })
                } else if is_file {
                    Err(NameClash::Duplicate { path })
                } else {
                    Ok(())
                }
            }
        }
    }
}

/// Returns the directories above a path, outermost first.
fn prefixes(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(end, _)| &path[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add_all(paths: &[&str]) -> Result<(), NameClash> {
        let mut names = Names::default();
        for text in paths {
            match text.strip_suffix('/') {
                Some(directory) => names.add_directory(&RepoPath::parse(directory).unwrap())?,
                None => names.add_file(&RepoPath::parse(text).unwrap())?,
            }
        }
        Ok(())
    }

    fn refusal(paths: &[&str]) -> String {
        add_all(paths).unwrap_err().to_string()
    }

    #[test]
    fn different_names_stand_beside_each_other() {
        assert_eq!(add_all(&["a/b", "a/c", "ab", "a/d/e", "a/", "a/d/", "a/d/", "b/a/b", "a/x"]), Ok(()));
    }

    #[test]
    fn the_same_file_twice_is_refused() {
        insta::assert_snapshot!(refusal(&["a/b", "c", "a/b"]), @r#""a/b" is there twice"#);
    }

    #[test]
    fn names_that_differ_by_case_or_form_are_refused() {
        insta::assert_snapshot!(refusal(&["a/b", "a/B"]), @r#""a/B" and "a/b" differ only by case or Unicode form"#);
        insta::assert_snapshot!(refusal(&["A/b", "a/c"]), @r#""a" and "A" differ only by case or Unicode form"#);
        insta::assert_snapshot!(refusal(&["x/a/b", "x/A/"]), @r#""x/A" and "x/a" differ only by case or Unicode form"#);
        assert!(add_all(&["\u{fc}/a", "u\u{308}/b"]).is_err());
        assert!(add_all(&["a/B/c", "a/b"]).is_err());
    }

    #[test]
    fn a_file_that_is_a_directory_too_is_refused_in_either_order() {
        insta::assert_snapshot!(refusal(&["a", "a/b"]), @r#""a" is both a file and a directory"#);
        insta::assert_snapshot!(refusal(&["a/b/c", "a/b"]), @r#""a/b" is both a file and a directory"#);
        insta::assert_snapshot!(refusal(&["a/b", "a/b/c/d"]), @r#""a/b" is both a file and a directory"#);
        insta::assert_snapshot!(refusal(&["a/", "a"]), @r#""a" is both a file and a directory"#);
        insta::assert_snapshot!(refusal(&["a", "a/"]), @r#""a" is both a file and a directory"#);
    }
}
