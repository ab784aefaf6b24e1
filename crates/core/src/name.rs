//! Names of workspaces, SLXs and branches, parsed once and trusted afterwards.

use std::fmt;

use crate::path::check_component;

/// Why a name was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} name {name:?} {rule}")]
pub struct InvalidName {
    /// What was to be named: `workspace`, `SLX` or `branch`.
    pub kind: &'static str,
    /// The refused text, cut to 300 characters.
    pub name: String,
    /// The rule that it breaks, as the end of a sentence.
    pub rule: String,
}

impl InvalidName {
    fn new(kind: &'static str, name: &str, rule: impl Into<String>) -> Self {
        let name = name.chars().take(300).collect();
        Self { kind, name, rule: rule.into() }
    }
}

macro_rules! text_type {
    ($name:ident) => {
        impl $name {
            /// Returns the name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                Self::parse(text)
            }
        }
    };
}

/// The name of a workspace: 2-63 of `a-z`, `0-9` and single inner hyphens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkspaceName(String);

text_type!(WorkspaceName);

impl WorkspaceName {
    /// Names that are routes of the API and can't be workspaces.
    pub const RESERVED: [&'static str; 1] = ["upload-status"];

    /// Parses a workspace name.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let refuse = |rule: &str| Err(InvalidName::new("workspace", text, rule));
        if !(2..=63).contains(&text.len()) {
            return refuse("must have 2 to 63 characters");
        }
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !text.bytes().all(allowed) {
            return refuse("may hold only lower-case letters a-z, digits and hyphens");
        }
        if text.starts_with('-') || text.ends_with('-') {
            return refuse("must begin and end with a letter or digit");
        }
        if text.contains("--") {
            return refuse("must not hold two hyphens in a row, which separate workspace and SLX");
        }
        if Self::RESERVED.contains(&text) {
            return refuse("is reserved for a route of the API");
        }
        Ok(Self(text.to_owned()))
    }
}

/// The short name of an SLX: its directory's name under `slxs/`.
///
/// Whatever a cluster may call things: blanks, parentheses, upper case, dots and
/// non-ASCII are allowed; what can't be a path component is not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlxName(String);

text_type!(SlxName);

impl SlxName {
    /// Parses an SLX's short name.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        check_component(text).map_err(|rule| InvalidName::new("SLX", text, rule))?;
        Ok(Self(text.to_owned()))
    }

    /// Returns the name with its workspace, `<workspace>--<short name>`, as in `metadata.name`.
    pub fn qualified(&self, workspace: &WorkspaceName) -> String {
        format!("{workspace}--{self}")
    }

    /// Returns the form under which two names count as the same: caseless, and in one Unicode form.
    pub fn fold(&self) -> String {
        crate::path::fold(&self.0)
    }
}

/// The name of a branch, without `refs/heads/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BranchName(String);

text_type!(BranchName);

impl BranchName {
    /// Parses a branch name by Git's own rules (git-check-ref-format), and no object's id in full.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let reference = format!("refs/heads/{text}");
        if text.len() > 200 || text.starts_with('-') || !git2::Reference::is_valid_name(&reference) {
            return Err(InvalidName::new("branch", text, "is not a valid Git branch name"));
        }
        if text == "HEAD" {
            // Git itself makes no such branch: the name stands for the one that is checked out.
            return Err(InvalidName::new(
                "branch",
                text,
                "is what Git calls the present branch; choose another",
            ));
        }
        if text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            // Git itself warns of such a name: who gives the id would get the branch.
            return Err(InvalidName::new("branch", text, "looks like the id of an object; choose another"));
        }
        Ok(Self(text.to_owned()))
    }

    /// Returns the branch that every workspace begins with, `main`.
    pub fn main() -> Self {
        Self("main".to_owned())
    }

    /// Returns the full reference, `refs/heads/<name>`.
    pub fn reference(&self) -> String {
        format!("refs/heads/{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workspace_names_follow_the_published_rule() {
        for good in ["ab", "a1", "my-workspace", "0-0", &"x".repeat(63)] {
            assert!(WorkspaceName::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "a", "-a", "a-", "a--b", "A1", "a_b", "ü1", "a/b", "upload-status", &"x".repeat(64)]
        {
            assert!(WorkspaceName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn slx_names_are_what_clusters_have() {
        for good in ["a", "Dev Cluster ü (Zürich)-http-ok-8ecf8fc6", "..-..-x", "My-Cluster.prod"] {
            assert!(SlxName::parse(good).is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "a/b", "a:b", "a\\b", ".GIT", "git~1", "a\0", "a\n", &"x".repeat(256)] {
            assert!(SlxName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_branch_is_not_named_like_an_id() {
        for id in ["0123456789abcdef0123456789abcdef01234567", &"A".repeat(40)] {
            let error = BranchName::parse(id).unwrap_err();
            assert_eq!(error.rule, "looks like the id of an object; choose another");
            assert!(BranchName::parse(&id[1..]).is_ok() && BranchName::parse(&format!("x/{id}")).is_ok());
        }
    }

    #[test]
    fn a_branch_is_not_called_head() {
        let error = BranchName::parse("HEAD").unwrap_err();
        assert_eq!(error.rule, "is what Git calls the present branch; choose another");
        assert!(BranchName::parse("head").is_ok() && BranchName::parse("x/HEAD").is_ok());
    }

    #[test]
    fn branch_names_follow_git() {
        assert!(BranchName::parse("feature/x").is_ok());
        for bad in ["", "a..b", "a b", "-x", "a.lock", "/a", "a\u{7f}"] {
            assert!(BranchName::parse(bad).is_err(), "{bad}");
        }
    }
}
