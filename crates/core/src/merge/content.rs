//! The files of one uploaded SLX.

use std::collections::HashSet;

use bytes::Bytes;

use super::base::Bases;
use super::draft::Draft;
use super::identity::{Fate, Sides};
use super::placement::{Place, Spellings};
use super::rename::Rename;
use super::slxs::Slx;
use super::threeway::{ThreeWay, Versions};
use super::{MergeError, MergeInput, MergeMode};
use crate::model::{FileKind, SLX_FILE, slx_directory};
use crate::oid::BlobId;
use crate::path::RepoPath;
use crate::tree::Edit;

/// Merges the files of uploaded SLXs, one at a time.
pub(super) struct SlxFiles<'a, 'b> {
    pub(super) input: &'b MergeInput<'a>,
    pub(super) sides: Sides<'a, 'b>,
}

/// A file that differs from what the repository has.
struct Difference<'a> {
    target: RepoPath,
    uploaded: &'a RepoPath,
    id: BlobId,
    /// The content with the repository's names, where that is another one.
    rewritten: Option<Bytes>,
}

/// What an upload would change in an SLX.
#[derive(Default)]
struct Comparison<'a> {
    differences: Vec<Difference<'a>>,
    /// Where uploaded files land that the repository spells in another way.
    respelled: HashSet<RepoPath>,
}

