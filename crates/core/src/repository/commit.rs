//! The one write path: edits become one pack, then the references move.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use bytes::Bytes;
use indexmap::IndexMap;
use jiff::Timestamp;
use rayon::prelude::*;

use super::Hold;
use super::error::{Error, Result};
use super::history::CommitInfo;
use super::message::{Author, CommitText};
use super::names::RecordName;
use super::objects::{Kind, Objects};
use super::pack::{PackObject, write_pack};
use super::refs::{Move, Refs, move_all, remove};
use super::tree_edit::{Target, TreeEditor};
use super::{Repository, Writer};
use crate::name::BranchName;
use crate::oid::{BlobId, CommitId, TreeId};
use crate::path::RepoPath;
use crate::tree::{Edit, Edits};

/// Edits from which on their content is hashed on all cores.
const PARALLEL_FROM: usize = 64;

/// A commit to make.
#[derive(Debug, Clone, Copy)]
pub struct CommitRequest<'a> {
    /// The branch to move.
    pub branch: &'a BranchName,
    /// Where the branch must be, and the new commit's parent; nothing if the branch must not exist.
    pub base: Option<CommitId>,
    /// What changes against the base.
    pub edits: &'a Edits,
    /// Whether files may be run, where that changes; a new file may not unless this says so.
    pub executable: Option<&'a BTreeMap<RepoPath, bool>>,
    /// Further parents: what the commit merges. With any there is a commit although its files stay as they are.
    pub merged: &'a [CommitId],
    /// Records that move together with the branch.
    pub records: &'a [RecordUpdate],
    /// Who makes the change; also the committer.
    pub author: &'a Author,
    /// Subject, and body if there is one.
    pub message: &'a str,
    /// Trailers, `Key: value`.
    pub trailers: &'a [(String, String)],
    /// When the change is made.
    pub when: Timestamp,
}

/// What changes in a record.
#[derive(Debug, Clone)]
pub struct RecordUpdate {
    /// The record; it begins empty.
    pub name: RecordName,
    /// What changes against its present content.
    pub edits: Edits,
}

/// How a commit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The branch is at this new commit, durably.
    Committed(CommitId),
    /// The files are as they were, so there is no commit. Changed records have moved, durably.
    Unchanged,
    /// The branch is not at the base but here, and nothing changed.
    Conflict(Option<CommitId>),
}

impl Repository {
    /// Commits edits to a branch: all of them or none, durable when it returns.
    ///
    /// Writers of one repository queue. A crash at any moment leaves the branch at the old or at
    /// the new commit; what it may leave beside them is unreachable.
    pub fn commit(&self, request: &CommitRequest<'_>) -> Result<Outcome> {
        let outcome = self.commit_if(request, &|_| true)?;
        // Nothing is withheld by a rule that lets everything pass.
        Ok(outcome.unwrap_or(Outcome::Unchanged))
    }

    /// The same, asking with the new commit's id before the branch moves to it; nothing is returned when it may not.
    ///
    /// Objects are written by then, references are not; other writers of the repository wait for the answer.
    pub fn commit_if(
        &self,
        request: &CommitRequest<'_>,
        may: &dyn Fn(CommitId) -> bool,
    ) -> Result<Option<Outcome>> {
        let writer = self.writer()?;
        let refs = self.refs();
        let head = refs.branches.get(request.branch.as_str()).copied();
        if head != request.base {
            return Ok(Some(Outcome::Conflict(head)));
        }
        if head.is_none() {
            refuse_collision(&refs, request.branch)?;
        }
        for parent in request.merged {
            self.require_led_to(&refs, *parent)?;
        }
        let Some(plan) = Plan::make(self.objects(), &refs, request)? else {
            return Ok(Some(Outcome::Unchanged));
        };
        let bytes =
            write_pack(self.objects().directory(), &plan.objects, |adding| self.require_room(adding))?;
        self.note_added(bytes);
        if plan.commit.as_ref().is_some_and(|info| !may(info.id)) {
            return Ok(None);
        }
        if self.move_refs(&writer, &plan.moves)?.is_none() {
            return Ok(Some(Outcome::Conflict(self.head(request.branch)?)));
        }
        for (id, raw) in &plan.trees {
            self.objects().keep_tree(*id, raw);
        }
        let Some(info) = plan.commit else { return Ok(Some(Outcome::Unchanged)) };
        let id = info.id;
        self.objects().keep_commit(info);
        Ok(Some(Outcome::Committed(id)))
    }

