//! Facts of blobs, kept by the blob's id.

use std::sync::Arc;

use bytes::Bytes;
use moka::sync::Cache;

use super::details::SlxDetails;
use super::kind::FileKind;
use super::manifest::Manifest;
use super::reference::WorkspaceReferences;
use super::slx::SlxFacts;
use super::workflow::WorkflowFacts;
use super::{decode, parse};
use crate::oid::BlobId;
use crate::tree::ReadError;
use crate::workspace_file::WorkspaceFile;
use crate::yaml::{self, Node, SyntaxError};

/// Most bytes of facts about SLXs: enough for some 130,000 of them.
const SLX_BYTES: u64 = 64 << 20;
/// Most bytes of what lists show of SLXs: enough for some 30,000 of them.
const DETAIL_BYTES: u64 = 128 << 20;
/// Most bytes of facts about workflows.
const WORKFLOW_BYTES: u64 = 8 << 20;
/// Most bytes of what `workspace.yaml` files name: enough for groups of some 150,000 SLXs.
const REFERENCE_BYTES: u64 = 32 << 20;
/// Most bytes of what `workspace.yaml` files say: enough for one of 12 MB, or thousands of usual ones.
const WORKSPACE_BYTES: u64 = 48 << 20;
/// Most bytes of manifests: enough for the SLXs of uploads to a few large workspaces.
const MANIFEST_BYTES: u64 = 32 << 20;
/// Bytes of memory for a byte of a `workspace.yaml`, roughly.
const WORKSPACE_FACTOR: usize = 4;
/// Most reasons that are kept of why a `workspace.yaml` can't be read.
const MAX_REASONS: usize = 20;
/// What the cache itself takes for an entry, roughly.
const ENTRY_BYTES: usize = 200;

/// What a `workspace.yaml` says, or why it can't be read: the first few reasons.
pub type CachedWorkspace = Result<WorkspaceFile, Vec<SyntaxError>>;

/// Facts of blobs, shared by all threads and bounded in memory.
///
/// A blob never changes, so neither do its facts: nothing is ever invalidated. Content that is
/// not valid has no facts, which is what the tolerant readers answer.
#[derive(Debug, Clone)]
pub struct FactsCache {
    slxs: Cache<BlobId, Arc<SlxFacts>>,
    details: Cache<BlobId, Arc<SlxDetails>>,
    workflows: Cache<BlobId, Arc<WorkflowFacts>>,
    references: Cache<BlobId, Arc<WorkspaceReferences>>,
    /// With the bytes of memory that each takes.
    workspaces: Cache<BlobId, (Arc<CachedWorkspace>, u32)>,
    manifests: Cache<BlobId, Arc<Manifest>>,
}

impl Default for FactsCache {
    fn default() -> Self {
        Self::new()
    }
}

impl FactsCache {
    /// Makes an empty cache.
    pub fn new() -> Self {
        Self {
            slxs: bounded(SLX_BYTES, SlxFacts::weight),
            details: bounded(DETAIL_BYTES, SlxDetails::weight),
            workflows: bounded(WORKFLOW_BYTES, WorkflowFacts::weight),
            references: bounded(REFERENCE_BYTES, WorkspaceReferences::weight),
            workspaces: Cache::builder()
                .max_capacity(WORKSPACE_BYTES)
                .weigher(|_, (_, weight): &(Arc<CachedWorkspace>, u32)| *weight)
                .build(),
            manifests: bounded(MANIFEST_BYTES, Manifest::weight),
        }
    }

    /// Returns a manifest of uploads, or nothing when it is no YAML; `read` is called when it isn't known yet.
    pub fn manifest(
        &self,
        id: BlobId,
        read: impl FnOnce() -> Result<Bytes, ReadError>,
    ) -> Result<Option<Arc<Manifest>>, ReadError> {
        if let Some(known) = self.manifests.get(&id) {
            return Ok(Some(known));
        }
        let content = read()?;
        let manifest = decode(&content).ok().and_then(|text| Manifest::read(text).ok()).map(Arc::new);
        if let Some(manifest) = &manifest {
            self.manifests.insert(id, Arc::clone(manifest));
        }
        Ok(manifest)
    }

