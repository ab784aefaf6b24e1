//! The address apart from the API where metrics are answered, and what is counted in the background.

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::connections::{self, Bounds, HEAD_TIME};
use crate::app::AppState;
use crate::metrics;
use crate::router;

/// Most connections of those who scrape.
const CONNECTIONS: usize = 16;

/// Starts what metrics need while the server runs; nothing when nobody may ask for them.
pub(super) fn start(
    app: &AppState,
    listener: Option<TcpListener>,
    stopped: &watch::Receiver<bool>,
) -> Vec<JoinHandle<()>> {
    let mut tasks = Vec::new();
    if listener.is_some() || app.settings.metrics_token.is_some() {
        tasks.push(tokio::spawn(metrics::sample_forever(app.clone(), stopped.clone())));
    }
    if let Some(listener) = listener {
        let bounds = Bounds { most: CONNECTIONS, head_time: HEAD_TIME };
        let service = router::metrics_router(app.clone());
        tasks.push(tokio::spawn(connections::serve(listener, service, bounds, stopped.clone())));
    }
    tasks
}