impl<'a> SlxFiles<'a, '_> {
    /// Adds the edits of one uploaded SLX to the draft, and its name to the summary.
    pub(super) fn merge(&self, slx: &Slx<'a>, fate: Fate, draft: &mut Draft<'a>) -> Result<(), MergeError> {
        let name = || slx.directory.to_owned();
        match fate {
            Fate::Added => {
                self.put_new(slx, draft)?;
                draft.summary.added.push(name());
            }
            Fate::Replaces(old) => {
                for (path, _) in &self.sides.repository.slxs[old].files {
                    draft.remove(path);
                }
                for (path, id) in &slx.files {
                    if self.input.repository.files().get(*path) == Some(id) {
                        draft.keep(path);
                    } else {
                        draft.write((*path).clone(), self.input.upload.read(*id)?);
                    }
                    draft.hold(path, *id);
                }
                draft.summary.changed.push(name());
            }
            Fate::Matched(number) => self.join(slx, &self.sides.repository.slxs[number], draft)?,
            // Neither brings files.
            Fate::Tombstoned | Fate::Conflict(_) => {}
        }
        Ok(())
    }

    /// Puts an SLX where none is; files that lie there already are treated as the mode says.
    fn put_new(&self, slx: &Slx<'a>, draft: &mut Draft<'a>) -> Result<(), MergeError> {
        let strays = self.sides.repository.strays_of(slx.directory);
        let spellings = Spellings::of(strays.iter().map(|(path, _)| *path));
        let mut respelled = HashSet::new();
        for (path, id) in &slx.files {
            let Place::At(target) =
                (if strays.is_empty() { Place::At((*path).clone()) } else { spellings.place(path) })
            else {
                draft.summary.warn(blocked(path));
                continue;
            };
            let existing = self.input.repository.files().get(&target).copied();
            match (existing, self.input.options.mode) {
                (Some(there), _) if there == *id => draft.note(path, *id, target == **path, None),
                (Some(_), MergeMode::KeepExisting) => continue,
                (Some(_), MergeMode::ThreeWay) => {
                    // What lies here belonged to another SLX or to none, so there is no base.
                    let file = Versions {
                        name: slx.directory,
                        path: &target,
                        existing,
                        base: None,
                        renamed_base: None,
                        uploaded: *id,
                        rewritten: None,
                    };
                    ThreeWay { input: self.input }.put(&file, path, draft)?;
                }
                _ => {
                    draft.write(target.clone(), self.input.upload.read(*id)?);
                    draft.note(path, *id, target == **path, None);
                }
            }
            if target != **path {
                respelled.insert(target);
            }
        }
        // What was left of an SLX that people took apart belongs to this one now.
        if self.input.options.prune_stale_resources && self.sides.is_from_here(slx) {
            for (path, id) in strays {
                if self.is_stale(path, *id, &respelled) {
                    draft.remove(path);
                }
            }
        }
        Ok(())
    }

    /// Joins an SLX with the one of the same identity.
    fn join(&self, slx: &Slx<'a>, existing: &Slx<'a>, draft: &mut Draft<'a>) -> Result<(), MergeError> {
        let name = existing.directory.to_owned();
        let Comparison { differences, respelled } = self.compare(slx, existing, draft)?;
        let is_same = differences.is_empty();
        let is_written = match self.input.options.mode {
            _ if is_same => false,
            MergeMode::KeepExisting => false,
            MergeMode::KeepUploaded => self.take(differences, draft)?,
            MergeMode::ThreeWay => self.join_files((slx, existing), differences, draft)?,
        };
        let stale = self.stale_files((slx, existing), &respelled, draft)?;
        if is_written || !stale.is_empty() {
            draft.summary.changed.push(name);
        } else if is_same {
            draft.summary.counts.unchanged += 1;
        } else {
            draft.summary.kept.push(name);
        }
        for path in stale {
            draft.remove(path);
        }
        Ok(())
    }

    /// Takes the uploaded files; tells that it did.
    fn take(&self, differences: Vec<Difference<'a>>, draft: &mut Draft<'a>) -> Result<bool, MergeError> {
        for Difference { target, uploaded, id, rewritten } in differences {
            draft.note(uploaded, id, rewritten.is_none() && target == *uploaded, None);
            let content = rewritten.map_or_else(|| self.input.upload.read(id), Ok)?;
            draft.write(target, content);
        }
        Ok(true)
    }

    /// Joins the files that differ with the repository's; tells whether any changes.
    fn join_files(
        &self,
        (slx, existing): (&Slx<'a>, &Slx<'a>),
        differences: Vec<Difference<'a>>,
        draft: &mut Draft<'a>,
    ) -> Result<bool, MergeError> {
        let bases = Bases { input: self.input, sides: self.sides }.of_slx(slx, existing)?;
        let rename = Rename::new(self.input.workspace, slx, existing.directory);
        let mut is_written = false;
        for Difference { target, uploaded, id, rewritten } in differences {
            let base = slx_directory(uploaded).and_then(|(_, rest)| bases.get(rest));
            let renamed_base = match base.filter(|_| rewritten.is_some()) {
                // A base that can't be renamed is compared as it is.
                Some(base) => rename.rewrite(uploaded, &self.input.record.read(base)?).ok(),
                None => None,
            };
            let file = Versions {
                name: existing.directory,
                path: &target,
                existing: self.input.repository.files().get(&target).copied(),
                base,
                renamed_base,
                uploaded: id,
                rewritten,
            };
            is_written |= ThreeWay { input: self.input }.put(&file, uploaded, draft)?;
        }
        Ok(is_written)
    }

    /// Compares an SLX with the existing one, under the existing one's name.
    fn compare(
        &self,
        slx: &Slx<'a>,
        existing: &Slx<'a>,
        draft: &mut Draft<'a>,
    ) -> Result<Comparison<'a>, MergeError> {
        let rename = (slx.directory != existing.directory)
            .then(|| Rename::new(self.input.workspace, slx, existing.directory));
        let mut spellings = None;
        let mut comparison = Comparison::default();
        for (uploaded, id) in slx.files.iter().copied() {
            if rename.is_none() && self.input.repository.files().get(uploaded) == Some(&id) {
                draft.hold(uploaded, id);
                continue;
            }
            let wanted = match &rename {
                None => Some(uploaded.clone()),
                Some(_) => under(existing.directory, uploaded),
            };
            let spellings =
                spellings.get_or_insert_with(|| Spellings::of(existing.files.iter().map(|(path, _)| *path)));
            let Some(Place::At(target)) = wanted.map(|wanted| spellings.place(&wanted)) else {
                draft.summary.warn(blocked(uploaded));
                continue;
            };
            let rewritten = match &rename {
                Some(rename) if FileKind::of(uploaded).is_of_slx() => {
                    Some(rename.rewrite(uploaded, &self.input.upload.read(id)?)?)
                }
                _ => None,
            };
            if target != *uploaded {
                comparison.respelled.insert(target.clone());
            }
            let result = rewritten.as_ref().map_or(id, |content| BlobId::of(content));
            if self.input.repository.files().get(&target) == Some(&result) {
                // Under another name: the repository has it just so.
                draft.note(uploaded, id, false, None);
            } else {
                comparison.differences.push(Difference { target, uploaded, id, rewritten });
            }
        }
        Ok(comparison)
    }

    /// Finds files that an earlier upload brought, nobody edited, and the upload lacks.
    fn stale_files(
        &self,
        (slx, existing): (&Slx<'a>, &Slx<'a>),
        respelled: &HashSet<RepoPath>,
        draft: &Draft<'a>,
    ) -> Result<Vec<&'a RepoPath>, MergeError> {
        // What was renamed was edited.
        if !self.input.options.prune_stale_resources
            || slx.directory != existing.directory
            || !self.will_be_from_here(slx, existing, draft)?
        {
            return Ok(Vec::new());
        }
        let is_stale = |(path, id): &&(&RepoPath, BlobId)| self.is_stale(path, *id, respelled);
        Ok(existing.files.iter().filter(is_stale).map(|(path, _)| *path).collect())
    }

    /// Tells whether an SLX says after the merge that it comes from the upload's location.
    fn will_be_from_here(
        &self,
        slx: &Slx<'a>,
        existing: &Slx<'a>,
        draft: &Draft<'a>,
    ) -> Result<bool, MergeError> {
        match self.input.options.mode {
            MergeMode::KeepUploaded => Ok(self.sides.is_from_here(slx)),
            MergeMode::KeepExisting => Ok(self.sides.is_from_here(existing)),
            MergeMode::ThreeWay => {
                let path = format!("slxs/{}/{SLX_FILE}", existing.directory);
                let Some(Edit::Write(content)) = draft.edits.get(path.as_str()) else {
                    return Ok(self.sides.is_from_here(existing));
                };
                let facts = self.input.facts.slx(BlobId::of(content), || Ok(content.clone()))?;
                Ok(facts.location.as_deref() == self.sides.location)
            }
        }
    }

    /// Tells whether an earlier upload brought this file, nobody edited it, and the upload lacks it.
    fn is_stale(&self, path: &RepoPath, id: BlobId, respelled: &HashSet<RepoPath>) -> bool {
        !self.input.upload.files().contains_key(path)
            && self.sides.record.holds(path, id)
            && !respelled.contains(path)
    }
}

/// Moves a file of an SLX to another SLX's directory.
fn under(directory: &str, path: &RepoPath) -> Option<RepoPath> {
    let (_, rest) = slx_directory(path)?;
    RepoPath::parse(&format!("slxs/{directory}/{rest}")).ok()
}

fn blocked(path: &RepoPath) -> String {
    format!(
        "{path:?} was left out: something else in the repository stands in its place",
        path = path.as_str()
    )
}
