//! What the last upload said that the repository took in: the base of a three-way merge.
//!
//! Mostly that is what the record says that uploads wrote. Where the repository holds something else, because people's
//! edits were joined with the upload or its names were rewritten, the uploaded content is kept beside the record, under
//! a name that no bundle can bring: SLXs by identity, so that no rename loses them, other files by path, workflows with
//! the names that the repository had. An upload that keeps existing files moves no base of what it left alone.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use super::MergeInput;
use super::draft::{Draft, Heeded};
use super::identity::Sides;
use super::slxs::Slx;
use crate::model::{Manifest, SLX_FILE, slx_directory};
use crate::oid::BlobId;
use crate::path::RepoPath;
use crate::repository::RecordName;
use crate::tree::{Edit, Edits, ReadError};

/// Where bases are kept in the record.
const ROOT: &str = ".base/";
/// Where bases of SLXs are kept in the record.
const SLXS: &str = ".base/slxs/";
/// Where bases of other files are kept in the record.
const FILES: &str = ".base/files/";

/// Finds the bases of files.
#[derive(Clone, Copy)]
pub(super) struct Bases<'a, 'b> {
    pub(super) input: &'b MergeInput<'a>,
    pub(super) sides: Sides<'a, 'b>,
}

/// Finds the bases of one SLX's files.
pub(super) struct SlxBase<'a, 'b> {
    bases: Bases<'a, 'b>,
    key: String,
    /// The directory that the record knows it by.
    directory: Option<&'b str>,
}

impl<'a, 'b> Bases<'a, 'b> {
    /// Returns the base of a file outside of SLXs.
    pub(super) fn of_file(self, path: &RepoPath) -> Option<BlobId> {
        self.get(&format!("{FILES}{path}")).or_else(|| self.get(path.as_str()))
    }

    /// Finds what is known of an uploaded SLX that is in the repository.
    pub(super) fn of_slx(
        self,
        slx: &'b Slx<'a>,
        existing: &'b Slx<'a>,
    ) -> Result<SlxBase<'a, 'b>, ReadError> {
        let identity = slx.identity();
        let known = self.sides.manifest.slxs.get(identity).map_or(slx.directory, String::as_str);
        let mut directory = None;
        for candidate in [known, slx.directory, existing.directory] {
            if self.identity_of(candidate)?.is_some_and(|recorded| recorded == identity) {
                directory = Some(candidate);
                break;
            }
        }
        // An slx.yaml that no upload wrote says nothing of the files beside it.
        if directory.is_none()
            && slx.directory == existing.directory
            && self.identity_of(slx.directory)?.is_none()
        {
            directory = Some(slx.directory);
        }
        Ok(SlxBase { bases: self, key: key(identity), directory })
    }

    /// Returns the identity of the SLX that the record has in a directory.
    fn identity_of(self, directory: &str) -> Result<Option<String>, ReadError> {
        let Some(id) = self.get(&format!("slxs/{directory}/{SLX_FILE}")) else { return Ok(None) };
        let facts = self.input.facts.slx(id, || self.input.record.read(id))?;
        Ok(Some(facts.identity(directory).to_owned()))
    }

    fn get(self, path: &str) -> Option<BlobId> {
        self.input.record.files().get(path).copied()
    }
}

impl SlxBase<'_, '_> {
    /// Returns the base of a file by its path below the SLX's directory.
    pub(super) fn get(&self, rest: &str) -> Option<BlobId> {
        let written = || self.bases.get(&format!("slxs/{}/{rest}", self.directory?));
        self.bases.get(&format!("{SLXS}{}/{rest}", self.key)).or_else(written)
    }
}

/// Returns how an identity is written in a path.
fn key(identity: &str) -> String {
    RecordName::for_location(identity).as_str().to_owned()
}

/// Derives what is kept beside the record after a merge.
pub(super) struct NextBases<'a, 'b> {
    pub(super) bases: Bases<'a, 'b>,
    pub(super) draft: &'b Draft<'a>,
    /// The manifest after the merge.
    pub(super) manifest: &'b Manifest,
}

/// What is kept, by its place beside the record.
type Kept = BTreeMap<RepoPath, Source>;

/// Where the content of a base comes from.
enum Source {
    Record(BlobId),
    Merge(Heeded),
}

