use tempfile::TempDir;

use super::*;
use crate::{read, write};

fn directory(files: &[(&str, &[u8])]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (path, content) in files {
        let path = directory.path().join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, content).unwrap();
    }
    directory
}

fn paths(found: &DirectoryFiles) -> Vec<&str> {
    found.files.keys().map(RepoPath::as_str).collect()
}

fn refusal(directory: &TempDir, limits: &Limits) -> String {
    let message = read_directory(directory.path(), limits).unwrap_err().to_string();
    message.replace(directory.path().to_str().unwrap(), "<dir>")
}

#[test]
fn files_are_read_and_droppings_are_listed() {
    let directory = directory(&[
        ("workspace.yaml", b"kind: Workspace\n"),
        ("slxs/b/slx.yaml", b"b"),
        ("slxs/a/slx.yaml", b"aa"),
        ("slxs/a/slx.yaml~", b""),
        ("slxs/a/.keep", b""),
        ("slxs/a/._slx.yaml", b""),
        (".DS_Store", b""),
        (".git/config", b""),
        (".github/workflows/x.yaml", b""),
        ("slxs/a/.git/HEAD", b""),
    ]);
    let found = read_directory(directory.path(), &Limits::default()).unwrap();
    assert_eq!(paths(&found), ["slxs/a/.keep", "slxs/a/slx.yaml", "slxs/b/slx.yaml", "workspace.yaml"]);
    assert_eq!(found.total_bytes, 19);
    let ignored: Vec<_> =
        found.ignored.iter().map(|ignored| format!("{} ({})", ignored.path, ignored.reason)).collect();
    assert_eq!(
        ignored,
        [
            ".DS_Store (left by a desktop)",
            ".git/ (Git's own)",
            ".github/ (root name with a dot)",
            "slxs/a/._slx.yaml (left by a desktop)",
            "slxs/a/.git/ (Git's own)",
            "slxs/a/slx.yaml~ (editor backup)",
        ]
    );
    let largest: Vec<_> = found.largest(3).iter().map(|(path, size)| (path.as_str(), *size)).collect();
    assert_eq!(largest, [("workspace.yaml", 16), ("slxs/a/slx.yaml", 2), ("slxs/b/slx.yaml", 1)]);
}

#[test]
fn what_is_read_makes_a_bundle_that_the_server_reads() {
    let directory = directory(&[("workspace.yaml", b"x"), ("slxs/a b (c)/slx.yaml", b"y"), (".hidden", b"")]);
    let found = read_directory(directory.path(), &Limits::default()).unwrap();
    let mut bundle = Vec::new();
    write(&found.files, &mut bundle).unwrap();
    assert_eq!(read(&bundle[..], &Limits::default()).unwrap().files, found.files);
}

#[test]
fn an_empty_directory_is_refused_and_a_missing_one_too() {
    insta::assert_snapshot!(refusal(&directory(&[(".git/config", b"")]), &Limits::default()), @"`<dir>` holds no files for a bundle (1 ignored)");
    let missing = tempfile::tempdir().unwrap().path().join("missing");
    assert!(matches!(read_directory(&missing, &Limits::default()), Err(DirectoryError::Io(_))));
}

#[cfg(unix)]
#[test]
fn links_and_special_files_are_refused_by_name() {
    use std::os::unix::fs::symlink;
    let outside = directory(&[("secret", b"secret")]);
    for target in [outside.path().to_owned(), outside.path().join("secret"), "nowhere".into(), ".".into()] {
        let directory = directory(&[("slxs/a/slx.yaml", b"")]);
        symlink(target, directory.path().join("slxs/a/link")).unwrap();
        insta::allow_duplicates! {
            insta::assert_snapshot!(refusal(&directory, &Limits::default()), @"`<dir>/slxs/a/link` is a symbolic link; a bundle holds only regular files, so put the file itself there or take the link away");
        }
    }
    let directory = directory(&[("a", b"")]);
    let _socket = std::os::unix::net::UnixListener::bind(directory.path().join("socket")).unwrap();
    insta::assert_snapshot!(refusal(&directory, &Limits::default()), @"`<dir>/socket` is neither a file nor a directory; a bundle holds only regular files");
}

#[cfg(target_os = "linux")]
#[test]
fn names_that_a_repository_can_not_hold_are_refused() {
    use std::os::unix::ffi::OsStrExt;
    let directory = directory(&[("a/b", b"")]);
    fs_err::write(directory.path().join(std::ffi::OsStr::from_bytes(b"a/\xff")), "").unwrap();
    insta::assert_snapshot!(refusal(&directory, &Limits::default()), @"the name of `<dir>/a/�` is not UTF-8; rename it");
    let directory = self::directory(&[("a/c:d", b"")]);
    insta::assert_snapshot!(refusal(&directory, &Limits::default()), @"`<dir>/a/c:d` can't be in a bundle: its path holds the character ':'");
    let directory = self::directory(&[("a/x", b""), ("A/y", b"")]);
    insta::assert_snapshot!(refusal(&directory, &Limits::default()), @r#""a" and "A" differ only by case or Unicode form"#);
}

#[test]
fn the_limits_hold() {
    let directory = directory(&[("a/b/c", b"123"), ("d", b"4567")]);
    let fine = Limits {
        max_file_bytes: 4,
        max_unpacked_bytes: 7,
        max_entries: 4,
        max_path_bytes: 5,
        max_depth: 3,
        ..Limits::default()
    };
    assert!(read_directory(directory.path(), &fine).is_ok());
    let refused = |limits: Limits| refusal(&directory, &limits);
    insta::assert_snapshot!(refused(Limits { max_file_bytes: 3, ..fine }), @r#"member "d" has 4 bytes, more than the limit of 3 bytes (setting WORKSTEAD_UPLOAD_MAX_FILE_BYTES)"#);
    insta::assert_snapshot!(refused(Limits { max_unpacked_bytes: 6, ..fine }), @r#"the bundle unpacks to at least 7 bytes with member "d", more than the limit of 6 bytes (setting WORKSTEAD_UPLOAD_MAX_UNPACKED_BYTES)"#);
    insta::assert_snapshot!(refused(Limits { max_entries: 3, ..fine }), @r#"the bundle has at least 4 entries with "d", more than the limit of 3 (setting WORKSTEAD_UPLOAD_MAX_ENTRIES)"#);
    insta::assert_snapshot!(refused(Limits { max_path_bytes: 4, ..fine }), @r#"the path of member "a/b/c" has 5 bytes, more than the limit of 4 (setting WORKSTEAD_UPLOAD_MAX_PATH_BYTES)"#);
    insta::assert_snapshot!(refused(Limits { max_depth: 2, ..fine }), @r#"the path of member "a/b/c" is 3 levels deep, more than the limit of 2 (setting WORKSTEAD_UPLOAD_MAX_PATH_DEPTH)"#);
}
