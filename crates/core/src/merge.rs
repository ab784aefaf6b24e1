//! Merging an upload into a repository, as a pure function.
//!
//! Merging is per SLX, by identity: what is new comes, what people deleted stays out, what they
//! renamed keeps its name, and what they edited is never pruned. See [`merge()`].

mod base;
mod content;
mod draft;
mod files;
mod groups;
mod identity;
mod names;
mod placement;
mod prune;
mod record;
mod relationships;
mod rename;
mod slxs;
mod summary;
mod threeway;
mod tombstones;
mod ungrouped;
mod workflows;
mod workspace;

#[cfg(test)]
pub(crate) mod tests;

pub use summary::{KeptReason, MergeConflict, MergeCounts, MergeSummary, PrunedKept, Renamed, Resolution};
pub use threeway::Conflict;

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

use self::base::{Bases, NextBases};
use self::content::SlxFiles;
use self::draft::Draft;
use self::files::LooseFiles;
use self::identity::{Fate, Sides};
use self::names::Names;
use self::prune::Prune;
use self::record::Record;
use self::slxs::SlxIndex;
use self::tombstones::NextManifest;
use self::workspace::{WorkspaceText, merge_workspace};
use crate::model::{FactsCache, MANIFEST_FILE, Manifest};
use crate::name::WorkspaceName;
use crate::oid::BlobId;
use crate::path::RepoPath;
use crate::repository::RecordName;
use crate::tree::{Edits, FileTree, ReadError};
use crate::yaml::{EditError, SyntaxError};

/// What happens to an SLX that is in the repository and in the upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MergeMode {
    /// The repository's files stay.
    KeepExisting,
    /// The uploaded files are taken.
    #[default]
    KeepUploaded,
    /// What only one side changed since the last upload is taken from that side, field by field.
    ThreeWay,
}

/// How an upload is merged.
#[derive(Debug, Clone)]
pub struct MergeOptions {
    /// What happens to an SLX that both sides have.
    pub mode: MergeMode,
    /// What becomes of a field that both sides changed, with [`MergeMode::ThreeWay`].
    pub conflict: Conflict,
    /// Whether SLXs go that an earlier upload brought, nobody edited, and this one lacks.
    pub prune_stale_slxs: bool,
    /// Whether also single files and workflows go; includes `prune_stale_slxs`.
    pub prune_stale_resources: bool,
    /// Whether a prune may take most of a location's SLXs.
    pub allow_mass_prune: bool,
    /// The build date of the request, as it came.
    pub build_date: Option<String>,
    /// The time of the upload.
    pub now: Timestamp,
}

impl MergeOptions {
    fn prunes_slxs(&self) -> bool {
        self.prune_stale_slxs || self.prune_stale_resources
    }
}

/// What a merge is computed from.
#[derive(Clone, Copy)]
pub struct MergeInput<'a> {
    /// The workspace.
    pub workspace: &'a WorkspaceName,
    /// The branch's files.
    pub repository: &'a dyn FileTree,
    /// What earlier uploads from the same location wrote: see [`upload_record`].
    pub record: &'a dyn FileTree,
    /// The bundle, checked.
    pub upload: &'a dyn FileTree,
    /// How to merge.
    pub options: &'a MergeOptions,
    /// Facts that are known already.
    pub facts: &'a FactsCache,
}

/// What a merge does.
#[derive(Debug, Clone)]
pub struct MergePlan {
    /// Edits of the branch; none when nothing but dates would change.
    pub edits: Edits,
    /// Edits of the record, whose links name blobs of the branch as it is after `edits`.
    pub record_edits: Edits,
    /// The record that they belong to.
    pub record_name: RecordName,
    /// What it means, by SLX.
    pub summary: MergeSummary,
}

