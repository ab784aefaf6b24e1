//! Paths that some file system takes for one another.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::place::MAX_PROBLEMS;
use crate::path::{RepoPath, fold};
use crate::problem::Problem;

/// Finds paths, of files or directories, that are equal but for case or Unicode form.
///
/// On macOS and Windows one of two such files would overwrite the other at checkout. The paths
/// must come in their own order, as from a `BTreeMap`; each collision is reported once, at the
/// later path and at its uppermost component.
pub fn path_collisions<'a>(paths: impl IntoIterator<Item = &'a RepoPath>) -> Vec<Problem> {
    let mut problems = Vec::new();
    // A directory is known by the number of its folded path, a name by its directory and folded form.
    let paths = paths.into_iter();
    let mut names: HashMap<(usize, Cow<'a, str>), Known<'a>> = HashMap::with_capacity(paths.size_hint().0);
    // The directories of the last path: where each ends in it, and its number.
    let mut open: Vec<(usize, usize)> = Vec::new();
    let mut last: &str = "";
    for path in paths {
        let text = path.as_str();
        while let Some((end, _)) = open.last()
            && !(text.len() > *end && text.as_bytes()[*end] == b'/' && text[..*end] == last[..*end])
        {
            open.pop();
        }
        let (mut start, mut directory) = open.last().map_or((0, 0), |(end, number)| (end + 1, *number));
        // A collision of a directory is told once and not again for what lies in it.
        let mut told = false;
        while start < text.len() {
            let end = text[start..].find('/').map_or(text.len(), |length| start + length);
            let number = names.len() + 1;
            let known = match names.entry((directory, fold_name(&text[start..end]))) {
                Entry::Vacant(entry) => *entry.insert(Known { path: &text[..end], number }),
                Entry::Occupied(entry) => *entry.get(),
            };
            let same_parent = known.path.get(..start) == text.get(..start);
            if known.path != &text[..end] && same_parent && !told && problems.len() < MAX_PROBLEMS {
                problems.push(collision(path, known.path, &text[..end]));
                told = true;
            }
            if end < text.len() {
                open.push((end, known.number));
            }
            directory = known.number;
            start = end + 1;
        }
        last = text;
    }
    problems
}

#[derive(Clone, Copy)]
struct Known<'a> {
    path: &'a str,
    number: usize,
}

/// Folds one component, mostly without allocation.
fn fold_name(name: &str) -> Cow<'_, str> {
    if name.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
        Cow::Borrowed(name)
    } else {
        Cow::Owned(fold(name))
    }
}

fn collision(path: &RepoPath, first: &str, second: &str) -> Problem {
    let message = format!(
        "the paths {first:?} and {second:?} are the same to file systems that ignore case or Unicode form"
    );
    Problem::file(path, "path_collision", message).hint("rename or remove one of the two")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn collisions(paths: &[&str]) -> Vec<(String, String)> {
        let paths: BTreeSet<_> = paths.iter().map(|path| RepoPath::parse(path).unwrap()).collect();
        path_collisions(&paths).into_iter().map(|problem| (problem.path, problem.message)).collect()
    }

    #[test]
    fn equal_but_for_case_or_unicode_form_is_a_collision() {
        let found = collisions(&["slxs/a/SKILL.md", "slxs/a/skill.md", "slxs/b/skill.md", "Slxs.md"]);
        insta::assert_debug_snapshot!(found, @r#"
        [
            (
                "slxs/a/skill.md",
                "the paths \"slxs/a/SKILL.md\" and \"slxs/a/skill.md\" are the same to file systems that ignore case or Unicode form",
            ),
        ]
        "#);
        assert_eq!(collisions(&["a/Zürich", "a/ZU\u{308}RICH"]).len(), 1);
        assert_eq!(collisions(&["a/x", "a-b/x", "a/y", "ab/x"]), []);
    }

    #[test]
    fn directories_collide_once_whatever_lies_in_them() {
        let found =
            collisions(&["slxs/Web/slx.yaml", "slxs/web/sli.yaml", "slxs/web/slx.yaml", "slxs/web/d/x"]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].0, "slxs/web/d/x");
        assert!(found[0].1.contains("\"slxs/Web\" and \"slxs/web\""), "{found:?}");
    }

    #[test]
    fn a_file_collides_with_a_directory() {
        assert_eq!(collisions(&["A", "a/b"]).len(), 1);
        assert_eq!(collisions(&["slxs/x/DOCS", "slxs/x/docs/a", "slxs/x/docs/b"]).len(), 1);
    }

    proptest! {
        /// Compares with the plain definition: some ancestor-or-self of two paths folds equal and differs.
        #[test]
        fn collisions_are_found_exactly_when_there_are_some(
            paths in prop::collection::btree_set("[aAbBüÜ]{1,2}(/[aAb.]{1,2}){0,3}", 0..8),
        ) {
            let paths: BTreeSet<_> = paths.iter().filter_map(|path| RepoPath::parse(path).ok()).collect();
            let mut prefixes = BTreeSet::new();
            for path in &paths {
                let text = path.as_str();
                prefixes.extend(text.match_indices('/').map(|(end, _)| &text[..end]).chain([text]));
            }
            let folded: BTreeSet<_> = prefixes.iter().map(|prefix| fold(prefix)).collect();
            prop_assert_eq!(path_collisions(&paths).is_empty(), folded.len() == prefixes.len());
        }
    }
}
