//! What a made-up cluster has: namespaces, deployments, and the checks on them.

use super::random::Random;

/// One sort of check, as a code bundle offers it.
pub(super) struct Sort {
    /// The short form in names.
    pub(super) short: &'static str,
    /// The code bundle's directory.
    pub(super) bundle: &'static str,
    /// What people call it.
    pub(super) title: &'static str,
    /// What should be true.
    pub(super) statement: &'static str,
    /// How that is measured.
    pub(super) measure: &'static str,
    /// The icon's name.
    pub(super) icon: &'static str,
}

const fn sort([short, bundle, title, statement, measure, icon]: [&'static str; 6]) -> Sort {
    Sort { short, bundle, title, statement, measure, icon }
}

const SORTS: [Sort; 8] = [
    sort([
        "depl-health",
        "k8s-deployment-healthcheck",
        "Deployment Health",
        "replicas should be ready and stable",
        "Ready replicas, restarts & events",
        "deploy",
    ]),
    sort([
        "depl-ops",
        "k8s-deployment-ops",
        "Deployment Operations",
        "should be easy to scale and to restart",
        "Tasks that can be run by hand",
        "ops",
    ]),
    sort([
        "stcktrc-hlth",
        "k8s-stacktrace-health",
        "Stacktrace Health",
        "should log no stack traces",
        "Stack traces in the logs of all containers",
        "logs",
    ]),
    sort([
        "http-ok",
        "curl-http-ok",
        "HTTP Health",
        "should answer with 200 in time",
        "The response code and latency of the ingress",
        "http",
    ]),
    sort([
        "pvc-health",
        "k8s-pvc-healthcheck",
        "PVC Health",
        "volumes should have space left",
        "Used space of all claims, in percent",
        "disk",
    ]),
    sort([
        "image-check",
        "k8s-image-check",
        "Image Check",
        "should run known images",
        "Images & their tags in all pods",
        "image",
    ]),
    sort([
        "redis-health",
        "k8s-redis-healthcheck",
        "Redis Health",
        "should answer to PING and keep its writes",
        "Replies of each instance",
        "redis",
    ]),
    sort([
        "pg-health",
        "k8s-postgres-healthcheck",
        "Postgres Health",
        "should replicate without lag",
        "Lag, locks & connections of the cluster",
        "postgres",
    ]),
];

const TEAMS: [&str; 12] = [
    "payments", "checkout", "search", "catalog", "identity", "billing", "shipping", "reviews", "media",
    "ledger", "alerts", "gateway",
];
const PARTS: [&str; 10] =
    ["api", "worker", "web", "cron", "proxy", "cache", "sync", "index", "store", "edge"];
const STAGES: [&str; 4] = ["prod", "stage", "dev", "perf"];
const CLUSTERS: [&str; 3] = ["platform-eu-1", "platform-us-1", "edge-ap-2"];

/// How many SLXs one namespace has, about as in real clusters.
const PER_NAMESPACE: usize = 24;

/// One check on one thing: what becomes an SLX.
pub(super) struct Check {
    /// The SLX's name, unique by its last eight digits.
    pub(super) name: String,
    /// The sort of check.
    pub(super) sort: &'static Sort,
    /// The cluster.
    pub(super) cluster: &'static str,
    /// The namespace.
    pub(super) namespace: String,
    /// The thing that is checked.
    pub(super) resource: String,
    /// A port, threshold or count.
    pub(super) port: u64,
    /// An interval in seconds.
    pub(super) interval: u64,
    /// A latency or share, as text.
    pub(super) target: String,
    /// A digest of what was found.
    pub(super) digest: u64,
}

impl Check {
    /// Generates the check with this number.
    pub(super) fn generate(index: usize, seed: u64) -> Self {
        // What a namespace is called depends on it alone, so that its checks agree.
        let number = (index / PER_NAMESPACE) as u64;
        let mut random = Random::new(seed ^ number.wrapping_mul(0x5851_f42d_4c95_7f2d));
        let cluster = *random.pick(&CLUSTERS);
        let namespace = format!("{}-{}-{number}", random.pick(&TEAMS), random.pick(&STAGES));
        let mut random = Random::new(random.next() ^ index as u64);
        let sort = &SORTS[index % SORTS.len()];
        let resource = format!("{}-{}", random.pick(&PARTS), random.below(100));
        // An odd factor makes this one-to-one, so names are unique up to 4 billion.
        let suffix = (index as u32).wrapping_mul(0x9e37_79b1) ^ (seed as u32);
        Self {
            name: format!("{resource}-{namespace}-{}-{suffix:08x}", sort.short),
            sort,
            cluster,
            namespace,
            resource,
            port: 1024 + random.below(60_000),
            interval: 30 * (1 + random.below(20)),
            target: format!("{}.{}", random.below(10), random.below(100)),
            digest: random.next(),
        }
    }

    /// Returns the name of the group that the SLX is in.
    pub(super) fn group(&self) -> String {
        format!("{} ({})", self.namespace, self.cluster)
    }
}