    /// Keeps a manifest that is about to be written.
    pub(crate) fn remember_manifest(&self, id: BlobId, manifest: Manifest) {
        self.manifests.insert(id, Arc::new(manifest));
    }

    /// Returns the facts of an `slx.yaml`; `read` is called when they aren't known yet.
    pub fn slx(
        &self,
        id: BlobId,
        read: impl FnOnce() -> Result<Bytes, ReadError>,
    ) -> Result<Arc<SlxFacts>, ReadError> {
        get(&self.slxs, id, read, SlxFacts::read)
    }

    /// Returns what lists show of an `slx.yaml`; `read` is called when it isn't known yet.
    pub fn slx_details(
        &self,
        id: BlobId,
        read: impl FnOnce() -> Result<Bytes, ReadError>,
    ) -> Result<Arc<SlxDetails>, ReadError> {
        if let Some(known) = self.details.get(&id) {
            return Ok(known);
        }
        let content = read()?;
        let details = match decode(&content).map_err(|error| vec![error]).and_then(yaml::parse) {
            Ok(root) => SlxDetails::read(&root),
            Err(errors) => {
                SlxDetails::unreadable(errors.first().map(ToString::to_string).unwrap_or_default())
            }
        };
        let details = Arc::new(details);
        self.details.insert(id, Arc::clone(&details));
        Ok(details)
    }

    /// Returns the facts of a workflow; `read` is called when they aren't known yet.
    pub fn workflow(
        &self,
        id: BlobId,
        read: impl FnOnce() -> Result<Bytes, ReadError>,
    ) -> Result<Arc<WorkflowFacts>, ReadError> {
        get(&self.workflows, id, read, WorkflowFacts::read)
    }

    /// Returns what a `workspace.yaml` names; `read` is called when it isn't known yet.
    pub fn references(
        &self,
        id: BlobId,
        read: impl FnOnce() -> Result<Bytes, ReadError>,
    ) -> Result<Arc<WorkspaceReferences>, ReadError> {
        get(&self.references, id, read, WorkspaceReferences::read)
    }

    /// Returns what a `workspace.yaml` says; `read` is called when it isn't known yet.
    pub fn workspace(
        &self,
        id: BlobId,
        read: impl FnOnce() -> Result<Bytes, ReadError>,
    ) -> Result<Arc<CachedWorkspace>, ReadError> {
        if let Some((known, _)) = self.workspaces.get(&id) {
            return Ok(known);
        }
        let content = read()?;
        let parsed = decode(&content).map_err(|error| vec![error]).and_then(yaml::parse);
        Ok(match parsed {
            Ok(root) => {
                self.references.insert(id, Arc::new(WorkspaceReferences::read(&root)));
                self.keep_workspace(id, Ok(WorkspaceFile::from_node(&root)), content.len())
            }
            Err(mut errors) => {
                errors.truncate(MAX_REASONS);
                self.keep_workspace(id, Err(errors), content.len())
            }
        })
    }

    fn keep_workspace(&self, id: BlobId, workspace: CachedWorkspace, bytes: usize) -> Arc<CachedWorkspace> {
        let workspace = Arc::new(workspace);
        let weight = bytes.saturating_mul(WORKSPACE_FACTOR).saturating_add(ENTRY_BYTES);
        let weight = u32::try_from(weight).unwrap_or(u32::MAX);
        self.workspaces.insert(id, (Arc::clone(&workspace), weight));
        workspace
    }

    /// Keeps the facts of a file that was parsed for another reason.
    pub(crate) fn remember(&self, kind: FileKind, id: BlobId, root: &Node) {
        match kind {
            FileKind::Slx => self.slxs.insert(id, Arc::new(SlxFacts::read(root))),
            FileKind::Workflow => self.workflows.insert(id, Arc::new(WorkflowFacts::read(root))),
            FileKind::Workspace => {
                self.references.insert(id, Arc::new(WorkspaceReferences::read(root)));
                self.keep_workspace(id, Ok(WorkspaceFile::from_node(root)), root.span.end.offset);
            }
            _ => {}
        }
    }
}