    /// Works out a commit without making it; returns the branch's new tree, nothing if its files stay as they are.
    ///
    /// Nothing is written, and no writer is waited for. What would refuse the commit refuses it here too; only where
    /// the branch is by now is not asked.
    pub fn preview(&self, request: &CommitRequest<'_>) -> Result<Option<TreeId>> {
        let refs = self.refs();
        if request.base.is_none() {
            refuse_collision(&refs, request.branch)?;
        }
        let plan = Plan::make(self.objects(), &refs, request)?;
        Ok(plan.and_then(|plan| plan.commit).map(|info| info.tree))
    }

    /// Makes a branch at a commit that another branch or a tag leads to.
    pub fn create_branch(&self, branch: &BranchName, at: CommitId) -> Result<()> {
        let writer = self.writer()?;
        let refs = self.refs();
        let exists = || Error::BranchExists(branch.to_string());
        if refs.branches.contains_key(branch.as_str()) {
            return Err(exists());
        }
        refuse_collision(&refs, branch)?;
        self.require_led_to(&refs, at)?;
        let step = Move { name: branch.reference(), from: None, to: *at.as_bytes() };
        self.move_refs(&writer, &[step])?.ok_or_else(exists)
    }

    /// Moves a branch forward to a commit that another branch or a tag leads to; false, and nothing, when it is elsewhere
    /// by now.
    pub fn fast_forward(&self, branch: &BranchName, from: CommitId, to: CommitId) -> Result<bool> {
        self.forward(branch, from, to, None)
    }

    fn forward(
        &self,
        branch: &BranchName,
        from: CommitId,
        to: CommitId,
        held: Option<&Hold>,
    ) -> Result<bool> {
        let writer = self.writer()?;
        if self.head(branch)? != Some(from) {
            return Ok(false);
        }
        if held.is_none() {
            self.require_led_to(&self.refs(), to)?;
        }
        if !self.is_descendant(from, to)? {
            return Ok(false);
        }
        let step = Move { name: branch.reference(), from: Some(*from.as_bytes()), to: *to.as_bytes() };
        Ok(self.move_refs(&writer, &[step])?.is_some())
    }

    /// Removes a branch; false, and nothing, when it is elsewhere by now. What only it led to is kept for a time.
    pub fn delete_branch(&self, branch: &BranchName, at: CommitId) -> Result<bool> {
        let writer = self.writer()?;
        let removed = remove(&writer.handle, &branch.reference(), *at.as_bytes());
        self.read_refs(&writer)?;
        removed
    }

    /// Refuses a commit that no branch or tag leads to; to be asked while the writer's lock is held.
    ///
    /// Who found it may have done so some time ago, and its branch may have gone since: then housekeeping may drop it, or
    /// has, whatever the memory still knows of it.
    fn require_led_to(&self, refs: &Refs, commit: CommitId) -> Result<()> {
        let tips = || refs.branches.values().chain(refs.tags.values());
        if tips().any(|tip| *tip == commit) {
            return Ok(());
        }
        let unknown = || Error::UnknownRevision(commit.to_string());
        match self.objects().size(Kind::Commit, *commit.as_bytes()) {
            Err(Error::MissingObject { .. }) => return Err(unknown()),
            found => found?,
        };
        let found = self.objects().with(|handle| {
            let mut walk = handle.revwalk()?;
            for tip in tips().collect::<BTreeSet<_>>() {
                walk.push(git2::Oid::from_bytes(tip.as_bytes())?)?;
            }
            for id in walk {
                if id?.as_bytes() == commit.as_bytes() {
                    return Ok(true);
                }
            }
            Ok(false)
        });
        if found.map_err(Error::git("walk the history"))? {
            return Ok(());
        }
        Err(unknown())
    }

