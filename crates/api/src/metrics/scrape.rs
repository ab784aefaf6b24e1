//! What is asked for when somebody scrapes: the database and the disk, each within a moment.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use prometheus_client::metrics::gauge::Gauge;

use super::registrar::{Gauges, Registrar, about};
use super::{age, gauge};
use crate::app::AppState;
use crate::error::ApiError;
use crate::store::now;

/// How long a scrape waits for one thing; Prometheus itself waits ten seconds.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is set at each scrape.
#[derive(Debug)]
pub(super) struct Sampled {
    ready: Gauge,
    pool: Gauges<1>,
    pool_most: Gauge,
    slack_outbox: Gauge,
    slack_oldest: Gauge<f64, AtomicU64>,
    upload_memory: Gauge,
    disk_bytes: Gauge,
    disk_free_bytes: Gauge,
}

impl Sampled {
    pub(super) fn register(r: &mut Registrar) -> Self {
        Self {
            ready: r.gauge(&about(
                "workstead_ready",
                &[],
                "Whether the database answers, as /readyz asks: 1 or 0",
            )),
            pool: r.gauge(&about(
                "workstead_database_connections",
                &["state"],
                "Connections to the database, `idle` or `used`",
            )),
            pool_most: r.gauge(&about(
                "workstead_database_connections_max",
                &[],
                "Most connections to the database",
            )),
            slack_outbox: r.gauge(&about(
                "workstead_slack_outbox",
                &[],
                "Messages that Slack is still to be told",
            )),
            slack_oldest: r.gauge(&about(
                "workstead_slack_outbox_oldest_seconds",
                &[],
                "How long the oldest of them waits; 0 when there is none",
            )),
            upload_memory: r.gauge(&about(
                "workstead_upload_memory_bytes",
                &[],
                "Memory that is reserved for unpacked bundles",
            )),
            disk_bytes: r.gauge(&about(
                "workstead_data_disk_bytes",
                &[],
                "Size of the file system that holds the data directory",
            )),
            disk_free_bytes: r.gauge(&about(
                "workstead_data_disk_free_bytes",
                &[],
                "What of it the server may still use",
            )),
        }
    }
}

/// Answers a scrape.
pub(crate) async fn scrape(State(app): State<AppState>, headers: HeaderMap) -> Result<Response, ApiError> {
    app.metrics.sampled.upload_memory.set(gauge(app.upload_memory.reserved_bytes()));
    tokio::join!(ask_database(&app), ask_disk(&app));
    app.metrics.answer(&headers)
}

/// What the database does not answer in time keeps its last value; that it did not is what `workstead_ready` says.
async fn ask_database(app: &AppState) {
    let asked = tokio::time::timeout(PATIENCE, async {
        app.database.ping().await?;
        let queue = app.database.upload_queue().await?;
        let outbox = app.database.slack_outbox().await?;
        Ok::<_, sqlx::Error>((queue, outbox))
    });
    let (metrics, now) = (&app.metrics, now());
    let answered = asked.await;
    match &answered {
        Ok(Ok(((queue, oldest), (count, since)))) => {
            let mut figures = super::QueueFigures { oldest_queued: *oldest, ..Default::default() };
            for (state, count) in queue {
                match state.as_str() {
                    "open" => figures.open = *count,
                    "queued" => figures.queued = *count,
                    _ => figures.running = *count,
                }
            }
            metrics.queue(&figures, now);
            metrics.sampled.slack_outbox.set(gauge(*count));
            metrics.sampled.slack_oldest.set(since.map_or(0.0, |since| age(since, now)));
        }
        Ok(Err(error)) => tracing::warn!(%error, "the database did not answer a scrape"),
        Err(_) => tracing::warn!("the database did not answer a scrape in time"),
    }
    metrics.sampled.ready.set(i64::from(matches!(answered, Ok(Ok(_)))));
    let pool = app.database.connections();
    metrics.sampled.pool.get_or_create(&[("state", "idle")]).set(gauge(pool.idle));
    metrics.sampled.pool.get_or_create(&[("state", "used")]).set(gauge(pool.open.saturating_sub(pool.idle)));
    metrics.sampled.pool_most.set(gauge(pool.most));
}

async fn ask_disk(app: &AppState) {
    let directory = app.settings.data_dir.clone();
    let asking = app.work.blocking(move || rustix::fs::statvfs(&directory));
    match tokio::time::timeout(PATIENCE, asking).await {
        Ok(Ok(Ok(disk))) => {
            app.metrics.sampled.disk_bytes.set(gauge(disk.f_blocks.saturating_mul(disk.f_frsize)));
            app.metrics.sampled.disk_free_bytes.set(gauge(disk.f_bavail.saturating_mul(disk.f_frsize)));
        }
        Ok(Ok(Err(error))) => tracing::warn!(%error, "the disk of the data could not be asked"),
        Ok(Err(_)) | Err(_) => tracing::warn!("the disk of the data did not answer in time"),
    }
}
