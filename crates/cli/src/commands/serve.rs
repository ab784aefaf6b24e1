//! `workstead serve`: the server until a signal ends it.

use secrecy::ExposeSecret;
use workstead_api::settings::Settings;
use workstead_api::{Server, StartError};

use crate::error::CliError;
use crate::logging;
use crate::output::Printer;
use crate::settings_args::SettingsArgs;
use crate::signals::EndSignals;
use crate::traces::Traces;

/// Arguments of `workstead serve`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    settings: SettingsArgs,
}

/// Starts the server, says where it listens, and serves until it is asked to end.
pub(crate) fn run(args: &Args, printer: &Printer) -> Result<(), CliError> {
    let settings = args.settings.read()?;
    let traces = Traces::begin(&settings)?;
    logging::init(&settings, traces.as_ref())?;
    let runtime = runtime()?;
    let served = runtime.block_on(serve(settings, printer));
    // What the grace did not end must not hold the process.
    runtime.shutdown_background();
    if let Some(traces) = traces {
        traces.finish();
    }
    served
}

/// Makes the runtime that servers run on.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, CliError> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::unexpected(error, "failed to start the runtime"))
}

async fn serve(settings: Settings, printer: &Printer) -> Result<(), CliError> {
    let admin = settings.admin_email.clone();
    let mut signals =
        EndSignals::listen().map_err(|error| CliError::unexpected(error, "failed to listen for signals"))?;
    let mut server = Server::bind(settings).await.map_err(explain)?;
    if let Some(token) = server.take_new_admin_token() {
        let token = token.expose_secret();
        printer.data(format_args!("admin token of {admin}, shown only this once: {token}"))?;
    }
    if let Some(address) = server.metrics_address() {
        printer.data(format_args!("metrics on http://{address}/metrics"))?;
    }
    printer.data(format_args!("listening on http://{}", server.address()))?;
    let shutdown = async move {
        signals.next().await;
        tokio::spawn(async move {
            signals.next().await;
            // Asked twice: nothing acknowledged is lost, as after any crash.
            std::process::exit(1);
        });
    };
    server.run(shutdown).await.map_err(|error| CliError::unexpected(error, "the server failed"))
}

/// Tells who can mend what keeps a server from starting.
pub(crate) fn explain(error: StartError) -> CliError {
    match error {
        StartError::Serve(_) | StartError::Query(_) | StartError::Recovery(_) => {
            CliError::unexpected(error, "the server can't start")
        }
        _ => CliError::user_caused(error, "the server can't start"),
    }
}
