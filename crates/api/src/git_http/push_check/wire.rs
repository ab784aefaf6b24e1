//! What hook and server say to each other: one line of JSON each.

use serde::{Deserialize, Serialize};

/// Longest line.
pub(crate) const MAX_MESSAGE_BYTES: usize = 4 << 20;

/// One wanted change of a reference; an absent id is all zeros on Git's side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RefUpdate {
    /// The object that the reference names now.
    pub(crate) old: Option<String>,
    /// The object that it shall name.
    pub(crate) new: Option<String>,
    /// The full name of the reference.
    pub(crate) reference: String,
}

impl RefUpdate {
    /// Reads one line of the hook's standard input, `<old> <new> <reference>`.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let id = |text: &str| (!text.bytes().all(|b| b == b'0')).then(|| text.to_owned());
        let mut words = line.splitn(3, ' ');
        let (old, new, reference) = (words.next()?, words.next()?, words.next()?);
        Some(Self { old: id(old), new: id(new), reference: reference.to_owned() })
    }
}

/// What the hook asks.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PushRequest {
    /// The secret of this push.
    pub(crate) ticket: String,
    /// The directory of the pushed objects; none when there are none, as in a deletion.
    pub(crate) objects: Option<String>,
    /// The wanted changes.
    pub(crate) updates: Vec<RefUpdate>,
    /// What `git push -o` said.
    pub(crate) options: Vec<String>,
}

impl std::fmt::Debug for PushRequest {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = formatter.debug_struct("PushRequest");
        shown.field("objects", &self.objects).field("updates", &self.updates).field("options", &self.options);
        shown.finish_non_exhaustive()
    }
}

/// What the server answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Verdict {
    /// Whether the push may go on.
    pub(crate) accepted: bool,
    /// What the person who pushes shall read.
    pub(crate) lines: Vec<String>,
}

impl Verdict {
    /// Refuses with one line.
    pub(crate) fn refused(line: impl Into<String>) -> Self {
        Self { accepted: false, lines: vec![line.into()] }
    }

    /// Accepts, with warnings or nothing to read.
    pub(crate) fn accepted(lines: Vec<String>) -> Self {
        Self { accepted: true, lines }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ticket_is_not_shown() {
        let request = PushRequest {
            ticket: "00ff".to_owned(),
            objects: None,
            updates: Vec::new(),
            options: Vec::new(),
        };
        assert_eq!(format!("{request:?}"), "PushRequest { objects: None, updates: [], options: [], .. }");
    }

    #[test]
    fn a_line_of_the_hook_becomes_an_update() {
        let zeros = "0".repeat(40);
        let id = "a".repeat(40);
        let update = RefUpdate::parse(&format!("{zeros} {id} refs/heads/x")).unwrap();
        let expected = RefUpdate { old: None, new: Some(id), reference: "refs/heads/x".to_owned() };
        assert_eq!(update, expected);
        assert_eq!(RefUpdate::parse("a b"), None);
    }
}
