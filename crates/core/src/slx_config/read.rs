//! Reading SLXs of a revision.

use std::collections::{BTreeMap, HashSet};
use std::ops::{Bound, Deref, Range};
use std::sync::Arc;

use itertools::Itertools;
use rayon::prelude::*;
use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::file::{SlxFile, SlxTarget};
use super::filter::SlxFilter;
use crate::model::{FactsCache, FileKind, SlxDetails, decode, slx_directory, spec};
use crate::name::{SlxName, WorkspaceName};
use crate::oid::BlobId;
use crate::path::RepoPath;
use crate::tree::{FileTree, ReadError};
use crate::yaml;

/// One SLX as lists and readers show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlxDocument {
    /// The short name.
    pub short: String,
    /// Whether it has a `runbook.yaml`.
    pub has_runbook: bool,
    /// Whether it has an `sli.yaml`.
    pub has_sli: bool,
    /// Whether it has an `slo.yaml`.
    pub has_slo: bool,
    /// Whether a workflow belongs to it.
    pub has_workflow: bool,
    /// What its `slx.yaml` says.
    pub details: Arc<SlxDetails>,
}

impl Deref for SlxDocument {
    type Target = SlxDetails;

    fn deref(&self) -> &SlxDetails {
        &self.details
    }
}

impl SlxDocument {
    /// Returns the name for people, the short name where the file gives none.
    pub fn alias(&self) -> &str {
        self.details.alias.as_deref().unwrap_or(&self.short)
    }
}

/// What is known of an SLX without reading it.
struct Directory<'t> {
    short: &'t str,
    slx: BlobId,
    has_runbook: bool,
    has_sli: bool,
    has_slo: bool,
}

impl Directory<'_> {
    fn read(
        &self,
        tree: &dyn FileTree,
        facts: &FactsCache,
        with_workflow: &HashSet<String>,
    ) -> Result<SlxDocument, ReadError> {
        Ok(SlxDocument {
            short: self.short.to_owned(),
            has_runbook: self.has_runbook,
            has_sli: self.has_sli,
            has_slo: self.has_slo,
            has_workflow: with_workflow.contains(self.short),
            details: facts.slx_details(self.slx, || tree.read(self.slx))?,
        })
    }
}

/// Finds the SLX that a client means by a name, which may have its workspace before it.
///
/// The name as it stands comes first: a directory may be called like `<workspace>--<another>`. What is
/// found has at least one file; nothing is returned for a name that no directory can have.
pub fn find_slx(workspace: &WorkspaceName, tree: &dyn FileTree, name: &str) -> Option<SlxName> {
    let short = name.strip_prefix(workspace.as_str()).and_then(|rest| rest.strip_prefix("--"));
    let names = std::iter::once(name).chain(short).filter_map(|name| SlxName::parse(name).ok());
    names.into_iter().find(|name| paths_below(tree, name.as_str()).next().is_some())
}

/// Returns the files of a directory under `slxs/`, at any depth.
pub(super) fn paths_below<'t>(
    tree: &'t dyn FileTree,
    directory: &str,
) -> impl Iterator<Item = &'t RepoPath> + use<'t> {
    // '0' is the character behind '/'.
    let (first, end) = (format!("slxs/{directory}/"), format!("slxs/{directory}0"));
    let range = (Bound::Included(first.as_str()), Bound::Excluded(end.as_str()));
    tree.files().range::<str, _>(range).map(|(path, _)| path)
}

/// Reads one SLX, or nothing when there is none of this name.
pub fn read_slx(
    target: SlxTarget<'_>,
    tree: &dyn FileTree,
    facts: &FactsCache,
) -> Result<Option<SlxDocument>, ReadError> {
    let short = target.slx.as_str();
    let below = directories(tree.files(), &format!("slxs/{short}/"), &format!("slxs/{short}0")).next();
    let Some(directory) = below else { return Ok(None) };
    let with_workflow = with_workflow(target.workspace, tree, facts)?;
    directory.read(tree, facts, &with_workflow).map(Some)
}

