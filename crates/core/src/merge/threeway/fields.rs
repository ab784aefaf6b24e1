//! Three versions of a document become one, field by field.
//!
//! Mappings are joined key by key, and lists of named mappings item by item (see [`super::lists`]). Everything
//! else is atomic. Whatever comes out stands in one of the versions: nothing is ever made up.

use serde_json::{Map, Value as Json};

use super::lists;
use crate::yaml::escape_pointer;

/// Most characters of a value that are shown.
pub(super) const MAX_SHOWN_CHARS: usize = 100;

/// A field that both sides changed in different ways.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Clash {
    /// Its JSON pointer; an item of a list of named mappings is `name=<name>`.
    pub(super) pointer: String,
    /// How they differ.
    pub(super) code: &'static str,
    /// What stood there, stands there, and was uploaded, each cut short; nothing where there is no value.
    pub(super) values: [Option<String>; 3],
}

/// The versions of one field; nothing where it is not there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Three<'v> {
    pub(super) base: Option<&'v Json>,
    pub(super) existing: Option<&'v Json>,
    pub(super) uploaded: Option<&'v Json>,
}

/// Joins documents and notes where they clash.
#[derive(Debug, Default)]
pub(super) struct Joining {
    /// Whether the uploaded value is taken where both sides changed one.
    pub(super) prefers_uploaded: bool,
    pub(super) clashes: Vec<Clash>,
    pointer: String,
}

impl Joining {
    pub(super) fn new(prefers_uploaded: bool) -> Self {
        Self { prefers_uploaded, ..Self::default() }
    }

    /// Joins the versions of one value; nothing comes out where it goes.
    pub(super) fn join(&mut self, of: Three<'_>) -> Option<Json> {
        let Three { base, existing, uploaded } = of;
        if existing == uploaded || base == uploaded {
            return existing.cloned();
        }
        if base == existing {
            return uploaded.cloned();
        }
        match (base, existing, uploaded) {
            (
                None | Some(Json::Null | Json::Object(_)),
                Some(Json::Object(existing)),
                Some(Json::Object(uploaded)),
            ) => {
                let nothing = Map::new();
                let base = base.and_then(Json::as_object).unwrap_or(&nothing);
                Some(Json::Object(self.join_mappings(base, existing, uploaded)))
            }
            (
                None | Some(Json::Null | Json::Array(_)),
                Some(Json::Array(existing)),
                Some(Json::Array(uploaded)),
            ) => {
                let base = base.and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
                match lists::join(self, base, existing, uploaded) {
                    Some(items) => Some(Json::Array(items)),
                    None => self.clash(of),
                }
            }
            _ => self.clash(of),
        }
    }

    /// Joins below a step of the pointer.
    pub(super) fn join_below(&mut self, step: &str, of: Three<'_>) -> Option<Json> {
        let length = self.pointer.len();
        self.pointer.push('/');
        self.pointer.push_str(&escape_pointer(step));
        let joined = self.join(of);
        self.pointer.truncate(length);
        joined
    }

    fn join_mappings(
        &mut self,
        base: &Map<String, Json>,
        existing: &Map<String, Json>,
        uploaded: &Map<String, Json>,
    ) -> Map<String, Json> {
        let added = uploaded.keys().filter(|key| !existing.contains_key(*key));
        let mut joined = Map::new();
        for key in existing.keys().chain(added) {
            let of = Three { base: base.get(key), existing: existing.get(key), uploaded: uploaded.get(key) };
            if let Some(value) = self.join_below(key, of) {
                joined.insert(key.clone(), value);
            }
        }
        joined
    }

    fn clash(&mut self, of: Three<'_>) -> Option<Json> {
        let Three { base, existing, uploaded } = of;
        let code = match (existing, uploaded) {
            (None, _) => "removed_by_people",
            (_, None) => "removed_by_builder",
            _ => "both_changed",
        };
        let values = [base, existing, uploaded].map(|value| value.map(|value| cut(&value.to_string())));
        self.clashes.push(Clash { pointer: self.pointer.clone(), code, values });
        if self.prefers_uploaded { uploaded.cloned() } else { existing.cloned() }
    }
}

