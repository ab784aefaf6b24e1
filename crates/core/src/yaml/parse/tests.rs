//! What is read, what is refused and where.

use super::*;

fn codes(text: &str) -> Vec<(&'static str, usize, String)> {
    let errors = parse(text).unwrap_err();
    errors.into_iter().map(|error| (error.code, error.line, error.pointer)).collect()
}

#[test]
fn values_are_read_with_their_places() {
    let root = parse("a: ü\nb:\n  - 'x'\n  - 8123e45\n").unwrap();
    let list = root.get("b").unwrap();
    assert_eq!(list.items()[1].as_str(), Some("8123e45"));
    assert_eq!(list.items()[1].to_json(), serde_json::json!("8123e45"));
    let span = list.items()[0].span;
    assert_eq!((span.start.line, span.start.column, span.start.offset), (3, 5, 13));
    assert_eq!(root.to_json(), serde_json::json!({"a": "ü", "b": ["x", "8123e45"]}));
}

#[test]
fn folded_scalars_are_one_line() {
    let root = parse("name: a long\n  name\n").unwrap();
    assert_eq!(root.get("name").unwrap().as_str(), Some("a long name"));
}

#[test]
fn every_refusal_names_its_place() {
    assert_eq!(
        codes("a: 1\nb: {x: 1, x: 2}\na: 2\n"),
        [("duplicate_key", 2, "/b/x".to_owned()), ("duplicate_key", 3, "/a".to_owned()),]
    );
    assert_eq!(codes("a: !!int 3\n"), [("explicit_tag", 1, "/a".to_owned())]);
    assert_eq!(codes("x: &x {a: 1}\ny:\n  <<: *x\n")[0].0, "merge_key");
    assert_eq!(codes("a: 1\n---\nb: 2\n")[0].0, "several_documents");
    assert_eq!(codes("")[0].0, "empty_document");
    assert_eq!(codes("a: [1\n")[0].0, "yaml_syntax");
    assert_eq!(codes("? [a]\n: b\n")[0].0, "key_type");
    assert_eq!(codes(&format!("{}1{}", "[".repeat(65), "]".repeat(65)))[0].0, "too_deep");
}

#[test]
fn duplicates_are_found_in_large_mappings_too() {
    let keys = (0..40).map(|number| format!("k{number}: 1\n")).collect::<Vec<_>>().concat();
    assert!(parse(&keys).is_ok());
    for twice in ["k0", "k16", "k17", "k39"] {
        assert_eq!(codes(&format!("{keys}{twice}: 2\n")), [("duplicate_key", 41, format!("/{twice}"))]);
    }
}

/// Regressions: each of these once took seconds, or hundreds of megabytes, from a small file.
#[test]
fn hostile_files_end_early() {
    let many = "a: 1\n".repeat(500_000);
    assert_eq!(parse(&many).unwrap_err().len(), MAX_ERRORS);
    let key = "k".repeat(100_000);
    let errors = parse(&format!("? {key}\n: {{{}}}\n", "a: 1, ".repeat(300))).unwrap_err();
    assert!(errors.iter().all(|error| error.pointer.len() < 400));
    let empty = format!("# ü\nl: [{}]\n", "{a},".repeat(100_000));
    assert_eq!(parse(&empty).unwrap().get("l").unwrap().items().len(), 100_000);
    assert_eq!(codes(&"-\n".repeat(MAX_NODES + 1))[0].0, "too_many_values");
    let anchors = (0..60).map(|level| format!("&a{level} [")).collect::<Vec<_>>().concat();
    let nested = format!("{anchors}{}{}", "1,".repeat(50_000), "]".repeat(60));
    assert_eq!(codes(&nested)[0].0, "alias_budget");
    let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(900_000), "*a,".repeat(10_000));
    assert_eq!(codes(&long)[0].0, "alias_budget");
}

#[test]
fn aliases_expand_within_their_budget() {
    let root = parse("a: &x [1, 2]\nb: *x\n").unwrap();
    assert_eq!(root.get("b").unwrap().to_json(), serde_json::json!([1, 2]));
    assert!(root.get("b").unwrap().is_alias);
    let laughs = [("b", "a"), ("c", "b"), ("d", "c"), ("e", "d"), ("f", "e")].map(|(name, of)| {
        let list = vec![format!("*{of}"); 10].join(", ");
        format!("{name}: &{name} [{list}]\n")
    });
    let laughs = format!("a: &a [x, x, x, x, x, x, x, x, x, x]\n{}", laughs.concat());
    assert_eq!(codes(&laughs)[0].0, "alias_budget");
    assert_eq!(codes("a: &a [*a]\n")[0].0, "alias");
}