/// Lists the SLXs of a revision by short name; those unknown to the cache are read on all cores.
pub fn list_slx_documents(
    workspace: &WorkspaceName,
    tree: &dyn FileTree,
    facts: &FactsCache,
) -> Result<Vec<SlxDocument>, ReadError> {
    let with_workflow = with_workflow(workspace, tree, facts)?;
    let read = |directory: &Directory<'_>| directory.read(tree, facts, &with_workflow);
    sorted_directories(tree).par_iter().map(read).collect()
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlxPage {
    /// How many SLXs the filter shows on all pages.
    pub count: usize,
    /// Those of this page.
    pub slxs: Vec<SlxDocument>,
}

/// Lists one page of the SLXs that a filter shows, by short name; a place beyond the end shows none.
///
/// Without a filter only the page is read, so that the first page of a large workspace is there at once.
pub fn list_slx_page(
    workspace: &WorkspaceName,
    tree: &dyn FileTree,
    facts: &FactsCache,
    filter: &SlxFilter,
    place: Range<usize>,
) -> Result<SlxPage, ReadError> {
    if *filter != SlxFilter::default() {
        let mut slxs = list_slx_documents(workspace, tree, facts)?;
        slxs.retain(|slx| filter.matches(slx));
        let count = slxs.len();
        slxs.truncate(place.end.min(count));
        slxs.drain(..place.start.min(slxs.len()));
        return Ok(SlxPage { count, slxs });
    }
    let with_workflow = with_workflow(workspace, tree, facts)?;
    let all = sorted_directories(tree);
    let end = place.end.min(all.len());
    let read = |directory: &Directory<'_>| directory.read(tree, facts, &with_workflow);
    let slxs = all[place.start.min(end)..end].par_iter().map(read).collect::<Result<_, _>>()?;
    Ok(SlxPage { count: all.len(), slxs })
}

fn sorted_directories(tree: &dyn FileTree) -> Vec<Directory<'_>> {
    let mut all: Vec<_> = directories(tree.files(), "slxs/", "slxs0").collect();
    all.sort_unstable_by_key(|directory| directory.short);
    all
}

/// Returns the directories of a range of paths that hold an `slx.yaml`.
fn directories<'t>(
    files: &'t BTreeMap<RepoPath, BlobId>,
    first: &str,
    end: &str,
) -> impl Iterator<Item = Directory<'t>> + use<'t> {
    let range = (Bound::Included(first), Bound::Excluded(end));
    let below = files.range::<str, _>(range).filter_map(|(path, id)| {
        let (short, _) = slx_directory(path)?;
        Some((short, FileKind::of(path), *id))
    });
    // The files of one directory follow each other.
    let mut below = below.peekable();
    std::iter::from_fn(move || {
        loop {
            let short = below.peek()?.0;
            let mut slx = None;
            let mut kinds = HashSet::new();
            for (_, kind, id) in below.peeking_take_while(|(name, ..)| *name == short) {
                slx = slx.or((kind == FileKind::Slx).then_some(id));
                kinds.insert(kind);
            }
            if let Some(slx) = slx {
                return Some(Directory {
                    short,
                    slx,
                    has_runbook: kinds.contains(&FileKind::Runbook),
                    has_sli: kinds.contains(&FileKind::Sli),
                    has_slo: kinds.contains(&FileKind::Slo),
                });
            }
        }
    })
}

/// Returns the short names of the SLXs that have a workflow.
fn with_workflow(
    workspace: &WorkspaceName,
    tree: &dyn FileTree,
    facts: &FactsCache,
) -> Result<HashSet<String>, ReadError> {
    let range = (Bound::Included("workflows/"), Bound::Excluded("workflows0"));
    let workflows: Vec<_> = tree
        .files()
        .range::<str, _>(range)
        .filter(|(path, _)| FileKind::of(path) == FileKind::Workflow)
        .map(|(_, id)| *id)
        .collect();
    let owner = |id: &BlobId| {
        let facts = facts.workflow(*id, || tree.read(*id))?;
        let is_ours = facts.workspace.as_deref() == Some(workspace.as_str());
        Ok(facts.slx.clone().filter(|_| is_ours))
    };
    let owners: Vec<Option<String>> = workflows.par_iter().map(owner).collect::<Result<_, ReadError>>()?;
    Ok(owners.into_iter().flatten().collect())
}

/// A file of an SLX as JSON.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FileJson {
    /// The SLX's name with its workspace.
    pub name: String,
    /// `spec`, always an object; `codeBundle` in it is never null.
    pub spec: Json,
}

/// Why a file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum FileReadError {
    /// Content could not be had.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The file is no YAML that can be read.
    #[error("`{path}` can't be read: {reason}; repair it by a push")]
    Unreadable {
        /// The file.
        path: RepoPath,
        /// What is wrong with it.
        reason: String,
    },
}

/// Reads a file of an SLX, or nothing when there is none.
///
/// Clients follow `spec.codeBundle.ref` without asking whether each of them is an object, so none is null.
pub fn read_file_json(
    target: SlxTarget<'_>,
    tree: &dyn FileTree,
    file: SlxFile,
) -> Result<Option<FileJson>, FileReadError> {
    let wanted = format!("slxs/{}/{}", target.slx, file.name());
    let Some((path, id)) = tree.files().get_key_value(wanted.as_str()) else { return Ok(None) };
    let content = tree.read(*id)?;
    let parsed = decode(&content).map_err(|error| vec![error]).and_then(yaml::parse);
    let root = parsed.map_err(|errors| FileReadError::Unreadable {
        path: path.clone(),
        reason: errors.first().map(ToString::to_string).unwrap_or_default(),
    })?;
    let mut spec = spec(&root);
    if let Some(bundle @ Json::Null) = spec.get_mut("codeBundle") {
        *bundle = Json::Object(Map::new());
    }
    Ok(Some(FileJson { name: target.qualified(), spec }))
}

#[cfg(test)]
mod tests;
