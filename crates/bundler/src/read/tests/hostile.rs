//! Members that must not be there, one test per rule.

use super::*;

fn refused_file(name: impl AsRef<[u8]>) -> String {
    refusal(&small().file(name, "x").bundle())
}

#[test]
fn paths_out_of_the_workspace_are_refused() {
    insta::assert_snapshot!(refused_file("/etc/passwd"), @r#"bundle_path_invalid: the path of member "/etc/passwd" is absolute"#);
    insta::assert_snapshot!(refused_file("../x"), @r#"bundle_path_invalid: the path of member "../x" has the component "..""#);
    insta::assert_snapshot!(refused_file("slxs/../../x"), @r#"bundle_path_invalid: the path of member "slxs/../../x" has the component "..""#);
    insta::assert_snapshot!(refused_file(".//etc/passwd"), @r#"bundle_path_invalid: the path of member ".//etc/passwd" is absolute"#);
    insta::assert_snapshot!(refused_file("slxs/./x"), @r#"bundle_path_invalid: the path of member "slxs/./x" has the component ".""#);
    insta::assert_snapshot!(refusal(&small().directory("../x/").bundle()), @r#"bundle_path_invalid: the path of member "../x/" has the component "..""#);
    insta::assert_snapshot!(refusal(&small().directory("/").bundle()), @r#"bundle_path_invalid: the path of member "/" has an empty component"#);
}

#[test]
fn paths_that_no_file_can_have_are_refused() {
    insta::assert_snapshot!(refused_file(""), @r#"bundle_path_invalid: the path of member "" has an empty component"#);
    insta::assert_snapshot!(refused_file("."), @r#"bundle_path_invalid: the path of member "." has the component ".""#);
    insta::assert_snapshot!(refused_file("./"), @r#"bundle_path_invalid: the path of member "./" has an empty component"#);
    insta::assert_snapshot!(refused_file("slxs/"), @r#"bundle_path_invalid: the path of member "slxs/" has an empty component"#);
    insta::assert_snapshot!(refused_file("slxs//x"), @r#"bundle_path_invalid: the path of member "slxs//x" has an empty component"#);
    insta::assert_snapshot!(refusal(&small().directory("").bundle()), @r#"bundle_path_invalid: the path of member "" has an empty component"#);
}

#[test]
fn characters_that_some_system_reads_otherwise_are_refused() {
    insta::assert_snapshot!(refused_file("slxs\\x"), @r#"bundle_path_invalid: the path of member "slxs\\x" holds the character '\\'"#);
    insta::assert_snapshot!(refused_file("c:x"), @r#"bundle_path_invalid: the path of member "c:x" holds the character ':'"#);
    insta::assert_snapshot!(refused_file("a\nb"), @r#"bundle_path_invalid: the path of member "a\nb" holds the character '\n'"#);
    insta::assert_snapshot!(refused_file("a\u{1b}[31mb"), @r#"bundle_path_invalid: the path of member "a\u{1b}[31mb" holds the character '\u{1b}'"#);
    insta::assert_snapshot!(refused_file(b"a\xffb"), @r#"bundle_path_not_utf8: the name of member "a�b" is not UTF-8"#);
    insta::assert_snapshot!(refusal(&small().pax(&[("path", b"a\0b")]).file("a", "").bundle()), @r#"bundle_path_invalid: the path of member "a\0b" holds the character '\0'"#);
    insta::assert_snapshot!(refusal(&small().pax(&[("path", b"a\xff")]).file("a", "").bundle()), @r#"bundle_path_not_utf8: the name of member "a�" is not UTF-8"#);
    insta::assert_snapshot!(refusal(&small().long_name("a\0b").file("a", "").bundle()), @r#"bundle_path_invalid: the path of member "a\0b" holds the character '\0'"#);
    let wide = format!("slxs/{}", "w".repeat(256));
    assert!(
        refusal(&small().long_name(&wide).file("w", "").bundle())
            .ends_with("has a component of 256 bytes, more than 255")
    );
}

#[test]
fn git_directories_are_refused_in_any_spelling() {
    for name in [
        "slxs/.git/config",
        "slxs/.GIT/x",
        "slxs/.git./x",
        "slxs/.git /x",
        "slxs/GIT~1/x",
        "slxs/.g\u{200c}it/x",
    ] {
        assert!(refused_file(name).starts_with("bundle_path_invalid: "), "{name}");
    }
    insta::assert_snapshot!(refused_file(".git/config"), @r#"bundle_path_invalid: the path of member ".git/config" has the component ".git", which a file system may read as .git"#);
}

#[test]
fn root_names_with_a_dot_are_refused() {
    insta::assert_snapshot!(refused_file(".workspace-builder-manifest.yaml"), @r#"bundle_root_dot_name: member ".workspace-builder-manifest.yaml" has a root name that begins with a dot; such names are the server's or the repository host's own, leave it out"#);
    for name in [".github/workflows/x.yaml", "./.gitlab-ci.yml", ".gitattributes", ".gitmodules"] {
        assert!(refused_file(name).starts_with("bundle_root_dot_name: "), "{name}");
    }
    assert!(refusal(&small().directory(".github").bundle()).starts_with("bundle_root_dot_name: "));
}

#[test]
fn what_is_no_file_and_no_directory_is_refused_by_name() {
    let refused = |flag| refusal(&small().member("slxs/x", flag, b"").bundle());
    insta::assert_snapshot!(refused(b'1'), @r#"bundle_type_refused: member "slxs/x" is a hard link; a bundle may hold only regular files and directories"#);
    insta::assert_snapshot!(refused(b'2'), @r#"bundle_type_refused: member "slxs/x" is a symbolic link; a bundle may hold only regular files and directories"#);
    insta::assert_snapshot!(refused(b'3'), @r#"bundle_type_refused: member "slxs/x" is a character device; a bundle may hold only regular files and directories"#);
    insta::assert_snapshot!(refused(b'4'), @r#"bundle_type_refused: member "slxs/x" is a block device; a bundle may hold only regular files and directories"#);
    insta::assert_snapshot!(refused(b'6'), @r#"bundle_type_refused: member "slxs/x" is a fifo (named pipe); a bundle may hold only regular files and directories"#);
    insta::assert_snapshot!(refused(b'7'), @r#"bundle_type_refused: member "slxs/x" is a contiguous file; a bundle may hold only regular files and directories"#);
    insta::assert_snapshot!(refused(b'S'), @r#"bundle_type_refused: member "slxs/x" is a sparse file; a bundle may hold only regular files and directories"#);
    insta::assert_snapshot!(refused(b'V'), @r#"bundle_type_refused: member "slxs/x" is a member of the unknown type 'V'; a bundle may hold only regular files and directories"#);
    insta::assert_snapshot!(refused(b'X'), @r#"bundle_type_refused: member "slxs/x" is a member of the unknown type 'X'; a bundle may hold only regular files and directories"#);
    insta::assert_snapshot!(refused(0xff), @r#"bundle_type_refused: member "slxs/x" is a member of the unknown type '\xff'; a bundle may hold only regular files and directories"#);
    for flag in (0..=255).filter(|flag| !b"05xgLK\0".contains(flag)) {
        assert!(refused(flag).starts_with("bundle_type_refused: "), "{flag}");
    }
}

#[test]
fn a_link_with_a_long_name_is_refused_by_that_name() {
    let link =
        small().member("././@LongLink", b'K', b"/etc/passwd\0").long_name("slxs/long").member("x", b'2', b"");
    insta::assert_snapshot!(refusal(&link.bundle()), @r#"bundle_type_refused: member "slxs/long" is a symbolic link; a bundle may hold only regular files and directories"#);
}

#[test]
fn sparse_files_are_refused_in_pax_form_too() {
    for key in ["GNU.sparse.major", "GNU.sparse.name", "GNU.sparse.map", "SCHILY.realsize", "SCHILY.filetype"]
    {
        assert!(
            refusal(&small().pax(&[(key, b"1")]).file("x", "").bundle())
                .starts_with("bundle_sparse_refused: "),
            "{key}"
        );
    }
    insta::assert_snapshot!(refusal(&small().pax(&[("GNU.sparse.major", b"1")]).file("x", "").bundle()), @r#"bundle_sparse_refused: member "x" is a sparse file (extended header "GNU.sparse.major"); write the archive without sparse files"#);
}

#[test]
fn a_second_size_is_refused() {
    let smuggled = small().pax(&[("size", b"512")]).file("x", "");
    insta::assert_snapshot!(refusal(&smuggled.bundle()), @r#"bundle_size_mismatch: member "x" has two sizes: 0 in its header and 512 in its extended header"#);
    assert_eq!(paths(&small().pax(&[("size", b"2")]).file("x", "22").bundle()).len(), 3);
    insta::assert_snapshot!(refusal(&small().pax(&[("size", b"-1")]).file("x", "").bundle()), @r#"bundle_header_invalid: the header of member "./PaxHeaders/x" is invalid: it holds the pax number "-1""#);
    insta::assert_snapshot!(refusal(&small().pax(&[("size", b"")]).file("x", "").bundle()), @r#"bundle_header_invalid: the header of member "./PaxHeaders/x" is invalid: it holds the pax number """#);
}

#[test]
fn global_records_that_change_members_are_refused() {
    for key in ["path", "size", "linkpath", "GNU.sparse.major"] {
        let global = small().member("g", b'g', &pax_records(&[(key, b"1")])).file("x", "");
        assert!(refusal(&global.bundle()).contains(&format!("sets {key:?} for all members")), "{key}");
    }
}

#[test]
fn ambiguous_extended_headers_are_refused() {
    let twice = small().pax(&[("path", b"a")]).pax(&[("path", b"b")]).file("x", "");
    insta::assert_snapshot!(refusal(&twice.bundle()), @r#"bundle_header_invalid: the header of member "./PaxHeaders/x" is invalid: it follows another extended header of the same kind"#);
    assert!(
        refusal(&small().long_name("a").long_name("b").file("x", "").bundle())
            .starts_with("bundle_header_invalid: ")
    );
    let both = small().pax(&[("path", b"a")]).long_name("b").file("x", "");
    insta::assert_snapshot!(refusal(&both.bundle()), @r#"bundle_header_invalid: the header of member "a" is invalid: it has two long names, one by pax and one by GNU's header"#);
    let repeated = small().pax(&[("path", b"a"), ("path", b"b")]).file("x", "");
    insta::assert_snapshot!(refusal(&repeated.bundle()), @r#"bundle_header_invalid: the header of member "./PaxHeaders/x" is invalid: it holds the pax record "path" twice"#);
    insta::assert_snapshot!(refusal(&small().pax(&[("path", b"")]).file("x", "").bundle()), @r#"bundle_path_invalid: the path of member "" has an empty component"#);
    insta::assert_snapshot!(refusal(&small().pax(&[("path", b"a")]).bundle()), @"bundle_truncated: the bundle is truncated: it ends after an extended header, without its member");
}

#[test]
fn broken_pax_records_are_refused() {
    let records: [&[u8]; 11] = [
        b"x",
        b"5 a=b",
        b"99 a=b\n",
        b"6 a=b\nx",
        b"5 ab\n",
        b"6 =abc\n",
        b"0 a=b\n",
        b"-6 a=b\n",
        b" 6 a=b\n",
        b"6 a=b\n\0\0",
        b"99999999999999999999 a=b\n",
    ];
    for record in records {
        let refused = refusal(&small().member("p", b'x', record).file("x", "").bundle());
        assert!(refused.starts_with("bundle_header_invalid: "), "{}: {refused}", record.escape_ascii());
    }
    insta::assert_snapshot!(refusal(&small().member("p", b'x', b"7 a=b\n").file("x", "").bundle()), @r#"bundle_header_invalid: the header of member "p" is invalid: it holds a pax record that is not "<length> <key>=<value>\n""#);
}

#[test]
fn extended_headers_have_a_limit_of_their_own() {
    for flag in *b"xgLK" {
        let data = match flag {
            b'L' | b'K' => vec![b'n'; 65536],
            _ => pax_records(&[("comment", &vec![b'c'; 65536 - 15])]),
        };
        assert_eq!(data.len(), 65536);
        if let Err(error) = read_bundle(&small().member("x", flag, &data).bundle()) {
            assert_eq!(
                error.code(),
                "bundle_truncated",
                "exactly 64 KiB is fine, but that no member follows"
            );
        }
        let refused = refusal(&small().member("x", flag, &[&data[..], b"\n"].concat()).bundle());
        assert!(refused.starts_with("bundle_extended_header_too_large: "), "{refused}");
    }
    insta::assert_snapshot!(refusal(&small().member("big", b'x', &vec![b'x'; 65537]).bundle()), @r#"bundle_extended_header_too_large: the extended header before member "big" has 65537 bytes, more than the limit of 65536 (fixed)"#);
    // The header's word is enough; nothing of the data is read.
    let claimed = small().raw(&RawHeader::new("big", b'L', 1 << 32), b"");
    assert!(refusal(&claimed.bundle()).starts_with("bundle_extended_header_too_large: "));
}

#[test]
fn the_same_name_twice_is_refused() {
    insta::assert_snapshot!(refused_file("workspace.yaml"), @r#"bundle_duplicate_path: "workspace.yaml" is there twice"#);
    insta::assert_snapshot!(refused_file("./workspace.yaml"), @r#"bundle_duplicate_path: "workspace.yaml" is there twice"#);
    insta::assert_snapshot!(refused_file("Workspace.yaml"), @r#"bundle_path_form_clash: "Workspace.yaml" and "workspace.yaml" differ only by case or Unicode form"#);
    insta::assert_snapshot!(refused_file("SLXS/b/slx.yaml"), @r#"bundle_path_form_clash: "SLXS" and "slxs" differ only by case or Unicode form"#);
    insta::assert_snapshot!(refusal(&small().file("\u{fc}", "").file("u\u{308}", "").bundle()), @r#"bundle_path_form_clash: "u\u{308}" and "ü" differ only by case or Unicode form"#);
}

#[test]
fn a_path_that_is_file_and_directory_is_refused() {
    insta::assert_snapshot!(refused_file("slxs"), @r#"bundle_file_and_directory: "slxs" is both a file and a directory"#);
    insta::assert_snapshot!(refused_file("workspace.yaml/x"), @r#"bundle_file_and_directory: "workspace.yaml" is both a file and a directory"#);
    insta::assert_snapshot!(refusal(&small().directory("workspace.yaml").bundle()), @r#"bundle_file_and_directory: "workspace.yaml" is both a file and a directory"#);
    insta::assert_snapshot!(refusal(&small().directory("x/y").file("x/y", "").bundle()), @r#"bundle_file_and_directory: "x/y" is both a file and a directory"#);
}

#[test]
fn a_directory_with_data_is_refused() {
    insta::assert_snapshot!(refusal(&small().member("slxs/d", b'5', b"data").bundle()), @r#"bundle_directory_with_data: member "slxs/d" is a directory with 4 bytes of data"#);
}

#[test]
fn headers_that_do_not_add_up_are_refused() {
    let wrong = RawHeader { wrong_by: 1, ..RawHeader::new("x", b'0', 0) };
    insta::assert_snapshot!(refusal(&small().raw(&wrong, b"").bundle()), @r#"bundle_header_invalid: the header of member "x" is invalid: its checksum is wrong, or this is no tar archive"#);
    for size in [
        &b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"[..],
        b"-0000000001\0",
        b"0000000000x\0",
        b"\x80\0\0\0\xff\0\0\0\0\0\0\0",
    ] {
        let header = RawHeader { size: size.to_vec(), ..RawHeader::new("x", b'0', 0) };
        let refused = refusal(&small().raw(&header, b"").bundle());
        assert!(refused.ends_with("its size is not a number that a file can have"), "{refused}");
    }
    let header = RawHeader { size: b"\x80\0\0\0\0\0\0\0\0\0\0\x02".to_vec(), ..RawHeader::new("x", b'0', 0) };
    assert_eq!(&read_bundle(&small().raw(&header, b"22").bundle()).unwrap().files["x"][..], b"22");
}
