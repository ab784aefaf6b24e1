use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::yaml::edit::tests::{any_json, any_text};
use crate::yaml::parse;

#[test]
fn a_dash_at_the_end_is_quoted_in_flow() {
    let written = flow(&json!({"a": ["< -", "<-", "a - b"]}));
    assert_eq!(written, "{a: ['< -', <-, a - b]}");
    assert_eq!(parse(&written).unwrap().to_json(), json!({"a": ["< -", "<-", "a - b"]}));
    assert_eq!(write_scalar("< -"), "< -");
}

#[test]
fn what_any_reader_would_type_is_quoted() {
    for text in [
        "",
        "~",
        "null",
        "NULL",
        "y",
        "N",
        "yes",
        "No",
        "ON",
        "off",
        "True",
        "false",
        "0",
        "-1",
        "+12",
        "017",
        "0o17",
        "0x1F",
        "0b11",
        "1_000",
        "1,000",
        "12:30",
        "190:20:30.15",
        "1e3",
        "8123e45",
        "1.5",
        ".5",
        "5.",
        ".inf",
        "-.INF",
        ".NaN",
        "2020-01-01",
        "2001-12-14t21:59:43.10-05:00",
        "2001-12-14 21:59:43.10 -5",
        "=",
        "<<",
        "-",
        "- a",
        "---",
        "...",
        "? a",
        ": a",
        "a: b",
        "a:",
        "a #b",
        "#a",
        " a",
        "a ",
        "[a",
        "{a",
        "&a",
        "*a",
        "!a",
        "|",
        ">",
        "%a",
        "@a",
        "`a",
        "'a",
        "\"a",
    ] {
        assert_eq!(write_scalar(text), single_quoted(text), "{text}");
    }
}

#[test]
fn what_all_readers_take_for_a_string_stays_plain() {
    for text in [
        "a",
        "hello-web-ns-854cbaf5",
        "a b",
        "a:b",
        "workspace-builder:location-01",
        "a#b",
        "-x",
        "x, y",
        "ci-verify (sandbox)",
        "/a/b",
        "owner@example.com",
        "it's",
        "yesterday",
        "ü",
        "nothing",
        "a?",
    ] {
        assert_eq!(write_scalar(text), text);
    }
}

#[test]
fn what_quotes_alone_cannot_carry_is_escaped() {
    assert_eq!(write_scalar("a\nb\t\"\\\u{85}\u{2028}\u{0}"), r#""a\nb\t\"\\\x85\u2028\x00""#);
}

#[test]
fn blocks_look_as_pyyaml_writes_them() {
    let value = json!({
        "kind": "Workspace", "empty": [], "none": {}, "nothing": null, "yes": true, "n": 1, "f": 1e30,
        "spec": {"list": ["a", {"name": "1", "slxs": ["b", ["c", "d"]]}, {}], "map": {"k": "v: w"}},
    });
    insta::assert_snapshot!(write_block(&value, 0), @r"
    kind: Workspace
    empty: []
    none: {}
    nothing: null
    'yes': true
    'n': 1
    f: 1000000000000000000000000000000.0
    spec:
      list:
      - a
      - name: '1'
        slxs:
        - b
        - - c
          - d
      - {}
      map:
        k: 'v: w'
    ");
}

#[test]
fn keys_of_any_length_are_read_back() {
    let key = "k".repeat(5000);
    for value in [json!({&key: "v"}), json!([{&key: ["a"]}]), json!({&key: {&key: [["a"]]}})] {
        assert_eq!(parse(&write_block(&value, 0)).unwrap().to_json(), value);
    }
}

proptest! {
    #[test]
    fn any_value_is_read_back(value in any_json(), indent in 0_usize..5) {
        let text = write_block(&value, indent);
        prop_assert_eq!(parse(&text).unwrap().to_json(), value, "{}", text);
    }

    #[test]
    fn any_value_is_read_back_from_flow_style(value in any_json()) {
        let text = flow(&value);
        prop_assert_eq!(parse(&text).unwrap().to_json(), value, "{}", text);
    }

    #[test]
    fn any_string_is_read_back(text in any_text()) {
        for (yaml, value) in [
            (format!("{}\n", write_scalar(&text)), json!(text)),
            (format!("a: {}\n", write_scalar(&text)), json!({"a": text})),
            (format!("- {} # c\n", write_scalar(&text)), json!([text])),
            (format!("{}: a\n", write_scalar(&text)), json!({&text: "a"})),
            (format!("[{0}, {{{0}: {0}}}]", scalar(&text, Place::Flow)), json!([text, {&text: text}])),
        ] {
            prop_assert_eq!(parse(&yaml).unwrap().to_json(), value, "{}", yaml);
        }
    }
}
