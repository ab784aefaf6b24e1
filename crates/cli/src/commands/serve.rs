//! `workstead serve`: the server until a signal ends it.

use std::fmt::Write as _;

use clap::{Arg, ArgAction, ArgMatches, Command, FromArgMatches};
use secrecy::ExposeSecret;
use workstead_api::settings::{SETTINGS, Setting, Settings};
use workstead_api::{Server, StartError};

use crate::error::CliError;
use crate::logging;
use crate::output::Printer;
use crate::signals::EndSignals;

/// Arguments of `workstead serve`: a flag for every setting that is no secret.
///
/// They are made from the table of settings, so that a new setting has its flag at once.
#[derive(Debug)]
pub(crate) struct Args {
    given: Vec<(&'static str, String)>,
}

impl Args {
    /// Returns a setting: the flag, or else the variable.
    fn lookup(&self, name: &str) -> Option<String> {
        let flag = self.given.iter().find(|(given, _)| *given == name).map(|(_, value)| value.clone());
        flag.or_else(|| std::env::var(name).ok())
    }
}

/// Returns the settings that have a flag; a secret in a flag would stand in `ps`.
fn flagged() -> impl Iterator<Item = &'static Setting> {
    SETTINGS.iter().filter(|setting| !setting.secret)
}

fn flag_name(setting: &Setting) -> String {
    setting.name.trim_start_matches("WORKSTEAD_").to_ascii_lowercase().replace('_', "-")
}

impl clap::Args for Args {
    fn augment_args(command: Command) -> Command {
        flagged().fold(command, |command, setting| {
            let help = setting.help.trim_end_matches('.');
            let mut origin = String::new();
            if !setting.default.is_empty() {
                let _ = write!(origin, " [default: {}]", setting.default);
            }
            let _ = write!(origin, " [env: {}]", setting.name);
            command.arg(
                Arg::new(setting.name)
                    .long(flag_name(setting))
                    .value_name("VALUE")
                    .action(ArgAction::Set)
                    .help(format!("{help}{origin}"))
                    .long_help(format!("{help}; takes {}{origin}", setting.expected)),
            )
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Args {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut args = Self { given: Vec::new() };
        args.update_from_arg_matches(matches)?;
        Ok(args)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        let given = |setting: &Setting| matches.get_one::<String>(setting.name).cloned();
        self.given = flagged().filter_map(|setting| Some((setting.name, given(setting)?))).collect();
        Ok(())
    }
}

/// Starts the server, says where it listens, and serves until it is asked to end.
pub(crate) fn run(args: &Args, printer: &Printer) -> Result<(), CliError> {
    let settings = Settings::from_lookup(|name| args.lookup(name)).map_err(|error| {
        CliError::user_caused(error, "a setting can't be used")
            .hint("`workstead serve --help` lists all settings")
    })?;
    logging::init(&settings)?;
    let runtime = runtime()?;
    let served = runtime.block_on(serve(settings, printer));
    // What the grace did not end must not hold the process.
    runtime.shutdown_background();
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

fn explain(error: StartError) -> CliError {
    match error {
        StartError::Serve(_) | StartError::Query(_) | StartError::Recovery(_) => {
            CliError::unexpected(error, "the server can't start")
        }
        _ => CliError::user_caused(error, "the server can't start"),
    }
}

#[cfg(test)]
mod tests {
    use clap::Args as _;

    use super::*;

    fn parse(arguments: &[&str]) -> Args {
        let command = Args::augment_args(Command::new("serve").no_binary_name(true));
        Args::from_arg_matches(&command.try_get_matches_from(arguments).unwrap()).unwrap()
    }

    #[test]
    fn a_flag_wins_over_its_variable_and_is_read_by_the_settings() {
        let args = parse(&["--listen", "127.0.0.1:1", "--data-dir", "/somewhere"]);
        assert_eq!(args.lookup("WORKSTEAD_LISTEN").as_deref(), Some("127.0.0.1:1"));
        let settings = Settings::from_lookup(|name| args.lookup(name)).unwrap();
        assert_eq!(settings.listen, "127.0.0.1:1");
        assert_eq!(settings.data_dir.to_str(), Some("/somewhere"));
        // `PATH` stands for a variable that is certainly set.
        assert_eq!(args.lookup("PATH"), std::env::var("PATH").ok());
    }

    #[test]
    fn secrets_have_no_flag() {
        let command = Args::augment_args(Command::new("serve"));
        assert!(command.get_arguments().all(|arg| arg.get_id().as_str() != "WORKSTEAD_ADMIN_TOKEN"));
        assert_eq!(command.get_arguments().count(), flagged().count());
    }
}
