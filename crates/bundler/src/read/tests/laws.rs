//! What holds for every input.

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn a_changed_byte_is_refused_or_changes_nothing(position in any::<prop::sample::Index>(), change in 1..=255_u8) {
        let bundle = small().pax(&[("path", b"long/name")]).file("x", "content").bundle();
        let mut changed = bundle.clone();
        changed[position.index(bundle.len())] ^= change;
        if let Ok(read) = read_bundle(&changed) {
            prop_assert_eq!(read.files, read_bundle(&bundle).unwrap().files);
        }
    }

    #[test]
    fn a_changed_byte_inside_the_archive_never_brings_a_panic_or_a_bad_path(
        position in any::<prop::sample::Index>(), change in 1..=255_u8
    ) {
        let mut tar = small().pax(&[("path", b"long/name")]).file("x", "content").long_name("other").file("y", "").tar();
        let position = position.index(tar.len());
        tar[position] ^= change;
        if let Ok(read) = read_bundle(&gzip(&tar)) {
            prop_assert!(read.files.keys().all(|path| !path.as_str().starts_with('.')));
        }
    }

    #[test]
    fn any_bytes_are_refused_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        prop_assert!(read_bundle(&bytes).is_err());
        prop_assert!(read_bundle(&[b"\x1f\x8b\x08\0\0\0\0\0\0\0", &bytes[..]].concat()).is_err());
        prop_assert!(read_bundle(&gzip(&bytes)).is_err());
    }

    #[test]
    fn any_headers_are_read_or_refused_without_a_panic(
        name in proptest::collection::vec(any::<u8>(), 0..100),
        flag in prop::sample::select(b"05xgLK".to_vec()),
        size in prop_oneof![Just(None), proptest::collection::vec(any::<u8>(), 12).prop_map(Some)],
        data in "([0-9]{1,3} [a-z]{1,6}=.{0,10}\n){0,3}",
    ) {
        let mut header = RawHeader::new(name, flag, data.len() as u64);
        header.size = size.unwrap_or(header.size);
        let bundle = small().raw(&header, data.as_bytes()).file("z", "").bundle();
        let limits = Limits { max_file_bytes: 1000, ..Limits::default() };
        if let Ok(read) = read(&bundle[..], &limits) {
            prop_assert!(read.files.len() >= 2);
        }
    }
}