    /// Moves references and what is known of them in memory; nothing is returned if one was elsewhere.
    fn move_refs(&self, writer: &Writer, moves: &[Move]) -> Result<Option<()>> {
        let result = move_all(&writer.handle, moves);
        if !matches!(result, Ok(true)) {
            // Somebody else has been here, or only some have moved.
            self.read_refs(writer)?;
            return result.map(|_| None);
        }
        let mut refs = (*self.refs()).clone();
        for step in moves {
            refs.set(&step.name, step.to);
        }
        self.set_refs(refs);
        Ok(Some(()))
    }
}

impl Hold {
    /// Moves a branch forward to a commit that was taken in since the hold began and that nothing leads to yet; false, and
    /// nothing, when the branch is elsewhere by now.
    pub fn fast_forward(&self, branch: &BranchName, from: CommitId, to: CommitId) -> Result<bool> {
        self.repository.forward(branch, from, to, Some(self))
    }

    /// Moves a branch that has nothing but its first commit to another history, taken in likewise; false, and nothing,
    /// when it has more or is elsewhere by now.
    pub fn replace_first(&self, branch: &BranchName, first: CommitId, to: CommitId) -> Result<bool> {
        let repository = &self.repository;
        let writer = repository.writer()?;
        let is_first = repository.objects().commit(first)?.parents.is_empty();
        if !is_first || repository.head(branch)? != Some(first) {
            return Ok(false);
        }
        repository.objects().commit(to)?;
        let step = Move { name: branch.reference(), from: Some(*first.as_bytes()), to: *to.as_bytes() };
        Ok(repository.move_refs(&writer, &[step])?.is_some())
    }
}

fn refuse_collision(refs: &Refs, branch: &BranchName) -> Result<()> {
    refs.collision(branch.as_str()).map_or(Ok(()), |name| {
        Err(Error::BranchCollision { branch: branch.to_string(), other: name.to_owned() })
    })
}

/// What is to be written, and where references are to point afterwards.
struct Plan {
    objects: Vec<PackObject>,
    trees: Vec<(TreeId, Bytes)>,
    moves: Vec<Move>,
    commit: Option<CommitInfo>,
}

