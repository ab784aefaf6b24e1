//! Three-way merging of one file.
//!
//! The base is what the last upload said that the repository took in. What only the builder changed since is taken,
//! what only people changed is kept, and a YAML file that both changed is joined field by field: the repository's text
//! is edited, so that its comments and formatting stay. What both changed in different ways is a conflict,
//! which the upload's options settle. Other files are atomic.

mod fields;
mod lists;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use self::fields::{Clash, Joining, MAX_SHOWN_CHARS, Three, cut};
use super::draft::Draft;
use super::summary::{MergeConflict, NO_BASE, Resolution};
use super::{MergeError, MergeInput};
use crate::check::check_file;
use crate::model::{FileKind, decode};
use crate::oid::BlobId;
use crate::path::RepoPath;
use crate::problem::Severity;
use crate::yaml::{self, Editor};

/// What becomes of a field that people and the builder changed in different ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Conflict {
    /// The repository's value stays.
    #[default]
    Existing,
    /// The uploaded value is taken.
    Uploaded,
    /// The upload is refused, and nothing changes.
    Fail,
}

impl Conflict {
    fn resolution(self) -> Option<Resolution> {
        match self {
            Self::Existing => Some(Resolution::Existing),
            Self::Uploaded => Some(Resolution::Uploaded),
            Self::Fail => None,
        }
    }
}

/// What a merge does with one file of the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    /// It stays as it is, or stays away.
    Keep,
    /// It becomes what was uploaded.
    Take,
    /// It gets this content.
    Write(Bytes),
}

/// The versions of one file that differs between the repository and the upload.
pub(super) struct Versions<'v> {
    /// Whose file it is, for people: its SLX, or the file itself.
    pub(super) name: &'v str,
    /// Where it lies in the repository.
    pub(super) path: &'v RepoPath,
    /// What the repository holds there.
    pub(super) existing: Option<BlobId>,
    /// What the last upload said that the repository took in.
    pub(super) base: Option<BlobId>,
    /// The base of an SLX's file under the repository's name, where the upload has another one.
    pub(super) renamed_base: Option<Bytes>,
    /// What was uploaded.
    pub(super) uploaded: BlobId,
    /// What was uploaded, under the repository's names of SLXs where they are others.
    pub(super) rewritten: Option<Bytes>,
}

impl Versions<'_> {
    /// Tells whether the builder left the file alone.
    ///
    /// A workflow that names SLXs by new names changed, though nothing else did in the upload.
    fn is_as_before(&self) -> bool {
        let is_of_slx = FileKind::of(self.path).is_of_slx();
        self.base.is_some_and(|base| base == self.wanted() || is_of_slx && base == self.uploaded)
    }

    /// Tells whether people left the file alone, but for its SLX's name.
    fn is_untouched(&self, existing: BlobId) -> bool {
        self.base == Some(existing)
            || self.renamed_base.as_ref().is_some_and(|base| BlobId::of(base) == existing)
    }

    /// Returns what the upload wants to be there.
    fn wanted(&self) -> BlobId {
        self.rewritten.as_ref().map_or(self.uploaded, |content| BlobId::of(content))
    }
}

/// Settles single files of one upload.
#[derive(Clone, Copy)]
pub(super) struct ThreeWay<'a, 'b> {
    pub(super) input: &'b MergeInput<'a>,
}

/// A verdict and what it had to decide between.
type Settled = (Verdict, Vec<MergeConflict>);

