//! Rules between the files of a revision.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Bound;

use bytes::Bytes;
use rayon::prelude::*;

use super::collisions::path_collisions;
use super::nearest::nearest;
use super::place::quote;
use crate::model::{FactsCache, FileKind, SLX_FILE, SlxReference, WORKSPACE_FILE, slx_directory, slx_files};
use crate::name::WorkspaceName;
use crate::oid::BlobId;
use crate::path::RepoPath;
use crate::problem::{Problem, Problems};
use crate::tree::ReadError;
use crate::yaml::Mark;

/// Most characters of `<workspace>--<directory>`.
const MAX_NAME_CHARS: usize = 255;
/// Most comparisons that are spent on finding what misspelt names may have meant.
const MAX_COMPARISONS: usize = 3000;

/// Reads a blob of the revision.
pub(crate) type Read<'a> = &'a (dyn Fn(BlobId) -> Result<Bytes, ReadError> + Sync);

/// Checks the rules between the files of a revision, each known to be valid by itself.
///
/// `files` is the whole revision; `read` is called only for files whose facts aren't known yet.
pub fn check_across(
    workspace: &WorkspaceName,
    files: &BTreeMap<RepoPath, BlobId>,
    read: Read<'_>,
    facts: &FactsCache,
    problems: &mut Problems,
) -> Result<(), ReadError> {
    let across = Across { workspace, files, read, facts };
    let collisions = across.collisions(None);
    across.check(None, collisions, problems)
}

/// A revision whose files are held against each other.
pub(crate) struct Across<'a> {
    pub(crate) workspace: &'a WorkspaceName,
    pub(crate) files: &'a BTreeMap<RepoPath, BlobId>,
    pub(crate) read: Read<'a>,
    pub(crate) facts: &'a FactsCache,
}

impl Across<'_> {
    /// Finds names that can't stand beside each other, if the change can have brought any.
    pub(crate) fn collisions(&self, changed: Option<&BTreeSet<RepoPath>>) -> Vec<Problem> {
        if touches(changed, |kind| kind != FileKind::Workspace) {
            path_collisions(self.files.keys())
        } else {
            // Of workspace.yaml there is one, at a fixed place.
            Vec::new()
        }
    }

    /// Checks the rules that a change can break; all of them when `changed` is nothing.
    pub(crate) fn check(
        &self,
        changed: Option<&BTreeSet<RepoPath>>,
        collisions: Vec<Problem>,
        problems: &mut Problems,
    ) -> Result<(), ReadError> {
        let Self { workspace, files, read, facts } = *self;
        problems.extend(collisions);
        if touches(changed, |kind| kind != FileKind::Workspace) {
            check_directories(workspace, files, problems);
        }
        if touches(changed, |kind| kind == FileKind::Slx) {
            problems.extend(duplicate_identities(files, read, facts)?);
        }
        check_references(files, read, facts, problems)
    }
}

/// Tells whether a file of a wanted kind changed; everything did when `changed` is nothing.
fn touches(changed: Option<&BTreeSet<RepoPath>>, wanted: fn(FileKind) -> bool) -> bool {
    changed.is_none_or(|changed| changed.iter().any(|path| wanted(FileKind::of(path))))
}

/// Checks that every directory with files of an SLX is one, and has a name that fits.
fn check_directories(workspace: &WorkspaceName, files: &BTreeMap<RepoPath, BlobId>, problems: &mut Problems) {
    let inside = under(files, "slxs/", "slxs0").filter_map(|path| Some((path, slx_directory(path)?)));
    let mut inside = inside.peekable();
    while let Some((first, (directory, mut rest))) = inside.next() {
        let mut slx = false;
        let mut known = None;
        let mut path = first;
        loop {
            slx |= rest == SLX_FILE;
            if known.is_none() && FileKind::of(path).is_of_slx() {
                known = Some(path);
            }
            // The files of a directory follow one another.
            match inside.next_if(|(_, (next, _))| *next == directory) {
                Some((next, (_, next_rest))) => (path, rest) = (next, next_rest),
                None => break,
            }
        }
        // A directory without any of the four files is no SLX.
        let Some(known) = known else { continue };
        problems.extend(long_name(workspace, known, directory));
        if !slx {
            problems.push(missing_slx(files, directory, known));
        }
    }
}

fn long_name(workspace: &WorkspaceName, path: &RepoPath, directory: &str) -> Option<Problem> {
    let length = workspace.as_str().len() + 2 + directory.chars().count();
    let excess = length.checked_sub(MAX_NAME_CHARS).filter(|excess| *excess > 0)?;
    let message = format!(
        "the SLX {} has, as {workspace}--<directory>, a name of {length} characters, more than {MAX_NAME_CHARS}",
        quote(directory)
    );
    let hint = format!("shorten the directory's name by {excess} characters");
    Some(Problem::file(path, "name_too_long", message).hint(hint))
}

/// Reports a directory that holds a file of an SLX, but no `slx.yaml`.
fn missing_slx(files: &BTreeMap<RepoPath, BlobId>, directory: &str, path: &RepoPath) -> Problem {
    let message = format!("the SLX {} has a {} but no {SLX_FILE}", quote(directory), path.file_name());
    let (first, end) = (format!("slxs/{directory}/"), format!("slxs/{directory}0"));
    let mut names = under(files, &first, &end).filter_map(slx_directory).map(|(_, rest)| rest);
    let is_meant = |name: &&str| ["slx.yaml", "slx.yml"].iter().any(|meant| name.eq_ignore_ascii_case(meant));
    let hint = match names.find(is_meant) {
        Some(name) => format!("rename {name} to {SLX_FILE}"),
        None => format!("add slxs/{directory}/{SLX_FILE}, or remove the directory"),
    };
    Problem::file(path, "slx_missing", message).hint(hint)
}

