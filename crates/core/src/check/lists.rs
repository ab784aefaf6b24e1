//! What the lists of `workspace.yaml` must be beyond the shape of their items.

use std::collections::HashMap;

use super::nearest::nearest;
use super::place::{Place, Report, quote};
use super::schema::SUBJECTS;
use crate::problem::Problem;
use crate::yaml::{Node, Value};

/// Most names that a misspelt one is compared with.
const MAX_COMPARED: usize = 200;

/// Checks permissions and groups.
pub(crate) fn check_workspace_lists(report: &mut Report<'_>, root: &Node) {
    let place = Place::ROOT;
    let spec = place.key("spec");
    if let Some(list) = root.at(&["spec", "permissions"]) {
        check_permissions(report, list, &spec.key("permissions"));
    }
    if let Some(list) = root.at(&["spec", "slxGroups"]) {
        check_groups(report, list, &spec.key("slxGroups"));
    }
}

fn check_permissions(report: &mut Report<'_>, list: &Node, place: &Place<'_>) {
    for (index, item) in list.items().iter().enumerate() {
        if !matches!(item.value, Value::Mapping(_)) {
            continue;
        }
        let is_filled =
            |key: &str| item.get(key).is_some_and(|node| !node.is_null() && node.as_str() != Some(""));
        let (problem, hint) = match (is_filled(SUBJECTS[0]), is_filled(SUBJECTS[1])) {
            (true, false) | (false, true) => continue,
            (true, true) => ("names both a `user` and a `group`", "make it two permissions, one for each"),
            (false, false) => (
                "names neither a `user` nor a `group`",
                "add `user:` with an e-mail address, or `group:` with a server group",
            ),
        };
        let place = place.index(index);
        let message = format!("{} {problem}", place.name());
        report.error((item.span.start, &place), "permission_subject", message, hint.to_owned());
    }
}

fn check_groups(report: &mut Report<'_>, list: &Node, place: &Place<'_>) {
    let groups = list.items();
    let mut lines: HashMap<&str, usize> = HashMap::with_capacity(groups.len());
    for (index, group) in groups.iter().enumerate() {
        let Some(node) = group.get("name") else { continue };
        let Some(name) = node.as_text().filter(|name| !name.is_empty()) else { continue };
        let line = node.span.start.line;
        if let Some(first) = lines.get(name) {
            let group = place.index(index);
            let message = format!("the group {} is there twice, first in line {first}", quote(name));
            let hint = "join the two groups, or rename one".to_owned();
            report.error((node.span.start, &group.key("name")), "duplicate_group", message, hint);
        } else {
            lines.insert(name, line);
        }
    }
    for (index, group) in groups.iter().enumerate() {
        let needed = group.get("dependsOn").map(Node::items).unwrap_or_default();
        for (item, node) in needed.iter().enumerate() {
            let Some(name) = node.as_text().filter(|name| !name.is_empty() && !lines.contains_key(name))
            else {
                continue;
            };
            if report.is_full() {
                return;
            }
            let group = place.index(index);
            let list = group.key("dependsOn");
            let place = list.index(item);
            let message = format!("{} names the group {}, which does not exist", place.name(), quote(name));
            let problem = Problem::file(report.path(), "unknown_group", message).warning().at(
                node.span.start.line,
                node.span.start.column,
                place.pointer(),
            );
            // `lines` has no order; the text has.
            let names = groups.iter().filter_map(|group| group.get("name")?.as_text()).take(MAX_COMPARED);
            report.add(match nearest(name, names) {
                Some(known) => problem.hint(format!("did you mean {}?", quote(known))),
                None => problem.hint("add the group, or remove the name"),
            });
        }
    }
}
