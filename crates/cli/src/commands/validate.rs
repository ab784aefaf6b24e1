//! `workstead validate`: the server's checks, before anything is uploaded or pushed.

use std::path::PathBuf;

use serde::Serialize;
use workstead_core::check::check_tree;
use workstead_core::model::FactsCache;
use workstead_core::name::WorkspaceName;
use workstead_core::problem::Problems;
use workstead_core::tree::MemoryTree;

use crate::diagnostics::{Diagnostics, Finding};
use crate::directory::WorkspaceDirectory;
use crate::error::CliError;
use crate::output::{OutputFormat, Printer};

/// Arguments of `workstead validate`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The workspace directory: the one that holds workspace.yaml
    #[arg(default_value = ".", value_name = "DIR")]
    directory: PathBuf,
    /// The workspace's name; by default what workspace.yaml says
    #[arg(long, short, value_name = "NAME")]
    workspace: Option<WorkspaceName>,
    /// How to print the problems
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    output: OutputFormat,
}

/// What `--output json` prints.
#[derive(Debug, Serialize)]
struct Report {
    workspace: WorkspaceName,
    files: usize,
    errors: usize,
    warnings: usize,
    problems: Vec<Finding>,
}

/// Checks every file of the directory and shows all problems.
pub(crate) fn run(args: &Args, printer: &Printer) -> Result<(), CliError> {
    let mut directory = WorkspaceDirectory::read(&args.directory)?;
    directory.add_manifest()?;
    let workspace = match &args.workspace {
        Some(name) => name.clone(),
        None => directory.workspace_name()?,
    };
    let problems = check(&workspace, &directory)?;
    let report = Report {
        workspace,
        files: directory.files.len(),
        errors: problems.error_count(),
        warnings: problems.warning_count(),
        problems: problems.into_sorted().into_iter().map(Finding::from).collect(),
    };
    match args.output {
        OutputFormat::Json => printer.json(&report)?,
        OutputFormat::Text => {
            let diagnostics = Diagnostics::new(&directory.files, printer.color());
            for finding in &report.problems {
                printer.data(format_args!("{}\n", diagnostics.render(finding)))?;
            }
        }
    }
    conclude(&report, printer)
}

fn check(workspace: &WorkspaceName, directory: &WorkspaceDirectory) -> Result<Problems, CliError> {
    let mut tree = MemoryTree::new();
    for (path, content) in &directory.files {
        tree.insert(path.clone(), content.clone());
    }
    check_tree(workspace, &tree, None, &FactsCache::new())
        .map_err(|error| CliError::unexpected(error, "failed to check the directory"))
}

fn conclude(report: &Report, printer: &Printer) -> Result<(), CliError> {
    let Report { workspace, files, errors, warnings, problems } = report;
    let unlisted = (errors + warnings).saturating_sub(problems.len());
    if unlisted > 0 {
        printer.say(format_args!("{unlisted} more problems are counted and not shown"));
    }
    let counts = format!("{}, {}", count(*errors, "error"), count(*warnings, "warning"));
    if *errors > 0 {
        return Err(CliError::user(format!(
            "workspace `{workspace}` is not valid: {counts} in {files} files"
        ))
        .hint("the server refuses it until every error is mended; warnings are accepted"));
    }
    printer.say(format_args!("workspace `{workspace}` is valid: {counts} in {files} files"));
    Ok(())
}

fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

impl WorkspaceDirectory {
    /// Returns the name that `workspace.yaml` gives to the workspace.
    fn workspace_name(&self) -> Result<WorkspaceName, CliError> {
        let hint = "name the workspace with --workspace";
        let Some(content) = self.files.get("workspace.yaml") else {
            return Err(
                CliError::user(format!("there is no workspace.yaml in `{}`", self.root.display())).hint(hint)
            );
        };
        let text = String::from_utf8_lossy(content);
        let root = workstead_core::yaml::parse(&text).map_err(|errors| match errors.into_iter().next() {
            Some(error) => CliError::user_caused(error, "workspace.yaml can't be read").hint(hint),
            None => CliError::user("workspace.yaml can't be read").hint(hint),
        })?;
        let name = root.at(&["metadata", "name"]).and_then(workstead_core::yaml::Node::as_text);
        let Some(name) = name else {
            return Err(CliError::user("workspace.yaml has no `metadata.name`").hint(hint));
        };
        WorkspaceName::parse(name).map_err(|error| {
            CliError::user_caused(error, "workspace.yaml names no workspace that can exist").hint(hint)
        })
    }
}
