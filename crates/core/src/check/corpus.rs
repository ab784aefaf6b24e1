//! Bundles of the real builder, where they are at hand: they must pass without a warning.

use std::io::Read as _;
use std::path::Path;

use bytes::Bytes;

use super::*;
use crate::model::{FactsCache, FileKind, list_slxs};
use crate::name::WorkspaceName;
use crate::path::RepoPath;
use crate::tree::{FileTree, MemoryTree};

/// Reads a bundle whose members are known to be harmless.
pub(crate) fn unpack(file: &Path) -> MemoryTree {
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(fs_err::File::open(file).unwrap()));
    let mut files = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        if entry.header().entry_type().is_file() {
            let name = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
            let path = RepoPath::parse(name.strip_prefix("./").unwrap_or(&name)).unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            files.push((path, Bytes::from(content)));
        }
    }
    files.into_iter().collect()
}

#[test]
fn bundles_of_the_real_builder_pass_without_a_warning() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    if !root.is_dir() {
        eprintln!("NOT TESTED: no real bundles in {}", root.display());
        return;
    }
    let names = fs_err::read(root.join("names.json")).unwrap();
    let names: serde_json::Value = serde_json::from_slice(&names).unwrap();
    let workspace = WorkspaceName::parse(names["workspace"].as_str().unwrap()).unwrap();
    let mut bundles = 0;
    for entry in fs_err::read_dir(&root).unwrap() {
        let file = entry.unwrap().path().join("bundle.tar.gz");
        if !file.is_file() {
            continue;
        }
        bundles += 1;
        let tree = unpack(&file);
        let facts = FactsCache::new();
        let problems = check_tree(&workspace, &tree, None, &facts).unwrap();
        assert_eq!(
            problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
            [""; 0],
            "{}",
            file.display()
        );
        let slxs = tree.files().keys().filter(|path| FileKind::of(path) == FileKind::Slx).count();
        let listed = list_slxs(&tree, &facts).unwrap();
        assert_eq!(listed.len(), slxs, "{}", file.display());
        assert!(listed.iter().all(|slx| slx.alias != slx.name), "{}", file.display());
        for (path, id) in tree.files().iter().filter(|(path, _)| FileKind::of(path) == FileKind::Slx) {
            let facts = facts.slx(*id, || panic!("{path} was checked and is not known")).unwrap();
            assert!(facts.full_name.is_some() && facts.is_generated(), "{path}");
        }
    }
    assert!(bundles >= 7, "only {bundles} bundles");
}