/// Why an upload can't be merged; nothing changes.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// The bundle holds no SLX, as it happens when a builder finds nothing at all.
    #[error(
        "the bundle holds no SLX, which would leave the workspace empty: check what the builder discovered (a renamed workspace or an unreachable cluster gives empty bundles)"
    )]
    EmptyBundle,
    /// A prune would take most of what a location brought.
    #[error(
        "the upload would prune {stale} of the {total} SLXs of location {location:?}, more than half: check that the builder saw everything, then send allowMassPrune=true or set spec.uploads.allowMassPrune: true in workspace.yaml"
    )]
    PruneGuard {
        /// The upload's location; empty if it has none.
        location: String,
        /// How many SLXs would go.
        stale: usize,
        /// How many SLXs of the location the repository has.
        total: usize,
    },
    /// Both sides changed the same fields, and the upload is to be refused then.
    #[error(
        "people and the builder changed {total} field{} in different ways, the first is {}: settle them in the repository, or send conflict=existing or conflict=uploaded",
        if *total == 1 { "" } else { "s" },
        first(conflicts)
    )]
    Conflicts {
        /// The fields, at most [`MergeSummary::MAX_CONFLICTS`].
        conflicts: Vec<MergeConflict>,
        /// How many there are.
        total: usize,
    },
    /// A file can't be read as what it must be.
    #[error("`{path}` {reason}")]
    Unreadable {
        /// The file.
        path: RepoPath,
        /// What is wrong, as the end of a sentence.
        reason: String,
    },
    /// A file can't be edited.
    #[error("failed to edit `{path}`")]
    Edit {
        /// The file.
        path: RepoPath,
        /// Why not.
        #[source]
        source: EditError,
    },
    /// Content could not be had.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl MergeError {
    fn unreadable(path: &RepoPath, errors: &[SyntaxError]) -> Self {
        let reason = errors.first().map_or_else(|| "is not valid YAML".to_owned(), ToString::to_string);
        Self::Unreadable { path: path.clone(), reason }
    }
}

/// Names the first conflict.
fn first(conflicts: &[MergeConflict]) -> String {
    let Some(MergeConflict { path, field, code, .. }) = conflicts.first() else { return String::new() };
    let [path, field] = [path, field].map(|text| text.as_deref().unwrap_or_default());
    format!("`{path}`{}{field} [{code}]", if field.is_empty() { "" } else { " " })
}

/// Returns the record that an upload is merged with: that of the location that its `workspace.yaml` names.
pub fn upload_record(upload: &dyn FileTree, facts: &FactsCache) -> Result<RecordName, MergeError> {
    let workspace = WorkspaceText::read(upload, facts)?;
    Ok(record_name(workspace.as_ref()))
}

fn record_name(uploaded: Option<&WorkspaceText<'_>>) -> RecordName {
    RecordName::for_location(uploaded.and_then(WorkspaceText::location).unwrap_or_default())
}

/// Merges an upload into a repository.
///
/// The same input gives the same plan, whatever the order of groups and members in the upload, and merging
/// again into the result gives no edits.
pub fn merge(input: &MergeInput<'_>) -> Result<MergePlan, MergeError> {
    let ((upload, repository), (manifest, texts)) = rayon::join(
        || {
            let read = |tree| SlxIndex::read(tree, input.facts);
            rayon::join(|| read(input.upload), || read(input.repository))
        },
        || {
            let read = |tree| WorkspaceText::read(tree, input.facts);
            (read_manifest(input), (read(input.upload), read(input.repository)))
        },
    );
    let upload = upload?;
    if upload.slxs.is_empty() {
        return Err(MergeError::EmptyBundle);
    }
    let repository = repository?;
    let (uploaded_workspace, workspace) = (texts.0?, texts.1?);
    let mut draft = Draft::default();
    let manifest = manifest?.unwrap_or_else(|| {
        draft
            .summary
            .warn(format!("`{MANIFEST_FILE}` could not be read: no SLX counts as uploaded or deleted"));
        Arc::default()
    });
    let ungrouped_before = ungrouped::read(input.record)?;
    let sides = Sides {
        repository: &repository,
        upload: &upload,
        manifest: &manifest,
        record: Record::new(input.record.files(), &ungrouped_before),
        location: uploaded_workspace.as_ref().and_then(WorkspaceText::location),
    };
    let fates = sides.fates();
    let allows = workspace.as_ref().and_then(WorkspaceText::file).and_then(|file| file.allow_mass_prune);
    let prune = Prune::decide(sides, &fates, input.options, allows == Some(true))?;
    let names = Names::new(input.workspace, sides, &fates, &prune.taken);
    describe(sides, &fates, &prune, &mut draft.summary);

    let slx_files = SlxFiles { input, sides };
    for (slx, fate) in upload.slxs.iter().zip(&fates) {
        slx_files.merge(slx, *fate, &mut draft)?;
    }
    for number in &prune.taken {
        for (path, _) in &repository.slxs[*number].files {
            draft.remove(path);
        }
    }
    LooseFiles { input, sides, names: &names }.merge(&mut draft)?;
    if input.options.conflict == Conflict::Fail {
        draft.refuse_conflicts()?;
    }
    if draft.lacks_base() && sides.record.is_empty() && !manifest.slxs.is_empty() {
        draft.summary.warn(format!(
            "what uploads from location {:?} wrote earlier was not recorded, so every file that differs counts as edited",
            sides.location.unwrap_or_default()
        ));
    }
    let merged =
        merge_workspace(workspace.as_ref(), uploaded_workspace.as_ref(), &names, &mut draft.summary)?;
    if let Some((path, content)) = merged.file {
        draft.write(path, content);
    }
    let next = NextManifest::new(sides, &fates, &names, input.options.now, input.options.build_date.clone());
    let ungrouped = ungrouped::after(sides, &merged.groups, &names, &next.manifest);
    let mut record_edits = record_edits(input, sides, &fates, &names, &draft);
    let bases = Bases { input, sides };
    NextBases { bases, draft: &draft, manifest: &next.manifest }.edit(&mut record_edits)?;
    ungrouped::edit(&ungrouped_before, &ungrouped, &mut record_edits);
    write_manifest(next, input.facts, &mut draft);
    draft.finish();
    let record_name = record_name(uploaded_workspace.as_ref());
    Ok(MergePlan { edits: draft.edits, record_edits, record_name, summary: draft.summary })
}

