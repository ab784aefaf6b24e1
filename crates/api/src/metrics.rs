//! What the server counts and measures, for Prometheus.
//!
//! All of it stands in `Metrics`, which every part of the server reaches by `app.metrics`. Labels are fixed words and
//! route templates: no name of a workspace, a person or a path makes a series of its own. Counting costs a lookup and an
//! addition; what must be asked for (the database, the disk) is asked when somebody scrapes, within bounds.

mod exposition;
mod git;
mod housekeeping;
mod http;
mod process;
mod registrar;
mod repositories;
mod scrape;
mod slack;
mod webhooks;
mod words;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use jiff::Timestamp;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use workstead_presign::{Provider, StoreError};

pub(crate) use self::git::{GitMetrics, GitRun};
pub(crate) use self::housekeeping::HousekeepingMetrics;
pub(crate) use self::http::HttpMetrics;
pub use self::registrar::Described;
use self::registrar::{
    BUNDLE_BYTES, Counters, Gauges, Histograms, REQUEST_SECONDS, Registrar, WORK_SECONDS, about, begin,
};
pub(crate) use self::repositories::sample_forever;
pub(crate) use self::scrape::scrape;
pub(crate) use self::slack::SlackMetrics;
pub(crate) use self::webhooks::WebhookMetrics;
pub(crate) use self::words::method as method_label;
pub(crate) use self::words::{
    GitService, Phase, SlackEnd, StoreOperation, UploadEnd, Via, WebhookEnd, WriteDoor, WriteEnd,
};
use crate::error::ApiError;

/// All metrics of a server.
pub(crate) struct Metrics {
    registry: Registry,
    described: Vec<Described>,
    /// Requests, counted by the outermost middleware.
    pub(crate) http: HttpMetrics,
    /// Processes, counted where they are started.
    pub(crate) git: GitMetrics,
    /// Housekeeping, counted by the housekeeper.
    pub(crate) housekeeping: HousekeepingMetrics,
    /// Messages, counted by their sender.
    pub(crate) slack: SlackMetrics,
    pub(crate) webhooks: WebhookMetrics,
    writes: Counters<2>,
    write_seconds: Histograms<1>,
    uploads: Counters<3>,
    upload_phase_seconds: Histograms<1>,
    compressed_bytes: Histogram,
    unpacked_bytes: Histogram,
    queue: Gauges<1>,
    queue_oldest_seconds: Gauge<f64, std::sync::atomic::AtomicU64>,
    store_seconds: Histograms<2>,
    store_errors: Counters<3>,
    sweeps: Counters<1>,
    last_sweep: Gauge,
    sampled: scrape::Sampled,
    repositories: repositories::RepositoryGauges,
}

/// How many uploads stand where, for [`Metrics::queue`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct QueueFigures {
    /// Uploads that wait for something to be put, or for their caller.
    pub(crate) open: u64,
    /// Uploads that wait for a worker.
    pub(crate) queued: u64,
    /// Uploads that are worked on.
    pub(crate) running: u64,
    /// Since when the one waits for a worker that has waited longest.
    pub(crate) oldest_queued: Option<Timestamp>,
}

