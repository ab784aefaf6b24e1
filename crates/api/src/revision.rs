//! Conditional requests: `ETag`, `If-None-Match` and `If-Match` (RFC 9110 section 13).

use axum::http::header::{IF_MATCH, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};
use workstead_core::oid::CommitId;

use crate::error::ApiError;

/// Writes the tag of an answer that was read from a commit.
///
/// `version` counts what an answer holds beside Git, so that a change of it is seen; 0 adds nothing.
pub(crate) fn etag(commit: CommitId, version: i64) -> HeaderValue {
    let text = if version == 0 { format!("\"{commit}\"") } else { format!("\"{commit}.{version}\"") };
    // Hexadecimal digits and a number are a valid header value, so the fallback is never taken.
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("\"\""))
}

/// Tells whether the client has this very answer already.
pub(crate) fn is_unmodified(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    headers.get_all(IF_NONE_MATCH).iter().any(|tags| {
        tags == etag || entries(tags).any(|entry| entry == "*" || entry.as_bytes() == etag.as_bytes())
    })
}

/// What `If-Match` demands of the commit that a write begins from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct IfMatch(Option<Vec<String>>);

impl IfMatch {
    /// Reads the header; an absent one and `*` demand nothing of an existing resource.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut tags = Vec::new();
        for value in headers.get_all(IF_MATCH) {
            for entry in entries(value) {
                if entry == "*" {
                    return Self(None);
                }
                // The commit is compared, whatever else the tag says of the representation.
                let commit = entry.trim_matches('"').split(['.', '-']).next().unwrap_or_default();
                tags.push(commit.to_ascii_lowercase());
            }
        }
        Self(headers.contains_key(IF_MATCH).then_some(tags))
    }

    /// Tells whether nothing is demanded.
    pub(crate) fn is_absent(&self) -> bool {
        self.0.is_none()
    }

    /// Answers 412 when the branch is at another commit.
    pub(crate) fn check(&self, head: CommitId) -> Result<(), ApiError> {
        let head = head.to_string();
        match &self.0 {
            Some(tags) if !tags.contains(&head) => Err(ApiError::precondition_failed(format!(
                "the branch is at {head}, which is none of those that If-Match names; read again and redo the change"
            ))),
            _ => Ok(()),
        }
    }
}

/// Splits a list of tags; a weak tag counts as its strong form.
fn entries(value: &HeaderValue) -> impl Iterator<Item = &str> {
    let entries = value.to_str().unwrap_or_default().split(',');
    entries.map(|entry| entry.trim().trim_start_matches("W/")).filter(|entry| !entry.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391";

    fn headers(name: axum::http::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    fn lines(name: &axum::http::HeaderName, values: [&str; 2]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name.clone(), value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_known_answer_is_not_sent_again() {
        let tag = etag(CommitId::parse(HEAD).unwrap(), 0);
        for same in [format!("\"{HEAD}\""), format!("W/\"{HEAD}\""), format!("\"x\", \"{HEAD}\""), "*".into()]
        {
            assert!(is_unmodified(&headers(IF_NONE_MATCH, &same), &tag), "{same}");
        }
        assert!(!is_unmodified(&headers(IF_NONE_MATCH, "\"x\""), &tag));
        assert!(!is_unmodified(&HeaderMap::new(), &tag));
        assert!(is_unmodified(&lines(&IF_NONE_MATCH, ["\"x\"", &format!("\"{HEAD}\"")]), &tag));
    }

    #[test]
    fn if_match_compares_the_commit() {
        let head = CommitId::parse(HEAD).unwrap();
        let check = |value: &str| IfMatch::of(&headers(IF_MATCH, value)).check(head);
        for good in [format!("\"{HEAD}\""), format!("\"{HEAD}.3\""), HEAD.to_owned(), "*".into()] {
            assert!(check(&good).is_ok(), "{good}");
        }
        assert_eq!(check("\"x\"").unwrap_err().code(), "revision_changed");
        assert!(check("").is_err());
        assert!(IfMatch::of(&HeaderMap::new()).check(head).is_ok());
        let both = lines(&IF_MATCH, ["\"x\"", &format!("\"{HEAD}\"")]);
        assert!(IfMatch::of(&both).check(head).is_ok());
    }
}
