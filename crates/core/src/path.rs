//! Paths inside a workspace repository.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

/// Most bytes that a whole path may have.
pub const MAX_PATH_BYTES: usize = 1024;
/// Most components that a path may have.
pub const MAX_PATH_DEPTH: usize = 16;
/// Most bytes that one component may have, the limit of common file systems.
pub const MAX_COMPONENT_BYTES: usize = 255;

/// Why a path was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("path {path:?} {rule}")]
pub struct InvalidPath {
    /// The refused path, cut to 300 characters.
    pub path: String,
    /// The rule that it breaks, as the end of a sentence.
    pub rule: String,
}

/// A file's path in a repository: relative, `/`-separated, safe on every common file system.
///
/// It is no path of this machine; it never says where anything is on disk.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepoPath(String);

impl RepoPath {
    /// Parses a path, refusing whatever is not a plain relative path to a file.
    pub fn parse(text: &str) -> Result<Self, InvalidPath> {
        let refuse = |rule: String| InvalidPath { path: text.chars().take(300).collect(), rule };
        if text.len() > MAX_PATH_BYTES {
            return Err(refuse(format!("has {} bytes, more than {MAX_PATH_BYTES}", text.len())));
        }
        if text.starts_with('/') {
            return Err(refuse("is absolute".to_owned()));
        }
        let mut depth = 0;
        for component in text.split('/') {
            check_component(component).map_err(refuse)?;
            depth += 1;
        }
        if depth > MAX_PATH_DEPTH {
            return Err(refuse(format!("is {depth} levels deep, more than {MAX_PATH_DEPTH}")));
        }
        Ok(Self(text.to_owned()))
    }

    /// Returns the path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the components, first to last.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }

    /// Returns the last component.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// Returns the directory's path, or nothing for a file at the root.
    pub fn parent(&self) -> Option<&str> {
        self.0.rsplit_once('/').map(|(parent, _)| parent)
    }

    /// Returns the form under which two paths count as the same: caseless, and in one Unicode form.
    pub fn fold(&self) -> String {
        fold(&self.0)
    }
}

impl fmt::Display for RepoPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl AsRef<str> for RepoPath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for RepoPath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for RepoPath {
    type Err = InvalidPath;

    fn from_str(text: &str) -> Result<Self, InvalidPath> {
        Self::parse(text)
    }
}

impl serde::Serialize for RepoPath {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// Folds text so that names which a file system may take for one another become equal.
pub(crate) fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    // Upper case joins what has several lower cases, such as σ and ς; lower case joins what has several
    // upper cases, such as ß and ẞ, which come apart into `ss` only then. Either can produce characters
    // that decompose or change again, hence the rounds; the bound is for safety alone.
    let mut folded: String = text.nfd().collect();
    for _ in 0..4 {
        let upper: String =
            folded.chars().flat_map(char::to_lowercase).flat_map(char::to_uppercase).collect();
        let next: String = upper.nfd().flat_map(char::to_lowercase).nfd().collect();
        if next == folded {
            break;
        }
        folded = next;
    }
    folded
}

/// Checks one component of a path; the error is the end of a sentence about it.
pub(crate) fn check_component(component: &str) -> Result<(), String> {
    if component.is_empty() {
        return Err("has an empty component".to_owned());
    }
    if component == "." || component == ".." {
        return Err(format!("has the component {component:?}"));
    }
    if component.len() > MAX_COMPONENT_BYTES {
        let length = component.len();
        return Err(format!("has a component of {length} bytes, more than {MAX_COMPONENT_BYTES}"));
    }
    if let Some(bad) = component.chars().find(|c| c.is_control() || matches!(c, '/' | '\\' | ':')) {
        return Err(format!("holds the character {bad:?}"));
    }
    if is_dot_git(component) {
        return Err(format!("has the component {component:?}, which a file system may read as .git"));
    }
    Ok(())
}

/// Tells whether a file system may fold this component to `.git` (CVE-2014-9390 and its kin).
fn is_dot_git(component: &str) -> bool {
    let name = as_file_systems_see(component);
    name.eq_ignore_ascii_case(".git") || name.eq_ignore_ascii_case("git~1")
}

