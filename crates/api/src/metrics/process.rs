//! What the process itself uses, read from `/proc` at each scrape; other systems export none of it.

use fs_err as fs;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use super::registrar::{About, Registrar, about};

const CPU: About = about(
    "process_cpu_seconds",
    &[],
    "Processor time that the process has used, in user mode and in the kernel's",
);
const RESIDENT: About = about("process_resident_memory_bytes", &[], "Memory that the process has in use");
const VIRTUAL: About = about("process_virtual_memory_bytes", &[], "Addresses that the process has mapped");
const THREADS: About = about("process_threads", &[], "Threads of the process");
const OPEN_FILES: About = about("process_open_fds", &[], "Files and connections that the process has open");
const MAX_FILES: About = about("process_max_fds", &[], "Most files and connections that it may have open");
const STARTED: About =
    about("process_start_time_seconds", &[], "When the process started, in seconds since 1970");

/// Registers what the process uses.
pub(super) fn register(registrar: &mut Registrar) {
    registrar.describe(&CPU, "counter");
    for gauge in [&RESIDENT, &VIRTUAL, &THREADS, &OPEN_FILES, &MAX_FILES, &STARTED] {
        registrar.describe(gauge, "gauge");
    }
    registrar.registry.register_collector(Box::new(Process));
}

#[derive(Debug)]
struct Process;

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        // Nothing is said where there is no `/proc`.
        let Some(used) = used() else { return Ok(()) };
        let cpu = ConstCounter::new(used.cpu_seconds);
        cpu.encode(encoder.encode_descriptor(CPU.name, CPU.help, None, cpu.metric_type())?)?;
        let gauges = [
            (&RESIDENT, Some(used.resident_bytes)),
            (&VIRTUAL, Some(used.virtual_bytes)),
            (&THREADS, Some(used.threads)),
            (&STARTED, used.started),
            (&OPEN_FILES, open_files()),
            (&MAX_FILES, rustix::process::getrlimit(rustix::process::Resource::Nofile).current),
        ];
        for (about, value) in gauges {
            let Some(value) = value else { continue };
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            gauge.encode(encoder.encode_descriptor(about.name, about.help, None, gauge.metric_type())?)?;
        }
        Ok(())
    }
}

#[derive(Debug, PartialEq)]
struct Used {
    cpu_seconds: f64,
    threads: u64,
    virtual_bytes: u64,
    resident_bytes: u64,
    started: Option<u64>,
}

fn used() -> Option<Used> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let boot = fs::read_to_string("/proc/stat")
        .ok()
        .and_then(|text| text.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse().ok()));
    let (ticks, page) = (rustix::param::clock_ticks_per_second(), rustix::param::page_size() as u64);
    parse(&stat, boot, ticks, page)
}

/// Reads `/proc/self/stat` (`proc_pid_stat(5)`); fields count from behind the name, which may hold blanks.
fn parse(stat: &str, boot: Option<u64>, ticks: u64, page: u64) -> Option<Used> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    let started = field(22)?.checked_div(ticks)?;
    Some(Used {
        cpu_seconds: (field(14)? + field(15)?) as f64 / ticks as f64,
        threads: field(20)?,
        virtual_bytes: field(23)?,
        resident_bytes: field(24)? * page,
        started: boot.map(|boot| boot + started),
    })
}

fn open_files() -> Option<u64> {
    // The directory itself is open while it is listed.
    Some((fs::read_dir("/proc/self/fd").ok()?.count() as u64).saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_blanks_moves_no_field() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 9 0 1000 4096 25 184 1 1";
        let used = parse(stat, Some(1_000_000), 100, 4096).unwrap();
        let expected = Used {
            cpu_seconds: 3.0,
            threads: 9,
            virtual_bytes: 4096,
            resident_bytes: 25 * 4096,
            started: Some(1_000_010),
        };
        assert_eq!(used, expected);
        assert_eq!(parse("7 (a", None, 100, 4096), None);
    }

    #[test]
    fn this_process_uses_something() {
        let used = used().unwrap();
        assert!(used.resident_bytes > 1 << 20 && used.threads > 0, "{used:?}");
        assert!(open_files().unwrap() > 2);
    }
}
