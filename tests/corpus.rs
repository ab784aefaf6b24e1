//! What the real builder sent, replayed byte for byte, where the recordings are at hand.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;

use serde_json::Value;
use ureq::http::Method;

use crate::support::{Answer, Git, TestServer, repository_root};

const WORKSPACE: &str = "my-workspace";

/// Returns the recordings, or says that there are none; `scripts/test` names them at its end too.
fn corpus() -> Option<PathBuf> {
    let corpus = repository_root().join("../shared/corpus");
    if corpus.is_dir() {
        return Some(corpus);
    }
    eprintln!("NOT RUN: there is no {}", corpus.display());
    None
}

fn replay(server: &TestServer, corpus: &std::path::Path, name: &str) -> Answer {
    let request = fs_err::read(corpus.join(name).join("request.json")).unwrap();
    // The builder writes the slash twice.
    server.call(Method::POST, &format!("//api/v3/workspaces/{WORKSPACE}/upload"), Some(&request))
}

/// Reads a bundle with a reader that is not ours.
fn members(corpus: &std::path::Path, name: &str) -> BTreeMap<String, Vec<u8>> {
    let file = fs_err::File::open(corpus.join(name).join("bundle.tar.gz")).unwrap();
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
    let mut members = BTreeMap::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        if entry.header().entry_type().is_file() {
            let path = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            members.insert(path.trim_start_matches("./").to_owned(), content);
        }
    }
    members
}

/// Asserts that everything under `slxs/` on main is what the bundle holds, and nothing else is there.
#[track_caller]
fn assert_holds_exactly(clone: &Git, members: &BTreeMap<String, Vec<u8>>) {
    let listed = clone.ok(&["ls-files", "-z", "slxs"]);
    let tracked: Vec<&str> = listed.split('\0').filter(|path| !path.is_empty()).collect();
    let expected: Vec<&str> =
        members.keys().map(String::as_str).filter(|path| path.starts_with("slxs/")).collect();
    assert_eq!(tracked, expected);
    for path in expected {
        let content = fs_err::read(clone.directory.join(path)).unwrap();
        assert!(content == members[path], "{path} differs");
    }
}

#[test]
fn every_recording_is_taken_and_its_repetition_is_no_commit() {
    let Some(corpus) = corpus() else { return };
    for name in ["small", "small-disk", "small-extras", "longnames"] {
        let server = TestServer::start();
        server.create(WORKSPACE);
        let first = replay(&server, &corpus, name).expect(200);
        let again = replay(&server, &corpus, name).expect(200);
        assert_eq!(again.field("status"), "duplicate_skipped", "{name}");
        assert_eq!(again.field("commit"), first.field("commit"), "{name}");
        let clone = server.clone_workspace(WORKSPACE, "clone");
        assert_holds_exactly(&clone, &members(&corpus, name));
        clone.fsck();
    }
}

#[test]
fn a_second_build_leaves_exactly_its_own_files() {
    let Some(corpus) = corpus() else { return };
    let server = TestServer::start();
    server.create(WORKSPACE);
    replay(&server, &corpus, "medium-v1").expect(200);
    let second = replay(&server, &corpus, "medium-v2").expect(200);
    let clone = server.clone_workspace(WORKSPACE, "clone");
    assert_holds_exactly(&clone, &members(&corpus, "medium-v2"));
    let counts =
        ["added", "changed", "pruned"].map(|list| second.json["summary"][list].as_array().map(Vec::len));
    assert_eq!(counts, [Some(11), Some(31), Some(10)], "{}", second.json["summary"]["counts"]);
    let third = replay(&server, &corpus, "medium-v2").expect(200);
    assert_eq!(third.field("status"), "duplicate_skipped");
}

#[test]
fn two_builders_of_one_workspace_leave_each_other_alone() {
    let Some(corpus) = corpus() else { return };
    let server = TestServer::start();
    server.create(WORKSPACE);
    replay(&server, &corpus, "small").expect(200);
    let second = replay(&server, &corpus, "small-location2").expect(200);
    assert_eq!(second.json["summary"]["pruned"], Value::Array(Vec::new()), "{}", second.text);
    let clone = server.clone_workspace(WORKSPACE, "clone");
    let mut both = members(&corpus, "small");
    both.extend(members(&corpus, "small-location2"));
    let listed = clone.ok(&["ls-files", "slxs"]);
    let expected = both.keys().filter(|path| path.starts_with("slxs/")).count();
    assert_eq!(listed.lines().count(), expected);
}
