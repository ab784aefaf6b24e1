//! What a push must satisfy: which references may move how, and the door-keeper on what they bring.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use workstead_core::door::PermissionChange;
use workstead_core::model::{FactsCache, MANIFEST_FILE};
use workstead_core::name::{BranchName, WorkspaceName};
use workstead_core::oid::CommitId;
use workstead_core::repository::{self, DotName, MeasuredCommits, Quarantine, Repository};
use workstead_core::role::Role;
use workstead_core::tree::ReadError;

use super::content::{Content, examine_content, is_sound};
use super::options::PushOptions;
use super::report::Report;
use super::wire::{PushRequest, RefUpdate, Verdict};
use crate::git_http::limits::GitLimits;
use crate::room;
use crate::settings::BranchPatterns;

/// Most references that one push may move.
const MAX_UPDATES: usize = 200;
/// Most names that begin with a dot which are told one by one.
const MAX_DOT_NAMES: usize = 20;

/// Why a push could not be examined.
#[derive(Debug, thiserror::Error)]
pub(super) enum RulesError {
    /// The repository can't be read, or the push is too large to be.
    #[error(transparent)]
    Repository(#[from] repository::Error),
    /// A file can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// The rules for one push of one caller.
pub(crate) struct Rules<'a> {
    /// The workspace.
    pub(crate) workspace: &'a WorkspaceName,
    /// Its repository.
    pub(crate) repository: &'a Repository,
    /// The default branch, which is always protected.
    pub(crate) branch: &'a BranchName,
    /// The other protected ones.
    pub(crate) protected: &'a BranchPatterns,
    /// The role of who pushes, now.
    pub(crate) role: Role,
    /// Facts of blobs.
    pub(crate) facts: &'a FactsCache,
    /// Limits of sizes.
    pub(crate) limits: &'a GitLimits,
    /// Refuses changes of permissions that nobody may make.
    pub(crate) check_permissions: &'a CheckPermissions<'a>,
    /// What the protected branch is pulled from, so that it takes no pushes.
    pub(crate) follows: Option<&'a str>,
    /// The commit that the protected branch may leave for another history: a first one, with nothing else to lose.
    pub(crate) replaceable: Option<CommitId>,
    /// Takes the root names that begin with a dot which an admin's commits bring.
    pub(crate) brought: &'a RefCell<BTreeSet<String>>,
}

/// Says in one sentence with its code why a change of permissions is refused.
pub(crate) type CheckPermissions<'a> = dyn Fn(&PermissionChange) -> Result<(), (String, String)> + 'a;

/// What a reference is to this server.
enum Target {
    Branch(BranchName),
    Tag,
}

impl Target {
    /// Reads a reference's full name; the error is the rule that it breaks.
    fn parse(reference: &str) -> Result<Self, String> {
        let named = |name, is_tag| match BranchName::parse(name) {
            Ok(_) if is_tag => Ok(Self::Tag),
            Ok(name) => Ok(Self::Branch(name)),
            Err(error) => Err(format!("the name {}", error.rule)),
        };
        if let Some(name) = reference.strip_prefix("refs/heads/") {
            return named(name, false);
        }
        match reference.strip_prefix("refs/tags/") {
            // A tag's name follows the same rules as a branch's (git-check-ref-format).
            Some(name) => named(name, true),
            None => Err("only branches and tags can be pushed".to_owned()),
        }
    }
}

/// One update that may happen as far as its reference goes.
struct Move {
    /// Whether it moves the default branch.
    is_default: bool,
    /// Where the branch is now.
    old: Option<CommitId>,
    /// Where it, or the tag, leads to.
    new: CommitId,
}

impl Rules<'_> {
    /// Judges a push. Reads the repository, so it must not run on an async thread.
    pub(crate) fn judge(&self, request: &PushRequest) -> Verdict {
        let options = PushOptions::read(&request.options);
        let mut report = Report::default();
        options.warn(&mut report);
        match self.examine(request, &mut report) {
            Ok(_) if options.dry_run => report.rehearsed(),
            Ok(adding) => {
                let verdict = report.verdict();
                if verdict.accepted {
                    self.repository.note_added(adding);
                }
                verdict
            }
            Err(error) => {
                tracing::warn!(workspace = %self.workspace, %error, "a push could not be examined");
                Verdict::refused(format!("error: the push can't be examined: {error}; nothing was changed"))
            }
        }
    }

