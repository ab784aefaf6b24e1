//! `workstead demo`: the whole product in a minute, on a server that lives as long as the command.

mod checkout;
mod content;
mod guide;
mod tour;

use std::path::PathBuf;

use secrecy::ExposeSecret;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use workstead_api::Server;
use workstead_api::settings::Settings;

use self::guide::Guide;
use self::tour::Tour;
use crate::commands::serve::runtime;
use crate::error::CliError;
use crate::logging;
use crate::output::Printer;
use crate::signals::EndSignals;

/// Arguments of `workstead demo`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// End after the tour instead of waiting for Ctrl-C
    #[arg(long)]
    once: bool,
}

/// Everything of a demo lies in one temporary directory.
struct Stage {
    directory: TempDir,
    // A second name for the path, which the tour's thread may keep.
    root: PathBuf,
}

/// A server beside the tour, in this process.
struct Running {
    url: String,
    token: String,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<Result<(), CliError>>,
}

/// Starts a server, gives the tour, and cleans up.
pub(crate) fn run(args: &Args, printer: &Printer) -> Result<(), CliError> {
    let stage = Stage::new()?;
    let settings = stage.settings()?;
    logging::init(&settings, None)?;
    let runtime = runtime()?;
    let shown = runtime.block_on(show(args, printer, &stage, settings));
    // An interrupted tour may still wait for a child; the directory goes all the same.
    runtime.shutdown_background();
    let Stage { directory, root } = stage;
    let removed = directory.close();
    shown?;
    removed.map_err(|error| CliError::unexpected(error, format!("failed to remove `{}`", root.display())))
}

async fn show(args: &Args, printer: &Printer, stage: &Stage, settings: Settings) -> Result<(), CliError> {
    let mut signals =
        EndSignals::listen().map_err(|error| CliError::unexpected(error, "failed to listen for signals"))?;
    let running = start(settings).await?;
    let tour = Tour::new(stage.root.clone(), &running.url, &running.token, Guide::new(printer))?;
    let guided = tokio::task::spawn_blocking(move || tour.guide());
    let ended = tokio::select! {
        ended = guided => ended.unwrap_or_else(|error| Err(CliError::unexpected(error, "the tour broke off"))),
        () = signals.next() => return Err(CliError::user("interrupted")),
    };
    if ended.is_ok() && !args.once {
        printer.data("\nThe server stays up. Ctrl-C ends it and removes everything.")?;
        signals.next().await;
    }
    let _ = running.stop.send(());
    let served = running.serving.await;
    ended?;
    served.unwrap_or_else(|error| Err(CliError::unexpected(error, "the server broke off")))
}

impl Stage {
    fn new() -> Result<Self, CliError> {
        let directory = tempfile::Builder::new()
            .prefix("workstead-demo-")
            .tempdir()
            .map_err(|error| CliError::user_caused(error, "failed to make a temporary directory"))?;
        Ok(Self { root: directory.path().to_owned(), directory })
    }

    /// Returns the settings of a server on a free port, with its data below the stage.
    fn settings(&self) -> Result<Settings, CliError> {
        let data = self.root.join("data").display().to_string();
        // Of the caller's environment only the log is taken: the demo is the same everywhere.
        let settings = Settings::from_lookup(|name| match name {
            "WORKSTEAD_DATA_DIR" => Some(data.clone()),
            "WORKSTEAD_LISTEN" => Some("127.0.0.1:0".to_owned()),
            "WORKSTEAD_ADMIN_EMAIL" => Some("you@example.com".to_owned()),
            "WORKSTEAD_LOG" => std::env::var(name).ok().or_else(|| Some("error".to_owned())),
            "WORKSTEAD_LOG_FORMAT" => std::env::var(name).ok(),
            _ => None,
        });
        settings.map_err(|error| CliError::user_caused(error, "a setting can't be used"))
    }
}

/// Starts a server beside the tour.
async fn start(settings: Settings) -> Result<Running, CliError> {
    let mut server = Server::bind(settings)
        .await
        .map_err(|error| CliError::user_caused(error, "the demo's server can't start"))?;
    let token = server
        .take_new_admin_token()
        .ok_or_else(|| CliError::unexpected_message("the demo's server made no admin token"))?;
    let (stop, stopped) = oneshot::channel();
    let url = format!("http://{}", server.address());
    let serving = tokio::spawn(async move {
        let stopped = async {
            // A sender that is gone means the same.
            let _ = stopped.await;
        };
        server.run(stopped).await.map_err(|error| CliError::unexpected(error, "the demo's server failed"))
    });
    Ok(Running { url, token: token.expose_secret().to_owned(), stop, serving })
}