impl Metrics {
    /// Registers all metrics; nothing is counted yet.
    pub(crate) fn new() -> Self {
        let mut registrar = Registrar::default();
        let r = &mut registrar;
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        let about_build = about("workstead_build", &["version"], "The version that runs; always 1");
        r.describe(&about_build, "info");
        r.registry.register(about_build.name, about_build.help, build);
        let metrics = Self {
            http: HttpMetrics::register(r),
            writes: r.counter(&about(
                "workstead_commits",
                &["door", "outcome"],
                "Writes to workspaces by the door that they came through and what became of them",
            )),
            write_seconds: r.histograms(
                &about(
                    "workstead_commit_duration_seconds",
                    &["door"],
                    "How long a write took, from what is to be written to the answer",
                ),
                WORK_SECONDS,
            ),
            uploads: r.counter(&about(
                "workstead_uploads",
                &["via", "outcome", "class"],
                "Uploads at their end, by way, outcome and class of the status",
            )),
            upload_phase_seconds: r.histograms(
                &about(
                    "workstead_upload_phase_duration_seconds",
                    &["phase"],
                    "How long the parts of uploads took",
                ),
                WORK_SECONDS,
            ),
            compressed_bytes: r.histogram(
                &about("workstead_bundle_compressed_bytes", &[], "Sizes of bundles as they came"),
                BUNDLE_BYTES,
            ),
            unpacked_bytes: r.histogram(
                &about("workstead_bundle_unpacked_bytes", &[], "Sizes of all files of bundles together"),
                BUNDLE_BYTES,
            ),
            queue: r.gauge(&about(
                "workstead_upload_queue",
                &["state"],
                "Uploads that are not at their end, by state",
            )),
            queue_oldest_seconds: r.gauge(&about(
                "workstead_upload_queue_oldest_seconds",
                &[],
                "How long the upload has waited that waits longest for a worker; 0 when none waits",
            )),
            store_seconds: r.histograms(
                &about(
                    "workstead_object_store_duration_seconds",
                    &["operation", "provider"],
                    "How long calls of the object store took",
                ),
                REQUEST_SECONDS,
            ),
            store_errors: r.counter(&about(
                "workstead_object_store_errors",
                &["operation", "provider", "error"],
                "Calls of the object store that failed; an absent object is no failure",
            )),
            sweeps: r.counter(&about("workstead_sweeps", &["outcome"], "Runs of the sweeper of old uploads")),
            last_sweep: r.gauge(&about(
                "workstead_last_sweep_timestamp_seconds",
                &[],
                "When the sweeper last ran to its end, in seconds since 1970; 0 when it has not",
            )),
            git: GitMetrics::register(r),
            housekeeping: HousekeepingMetrics::register(r),
            slack: SlackMetrics::register(r),
            webhooks: WebhookMetrics::register(r),
            sampled: scrape::Sampled::register(r),
            repositories: repositories::RepositoryGauges::register(r),
            registry: Registry::default(),
            described: Vec::new(),
        };
        process::register(&mut registrar);
        let Registrar { registry, described } = registrar;
        let metrics = Self { registry, described, ..metrics };
        metrics.begin_at_zero();
        metrics
    }

    /// Makes the series that alerts look at, so that the first failure is seen as a rise from zero.
    fn begin_at_zero(&self) {
        for door in WriteDoor::ALL {
            for end in WriteEnd::ALL {
                begin(&self.writes, &[("door", door.as_str()), ("outcome", end.as_str())]);
            }
            begin(&self.write_seconds, &[("door", door.as_str())]);
        }
        for via in Via::ALL {
            for end in UploadEnd::ALL {
                begin(&self.uploads, &upload_labels(*via, *end, end.usual_class()));
            }
        }
        for phase in Phase::ALL {
            begin(&self.upload_phase_seconds, &[("phase", phase.as_str())]);
        }
        for ok in [true, false] {
            begin(&self.sweeps, &[("outcome", words::success(ok))]);
        }
        self.queue(&QueueFigures::default(), Timestamp::UNIX_EPOCH);
    }

    /// Makes the series of the store that is in use.
    pub(crate) fn begin_store(&self, provider: Provider) {
        for operation in StoreOperation::ALL {
            let labels = [("operation", operation.as_str()), ("provider", provider.as_str())];
            begin(&self.store_seconds, &labels);
            let [operation, provider] = labels;
            for error in crate::object_store::FAILURES {
                begin(&self.store_errors, &[operation, provider, ("error", error)]);
            }
        }
    }

    /// Counts a write that began at a moment.
    pub(crate) fn wrote(&self, door: WriteDoor, end: WriteEnd, begun: Instant) {
        self.writes.get_or_create(&[("door", door.as_str()), ("outcome", end.as_str())]).inc();
        let seconds = begun.elapsed().as_secs_f64();
        self.write_seconds.get_or_create(&[("door", door.as_str())]).observe(seconds);
    }

