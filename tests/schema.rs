//! JSON Schemas: of the command, of the server, and against the check that they are made from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use workstead_bundler::manifest::{ManifestType, ManifestValues, default_manifest};
use workstead_core::check::{SchemaKind, check_file};
use workstead_core::model::FileKind;
use workstead_core::name::{SlxName, WorkspaceName};
use workstead_core::path::RepoPath;
use workstead_core::yaml::parse;

use crate::support::{Clone, TestServer, cleaned, repository_root, tool};

/// Problems that a schema sees too: those of one document's shape.
const SHAPE: [&str; 7] = [
    "wrong_type",
    "missing_field",
    "empty_value",
    "wrong_api_version",
    "wrong_kind",
    "unknown_role",
    "permission_subject",
];

#[test]
fn the_command_and_the_server_give_the_same() {
    let server = TestServer::start();
    let clone = Clone::new();
    let listed = clone.workstead(&["schema", "--list"]).ends(0).stdout;
    assert_eq!(listed.lines().count(), SchemaKind::ALL.len());
    clone.workstead(&["schema", "--output", "schemas", "--server", &server.url]).ends(0);
    for kind in SchemaKind::ALL {
        let path = format!("/schemas/{}.json", kind.name());
        let given: Value = serde_json::from_str(&server.get_anonymous(&path).expect(200).text).unwrap();
        let written: Value = serde_json::from_str(&clone.read(&path[1..])).unwrap();
        assert_eq!(given, written);
        let printed = clone.workstead(&["schema", kind.name()]).ends(0).stdout;
        let printed: Value = serde_json::from_str(&printed).unwrap();
        assert!(printed.get("$id").is_none() && printed["properties"] == given["properties"]);
    }
    let unknown = clone.workstead(&["schema", "nonsense"]).ends(1);
    assert!(unknown.stderr.contains("hint: the kinds are workspace, slx, sli"), "{}", unknown.stderr);
}

/// Files by kind, each with whether its shape is right.
struct Cases {
    root: tempfile::TempDir,
    files: BTreeMap<&'static str, Vec<(PathBuf, bool, String)>>,
}

impl Cases {
    fn new() -> Self {
        Self { root: tempfile::tempdir().unwrap(), files: BTreeMap::new() }
    }

    /// Takes a file that the check reads, unless it is wrong in a way that no schema sees first: broken YAML.
    fn add(&mut self, from: &str, path: &RepoPath, content: &[u8]) {
        let Some(kind) = SchemaKind::of(FileKind::of(path)) else { return };
        let Some(root) = std::str::from_utf8(content).ok().and_then(|text| parse(text).ok()) else { return };
        let workspace = WorkspaceName::parse("demo").unwrap();
        let problems = check_file(&workspace, path, content);
        let is_right = problems.iter().all(|problem| !SHAPE.contains(&problem.code));
        let files = self.files.entry(kind.name()).or_default();
        let file = self.root.path().join(format!("{}-{}.json", kind.name(), files.len()));
        // As YAML gives it; a language without YAML reads the same.
        fs_err::write(&file, root.to_json().to_string()).unwrap();
        files.push((file, is_right, format!("{from}/{path}: {problems:?}")));
    }

    /// Takes every file of a directory.
    fn add_all(&mut self, root: &Path) {
        let mut open = vec![root.to_owned()];
        while let Some(directory) = open.pop() {
            for entry in fs_err::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    open.push(path);
                } else if let Ok(inner) = RepoPath::parse(path.strip_prefix(root).unwrap().to_str().unwrap())
                {
                    self.add(&root.display().to_string(), &inner, &fs_err::read(&path).unwrap());
                }
            }
        }
    }

    /// Takes a good file and breaks it in many ways: each value once replaced, each key once taken out.
    fn add_broken(&mut self, path: &RepoPath, text: &str) {
        let whole = parse(text).unwrap().to_json();
        let mut pointers = Vec::new();
        list_pointers(&whole, String::new(), &mut pointers);
        for pointer in pointers {
            for other in ["null", "\"\"", "\"x\"", "7", "7.5", "true", "[]", "{}", "[null]", "{\"a\": [1]}"] {
                let mut broken = whole.clone();
                *broken.pointer_mut(&pointer).unwrap() = serde_json::from_str(other).unwrap();
                self.add(&format!("{pointer} = {other}"), path, broken.to_string().as_bytes());
            }
            let (parent, key) = pointer.rsplit_once('/').unwrap_or_default();
            let mut broken = whole.clone();
            if let Some(members) = broken.pointer_mut(parent).and_then(Value::as_object_mut) {
                members.shift_remove(&key.replace("~1", "/"));
                self.add(&format!("without {pointer}"), path, broken.to_string().as_bytes());
            }
        }
    }
}

