//! The SLXs of a revision.

use std::collections::BTreeMap;
use std::ops::Bound;

use rayon::prelude::*;

use super::cache::FactsCache;
use super::kind::{SLX_FILE, slx_directory};
use crate::oid::BlobId;
use crate::path::RepoPath;
use crate::tree::{FileTree, ReadError};

/// One SLX as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlxListing {
    /// The short name, which is the directory's.
    pub name: String,
    /// The name that people see; the short name where the file gives none.
    pub alias: String,
}

/// Lists the SLXs of a revision by short name; those unknown to the cache are read on all cores.
pub fn list_slxs(tree: &dyn FileTree, facts: &FactsCache) -> Result<Vec<SlxListing>, ReadError> {
    let files: Vec<_> = slx_files(tree.files()).collect();
    let list = |(path, id): (&RepoPath, BlobId)| {
        // Only paths of SLXs come from `slx_files`.
        let name = slx_directory(path).map_or_else(String::new, |(name, _)| name.to_owned());
        let facts = facts.slx(id, || tree.read(id))?;
        let alias = facts.alias.clone().unwrap_or_else(|| name.clone());
        Ok(SlxListing { name, alias })
    };
    let mut slxs = files.into_par_iter().map(list).collect::<Result<Vec<_>, _>>()?;
    slxs.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(slxs)
}

/// Returns every `slx.yaml` of an SLX, in the order of paths.
pub(crate) fn slx_files(files: &BTreeMap<RepoPath, BlobId>) -> impl Iterator<Item = (&RepoPath, BlobId)> {
    let is_slx = |path: &RepoPath| slx_directory(path).is_some_and(|(_, rest)| rest == SLX_FILE);
    // '0' is the character behind '/'.
    let slxs = (Bound::Included("slxs/"), Bound::Excluded("slxs0"));
    files.range::<str, _>(slxs).filter(move |(path, _)| is_slx(path)).map(|(path, id)| (path, *id))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::tree::MemoryTree;

    #[test]
    fn slxs_are_listed_by_name_with_their_alias() {
        let file = |path: &str, text: &'static str| {
            (RepoPath::parse(path).unwrap(), Bytes::from_static(text.as_bytes()))
        };
        let tree = MemoryTree::from_iter([
            file("slxs/a/slx.yaml", "spec: {alias: First}"),
            file("slxs/a-b/slx.yaml", "broken: ["),
            file("slxs/a/deep/slx.yaml", "spec: {alias: not one}"),
            file("slxs/only-runbook/runbook.yaml", "spec: {}"),
            file("slxs0/x/slx.yaml", "spec: {}"),
            file("workspace.yaml", "spec: {}"),
        ]);
        let slxs = list_slxs(&tree, &FactsCache::new()).unwrap();
        let pairs: Vec<_> = slxs.iter().map(|slx| (slx.name.as_str(), slx.alias.as_str())).collect();
        assert_eq!(pairs, [("a", "First"), ("a-b", "a-b")]);
    }
}
