//! The files of one uploaded SLX (UPLOADS.md section 3, rules 1, 2 and 5).

use std::collections::HashSet;

use bytes::Bytes;

use super::draft::Draft;
use super::identity::{Fate, Sides};
use super::placement::{Place, Spellings};
use super::rename::Rename;
use super::slxs::Slx;
use super::{MergeError, MergeInput, MergeMode};
use crate::model::{FileKind, slx_directory};
use crate::oid::BlobId;
use crate::path::RepoPath;

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
            match self.input.repository.files().get(&target) {
                Some(there) if there == id => {}
                Some(_) if self.input.options.mode == MergeMode::KeepExisting => continue,
                _ => draft.write(target.clone(), self.input.upload.read(*id)?),
            }
            if target == **path {
                draft.hold(path, *id);
            } else {
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
        let stale = self.stale_files(slx, existing, &respelled);
        let keeps = self.input.options.mode == MergeMode::KeepExisting;
        if !stale.is_empty() || !(differences.is_empty() || keeps) {
            draft.summary.changed.push(name);
        } else if differences.is_empty() {
            draft.summary.counts.unchanged += 1;
        } else {
            draft.summary.kept.push(name);
        }
        for path in stale {
            draft.remove(path);
        }
        if keeps {
            return Ok(());
        }
        for difference in differences {
            let Difference { target, uploaded, id, rewritten } = difference;
            if let Some(content) = rewritten {
                draft.write(target, content);
                continue;
            }
            if target == *uploaded {
                draft.hold(uploaded, id);
            }
            draft.write(target, self.input.upload.read(id)?);
        }
        Ok(())
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
            if self.input.repository.files().get(&target) != Some(&result) {
                comparison.differences.push(Difference { target, uploaded, id, rewritten });
            }
        }
        Ok(comparison)
    }

    /// Finds files that an earlier upload brought, nobody edited, and the upload lacks.
    fn stale_files(
        &self,
        slx: &Slx<'a>,
        existing: &Slx<'a>,
        respelled: &HashSet<RepoPath>,
    ) -> Vec<&'a RepoPath> {
        // Whose SLX it is after the merge.
        let owner = if self.input.options.mode == MergeMode::KeepUploaded { slx } else { existing };
        // What was renamed was edited.
        if !self.input.options.prune_stale_resources
            || slx.directory != existing.directory
            || !self.sides.is_from_here(owner)
        {
            return Vec::new();
        }
        let is_stale = |(path, id): &&(&RepoPath, BlobId)| self.is_stale(path, *id, respelled);
        existing.files.iter().filter(is_stale).map(|(path, _)| *path).collect()
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