impl<'a> NextBases<'a, '_> {
    /// Adds what has to change to the edits of the record.
    pub(super) fn edit(&self, record_edits: &mut Edits) -> Result<(), ReadError> {
        let input = self.bases.input;
        let mut next = self.still_kept();
        for (path, heeded) in &self.draft.heeded {
            // A path that gets too long this way has no base.
            next.extend(self.place_of(path).map(|place| (place, Source::Merge(heeded.clone()))));
        }
        self.carry(record_edits, &mut next)?;
        for (path, _) in self.present().filter(|(path, _)| !next.contains_key(*path)) {
            record_edits.insert(path.clone(), Edit::Remove);
        }
        for (path, source) in next {
            let present = input.record.files().get(&path);
            let content = match source {
                Source::Record(id) | Source::Merge(Heeded::AsUploaded(id)) if present == Some(&id) => {
                    continue;
                }
                Source::Record(id) => input.record.read(id)?,
                Source::Merge(Heeded::AsUploaded(id)) => input.upload.read(id)?,
                Source::Merge(Heeded::Rewritten(content)) if present == Some(&BlobId::of(&content)) => {
                    continue;
                }
                Source::Merge(Heeded::Rewritten(content)) => content,
            };
            record_edits.insert(path, Edit::Write(content));
        }
        Ok(())
    }

    /// Returns what is kept beside the record so far.
    fn present(&self) -> impl Iterator<Item = (&'a RepoPath, BlobId)> + use<'a> {
        let from = (Bound::Included(ROOT), Bound::Unbounded);
        let rest = self.bases.input.record.files().range::<str, _>(from).map(|(path, id)| (path, *id));
        rest.take_while(|(path, _)| path.as_str().starts_with(ROOT))
    }

    /// Returns what of that is to stay unless the upload says something newer.
    fn still_kept(&self) -> Kept {
        let mut present = self.present().peekable();
        let identities: HashMap<String, &str> = match present.peek() {
            Some(_) => self.manifest.slxs.keys().map(|identity| (key(identity), identity.as_str())).collect(),
            None => HashMap::new(),
        };
        let stays = |path: &RepoPath| match path.as_str().strip_prefix(SLXS).and_then(|it| it.split_once('/'))
        {
            Some((key, rest)) => identities.get(key).is_some_and(|identity| self.slx_needs(identity, rest)),
            None => {
                path.as_str().strip_prefix(FILES).is_some_and(|path| self.needs(path, || path.to_owned()))
            }
        };
        present.filter(|(path, _)| stays(path)).map(|(path, id)| (path.clone(), Source::Record(id))).collect()
    }

    /// Tells whether the base of an SLX's file may be asked for by a later upload.
    fn slx_needs(&self, identity: &str, rest: &str) -> bool {
        let directory_now = || self.manifest.slxs.get(identity).map_or("", String::as_str);
        self.uploaded_directory(identity).is_none_or(|directory| {
            self.needs(&format!("slxs/{directory}/{rest}"), || format!("slxs/{}/{rest}", directory_now()))
        })
    }

    /// Tells whether the base of a file is needed: the record itself does not have it, and not both sides gave it up.
    fn needs(&self, uploaded: &str, existing: impl FnOnce() -> String) -> bool {
        let input = self.bases.input;
        match input.upload.files().get_key_value(uploaded) {
            Some((path, _)) => !self.draft.held.contains_key(path),
            None => self.draft.has(&existing(), input.repository.files()),
        }
    }

    /// Returns where an uploaded SLX of this identity lies in the upload.
    fn uploaded_directory(&self, identity: &str) -> Option<&'a str> {
        let upload = self.bases.sides.upload;
        Some(upload.slxs[upload.with_identity(identity, &[])?].directory)
    }

    /// Keeps what the record is about to forget of SLXs that people renamed.
    fn carry(&self, record_edits: &Edits, next: &mut Kept) -> Result<(), ReadError> {
        let Bases { input, .. } = self.bases;
        let mut known: Option<(&str, Option<String>)> = None;
        for (path, edit) in record_edits {
            if *edit != Edit::Remove || self.draft.removed.contains(path) {
                continue;
            }
            let Some((directory, rest)) = slx_directory(path) else { continue };
            let identity = match &known {
                Some((of, identity)) if *of == directory => identity.clone(),
                _ => self.bases.identity_of(directory)?,
            };
            known = Some((directory, identity.clone()));
            let Some(identity) = identity else { continue };
            let is_renamed = self.manifest.slxs.get(&identity).is_some_and(|name| name != directory);
            let is_needed = || match self.uploaded_directory(&identity) {
                Some(uploaded) => {
                    let path = format!("slxs/{uploaded}/{rest}");
                    let found = input.upload.files().get_key_value(path.as_str());
                    found.is_some_and(|(path, _)| !self.draft.held.contains_key(path))
                }
                None => true,
            };
            if is_renamed
                && is_needed()
                && let Ok(place) = RepoPath::parse(&format!("{SLXS}{}/{rest}", key(&identity)))
                && let Some(id) = input.record.files().get(path)
            {
                next.entry(place).or_insert(Source::Record(*id));
            }
        }
        Ok(())
    }

    /// Returns where the base of an uploaded file is kept.
    fn place_of(&self, path: &RepoPath) -> Option<RepoPath> {
        let upload = self.bases.sides.upload;
        let slx = slx_directory(path)
            .and_then(|(directory, rest)| Some((&upload.slxs[upload.in_directory(directory)?], rest)));
        let place = match slx {
            Some((slx, rest)) => format!("{SLXS}{}/{rest}", key(slx.identity())),
            None => format!("{FILES}{path}"),
        };
        RepoPath::parse(&place).ok()
    }
}
