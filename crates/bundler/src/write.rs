//! Writing a bundle: the same files give the same bytes, whatever the clock or the order they came in.

use std::collections::BTreeMap;
use std::io::{self, Write};

use bytes::Bytes;
use flate2::{Compression, GzBuilder};
use tar::{EntryType, Header};
use workstead_core::path::RepoPath;

/// Gzip's "unknown operating system" (RFC 1952 section 2.3.1).
const UNKNOWN_SYSTEM: u8 = 255;

/// Writes files as a bundle: sorted by path, mode 0644, no owner, no times, no directories.
pub fn write<W: Write>(files: &BTreeMap<RepoPath, Bytes>, out: W) -> io::Result<()> {
    let gzip = GzBuilder::new().mtime(0).operating_system(UNKNOWN_SYSTEM).write(out, Compression::default());
    write_tar(files, gzip)?.finish()?.flush()
}

/// Writes the archive itself and returns what it was written to.
fn write_tar<W: Write>(files: &BTreeMap<RepoPath, Bytes>, out: W) -> io::Result<W> {
    let mut tar = tar::Builder::new(out);
    for (path, content) in files {
        // GNU's header: names over 100 bytes follow as a long-name member, which every tar reads.
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(content.len() as u64);
        tar.append_data(&mut header, path.as_str(), &content[..])?;
    }
    tar.into_inner()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::{Limits, read};

    fn files(files: &[(&str, &str)]) -> BTreeMap<RepoPath, Bytes> {
        files
            .iter()
            .map(|(path, text)| (RepoPath::parse(path).unwrap(), Bytes::from((*text).to_owned())))
            .collect()
    }

    fn bundle(files: &BTreeMap<RepoPath, Bytes>) -> Vec<u8> {
        let mut out = Vec::new();
        write(files, &mut out).unwrap();
        out
    }

    fn golden() -> BTreeMap<RepoPath, Bytes> {
        let long = format!("slxs/{}/slx.yaml", "long name ü ".repeat(15).trim_end());
        files(&[
            ("workspace.yaml", "kind: Workspace\n"),
            ("slxs/a/slx.yaml", "kind: ServiceLevelX\n"),
            ("slxs/a/empty", ""),
            (&long, &"x".repeat(1000)),
        ])
    }

    #[test]
    fn the_same_files_always_give_these_bytes() {
        let hash = |bytes: &[u8]| hex::encode(Sha256::digest(bytes));
        let tar = write_tar(&golden(), Vec::new()).unwrap();
        insta::assert_snapshot!(hash(&tar), @"d32b0507c81895d1d78c161bded5ace98b1122a4b675643a16507a30b3693c04");
        // Changes when the compressor changes; then clients that compare bundles by hash see all as changed.
        insta::assert_snapshot!(hash(&bundle(&golden())), @"3cc8d6e5c5b95d22d23d327a12b5a59ef8cd87ad2eea6e515aa5c3bc8350e9d1");
    }

    #[test]
    fn the_gzip_header_names_no_file_no_time_and_no_system() {
        // RFC 1952 section 2.3: ID1 ID2 CM FLG, MTIME (4 bytes), XFL, OS.
        assert_eq!(bundle(&golden())[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
    }

    /// Takes one byte at a time.
    struct Narrow(Vec<u8>);

    impl Write for Narrow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.extend(bytes.first());
            Ok(bytes.len().min(1))
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_bytes_do_not_depend_on_what_takes_them() {
        let mut narrow = Narrow(Vec::new());
        write(&golden(), &mut narrow).unwrap();
        assert_eq!(narrow.0, bundle(&golden()));
    }

    #[test]
    fn members_are_sorted_and_carry_nothing_of_this_machine() {
        let tar = write_tar(&golden(), Vec::new()).unwrap();
        let mut archive = tar::Archive::new(&tar[..]);
        let members: Vec<_> = archive
            .entries()
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let header = entry.header();
                assert_eq!(
                    (header.uid().unwrap(), header.gid().unwrap(), header.mtime().unwrap()),
                    (0, 0, 0)
                );
                assert_eq!((header.mode().unwrap(), header.entry_type()), (0o644, EntryType::Regular));
                assert!(header.username().unwrap().unwrap_or_default().is_empty());
                String::from_utf8(entry.path_bytes().into_owned()).unwrap()
            })
            .collect();
        assert!(members.is_sorted());
        assert_eq!(members.len(), 4);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            files in proptest::collection::btree_map(
                "[a-c.]{1,3}[a-c ü]{0,60}(/[a-c.]{1,4}[A-Cü]{0,60}){0,4}",
                proptest::collection::vec(any::<u8>(), 0..1500),
                1..12,
            )
        ) {
            let files: BTreeMap<RepoPath, Bytes> = files
                .into_iter()
                .filter_map(|(path, content)| Some((RepoPath::parse(&path).ok()?, content.into())))
                .collect();
            let written = bundle(&files);
            prop_assert_eq!(&bundle(&files), &written);
            // Names may clash or begin with a dot; whatever is read is what was written.
            match read(&written[..], &Limits::default()) {
                Ok(read) => prop_assert_eq!(read.files, files),
                Err(error) => prop_assert!(
                    matches!(error.code(), "bundle_root_dot_name" | "bundle_path_form_clash" | "bundle_file_and_directory" | "empty_bundle"),
                    "{}", error
                ),
            }
        }

        #[test]
        fn names_of_every_length_are_read_again(length in 1..255_usize, depth in 1..4_usize) {
            let path = vec!["n".repeat(length); depth].join("/");
            let files = files(&[(&path, "x")]);
            prop_assert_eq!(read(&bundle(&files)[..], &Limits::default()).unwrap().files, files);
        }
    }
}
