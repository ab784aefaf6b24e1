//! How the tour looks: numbered steps, each with its command and what came of it.

use std::fmt::Display;

use clap::builder::styling::{AnsiColor, Style};

use crate::error::CliError;
use crate::output::Printer;

/// Prints the tour.
pub(super) struct Guide {
    printer: Printer,
    heading: Style,
    command: Style,
    number: usize,
}

impl Guide {
    /// Makes a guide that colours where the printer does.
    pub(super) fn new(printer: &Printer) -> Self {
        let (heading, command) = if printer.color() {
            (Style::new().bold(), AnsiColor::Cyan.on_default())
        } else {
            (Style::new(), Style::new())
        };
        Self { printer: printer.clone(), heading, command, number: 0 }
    }

    /// Begins a step: what is done, and why anybody would.
    pub(super) fn step(&mut self, title: &str, why: &str) -> Result<(), CliError> {
        self.number += 1;
        let style = self.heading;
        self.printer.data(format_args!("\n{style}{}. {title}{style:#}", self.number))?;
        why.lines().try_for_each(|line| self.printer.data(format_args!("   {}", line.trim())))
    }

    /// Shows the command that does the same by hand.
    pub(super) fn command(&self, text: impl Display) -> Result<(), CliError> {
        let style = self.command;
        self.printer.data(format_args!("   {style}$ {text}{style:#}"))
    }

    /// Shows what came of it.
    pub(super) fn result(&self, text: impl Display) -> Result<(), CliError> {
        text.to_string()
            .lines()
            .try_for_each(|line| self.printer.data(format_args!("     {line}").to_string().trim_end()))
    }

    /// Shows a line of the list at the end.
    pub(super) fn line(&self, text: impl Display) -> Result<(), CliError> {
        self.printer.data(format_args!("   {text}"))
    }
}
