//! Bundles that the real builder made, where they are at hand beside the workspace.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::*;

fn corpus() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let Ok(entries) = fs_err::read_dir(directory) else { return Vec::new() };
    entries.map(|entry| entry.unwrap().path()).filter(|path| path.join("bundle.tar.gz").exists()).collect()
}

/// Reads the files of a listing: path, size, start of the SHA-256.
fn listing(directory: &Path) -> BTreeMap<String, (usize, String)> {
    let text = fs_err::read_to_string(directory.join("listing.txt")).unwrap();
    let mut files = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with("0 ")) {
        let mut rest = line;
        let mut fields = Vec::new();
        for _ in 0..6 {
            let (field, tail) = rest.trim_start().split_once(' ').unwrap();
            fields.push(field);
            rest = tail;
        }
        let path = rest.strip_prefix("./").unwrap_or(rest);
        files.insert(path.to_owned(), (fields[4].parse().unwrap(), fields[5].to_owned()));
    }
    files
}

#[test]
fn the_real_builders_bundles_are_read_exactly() {
    for directory in corpus() {
        let bundle = fs_err::read(directory.join("bundle.tar.gz")).unwrap();
        let read = read_bundle(&bundle).unwrap();
        let found: BTreeMap<_, _> = read
            .files
            .iter()
            .map(|(path, content)| {
                let hash = hex::encode(Sha256::digest(content));
                (path.to_string(), (content.len(), hash[..16].to_owned()))
            })
            .collect();
        assert!(!found.is_empty());
        assert_eq!(found, listing(&directory), "{}", directory.display());
        assert_eq!(read.compressed_bytes, bundle.len() as u64);
        assert_eq!(read.unpacked_bytes, found.values().map(|(size, _)| *size as u64).sum::<u64>());
    }
}
