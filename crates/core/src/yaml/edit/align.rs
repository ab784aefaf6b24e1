//! Which items of a list stay, change, go and come.

use std::collections::{HashMap, VecDeque};

use serde_json::Value as Json;

use crate::yaml::{Node, Value};

/// Fields that tell one object of a list from the others, the first that is there.
const NAMING_FIELDS: [&str; 3] = ["name", "user", "group"];

/// One step from the old list to the new one, in the order of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// An item stays, perhaps with other content.
    Keep {
        /// Its place in the old list.
        old: usize,
        /// Its place in the new list.
        new: usize,
    },
    /// Another item takes the place.
    Exchange {
        /// The place in the old list.
        old: usize,
        /// The place in the new list.
        new: usize,
    },
    /// An item goes.
    Delete(usize),
    /// An item comes.
    Insert(usize),
}

/// Finds few steps; between two items that stay there are never deletions and insertions both.
pub(super) fn align(old: &[Node], new: &[Json]) -> Vec<Step> {
    let old_names: Vec<Identity> = old.iter().map(node_identity).collect();
    let new_names: Vec<Identity> = new.iter().map(json_identity).collect();
    let mut steps = Vec::with_capacity(new.len());
    let (mut next_old, mut next_new) = (0, 0);
    let ends = std::iter::once((old.len(), new.len()));
    for (to_old, to_new) in common_subsequence(&old_names, &new_names).into_iter().chain(ends) {
        while next_old < to_old && next_new < to_new {
            let exchange = old_names[next_old].is_named
                && new_names[next_new].is_named
                && !is_renamed(&old[next_old], &new[next_new]);
            steps.push(if exchange {
                Step::Exchange { old: next_old, new: next_new }
            } else {
                Step::Keep { old: next_old, new: next_new }
            });
            (next_old, next_new) = (next_old + 1, next_new + 1);
        }
        steps.extend((next_old..to_old).map(Step::Delete));
        steps.extend((next_new..to_new).map(Step::Insert));
        if to_old < old.len() && to_new < new.len() {
            steps.push(Step::Keep { old: to_old, new: to_new });
        }
        (next_old, next_new) = (to_old + 1, to_new + 1);
    }
    steps
}

/// Tells whether two objects share a field besides their name.
fn is_renamed(old: &Node, new: &Json) -> bool {
    old.entries().iter().any(|entry| {
        let key = entry.key.text.as_str();
        !NAMING_FIELDS.contains(&key) && new.get(key).is_some_and(|value| entry.value.to_json() == *value)
    })
}

/// What an item is recognized by.
#[derive(PartialEq, Eq, Hash)]
struct Identity {
    text: String,
    is_named: bool,
}

fn json_identity(value: &Json) -> Identity {
    let name = NAMING_FIELDS.iter().find_map(|field| value.get(field));
    match name.filter(|name| !name.is_array() && !name.is_object()) {
        Some(name) => Identity { text: name.to_string(), is_named: true },
        None => Identity { text: value.to_string(), is_named: false },
    }
}

fn node_identity(node: &Node) -> Identity {
    let name = NAMING_FIELDS.iter().find_map(|field| node.get(field));
    match name.map(|name| &name.value) {
        Some(Value::Scalar(scalar)) => {
            let text = scalar.resolve().to_json(&scalar.text).to_string();
            Identity { text, is_named: true }
        }
        _ => Identity { text: node.to_json().to_string(), is_named: false },
    }
}

/// Returns pairs of places whose items are recognized, growing on both sides.
///
/// The k-th of equal items goes with the k-th, and of these pairs the longest growing sequence stays:
/// O(n log n), and the longest common subsequence where no item is there twice.
fn common_subsequence(old: &[Identity], new: &[Identity]) -> Vec<(usize, usize)> {
    let mut places: HashMap<&Identity, VecDeque<usize>> = HashMap::with_capacity(old.len());
    for (place, name) in old.iter().enumerate() {
        places.entry(name).or_default().push_back(place);
    }
    let pairs: Vec<(usize, usize)> = new
        .iter()
        .enumerate()
        .filter_map(|(place, name)| Some((places.get_mut(name)?.pop_front()?, place)))
        .collect();
    // `tails[n]` is the pair that ends the best sequence of length n + 1, `before` links them.
    let mut tails: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(pairs.len());
    for (index, &(place, _)) in pairs.iter().enumerate() {
        let length = tails.partition_point(|&tail| pairs[tail].0 < place);
        before.push(length.checked_sub(1).map(|shorter| tails[shorter]));
        if length == tails.len() {
            tails.push(index);
        } else {
            tails[length] = index;
        }
    }
    let mut chosen = Vec::with_capacity(tails.len());
    let mut next = tails.last().copied();
    while let Some(index) = next {
        chosen.push(pairs[index]);
        next = before[index];
    }
    chosen.reverse();
    chosen
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::yaml::parse;

    fn steps(old: &str, new: &Json) -> Vec<Step> {
        align(parse(old).unwrap().items(), new.as_array().unwrap())
    }

    #[test]
    fn a_moved_item_is_the_only_one_that_moves() {
        assert_eq!(
            steps("[a, b, c]", &json!(["c", "a", "b"])),
            [Step::Insert(0), Step::Keep { old: 0, new: 1 }, Step::Keep { old: 1, new: 2 }, Step::Delete(2)]
        );
    }

    #[test]
    fn objects_are_known_by_their_name() {
        assert_eq!(
            steps("[{name: a, x: 1}, {name: b}]", &json!([{"name": "b", "y": 1}, {"name": "c"}])),
            [Step::Delete(0), Step::Keep { old: 1, new: 0 }, Step::Insert(1)]
        );
        assert_eq!(steps("[{name: a}]", &json!([{"name": "c"}])), [Step::Exchange { old: 0, new: 0 }]);
        assert_eq!(steps("[{x: a}]", &json!([{"x": "c"}])), [Step::Keep { old: 0, new: 0 }]);
    }

    #[test]
    fn equal_items_are_told_apart_by_their_order() {
        assert_eq!(
            steps("[a, a]", &json!(["a", "b", "a"])),
            [Step::Keep { old: 0, new: 0 }, Step::Insert(1), Step::Keep { old: 1, new: 2 }]
        );
    }
}
