//! Measures Workstead against its peers, in one run, as ratios.
//!
//! `scripts/bench` builds everything and runs this. A timing never decides a test: the bars of
//! the contract are printed beside the figures, for people to read.

mod backend;
mod bare;
mod clones;
mod http;
mod load;
mod many;
mod patch;
mod peers;
mod presign;
mod races;
mod read;
mod report;
mod responsive;
mod server;
mod slxs;
mod throughput;
mod upload;
mod validate;

use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand, ValueEnum};

use crate::report::Report;

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
        /// Only these parts
        #[arg(long, value_enum, value_delimiter = ',', default_values_t = Part::value_variants().to_vec())]
        only: Vec<Part>,
    },
    /// Serve a fixed JSON body from a bare axum handler (the peer of reads)
    #[command(hide = true)]
    BareHandler {
        /// The path of the only route
        path: String,
        /// The file whose content is the body
        body: PathBuf,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    Upload,
    Large,
    Read,
    Patch,
    Throughput,
    Many,
    Slxs,
    Presign,
    Races,
    Clones,
    Validate,
}

impl Part {
    fn measure(self, binary: &Path, runs: usize, report: &mut Report) -> anyhow::Result<()> {
        match self {
            Self::Upload => upload::measure(binary, 10_000, runs, report),
            Self::Large => upload::measure_large(binary, report),
            Self::Read => read::measure(binary, runs, report),
            Self::Patch => patch::measure(binary, runs, report),
            Self::Throughput => {
                throughput::measure(binary, runs, report)?;
                responsive::measure(binary, runs, report)
            }
            Self::Many => many::measure(binary, runs, report),
            Self::Slxs => slxs::measure(binary, report),
            Self::Presign => presign::measure(runs, report),
            Self::Races => races::measure(binary, report),
            Self::Clones => clones::measure(binary, runs, report),
            Self::Validate => validate::measure(binary, runs, report),
        }
    }
}

fn main() -> anyhow::Result<()> {
    match Args::parse().command {
        Command::BareHandler { path, body } => bare::serve_bare(&path, &body),
        Command::Run { binary, runs, only } => {
            let binary = fs_err::canonicalize(binary)?;
            let mut report = Report::new();
            for part in only {
                part.measure(&binary, runs, &mut report)?;
            }
            report.print();
            Ok(())
        }
    }
}
