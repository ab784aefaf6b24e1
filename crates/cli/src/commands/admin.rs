//! `workstead admin`: what is done to a stopped server's data.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use workstead_api::admin::{Admin, AdminError, Problem, Severity};
use workstead_api::settings::Settings;

use super::serve::{explain, runtime};
use crate::error::CliError;
use crate::logging;
use crate::output::{OutputFormat, Printer, printable};

/// Arguments of `workstead admin`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    task: Task,
    /// Where the server's data is kept; the server must not run
    #[arg(
        long,
        global = true,
        env = "WORKSTEAD_DATA_DIR",
        default_value = "./workstead-data",
        value_name = "DIR"
    )]
    data_dir: PathBuf,
    /// How to print the result
    #[arg(long, global = true, value_enum, value_name = "FORMAT", default_value_t)]
    output: OutputFormat,
}

/// What to do.
#[derive(Debug, Subcommand)]
enum Task {
    /// Compare the index of workspaces with Git; exit code 1 when they differ
    Check,
    /// Examine the repositories of workspaces; exit code 1 when something is lost or will not work
    Fsck {
        /// The workspaces; all of them if none is named
        #[arg(value_name = "WORKSPACE")]
        workspaces: Vec<String>,
    },
    /// Make the index of workspaces anew from Git
    Reindex,
    /// Write one workspace with its history into a file
    Export {
        /// The workspace
        workspace: String,
        /// The new file
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Make a workspace of a file that `export` wrote
    Import {
        /// The file
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

/// Runs one task with the data locked.
pub(crate) fn run(args: &Args, printer: &Printer) -> Result<ExitCode, CliError> {
    let data = args.data_dir.display().to_string();
    if !args.data_dir.join("workstead.db").exists() {
        return Err(CliError::user(format!("there is no server's data in `{data}`"))
            .hint("name the directory by --data-dir or WORKSTEAD_DATA_DIR"));
    }
    let settings = Settings::from_lookup(|name| (name == "WORKSTEAD_DATA_DIR").then(|| data.clone()));
    let settings = settings.map_err(|error| CliError::user_caused(error, "a setting can't be used"))?;
    logging::init(&settings, None)?;
    runtime()?.block_on(async {
        let admin = Admin::open(settings).await.map_err(failed)?;
        let done = perform(&admin, args, printer).await;
        admin.close().await;
        done
    })
}

async fn perform(admin: &Admin, args: &Args, printer: &Printer) -> Result<ExitCode, CliError> {
    let as_json = args.output == OutputFormat::Json;
    match &args.task {
        Task::Check => {
            let check = admin.check().await.map_err(failed)?;
            if as_json {
                printer.json(&check)?;
            } else {
                for difference in &check.differences {
                    printer.data(difference)?;
                }
                let (workspaces, count) = (check.workspaces, check.differences.len());
                printer.say(format_args!("{workspaces} workspaces compared, {count} differences"));
            }
            if !check.differences.is_empty() {
                printer.say("hint: `workstead admin reindex` makes the index anew");
                return Ok(ExitCode::from(1));
            }
        }
        Task::Fsck { workspaces } => return fsck(admin, workspaces, as_json, printer).await,
        Task::Reindex => {
            let done = admin.reindex().await.map_err(failed)?;
            if as_json {
                printer.json(&done)?;
            } else {
                for (name, why) in &done.failed {
                    printer.data(format_args!("{name}: {why}"))?;
                }
                printer.say(format_args!(
                    "{} workspaces indexed, {} failed",
                    done.workspaces,
                    done.failed.len()
                ));
            }
            if !done.failed.is_empty() {
                return Ok(ExitCode::from(1));
            }
        }
        Task::Export { workspace, file } => {
            let secrets = admin.export(workspace, file).await.map_err(failed)?;
            printer.say(format_args!("{workspace} is in {}", file.display()));
            tell_of_secrets(&secrets, printer);
        }
        Task::Import { file } => {
            let imported = admin.import(file).await.map_err(failed)?;
            if as_json {
                printer.json(&imported)?;
            } else {
                printer.data(format_args!("{} is here, at {}", imported.name, imported.revision))?;
                tell_of_secrets(&imported.secrets_to_set, printer);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn fsck(
    admin: &Admin,
    workspaces: &[String],
    as_json: bool,
    printer: &Printer,
) -> Result<ExitCode, CliError> {
    let progress = |done: usize, all: usize, name: &str| {
        printer.progress(format_args!("{} of {all}: {name}", done + 1));
    };
    let check = admin.fsck(workspaces, &progress).await;
    printer.end_progress();
    let check = check.map_err(failed)?;
    if as_json {
        printer.json(&check)?;
    } else {
        for Problem { workspace, repository, finding } in &check.problems {
            let severity = match finding.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            };
            printer.data(printable(&format!("{workspace}: {severity}: {}", finding.what)))?;
            printer.data(format_args!("  in {repository}: {}", finding.cure))?;
        }
        let (count, all) = (check.workspaces, check.problems.len());
        let errors = check.problems.iter().filter(|it| it.finding.severity == Severity::Error).count();
        printer.say(format_args!("{count} workspaces examined, {errors} errors, {} warnings", all - errors));
    }
    Ok(if check.has_errors() { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

fn tell_of_secrets(names: &[String], printer: &Printer) {
    if !names.is_empty() {
        let names = names.join(", ");
        printer.say(format_args!(
            "the values of its secrets stay behind; set them again after the import: {names}"
        ));
    }
}

fn failed(error: AdminError) -> CliError {
    match error {
        AdminError::Start(error) => explain(error),
        AdminError::Failed(_) => CliError::unexpected(error, "the command failed"),
        error => CliError::user_caused(error, "nothing was done"),
    }
}
