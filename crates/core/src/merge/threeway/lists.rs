//! Three versions of a list become one.
//!
//! Two rules say what that means; any other list is atomic.
//!
//! 1. *Named items*: in all three versions every item is a mapping with a `name` that is a string and there
//!    once (`configProvided`, `secretsProvided`, `tags`). Items of one name are joined like mappings. The order is the
//!    repository's, unless only the builder changed it; what the other side added follows the item before it.
//! 2. *Appended items*: both versions begin with all of the base. What the upload appended follows what people
//!    appended; what both appended is there once.

use std::collections::{HashMap, HashSet};

use indexmap::IndexMap;
use serde_json::Value as Json;

use super::fields::{Joining, Three};

/// Joins lists that differ from each other, or returns nothing where no rule says how.
pub(super) fn join(
    joining: &mut Joining,
    base: &[Json],
    existing: &[Json],
    uploaded: &[Json],
) -> Option<Vec<Json>> {
    match (by_name(base), by_name(existing), by_name(uploaded)) {
        (Some(base), Some(existing), Some(uploaded)) => {
            Some(join_named(joining, &base, &existing, &uploaded))
        }
        _ => join_appended(base, existing, uploaded),
    }
}

type Named<'v> = IndexMap<&'v str, &'v Json>;

/// Returns the items by name, if each is a mapping with a name of its own.
fn by_name(items: &[Json]) -> Option<Named<'_>> {
    let mut named = Named::with_capacity(items.len());
    for item in items {
        let name = item.as_object()?.get("name")?.as_str()?;
        if named.insert(name, item).is_some() {
            return None;
        }
    }
    Some(named)
}

fn join_named(
    joining: &mut Joining,
    base: &Named<'_>,
    existing: &Named<'_>,
    uploaded: &Named<'_>,
) -> Vec<Json> {
    let common = |items: &Named<'_>| -> Vec<String> {
        let is_common = |name: &&&str| [base, existing, uploaded].iter().all(|all| all.contains_key(**name));
        items.keys().filter(is_common).map(|name| (*name).to_owned()).collect()
    };
    let was = common(base);
    let builder_alone_moved_items = common(existing) == was && common(uploaded) != was;
    let order = if builder_alone_moved_items { weave(uploaded, existing) } else { weave(existing, uploaded) };
    let join = |name: &str| {
        let [base, existing, uploaded] = [base, existing, uploaded].map(|items| items.get(name).copied());
        joining.join_below(&format!("name={name}"), Three { base, existing, uploaded })
    };
    order.into_iter().filter_map(join).collect()
}

/// Returns the names of one list, each followed by those that the other list alone has behind it.
fn weave<'v>(first: &Named<'v>, other: &Named<'v>) -> Vec<&'v str> {
    let mut followers: HashMap<Option<&str>, Vec<&str>> = HashMap::new();
    let mut before = None;
    for name in other.keys() {
        if first.contains_key(name) {
            before = Some(*name);
        } else {
            followers.entry(before).or_default().push(name);
        }
    }
    let mut order = followers.remove(&None).unwrap_or_default();
    for name in first.keys() {
        order.push(name);
        order.extend(followers.remove(&Some(*name)).unwrap_or_default());
    }
    order
}

fn join_appended(base: &[Json], existing: &[Json], uploaded: &[Json]) -> Option<Vec<Json>> {
    let by_people = existing.strip_prefix(base)?;
    let by_builder = uploaded.strip_prefix(base)?;
    let there: HashSet<String> = by_people.iter().map(Json::to_string).collect();
    let new = by_builder.iter().filter(|item| !there.contains(&item.to_string()));
    Some(existing.iter().chain(new).cloned().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(base: &str, existing: &str, uploaded: &str) -> (Option<String>, Vec<String>) {
        let read = |text: &str| crate::yaml::parse(text).unwrap().to_json();
        let [base, existing, uploaded] =
            [base, existing, uploaded].map(|text| read(text).as_array().unwrap().clone());
        let mut joining = Joining::default();
        let items = join(&mut joining, &base, &existing, &uploaded);
        let clashes = joining.clashes.into_iter().map(|clash| clash.pointer).collect();
        (items.map(|items| Json::Array(items).to_string()), clashes)
    }

    fn join_cleanly(base: &str, existing: &str, uploaded: &str) -> String {
        let (items, clashes) = joined(base, existing, uploaded);
        assert_eq!(clashes, [""; 0]);
        items.unwrap()
    }

    #[test]
    fn named_items_are_joined_like_mappings() {
        assert_eq!(
            join_cleanly(
                "[{name: a, value: 1}, {name: b, value: 1}, {name: c, value: 1}]",
                "[{name: a, value: 2}, {name: b, value: 1}, {name: c, value: 1}]",
                "[{name: a, value: 1, more: x}, {name: c, value: 3}]",
            ),
            r#"[{"name":"a","value":2,"more":"x"},{"name":"c","value":3}]"#
        );
        let clash = joined("[]", "[{name: a/b, value: 1}]", "[{name: a/b, value: 2}]");
        assert_eq!(
            clash,
            (Some(r#"[{"name":"a/b","value":1}]"#.to_owned()), vec!["/name=a~1b/value".to_owned()])
        );
    }

    #[test]
    fn named_items_keep_the_order_of_the_side_that_chose_one() {
        let names = |base: &str, existing: &str, uploaded: &str| {
            let list = |names: &str| {
                let items = names.chars().map(|name| format!("{{name: {name}}}"));
                format!("[{}]", items.collect::<Vec<_>>().join(", "))
            };
            let joined = join_cleanly(&list(base), &list(existing), &list(uploaded));
            joined.chars().filter(char::is_ascii_uppercase).collect::<String>()
        };
        assert_eq!(names("ABC", "ABXC", "AYBC"), "AYBXC");
        assert_eq!(names("ABC", "ABCX", "CAB"), "CXAB");
        assert_eq!(names("ABC", "CBA", "ABCX"), "CXBA");
        assert_eq!(names("ABC", "CBA", "BCA"), "CBA");
        assert_eq!(names("AB", "XAB", "YAB"), "YXAB");
        assert_eq!(names("ABC", "AC", "BC"), "C");
    }

    #[test]
    fn appended_items_follow_each_other() {
        assert_eq!(join_cleanly("[a]", "[a, x, z]", "[a, y, z]"), r#"["a","x","z","y"]"#);
        assert_eq!(join_cleanly("[]", "[[x]]", "[{b: c}]"), r#"[["x"],{"b":"c"}]"#);
    }

    #[test]
    fn other_lists_are_atomic() {
        assert_eq!(joined("[a, b]", "[a]", "[a, b, c]"), (None, vec![]));
        let repeated = "[{name: a}, {name: a}]";
        assert_eq!(joined(repeated, "[{name: a}]", "[{name: b}]"), (None, vec![]));
        assert_eq!(joined("[{name: 1}]", "[{name: 2}]", "[{name: 3}]"), (None, vec![]));
    }
}