    /// Examines all of a push; returns how many bytes it adds.
    fn examine(&self, request: &PushRequest, report: &mut Report) -> Result<u64, RulesError> {
        let count = request.updates.len();
        if count > MAX_UPDATES {
            let message = format!("the push moves {count} references, more than {MAX_UPDATES}");
            report.refuse("too_many_references", &message, "push them in several steps");
            return Ok(0);
        }
        let objects = request.objects.as_deref().map(Path::new);
        let quarantine = objects.map(|path| self.repository.quarantined(path)).transpose()?;
        let adding = quarantine.as_ref().map_or(Ok(0), Quarantine::bytes)?;
        if adding > 0
            && let Err(error) = self.repository.require_room(adding)
        {
            let repository::Error::RepositoryTooLarge { bytes, adding, limit } = error else {
                return Err(error.into());
            };
            report.refuse(room::TOO_LARGE, &room::excess(self.workspace, bytes, adding, limit), room::CURE);
            return Ok(0);
        }
        let mut examined = BTreeSet::new();
        let mut measured = MeasuredCommits::default();
        for update in &request.updates {
            if count > 1 {
                report.about(&update.reference);
            }
            let step = self.permit(update, quarantine.as_ref(), &mut measured, report)?;
            let Some(step) = step else { continue };
            let Some(quarantine) = &quarantine else { continue };
            // Several references may lead to the same commit.
            if examined.insert((step.is_default, step.old, step.new)) {
                self.examine_move(&step, quarantine, report)?;
            }
        }
        Ok(adding)
    }

