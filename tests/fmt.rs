//! `workstead fmt`.

use std::os::unix::fs::PermissionsExt as _;

use crate::support::{Clone, slx_yaml, workspace_files, workstead};

/// What a person's editor left behind, in a file that a person made.
fn untidy(name: &str) -> String {
    let mine = slx_yaml("shop", name)
        .replace("generated-by: workspace-builder:test-location", "manually-created: \"true\"");
    mine.replace("spec:\n", "spec:   \r\n\n\n\n  # why\n")
}

#[test]
fn files_are_tidied_and_comments_stay() {
    let clone = Clone::with(&workspace_files("shop", &["cart"]));
    clone.write("slxs/cart/slx.yaml", &untidy("cart"));
    clone.write("notes.yaml", "a: 1   \n");
    let path = clone.directory.join("slxs/cart/slx.yaml");
    fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let check = clone.workstead(&["fmt", "--check"]).ends(1);
    assert_eq!(check.stdout, "slxs/cart/slx.yaml\n");
    let diff = clone.workstead(&["fmt", "--diff"]).ends(1);
    assert!(diff.stdout.contains("--- a/slxs/cart/slx.yaml\n+++ b/slxs/cart/slx.yaml\n"), "{}", diff.stdout);
    assert!(diff.stdout.contains("\n+spec:\n"), "{}", diff.stdout);
    assert_eq!(clone.read("slxs/cart/slx.yaml"), untidy("cart"), "neither may change anything");
    let done = clone.run_in("slxs", workstead(), &["fmt"]).ends(0);
    assert!(done.stdout.ends_with("slxs/cart/slx.yaml\n"), "{}", done.stdout);
    assert!(done.stderr.ends_with("2 files were looked at, 1 changed\n"), "{}", done.stderr);
    let expected = untidy("cart").replace("spec:   \r\n\n\n\n  # why\n", "spec:\n\n  # why\n");
    assert_eq!(clone.read("slxs/cart/slx.yaml"), expected);
    assert_eq!(fs_err::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(clone.read("notes.yaml"), "a: 1   \n", "no file of the workspace");
    clone.workstead(&["fmt", "--check"]).ends(0);
    clone.workstead(&["validate"]).ends(0);
    let left: Vec<_> = fs_err::read_dir(clone.directory.join("slxs/cart")).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn what_a_builder_made_is_left_to_it() {
    let clone = Clone::with(&workspace_files("shop", &["cart"]));
    let untidy = slx_yaml("shop", "cart").replace("spec:\n", "spec:   \n");
    clone.write("slxs/cart/slx.yaml", &untidy);
    let left = clone.workstead(&["fmt"]).ends(0);
    assert!(left.stderr.starts_with("note: 1 of a workspace builder's files"), "{}", left.stderr);
    assert_eq!(clone.read("slxs/cart/slx.yaml"), untidy);
    clone.workstead(&["fmt", "--generated", "--check"]).ends(1);
    // Who names the file means it.
    clone.workstead(&["fmt", "slxs/cart/slx.yaml"]).ends(0);
    assert_eq!(clone.read("slxs/cart/slx.yaml"), slx_yaml("shop", "cart"));
}

#[test]
fn what_is_no_yaml_is_shown_and_the_rest_is_done() {
    let clone = Clone::with(&workspace_files("shop", &["cart", "till"]));
    clone.write("slxs/cart/slx.yaml", "a: [\n");
    clone.write("slxs/till/slx.yaml", &untidy("till"));
    let run = clone.workstead(&["fmt"]).ends(1);
    assert!(run.stdout.contains("error[yaml_syntax]"), "{}", run.stdout);
    assert!(run.stdout.contains("--> slxs/cart/slx.yaml:"), "{}", run.stdout);
    assert!(run.stderr.contains("1 of 3 files can't be formatted"), "{}", run.stderr);
    assert_eq!(clone.read("slxs/cart/slx.yaml"), "a: [\n");
    clone.workstead(&["fmt", "--check", "slxs/till"]).ends(0);
}