/// Reads the repository's manifest, an empty one if there is none; nothing when it is no YAML.
fn read_manifest(input: &MergeInput<'_>) -> Result<Option<Arc<Manifest>>, ReadError> {
    match input.repository.files().get(MANIFEST_FILE) {
        Some(id) => input.facts.manifest(*id, || input.repository.read(*id)),
        None => Ok(Some(Arc::default())),
    }
}

/// Writes the manifest if anything but its dates changes.
fn write_manifest(next: NextManifest, facts: &FactsCache, draft: &mut Draft<'_>) {
    if draft.edits.is_empty() && !next.is_due {
        return;
    }
    // The constant is a valid path.
    if let Ok(path) = RepoPath::parse(MANIFEST_FILE) {
        let content = Bytes::from(next.manifest.write());
        // The next upload begins with reading it.
        facts.remember_manifest(BlobId::of(&content), next.manifest);
        draft.write(path, content);
    }
}

/// Says what becomes of SLXs whose files the merge does not look at.
fn describe(sides: Sides<'_, '_>, fates: &[Fate], prune: &Prune, summary: &mut MergeSummary) {
    summary.counts.uploaded = fates.len();
    for (slx, fate) in sides.upload.slxs.iter().zip(fates) {
        let name = slx.directory.to_owned();
        match fate {
            Fate::Matched(number) => {
                let existing = sides.repository.slxs[*number].directory;
                if existing != slx.directory {
                    summary.renamed.push(Renamed { name: existing.to_owned(), uploaded_name: name });
                }
            }
            Fate::Tombstoned => summary.tombstoned.push(name),
            Fate::Conflict(code) => summary.conflicts.push(MergeConflict::left_out(name, code)),
            Fate::Added | Fate::Replaces(_) => {}
        }
    }
    for identity in sides.repository.repeated_identities() {
        summary.warn(format!("more than one SLX of the repository has the fullSlxName {identity:?}"));
    }
    summary.pruned =
        prune.taken.iter().map(|number| sides.repository.slxs[*number].directory.to_owned()).collect();
    summary.pruned_kept.clone_from(&prune.kept);
    if prune.kept.iter().any(|kept| kept.reason == KeptReason::NoRecord) {
        let location = sides.location.unwrap_or_default();
        summary.warn(format!(
            "what uploads from location {location:?} wrote earlier was not recorded, so all their SLXs count as edited and none is pruned"
        ));
    }
}

/// Derives what changes in the record.
fn record_edits(
    input: &MergeInput<'_>,
    sides: Sides<'_, '_>,
    fates: &[Fate],
    names: &Names<'_>,
    draft: &Draft<'_>,
) -> Edits {
    let is_there = |path: &RepoPath| draft.has(path.as_str(), input.repository.files());
    // A path that people deleted from an SLX that is still there, and that the upload did not give up too.
    let deleted_by_people = |directory: &str, path: &RepoPath| {
        let fate = sides.upload.in_directory(directory).map(|number| fates[number]);
        match fate {
            Some(Fate::Added | Fate::Replaces(_)) => false,
            Some(Fate::Matched(number)) if sides.repository.slxs[number].directory == directory => {
                input.upload.files().contains_key(path)
            }
            _ => names.is_present(directory),
        }
    };
    sides.record.edits(&draft.held, is_there, &draft.removed, deleted_by_people)
}
