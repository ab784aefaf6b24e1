//! The Dockerfiles, what they are given, and the scripts beside them.

use std::path::PathBuf;

use super::programs::{HADOLINT, SHELLCHECK};
use super::{is_variable, read};
use crate::support::repository_root;

const DOCKERFILES: [&str; 2] = ["Dockerfile", "deploy/minio/Dockerfile"];

/// Returns the instructions of the last stage, each on one line.
fn last_stage(file: &str) -> Vec<String> {
    let text = read(file);
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    let joined = lines.collect::<Vec<_>>().join("\n").replace("\\\n", " ");
    let instructions: Vec<String> = joined.lines().map(|line| line.trim().to_owned()).collect();
    let start = instructions.iter().rposition(|line| line.starts_with("FROM ")).unwrap();
    instructions[start..].to_vec()
}

/// Returns the value of a variable that an image sets.
#[track_caller]
pub(super) fn environment(file: &str, name: &str) -> String {
    let stage = last_stage(file);
    let pairs = stage.iter().filter_map(|line| line.strip_prefix("ENV ")).flat_map(str::split_whitespace);
    pairs.filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name).unwrap().1.to_owned()
}

fn instruction(file: &str, name: &str) -> String {
    let stage = last_stage(file);
    let prefix = format!("{name} ");
    let found = stage.iter().rev().find_map(|line| line.strip_prefix(prefix.as_str()));
    found.unwrap_or_else(|| panic!("{file} has no {name}")).to_owned()
}

#[test]
fn hadolint_has_nothing_to_say() {
    if !HADOLINT.is_here() {
        return;
    }
    HADOLINT.passes(&DOCKERFILES);
    HADOLINT.refuses(&[], "FROM debian\nRUN cd /tmp && apt-get install git\n");
}

#[test]
fn shellcheck_has_nothing_to_say() {
    if !SHELLCHECK.is_here() {
        return;
    }
    let scripts = fs_err::read_dir(repository_root().join("scripts")).unwrap();
    let mut files: Vec<PathBuf> = scripts.map(|entry| entry.unwrap().path()).collect();
    files.extend(
        ["deploy/minio/minio-setup.sh", "tests/deployment/confined.sh", ".ci/run"]
            .map(|name| repository_root().join(name)),
    );
    files.retain(|file| {
        fs_err::read_to_string(file).is_ok_and(|text| text.starts_with("#!") && text.contains("sh\n"))
    });
    assert!(files.len() >= 5, "{files:?}");
    SHELLCHECK.passes(&files);
    SHELLCHECK.refuses(&[], "#!/bin/sh\nrm -r $1/$2\n");
}

#[test]
fn images_run_as_a_user_by_number_from_a_dated_base() {
    for file in DOCKERFILES {
        assert_eq!(instruction(file, "USER"), "65532:65532", "{file}");
        let base = instruction(file, "FROM");
        assert!(base.starts_with("debian:trixie-20") && base.ends_with("-slim"), "{file} is from {base}");
        assert!(instruction(file, "ENTRYPOINT").starts_with("[\""), "{file}");
        let stages = read(file);
        for from in stages.lines().filter_map(|line| line.strip_prefix("FROM ")) {
            let tag = from.split_whitespace().next().unwrap().split_once(':').unwrap().1;
            assert!(tag.contains(|c: char| c.is_ascii_digit()), "{file}: {from} is not pinned");
        }
    }
}

#[test]
fn the_image_is_built_with_the_rust_that_the_workspace_asks_for() {
    let manifest = read("Cargo.toml");
    let version = manifest.split("rust-version = \"").nth(1).unwrap().split('"').next().unwrap();
    assert!(read("Dockerfile").contains(&format!("FROM rust:{version}.")), "Cargo.toml says {version}");
}

#[test]
fn the_server_s_image_sets_only_settings_that_exist_and_says_whether_it_is_ready() {
    for pair in instruction("Dockerfile", "ENV").split_whitespace() {
        let name = pair.split_once('=').unwrap().0;
        assert!(is_variable(name), "{name} is no setting");
    }
    let port = environment("Dockerfile", "WORKSTEAD_LISTEN").rsplit(':').next().unwrap().to_owned();
    assert_eq!(instruction("Dockerfile", "EXPOSE"), port);
    let check = instruction("Dockerfile", "HEALTHCHECK");
    assert!(check.ends_with(&format!("\"http://127.0.0.1:{port}/readyz\"]")), "{check}");
    assert_eq!(instruction("Dockerfile", "VOLUME"), environment("Dockerfile", "WORKSTEAD_DATA_DIR"));
}

#[test]
fn a_build_gets_what_cargo_needs_and_nothing_else() {
    let ignored = read(".dockerignore");
    let lines: Vec<&str> = ignored.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(lines[0], "*", "what is not named stays outside");
    let sent: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix('!')).collect();
    for name in &sent {
        assert!(repository_root().join(name).exists(), "{name} is not there");
    }
    // All members' manifests are read, also those that are not built, and the paths of their targets.
    for needed in ["Cargo.toml", "Cargo.lock", "crates", "benches", "tests"] {
        assert!(sent.contains(&needed), "{needed}");
    }
    assert!(!sent.iter().any(|name| name.starts_with(".git") || name.starts_with(".env")), "{sent:?}");
}
