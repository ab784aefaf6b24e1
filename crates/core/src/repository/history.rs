//! Reading history: commits, what they changed, and names for them.

use std::collections::BTreeSet;

use git2::{ErrorCode, Oid};
use jiff::Timestamp;

use super::Repository;
use super::error::{Error, Result};
use super::message::{Author, Message};
use super::objects::Objects;
use super::refs::raw;
use super::tree_diff::{self, differences};
use super::tree_format::is_file;
use crate::oid::{CommitId, TreeId};
use crate::path::RepoPath;

/// What a commit says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitInfo {
    /// The commit.
    pub id: CommitId,
    /// Its tree: equal trees, equal files.
    pub tree: TreeId,
    /// The commits before it; the first is the one that it was made on.
    pub parents: Vec<CommitId>,
    /// Who made the change.
    pub author: Author,
    /// When the commit was made.
    pub time: Timestamp,
    /// The first line of the message.
    pub subject: String,
    /// The message between subject and trailers.
    pub body: String,
    /// The trailers; anyone who pushes can write any, so they prove nothing.
    pub trailers: Vec<(String, String)>,
}

impl CommitInfo {
    pub(super) fn read(commit: &git2::Commit<'_>) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let Message { subject, body, trailers } = Message::parse(&text(commit.message_bytes()));
        let author = commit.author();
        Self {
            id: CommitId::from_bytes(raw(commit.id())),
            tree: TreeId::from_bytes(raw(commit.tree_id())),
            parents: commit.parent_ids().map(|id| CommitId::from_bytes(raw(id))).collect(),
            author: Author { name: text(author.name_bytes()), email: text(author.email_bytes()) },
            // A pushed commit may claim any time.
            time: Timestamp::from_second(commit.time().seconds()).unwrap_or_default(),
            subject,
            body,
            trailers,
        }
    }
}

/// How a path differs between two commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeKind {
    /// The path is new.
    Added,
    /// Its content, or its mode, is another.
    Modified,
    /// The path is gone.
    Removed,
}

/// A file that differs between two commits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PathChange {
    /// The file.
    pub path: RepoPath,
    /// How it differs.
    pub kind: ChangeKind,
}

/// Returns the files that differ, by path; what is no file of a workspace is left out.
pub(super) fn changed_paths(objects: &Objects, old: Option<TreeId>, new: TreeId) -> Result<Vec<PathChange>> {
    let mut changes = Vec::new();
    for difference in differences(objects, old, Some(new))? {
        let Some(path) =
            std::str::from_utf8(&difference.path).ok().and_then(|text| RepoPath::parse(text).ok())
        else {
            continue;
        };
        let file = |leaf: Option<super::tree_diff::Leaf>| leaf.is_some_and(|leaf| is_file(leaf.mode));
        let kind = match (file(difference.old), file(difference.new)) {
            (true, true) => ChangeKind::Modified,
            (false, true) => ChangeKind::Added,
            (true, false) => ChangeKind::Removed,
            (false, false) => continue,
        };
        changes.push(PathChange { path, kind });
    }
    changes.sort();
    Ok(changes)
}

/// Walks the commits that can be reached from some and not from others, newest first.
pub(super) fn walk(
    objects: &Objects,
    from: &[CommitId],
    hidden: &[CommitId],
    skip: usize,
    limit: usize,
) -> Result<Vec<CommitId>> {
    let walked = objects.with(|handle| {
        let mut walk = handle.revwalk()?;
        // As `git log` has it: by time, and never before what came of it, also within one second.
        walk.set_sorting(git2::Sort::NONE)?;
        for id in from {
            walk.push(Oid::from_bytes(id.as_bytes())?)?;
        }
        for id in hidden {
            walk.hide(Oid::from_bytes(id.as_bytes())?)?;
        }
        walk.skip(skip).take(limit).map(|id| Ok(CommitId::from_bytes(raw(id?)))).collect::<Result<_, _>>()
    });
    walked.map_err(Error::git("walk the history"))
}

