//! Reading SLXs of a revision.

use std::collections::{BTreeMap, HashSet};
use std::ops::{Bound, Deref};
use std::sync::Arc;

use itertools::Itertools;
use rayon::prelude::*;
use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::file::{SlxFile, SlxTarget};
use crate::model::{FactsCache, FileKind, SlxDetails, decode, slx_directory, spec};
use crate::name::WorkspaceName;
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
    let found: Vec<_> = directories(tree.files(), "slxs/", "slxs0").collect();
    let read = |directory: &Directory<'_>| directory.read(tree, facts, &with_workflow);
    let mut slxs: Vec<SlxDocument> = found.par_iter().map(read).collect::<Result<_, _>>()?;
    slxs.sort_unstable_by(|one, other| one.short.cmp(&other.short));
    Ok(slxs)
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
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use bytes::Bytes;
    use insta::{assert_json_snapshot, assert_snapshot};
    use serde_json::json;

    use super::*;
    use crate::name::SlxName;
    use crate::tree::MemoryTree;

    /// A tree that counts how many blobs are read.
    struct Counting {
        tree: MemoryTree,
        reads: AtomicUsize,
    }

    impl FileTree for Counting {
        fn files(&self) -> &BTreeMap<RepoPath, BlobId> {
            self.tree.files()
        }

        fn read(&self, id: BlobId) -> Result<Bytes, ReadError> {
            self.reads.fetch_add(1, Ordering::Relaxed);
            self.tree.read(id)
        }
    }

    fn tree(files: &[(&str, &str)]) -> MemoryTree {
        files.iter().map(|(path, text)| (RepoPath::parse(path).unwrap(), (*text).to_owned().into())).collect()
    }

    fn workspace() -> WorkspaceName {
        WorkspaceName::parse("demo").unwrap()
    }

    const FILES: [(&str, &str); 12] = [
        ("slxs/a-b/slx.yaml", "spec: {alias: Dash}"),
        ("slxs/a/SKILL.md", "x"),
        ("slxs/a/deep/sli.yaml", "spec: {}"),
        (
            "slxs/a/runbook.yaml",
            "spec:\n  location: loc-1\n  codeBundle:\n  configProvided:\n  - {name: N, value: 017}\n  retries: 3\n",
        ),
        ("slxs/a/sli.yaml", "metadata: {}\nspec:"),
        ("slxs/a/slo.yaml", "spec: ["),
        ("slxs/a/slx.yaml", "spec: {owners: [x@example.com]}"),
        ("slxs/a0/slx.yaml", "spec: ["),
        ("slxs/only-runbook/runbook.yaml", "spec: {}"),
        ("workflows/mine.yaml", "metadata: {labels: {slx: demo--a}}"),
        ("workflows/other.yaml", "metadata: {labels: {slx: other--a-b}}"),
        ("workflows/broken.yaml", "metadata: ["),
    ];

    fn read(name: &str) -> Option<SlxDocument> {
        let (workspace, slx) = (workspace(), SlxName::parse(name).unwrap());
        let target = SlxTarget { workspace: &workspace, slx: &slx };
        read_slx(target, &tree(&FILES), &FactsCache::new()).unwrap()
    }

    fn read_file(name: &str, file: SlxFile) -> Result<Option<FileJson>, FileReadError> {
        let (workspace, slx) = (workspace(), SlxName::parse(name).unwrap());
        read_file_json(SlxTarget { workspace: &workspace, slx: &slx }, &tree(&FILES), file)
    }

    #[test]
    fn slxs_are_listed_with_what_they_have() {
        let slxs = list_slx_documents(&workspace(), &tree(&FILES), &FactsCache::new()).unwrap();
        let show = |slx: &SlxDocument| {
            let has = [slx.has_runbook, slx.has_sli, slx.has_slo, slx.has_workflow];
            format!("{} {} {has:?} {:?}", slx.short, slx.alias(), slx.unreadable)
        };
        assert_snapshot!(slxs.iter().map(show).collect::<Vec<_>>().join("\n"), @r#"
        a a [true, true, true, true] None
        a-b Dash [false, false, false, false] None
        a0 a0 [false, false, false, false] Some("not valid YAML: while parsing a node, did not find expected node content at line 2 column 1")
        "#);
        for slx in &slxs {
            assert_eq!(read(&slx.short).as_ref(), Some(slx));
        }
    }

    #[test]
    fn what_is_no_slx_is_nothing() {
        assert_eq!(read("only-runbook"), None);
        assert_eq!(read("gone"), None);
        assert_eq!(read("a").unwrap().spec(), json!({"owners": ["x@example.com"]}));
        assert_eq!(read("a0").unwrap().spec(), json!({}));
    }

    #[test]
    fn files_are_read_without_nulls_where_clients_look() {
        assert_json_snapshot!(read_file("a", SlxFile::Runbook).unwrap(), @r#"
        {
          "name": "demo--a",
          "spec": {
            "location": "loc-1",
            "codeBundle": {},
            "configProvided": [
              {
                "name": "N",
                "value": "017"
              }
            ],
            "retries": 3
          }
        }
        "#);
        assert_json_snapshot!(read_file("a", SlxFile::Sli).unwrap(), @r#"
        {
          "name": "demo--a",
          "spec": {}
        }
        "#);
        assert_eq!(read_file("a-b", SlxFile::Sli).unwrap(), None);
        assert_snapshot!(read_file("a", SlxFile::Slo).unwrap_err(), @"`slxs/a/slo.yaml` can't be read: not valid YAML: while parsing a node, did not find expected node content at line 2 column 1; repair it by a push");
    }

    #[test]
    fn a_list_that_is_known_reads_and_parses_nothing() {
        let slx = |number: usize| {
            let text =
                format!("spec:\n  alias: SLX {number}\n  tags:\n  - {{name: n, value: '{}'}}\n", number % 10);
            (RepoPath::parse(&format!("slxs/slx-{number}/slx.yaml")).unwrap(), Bytes::from(text))
        };
        let tree = Counting { tree: (0..500).map(slx).collect(), reads: AtomicUsize::new(0) };
        let facts = FactsCache::new();
        let first = list_slx_documents(&workspace(), &tree, &facts).unwrap();
        assert_eq!(tree.reads.load(Ordering::Relaxed), 500);
        let again = list_slx_documents(&workspace(), &tree, &facts).unwrap();
        assert_eq!(tree.reads.load(Ordering::Relaxed), 500);
        assert!(first.iter().zip(&again).all(|(one, other)| Arc::ptr_eq(&one.details, &other.details)));
        let filter = crate::slx_config::SlxFilter { tags: vec!["n:3".to_owned()], ..Default::default() };
        assert_eq!(again.iter().filter(|slx| filter.matches(slx)).count(), 50);
    }
}