fn list_pointers(value: &Value, here: String, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(key, value)| {
            list_pointers(value, format!("{here}/{}", key.replace('/', "~1")), found);
        }),
        Value::Array(items) => items.iter().enumerate().for_each(|(index, item)| {
            list_pointers(item, format!("{here}/{index}"), found);
        }),
        _ => {}
    }
    if !here.is_empty() {
        found.push(here);
    }
}

/// The schemas can't say something else than the check: neither more nor less of a document's shape.
#[test]
fn schemas_refuse_what_the_check_refuses_and_nothing_else() {
    if std::env::var("WORKSTEAD_TEST_WITHOUT_TOOLS").is_ok_and(|tools| tools.contains("check-jsonschema")) {
        eprintln!("NOT RUN: check-jsonschema could not be installed");
        return;
    }
    let program = tool("check-jsonschema-0.39.0", "check-jsonschema");
    let mut cases = Cases::new();
    for validity in ["valid", "invalid"] {
        let root = repository_root().join("fixtures/workspaces").join(validity);
        for entry in fs_err::read_dir(root).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                cases.add_all(&entry);
            }
        }
    }
    let values = ManifestValues {
        workspace: WorkspaceName::parse("demo").unwrap(),
        owner: "me@example.com".to_owned(),
        slx: SlxName::parse("my-slx").unwrap(),
        name: None,
        location_id: "eu-1".to_owned(),
        location_name: "eu-1".to_owned(),
        papi_url: "https://ws.example".to_owned(),
    };
    for kind in ManifestType::ALL {
        let path = RepoPath::parse(&kind.file_path(&values)).unwrap();
        cases.add_broken(&path, &default_manifest(kind, &values));
    }
    let extra = "apiVersion: runwhen.com/v1\nkind: Workspace\nmetadata: {name: demo}\nspec:\n  permissions:\n  - {group: g, role: READWRITE}\n  configProvided:\n  - {name: a, value: 1}\n  secretsProvided:\n  - {name: a, workspaceKey: b}\n  slxRelationships:\n  - {subject: a, verb: v, object: b}\n  - {subject: a, verb: v, directObject: b}\n  - {subject: a, verb: v, object: b, directObject: c}\n  llmConfig: {DEFAULT: {model: m}}\n  uploads: {allowMassPrune: true}\n";
    cases.add_broken(&RepoPath::parse("workspace.yaml").unwrap(), extra);
    let (mut right, mut wrong) = (0, 0);
    for kind in SchemaKind::ALL {
        let Some(files) = cases.files.get(kind.name()) else { continue };
        let schema = cases.root.path().join(format!("{}.schema.json", kind.name()));
        fs_err::write(&schema, kind.json(None).to_string()).unwrap();
        let meta = cleaned(&mut Command::new(&program), cases.root.path())
            .arg("--check-metaschema")
            .arg(&schema)
            .output()
            .unwrap();
        assert!(meta.status.success(), "{}: {}", kind.name(), String::from_utf8_lossy(&meta.stdout));
        let output = cleaned(&mut Command::new(&program), cases.root.path())
            .args(["--output-format", "json", "--schemafile"])
            .arg(&schema)
            .args(files.iter().map(|(path, ..)| path))
            .output()
            .unwrap();
        let report: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
        let refused: std::collections::BTreeSet<_> = report["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|error| error["filename"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(report["parse_errors"].as_array().map(Vec::len), Some(0), "{report}");
        for (path, is_right, what) in files {
            let is_taken = !refused.contains(&path.display().to_string());
            assert_eq!(is_taken, *is_right, "{what}\n{}", fs_err::read_to_string(path).unwrap());
            if *is_right { right += 1 } else { wrong += 1 }
        }
    }
    assert!(right > 500 && wrong > 500, "{right} right, {wrong} wrong");
}