/// Cuts a text short.
pub(super) fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN_CHARS) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;
    use serde_json::json;

    use super::*;

    /// Joins YAML in flow style and shows what comes out, and every clash on a line of its own.
    fn join(base: &str, existing: &str, uploaded: &str) -> String {
        let [base, existing, uploaded] =
            [base, existing, uploaded].map(|text| crate::yaml::parse(text).unwrap().to_json());
        let mut joining = Joining::new(false);
        let of = Three { base: Some(&base), existing: Some(&existing), uploaded: Some(&uploaded) };
        let joined = joining.join(of).unwrap();
        let show = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
        let clashes = joining.clashes.iter().map(|clash| {
            let values: Vec<_> = clash.values.iter().map(show).collect();
            format!("\n{} {} {}", clash.pointer, clash.code, values.join(" "))
        });
        format!("{joined}{}", clashes.collect::<String>())
    }

    #[test]
    fn what_one_side_changed_is_taken_from_that_side() {
        assert_eq!(
            join("{a: 1, b: 1, c: 1}", "{a: 2, b: 1, c: 1, d: 1}", "{a: 1, b: 2, e: 1}"),
            r#"{"a":2,"b":2,"d":1,"e":1}"#
        );
        assert_eq!(join("{a: {b: 1, c: 1}}", "{a: {b: 2, c: 1}}", "{a: {b: 1}}"), r#"{"a":{"b":2}}"#);
    }

    #[test]
    fn what_both_changed_in_the_same_way_is_fine() {
        assert_eq!(join("{a: 1, b: 1}", "{a: 2, x: y}", "{a: 2, x: y, z: 1}"), r#"{"a":2,"x":"y","z":1}"#);
    }

    #[test]
    fn what_both_changed_differently_is_named_and_stays() {
        insta::assert_snapshot!(
            join("{a: 1, b: {c: 1, d/e: 1}, f: 1}", "{a: 2, b: {c: 2}, f: [1], g: x}", "{a: 3, b: {d/e: 2}, g: 'y'}"),
            @r#"
        {"a":2,"b":{"c":2},"f":[1],"g":"x"}
        /a both_changed 1 2 3
        /b/c removed_by_builder 1 2 -
        /b/d~1e removed_by_people 1 - 2
        /f removed_by_builder 1 [1] -
        /g both_changed - "x" "y"
        "#
        );
    }

    #[test]
    fn mappings_that_both_added_are_joined() {
        assert_eq!(
            join("{a: ~}", "{a: {x: 1}, b: {x: 1}}", "{a: {y: 1}, b: {y: 1}}"),
            r#"{"a":{"x":1,"y":1},"b":{"x":1,"y":1}}"#
        );
    }

    #[test]
    fn long_values_are_cut_between_characters() {
        let long = "ä".repeat(200);
        let shown = join("{a: 1}", "{a: 2}", &format!("{{a: {long}}}"));
        assert!(shown.ends_with("..."), "{shown}");
        assert_eq!(shown.lines().last().unwrap().matches('ä').count(), MAX_SHOWN_CHARS - 1);
    }

    fn value() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![(0..3).prop_map(Json::from), "[ab]".prop_map(Json::from), Just(Json::Null)];
        leaf.prop_recursive(3, 24, 4, |inner| {
            let member = (select(vec!["k", "l", "m", "name"]), inner.clone());
            let mapping = prop::collection::vec(member, 0..4).prop_map(|members| {
                Json::Object(members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
            });
            let named = prop::collection::vec(("[abc]", inner.clone()), 0..4).prop_map(|items| {
                items.into_iter().map(|(name, value)| json!({ "name": name, "value": value })).collect()
            });
            prop_oneof![2 => mapping, 1 => named, 1 => prop::collection::vec(inner, 0..4).prop_map(Json::from)]
        })
    }

    fn joined(base: &Json, existing: &Json, uploaded: &Json, prefers_uploaded: bool) -> (Json, Vec<Clash>) {
        let mut joining = Joining::new(prefers_uploaded);
        let of = Three { base: Some(base), existing: Some(existing), uploaded: Some(uploaded) };
        let joined = joining.join(of).unwrap();
        (joined, joining.clashes)
    }

    fn leaves(value: &Json, all: &mut Vec<String>) {
        match value {
            Json::Array(items) => items.iter().for_each(|item| leaves(item, all)),
            Json::Object(members) => members.values().for_each(|value| leaves(value, all)),
            scalar => all.push(scalar.to_string()),
        }
    }

    proptest! {
        #[test]
        fn what_one_side_left_alone_is_the_others(base in value(), other in value()) {
            prop_assert_eq!(joined(&base, &base, &other, false), (other.clone(), vec![]));
            prop_assert_eq!(joined(&base, &other, &base, true), (other.clone(), vec![]));
            prop_assert_eq!(joined(&base, &other, &other, false), (other, vec![]));
        }

        #[test]
        fn values_come_from_one_side(base in value(), existing in value(), uploaded in value(), prefers in any::<bool>()) {
            let (value, _) = joined(&base, &existing, &uploaded, prefers);
            let (mut known, mut found) = (Vec::new(), Vec::new());
            leaves(&existing, &mut known);
            leaves(&uploaded, &mut known);
            leaves(&value, &mut found);
            for leaf in found {
                prop_assert!(known.contains(&leaf), "{leaf} in {value}");
            }
        }

        #[test]
        fn a_second_time_there_is_nothing_to_join(base in value(), existing in value(), uploaded in value(), prefers in any::<bool>()) {
            let (value, clashes) = joined(&base, &existing, &uploaded, prefers);
            prop_assert_eq!(joined(&uploaded, &value, &uploaded, prefers), (value, vec![]));
            let (_, others) = joined(&base, &existing, &uploaded, !prefers);
            prop_assert_eq!(clashes, others);
        }

        #[test]
        fn changes_of_different_fields_all_survive(
            base in value(),
            by_people in value(),
            by_builder in value(),
        ) {
            let document = |one: &Json, other: &Json| json!({ "spec": { "people": one, "builder": other, "same": base } });
            let (old, existing) = (document(&base, &base), document(&by_people, &base));
            let uploaded = document(&base, &by_builder);
            let all = document(&by_people, &by_builder);
            prop_assert_eq!(joined(&old, &existing, &uploaded, false), (all, vec![]));
        }

        #[test]
        fn what_is_joined_can_be_written(base in value(), existing in value(), uploaded in value()) {
            let [base, existing, uploaded] = [base, existing, uploaded].map(|value| json!({ "spec": value }));
            let (value, _) = joined(&base, &existing, &uploaded, false);
            let text = crate::yaml::write::write_block(&existing, 0).replace('\n', " # ours\n");
            let edited = crate::yaml::Editor::new(&text).unwrap().set(&[], &value).finish().unwrap();
            prop_assert_eq!(crate::yaml::parse(&edited).unwrap().to_json(), value);
        }
    }
}
