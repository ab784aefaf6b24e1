//! What is told while an upload runs: a bar on a terminal, plain lines elsewhere, nothing when quiet.

use std::io::{IsTerminal, Read};
use std::time::Duration;

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

use crate::output::{Printer, printable};

/// The bar of bytes.
const BYTES: &str = "{prefix} {bar:30} {bytes}/{total_bytes} {bytes_per_sec}";
/// What turns while the server works.
const WAITING: &str = "{spinner} {msg} {elapsed}";

/// Tells people, on standard error.
#[derive(Debug)]
pub(crate) struct Talk {
    printer: Printer,
    quiet: bool,
    terminal: bool,
}

impl Talk {
    /// Tells by what standard error is.
    pub(crate) fn new(printer: &Printer, quiet: bool) -> Self {
        Self { printer: printer.clone(), quiet, terminal: std::io::stderr().is_terminal() }
    }

    /// Tells a line.
    pub(crate) fn say(&self, text: &str) {
        if !self.quiet {
            self.printer.say(printable(text));
        }
    }

    /// Begins to send bytes.
    pub(crate) fn sending(&self, length: u64, to: &str) -> Sending {
        let bar = if self.quiet || !self.terminal {
            ProgressBar::hidden()
        } else {
            styled(ProgressBar::new(length), BYTES).with_prefix(format!("sending to {to}"))
        };
        if !self.terminal {
            self.say(&format!("sending {} to {to}", HumanBytes(length)));
        }
        Sending { bar, length, sent: 0 }
    }

    /// Begins to wait for the server.
    pub(crate) fn waiting(&self, text: &'static str) -> Waiting<'_> {
        let bar = if self.quiet || !self.terminal {
            ProgressBar::hidden()
        } else {
            let bar = styled(ProgressBar::new_spinner(), WAITING).with_message(text);
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        };
        Waiting { talk: self, bar, phase: String::new() }
    }
}

fn styled(bar: ProgressBar, template: &str) -> ProgressBar {
    // The templates are constants that a test reads; without one the default style is used.
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// Bytes on their way.
#[derive(Debug)]
pub(crate) struct Sending {
    bar: ProgressBar,
    length: u64,
    sent: u64,
}

impl Sending {
    /// Counts what is read as sent.
    pub(crate) fn counting<'a>(&'a mut self, bytes: &'a [u8]) -> impl Read + 'a {
        Counting { sending: self, rest: bytes }
    }

    /// Ends, and tells whether the connection took all bytes.
    pub(crate) fn end(self) -> bool {
        self.bar.finish_and_clear();
        self.sent >= self.length
    }
}

struct Counting<'a> {
    sending: &'a mut Sending,
    rest: &'a [u8],
}

impl Read for Counting<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.rest.read(buffer)?;
        self.sending.sent += count as u64;
        self.sending.bar.inc(count as u64);
        Ok(count)
    }
}

/// The server at work.
#[derive(Debug)]
pub(crate) struct Waiting<'a> {
    talk: &'a Talk,
    bar: ProgressBar,
    phase: String,
}

impl Waiting<'_> {
    /// Tells what it does now, once.
    pub(crate) fn phase(&mut self, phase: &str) {
        if self.phase != phase {
            phase.clone_into(&mut self.phase);
            let text = format!("the server: {}", printable(phase));
            if self.talk.terminal { self.bar.set_message(text) } else { self.talk.say(&text) }
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_can_be_read() {
        for template in [BYTES, WAITING] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }

    #[test]
    fn what_was_read_counts_as_sent() {
        let printer = Printer::new();
        for (read, all) in [(2, false), (3, true)] {
            let mut sending = Talk::new(&printer, true).sending(3, "x");
            sending.counting(b"abc").read_exact(&mut [0; 3][..read]).unwrap();
            assert_eq!(sending.end(), all);
        }
    }
}
