//! Where an uploaded file lands beside files whose names may count as the same.

use std::collections::HashMap;

use crate::model::FileKind;
use crate::path::{RepoPath, fold};

/// Where an uploaded file lands.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// At its own path, or at the path as the repository spells it.
    At(RepoPath),
    /// Nowhere: a file is where it needs a directory, or the other way round, or the path is reserved.
    Blocked,
}

/// How the repository spells paths, by their folded form.
#[derive(Debug, Default)]
pub(super) struct Spellings<'a> {
    known: HashMap<String, Spelling<'a>>,
}

#[derive(Debug, Clone, Copy)]
struct Spelling<'a> {
    path: &'a str,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Directory,
    /// A file that is never written here, under any spelling.
    Reserved,
}

impl<'a> Spellings<'a> {
    /// Notes the paths of files and of the directories that hold them.
    pub(super) fn of(paths: impl IntoIterator<Item = &'a RepoPath>) -> Self {
        let mut spellings = Self::default();
        for path in paths {
            let text = path.as_str();
            spellings.note(text, Kind::File);
            for (at, _) in text.match_indices('/') {
                spellings.note(&text[..at], Kind::Directory);
            }
        }
        spellings
    }

    /// Notes a path that is never written here.
    pub(super) fn reserve(&mut self, path: &'static str) {
        self.known.insert(fold(path), Spelling { path, kind: Kind::Reserved });
    }

    fn note(&mut self, path: &'a str, kind: Kind) {
        self.known.entry(fold(path)).or_insert(Spelling { path, kind });
    }

    /// Finds where an uploaded path lands.
    pub(super) fn place(&self, path: &RepoPath) -> Place {
        let text = path.as_str();
        match self.known.get(&fold(text)) {
            Some(Spelling { path: known, kind: Kind::File }) => return Self::at(path, known),
            Some(_) => return Place::Blocked,
            None => {}
        }
        // The longest directory that is there lends its spelling.
        for (at, _) in text.rmatch_indices('/') {
            match self.known.get(&fold(&text[..at])) {
                Some(Spelling { path: known, kind: Kind::Directory }) => {
                    return Self::at(path, &format!("{known}{}", &text[at..]));
                }
                Some(_) => return Place::Blocked,
                None => {}
            }
        }
        Place::At(path.clone())
    }

    /// Takes a spelling unless the file would count as another kind there, which nobody checked it for.
    fn at(uploaded: &RepoPath, known: &str) -> Place {
        match RepoPath::parse(known) {
            Ok(path) if FileKind::of(&path) == FileKind::of(uploaded) => Place::At(path),
            _ => Place::Blocked,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(known: &[&str], path: &str) -> Option<String> {
        let known: Vec<_> = known.iter().map(|path| RepoPath::parse(path).unwrap()).collect();
        let mut spellings = Spellings::of(&known);
        spellings.reserve("workspace.yaml");
        match spellings.place(&RepoPath::parse(path).unwrap()) {
            Place::At(path) => Some(path.as_str().to_owned()),
            Place::Blocked => None,
        }
    }

    #[test]
    fn names_that_count_as_the_same_land_on_the_repositorys_spelling() {
        assert_eq!(place(&["Docs/a.md"], "docs/A.MD").as_deref(), Some("Docs/a.md"));
        assert_eq!(place(&["Docs/a.md"], "docs/B.md").as_deref(), Some("Docs/B.md"));
        assert_eq!(place(&["a/B/c"], "A/b/d/e").as_deref(), Some("a/B/d/e"));
        assert_eq!(place(&[], "x/y").as_deref(), Some("x/y"));
    }

    #[test]
    fn files_and_directories_do_not_take_each_others_place() {
        assert_eq!(place(&["a/b"], "a"), None);
        assert_eq!(place(&["a"], "a/b"), None);
        assert_eq!(place(&["a"], "A/b/c"), None);
    }

    #[test]
    fn a_file_that_would_count_as_another_kind_lands_nowhere() {
        assert_eq!(place(&["slxs/a/runbook.yaml"], "slxs/a/Runbook.yaml"), None);
        assert_eq!(place(&["workflows/a.yaml"], "Workflows/b.yaml"), None);
    }

    #[test]
    fn reserved_paths_are_never_written_under_any_spelling() {
        assert_eq!(place(&[], "Workspace.yaml"), None);
        assert_eq!(place(&[], "WORKSPACE.YAML/x"), None);
    }
}
