//! The code collections of this installation, from a setting.

use serde::Serialize;
use url::Url;
use utoipa::ToSchema;

/// A repository of code bundles that clients take instead of the public one of the same name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct CodeCollection {
    /// The name of the public collection that it stands in for.
    pub name: String,
    /// Where it is cloned from.
    pub repo_web_url: String,
}

/// Parses `name=URL,name=URL`; an empty text is none.
pub(crate) fn parse(text: &str) -> Option<Vec<CodeCollection>> {
    let mut collections: Vec<CodeCollection> = Vec::new();
    for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
        let (name, url) = entry.split_once('=')?;
        let (name, url) = (name.trim(), url.trim());
        let is_known = collections.iter().any(|known| known.name == name);
        if is_known || !is_name(name) || !is_address(url) {
            return None;
        }
        collections.push(CodeCollection { name: name.to_owned(), repo_web_url: url.to_owned() });
    }
    collections.sort_by(|one, other| one.name.cmp(&other.name));
    Some(collections)
}

fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=100).contains(&text.len()) && text.bytes().all(allowed)
}

/// Credentials have no place in it: every client reads it.
fn is_address(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    let plain = url.query().is_none() && url.fragment().is_none();
    let open = url.username().is_empty() && url.password().is_none();
    matches!(url.scheme(), "http" | "https") && url.has_host() && plain && open
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collections_have_a_name_and_an_address() {
        let names = |text: &str| {
            let parsed = parse(text)?;
            let shown = |one: CodeCollection| format!("{} {}", one.name, one.repo_web_url);
            Some(parsed.into_iter().map(shown).collect::<Vec<_>>())
        };
        assert_eq!(names(""), Some(vec![]));
        assert_eq!(
            names(" b = https://x.example/b.git , a=http://y/a,"),
            Some(vec!["a http://y/a".to_owned(), "b https://x.example/b.git".to_owned()])
        );
        for bad in [
            "a",
            "=https://x/y",
            "a=",
            "a=ftp://x/y",
            "a=https://user:pass@x/y",
            "a=https://x/y?token=z",
            "a b=https://x/y",
            "a=https://x/y,a=https://x/z",
        ] {
            assert_eq!(names(bad), None, "{bad}");
        }
    }
}
