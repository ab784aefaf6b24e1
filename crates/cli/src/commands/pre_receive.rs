//! `workstead pre-receive`: what Git's hook runs; the running server judges the push.

use std::path::PathBuf;
use std::process::ExitCode;

use workstead_api::git_http::hook;

/// Arguments of `workstead pre-receive`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The server's private socket
    #[arg(long, value_name = "PATH")]
    socket: PathBuf,
}

/// Asks the server and returns the hook's exit code; what is to be read goes to standard error.
pub(crate) fn run(args: &Args) -> ExitCode {
    ExitCode::from(hook::run(&args.socket))
}
