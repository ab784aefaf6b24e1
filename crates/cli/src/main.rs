//! `workstead`: the server, the demo and the command line, in one binary.
//!
//! Standard output is data, standard error is talk; exit codes are 0, 1 (the user can mend it) and
//! 2 (unexpected). Only [`output`] writes to either stream.
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod args;
mod client;
mod commands;
mod diagnostics;
mod directory;
mod error;
mod git;
mod logging;
mod merge_args;
mod output;
mod settings_args;
mod signals;
mod token;
mod traces;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use args::Parsed;
use error::CliError;
use output::Printer;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let printer = Printer::new();
    let command = match args::parse(std::env::args_os()) {
        Parsed::Run(command) => *command,
        // clap knows the stream and the colours of its own messages.
        Parsed::Print(message, code) => return args::print(&message, code),
    };
    // A panic is a bug, but scripts still get the exit code that means "unexpected".
    match catch_unwind(AssertUnwindSafe(|| commands::run(command, &printer))) {
        Ok(Ok(code)) => code,
        Ok(Err(error)) => printer.failure(&error),
        Err(_) => printer.failure(&CliError::unexpected_message("workstead panicked; this is a bug")),
    }
}
