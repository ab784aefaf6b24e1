//! A second place for all repositories, for clients that were made for another Git host.

/// First components of addresses that are ours already.
const TAKEN: &[&str] =
    &["api", "docs", "git", "healthz", "livez", "metrics", "oauth", "readyz", "schemas", "static", "uploads"];
/// Longest prefix.
const LONGEST: usize = 200;

/// A path below which every repository is found as well, like `/platform-cluster-01`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AliasPrefix(String);

impl AliasPrefix {
    /// Parses a prefix: components of letters, digits and `._~-` that begin with a letter or a digit, the first of
    /// which is not the server's own.
    pub fn parse(text: &str) -> Option<Self> {
        let path = text.strip_prefix('/')?;
        let plain = |component: &str| {
            component.starts_with(|c: char| c.is_ascii_alphanumeric())
                && component.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._~-".contains(&byte))
        };
        let mut components = path.split('/');
        let free = |first: &str| !TAKEN.iter().any(|taken| taken.eq_ignore_ascii_case(first));
        let good = text.len() <= LONGEST && components.next().is_some_and(free) && path.split('/').all(plain);
        good.then(|| Self(text.to_owned()))
    }

    /// Returns it, with a slash before and none behind.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Tells whether a path is the prefix or lies below it.
    pub(crate) fn covers(&self, path: &str) -> bool {
        path.strip_prefix(&self.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_a_plain_path_of_its_own() {
        for good in ["/platform-cluster-01", "/a/b", "/a/git", "/v1.2~x"] {
            assert_eq!(AliasPrefix::parse(good).unwrap().as_str(), good);
        }
        let long = format!("/{}", "a".repeat(LONGEST));
        for bad in [
            "",
            "/",
            "a",
            "//a",
            "/a/",
            "/a//b",
            "/api",
            "/API/x",
            "/git",
            "/uploads",
            "/livez",
            "/schemas",
            "/..",
            "/a/..",
            "/.well-known",
            "/a b",
            "/a%2Fb",
            "/{a}",
            "/{*a}",
            "/a?b",
            "/a#b",
            "/ä",
            "http://x/a",
            &long,
        ] {
            assert_eq!(AliasPrefix::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn whole_components_count() {
        let prefix = AliasPrefix::parse("/a/b").unwrap();
        for (path, covered) in [("/a/b", true), ("/a/b/x.git", true), ("/a/bc/x.git", false), ("/a", false)] {
            assert_eq!(prefix.covers(path), covered, "{path}");
        }
    }

    #[test]
    fn no_route_of_the_api_begins_like_a_prefix() {
        for route in crate::router::table().routes {
            let prefix = format!("/{}", route.path.split('/').nth(1).unwrap());
            assert_eq!(AliasPrefix::parse(&prefix), None, "{prefix} is taken");
        }
    }
}
