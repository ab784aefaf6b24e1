//! Which names of a directory never go into a bundle.

use std::fmt;

/// Why a name was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IgnoreReason {
    /// Git's own directory or file.
    Git,
    /// A name at the root that begins with a dot; the server refuses those in bundles.
    RootDotName,
    /// What a desktop leaves behind: `.DS_Store`, `._*`, `Thumbs.db`, `desktop.ini`.
    Desktop,
    /// An editor's backup, swap or lock file.
    EditorBackup,
}

impl fmt::Display for IgnoreReason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Git => "Git's own",
            Self::RootDotName => "root name with a dot",
            Self::Desktop => "left by a desktop",
            Self::EditorBackup => "editor backup",
        })
    }
}

/// Returns why a name is left out, or nothing when it goes in.
pub(super) fn reason(name: &str, at_root: bool) -> Option<IgnoreReason> {
    if name == ".git" {
        Some(IgnoreReason::Git)
    } else if name.starts_with("._") || matches!(name, ".DS_Store" | "Thumbs.db" | "desktop.ini") {
        Some(IgnoreReason::Desktop)
    } else if is_backup(name) {
        Some(IgnoreReason::EditorBackup)
    } else if at_root && name.starts_with('.') {
        Some(IgnoreReason::RootDotName)
    } else {
        None
    }
}

fn is_backup(name: &str) -> bool {
    // vi counts down from .swp when several are open.
    let swap =
        name.starts_with('.') && [".swp", ".swo", ".swn", ".swx"].iter().any(|end| name.ends_with(end));
    let emacs = name.starts_with(".#") || (name.len() > 1 && name.starts_with('#') && name.ends_with('#'));
    swap || emacs || name.ends_with('~')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tools_leave_behind_is_left_out_everywhere() {
        for name in
            [".git", "._slx.yaml", ".DS_Store", "slx.yaml~", ".slx.yaml.swp", "#slx.yaml#", ".#slx.yaml"]
        {
            assert!(reason(name, false).is_some(), "{name}");
            assert!(reason(name, true).is_some(), "{name}");
        }
    }

    #[test]
    fn other_dot_names_are_left_out_at_the_root_only() {
        assert_eq!(reason(".github", true), Some(IgnoreReason::RootDotName));
        assert_eq!(reason(".keep", false), None);
        for name in ["slx.yaml", "#", "a#", "SKILL.md", "x.swp", "..-..-x"] {
            assert_eq!(reason(name, false), None, "{name}");
        }
    }
}
