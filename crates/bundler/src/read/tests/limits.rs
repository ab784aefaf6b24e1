//! Every limit: exactly it is fine, one more is refused.

use super::*;

#[test]
fn compressed_bytes() {
    let bundle = small().bundle();
    let max = |max_compressed_bytes| Limits { max_compressed_bytes, ..Limits::default() };
    let length = bundle.len() as u64;
    assert!(read(&bundle[..], &max(length)).is_ok());
    assert!(refusal_within(&bundle, &max(length - 1)).starts_with("bundle_too_large_compressed: "));
    insta::assert_snapshot!(refusal_within(&bundle, &max(64)), @"bundle_too_large_compressed: the compressed bundle has at least 65 bytes, more than the limit of 64 bytes (setting WORKSTEAD_UPLOAD_MAX_COMPRESSED_BYTES)");
    assert!(refusal_within(&bundle, &max(0)).starts_with("bundle_too_large_compressed: "));
    // Also when what is too much stands behind the end of the data.
    let longer = [bundle, vec![0; 10]].concat();
    assert!(refusal_within(&longer, &max(length)).starts_with("bundle_too_large_compressed: "));
}

#[test]
fn unpacked_bytes() {
    let bundle = small().bundle();
    let max = |max_unpacked_bytes| Limits { max_unpacked_bytes, ..Limits::default() };
    assert!(read(&bundle[..], &max(36)).is_ok());
    insta::assert_snapshot!(refusal_within(&bundle, &max(35)), @r#"bundle_too_large_unpacked: the bundle unpacks to at least 36 bytes with member "workspace.yaml", more than the limit of 35 bytes (setting WORKSTEAD_UPLOAD_MAX_UNPACKED_BYTES)"#);
    // Extended headers count, or they would be a way around the limit.
    let extended = small().pax(&[("comment", &[b'c'; 100])]).file("x", "").bundle();
    assert!(read(&extended[..], &max(36 + 113)).is_ok());
    assert!(refusal_within(&extended, &max(36 + 112)).starts_with("bundle_too_large_unpacked: "));
}

#[test]
fn entries() {
    let max = |max_entries| Limits { max_entries, ..Limits::default() };
    let bundle = small().directory("slxs").long_name("n").file("n", "").bundle();
    assert!(read(&bundle[..], &max(4)).is_ok());
    insta::assert_snapshot!(refusal_within(&bundle, &max(3)), @r#"bundle_too_many_entries: the bundle has at least 4 entries with "n", more than the limit of 3 (setting WORKSTEAD_UPLOAD_MAX_ENTRIES)"#);
    let directories = (0..5).fold(small(), |tar, _| tar.directory("slxs")).bundle();
    assert!(refusal_within(&directories, &max(6)).starts_with("bundle_too_many_entries: "));
    let globals = (0..5).fold(small(), |tar, _| tar.member("g", b'g', b"")).bundle();
    assert!(refusal_within(&globals, &max(6)).starts_with("bundle_too_many_entries: "));
}

#[test]
fn file_bytes() {
    let max = |max_file_bytes| Limits { max_file_bytes, ..Limits::default() };
    let bundle = TarBuilder::new().file("a", [b'x'; 1024]).bundle();
    assert!(read(&bundle[..], &max(1024)).is_ok());
    insta::assert_snapshot!(refusal_within(&bundle, &max(1023)), @r#"bundle_file_too_large: member "a" has 1024 bytes (1 KiB), more than the limit of 1023 bytes (setting WORKSTEAD_UPLOAD_MAX_FILE_BYTES)"#);
    let claimed = TarBuilder::new().raw(&RawHeader::new("a", b'0', (16 << 20) + 1), b"").bundle();
    insta::assert_snapshot!(refusal(&claimed), @r#"bundle_file_too_large: member "a" has 16777217 bytes, more than the limit of 16777216 bytes (16 MiB) (setting WORKSTEAD_UPLOAD_MAX_FILE_BYTES)"#);
}

#[test]
fn path_bytes_and_depth() {
    let bundle = TarBuilder::new().file("./ab/cd", "").bundle();
    let limits = |max_path_bytes, max_depth| Limits { max_path_bytes, max_depth, ..Limits::default() };
    assert!(read(&bundle[..], &limits(5, 2)).is_ok());
    insta::assert_snapshot!(refusal_within(&bundle, &limits(4, 2)), @r#"bundle_path_too_long: the path of member "ab/cd" has 5 bytes, more than the limit of 4 (setting WORKSTEAD_UPLOAD_MAX_PATH_BYTES)"#);
    insta::assert_snapshot!(refusal_within(&bundle, &limits(5, 1)), @r#"bundle_path_too_deep: the path of member "ab/cd" is 2 levels deep, more than the limit of 1 (setting WORKSTEAD_UPLOAD_MAX_PATH_DEPTH)"#);
    // Directories count as well.
    let directory = TarBuilder::new().directory("./ab/cd/").file("x", "").bundle();
    assert!(read(&directory[..], &limits(5, 2)).is_ok());
    assert!(refusal_within(&directory, &limits(4, 2)).starts_with("bundle_path_too_long: "));
}

#[test]
fn the_defaults_are_those_of_the_contract() {
    let long = ["d".repeat(127).as_str(); 8].join("/");
    assert_eq!(long.len(), 1023);
    let named = |name: &str| TarBuilder::new().long_name(name).file("x", "").bundle();
    assert_eq!(paths(&named(&format!("{long}d"))).len(), 1);
    assert!(
        refusal(&named(&format!("{long}dd"))).contains(
            "has 1025 bytes, more than the limit of 1024 (setting WORKSTEAD_UPLOAD_MAX_PATH_BYTES)"
        )
    );
    let deep = ["d"; 16].join("/");
    assert_eq!(paths(&named(&deep)).len(), 1);
    assert!(
        refusal(&named(&format!("{deep}/d"))).contains(
            "is 17 levels deep, more than the limit of 16 (setting WORKSTEAD_UPLOAD_MAX_PATH_DEPTH)"
        )
    );
}

#[test]
fn a_bomb_is_refused_after_the_limit_and_not_inflated_further() {
    // 64 MiB of zeros in files of 1 MiB; every file would be fine alone.
    let megabyte = vec![0; 1 << 20];
    let bomb =
        (0..64).fold(TarBuilder::new(), |tar, index| tar.file(format!("f{index}"), &megabyte)).bundle();
    assert!(bomb.len() < 1 << 20, "{}", bomb.len());
    let mut rest = &bomb[..];
    let limits = Limits { max_unpacked_bytes: 4 << 20, ..Limits::default() };
    let error = read(std::io::Read::by_ref(&mut rest), &limits).unwrap_err();
    insta::assert_snapshot!(error, @r#"the bundle unpacks to at least 5242880 bytes (5 MiB) with member "f4", more than the limit of 4194304 bytes (4 MiB) (setting WORKSTEAD_UPLOAD_MAX_UNPACKED_BYTES)"#);
    assert!(rest.len() > bomb.len() / 2, "only the start was read");
}

/// Regression: a hundred kilobytes of names once took hundreds of megabytes of memory.
#[test]
fn directories_that_only_paths_name_are_bounded_too() {
    let deep = |index: u32| format!("{}/f", vec![format!("d{index}"); 15].join("/"));
    let bundle = (0..10).fold(TarBuilder::new(), |tar, index| tar.file(deep(index), b"")).bundle();
    let max = |max_entries| Limits { max_entries, ..Limits::default() };
    assert!(read(&bundle[..], &max(150)).is_ok());
    let error = read(&bundle[..], &max(149)).unwrap_err();
    assert!(error.to_string().contains("limit of 149"), "{error}");
}

#[test]
fn long_names_count_as_unpacked_bytes() {
    let long = |index: u32| format!("{}/{index}", vec!["n".repeat(240); 4].join("/"));
    let files = (0..1200).map(|index| (long(index).parse().unwrap(), bytes::Bytes::new())).collect();
    let mut bundle = Vec::new();
    crate::write(&files, &mut bundle).unwrap();
    let max = |max_unpacked_bytes| Limits { max_unpacked_bytes, ..Limits::default() };
    assert!(read(&bundle[..], &max(8 << 20)).is_ok());
    assert!(read(&bundle[..], &max(1 << 20)).is_err());
}
