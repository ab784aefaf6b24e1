//! Many connections at once, each request timed.

use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

use crate::report::seconds;

/// Where a load ends: at the first of the two.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) connections: usize,
    /// Most requests of each connection.
    pub(crate) requests: usize,
    pub(crate) time: Duration,
}

/// What a load took.
pub(crate) struct Timed {
    elapsed: Duration,
    /// In order.
    latencies: Vec<Duration>,
}

impl Timed {
    pub(crate) fn new(elapsed: Duration, mut latencies: Vec<Duration>) -> Self {
        latencies.sort();
        Self { elapsed, latencies }
    }

    /// Puts several loads together as one after the other.
    pub(crate) fn joined(parts: Vec<Self>) -> Self {
        let elapsed = parts.iter().map(|part| part.elapsed).sum();
        Self::new(elapsed, parts.into_iter().flat_map(|part| part.latencies).collect())
    }

    /// Returns the requests in a second.
    pub(crate) fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.elapsed.as_secs_f64()
    }

    /// Returns the latency that so many of a hundred requests stay within.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.latencies.len() * percent).div_ceil(100).max(1);
        self.latencies.get(rank - 1).copied().unwrap_or_default()
    }

    /// Writes the rate with the middle and the slow latencies.
    pub(crate) fn describe(&self) -> String {
        let (middle, slow) = (seconds(self.percentile(50)), seconds(self.percentile(99)));
        format!("{:.0}/s, p50 {middle}, p99 {slow}", self.rate())
    }
}

/// Runs all connections to their end.
///
/// `open` gets the number of a connection and returns what makes its requests, by their number.
pub(crate) fn load<W>(bounds: Bounds, open: impl Fn(usize) -> Result<W> + Sync) -> Result<Timed>
where
    W: FnMut(usize) -> Result<()>,
{
    let start = Instant::now();
    let latencies = std::thread::scope(|scope| {
        let open = &open;
        let connection = |number: usize| {
            move || -> Result<Vec<Duration>> {
                let mut work = open(number)?;
                let mut latencies = Vec::new();
                for request in 0..bounds.requests {
                    let sent = Instant::now();
                    work(request)?;
                    latencies.push(sent.elapsed());
                    if start.elapsed() >= bounds.time {
                        break;
                    }
                }
                Ok(latencies)
            }
        };
        let workers: Vec<_> = (0..bounds.connections).map(|number| scope.spawn(connection(number))).collect();
        let mut all = Vec::new();
        for worker in workers {
            all.extend(worker.join().map_err(|_| anyhow!("a connection's thread panicked"))??);
        }
        Ok::<_, anyhow::Error>(all)
    })?;
    Ok(Timed::new(start.elapsed(), latencies))
}