/// Which commits of a history are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct CommitFilter {
    /// Changed this file or directory.
    pub path: Option<String>,
    /// The author's name or address holds this, in any case.
    pub author: Option<String>,
    /// Made at this time or later.
    pub since: Option<Timestamp>,
    /// Made before this time.
    pub until: Option<Timestamp>,
}

impl CommitFilter {
    fn takes(&self, info: &CommitInfo) -> bool {
        let is_by = |wanted: &String| {
            let wanted = wanted.to_lowercase();
            [&info.author.name, &info.author.email].iter().any(|text| text.to_lowercase().contains(&wanted))
        };
        self.author.as_ref().is_none_or(is_by)
            && self.since.is_none_or(|since| info.time >= since)
            && self.until.is_none_or(|until| info.time < until)
    }
}

/// Returns the best common ancestor of two commits; nothing when their histories have none.
pub(super) fn merge_base(objects: &Objects, one: CommitId, other: CommitId) -> Result<Option<CommitId>> {
    let found = objects.with(|handle| {
        match handle.merge_base(Oid::from_bytes(one.as_bytes())?, Oid::from_bytes(other.as_bytes())?) {
            Ok(id) => Ok(Some(CommitId::from_bytes(raw(id)))),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    });
    found.map_err(Error::git("find where a branch began"))
}

/// Tells whether a commit is another one or descends from it.
pub(super) fn is_descendant(objects: &Objects, old: CommitId, new: CommitId) -> Result<bool> {
    if old == new {
        return Ok(true);
    }
    let descends = objects.with(|handle| {
        handle.graph_descendant_of(Oid::from_bytes(new.as_bytes())?, Oid::from_bytes(old.as_bytes())?)
    });
    descends.map_err(Error::git("compare two commits"))
}

impl Repository {
    /// Returns what a commit says.
    pub fn commit_info(&self, id: CommitId) -> Result<CommitInfo> {
        Ok((*self.objects().commit(id)?).clone())
    }

    /// Returns commits from one backwards, newest first.
    pub fn log(&self, from: CommitId, skip: usize, limit: usize) -> Result<Vec<CommitInfo>> {
        let ids = walk(self.objects(), &[from], &[], skip, limit)?;
        ids.into_iter().map(|id| self.commit_info(id)).collect()
    }

    /// Returns the commits that lead to one and not to an older one, newest first, and no more than a limit.
    pub fn log_since(&self, old: Option<CommitId>, new: CommitId, limit: usize) -> Result<Vec<CommitInfo>> {
        let hidden: Vec<CommitId> = old.into_iter().collect();
        let ids = walk(self.objects(), &[new], &hidden, 0, limit)?;
        ids.into_iter().map(|id| self.commit_info(id)).collect()
    }

    /// Returns the commits that lead to one and are as a filter wants them, newest first, of so many at most that are
    /// looked at; tells whether these were all.
    pub fn find_commits(
        &self,
        from: CommitId,
        filter: &CommitFilter,
        limit: usize,
    ) -> Result<(Vec<CommitId>, bool)> {
        // One more tells whether there are more.
        let ids = walk(self.objects(), &[from], &[], 0, limit.saturating_add(1))?;
        let is_whole = ids.len() <= limit;
        let mut found = Vec::new();
        for id in ids.into_iter().take(limit) {
            let info = self.objects().commit(id)?;
            if filter.takes(&info) && self.touches(&info, filter.path.as_deref())? {
                found.push(id);
            }
        }
        Ok((found, is_whole))
    }

    /// Tells whether a path differs from that of every parent, as `git log -- <path>` has it.
    fn touches(&self, info: &CommitInfo, path: Option<&str>) -> Result<bool> {
        let Some(path) = path else { return Ok(true) };
        let objects = self.objects();
        let here = tree_diff::entry(objects, info.tree, path)?;
        if info.parents.is_empty() {
            return Ok(here.is_some());
        }
        for parent in &info.parents {
            let tree = objects.commit(*parent)?.tree;
            if tree == info.tree || tree_diff::entry(objects, tree, path)? == here {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Counts the commits that only the first of two leads to, and those that only the second does.
    pub fn ahead_behind(&self, one: CommitId, other: CommitId) -> Result<(usize, usize)> {
        let counted = self.objects().with(|handle| {
            handle.graph_ahead_behind(Oid::from_bytes(one.as_bytes())?, Oid::from_bytes(other.as_bytes())?)
        });
        counted.map_err(Error::git("compare two histories"))
    }

    /// Returns the best common ancestor of two commits; nothing when their histories have none.
    pub fn merge_base(&self, one: CommitId, other: CommitId) -> Result<Option<CommitId>> {
        merge_base(self.objects(), one, other)
    }

    /// Counts the commits that lead to one, itself included.
    ///
    /// `known` is the count of an earlier one: only what came since is walked then.
    pub fn count_commits(&self, head: CommitId, known: Option<(CommitId, u64)>) -> Result<u64> {
        let known = known.filter(|(id, _)| self.is_descendant(*id, head).unwrap_or(false));
        let counted = self.objects().with(|handle| {
            let mut walk = handle.revwalk()?;
            walk.push(Oid::from_bytes(head.as_bytes())?)?;
            if let Some((id, _)) = known {
                walk.hide(Oid::from_bytes(id.as_bytes())?)?;
            }
            walk.try_fold(0_u64, |count, id| id.map(|_| count + 1))
        });
        let new = counted.map_err(Error::git("count the commits"))?;
        Ok(known.map_or(0, |(_, count)| count) + new)
    }

    /// Returns the files that differ between two commits, or that the second one has.
    pub fn changed_paths(&self, old: Option<CommitId>, new: CommitId) -> Result<Vec<PathChange>> {
        let old = old.map(|id| self.objects().commit(id)).transpose()?.map(|info| info.tree);
        changed_paths(self.objects(), old, self.objects().commit(new)?.tree)
    }

    /// Tells whether a commit is another one or descends from it.
    pub fn is_descendant(&self, old: CommitId, new: CommitId) -> Result<bool> {
        is_descendant(self.objects(), old, new)
    }

    /// Finds a commit by branch, tag, or 7 to 40 hexadecimal digits of its id.
    ///
    /// A branch goes before a tag of the same name, and both before an id. Only commits that a
    /// branch or tag leads to are found: what lies under hidden references, or is left from
    /// refused pushes, is nobody's to ask for.
    pub fn resolve(&self, revision: &str) -> Result<CommitId> {
        let refs = self.refs();
        if let Some(id) = refs.branches.get(revision).or_else(|| refs.tags.get(revision)) {
            return Ok(*id);
        }
        let unknown = || Error::UnknownRevision(revision.chars().take(300).collect());
        let is_id =
            (7..=40).contains(&revision.len()) && revision.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_id {
            return Err(unknown());
        }
        let tips: BTreeSet<CommitId> = refs.branches.values().chain(refs.tags.values()).copied().collect();
        let prefix = revision.to_ascii_lowercase();
        let found = self.objects().with(|handle| {
            let short = Oid::from_str(&prefix)?;
            match handle.odb()?.exists_prefix(short, prefix.len()) {
                Ok(id) => Ok(Found::One(CommitId::from_bytes(raw(id)))),
                Err(error) if error.code() == ErrorCode::NotFound => Ok(Found::None),
                Err(error) if error.code() == ErrorCode::Ambiguous => Ok(Found::Several),
                Err(error) => Err(error),
            }
        });
        match found.map_err(Error::git("look for an id"))? {
            Found::None => Err(unknown()),
            Found::One(id) => {
                // Whatever else the id names, it is no commit of ours.
                if self.objects().commit(id).is_err() {
                    return Err(unknown());
                }
                for tip in tips {
                    if is_descendant(self.objects(), id, tip)? {
                        return Ok(id);
                    }
                }
                Err(unknown())
            }
            Found::Several => {
                let tips: Vec<CommitId> = tips.into_iter().collect();
                let mut matching = walk(self.objects(), &tips, &[], 0, usize::MAX)?;
                matching.retain(|id| id.to_string().starts_with(&prefix));
                match matching[..] {
                    [] => Err(unknown()),
                    [id] => Ok(id),
                    _ => Err(Error::AmbiguousRevision(revision.to_owned())),
                }
            }
        }
    }
}

enum Found {
    None,
    One(CommitId),
    Several,
}
