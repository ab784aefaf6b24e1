//! How commits are written.

use serde::Serialize;
use utoipa::ToSchema;
use workstead_core::repository::CommitInfo;

use crate::query::rfc3339;

/// A commit.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CommitShown {
    sha: String,
    /// Enough of it for people.
    short_sha: String,
    /// The first line of the message.
    subject: String,
    /// The message between subject and trailers.
    body: String,
    author: Person,
    committed_at: String,
    /// The commits before it; the first is the one that it was made on.
    parents: Vec<String>,
    /// Whoever pushes can write any, so they prove nothing.
    trailers: Vec<Trailer>,
}

/// The least of a commit that tells people what it is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CommitBrief {
    sha: String,
    subject: String,
    author: Person,
    committed_at: String,
}

/// Who made a commit, as it says.
#[derive(Serialize, ToSchema)]
struct Person {
    name: String,
    email: String,
}

/// A line `Key: value` at the end of a message.
#[derive(Serialize, ToSchema)]
struct Trailer {
    key: String,
    value: String,
}

/// Writes a commit.
pub(crate) fn commit(info: &CommitInfo) -> CommitShown {
    let sha = info.id.to_string();
    CommitShown {
        short_sha: sha.chars().take(10).collect(),
        sha,
        subject: info.subject.clone(),
        body: info.body.clone(),
        author: person(info),
        committed_at: rfc3339(info.time),
        parents: info.parents.iter().map(ToString::to_string).collect(),
        trailers: info
            .trailers
            .iter()
            .map(|(key, value)| Trailer { key: key.clone(), value: value.clone() })
            .collect(),
    }
}

/// Writes the least of a commit.
pub(crate) fn brief(info: &CommitInfo) -> CommitBrief {
    CommitBrief {
        sha: info.id.to_string(),
        subject: info.subject.clone(),
        author: person(info),
        committed_at: rfc3339(info.time),
    }
}

fn person(info: &CommitInfo) -> Person {
    Person { name: info.author.name.clone(), email: info.author.email.clone() }
}
