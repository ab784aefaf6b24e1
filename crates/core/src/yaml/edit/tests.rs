//! Laws of editing, and the cases that people write.

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::{EditError, Editor};

/// Any text, with what is special in YAML more often than chance has it.
pub(crate) fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[a-z]{1,6}",
        1 => "[-a-z0-9:#,.'\"\\[\\]{}!&*?|>%@`~=<+_ \t\n\\\\]{0,8}",
        1 => "[0-9a-fxoe:._+-]{1,6}",
        1 => any::<String>().prop_map(|text| text.chars().take(20).collect()),
    ]
}

/// Any scalar or empty collection.
pub(crate) fn any_scalar() -> impl Strategy<Value = Json> {
    prop_oneof![
        4 => any_text().prop_map(Json::String),
        1 => Just(Json::Null),
        1 => any::<bool>().prop_map(Json::from),
        1 => any::<i64>().prop_map(Json::from),
        1 => (-1e6_f64..1e6).prop_map(Json::from),
        1 => Just(json!([])),
        1 => Just(json!({})),
    ]
}

/// Any value.
pub(crate) fn any_json() -> impl Strategy<Value = Json> {
    any_scalar().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::Array),
            prop::collection::vec((any_text(), inner), 0..4)
                .prop_map(|members| Json::Object(members.into_iter().collect())),
        ]
    })
}

