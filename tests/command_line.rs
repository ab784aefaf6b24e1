//! The commands that need no server, and how every command ends.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::{cleaned, repository_root, workstead};

fn run(arguments: &[&str]) -> Output {
    let home = tempfile::tempdir().unwrap();
    cleaned(&mut Command::new(workstead()), home.path()).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn fixture(name: &str) -> String {
    repository_root().join("fixtures/workspaces").join(name).display().to_string()
}

fn copy(from: &Path, to: &Path) {
    fs_err::create_dir_all(to).unwrap();
    for entry in fs_err::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs_err::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn a_valid_workspace_is_valid() {
    let output = run(&["validate", &fixture("valid/demo")]);
    assert_eq!(output.status.code(), Some(0), "{}{}", text(&output.stdout), text(&output.stderr));
    assert!(text(&output.stderr).contains("workspace `demo` is valid"), "{}", text(&output.stderr));
}

#[test]
fn all_problems_of_a_directory_are_shown_with_their_lines() {
    let directory = tempfile::tempdir().unwrap();
    copy(Path::new(&fixture("valid/demo")), directory.path());
    fs_err::create_dir_all(directory.path().join("slxs/one")).unwrap();
    fs_err::write(directory.path().join("slxs/one/slx.yaml"), "kind: Runbook\nspec: [oops\n").unwrap();
    fs_err::create_dir_all(directory.path().join("slxs/two")).unwrap();
    fs_err::write(directory.path().join("slxs/two/slx.yaml"), "a: 1\na: 2\n").unwrap();
    let path = directory.path().display().to_string();
    let output = run(&["validate", &path]);
    assert_eq!(output.status.code(), Some(1));
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(stdout.contains("--> slxs/one/slx.yaml:"), "{stdout}");
    assert!(stdout.contains("--> slxs/two/slx.yaml:2:1"), "{stdout}");
    assert!(!stdout.contains('\u{1b}'), "colour where no terminal is: {stdout}");
    assert!(stderr.starts_with("error: workspace `demo` is not valid"), "{stderr}");
    assert!(stderr.contains("\nhint: "), "{stderr}");

    let output = run(&["validate", &path, "--output", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["workspace"], "demo");
    let problems = report["problems"].as_array().unwrap();
    assert_eq!(report["errors"].as_u64().unwrap() as usize, problems.len(), "{report}");
    assert!(problems.iter().all(|problem| problem["severity"] == "error" && problem["code"].is_string()));
}

#[test]
fn every_invalid_fixture_is_shown_to_be_so() {
    let root = repository_root().join("fixtures/workspaces/invalid");
    let mut refused = 0;
    for entry in fs_err::read_dir(&root).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let output = run(&["validate", &path.display().to_string(), "--workspace", "demo"]);
            let stdout = text(&output.stdout);
            let status = output.status.code().unwrap();
            // Some are accepted, with warnings.
            let expected = i32::from(stdout.contains("error["));
            assert_eq!(status, expected, "{}:\n{stdout}\n{}", path.display(), text(&output.stderr));
            assert!(
                stdout.contains("error[") || stdout.contains("warning["),
                "{}:\n{stdout}",
                path.display()
            );
            refused += expected;
        }
    }
    assert!(refused > 0, "no invalid fixture was refused");
}

#[test]
fn a_bundle_has_the_same_bytes_every_time_and_tells_what_went_in() {
    let directory = tempfile::tempdir().unwrap();
    let source = directory.path().join("source");
    copy(Path::new(&fixture("valid/demo")), &source);
    fs_err::create_dir_all(source.join(".git")).unwrap();
    fs_err::write(source.join(".git/config"), "not for a bundle").unwrap();
    let source = source.display().to_string();
    let target = |name: &str| directory.path().join(name).display().to_string();
    let first = run(&["bundle", &source, "-o", &target("1.tar.gz"), "--list"]);
    assert_eq!(first.status.code(), Some(0), "{}", text(&first.stderr));
    assert!(text(&first.stdout).contains("workspace.yaml"), "{}", text(&first.stdout));
    assert!(!text(&first.stdout).contains(".git"), "{}", text(&first.stdout));
    assert!(text(&first.stderr).contains(".git/ (Git's own)"), "{}", text(&first.stderr));
    assert!(text(&first.stderr).contains("largest"), "{}", text(&first.stderr));
    let second = run(&["bundle", &source, "-o", &target("2.tar.gz"), "--output", "json"]);
    let report: Value = serde_json::from_slice(&second.stdout).unwrap();
    assert!(report["largest"].as_array().unwrap().len() <= 10);
    assert_eq!(report["ignored"].as_array().unwrap().len(), 1);
    let bytes = fs_err::read(target("1.tar.gz")).unwrap();
    assert!(bytes == fs_err::read(target("2.tar.gz")).unwrap());
    assert_eq!(report["compressedBytes"].as_u64().unwrap() as usize, bytes.len());
}

#[test]
fn what_the_user_can_mend_ends_with_one() {
    for (arguments, said) in [
        (&["bundle", "/nowhere/at/all", "--list"][..], "error: `/nowhere/at/all` is not a directory"),
        (&["upload", "/nowhere/at/all", "--workspace", "demo"], "error: failed to read `/nowhere/at/all`"),
        (&["upload", ".", "--workspace", "Not A Name"], "error: invalid value 'Not A Name'"),
        (&["serve", "--listen", "8700"], "expected host:port"),
        (&["nonsense"], "error: unrecognized subcommand 'nonsense'"),
        (&["bundle", "--nonsense"], "error: unexpected argument '--nonsense'"),
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains(said), "{arguments:?}: {}", text(&output.stderr));
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn help_and_version_are_data() {
    for arguments in [&["--help"][..], &["--version"], &["upload", "--help"]] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(0));
        assert!(!output.stdout.is_empty() && output.stderr.is_empty(), "{arguments:?}");
    }
    let help = text(&run(&["--help"]).stdout);
    assert!(!help.contains("pre-receive"), "{help}");
}

#[test]
fn no_flag_takes_a_secret() {
    for command in ["serve", "upload", "demo"] {
        let help = text(&run(&[command, "--help"]).stdout);
        for flag in ["--token ", "--admin-token", "--password"] {
            assert!(!help.contains(flag), "`ps` would show what {command} {flag} is given");
        }
    }
}
