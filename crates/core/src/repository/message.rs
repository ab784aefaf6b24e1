//! The text of commits: writing the object, reading its message.

use jiff::Timestamp;

use super::history::CommitInfo;
use super::tree_format::object_id;
use crate::oid::{CommitId, TreeId};

/// Who made a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// The name; what Git can't keep in one (`<`, `>`, control characters) is left out when written.
    pub name: String,
    /// The e-mail address, under the same rule.
    pub email: String,
}

impl Author {
    /// Returns the person as Git can keep them.
    fn cleaned(&self) -> Self {
        let clean = |text: &str| {
            let kept: String = text.chars().filter(|c| !c.is_control() && !matches!(c, '<' | '>')).collect();
            // Git strips these from both ends when it reads (ident.c, `crud`).
            kept.trim_matches(|c: char| c.is_whitespace() || ".,:;\"\\'".contains(c)).to_owned()
        };
        let (mut name, email) = (clean(&self.name), clean(&self.email));
        if name.is_empty() {
            name = if email.is_empty() { "unknown".to_owned() } else { email.clone() };
        }
        Self { name, email }
    }
}

/// What a commit object says.
pub(super) struct CommitText<'a> {
    pub(super) tree: TreeId,
    pub(super) parents: Vec<CommitId>,
    pub(super) author: &'a Author,
    pub(super) when: Timestamp,
    pub(super) message: &'a str,
    pub(super) trailers: &'a [(String, String)],
}

impl CommitText<'_> {
    /// Writes the commit object, and returns what is read back from it.
    pub(super) fn write(&self) -> (Vec<u8>, CommitInfo) {
        let author = self.author.cleaned();
        // A time before 1970 is an error to `git fsck`.
        let seconds = self.when.as_second().max(0);
        let person = format!("{} <{}> {seconds} +0000", author.name, author.email);
        let parents =
            self.parents.iter().map(|id| ["parent ", &id.to_string(), "\n"].concat()).collect::<String>();
        let header = format!("tree {}\n{parents}author {person}\ncommitter {person}\n\n", self.tree);
        let message: String = self.message.chars().filter(|c| *c != '\0').collect();
        let mut text = format!("{header}{}\n", message.trim());
        let mut separator = "\n";
        for (key, value) in self.trailers {
            let key: String = key.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
            let value: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            if !key.is_empty() {
                for part in [separator, &key, ": ", value.trim(), "\n"] {
                    text.push_str(part);
                }
                separator = "";
            }
        }
        let Message { subject, body, trailers } = Message::parse(&text[header.len()..]);
        let info = CommitInfo {
            id: CommitId::from_bytes(object_id("commit", text.as_bytes())),
            tree: self.tree,
            parents: self.parents.clone(),
            author,
            time: Timestamp::from_second(seconds).unwrap_or_default(),
            subject,
            body,
            trailers,
        };
        (text.into_bytes(), info)
    }
}

/// A message in its parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) subject: String,
    pub(super) body: String,
    pub(super) trailers: Vec<(String, String)>,
}

impl Message {
    /// Splits a message; trailers are a last paragraph, not the first, of nothing but `Key: value`.
    pub(super) fn parse(text: &str) -> Self {
        let text = text.replace("\r\n", "\n");
        let (subject, rest) = text.trim().split_once('\n').unwrap_or((text.trim(), ""));
        let rest = rest.trim();
        let (body, last) = rest.rsplit_once("\n\n").unwrap_or(("", rest));
        let trailer = |line: &str| {
            let (key, value) = line.split_once(": ")?;
            let valid =
                !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            valid.then(|| (key.to_owned(), value.trim().to_owned()))
        };
        let trailers: Option<Vec<_>> = last.lines().map(trailer).collect();
        // A line directly below the subject belongs to it, as Git has it.
        let below = text.trim().split_once('\n').is_none_or(|(_, rest)| rest.starts_with('\n'));
        match trailers {
            Some(trailers) if below && !rest.is_empty() => {
                Self { subject: subject.to_owned(), body: body.trim().to_owned(), trailers }
            }
            _ => Self { subject: subject.to_owned(), body: rest.to_owned(), trailers: Vec::new() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(author: &Author, message: &str, trailers: &[(&str, &str)]) -> String {
        let trailers: Vec<_> = trailers.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let text = CommitText {
            tree: TreeId::from_bytes([1; 20]),
            parents: Vec::new(),
            author,
            when: Timestamp::from_second(1_700_000_000).unwrap(),
            message,
            trailers: &trailers,
        };
        String::from_utf8(text.write().0).unwrap()
    }

    #[test]
    fn a_commit_is_written_as_git_does() {
        let author = Author { name: "Ada Lovelace".to_owned(), email: "ada@example.com".to_owned() };
        let text = written(&author, "Change things\n", &[("Request-Id", "r1"), ("Upload-Id", "u1")]);
        insta::assert_snapshot!(text, @r"
        tree 0101010101010101010101010101010101010101
        author Ada Lovelace <ada@example.com> 1700000000 +0000
        committer Ada Lovelace <ada@example.com> 1700000000 +0000

        Change things

        Request-Id: r1
        Upload-Id: u1
        ");
    }

    #[test]
    fn hostile_text_stays_in_its_place() {
        let author = Author { name: "a> 0\nparent <x".to_owned(), email: "\n".to_owned() };
        let text = written(&author, "m\0", &[("K\n: x", "v\nTrailer: forged"), ("\n", "dropped")]);
        insta::assert_snapshot!(text, @r"
        tree 0101010101010101010101010101010101010101
        author a 0parent x <> 1700000000 +0000
        committer a 0parent x <> 1700000000 +0000

        m

        Kx: v Trailer: forged
        ");
        assert!(
            written(&Author { name: " ".into(), email: String::new() }, "", &[])
                .contains("author unknown <> ")
        );
    }

    #[test]
    fn messages_are_split() {
        let parsed = |text: &str| {
            let Message { subject, body, trailers } = Message::parse(text);
            (subject, body, trailers.len())
        };
        let of = |subject: &str, body: &str, trailers| (subject.to_owned(), body.to_owned(), trailers);
        assert_eq!(parsed("s\n\nA: 1\nB: 2\n"), of("s", "", 2));
        assert_eq!(parsed("s\r\n\r\nbody\n\nno trailer\nA: 1"), of("s", "body\n\nno trailer\nA: 1", 0));
        assert_eq!(parsed("s\n\nbody\n\nA: 1"), of("s", "body", 1));
        assert_eq!(parsed("Key: subject"), of("Key: subject", "", 0));
        assert_eq!(parsed("s\nA: 1"), of("s", "A: 1", 0));
        assert_eq!(parsed(""), of("", "", 0));
    }
}