fn edited(source: &str, edit: impl FnOnce(&mut Editor<'_>)) -> Result<String, EditError> {
    let mut editor = Editor::new(source).unwrap();
    edit(&mut editor);
    editor.finish()
}

fn set(source: &str, path: &[&str], value: &Json) -> String {
    edited(source, |editor| _ = editor.set(path, value)).unwrap()
}

fn removed(source: &str, path: &[&str]) -> String {
    edited(source, |editor| _ = editor.remove(path)).unwrap()
}

#[test]
fn scalars_change_in_place() {
    let source =
        "a: 'x' # one\nb: \"y\"   # two\nc: z  # three\nd:\ne: # four\nf: |\n  text\n\n# five\ng:\n  q";
    let text = edited(source, |it| {
        it.set(&["a"], &json!("X")).set(&["b"], &json!("Y")).set(&["c"], &json!("Z"));
        it.set(&["d"], &json!("D"))
            .set(&["e"], &json!("E"))
            .set(&["f"], &json!("F"))
            .set(&["g"], &json!("no"));
    });
    insta::assert_snapshot!(text.unwrap(), @r#"
    a: 'X' # one
    b: "Y"   # two
    c: Z  # three
    d: D
    e: E # four
    f: F

    # five
    g:
      'no'
    "#);
}

#[test]
fn kinds_of_values_change_into_each_other() {
    let block = json!({"x": ["v", "w"]});
    insta::assert_snapshot!(set("a: 1 # one\nb: 2\n", &["a"], &block), @"
    a: # one
      x:
      - v
      - w
    b: 2
    ");
    insta::assert_snapshot!(set("a: |- # one\n  1\n  2\n\nb: 2\n", &["a"], &block), @"
    a: # one
      x:
      - v
      - w

    b: 2
    ");
    insta::assert_snapshot!(set("a: # one\n  x: 1\n  # two\n\n# three\nb: 2\n", &["a"], &json!([])), @"
    a: [] # one
      # two

    # three
    b: 2
    ");
    insta::assert_snapshot!(set("a:\n- b: 1\n  c: 2 # one\n- d\n", &["a", "0"], &json!("x")), @"
    a:
    - x # one
    - d
    ");
    insta::assert_snapshot!(set("a:\n- b # one\n-\n- # two\n- d\n", &["a"], &json!([{"x": 1, "z": 2}, block, block, ["q"]])), @"
    a:
    - x: 1
      z: 2 # one
    - x:
      - v
      - w
    - # two
      x:
      - v
      - w
    - - q
    ");
    insta::assert_snapshot!(set("- 1\n- 2\n", &[], &block), @"
    x:
    - v
    - w
    ");
    insta::assert_snapshot!(set("--- 1 # one\n", &[], &block), @"
    --- # one
    x:
    - v
    - w
    ");
}

#[test]
fn new_keys_stand_behind_the_last_one_of_their_mapping() {
    let source = "# head\na:\n    b: 1 # one\n    # two\n\n# three\nc:\n    - d: 1\n# four";
    let text = edited(source, |it| {
        it.set(&["a", "m1"], &json!(["x"])).set(&["c", "0", "e", "f"], &json!(2)).set(&["z"], &json!("end"));
    });
    insta::assert_snapshot!(text.unwrap(), @"
    # head
    a:
        b: 1 # one
        m1:
            - x
        # two

    # three
    c:
        - d: 1
          e:
              f: 2
    z: end
    # four
    ");
    assert_eq!(set("a: 1", &["b"], &json!(2)), "a: 1\nb: 2");
    assert_eq!(set("a: 1\r\n", &["b"], &json!(["c", "d"])), "a: 1\r\nb:\r\n- c\r\n- d\r\n");
    assert_eq!(set("---\na: 1\n...\n", &["b"], &json!(2)), "---\na: 1\nb: 2\n...\n");
    assert_eq!(set("a: |+\n  x\n\n", &["b"], &json!(2)), "a: |+\n  x\n\nb: 2\n");
}

#[test]
fn removed_keys_leave_comments_and_neighbours() {
    let source = "a: 1 # one\n# two\nb:\n- x: 1\n  # three\n  y: 2\n# four\nc: 3";
    assert_eq!(removed(source, &["a"]), "# two\nb:\n- x: 1\n  # three\n  y: 2\n# four\nc: 3");
    assert_eq!(removed(source, &["b"]), "a: 1 # one\n# two\n# four\nc: 3");
    assert_eq!(removed(source, &["c"]), "a: 1 # one\n# two\nb:\n- x: 1\n  # three\n  y: 2\n# four");
    assert_eq!(
        removed(source, &["b", "0", "x"]),
        "a: 1 # one\n# two\nb:\n-\n  # three\n  y: 2\n# four\nc: 3"
    );
    assert_eq!(removed("- x: 1\n  y: 2\n", &["0", "x"]), "- y: 2\n");
    assert_eq!(removed("a: 1\nb: 2", &["q"]), "a: 1\nb: 2");
    assert_eq!(removed("a:\n  b: 1\nc: 2\n", &["a", "b"]), "a: {}\nc: 2\n");
}

#[test]
fn lists_change_item_by_item() {
    let source = "a:\n  # one\n  - x # two\n  - y\n  # three\n  - z\nb: 1\n";
    insta::assert_snapshot!(set(source, &["a"], &json!(["m1", "x", "z", "m"])), @"
    a:
      # one
      - m1
      - x # two
      # three
      - z
      - m
    b: 1
    ");
    assert_eq!(set("- - a\n  - b\n", &["0"], &json!(["m1", "a"])), "- - m1\n  - a\n");
    assert_eq!(set("- - a\n  - b\n", &["0"], &json!(["b"])), "- - b\n");
}

#[test]
fn flow_collections_stay_flow() {
    let source = "a: [x, 'y', z] # one\nb: {c: 1, d: [2]}\ne: [\n  p, # two\n  q\n]\nf: [g: 1, h]\n";
    let text = edited(source, |it| {
        it.set(&["a"], &json!(["x", "a, b", "m1"]))
            .set(&["b", "c"], &json!("v"))
            .set(&["b", "d", "-"], &json!({}));
        it.set(&["b", "m1"], &json!(["m"])).remove(&["e", "0"]).set(&["e", "-"], &json!("r"));
        it.set(&["f", "0", "g"], &json!(2));
    });
    insta::assert_snapshot!(text.unwrap(), @"
    a: [x, 'a, b', m1] # one
    b: {c: v, d: [2, {}], m1: [m]}
    e: [
      q, r
    ]
    f: [{g: 2}, h]
    ");
    assert_eq!(removed("a: [x, y, z]\n", &["a", "2"]), "a: [x, y]\n");
    assert_eq!(removed("a: [x, y, z]\n", &["a", "0"]), "a: [y, z]\n");
    assert_eq!(set("a: []\nb: {}\n", &["a", "-"], &json!("x")), "a:\n- x\nb: {}\n");
}

#[test]
fn anchors_are_never_changed_unseen() {
    let source = "a: &x [1]\nb: *x\nc: &y\n  d: 1\n";
    assert_eq!(edited(source, |it| _ = it.set(&["a", "-"], &json!(2))), Err(EditError::Unverified));
    assert_eq!(edited(source, |it| _ = it.remove(&["a"])), Err(EditError::Unverified));
    assert_eq!(
        set(source, &["b", "-"], &json!(2)),
        "a: &x [1]\nb:\n  - 1\n  - 2\nc: &y\n  d: 1\n".replace("  - ", "- ")
    );
    assert_eq!(set(source, &["c", "d"], &json!(2)), "a: &x [1]\nb: *x\nc: &y\n  d: 2\n");
    assert_eq!(set(source, &["c"], &json!(2)), "a: &x [1]\nb: *x\nc: 2\n");
}

#[test]
fn what_cannot_be_edited_is_an_error() {
    let failed =
        |source, path: &[&str]| edited(source, |it| _ = it.set(path, &json!(1))).unwrap_err().to_string();
    insta::assert_snapshot!(failed("a: x\n", &["a", "b", "c"]), @"`/a` is a string, so nothing can be set below it");
    insta::assert_snapshot!(failed("a: [x]\n", &["a", "3"]), @"`/a/3` is not there: the list has 1 items");
    insta::assert_snapshot!(failed("b: 1\n? a\n: b\n", &["a"]), @"line 2: a key without its colon behind it can't be edited in place: change the file itself instead");
}

#[test]
fn a_scalar_is_replaced_where_it_stands() {
    let source = "tasks:\n- slx: a\n- slx: b # c\n- [a]\n";
    let mut editor = Editor::new(source).unwrap();
    let tree = editor.tree();
    for item in tree.get("tasks").unwrap().items() {
        if let Some(slx) = item.get("slx").filter(|slx| slx.as_str() == Some("b")) {
            editor.replace_scalar(slx, "new");
        }
    }
    assert_eq!(editor.finish().unwrap(), source.replace("b #", "new #"));
    editor.replace_scalar(tree.get("tasks").unwrap(), "x");
    insta::assert_snapshot!(editor.finish().unwrap_err(), @"line 2 column 3 holds no scalar that could be replaced");
}

#[test]
fn far_columns_are_refused_and_never_panic() {
    for width in [1001, 70_000] {
        let indent = " ".repeat(width);
        let sources = [
            format!("a:\n{indent}b: 1\n"),
            format!("-{indent}b: 1\n{}c: 2\n", " ".repeat(width + 1)),
            format!("a:\n{indent}- 1\n{indent}- 2\n"),
            format!("a:\n{indent}b: [1]\n"),
        ];
        let paths: [&[&str]; 4] = [&["a", "n"], &["0", "n"], &["a", "-"], &["a", "b"]];
        for (source, path) in sources.iter().zip(paths) {
            let error = edited(source, |it| _ = it.set(path, &json!({"x": ["y"]}))).unwrap_err();
            assert!(matches!(error, EditError::Unsupported { .. }), "{error}");
        }
        // What needs no new line is edited all the same.
        assert_eq!(set(&sources[0], &["a", "b"], &json!(2)), format!("a:\n{indent}b: 2\n"));
    }
    assert!(crate::yaml::write::write_block(&json!({"a": [1]}), 70_000).ends_with("- 1\n"));
}

#[test]
fn a_long_line_is_edited_in_one_pass() {
    let members: Vec<_> = (0..40_000).map(|number| format!("k{number}: {{a: 1}}")).collect();
    for source in [format!("{{{}}}\n", members.join(", ")), format!("- a: {{{}}}\n", members.join(", "))] {
        let root = crate::yaml::parse(&source).unwrap();
        let layout = super::layout::Layout::new(&source, &root);
        // One line of a megabyte: counting each key's column would read 20 gigabytes.
        assert_eq!(layout.counted.get(), 0);
    }
    let source = format!("{{{}}}\n", members.join(", "));
    let text = set(&source, &["new"], &json!(1));
    assert!(text.ends_with(", k39999: {a: 1}, new: 1}\n"));
}