/// Returns the paths from `first` to before `end`.
fn under<'a>(
    files: &'a BTreeMap<RepoPath, BlobId>,
    first: &str,
    end: &str,
) -> impl Iterator<Item = &'a RepoPath> + use<'a> {
    files.range::<str, _>((Bound::Included(first), Bound::Excluded(end))).map(|(path, _)| path)
}

/// Finds SLXs with the identity of another one.
fn duplicate_identities(
    files: &BTreeMap<RepoPath, BlobId>,
    read: Read<'_>,
    facts: &FactsCache,
) -> Result<Vec<Problem>, ReadError> {
    let slxs: Vec<_> = slx_files(files).collect();
    let known: Vec<_> =
        slxs.par_iter().map(|(_, id)| facts.slx(*id, || read(*id))).collect::<Result<_, _>>()?;
    let mut owners: HashMap<&str, Vec<(&str, &RepoPath, Mark)>> = HashMap::with_capacity(slxs.len());
    let mut several = Vec::new();
    for ((path, _), facts) in slxs.iter().zip(&known) {
        let Some((directory, _)) = slx_directory(path) else { continue };
        let Some(full_name) = facts.full_name.as_deref() else { continue };
        let owners = owners.entry(full_name).or_default();
        owners.push((directory, path, facts.full_name_mark));
        if owners.len() == 2 {
            several.push(full_name);
        }
    }
    let mut problems = Vec::new();
    for full_name in several {
        let mut owners = owners.remove(full_name).unwrap_or_default();
        // By name, not by path: a copy called `web-2` comes behind `web`.
        owners.sort_unstable_by_key(|(directory, ..)| *directory);
        let mut owners = owners.into_iter();
        let Some((first, ..)) = owners.next() else { continue };
        for (directory, path, mark) in owners {
            let names = (quote(full_name), quote(first), quote(directory));
            let message =
                format!("`fullSlxName` {} is that of both SLX {} and SLX {}", names.0, names.1, names.2);
            let problem = Problem::file(path, "duplicate_full_slx_name", message)
                .at(mark.line, mark.column, "/metadata/annotations/fullSlxName")
                .hint("remove one of the two SLXs, or the annotation from the one that is a copy");
            problems.push(problem);
        }
    }
    Ok(problems)
}

/// Warns of SLXs that are named somewhere and don't exist.
fn check_references(
    files: &BTreeMap<RepoPath, BlobId>,
    read: Read<'_>,
    facts: &FactsCache,
    problems: &mut Problems,
) -> Result<(), ReadError> {
    let slxs: HashSet<&str> = slx_files(files)
        .filter_map(|(path, _)| slx_directory(path))
        .map(|(directory, _)| directory)
        .collect();
    let mut existing = Names { slxs, comparisons: MAX_COMPARISONS };
    match files.get_key_value(WORKSPACE_FILE) {
        Some((path, id)) => {
            let named = facts.references(*id, || read(*id))?;
            existing.check(path, named.members.iter().chain(&named.related), problems);
        }
        None => problems.extend(missing_workspace()),
    }
    let workflows: Vec<_> = files
        .range::<str, _>((Bound::Included("workflows/"), Bound::Excluded("workflows0")))
        .filter(|(path, _)| FileKind::of(path) == FileKind::Workflow)
        .collect();
    let known: Vec<_> =
        workflows.par_iter().map(|(_, id)| facts.workflow(**id, || read(**id))).collect::<Result<_, _>>()?;
    for ((path, _), facts) in workflows.iter().zip(&known) {
        existing.check(path, &facts.references, problems);
    }
    Ok(())
}

fn missing_workspace() -> Option<Problem> {
    let path = RepoPath::parse(WORKSPACE_FILE).ok()?;
    let problem =
        Problem::file(&path, "workspace_missing", format!("there is no {WORKSPACE_FILE} at the root"));
    Some(problem.hint(format!("add {WORKSPACE_FILE}; is this the workspace's own directory?")))
}

/// The SLXs that exist.
struct Names<'a> {
    slxs: HashSet<&'a str>,
    comparisons: usize,
}

impl Names<'_> {
    fn check<'r>(
        &mut self,
        path: &RepoPath,
        references: impl IntoIterator<Item = &'r SlxReference>,
        problems: &mut Problems,
    ) {
        for reference in references {
            if self.slxs.contains(reference.name.as_str()) {
                continue;
            }
            let message = format!("the SLX {} that is named here does not exist", quote(&reference.name));
            let problem = Problem::file(path, "unknown_slx", message)
                .warning()
                .at(reference.mark.line, reference.mark.column, reference.pointer.clone())
                .hint(self.hint(&reference.name));
            problems.push(problem);
        }
    }

    fn hint(&mut self, name: &str) -> String {
        if let Some((_, short)) = name.split_once("--").filter(|(_, short)| self.slxs.contains(short)) {
            return format!("write the short name, without the workspace: {}", quote(short));
        }
        let nearest = if self.slxs.len() <= self.comparisons {
            self.comparisons -= self.slxs.len();
            // Of several that are equally near, the same one each time.
            let mut slxs: Vec<_> = self.slxs.iter().copied().collect();
            slxs.sort_unstable();
            nearest(name, slxs)
        } else {
            None
        };
        match nearest {
            Some(known) => format!("did you mean {}?", quote(known)),
            None => "add the SLX, or remove the name".to_owned(),
        }
    }
}
