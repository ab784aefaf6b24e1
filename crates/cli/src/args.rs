//! The command line's grammar.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::commands::{admin, bundle, demo, fmt, new, plan, pre_receive, schema, serve, upload, validate};

/// Keep the configuration of workspaces in Git, from the API, from uploaded bundles and from pushes
#[derive(Debug, Parser)]
#[command(name = "workstead", version, max_term_width = 100, arg_required_else_help = true)]
#[command(
    after_help = "Exit codes: 0 done, 1 something to mend on your side, 2 unexpected. `validate` and `fmt` end with 1 for what \
                  they found and with 2 where they could not look. Commands that talk to a server tell more \
                  apart: 3 refused content, 4 not allowed, 5 a conflict, 6 out of reach; see docs/CI.md."
)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    command: Command,
}

/// One command each, in `commands/`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server
    Serve(serve::Args),
    /// Show the whole product in a minute, on a server of its own
    Demo(demo::Args),
    /// Check a workspace directory, or a change of it, as the server would
    Validate(validate::Args),
    /// Format the files of a workspace; comments stay
    Fmt(fmt::Args),
    /// Write a new file of a workspace, or a whole one
    New(new::Args),
    /// Print the JSON Schema of a kind of file
    Schema(schema::Args),
    /// Pack a workspace directory into a bundle
    Bundle(bundle::Args),
    /// Upload a directory or a bundle to a workspace
    Upload(upload::Args),
    /// Show what an upload would change, and change nothing
    Plan(plan::Args),
    /// Look after a stopped server's data
    Admin(admin::Args),
    /// Ask the running server about a push; Git's pre-receive hook calls this
    #[command(hide = true)]
    PreReceive(pre_receive::Args),
}

/// What the arguments ask for.
pub(crate) enum Parsed {
    /// Run a command.
    Run(Box<Command>),
    /// Print clap's message: help, the version, or what is wrong with the arguments.
    Print(clap::Error, ExitCode),
}

/// Commands whose 1 means that they found something, so wrong arguments are 2 as with linters.
const LINTERS: [&str; 2] = ["validate", "fmt"];

/// Parses the arguments.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Parsed {
    let arguments: Vec<_> = arguments.into_iter().collect();
    let is_linter = arguments.get(1).is_some_and(|command| LINTERS.iter().any(|linter| command == linter));
    match Cli::try_parse_from(arguments) {
        Ok(cli) => Parsed::Run(Box::new(cli.command)),
        Err(message) => Parsed::Print(message, ExitCode::from(if is_linter { 2 } else { 1 })),
    }
}

/// Prints clap's message; wrong arguments are the user's, so mostly 1 and not clap's own 2.
pub(crate) fn print(message: &clap::Error, code: ExitCode) -> ExitCode {
    let _ = message.print();
    if message.use_stderr() { code } else { ExitCode::SUCCESS }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_grammar_is_sound() {
        Cli::command().debug_assert();
    }

    /// Writes the help of every command that people see, as docs/CLI.md holds it.
    fn reference() -> String {
        let mut root = Cli::command().term_width(100);
        root.build();
        let mut text = String::from(
            "# The command line\n\nWritten from `--help` of every command, and kept true by a test \
             (`UPDATE_DOCS=1 cargo test -p workstead --bin workstead` writes it anew).\n",
        );
        add_sections(&root, "workstead", &mut text);
        text
    }

    /// Adds a command's help, and then that of each command below it.
    fn add_sections(command: &clap::Command, title: &str, text: &mut String) {
        let help = command.clone().term_width(100).render_long_help();
        text.push_str(&section(title, &help.to_string()));
        let people_see = |command: &&clap::Command| !command.is_hide_set() && command.get_name() != "help";
        for below in command.get_subcommands().filter(people_see) {
            add_sections(below, &format!("{title} {}", below.get_name()), text);
        }
    }

    fn section(title: &str, help: &str) -> String {
        let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
        format!("\n## {title}\n\n```text\n{}\n```\n", lines.join("\n").trim_end())
    }

    #[test]
    fn docs_cli_md_is_what_help_says() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/CLI.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            fs_err::write(path, reference()).unwrap();
        }
        let written = fs_err::read_to_string(path).unwrap();
        assert!(written == reference(), "docs/CLI.md is out of date; its first lines say how to write it");
    }
}
