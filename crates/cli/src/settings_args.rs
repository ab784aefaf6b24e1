//! The flags that settings have: one for each of the table, for commands that open the server's data.

use std::fmt::Write as _;

use clap::{Arg, ArgAction, ArgMatches, Command, FromArgMatches};
use workstead_api::settings::{SETTINGS, Setting, Settings};

use crate::error::CliError;

/// A flag for every setting that is no secret.
///
/// They are made from the table of settings, so that a new setting has its flag at once.
#[derive(Debug)]
pub(crate) struct SettingsArgs {
    given: Vec<(&'static str, String)>,
}

impl SettingsArgs {
    /// Reads all settings.
    pub(crate) fn read(&self) -> Result<Settings, CliError> {
        Settings::from_lookup(|name| self.lookup(name)).map_err(|error| {
            CliError::user_caused(error, "a setting can't be used")
                .hint("`workstead serve --help` lists all settings")
        })
    }

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

impl clap::Args for SettingsArgs {
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

impl FromArgMatches for SettingsArgs {
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

#[cfg(test)]
mod tests {
    use clap::Args as _;

    use super::*;

    fn parse(arguments: &[&str]) -> SettingsArgs {
        let command = SettingsArgs::augment_args(Command::new("serve").no_binary_name(true));
        SettingsArgs::from_arg_matches(&command.try_get_matches_from(arguments).unwrap()).unwrap()
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
        let command = SettingsArgs::augment_args(Command::new("serve"));
        assert!(command.get_arguments().all(|arg| arg.get_id().as_str() != "WORKSTEAD_ADMIN_TOKEN"));
        assert_eq!(command.get_arguments().count(), flagged().count());
    }
}