fn bounded<T: Send + Sync + 'static>(bytes: u64, weight: fn(&T) -> usize) -> Cache<BlobId, Arc<T>> {
    let weigh = move |_: &BlobId, facts: &Arc<T>| {
        u32::try_from(weight(facts).saturating_add(ENTRY_BYTES)).unwrap_or(u32::MAX)
    };
    Cache::builder().max_capacity(bytes).weigher(weigh).build()
}

fn get<T: Default + Send + Sync + 'static>(
    cache: &Cache<BlobId, Arc<T>>,
    id: BlobId,
    read: impl FnOnce() -> Result<Bytes, ReadError>,
    facts: fn(&Node) -> T,
) -> Result<Arc<T>, ReadError> {
    if let Some(known) = cache.get(&id) {
        return Ok(known);
    }
    let facts = Arc::new(parse(&read()?).as_ref().map(facts).unwrap_or_default());
    cache.insert(id, Arc::clone(&facts));
    Ok(facts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_is_read_once() {
        let cache = FactsCache::new();
        let content = Bytes::from_static(b"spec: {alias: Web}");
        let id = BlobId::of(&content);
        let first = cache.slx(id, || Ok(content)).unwrap();
        assert_eq!(first.alias.as_deref(), Some("Web"));
        let again = cache.slx(id, || panic!("was read already")).unwrap();
        assert!(Arc::ptr_eq(&first, &again));
    }

    #[test]
    fn details_are_read_once() {
        let cache = FactsCache::new();
        let content = Bytes::from_static(b"spec: {alias: Web}");
        let id = BlobId::of(&content);
        let first = cache.slx_details(id, || Ok(content)).unwrap();
        assert_eq!(first.alias.as_deref(), Some("Web"));
        let again = cache.slx_details(id, || panic!("was read already")).unwrap();
        assert!(Arc::ptr_eq(&first, &again));
    }

    #[test]
    fn a_workspace_is_parsed_once_for_all_that_is_asked_of_it() {
        let cache = FactsCache::new();
        let text = "metadata: {name: demo}\nspec: {displayName: Demo, slxGroups: [{name: g, slxs: [a]}]}\n";
        let id = BlobId::of(text.as_bytes());
        let first = cache.workspace(id, || Ok(text.into())).unwrap();
        assert_eq!(first.as_ref().as_ref().unwrap().name.as_deref(), Some("demo"));
        assert_eq!(cache.references(id, || panic!("was read already")).unwrap().members[0].name, "a");
        let again = cache.workspace(id, || panic!("was read already")).unwrap();
        assert!(Arc::ptr_eq(&first, &again));

        let checked = FactsCache::new();
        checked.remember(FileKind::Workspace, id, &yaml::parse(text).unwrap());
        assert_eq!(checked.workspace(id, || panic!("was checked already")).unwrap(), first);
    }

    #[test]
    fn a_workspace_that_cannot_be_read_says_why() {
        let cache = FactsCache::new();
        let many = "a: 1\n".repeat(100);
        let reasons = cache.workspace(BlobId::of(b"1"), || Ok(many.into())).unwrap();
        assert_eq!(reasons.as_ref().as_ref().unwrap_err().len(), MAX_REASONS);
        let bytes = cache.workspace(BlobId::of(b"2"), || Ok(Bytes::from_static(b"\xff"))).unwrap();
        assert_eq!(bytes.as_ref().as_ref().unwrap_err()[0].code, "not_utf8");
    }

    #[test]
    fn invalid_content_has_no_facts_and_a_failed_read_is_not_kept() {
        let cache = FactsCache::new();
        let id = BlobId::of(b"x");
        let fail = || Err(ReadError { id, source: "disk on fire".into() });
        assert!(cache.slx(id, fail).is_err());
        let bad = || Ok(Bytes::from_static(b"a: [\xff"));
        assert_eq!(*cache.slx(id, bad).unwrap(), SlxFacts::default());
        assert!(cache.slx_details(id, fail).is_err());
        let details = cache.slx_details(id, bad).unwrap();
        assert!(
            details.unreadable.as_deref().is_some_and(|reason| reason.contains("not UTF-8")),
            "{details:?}"
        );
        assert_eq!(*cache.workflow(id, bad).unwrap(), WorkflowFacts::default());
        assert_eq!(*cache.references(id, bad).unwrap(), WorkspaceReferences::default());
    }
}
