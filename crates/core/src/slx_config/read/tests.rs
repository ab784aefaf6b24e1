use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use insta::{assert_json_snapshot, assert_snapshot};
use serde_json::json;

use super::*;
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
fn a_name_may_have_its_workspace() {
    let tree = tree(&[("slxs/a/slx.yaml", ""), ("slxs/demo--b/sli.yaml", ""), ("slxs/b/slx.yaml", "")]);
    let find = |name: &str| find_slx(&workspace(), &tree, name).map(|name| name.as_str().to_owned());
    assert_eq!(find("a").as_deref(), Some("a"));
    assert_eq!(find("demo--a").as_deref(), Some("a"));
    assert_eq!(find("demo--b").as_deref(), Some("demo--b"));
    assert_eq!(find("demo--demo--b").as_deref(), Some("demo--b"));
    for absent in ["", "c", "demo--", "demo--c", "other--a", "../slxs/a", "a/slx.yaml"] {
        assert_eq!(find(absent), None, "{absent}");
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
    let filter = SlxFilter { tags: vec!["n:3".to_owned()], ..Default::default() };
    assert_eq!(again.iter().filter(|slx| filter.matches(slx)).count(), 50);
}

#[test]
fn a_page_without_a_filter_reads_no_other() {
    let slx = |number: usize| {
        let text = format!("spec: {{alias: SLX {number}, owners: [{}]}}", number % 10);
        (RepoPath::parse(&format!("slxs/slx-{number:03}/slx.yaml")).unwrap(), Bytes::from(text))
    };
    let tree = Counting { tree: (0..300).map(slx).collect(), reads: AtomicUsize::new(0) };
    let facts = FactsCache::new();
    let page = |filter: &SlxFilter, place: Range<usize>| {
        let page = list_slx_page(&workspace(), &tree, &facts, filter, place).unwrap();
        (page.count, page.slxs.into_iter().map(|slx| slx.short).collect::<Vec<_>>())
    };
    let all = SlxFilter::default();
    assert_eq!(page(&all, 100..103), (300, ["slx-100", "slx-101", "slx-102"].map(str::to_owned).to_vec()));
    assert_eq!(tree.reads.load(Ordering::Relaxed), 3);
    assert_eq!(page(&all, 298..400).1.len(), 2);
    let owned = SlxFilter { owners: vec!["7".to_owned()], ..Default::default() };
    assert_eq!(page(&owned, 1..3), (30, ["slx-017", "slx-027"].map(str::to_owned).to_vec()));
    for filter in [&all, &owned] {
        let count = page(filter, 0..0).0;
        for place in [count..count + 5, 900..1000, usize::MAX..usize::MAX] {
            assert_eq!(page(filter, place), (count, Vec::new()));
        }
    }
}
