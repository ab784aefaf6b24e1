//! Housekeeping of repositories.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;
use workstead_core::repository::HouseKept;

use super::registrar::{Counters, Registrar, WORK_SECONDS, about, begin};
use super::words;

/// What housekeeping is counted by.
#[derive(Debug, Clone)]
pub(crate) struct HousekeepingMetrics {
    runs: Counters<1>,
    seconds: Histogram,
    dropped: Counter,
    freed: Counter,
}

impl HousekeepingMetrics {
    pub(super) fn register(r: &mut Registrar) -> Self {
        let metrics = Self {
            runs: r.counter(&about(
                "workstead_housekeeping_runs",
                &["outcome"],
                "Repositories that were looked after, by whether that went well",
            )),
            seconds: r.histogram(
                &about(
                    "workstead_housekeeping_duration_seconds",
                    &[],
                    "How long it took to look after a repository",
                ),
                WORK_SECONDS,
            ),
            dropped: r.counter(&about(
                "workstead_housekeeping_dropped_objects",
                &[],
                "Objects that nothing led to for longer than the grace and that were dropped",
            )),
            freed: r.counter(&about(
                "workstead_housekeeping_freed_bytes",
                &[],
                "Bytes by which repositories became smaller when they were looked after",
            )),
        };
        for ok in [true, false] {
            begin(&metrics.runs, &[("outcome", words::success(ok))]);
        }
        metrics
    }

    /// Counts one repository; nothing is given when it failed.
    pub(crate) fn kept(&self, kept: Option<&HouseKept>, took: Duration) {
        self.runs.get_or_create(&[("outcome", words::success(kept.is_some()))]).inc();
        self.seconds.observe(took.as_secs_f64());
        if let Some(kept) = kept {
            self.dropped.inc_by(kept.dropped as u64);
            self.freed.inc_by(kept.bytes_before.saturating_sub(kept.bytes_after));
        }
    }
}