/// Tells whether a file system may fold this component to `.gitmodules` or `.gitattributes`.
///
/// Git reads both by itself, and `git fsck` refuses bad ones (CVE-2018-11235; `is_ntfs_dotgit` in Git's path.c for
/// the short names).
pub(crate) fn is_git_file(component: &str) -> bool {
    let name = fold(&as_file_systems_see(component));
    if name == ".gitmodules" || name == ".gitattributes" {
        return true;
    }
    let Some((short, number)) = name.split_once('~') else { return false };
    let short_names = ["gitmod", "gitatt", "gi7eba", "gi7d29"];
    let is_short = short.len() >= 2 && short_names.iter().any(|known| known.starts_with(short));
    is_short && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// Leaves out what file systems ignore: HFS+ some characters, NTFS dots and blanks at the end.
fn as_file_systems_see(component: &str) -> std::borrow::Cow<'_, str> {
    if component.is_ascii() {
        return component.trim_end_matches(['.', ' ']).into();
    }
    let ignored = |c: &char| matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}');
    let visible: String = component.chars().filter(|c| !ignored(c)).collect();
    fold(visible.trim_end_matches(['.', ' '])).into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_paths_are_taken() {
        for good in
            ["workspace.yaml", "slxs/a b (c)/slx.yaml", "slxs/..-..-x/slx.yaml", ".github/x", ".gitignore"]
        {
            assert_eq!(RepoPath::parse(good).unwrap().as_str(), good);
        }
    }

    #[test]
    fn dangerous_paths_are_refused() {
        let deep = vec!["d"; 17].join("/");
        let long = vec!["d".repeat(200); 6].join("/");
        let wide = "w".repeat(256);
        for bad in [
            "",
            "/a",
            "a/",
            "a//b",
            ".",
            "./a",
            "a/..",
            "../a",
            "a\\b",
            "c:a",
            "a\0b",
            "a\nb",
            "\u{85}",
            ".git/config",
            "x/.GIT/y",
            ".Git ",
            ".git.",
            "git~1",
            ".g\u{200c}it",
            &deep,
            &long,
            &wide,
        ] {
            assert!(RepoPath::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn files_that_git_reads_by_itself_are_known_by_all_their_names() {
        for name in
            [".gitmodules", ".GitModules", ".gitattributes ", "GITMOD~1", "gi7eba~2", ".g\u{200c}itmodules"]
        {
            assert!(is_git_file(name), "{name}");
        }
        for name in [".gitignore", "gitmodules", "gitmod~", "gitmod~x", "a~1", "slx.yaml", "~1"] {
            assert!(!is_git_file(name), "{name}");
        }
    }

    #[test]
    fn folding_joins_case_and_unicode_forms() {
        assert_eq!(fold("Zürich"), fold("ZU\u{308}RICH"));
        assert_ne!(fold("a"), fold("b"));
    }

    #[test]
    fn folding_joins_letters_with_several_cases() {
        for (one, other) in [("ΟΔΟΣ", "οδος"), ("οδοσ", "οδος"), ("straße", "STRASSE"), ("straße", "STRAẞE")]
        {
            assert_eq!(fold(one), fold(other), "{one} {other}");
        }
        for (one, other) in
            [("ſ", "s"), ("\u{212a}", "k"), ("µ", "μ"), ("ϐ", "β"), ("ﬁ", "FI"), ("İ", "i\u{307}")]
        {
            assert_eq!(fold(one), fold(other), "{one} {other}");
        }
        assert_ne!(fold("ı"), fold("l"));
    }

    #[test]
    fn folding_any_character_twice_is_folding_it_once() {
        // No letter behind the second plane's start has cases.
        for c in '\0'..='\u{20000}' {
            let text = c.to_string();
            let folded = fold(&text);
            assert_eq!(fold(&folded), folded, "{c:?}");
            let lower: String = c.to_lowercase().collect();
            let upper: String = c.to_uppercase().collect();
            assert!(fold(&lower) == folded && fold(&upper) == folded, "{c:?}");
        }
    }

    proptest! {
        #[test]
        fn a_parsed_path_parses_again_to_itself(text in "\\PC{0,40}(/\\PC{1,20}){0,4}") {
            if let Ok(path) = RepoPath::parse(&text) {
                prop_assert_eq!(path.as_str(), text.as_str());
                prop_assert!(path.components().all(|c| !c.is_empty() && c != ".." && c != "."));
            }
        }

        #[test]
        fn folding_twice_is_folding_once(text in "\\PC{0,40}") {
            prop_assert_eq!(fold(&fold(&text)), fold(&text));
        }
    }
}
