//! `git` processes: how many run, how they end, how long they take.

use std::time::Instant;

use super::registrar::{Counters, Gauges, Histograms, Registrar, WORK_SECONDS, about, begin};
use super::words::{self, GitService};

/// What `git` processes are counted by; a clone counts into the same.
#[derive(Debug, Clone)]
pub(crate) struct GitMetrics {
    running: Gauges<1>,
    ended: Counters<2>,
    seconds: Histograms<1>,
}

impl GitMetrics {
    pub(super) fn register(r: &mut Registrar) -> Self {
        let labels = &["service"];
        let metrics = Self {
            running: r.gauge(&about("workstead_git_processes", labels, "`git` processes that run")),
            ended: r.counter(&about(
                "workstead_git_processes_ended",
                &["service", "outcome"],
                "`git` processes that have ended, by whether they could do their work",
            )),
            seconds: r.histograms(
                &about("workstead_git_process_duration_seconds", labels, "How long `git` processes ran"),
                WORK_SECONDS,
            ),
        };
        for service in GitService::ALL {
            begin(&metrics.running, &[("service", service.as_str())]);
            begin(&metrics.seconds, &[("service", service.as_str())]);
            for ok in [true, false] {
                begin(&metrics.ended, &[("service", service.as_str()), ("outcome", words::success(ok))]);
            }
        }
        metrics
    }

    /// Counts a process as running until what is returned is dropped; it failed unless it is said to be well.
    pub(crate) fn run(&self, service: GitService) -> GitRun {
        self.running.get_or_create(&[("service", service.as_str())]).inc();
        GitRun { metrics: self.clone(), service, begun: Instant::now(), ok: false }
    }
}

impl Default for GitMetrics {
    /// Counts for nobody.
    fn default() -> Self {
        Self::register(&mut Registrar::default())
    }
}

/// One process that runs.
#[derive(Debug)]
pub(crate) struct GitRun {
    metrics: GitMetrics,
    service: GitService,
    begun: Instant,
    /// Whether it could do its work.
    pub(crate) ok: bool,
}

impl Drop for GitRun {
    fn drop(&mut self) {
        let service = ("service", self.service.as_str());
        self.metrics.running.get_or_create(&[service]).dec();
        self.metrics.ended.get_or_create(&[service, ("outcome", words::success(self.ok))]).inc();
        self.metrics.seconds.get_or_create(&[service]).observe(self.begun.elapsed().as_secs_f64());
    }
}
