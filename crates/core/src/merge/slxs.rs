//! The SLXs of a tree, by identity and by directory.

use std::collections::HashMap;
use std::sync::Arc;

use rayon::prelude::*;

use crate::model::{FactsCache, MANIFEST_FILE, SLX_FILE, SlxFacts, WORKSPACE_FILE, slx_directory};
use crate::oid::BlobId;
use crate::path::{RepoPath, fold};
use crate::tree::{FileTree, ReadError};

/// One SLX of a tree.
#[derive(Debug)]
pub(super) struct Slx<'a> {
    /// Its directory's name.
    pub(super) directory: &'a str,
    /// What its slx.yaml says.
    pub(super) facts: Arc<SlxFacts>,
    /// Its files in the order of paths.
    pub(super) files: Vec<(&'a RepoPath, BlobId)>,
}

impl Slx<'_> {
    /// Returns the full name, else the directory's name.
    pub(super) fn identity(&self) -> &str {
        self.facts.identity(self.directory)
    }
}

/// Finds SLXs and what is none in one tree.
#[derive(Debug)]
pub(super) struct SlxIndex<'a> {
    /// The SLXs in the order of paths.
    pub(super) slxs: Vec<Slx<'a>>,
    /// Files of directories below `slxs/` that are no SLXs.
    pub(super) strays: Vec<(&'a RepoPath, BlobId)>,
    /// All other files but `workspace.yaml` and the manifest.
    pub(super) loose: Vec<(&'a RepoPath, BlobId)>,
    identities: HashMap<String, Vec<usize>>,
    directories: HashMap<&'a str, usize>,
    folded: HashMap<String, usize>,
    /// What lies where an SLX could, by folded name.
    strays_by_name: HashMap<String, Stray<'a>>,
    /// Whether a file or another spelling stands where the directory `slxs` belongs.
    has_other_root: bool,
}

/// Something below `slxs/` that is no SLX.
#[derive(Debug, Clone, Copy)]
struct Stray<'a> {
    name: &'a str,
    /// Whether no SLX can be put there.
    blocks: bool,
}

impl<'a> SlxIndex<'a> {
    /// Reads a tree; facts that the cache lacks are read on all cores.
    pub(super) fn read(tree: &'a dyn FileTree, facts: &FactsCache) -> Result<Self, ReadError> {
        let mut loose = Vec::new();
        let mut strays = Vec::new();
        let mut found = Vec::new();
        let mut files = tree.files().iter().map(|(path, id)| (path, *id)).peekable();
        while let Some((path, id)) = files.next() {
            let Some((directory, _)) = slx_directory(path) else {
                if !matches!(path.as_str(), WORKSPACE_FILE | MANIFEST_FILE) {
                    loose.push((path, id));
                }
                continue;
            };
            // Paths with the same directory stand side by side.
            let mut own = vec![(path, id)];
            while let Some(next) =
                files.next_if(|(next, _)| slx_directory(next).is_some_and(|(other, _)| other == directory))
            {
                own.push(next);
            }
            let slx = own.iter().find(|(path, _)| is_slx_file(path)).map(|(_, id)| *id);
            match slx {
                Some(slx) => found.push((directory, slx, own)),
                None => strays.extend(own),
            }
        }
        let read = |(directory, slx, files): (&'a str, BlobId, Vec<_>)| {
            let facts = facts.slx(slx, || tree.read(slx))?;
            Ok(Slx { directory, facts, files })
        };
        let slxs = found.into_par_iter().map(read).collect::<Result<Vec<_>, ReadError>>()?;
        Ok(Self::index(slxs, strays, loose))
    }

