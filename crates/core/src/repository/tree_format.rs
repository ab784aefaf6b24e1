//! The format of tree objects, as bytes.
//!
//! libgit2 can only build trees into an object database, one file each; here they are built in
//! memory to go into a pack. The format is `<octal mode> <name>\0<20 bytes of id>`, see
//! <https://git-scm.com/docs/gitformat-pack> and Git's `tree.c`, sorted as if the names of
//! directories ended in a slash.

use std::cmp::Ordering;

use sha1::{Digest, Sha1};

/// The raw bytes of an object id, whatever its kind.
pub(super) type RawId = [u8; 20];

/// The mode of a directory.
pub(super) const TREE: u32 = 0o040_000;
/// The mode of a plain file.
pub(super) const FILE: u32 = 0o100_644;
/// The mode of a file that may be run.
pub(super) const EXECUTABLE: u32 = 0o100_755;
/// The mode of a symbolic link.
pub(super) const SYMLINK: u32 = 0o120_000;
/// The mode of a submodule: the id of another repository's commit.
pub(super) const SUBMODULE: u32 = 0o160_000;

/// Tells whether a mode is that of a file, executable or not.
pub(super) fn is_file(mode: u32) -> bool {
    mode & 0o170_000 == 0o100_000
}

/// One entry of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    pub(super) mode: u32,
    pub(super) name: &'a [u8],
    pub(super) id: RawId,
}

impl Entry<'_> {
    /// Tells whether the entry is a directory.
    pub(super) fn is_tree(&self) -> bool {
        self.mode == TREE
    }

    /// Compares entries by the order of trees.
    pub(super) fn compare(&self, other: &Entry<'_>) -> Ordering {
        compare_names(self.name, self.is_tree(), other.name, other.is_tree())
    }
}

/// Compares two names by the order of trees, in which a directory's name ends in a slash.
pub(super) fn compare_names(one: &[u8], one_is_tree: bool, other: &[u8], other_is_tree: bool) -> Ordering {
    let common = one.len().min(other.len());
    let end = |name: &[u8], is_tree: bool| match name.get(common) {
        Some(byte) => *byte,
        None if is_tree => b'/',
        None => 0,
    };
    one[..common]
        .cmp(&other[..common])
        .then_with(|| end(one, one_is_tree).cmp(&end(other, other_is_tree)))
        .then_with(|| one.len().cmp(&other.len()))
}

/// Reads a tree; the error says what is wrong.
pub(super) fn parse(mut raw: &[u8]) -> Result<Vec<Entry<'_>>, &'static str> {
    // Names of some ten characters are usual.
    let mut entries: Vec<Entry<'_>> = Vec::with_capacity(raw.len() / 40);
    while !raw.is_empty() {
        let space = raw.iter().take(8).position(|byte| *byte == b' ').ok_or("an entry has no mode")?;
        let mode = std::str::from_utf8(&raw[..space]).ok().and_then(|text| u32::from_str_radix(text, 8).ok());
        let mode = mode.ok_or("a mode is not octal")?;
        raw = &raw[space + 1..];
        let end = memchr::memchr(0, raw).ok_or("a name has no end")?;
        let (name, rest) = (&raw[..end], &raw[end + 1..]);
        let (id, rest) = rest.split_first_chunk::<20>().ok_or("an id is cut off")?;
        if name.is_empty() || memchr::memchr(b'/', name).is_some() {
            return Err("a name is empty or holds a slash");
        }
        let entry = Entry { mode, name, id: *id };
        if entries.last().is_some_and(|last| last.compare(&entry) != Ordering::Less) {
            return Err("entries are not in order");
        }
        entries.push(entry);
        raw = rest;
    }
    Ok(entries)
}

/// Writes entries, which must be in the order of trees.
pub(super) fn write<'a>(entries: impl Iterator<Item = Entry<'a>>, size_hint: usize) -> Vec<u8> {
    use std::io::Write as _;
    let mut raw = Vec::with_capacity(size_hint);
    for entry in entries {
        // Writing to a vector can't fail.
        let _ = write!(raw, "{:o} ", entry.mode);
        raw.extend_from_slice(entry.name);
        raw.push(0);
        raw.extend_from_slice(&entry.id);
    }
    raw
}

/// Computes the id that Git gives to an object.
pub(super) fn object_id(kind: &str, content: &[u8]) -> RawId {
    let mut hash = Sha1::new();
    hash.update(format!("{kind} {}\0", content.len()));
    hash.update(content);
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn directories_sort_as_if_they_ended_in_a_slash() {
        assert_eq!(compare_names(b"a", false, b"a-b", false), Ordering::Less);
        assert_eq!(compare_names(b"a", true, b"a-b", false), Ordering::Greater);
        assert_eq!(compare_names(b"a", true, b"a0", false), Ordering::Less);
        assert_eq!(compare_names(b"a", true, b"a", true), Ordering::Equal);
        assert_eq!(compare_names(b"a", false, b"a", true), Ordering::Less);
    }

    #[test]
    fn malformed_trees_are_refused() {
        let good = write([Entry { mode: FILE, name: b"a", id: [1; 20] }].into_iter(), 0);
        assert_eq!(parse(&good).unwrap().len(), 1);
        let twice = [good.clone(), good.clone()].concat();
        for (bad, reason) in [
            (&good[..good.len() - 1], "an id is cut off"),
            (&twice, "entries are not in order"),
            (b"100644", "an entry has no mode"),
            (b"10x644 a\0", "a mode is not octal"),
            (b"100644 a", "a name has no end"),
            (b"100644 \0aaaaaaaaaaaaaaaaaaaa", "a name is empty or holds a slash"),
            (b"100644 a/b\0aaaaaaaaaaaaaaaaaaaa", "a name is empty or holds a slash"),
        ] {
            assert_eq!(parse(bad), Err(reason));
        }
    }

    #[test]
    fn the_empty_tree_has_its_famous_id() {
        assert_eq!(hex::encode(object_id("tree", b"")), "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
    }

    proptest! {
        #[test]
        fn parsing_never_panics(raw in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = parse(&raw);
        }
    }
}