    /// Says why a branch only moves forward, or nothing when it may go back and away.
    fn protection(&self, branch: &BranchName) -> Option<&'static str> {
        if branch == self.branch {
            return Some("the default branch");
        }
        self.protected.matches(branch.as_str()).then_some("protected by WORKSTEAD_GIT_PROTECTED_BRANCHES")
    }

    /// Checks the reference alone; nothing is returned when it is refused, or when it only goes.
    ///
    /// Git moves a reference only from where the push says that it is, so `old` can be believed.
    fn permit(
        &self,
        update: &RefUpdate,
        quarantine: Option<&Quarantine>,
        measured: &mut MeasuredCommits,
        report: &mut Report,
    ) -> Result<Option<Move>, RulesError> {
        let name = &update.reference;
        let mut refuse = |code: &str, rule: &str, hint: &str| {
            report.refuse(code, &format!("{name}: {rule}"), hint);
            Ok(None)
        };
        let target = match Target::parse(name) {
            Ok(target) => target,
            Err(rule) => {
                let hint = "push to refs/heads/<branch> or refs/tags/<tag>";
                return refuse("reference_not_allowed", &rule, hint);
            }
        };
        let Some(new) = &update.new else {
            let why = match &target {
                Target::Branch(branch) => self.protection(branch),
                Target::Tag => Some("a tag"),
            };
            let Some(why) = why else { return Ok(None) };
            let rule = format!("it is {why} and can't be deleted by a push");
            return refuse("deletion_not_allowed", &rule, "keep it, or begin another one");
        };
        // Git unpacks whatever a push that is no mere deletion brings, if only an empty pack.
        if let (Target::Branch(branch), Some(upstream)) = (&target, self.follows)
            && branch == self.branch
        {
            let rule = format!("the default branch is pulled from {upstream}");
            return refuse("mirrored", &rule, "push there, or have staff remove the mirror");
        }
        let commit = quarantine.map(|quarantine| quarantine.commit_of(new)).transpose()?.flatten();
        let Some(commit) = commit else {
            return refuse("not_a_commit", "what was pushed is no commit", "push a commit, or a tag of one");
        };
        if let Some(quarantine) = quarantine {
            // Before anything walks the history.
            quarantine.measure_commits(commit, measured)?;
        }
        let old = update.old.as_deref().and_then(|id| CommitId::parse(id).ok());
        match (target, quarantine) {
            (Target::Tag, _) if update.old.is_some() => {
                refuse("tag_exists", "the tag exists and does not move", "choose another name")
            }
            (Target::Tag, _) => Ok(Some(Move { is_default: false, old: None, new: commit })),
            (Target::Branch(_), _) if commit.to_string() != *new => {
                refuse("not_a_commit", "a branch can't lead to a tag", "push the tag's commit")
            }
            (Target::Branch(branch), Some(quarantine))
                if let Some(old) = old
                    && !quarantine.is_descendant(old, commit)? =>
            {
                let Some(why) = self.protection(&branch) else {
                    // What a force leaves behind is no base to compare with: it is a new branch.
                    return Ok(Some(Move { is_default: false, old: None, new: commit }));
                };
                if self.replaceable == Some(old) {
                    return Ok(Some(Move { is_default: true, old: Some(old), new: commit }));
                }
                let hint = "fetch, rebase or merge, and push again without force";
                let rule = format!("it is {why}, and the push would drop commits that are there");
                refuse("non_fast_forward", &rule, hint)
            }
            (Target::Branch(branch), _) => {
                Ok(Some(Move { is_default: branch == *self.branch, old, new: commit }))
            }
        }
    }

    /// Checks what a permitted move brings.
    ///
    /// The default branch is examined against where it is. Another branch, or a tag, against where
    /// it left the default branch and, once it exists, where it is: what was accepted on either
    /// side, and came by a merge, is nobody's to answer for again.
    fn examine_move(
        &self,
        step: &Move,
        quarantine: &Quarantine,
        report: &mut Report,
    ) -> Result<(), RulesError> {
        // Only what a branch leads to was examined as a whole; what lies behind it may have come with
        // it. Ids are compared, never looked up: a name could be spelled like an id.
        if !step.is_default && self.repository.branches()?.iter().any(|(_, tip)| *tip == step.new) {
            return Ok(());
        }
        let head = if step.is_default { None } else { self.repository.head(self.branch)? };
        let fork = head.map(|head| self.accepted_fork(quarantine, head, step.new)).transpose()?.flatten();
        let accepted: Vec<CommitId> = step.old.into_iter().chain(fork).collect();
        let bases = accepted.iter().map(|id| quarantine.snapshot(*id)).collect::<Result<Vec<_>, _>>()?;
        let content = Content { bases, new: Arc::clone(&quarantine.snapshot(step.new)?) };
        examine_content(self, &content, report)?;
        self.examine_dot_names(step.new, &accepted, &content, quarantine, report)
    }

    /// Checks what the door-keeper does not see, who compares a beginning with an end: commits on the way go along to
    /// whoever clones or mirrors the branch, and are there to be found.
    fn examine_dot_names(
        &self,
        new: CommitId,
        accepted: &[CommitId],
        content: &Content,
        quarantine: &Quarantine,
        report: &mut Report,
    ) -> Result<(), RulesError> {
        let mut brought = quarantine.dot_names(new, accepted)?;
        brought.retain(|it| it.name != MANIFEST_FILE);
        if self.role >= Role::Admin {
            self.brought.borrow_mut().extend(brought.into_iter().map(|it| it.name));
            return Ok(());
        }
        brought.retain(|it| !content.changes_below(&it.name));
        for DotName { name, commit } in brought.iter().take(MAX_DOT_NAMES) {
            let message = format!(
                "commit {} brings `{name}`, which needs the role `admin`, because its name begins with a dot; yours is `{}`",
                &commit.to_string()[..10],
                self.role
            );
            let hint = "leave it out of every commit, or ask an admin of the workspace to push it";
            report.refuse("role_too_low", &message, hint);
        }
        Ok(())
    }

    /// Returns what a commit is to be compared with: where it left the default branch, or that
    /// branch's head.
    ///
    /// The default branch may have passed by a mistake that came and went in one push. Who
    /// begins there answers for it.
    fn accepted_fork(
        &self,
        quarantine: &Quarantine,
        head: CommitId,
        new: CommitId,
    ) -> Result<Option<CommitId>, RulesError> {
        let Some(fork) = quarantine.merge_base(head, new)? else { return Ok(None) };
        if fork == head {
            return Ok(Some(head));
        }
        let content = Content { bases: vec![quarantine.snapshot(head)?], new: quarantine.snapshot(fork)? };
        Ok(Some(if is_sound(self, &content)? { fork } else { head }))
    }
}
