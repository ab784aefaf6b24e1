//! The commands, one file each: `Args` and `run`.

pub(crate) mod admin;
pub(crate) mod bundle;
pub(crate) mod demo;
pub(crate) mod fmt;
pub(crate) mod new;
pub(crate) mod plan;
pub(crate) mod pre_receive;
pub(crate) mod schema;
pub(crate) mod serve;
pub(crate) mod upload;
pub(crate) mod validate;

use std::process::ExitCode;

use crate::args::Command;
use crate::error::CliError;
use crate::output::Printer;

/// Runs a command to its end.
pub(crate) fn run(command: Command, printer: &Printer) -> Result<ExitCode, CliError> {
    match command {
        Command::Admin(args) => return admin::run(&args, printer),
        Command::Upload(args) => return upload::run(&args, printer),
        Command::Validate(args) => return validate::run(&args, printer),
        Command::Fmt(args) => return fmt::run(&args, printer),
        Command::New(args) => return new::run(&args, printer),
        Command::Plan(args) => return plan::run(&args, printer),
        Command::Serve(args) => serve::run(&args, printer)?,
        Command::Demo(args) => demo::run(&args, printer)?,
        Command::Schema(args) => schema::run(&args, printer)?,
        Command::Bundle(args) => bundle::run(&args, printer)?,
        Command::PreReceive(args) => return Ok(pre_receive::run(&args)),
    }
    Ok(ExitCode::SUCCESS)
}
