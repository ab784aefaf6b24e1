//! The gzip stream, and the archive's end.

use std::io;

use super::*;

#[test]
fn what_is_no_gzip_is_refused() {
    insta::assert_snapshot!(refusal(b""), @"bundle_not_gzip: the bundle is not a gzip file: it is empty");
    insta::assert_snapshot!(refusal(b"PK\x03\x04rest"), @"bundle_not_gzip: the bundle is not a gzip file: it begins with [50, 4b, 03, 04], not with [1f, 8b]");
    insta::assert_snapshot!(refusal(&small().tar()), @"bundle_not_gzip: the bundle is not a gzip file: it begins with [73, 6c, 78, 73], not with [1f, 8b]");
    insta::assert_snapshot!(refusal(b"\x1f"), @"bundle_truncated: the bundle is truncated: it ends before the archive's end marker (two blocks of zeros)");
    insta::assert_snapshot!(refusal(&gzip(b"not a tar archive")), @"bundle_truncated: the bundle is truncated: it ends before the archive's end marker (two blocks of zeros)");
    insta::assert_snapshot!(refusal(&gzip(&[b'x'; 600])), @r#"bundle_header_invalid: the header of member "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" is invalid: its checksum is not a number"#);
    insta::assert_snapshot!(refusal(&gzip(b"")), @"bundle_truncated: the bundle is truncated: it ends before the archive's end marker (two blocks of zeros)");
}

#[test]
fn a_truncated_archive_is_refused() {
    insta::assert_snapshot!(refusal(&gzip(&small().open_end())), @r#"bundle_truncated: the bundle is truncated: it ends before the archive's end marker (two blocks of zeros), after member "workspace.yaml""#);
    insta::assert_snapshot!(refusal(&gzip(&small().bytes(&[0; 512]).open_end())), @r#"bundle_truncated: the bundle is truncated: it ends inside the archive's end marker (two blocks of zeros), after member "workspace.yaml""#);
    insta::assert_snapshot!(refusal(&gzip(&small().bytes(&[0; 1023]).open_end())), @r#"bundle_truncated: the bundle is truncated: it ends inside the archive's end marker (two blocks of zeros), after member "workspace.yaml""#);
    let half = TarBuilder::new().file("x", [b'x'; 600]).open_end();
    insta::assert_snapshot!(refusal(&gzip(&half[..900])), @r#"bundle_truncated: the bundle is truncated: it ends inside the data of member "x""#);
    insta::assert_snapshot!(refusal(&gzip(&half[..1200])), @r#"bundle_truncated: the bundle is truncated: it ends inside the data of member "x""#);
    insta::assert_snapshot!(refusal(&gzip(&half[..500])), @"bundle_truncated: the bundle is truncated: it ends before the archive's end marker (two blocks of zeros)");
}

#[test]
fn a_truncated_gzip_is_refused_wherever_it_ends() {
    let bundle = small().bundle();
    for length in 1..bundle.len() {
        assert!(refusal(&bundle[..length]).starts_with("bundle_truncated: "), "{length}");
    }
}

#[test]
fn a_wrong_checksum_or_length_is_refused() {
    let bundle = small().bundle();
    for from_end in 1..=8 {
        let mut damaged = bundle.clone();
        let at = damaged.len() - from_end;
        damaged[at] ^= 1;
        assert!(refusal(&damaged).starts_with("bundle_corrupt: "), "{from_end}");
    }
}

#[test]
fn zeros_behind_the_archive_are_padding_up_to_a_mebibyte() {
    let padded = |zeros: usize| gzip(&small().bytes(&vec![0; 1024 + zeros]).open_end());
    for zeros in [1, 512, 9216, 1 << 20] {
        assert_eq!(paths(&padded(zeros)).len(), 2, "{zeros}");
    }
    insta::assert_snapshot!(refusal(&padded((1 << 20) + 1)), @"bundle_trailing_data: the bundle has data after its end: more than 1 MiB of zeros follow the tar archive");
}

#[test]
fn data_behind_the_end_are_refused() {
    insta::assert_snapshot!(refusal(&gzip(&small().bytes(&[0; 512]).file("x", "").tar())), @"bundle_trailing_data: the bundle has data after its end: a block of zeros is followed by another member");
    insta::assert_snapshot!(refusal(&gzip(&small().bytes(&[0; 1024]).file("x", "").tar())), @"bundle_trailing_data: the bundle has data after its end: bytes that are not zero follow the tar archive");
    insta::assert_snapshot!(refusal(&gzip(&[small().tar(), vec![0; 10_000], vec![1]].concat())), @"bundle_trailing_data: the bundle has data after its end: bytes that are not zero follow the tar archive");
    let bundle = small().bundle();
    insta::assert_snapshot!(refusal(&[&bundle[..], &bundle].concat()), @"bundle_trailing_data: the bundle has data after its end: another gzip member follows the first");
    insta::assert_snapshot!(refusal(&[&bundle[..], &gzip(b"")].concat()), @"bundle_trailing_data: the bundle has data after its end: another gzip member follows the first");
    insta::assert_snapshot!(refusal(&[&bundle[..], b"\0"].concat()), @"bundle_trailing_data: the bundle has data after its end: bytes follow the gzip data");
}

/// Gives some bytes, then fails.
struct Failing<'a>(&'a [u8]);

impl Read for Failing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.0.is_empty() {
            Err(io::Error::new(io::ErrorKind::UnexpectedEof, "gone"))
        } else {
            self.0.read(buffer)
        }
    }
}

#[test]
fn a_failing_reader_is_not_the_bundles_fault() {
    let bundle = small().bundle();
    for length in [0, 1, 5, bundle.len() / 2, bundle.len()] {
        let error = read(Failing(&bundle[..length]), &Limits::default()).unwrap_err();
        assert_eq!(
            (error.code(), error.to_string().as_str()),
            ("bundle_unreadable", "the bundle could not be read: gone")
        );
    }
}

/// Gives one byte at a time, interrupted before each.
struct Slow<'a>(&'a [u8], bool);

impl Read for Slow<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.1 = !self.1;
        if self.1 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let length = buffer.len().min(1);
        self.0.read(&mut buffer[..length])
    }
}

#[test]
fn a_slow_reader_gives_the_same_bundle() {
    let bundle = small().bundle();
    let read = read(Slow(&bundle, false), &Limits::default()).unwrap();
    assert_eq!(read.files, read_bundle(&bundle).unwrap().files);
    assert_eq!(read.compressed_bytes, bundle.len() as u64);
}
