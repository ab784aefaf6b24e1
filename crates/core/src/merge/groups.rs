//! Groups of SLXs.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use indexmap::IndexMap;

use super::names::{Meaning, Names};
use crate::workspace_file::SlxGroup;

/// Groups by name, in the order of the file.
pub(super) type Groups = IndexMap<String, SlxGroup>;

/// Joins the uploaded groups into the repository's.
///
/// An SLX that stands in a group stays there and joins no other. A group whose set of members
/// does not change is not touched. The order of the uploaded groups and members plays no part.
pub(super) fn merge_groups(
    repository: &Groups,
    uploaded: &Groups,
    names: &Names<'_>,
    mut warn: impl FnMut(String),
) -> Groups {
    let mut changed: HashSet<String> = HashSet::new();
    let mut groups = repository.clone();
    for (name, group) in &mut groups {
        if follow_names(group, names) {
            changed.insert(name.clone());
        }
    }
    let standing = standing(&groups, names);
    let Joining { members, unknown } = joining(uploaded, names, &standing);
    for (group, member) in unknown {
        warn(format!(
            "group {group:?} names {member:?}, which is neither in the upload nor in the repository: dropped"
        ));
    }
    let mut added = Vec::new();
    for (name, members) in members {
        if !groups.contains_key(name) {
            added.push(name);
        }
        groups.entry(name.to_owned()).or_default().slxs.extend(members.into_iter().map(str::to_owned));
        changed.insert(name.to_owned());
    }
    groups.retain(|name, group| !(group.slxs.is_empty() && changed.contains(name)));
    for name in &changed {
        if let Some(group) = groups.get_mut(name) {
            group.slxs.sort_unstable();
            group.slxs.dedup();
        }
    }
    depend_on_what_is_there(&mut groups, repository, uploaded, &added);
    groups
}

/// Returns the SLXs that stand in some group.
pub(super) fn standing(groups: &Groups, names: &Names<'_>) -> HashSet<String> {
    let members = groups.values().flat_map(|group| &group.slxs);
    let standing = members.filter_map(|member| match names.in_repository(member) {
        Meaning::Slx(name) => Some(name.to_owned()),
        Meaning::Gone | Meaning::Unknown => None,
    });
    standing.collect()
}

/// Renames and drops members as their SLXs were; tells whether that changes anything.
///
/// No earlier name may stay: it could mean another SLX at the next merge.
fn follow_names(group: &mut SlxGroup, names: &Names<'_>) -> bool {
    let mut is_changed = false;
    group.slxs.retain_mut(|member| match names.in_repository(member) {
        Meaning::Slx(name) => {
            let name = names.like(member, name);
            is_changed |= name != *member;
            *member = name;
            true
        }
        Meaning::Gone => {
            is_changed = true;
            false
        }
        // People may name what is not there (yet).
        Meaning::Unknown => true,
    });
    is_changed
}

/// What the uploaded groups bring.
struct Joining<'n> {
    /// New members by group, both in order.
    members: BTreeMap<&'n str, BTreeSet<&'n str>>,
    /// Groups with members that are nowhere.
    unknown: BTreeSet<(&'n str, &'n str)>,
}

fn joining<'n>(uploaded: &'n Groups, names: &'n Names<'_>, standing: &HashSet<String>) -> Joining<'n> {
    let mut joining = Joining { members: BTreeMap::new(), unknown: BTreeSet::new() };
    for (group, members) in
        uploaded.iter().flat_map(|(name, group)| group.slxs.iter().map(move |m| (name, m)))
    {
        match names.in_upload(members) {
            // An earlier upload put it into a group and it stands in none: people took it out.
            Meaning::Slx(name) if standing.contains(name) || names.was_grouped(name) => {}
            Meaning::Slx(name) => {
                joining.members.entry(group).or_default().insert(name);
            }
            Meaning::Gone => {}
            Meaning::Unknown => {
                joining.unknown.insert((group, members));
            }
        }
    }
    joining
}

/// Brings the dependencies of added groups along, and drops those on groups that went.
fn depend_on_what_is_there(groups: &mut Groups, repository: &Groups, uploaded: &Groups, added: &[&str]) {
    for name in added {
        let wanted = uploaded.get(*name).map(|group| group.depends_on.clone()).unwrap_or_default();
        let known = wanted.into_iter().filter(|other| groups.contains_key(other)).collect();
        if let Some(group) = groups.get_mut(*name) {
            group.depends_on = known;
        }
    }
    let went: HashSet<&String> = repository.keys().filter(|name| !groups.contains_key(*name)).collect();
    if !went.is_empty() {
        for group in groups.values_mut() {
            group.depends_on.retain(|other| !went.contains(other));
        }
    }
}
