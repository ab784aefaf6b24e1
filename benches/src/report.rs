//! The table of figures.

use std::time::Duration;

/// Collects figures and prints them as Markdown.
pub(crate) struct Report {
    rows: Vec<[String; 5]>,
}

impl Report {
    pub(crate) fn new() -> Self {
        Self { rows: Vec::new() }
    }

    /// Adds a row: what, our figure, the peer's figure, the ratio, the bar of the contract.
    pub(crate) fn row(&mut self, what: &str, ours: String, peer: String, ratio: String, bar: &str) {
        announce(&format!("{what}: {ours} against {peer}: {ratio} (bar: {bar})"));
        self.rows.push([what.to_owned(), ours, peer, ratio, bar.to_owned()]);
    }

    /// Adds a row of two durations of which ours should be the smaller.
    pub(crate) fn times(&mut self, what: &str, ours: Duration, peer: Duration, bar: &str) {
        let ratio = format!("{:.2}", ours.as_secs_f64() / peer.as_secs_f64());
        self.row(what, seconds(ours), seconds(peer), ratio, bar);
    }

    /// Prints the machine, the date and the table.
    #[allow(clippy::print_stdout, reason = "the report is this program's output")]
    pub(crate) fn print(&self) {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let cpu = fs_err::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpu.lines().find_map(|line| {
            line.strip_prefix("model name").map(|rest| rest.trim_start_matches(['\t', ' ', ':']))
        });
        println!(
            "Measured {} on {} cores ({}).\n",
            jiff::Timestamp::now().strftime("%Y-%m-%d"),
            cores,
            model.unwrap_or("unknown CPU")
        );
        println!("| what | Workstead | peer | ratio | bar |\n|---|---|---|---|---|");
        for row in &self.rows {
            println!("| {} |", row.join(" | "));
        }
    }
}

/// Tells on standard error how far the run is.
#[allow(clippy::print_stderr, reason = "progress of a command-line program")]
pub(crate) fn announce(line: &str) {
    eprintln!("{line}");
}

/// Returns the middle of several durations.
pub(crate) fn median(mut durations: Vec<Duration>) -> Duration {
    durations.sort();
    durations.get(durations.len() / 2).copied().unwrap_or_default()
}

/// Formats seconds with as many digits as matter.
pub(crate) fn seconds(duration: Duration) -> String {
    if duration < Duration::from_millis(100) {
        return format!("{:.2} ms", duration.as_secs_f64() * 1e3);
    }
    format!("{:.3} s", duration.as_secs_f64())
}
