//! What `git push -o` asks of the push check.

use workstead_core::check::nearest;

use super::report::Report;

/// Only check; `git push -o dry-run`.
const DRY_RUN: &str = "dry-run";
/// Everything that may be asked for.
const KNOWN: &[&str] = &[DRY_RUN];

/// The options of one push.
#[derive(Debug, Default)]
pub(crate) struct PushOptions {
    /// Whether nothing shall be changed, whatever is found.
    pub(crate) dry_run: bool,
    unknown: Vec<String>,
}

impl PushOptions {
    /// Sorts what came into what is known and what is not.
    pub(crate) fn read(options: &[String]) -> Self {
        let (known, unknown): (Vec<_>, Vec<_>) =
            options.iter().cloned().partition(|option| KNOWN.contains(&option.as_str()));
        Self { dry_run: known.iter().any(|option| option == DRY_RUN), unknown }
    }

    /// Warns about what is not known: other hosts have options of their own, and who types `dryrun` means something.
    pub(super) fn warn(&self, report: &mut Report) {
        for option in &self.unknown {
            let hint = match nearest(option, KNOWN.iter().copied()) {
                Some(meant) => format!("did you mean `git push -o {meant}`?"),
                None => format!("known is {}", KNOWN.join(", ")),
            };
            report.warn(
                "unknown_push_option",
                &format!("the push option {option:?} is not known here"),
                &hint,
            );
        }
    }
}