impl Plan {
    /// Works out a commit; nothing is returned when nothing would change.
    fn make(objects: &Objects, refs: &Refs, request: &CommitRequest<'_>) -> Result<Option<Self>> {
        let base_tree = request.base.map(|id| objects.commit(id)).transpose()?.map(|info| info.tree);
        let mut content = Content::default();
        let mut edits = content.take(request.edits);
        for (path, may_run) in request.executable.into_iter().flatten() {
            let Ok(place) = edits.binary_search_by(|(edited, _)| (*edited).cmp(path)) else { continue };
            if let Target::File { may_run: known, .. } = &mut edits[place].1 {
                *known = Some(*may_run);
            }
        }
        let records: Vec<_> =
            request.records.iter().map(|record| (&record.name, content.take(&record.edits))).collect();

        let mut editor = TreeEditor::new(objects);
        let tree = editor.edit(base_tree, edits.into_iter())?;
        let mut moves: Vec<Move> = Vec::new();
        let mut present: Vec<TreeId> = base_tree.into_iter().collect();
        for (name, edits) in records {
            let name_in_full = name.reference();
            // A record may be named twice; the second edits what the first has made of it.
            if let Some(step) = moves.iter_mut().find(|step| step.name == name_in_full) {
                step.to = *editor.edit(Some(TreeId::from_bytes(step.to)), edits.into_iter())?.as_bytes();
                continue;
            }
            let old = refs.records.get(name.as_str()).copied();
            let new = editor.edit(old, edits.into_iter())?;
            present.extend(old);
            let from = old.map(|id| *id.as_bytes());
            moves.push(Move { name: name_in_full, from, to: *new.as_bytes() });
        }
        moves.retain(|step| step.from != Some(step.to));
        let is_commit = base_tree != Some(tree) || !request.merged.is_empty();
        if !is_commit && moves.is_empty() {
            return Ok(None);
        }
        content.settle(objects, &present)?;

        let mut plan = Self { objects: Vec::new(), trees: Vec::new(), moves, commit: None };
        if is_commit {
            let CommitRequest { author, when, message, trailers, base: parent, merged, .. } = *request;
            let parents = parent.into_iter().chain(merged.iter().copied()).collect();
            let text = CommitText { tree, parents, author, when, message, trailers };
            let (text, info) = text.write();
            let id = info.id;
            plan.objects.push(PackObject { kind: Kind::Commit, content: text.into() });
            let from = parent.map(|id| *id.as_bytes());
            plan.moves.push(Move { name: request.branch.reference(), from, to: *id.as_bytes() });
            plan.commit = Some(info);
        }
        plan.trees.extend(editor.made);
        let trees = plan.trees.iter().map(|(_, raw)| PackObject { kind: Kind::Tree, content: raw.clone() });
        plan.objects.extend(trees);
        let blobs = content.new.into_values().map(|content| PackObject { kind: Kind::Blob, content });
        plan.objects.extend(blobs);
        Ok(Some(plan))
    }
}

/// The content that edits bring, and that they count on.
#[derive(Default)]
struct Content {
    new: IndexMap<BlobId, Bytes>,
    linked: HashSet<BlobId>,
}

impl Content {
    /// Takes in the content of edits and returns what they leave at each path.
    fn take<'e>(&mut self, edits: &'e Edits) -> Vec<(&'e RepoPath, Target)> {
        let hash = |(path, edit): (&'e RepoPath, &'e Edit)| match edit {
            Edit::Write(content) => (path, Some(BlobId::of(content)), Some(content)),
            Edit::Link(id) => (path, Some(*id), None),
            Edit::Remove => (path, None, None),
        };
        let hashed: Vec<_> = if edits.len() < PARALLEL_FROM {
            edits.iter().map(hash).collect()
        } else {
            edits.iter().collect::<Vec<_>>().into_par_iter().map(hash).collect()
        };
        let mut targets = Vec::with_capacity(hashed.len());
        for (path, target, content) in hashed {
            targets.push((path, target.map_or(Target::Nothing, |id| Target::File { id, may_run: None })));
            match (target, content) {
                (Some(id), Some(content)) => drop(self.new.entry(id).or_insert_with(|| content.clone())),
                (Some(id), None) => drop(self.linked.insert(id)),
                _ => {}
            }
        }
        targets
    }

    /// Drops the content that the present trees hold, and checks that links lead somewhere.
    ///
    /// An object that is in the repository but in none of these trees is written again: it may be
    /// unreachable, and housekeeping may be just about to drop it. A link's content must be there now; it
    /// can't go before the references have moved, as the writer's lock is held.
    fn settle(&mut self, objects: &Objects, present: &[TreeId]) -> Result<()> {
        let Self { new, linked } = self;
        linked.retain(|id| !new.contains_key(id));
        for listing in present.iter().filter_map(|tree| objects.known_listing(*tree)) {
            let held: HashSet<&BlobId> =
                listing.files.values().filter(|id| new.contains_key(*id) || linked.contains(*id)).collect();
            new.retain(|id, _| !held.contains(id));
            linked.retain(|id| !held.contains(id));
        }
        linked.iter().try_for_each(|id| objects.size(Kind::Blob, *id.as_bytes()).map(drop))
    }
}
