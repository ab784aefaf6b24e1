mod corpus;
mod hostile;
mod laws;
mod limits;
mod stream;
mod tar_builder;

use tar_builder::{RawHeader, TarBuilder, gzip, pax_records};

use super::*;

fn read_bundle(bundle: &[u8]) -> Result<Bundle, BundleError> {
    read(bundle, &Limits::default())
}

/// Reads a bundle that must be good and returns its paths.
fn paths(bundle: &[u8]) -> Vec<String> {
    read_bundle(bundle).unwrap().files.keys().map(ToString::to_string).collect()
}

/// Reads a bundle that must be refused; gives code and message in one line.
fn refusal(bundle: &[u8]) -> String {
    refusal_within(bundle, &Limits::default())
}

fn refusal_within(bundle: &[u8], limits: &Limits) -> String {
    let error = read(bundle, limits).unwrap_err();
    let message = error.to_string();
    assert!(!message.contains(['\n', '\r', '\0', '\u{1b}']), "one clean line: {message:?}");
    format!("{}: {message}", error.code())
}

/// A small bundle as the builder makes it.
fn small() -> TarBuilder {
    TarBuilder::new()
        .file("slxs/a/slx.yaml", "kind: ServiceLevelX\n")
        .file("workspace.yaml", "kind: Workspace\n")
}

#[test]
fn a_small_bundle_is_read() {
    let bundle = small().bundle();
    let read = read_bundle(&bundle).unwrap();
    assert_eq!(&read.files["slxs/a/slx.yaml"][..], b"kind: ServiceLevelX\n");
    assert_eq!(&read.files["workspace.yaml"][..], b"kind: Workspace\n");
    assert_eq!((read.files.len(), read.unpacked_bytes, read.compressed_bytes), (2, 36, bundle.len() as u64));
}

#[test]
fn how_far_the_reading_is_is_told_now_and_then() {
    let many = (0..1100).fold(small(), |tar, index| tar.file(format!("slxs/a/{index}"), ""));
    let mut told = Vec::new();
    let read = read_observed(&many.bundle()[..], &Limits::default(), &mut |files| told.push(files));
    assert_eq!(read.unwrap().files.len(), 1102);
    assert_eq!(told, [512, 1024]);
}

#[test]
fn members_below_a_dot_are_the_same_members() {
    let bundle = TarBuilder::new()
        .directory(".")
        .directory("./")
        .directory("./slxs")
        .directory("./slxs/a/")
        .file("./slxs/a/slx.yaml", "a")
        .pax(&[("mtime", b"1795457489.4779003"), ("uname", "ü".as_bytes())])
        .file("./workspace.yaml", "")
        .bundle();
    assert_eq!(paths(&bundle), ["slxs/a/slx.yaml", "workspace.yaml"]);
}

#[test]
fn names_that_only_look_dangerous_are_read() {
    let names = [
        "slxs/..-..-x/slx.yaml",
        "slxs/Dev Cluster ü (Zürich)/slx.yaml",
        "slxs/a/.keep",
        "slxs/a/.gitignore",
        "x/b.git",
    ];
    let bundle = names.iter().fold(TarBuilder::new(), |tar, name| tar.file(name, "x")).bundle();
    let mut sorted = names;
    sorted.sort_unstable();
    assert_eq!(paths(&bundle), sorted);
}

#[test]
fn long_names_are_read_in_every_form() {
    let long = format!("slxs/{}/slx.yaml", "n".repeat(250));
    let gnu = TarBuilder::new().long_name(&long).file(&long[..100], "x").bundle();
    assert_eq!(paths(&gnu), [long.as_str()]);
    let pax = TarBuilder::new().pax(&[("path", long.as_bytes())]).file("cut", "x").bundle();
    assert_eq!(paths(&pax), [long.as_str()]);
    let split = RawHeader { prefix: b"slxs/some-directory".to_vec(), ..RawHeader::new("slx.yaml", b'0', 1) };
    assert_eq!(paths(&TarBuilder::new().raw(&split, b"x").bundle()), ["slxs/some-directory/slx.yaml"]);
    // In GNU's own header that field holds other things.
    let gnu = RawHeader { magic: *b"ustar  \0", ..split };
    assert_eq!(paths(&TarBuilder::new().raw(&gnu, b"x").bundle()), ["slx.yaml"]);
}

#[test]
fn an_extended_header_is_for_one_member_only() {
    let bundle =
        TarBuilder::new().pax(&[("path", b"one"), ("size", b"1")]).file("x", "1").file("two", "22").bundle();
    assert_eq!(paths(&bundle), ["one", "two"]);
}

#[test]
fn old_archives_with_type_zero_are_read() {
    let old = RawHeader { magic: [0; 8], ..RawHeader::new("workspace.yaml", 0, 1) };
    assert_eq!(paths(&TarBuilder::new().raw(&old, b"x").bundle()), ["workspace.yaml"]);
}

#[test]
fn harmless_global_records_are_passed_over() {
    let bundle = TarBuilder::new()
        .member("pax_global_header", b'g', &pax_records(&[("comment", b"made by git")]))
        .file("a", "")
        .bundle();
    assert_eq!(paths(&bundle), ["a"]);
}

#[test]
fn a_bundle_without_files_is_refused() {
    insta::assert_snapshot!(refusal(&TarBuilder::new().bundle()), @"empty_bundle: the bundle holds no files (members: 0); a bundle without files is never what a builder means to upload");
    insta::assert_snapshot!(refusal(&TarBuilder::new().directory(".").directory("slxs").bundle()), @"empty_bundle: the bundle holds no files (members: 2); a bundle without files is never what a builder means to upload");
}
