use proptest::prelude::*;

use super::*;
use crate::tree::FileTree as _;
use crate::yaml::edit::documents::any_file;

/// Formats, and checks what must hold of every text.
fn formatted(text: &str) -> String {
    let Some(once) = format(text).unwrap() else { return text.to_owned() };
    assert_ne!(once, text);
    assert_eq!(format(&once), Ok(None), "twice is not once: {text:?} -> {once:?}");
    once
}

#[test]
fn what_editors_leave_behind_goes_and_comments_stay() {
    let text =
        "\u{feff}\r\n\r\n# top  \r\na: 1 \t# one   \r\n\r\n\r\n\r\nb:\t\r\n- x   \r\n  # last\r\n\r\n\r\n";
    assert_eq!(formatted(text), "# top\na: 1 \t# one\n\nb:\n- x\n  # last\n");
    assert_eq!(formatted("a: 1"), "a: 1\n");
    assert_eq!(format("# c\na: 1\n\nb: [2,  3]\n"), Ok(None));
}

#[test]
fn strings_of_several_lines_are_as_they_were() {
    for text in [
        "a: |\n  x  \n\n\n  y\t\nb: 1\n",
        "a: >-\n  x  \n   y \n\n\n\n  z\n",
        "a: |+\n  x\n\n\n",
        "a: |+\n  x\n\n\nb: 1\n",
        "a: \"x  \n\n\n  y\"\nb: 1\n",
        "a: 'x  \n\n\n  y''s'\nb: 1\n",
        "a: x\n  \n\n  y\nb: 1\n",
        "? \"k\n\n\n  l\"\n: 1\n",
        "a: |2\n    x  \n",
    ] {
        let before = parse(text).unwrap();
        let after = formatted(text);
        assert!(is_same(&before, &parse(&after).unwrap()), "{text:?} -> {after:?}");
        let strip = |text: &str| text.trim_end().to_owned();
        assert_eq!(strip(&after), strip(text), "nothing to do inside");
    }
}

#[test]
fn what_follows_a_short_string_is_no_part_of_it() {
    assert_eq!(
        formatted("a: \"x\"  # c\n\n\n\nb: 'y'   \n\n\n\nc: z\n"),
        "a: \"x\"  # c\n\nb: 'y'\n\nc: z\n"
    );
    assert_eq!(formatted("a: |-\n  x\n\n\n\nb: 1   \n"), "a: |-\n  x\n\nb: 1\n");
}

#[test]
fn a_text_that_ends_in_a_string_keeps_its_end_where_it_counts() {
    for text in ["a: |\n  x", "a: |-\n  x", "a: |+\n  x", "a: >\n  x\n\n", "a: 'x'"] {
        let before = parse(text).unwrap();
        assert!(is_same(&before, &parse(&formatted(text)).unwrap()), "{text:?}");
    }
}

#[test]
fn what_is_no_document_is_refused_with_its_place() {
    let Err(FormatError::Syntax(errors)) = format("a: [\n") else { panic!("it is no YAML") };
    assert_eq!(errors[0].code, "yaml_syntax");
    assert!(matches!(format("a: 1\n---\nb: 2\n"), Err(FormatError::Syntax(_))));
}

/// Leaves behind what editors do, outside of strings of several lines: there are none in these lines' ends.
fn littered(text: &str, litter: &[u8]) -> String {
    let mut out = String::new();
    for (line, litter) in text.split('\n').zip(litter.iter().cycle()) {
        out.push_str(line);
        match litter {
            0 => out.push_str("  "),
            1 => out.push('\t'),
            2 => out.push_str("\n\n"),
            3 => out.push_str("\n \t\n\n"),
            4 => out.push('\r'),
            _ => {}
        }
        out.push('\n');
    }
    out
}

proptest! {
    #[test]
    fn any_document_is_formatted_once_and_says_the_same(
        file in any_file(),
        litter in prop::collection::vec(0_u8..12, 1..20),
    ) {
        let (text, comments) = file.write();
        for text in [littered(&text, &litter), text] {
            // Litter may break a string that spans lines; what can't be read is not formatted.
            let Ok(before) = parse(&text) else { continue };
            let after = formatted(&text);
            prop_assert!(is_same(&before, &parse(&after).unwrap()));
            for (comment, _) in &comments {
                prop_assert_eq!(after.matches(comment.as_str()).count(), 1, "{}", comment);
            }
            let is_clean = !after.starts_with(['\n', '\u{feff}']);
            prop_assert!(is_clean);
        }
    }

    #[test]
    fn any_text_is_formatted_or_refused(text in "[-a-c:#|>+'\"\\[\\]{}, \t\r\n&*]{0,40}") {
        match format(&text) {
            Ok(Some(once)) => {
                prop_assert_eq!(format(&once), Ok(None));
                prop_assert!(is_same(&parse(&text).unwrap(), &parse(&once).unwrap()));
            }
            Ok(None) => {}
            Err(FormatError::Syntax(errors)) => prop_assert!(!errors.is_empty()),
            Err(FormatError::Unverified) => prop_assert!(parse(&text).is_ok()),
        }
    }
}

#[test]
fn the_examples_are_formatted_already_or_become_so() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/workspaces/valid");
    let mut open = vec![root];
    let mut count = 0;
    while let Some(directory) = open.pop() {
        for entry in fs_err::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|end| end == "yaml") {
                let text = fs_err::read_to_string(path).unwrap();
                // Some are there to be no document of ours.
                if parse(&text).is_ok() {
                    formatted(&text);
                    count += 1;
                }
            }
        }
    }
    assert!(count > 10, "{count}");
}

#[test]
fn files_of_the_real_builder_say_the_same_afterwards() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    if !root.is_dir() {
        eprintln!("NOT TESTED: no real bundles in {}", root.display());
        return;
    }
    let mut count = 0;
    for entry in fs_err::read_dir(&root).unwrap() {
        let file = entry.unwrap().path().join("bundle.tar.gz");
        if !file.is_file() {
            continue;
        }
        let tree = crate::check::corpus::unpack(&file);
        for (path, id) in tree.files().iter().filter(|(path, _)| is_yaml(path)) {
            let content = tree.read(*id).unwrap();
            let text = std::str::from_utf8(&content).unwrap();
            if let Ok(before) = parse(text) {
                let after = parse(&formatted(text)).unwrap();
                assert!(is_same(&before, &after), "{path}");
                count += 1;
            }
        }
    }
    assert!(count > 100, "{count}");
}

fn is_yaml(path: &crate::path::RepoPath) -> bool {
    std::path::Path::new(path.as_str()).extension().is_some_and(|extension| extension == "yaml")
}