    /// Notes how long one phase of an upload took.
    ///
    /// To be called once for each phase that an attempt went through, whatever came of it.
    pub(crate) fn upload_phase(&self, phase: Phase, took: Duration) {
        self.upload_phase_seconds.get_or_create(&[("phase", phase.as_str())]).observe(took.as_secs_f64());
    }

    /// Counts an upload at its end, with the status that its client is or would be answered.
    ///
    /// An attempt that will be made again is no end.
    pub(crate) fn upload_finished(&self, via: Via, end: UploadEnd, status: StatusCode) {
        self.uploads.get_or_create(&upload_labels(via, end, words::class(status))).inc();
    }

    /// Notes how large a bundle was, packed and unpacked.
    pub(crate) fn bundle(&self, compressed_bytes: u64, unpacked_bytes: u64) {
        self.compressed_bytes.observe(compressed_bytes as f64);
        self.unpacked_bytes.observe(unpacked_bytes as f64);
    }

    /// Sets how many uploads stand where, and how long the oldest waits.
    ///
    /// The database is asked for it at each scrape, so nobody else need call this.
    pub(crate) fn queue(&self, figures: &QueueFigures, now: Timestamp) {
        let states = [("open", figures.open), ("queued", figures.queued), ("running", figures.running)];
        for (state, count) in states {
            self.queue.get_or_create(&[("state", state)]).set(gauge(count));
        }
        self.queue_oldest_seconds.set(figures.oldest_queued.map_or(0.0, |since| age(since, now)));
    }

    /// Measures one call of the object store; [`crate::app::App::store_call`] is how callers come here.
    pub(crate) fn store_call<T>(
        &self,
        provider: Provider,
        operation: StoreOperation,
        call: impl FnOnce() -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let begun = Instant::now();
        let result = call();
        let labels = [("operation", operation.as_str()), ("provider", provider.as_str())];
        self.store_seconds.get_or_create(&labels).observe(begun.elapsed().as_secs_f64());
        if let Some(error) = result.as_ref().err().and_then(crate::object_store::failure) {
            let [operation, provider] = labels;
            self.store_errors.get_or_create(&[operation, provider, ("error", error)]).inc();
        }
        result
    }

    /// Notes that the sweeper went through, or that it failed.
    pub(crate) fn swept(&self, ok: bool, now: Timestamp) {
        self.sweeps.get_or_create(&[("outcome", words::success(ok))]).inc();
        if ok {
            self.last_sweep.set(now.as_second());
        }
    }

    /// Writes all of them in the form that the client takes.
    fn answer(&self, headers: &HeaderMap) -> Result<Response, ApiError> {
        exposition::answer(&self.registry, headers)
    }
}

fn upload_labels(via: Via, end: UploadEnd, class: &'static str) -> [registrar::Label; 3] {
    [("via", via.as_str()), ("outcome", end.as_str()), ("class", class)]
}

/// Writes a count as a gauge takes it.
fn gauge(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Returns the seconds between two moments, none when the first is still to come.
fn age(since: Timestamp, now: Timestamp) -> f64 {
    now.duration_since(since).as_secs_f64().max(0.0)
}

/// Returns what every metric is, for the documents and the tests of dashboard and alerts.
pub fn described() -> Vec<Described> {
    Metrics::new().described
}

/// Writes the table of metrics of `docs/OBSERVABILITY.md`.
pub fn markdown_table() -> String {
    let mut table = String::from("| Metric | Type | Labels | What it tells |\n|---|---|---|---|\n");
    for Described { name, kind, labels, help } in described() {
        let labels: Vec<_> = labels.iter().map(|label| format!("`{label}`")).collect();
        // Writing to a string can't fail.
        let _ = writeln!(table, "| `{name}` | {kind} | {} | {help}. |", labels.join(", "));
    }
    table
}

#[cfg(test)]
mod tests;
