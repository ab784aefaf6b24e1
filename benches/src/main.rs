//! Measures Workstead against its peers, in one run, as ratios.
//!
//! `scripts/bench` builds everything and runs this. A timing never decides a test: the bars of
//! the contract are printed beside the figures, for people to read.

mod http;
mod patch;
mod peers;
mod read;
mod report;
mod server;
mod upload;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

#[derive(Parser)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the benchmarks and print the figures as Markdown
    Run {
        /// The release binary of Workstead
        #[arg(long, default_value = "target/release/workstead")]
        binary: PathBuf,
        /// Repetitions of each pair; the median counts
        #[arg(long, default_value_t = 3)]
        runs: usize,
        /// Only these parts: upload, large, read, patch
        #[arg(long, value_delimiter = ',', default_value = "upload,large,read,patch")]
        only: Vec<String>,
    },
    /// Serve a fixed JSON body from a bare axum handler (the peer of `read`)
    #[command(hide = true)]
    BareHandler {
        /// The file whose content is the body
        body: PathBuf,
    },
}

fn main() -> anyhow::Result<()> {
    match Args::parse().command {
        Command::BareHandler { body } => read::serve_bare(&body),
        Command::Run { binary, runs, only } => {
            let binary = fs_err::canonicalize(binary)?;
            let mut report = report::Report::new();
            let wanted = |part: &str| only.iter().any(|name| name == part);
            if wanted("upload") {
                upload::measure(&binary, 10_000, runs, &mut report)?;
            }
            if wanted("large") {
                upload::measure_large(&binary, &mut report)?;
            }
            if wanted("read") {
                read::measure(&binary, runs, &mut report)?;
            }
            if wanted("patch") {
                patch::measure(&binary, runs, &mut report)?;
            }
            report.print();
            Ok(())
        }
    }
}
