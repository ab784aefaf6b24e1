//! Names at the root that begin with a dot: what a mirror of the repository may run or obey.
//!
//! A branch's files are not all that leaves with it: the commits on the way to them go along. So these names are looked
//! for in each commit.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::Repository;
use super::error::{Error, Result};
use super::history;
use super::objects::Objects;
use super::quarantine::Quarantine;
use super::tree_format::{self, RawId};
use crate::oid::{CommitId, TreeId};

/// A name that a commit brings.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DotName {
    /// The name at the root, like `.github`.
    pub name: String,
    /// The commit that has it otherwise than all before it.
    pub commit: CommitId,
}

/// What stands at a tree's root under names that begin with a dot.
type DotEntries = BTreeMap<String, RawId>;

/// The same of many trees, each read once.
struct DotReader<'a> {
    objects: &'a Objects,
    known: HashMap<TreeId, Arc<DotEntries>>,
}

impl<'a> DotReader<'a> {
    fn new(objects: &'a Objects) -> Self {
        Self { objects, known: HashMap::new() }
    }

    fn of_commit(&mut self, commit: CommitId) -> Result<Arc<DotEntries>> {
        let tree = self.objects.commit(commit)?.tree;
        if let Some(entries) = self.known.get(&tree) {
            return Ok(Arc::clone(entries));
        }
        let raw = self.objects.tree(tree)?;
        let malformed = |reason| Error::MalformedTree { id: hex::encode(tree.as_bytes()), reason };
        let entries = tree_format::parse(&raw).map_err(malformed)?;
        let dotted = entries.iter().filter(|entry| entry.name.starts_with(b"."));
        let dotted = dotted.map(|entry| (String::from_utf8_lossy(entry.name).into_owned(), entry.id));
        let dotted: Arc<DotEntries> = Arc::new(dotted.collect());
        self.known.insert(tree, Arc::clone(&dotted));
        Ok(dotted)
    }
}

impl Quarantine {
    /// Lists the names that a push's commits bring: those that stand otherwise in a commit than in all commits before it
    /// and in all of these, which were accepted.
    ///
    /// The commits must have been measured. Those that a branch or tag leads to came by a push that was examined itself.
    pub fn dot_names(&self, new: CommitId, accepted: &[CommitId]) -> Result<Vec<DotName>> {
        let objects = self.objects();
        let refs = self.repository().refs();
        let known: Vec<CommitId> = refs.branches.values().chain(refs.tags.values()).copied().collect();
        let mut reader = DotReader::new(objects);
        let accepted = accepted.iter().map(|id| reader.of_commit(*id)).collect::<Result<Vec<_>>>()?;
        let mut found = Vec::new();
        for commit in history::walk(objects, &[new], &known, 0, usize::MAX)? {
            let entries = reader.of_commit(commit)?;
            if entries.is_empty() {
                continue;
            }
            let mut before = accepted.clone();
            for parent in &objects.commit(commit)?.parents {
                before.push(reader.of_commit(*parent)?);
            }
            let is_new = |name: &String, id: &RawId| !before.iter().any(|it| it.get(name) == Some(id));
            let brought = entries.iter().filter(|(name, id)| is_new(name, id));
            found.extend(brought.map(|(name, _)| DotName { name: name.clone(), commit }));
        }
        found.sort();
        Ok(found)
    }
}

impl Repository {
    /// Lists the names that any commit has which leads to one and not to an older one.
    pub fn dot_names(&self, old: Option<CommitId>, new: CommitId) -> Result<BTreeSet<String>> {
        let objects = self.objects();
        let hidden: Vec<CommitId> = old.into_iter().collect();
        let mut reader = DotReader::new(objects);
        let mut names = BTreeSet::new();
        for commit in history::walk(objects, &[new], &hidden, 0, usize::MAX)? {
            names.extend(reader.of_commit(commit)?.keys().cloned());
        }
        Ok(names)
    }
}
