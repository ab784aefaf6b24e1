//! What a push is asked for beside its references (`git push -o`, gitprotocol-pack: push-options).

use std::fmt::Write as _;

/// The option that has a push only checked.
const DRY_RUN: &str = "dry-run";
/// Most options that are answered one by one.
const MAX_ANSWERED: usize = 10;
/// Most characters of an option that are shown.
const MAX_SHOWN_CHARS: usize = 60;

/// The options of one push.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct PushOptions {
    /// Whether the push is checked and nothing else.
    pub(crate) dry_run: bool,
    /// What is not known, one sentence each.
    pub(super) unknown: Vec<String>,
}

impl PushOptions {
    /// Reads the options as they came; an unknown one is no reason to refuse, other hosts know others.
    pub(crate) fn of(given: &[String]) -> Self {
        let mut options = Self::default();
        for option in given {
            if option == DRY_RUN {
                options.dry_run = true;
            } else if options.unknown.len() < MAX_ANSWERED {
                options.unknown.push(unknown(option));
            }
        }
        options
    }
}

fn unknown(option: &str) -> String {
    let shown: String = option.chars().take(MAX_SHOWN_CHARS).collect();
    let mut sentence = format!("warning: the push option {shown:?} is not known here");
    let plain = option.to_lowercase().replace(['_', ' '], "-");
    if strsim::osa_distance(&plain, DRY_RUN) <= 3 {
        // Whoever meant to try must not believe that nothing was changed.
        let _ = write!(sentence, "; did you mean {DRY_RUN}?");
    }
    sentence
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dry_run_is_asked_for_by_name_and_what_is_like_it_is_hinted_at() {
        let of = |given: &[&str]| {
            let given: Vec<_> = given.iter().map(|&option| option.to_owned()).collect();
            PushOptions::of(&given)
        };
        assert_eq!(of(&[]), PushOptions::default());
        assert_eq!(of(&["dry-run"]), PushOptions { dry_run: true, unknown: Vec::new() });
        let options = of(&["ci.skip", "dry_run", "dryrun"]);
        assert!(!options.dry_run);
        insta::assert_snapshot!(options.unknown.join("\n"), @r#"
        warning: the push option "ci.skip" is not known here
        warning: the push option "dry_run" is not known here; did you mean dry-run?
        warning: the push option "dryrun" is not known here; did you mean dry-run?
        "#);
        assert_eq!(PushOptions::of(&vec!["x".to_owned(); 50]).unknown.len(), MAX_ANSWERED);
    }
}
