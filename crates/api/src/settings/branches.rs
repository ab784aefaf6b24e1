//! Which branches are protected beside the default one.

/// Names of branches, with `*` for any characters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BranchPatterns(Vec<String>);

impl BranchPatterns {
    /// Most patterns.
    const MOST: usize = 50;

    /// Parses patterns between commas; each must be able to be a branch's name.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let patterns: Vec<String> = text.split(',').map(|pattern| pattern.trim().to_owned()).collect();
        let possible = |pattern: &String| {
            workstead_core::name::BranchName::parse(&pattern.replace('*', "x")).is_ok()
                && pattern.len() <= 200
        };
        (patterns.len() <= Self::MOST && patterns.iter().all(possible)).then_some(Self(patterns))
    }

    /// Tells whether a name is meant by one of the patterns.
    pub(crate) fn matches(&self, name: &str) -> bool {
        self.0.iter().any(|pattern| fits(pattern, name))
    }
}

/// Compares without going back further than to the last `*`, so that no pattern takes long.
fn fits(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(position) = rest.find(part) else { return false };
        rest = &rest[position + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_characters() {
        let patterns = BranchPatterns::parse("release/*, stable,*-lts,a*b*c").unwrap();
        for name in ["release/1", "release/1/x", "release/", "stable", "1-lts", "abc", "axbybzc"] {
            assert!(patterns.matches(name), "{name}");
        }
        for name in ["release", "x/release/1", "stable2", "unstable", "lts", "ab", "acb", "abcd"] {
            assert!(!patterns.matches(name), "{name}");
        }
        assert!(!BranchPatterns::default().matches("main"));
    }

    #[test]
    fn what_no_branch_can_be_called_is_refused() {
        for bad in ["", "a,,b", "a b", "-x", "a..b", "/a", "a~1"] {
            assert_eq!(BranchPatterns::parse(bad), None, "{bad}");
        }
        assert_eq!(BranchPatterns::parse(&vec!["a"; 51].join(",")), None);
    }
}
