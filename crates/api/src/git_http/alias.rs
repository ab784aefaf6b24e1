//! A second address of all repositories, for clients that know only that one.

/// First components of addresses that lead elsewhere.
const TAKEN: [&str; 9] =
    [".well-known", "api", "docs", "git", "livez", "metrics", "readyz", "schemas", "uploads"];

/// A path below which repositories are found as below `/git`, like `/platform-cluster-01`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AliasPrefix(String);

impl AliasPrefix {
    /// Reads a path of plain components; nothing is returned for one that other routes have.
    pub fn parse(text: &str) -> Option<Self> {
        let path = text.strip_suffix('/').unwrap_or(text);
        let components: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
        let is_plain = |component: &&str| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-~".contains(&byte);
            !component.is_empty() && !component.starts_with('.') && component.bytes().all(plain)
        };
        let is_free = !TAKEN.contains(components.first()?);
        (path.len() <= 200 && is_free && components.iter().all(is_plain)).then(|| Self(path.to_owned()))
    }

    /// Returns the path, without a slash at its end.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Tells whether a path is this prefix or lies below it.
pub(super) fn lies_below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_a_plain_path_that_nothing_else_has() {
        for (text, expected) in [
            ("/platform-cluster-01", Some("/platform-cluster-01")),
            ("/a/b.c/", Some("/a/b.c")),
            ("/gitlab", Some("/gitlab")),
            ("platform", None),
            ("/", None),
            ("", None),
            ("//a", None),
            ("/a//b", None),
            ("/a/../git", None),
            ("/{x}", None),
            ("/a b", None),
            ("/a%2Fb", None),
            ("/git", None),
            ("/api/v3", None),
            ("/uploads/x", None),
        ] {
            assert_eq!(AliasPrefix::parse(text).as_ref().map(AliasPrefix::as_str), expected, "{text}");
        }
        assert!(AliasPrefix::parse(&format!("/{}", "a".repeat(200))).is_none());
    }

    #[test]
    fn below_is_below_and_not_beside() {
        assert!(lies_below("/git", "/git") && lies_below("/git/x", "/git"));
        assert!(!lies_below("/gitlab", "/git") && !lies_below("/", "/git"));
    }
}
