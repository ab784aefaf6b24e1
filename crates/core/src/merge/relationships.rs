//! Relationships between SLXs.

use std::collections::{BTreeSet, HashSet};

use super::names::{Meaning, Names};
use crate::workspace_file::Relationship;

/// Joins the uploaded relationships behind the repository's, which come first and stay in order.
///
/// Relationships with what this merge takes away go. New ones are added in order, since a
/// builder writes them in another order at every run.
pub(super) fn merge_relationships(
    repository: &[Relationship],
    uploaded: &[Relationship],
    names: &Names<'_>,
    mut warn: impl FnMut(String),
) -> Vec<Relationship> {
    let mut merged: Vec<Relationship> =
        repository.iter().filter_map(|relationship| follow_names(relationship, names)).collect();
    let mut new = BTreeSet::new();
    let mut unknown = BTreeSet::new();
    for relationship in uploaded {
        match (names.in_upload(&relationship.subject), names.in_upload(&relationship.object)) {
            (Meaning::Slx(subject), Meaning::Slx(object)) => {
                let subject = names.like(&relationship.subject, subject);
                let object = names.like(&relationship.object, object);
                new.insert((subject, relationship.verb.clone(), object));
            }
            (Meaning::Gone, _) | (_, Meaning::Gone) => {}
            (Meaning::Unknown, _) => {
                unknown.insert(&relationship.subject);
            }
            (_, Meaning::Unknown) => {
                unknown.insert(&relationship.object);
            }
        }
    }
    for name in unknown {
        warn(format!(
            "a relationship names {name:?}, which is neither in the upload nor in the repository: dropped"
        ));
    }
    let known: HashSet<_> = merged.iter().map(key).collect();
    new.retain(|(subject, verb, object)| {
        !known.contains(&(subject.as_str(), verb.as_str(), object.as_str()))
    });
    drop(known);
    merged.extend(new.into_iter().map(|(subject, verb, object)| Relationship { subject, verb, object }));
    merged
}

fn key(relationship: &Relationship) -> (&str, &str, &str) {
    (&relationship.subject, &relationship.verb, &relationship.object)
}

/// Returns the relationship with the present names, or nothing when one of its ends is gone.
fn follow_names(relationship: &Relationship, names: &Names<'_>) -> Option<Relationship> {
    let follow = |name: &str| match names.in_repository(name) {
        Meaning::Slx(new_name) => Some(names.like(name, new_name)),
        Meaning::Gone => None,
        Meaning::Unknown => Some(name.to_owned()),
    };
    Some(Relationship {
        subject: follow(&relationship.subject)?,
        verb: relationship.verb.clone(),
        object: follow(&relationship.object)?,
    })
}
