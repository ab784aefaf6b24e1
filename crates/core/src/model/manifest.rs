//! `.workspace-builder-manifest.yaml`: which SLXs uploads brought, and which of them people deleted.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;

use super::date;
use crate::yaml::write::write_scalar;
use crate::yaml::{self, Node, SyntaxError};

/// The server's own record of uploads, at the root of a repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    /// The last request's build date, as it came.
    pub last_build_date: Option<String>,
    /// When the last upload that changed something was merged.
    pub last_upload_date: Option<Timestamp>,
    /// SLXs that uploads brought and that are in the repository: name by full name.
    pub slxs: BTreeMap<String, String>,
    /// SLXs that uploads brought and people deleted: when an upload last had them, by full name.
    pub tombstones: BTreeMap<String, Timestamp>,
}

impl Manifest {
    /// Reads a manifest, skipping whatever has not the shape that uploads write.
    ///
    /// A tombstone whose date can't be read counts from the last upload.
    pub fn read(text: &str) -> Result<Self, Vec<SyntaxError>> {
        let root = yaml::parse(text)?;
        let text_of = |node: &Node, key: &str| node.get(key).and_then(Node::as_text).map(str::to_owned);
        let items = |key: &str| root.get(key).map(Node::items).unwrap_or_default();
        let last_upload_date = root.get("lastUploadDate").and_then(Node::as_text).and_then(date::parse);
        let slxs = items("slxs").iter().filter_map(|item| {
            let name = text_of(item, "name");
            let full_name = text_of(item, "fullName").or_else(|| name.clone())?;
            Some((full_name.clone(), name.unwrap_or(full_name)))
        });
        let tombstones = items("tombstones").iter().filter_map(|item| {
            let seen = item.get("lastSeen").and_then(Node::as_text).and_then(date::parse);
            let seen = seen.or(last_upload_date).unwrap_or(Timestamp::UNIX_EPOCH);
            Some((text_of(item, "fullName")?, seen))
        });
        Ok(Self {
            last_build_date: text_of(&root, "lastBuildDate"),
            last_upload_date,
            slxs: slxs.collect(),
            tombstones: tombstones.collect(),
        })
    }

    /// Tells whether an upload brought the SLX of this identity, be it there or deleted.
    pub(crate) fn knows(&self, identity: &str) -> bool {
        self.slxs.contains_key(identity) || self.tombstones.contains_key(identity)
    }

    /// Returns roughly how many bytes of memory it takes.
    pub(crate) fn weight(&self) -> usize {
        let slxs = self.slxs.iter().map(|(full_name, name)| full_name.len() + name.len() + 64);
        slxs.sum::<usize>() + self.tombstones.keys().map(|full_name| full_name.len() + 64).sum::<usize>()
    }

    /// Writes the manifest, lists sorted by full name.
    pub fn write(&self) -> String {
        let mut text = String::with_capacity(64 + self.slxs.len() * 140);
        text.push_str("version: '0.5'\n");
        if let Some(build_date) = &self.last_build_date {
            let _ = writeln!(text, "lastBuildDate: {}", quote(build_date));
        }
        if let Some(instant) = self.last_upload_date {
            let _ = writeln!(text, "lastUploadDate: '{}'", date::with_t(instant));
        }
        text.push_str(if self.slxs.is_empty() { "slxs: []\n" } else { "slxs:\n" });
        for (full_name, name) in &self.slxs {
            let _ = writeln!(text, "- fullName: {}\n  name: {}", write_scalar(full_name), write_scalar(name));
        }
        text.push_str(if self.tombstones.is_empty() { "tombstones: []\n" } else { "tombstones:\n" });
        for (full_name, seen) in &self.tombstones {
            let (full_name, seen) = (write_scalar(full_name), date::with_blank(*seen));
            let _ = writeln!(text, "- fullName: {full_name}\n  lastSeen: {seen}");
        }
        text
    }
}

/// Quotes a caller's text: in single quotes like the dates beside it, or escaped where those can't hold it.
fn quote(text: &str) -> String {
    if text.chars().any(|c| c.is_control() || matches!(c, '\u{feff}' | '\u{2028}' | '\u{2029}')) {
        return write_scalar(text).into_owned();
    }
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let slxs = [("z", "z"), ("a: b", "renamed"), ("8123e45", "8123e45")];
        Manifest {
            last_build_date: Some("2023-07-14T05:00:00".to_owned()),
            last_upload_date: Some("2023-07-14T06:00:00Z".parse().unwrap()),
            slxs: slxs.map(|(full, name)| (full.to_owned(), name.to_owned())).into(),
            tombstones: [("gone".to_owned(), "2023-07-13T06:00:00Z".parse().unwrap())].into(),
        }
    }

    #[test]
    fn a_manifest_is_sorted_by_full_name_with_quoted_dates_and_timestamps() {
        insta::assert_snapshot!(manifest().write(), @r"
        version: '0.5'
        lastBuildDate: '2023-07-14T05:00:00'
        lastUploadDate: '2023-07-14T06:00:00'
        slxs:
        - fullName: '8123e45'
          name: '8123e45'
        - fullName: 'a: b'
          name: renamed
        - fullName: z
          name: z
        tombstones:
        - fullName: gone
          lastSeen: 2023-07-13 06:00:00
        ");
    }

    #[test]
    fn tombstones_are_written_as_an_empty_list_when_there_are_none() {
        let manifest = Manifest { tombstones: BTreeMap::new(), ..manifest() };
        assert!(manifest.write().ends_with("tombstones: []\n"));
    }

    #[test]
    fn a_written_manifest_reads_back() {
        assert_eq!(Manifest::read(&manifest().write()).unwrap(), manifest());
        assert_eq!(Manifest::read(&Manifest::default().write()).unwrap(), Manifest::default());
    }

    #[test]
    fn a_build_date_with_anything_in_it_reads_back() {
        for text in ["it's", "a\nb", "- x", "#", "null", " 1 ", "\"", "a\u{85}b", ""] {
            let manifest = Manifest { last_build_date: Some(text.to_owned()), ..manifest() };
            let read = Manifest::read(&manifest.write()).unwrap();
            assert_eq!(read.last_build_date.as_deref(), Some(text), "{text:?}");
        }
    }

    #[test]
    fn a_manifest_without_tombstones_or_with_wrong_entries_is_survived() {
        let text = "version: '0.5'\nslxs:\n- fullName: a\n- name: b\n- 3\n- {x: y}\n";
        let read = Manifest::read(text).unwrap();
        assert_eq!(read.slxs, [("a", "a"), ("b", "b")].map(|(f, n)| (f.to_owned(), n.to_owned())).into());
        assert!(read.tombstones.is_empty());
        assert!(Manifest::read("slxs: 3\ntombstones: {}\n").unwrap().slxs.is_empty());
    }

    #[test]
    fn a_tombstone_without_a_readable_date_counts_from_the_last_upload() {
        let text = "lastUploadDate: 2023-07-14 06:00:00\ntombstones:\n- fullName: a\n  lastSeen: soon\n";
        let read = Manifest::read(text).unwrap();
        assert_eq!(read.tombstones["a"], "2023-07-14T06:00:00Z".parse().unwrap());
    }
}