    fn index(
        slxs: Vec<Slx<'a>>,
        strays: Vec<(&'a RepoPath, BlobId)>,
        loose: Vec<(&'a RepoPath, BlobId)>,
    ) -> Self {
        let mut identities: HashMap<String, Vec<usize>> = HashMap::with_capacity(slxs.len());
        let mut directories = HashMap::with_capacity(slxs.len());
        let mut folded = HashMap::with_capacity(slxs.len());
        for (number, slx) in slxs.iter().enumerate() {
            identities.entry(slx.identity().to_owned()).or_default().push(number);
            directories.insert(slx.directory, number);
            folded.entry(fold(slx.directory)).or_insert(number);
        }
        let mut index = Self {
            slxs,
            strays: Vec::new(),
            loose: Vec::new(),
            identities,
            directories,
            folded,
            strays_by_name: HashMap::new(),
            has_other_root: false,
        };
        for (path, _) in &strays {
            if let Some((name, rest)) = slx_directory(path) {
                let first = rest.split('/').next().unwrap_or(rest);
                index.add_stray(name, fold(first) == SLX_FILE);
            }
        }
        for (path, _) in &loose {
            let first = path.components().next().unwrap_or_default();
            if fold(first) == "slxs" {
                match path.as_str().strip_prefix("slxs/") {
                    Some(name) => index.add_stray(name, true),
                    None => index.has_other_root = true,
                }
            }
        }
        (index.strays, index.loose) = (strays, loose);
        index
    }

    fn add_stray(&mut self, name: &'a str, blocks: bool) {
        let stray = self.strays_by_name.entry(fold(name)).or_insert(Stray { name, blocks });
        stray.blocks |= blocks || stray.name != name;
    }

    /// Tells whether some SLX has this identity.
    pub(super) fn has_identity(&self, identity: &str) -> bool {
        self.identities.contains_key(identity)
    }

    /// Finds the SLX with an identity.
    ///
    /// Of several, one that says so itself comes before one that is only called so, then one in the first
    /// wanted directory, then the first.
    pub(super) fn with_identity(&self, identity: &str, wanted: &[&str]) -> Option<usize> {
        let numbers = self.identities.get(identity)?;
        let says_so = |number: &usize| self.slxs[*number].facts.full_name.is_some();
        let none_says_so = !numbers.iter().any(says_so);
        let candidates = || numbers.iter().copied().filter(|number| none_says_so || says_so(number));
        let preferred = wanted
            .iter()
            .find_map(|wanted| candidates().find(|number| self.slxs[*number].directory == *wanted));
        preferred.or_else(|| candidates().next())
    }

    /// Finds the SLX in a directory of exactly this name.
    pub(super) fn in_directory(&self, directory: &str) -> Option<usize> {
        self.directories.get(directory).copied()
    }

    /// Finds the SLX in a directory whose name counts as the same.
    pub(super) fn in_folded_directory(&self, folded: &str) -> Option<usize> {
        self.folded.get(folded).copied()
    }

    /// Tells whether something that is no SLX lies where one of this name would, so that the two can't be joined.
    pub(super) fn is_blocked(&self, directory: &str, folded: &str) -> bool {
        let stray = self.strays_by_name.get(folded);
        self.has_other_root || stray.is_some_and(|stray| stray.blocks || stray.name != directory)
    }

    /// Returns the files that lie where an SLX of this name would.
    pub(super) fn strays_of(&self, directory: &str) -> &[(&'a RepoPath, BlobId)] {
        let prefix = format!("slxs/{directory}/");
        let start = self.strays.partition_point(|(path, _)| path.as_str() < prefix.as_str());
        let length =
            self.strays[start..].iter().take_while(|(path, _)| path.as_str().starts_with(&prefix)).count();
        &self.strays[start..start + length]
    }

    /// Returns the identities that more than one SLX has.
    pub(super) fn repeated_identities(&self) -> Vec<&str> {
        let repeated = self.identities.iter().filter(|(_, numbers)| numbers.len() > 1);
        let mut names: Vec<_> = repeated.map(|(identity, _)| identity.as_str()).collect();
        names.sort_unstable();
        names
    }
}

fn is_slx_file(path: &RepoPath) -> bool {
    slx_directory(path).is_some_and(|(_, rest)| rest == SLX_FILE)
}