impl<'a> ThreeWay<'a, '_> {
    /// Adds to the draft what becomes of a file, uploaded at a path; tells whether it changes.
    pub(super) fn put(
        self,
        file: &Versions<'_>,
        path: &'a RepoPath,
        draft: &mut Draft<'a>,
    ) -> Result<bool, MergeError> {
        let (verdict, conflicts) = self.settle(file)?;
        draft.clash(conflicts);
        let (result, content) = match verdict {
            Verdict::Keep => (file.existing, None),
            Verdict::Take => (Some(file.wanted()), Some(self.uploaded(file)?)),
            Verdict::Write(content) => (Some(BlobId::of(&content)), Some(content)),
        };
        let is_held = path == file.path && result == Some(file.uploaded);
        // SLXs are renamed again when they are compared, so that one more rename changes nothing.
        let rewritten = file.rewritten.as_ref().filter(|_| !FileKind::of(file.path).is_of_slx());
        draft.note(path, file.uploaded, is_held, rewritten);
        let is_written = content.is_some();
        if let Some(content) = content {
            draft.write(file.path.clone(), content);
        }
        Ok(is_written)
    }

    /// Decides what becomes of a file.
    fn settle(self, file: &Versions<'_>) -> Result<Settled, MergeError> {
        let Some(existing) = file.existing else {
            return match file.base {
                None => Ok((Verdict::Take, Vec::new())),
                Some(_) if file.is_as_before() => Ok((Verdict::Keep, Vec::new())),
                Some(_) => self.settle_whole(file, "removed_by_people"),
            };
        };
        if file.is_untouched(existing) {
            return Ok((Verdict::Take, Vec::new()));
        }
        if file.is_as_before() {
            return Ok((Verdict::Keep, Vec::new()));
        }
        if !is_yaml(file.path) {
            return self.settle_whole(file, if file.base.is_some() { "both_changed" } else { NO_BASE });
        }
        let existing = self.input.repository.read(existing)?;
        let uploaded = self.uploaded(file)?;
        let Some(base) = file.base else {
            let is_same = values_of(&existing).is_some_and(|it| values_of(&uploaded) == Some(it));
            return if is_same { Ok((Verdict::Keep, Vec::new())) } else { self.settle_whole(file, NO_BASE) };
        };
        let base = file.renamed_base.clone().map_or_else(|| self.input.record.read(base), Ok)?;
        match self.settle_fields(file, &base, &existing, &uploaded) {
            Some(settled) => Ok(settled),
            None => self.settle_whole(file, "not_mergeable"),
        }
    }

    /// Joins a YAML file field by field, or returns nothing where that can't be done.
    fn settle_fields(
        self,
        file: &Versions<'_>,
        base: &[u8],
        existing: &[u8],
        uploaded: &[u8],
    ) -> Option<Settled> {
        let text = decode(existing).ok()?;
        let mut editor = Editor::new(text).ok()?;
        let (base, uploaded) = (values_of(base)?, values_of(uploaded)?);
        let mut joining = Joining::new(self.input.options.conflict == Conflict::Uploaded);
        let of = Three { base: Some(&base), existing: Some(editor.expected()), uploaded: Some(&uploaded) };
        let joined = joining.join(of)?;
        let conflicts = joining.clashes.into_iter().map(|clash| self.conflict(file, clash)).collect();
        let edited = editor.set(&[], &joined).finish().ok()?;
        if edited == text {
            return Some((Verdict::Keep, conflicts));
        }
        // Two valid files may make one that is not.
        let problems = check_file(self.input.workspace, file.path, edited.as_bytes());
        let is_valid = !problems.iter().any(|problem| problem.severity == Severity::Error);
        is_valid.then(|| (Verdict::Write(edited.into()), conflicts))
    }

    /// Settles a file as a whole.
    fn settle_whole(self, file: &Versions<'_>, code: &'static str) -> Result<Settled, MergeError> {
        let base = file.base.map(|id| self.input.record.read(id)).transpose()?;
        let existing = file.existing.map(|id| self.input.repository.read(id)).transpose()?;
        let values = [base, existing, Some(self.uploaded(file)?)];
        let values = values.map(|content| content.map(|content| shown(&content)));
        let conflict = self.conflict(file, Clash { pointer: String::new(), code, values });
        let takes = self.input.options.conflict == Conflict::Uploaded;
        Ok((if takes { Verdict::Take } else { Verdict::Keep }, vec![conflict]))
    }

    fn uploaded(self, file: &Versions<'_>) -> Result<Bytes, MergeError> {
        match &file.rewritten {
            Some(content) => Ok(content.clone()),
            None => Ok(self.input.upload.read(file.uploaded)?),
        }
    }

    fn conflict(self, file: &Versions<'_>, clash: Clash) -> MergeConflict {
        let [base, existing, uploaded] = clash.values;
        MergeConflict {
            name: file.name.to_owned(),
            path: Some(file.path.as_str().to_owned()),
            field: Some(clash.pointer),
            code: clash.code,
            resolution: self.input.options.conflict.resolution(),
            base,
            existing,
            uploaded,
        }
    }
}

/// Tells whether a file is joined field by field.
fn is_yaml(path: &RepoPath) -> bool {
    let extension = path.file_name().rsplit_once('.').map(|(_, extension)| extension);
    FileKind::of(path) != FileKind::Other
        || extension.is_some_and(|it| it.eq_ignore_ascii_case("yaml") || it.eq_ignore_ascii_case("yml"))
}

fn values_of(content: &[u8]) -> Option<Json> {
    Some(yaml::parse(decode(content).ok()?).ok()?.to_json())
}

/// Shows the beginning of a file on one line.
fn shown(content: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(content) else { return format!("{} bytes", content.len()) };
    // The rest is cut off in any case.
    let words: Vec<_> = text.split_whitespace().take(MAX_SHOWN_CHARS).collect();
    cut(&words.join(" "))
}
