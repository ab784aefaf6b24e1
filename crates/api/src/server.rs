//! Starting, serving and stopping.

mod connections;
mod files;
mod measuring;
mod start;

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use jiff::Timestamp;
use secrecy::SecretString;
use tokio::net::TcpListener;
use tower::util::MapRequest;
use url::Url;

use self::connections::{Bounds, HEAD_TIME};
pub use self::start::StartError;
pub(crate) use self::start::open_app;
use crate::app::AppState;
use crate::data_dir::DataDir;
use crate::middleware::plain_paths;
use crate::settings::Settings;
use crate::{housekeeping, router, upload, webhooks};

/// Why a running server ended other than by being asked to.
#[derive(Debug, thiserror::Error)]
#[error("the server stopped accepting connections")]
pub struct ServeError(#[from] std::io::Error);

/// The routes behind the rewriting of paths, which must come before any of them is chosen.
pub type Service = MapRequest<Router, fn(Request<Body>) -> Request<Body>>;

/// A server that listens already but does not answer yet.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    /// Where metrics are answered, when the settings say so.
    metrics: Option<(TcpListener, SocketAddr)>,
    app: AppState,
    new_admin_token: Option<SecretString>,
    // Held until everything else is gone.
    _data: DataDir,
}

impl Server {
    /// Opens the data directory and the database, finishes what a crash cut short, and listens.
    pub async fn bind(settings: Settings) -> Result<Self, StartError> {
        start::bind(settings).await
    }

    /// Returns where it listens, with the real port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns where it answers metrics apart from the API, with the real port.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(|(_, address)| *address)
    }

    /// Returns the address for clients, without a trailing slash.
    pub fn public_url(&self) -> &Url {
        &self.app.public_url
    }

    /// Returns the admin's token when it was just made: show it now, it is kept as a hash only.
    pub fn take_new_admin_token(&mut self) -> Option<SecretString> {
        self.new_admin_token.take()
    }

    /// Returns the parts, for tests of what no route shows.
    #[cfg(test)]
    pub(crate) fn app(&self) -> &AppState {
        &self.app
    }

    /// Sweeps once as if it were `now`: for tests, since a running server does so by itself.
    pub async fn sweep_uploads(&self, now: Timestamp) {
        // What fails is logged.
        let _ = upload::sweep(&self.app, now).await;
        let _ = upload::tidy(&self.app, now).await;
    }

    /// Sends to webhooks what is due as if it were `now`: for tests, since a running server does so by itself.
    pub async fn deliver_to_webhooks(&self, now: Timestamp) {
        if let Err(error) = webhooks::deliver_due(&self.app, now).await {
            tracing::warn!(cause = error.cause(), "deliveries to webhooks can't be looked up");
        }
    }

    /// Looks after the repositories as if it were `now`: for tests, since a running server does so by itself.
    pub async fn keep_house(&self, now: Timestamp) {
        if let Err(error) = housekeeping::go_round(&self.app, now, None).await {
            tracing::error!(cause = error.cause(), "housekeeping failed");
        }
    }

    /// Returns the routes, to answer requests without a socket.
    pub fn service(&self) -> Service {
        MapRequest::new(router::router(self.app.clone()), plain_paths::<Body> as fn(_) -> _)
    }

    /// Answers requests until `shutdown` ends, then finishes those that are running, within the grace.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send + 'static) -> Result<(), ServeError> {
        let service = self.service();
        let Self { listener, metrics, app, _data, .. } = self;
        let grace = app.settings.shutdown_grace;
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let streams = app.clone();
        let signal = async move {
            shutdown.await;
            tracing::info!("stopping: no new connections, running requests finish");
            streams.housekeeping.stop();
            streams.uploads.close_streams();
            streams.events.close_streams();
            let _ = stop.send(true);
        };
        let sweeper = tokio::spawn(upload::sweep_forever(app.clone(), stopped.clone()));
        let housekeeper = tokio::spawn(housekeeping::go_round_forever(app.clone(), stopped.clone()));
        let signal = tokio::spawn(signal);
        let measuring = measuring::start(&app, metrics.map(|(listener, _)| listener), &stopped);
        let bounds = Bounds { most: files::raise_limit(), head_time: HEAD_TIME };
        let serving = connections::serve(listener, service, bounds, stopped.clone());
        let mut waiting = stopped;
        tokio::select! {
            () = serving => {}
            () = async {
                // An error means that the sender is gone, which is the end as well.
                let _ = waiting.wait_for(|stopped| *stopped).await;
                tokio::time::sleep(grace).await;
            } => {
                tracing::warn!(seconds = grace.as_secs(), "some requests did not finish within the grace");
            }
        }
        signal.abort();
        sweeper.abort();
        app.housekeeping.stop();
        housekeeper.abort();
        for task in measuring {
            task.abort();
        }
        app.slack.stop();
        app.webhooks.stop();
        app.uploads.stop();
        app.mirrors.stop();
        if tokio::time::timeout(grace, app.work.finish()).await.is_err() {
            tracing::warn!(seconds = grace.as_secs(), "some writes did not finish within the grace");
        }
        app.database.close().await;
        tracing::info!("stopped");
        Ok(())
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Server").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Binds and runs a server; `announce` is called in between, with the address and a new token known.
pub async fn serve(
    settings: Settings,
    announce: impl FnOnce(&mut Server),
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), StartError> {
    let mut server = Server::bind(settings).await?;
    announce(&mut server);
    server.run(shutdown).await.map_err(StartError::Serve)
}
