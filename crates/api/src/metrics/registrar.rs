//! Making metrics: each is registered and described at once, so that the documents can't forget one.

use prometheus_client::encoding::EncodeMetric;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};

/// Seconds of a request.
pub(super) const REQUEST_SECONDS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// Seconds of work that may take minutes.
pub(super) const WORK_SECONDS: &[f64] =
    &[0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0];
/// Bytes of bundles.
pub(super) const BUNDLE_BYTES: &[f64] = &[
    1024.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
    268_435_456.0,
    1_073_741_824.0,
];

/// One label with its value.
pub(super) type Label = (&'static str, &'static str);
/// Counters by labels whose values are fixed words.
pub(super) type Counters<const N: usize> = Family<[Label; N], Counter>;
/// Gauges by labels whose values are fixed words.
pub(super) type Gauges<const N: usize> = Family<[Label; N], Gauge>;
/// Histograms by labels whose values are fixed words.
pub(super) type Histograms<const N: usize> = Family<[Label; N], Histogram, Buckets>;

/// What a histogram's family makes its members of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Buckets(pub(super) &'static [f64]);

impl MetricConstructor<Histogram> for Buckets {
    fn new_metric(&self) -> Histogram {
        Histogram::new(self.0.iter().copied())
    }
}

/// Makes a series before anything is counted in it.
pub(super) fn begin<S, M, C>(family: &Family<S, M, C>, labels: &S)
where
    S: Clone + std::hash::Hash + Eq,
    M: Clone,
    C: MetricConstructor<M>,
{
    drop(family.get_or_create(labels));
}

/// What the documents say of a metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// The name under which samples are exported, with the suffix of its kind; a histogram's is without.
    pub name: String,
    /// `counter`, `gauge`, `histogram` or `info`.
    pub kind: &'static str,
    /// The labels.
    pub labels: &'static [&'static str],
    /// One sentence, without its end.
    pub help: &'static str,
}

/// Registers metrics and notes what they are.
#[derive(Default)]
pub(super) struct Registrar {
    pub(super) registry: Registry,
    pub(super) described: Vec<Described>,
}

/// What a metric is called, and what it tells.
pub(super) struct About {
    pub(super) name: &'static str,
    pub(super) labels: &'static [&'static str],
    pub(super) help: &'static str,
}

/// Says what a metric is called, what it is told by, and what it tells.
pub(super) const fn about(name: &'static str, labels: &'static [&'static str], help: &'static str) -> About {
    About { name, labels, help }
}

impl Registrar {
    /// Registers a counter, whose name is without `_total`.
    pub(super) fn counter<M: Metric + Clone + Default>(&mut self, about: &About) -> M {
        self.enter(about, "counter", M::default())
    }

    /// Registers a gauge.
    pub(super) fn gauge<M: Metric + Clone + Default>(&mut self, about: &About) -> M {
        self.enter(about, "gauge", M::default())
    }

    /// Registers a family of histograms.
    pub(super) fn histograms<S>(
        &mut self,
        about: &About,
        buckets: &'static [f64],
    ) -> Family<S, Histogram, Buckets>
    where
        S: Clone + std::hash::Hash + Eq,
        Family<S, Histogram, Buckets>: Metric,
    {
        self.enter(about, "histogram", Family::new_with_constructor(Buckets(buckets)))
    }

    /// Registers one histogram.
    pub(super) fn histogram(&mut self, about: &About, buckets: &'static [f64]) -> Histogram {
        self.enter(about, "histogram", Buckets(buckets).new_metric())
    }

    /// Registers a metric of some kind.
    pub(super) fn enter<M: Metric + EncodeMetric + Clone>(
        &mut self,
        about: &About,
        kind: &'static str,
        metric: M,
    ) -> M {
        self.describe(about, kind);
        self.registry.register(about.name, about.help, metric.clone());
        metric
    }

    /// Notes a metric that a collector exports.
    pub(super) fn describe(&mut self, about: &About, kind: &'static str) {
        let suffix = match kind {
            "counter" => "_total",
            "info" => "_info",
            _ => "",
        };
        let name = format!("{}{suffix}", about.name);
        self.described.push(Described { name, kind, labels: about.labels, help: about.help });
    }
}
