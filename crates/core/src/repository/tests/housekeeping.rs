//! What nothing leads to is set aside, waits, and goes; what something leads to stays.

use std::time::{Duration, SystemTime};

use fs_err as fs;
use jiff::{SignedDuration, Timestamp};

use super::stage::{Stage, assert_sound, commit, edits, git, git_command, id};
use crate::name::BranchName;
use crate::oid::{BlobId, CommitId};
use crate::path::RepoPath;
use crate::repository::{Error, HouseKept, Housekeeping, RecordName, RecordUpdate, Repository};
use crate::tree::{Edit, Edits, FileTree};

pub(super) const GRACE: Duration = Duration::from_hours(14 * 24);
const INTERVAL: Duration = Duration::from_hours(24);

pub(super) fn keep_house(repository: &Repository, now: Timestamp) -> HouseKept {
    repository.keep_house(&Housekeeping { grace: GRACE, now, stop: &|| false }).unwrap()
}

pub(super) fn day(number: i64) -> Timestamp {
    Timestamp::now() + SignedDuration::from_hours(24 * number)
}

pub(super) fn branch(name: &str) -> BranchName {
    BranchName::parse(name).unwrap()
}

impl Stage {
    /// Commits to a branch that begins at the head, and returns the commit.
    pub(super) fn commit_beside(&self, name: &str, change: &Edits) -> CommitId {
        let head = self.head();
        self.repository.create_branch(&branch(name), head).unwrap();
        let request = crate::repository::CommitRequest {
            branch: &branch(name),
            base: Some(head),
            edits: change,
            executable: None,
            merged: &[],
            records: &[],
            author: &super::stage::author(),
            message: "Beside",
            trailers: &[],
            when: Timestamp::from_second(1_700_000_002).unwrap(),
        };
        assert!(self.repository.commit(&request).is_ok());
        self.repository.head(&branch(name)).unwrap().unwrap()
    }

    /// Makes a commit that nothing leads to.
    pub(super) fn abandon(&self, text: &str) -> CommitId {
        let commit = self.commit_beside("abandoned", &edits(&[("abandoned", Some(text))]));
        assert!(self.repository.delete_branch(&branch("abandoned"), commit).unwrap());
        commit
    }

    pub(super) fn has(&self, object: &str) -> bool {
        let output = git_command(self.repository.directory()).args(["cat-file", "-e", object]).output();
        output.unwrap().status.success()
    }

    fn is_due(&self, now: Timestamp) -> bool {
        self.store.needs_housekeeping(&id("ws"), INTERVAL, GRACE, now).unwrap()
    }
}

#[test]
fn what_nothing_leads_to_is_dropped_when_the_grace_is_over() {
    let stage = Stage::new();
    let name = RecordName::for_location("l");
    let record = RecordUpdate { name: name.clone(), edits: edits(&[("only/in/record", Some("kept"))]) };
    stage.commit(&edits(&[("a", Some("1"))]), &[record]);
    let gone = stage.abandon("secret").to_string();
    assert!(!stage.is_due(day(0)), "it is new");
    assert!(stage.is_due(day(2)));
    let kept = keep_house(&stage.repository, day(2));
    assert_eq!((kept.set_aside, kept.dropped, kept.postponed), (3, 0, false), "commit, tree, blob");
    assert!(stage.has(&gone) && stage.has(&BlobId::of(b"secret").to_string()));
    // Nothing to do until the grace is over, as nothing changes.
    assert!(!stage.is_due(day(2)) && !stage.is_due(day(15)) && stage.is_due(day(16)));
    let kept = keep_house(&stage.repository, day(15));
    assert_eq!((kept.set_aside, kept.dropped), (0, 0));
    assert!(stage.has(&gone));
    let kept = keep_house(&stage.repository, day(16));
    assert_eq!((kept.set_aside, kept.dropped, kept.postponed), (0, 3, false));
    assert!(kept.bytes_after < kept.bytes_before, "{kept:?}");
    assert!(!stage.has(&gone) && !stage.has(&BlobId::of(b"secret").to_string()));
    assert!(!stage.is_due(day(100)));
    assert_sound(stage.repository.directory());
    let record = stage.repository.record(&name).unwrap();
    assert_eq!(record.read_path("only/in/record").unwrap().unwrap(), "kept");
    assert_eq!(stage.repository.object_bytes().unwrap(), kept.bytes_after);
}

#[test]
fn a_reachable_repository_is_left_as_it_is() {
    let stage = Stage::new();
    stage.commit(&edits(&[("a", Some("1"))]), &[]);
    let packs = || {
        let entries = fs::read_dir(stage.repository.directory().join("objects/pack")).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = packs();
    let kept = keep_house(&stage.repository, day(1));
    assert_eq!((kept.set_aside, kept.dropped, kept.bytes_before), (0, 0, kept.bytes_after));
    assert_eq!(packs(), before);
}

#[test]
fn what_is_led_to_again_stays_and_waits_anew_when_it_is_left_again() {
    let stage = Stage::new();
    let again = stage.abandon("again").to_string();
    keep_house(&stage.repository, day(0));
    // As a push does whose client knows that everything is there.
    git(stage.repository.directory(), &["update-ref", "refs/heads/again", &again]);
    stage.repository.refresh().unwrap();
    assert_eq!(keep_house(&stage.repository, day(20)).dropped, 0);
    assert_sound(stage.repository.directory());
    let at = stage.repository.head(&branch("again")).unwrap().unwrap();
    assert!(stage.repository.delete_branch(&branch("again"), at).unwrap());
    assert!(stage.is_due(day(22)));
    assert_eq!(keep_house(&stage.repository, day(22)).set_aside, 3);
    assert_eq!(keep_house(&stage.repository, day(35)).dropped, 0);
    assert_eq!(keep_house(&stage.repository, day(36)).dropped, 3);
    assert_sound(stage.repository.directory());
}

#[test]
fn few_packs_are_set_aside_at_a_time() {
    let stage = Stage::new();
    let mut dropped = 0;
    for number in 0..40 {
        stage.abandon(&number.to_string());
        dropped += keep_house(&stage.repository, day(number)).dropped;
        let kept = fs::read_dir(stage.repository.directory().join("objects/pack")).unwrap();
        let kept = kept.filter(|entry| {
            entry.as_ref().unwrap().path().extension().is_some_and(|extension| extension == "keep")
        });
        assert!(kept.count() <= 5);
    }
    assert!(dropped > 20 * 3, "{dropped}");
    assert_sound(stage.repository.directory());
}

#[test]
fn an_object_that_came_again_waits_anew() {
    let stage = Stage::new();
    stage.abandon("same");
    keep_house(&stage.repository, day(0));
    stage.abandon("same");
    keep_house(&stage.repository, day(10));
    // It was there on the tenth day, so it can't go on the fourteenth.
    assert_eq!(keep_house(&stage.repository, day(14)).dropped, 0);
    assert_eq!(keep_house(&stage.repository, day(29)).dropped, 3);
    assert_sound(stage.repository.directory());
}

#[test]
fn nothing_is_written_that_needs_what_was_dropped() {
    let stage = Stage::new();
    let gone = stage.abandon("gone");
    // All of it is in the caches.
    stage.repository.snapshot(gone).unwrap().read_path("abandoned").unwrap().unwrap();
    keep_house(&stage.repository, day(0));
    let known = stage.repository.commit_info(gone).unwrap();
    // A handle has the pack open, and could read from it for ever.
    let blob = git2::Oid::from_bytes(BlobId::of(b"gone").as_bytes()).unwrap();
    stage.repository.objects().with(|handle| Ok(handle.odb()?.read(blob)?.len())).unwrap();
    assert_eq!(keep_house(&stage.repository, day(14)).dropped, 3);
    assert_eq!(stage.repository.commit_info(gone).unwrap(), known, "the cache knows it");
    let refused = stage.repository.create_branch(&branch("b"), gone);
    assert!(matches!(refused, Err(Error::UnknownRevision(_))), "{refused:?}");
    let refused = stage.repository.fast_forward(&BranchName::main(), stage.head(), gone);
    assert!(matches!(refused, Err(Error::UnknownRevision(_))), "{refused:?}");
    let link: Edits = [(RepoPath::parse("l").unwrap(), Edit::Link(BlobId::of(b"gone")))].into();
    let refused = commit(&stage.repository, Some(stage.head()), &link, &[]);
    assert!(matches!(refused, Err(Error::MissingObject { .. })), "{refused:?}");
    // The same content is written anew.
    stage.commit(&edits(&[("l", Some("gone"))]), &[]);
    assert_sound(stage.repository.directory());
}

#[test]
fn a_merge_with_what_nothing_leads_to_any_more_is_refused() {
    let stage = Stage::new();
    let gone = stage.abandon("gone");
    let request = crate::repository::CommitRequest {
        branch: &BranchName::main(),
        base: Some(stage.head()),
        edits: &edits(&[("a", Some("1"))]),
        executable: None,
        merged: &[gone],
        records: &[],
        author: &super::stage::author(),
        message: "Merge",
        trailers: &[],
        when: Timestamp::from_second(1_700_000_003).unwrap(),
    };
    let refused = stage.repository.commit(&request);
    assert!(matches!(refused, Err(Error::UnknownRevision(_))), "{refused:?}");
}

#[test]
fn what_killed_programs_left_goes_when_it_is_old() {
    let stage = Stage::new();
    let objects = stage.repository.directory().join("objects");
    let old = SystemTime::now() - Duration::from_hours(48);
    let keep = format!("pack/pack-{}.keep", "0".repeat(40));
    let files = ["pack/tmp_pack_x", "pack/.tmp-1-pack-x.pack", "pack/pack-x.pack", &keep];
    for name in files {
        fs::write(objects.join(name), "receive-pack 1 on host\n").unwrap();
    }
    fs::create_dir(objects.join("tmp_objdir-incoming-x")).unwrap();
    let bytes = stage.repository.object_bytes().unwrap();
    keep_house(&stage.repository, day(0));
    for name in files.iter().chain(&["tmp_objdir-incoming-x"]) {
        assert!(objects.join(name).exists(), "{name} may be in use");
        fs::File::open(objects.join(name)).unwrap().into_parts().0.set_modified(old).unwrap();
    }
    keep_house(&stage.repository, day(0));
    for name in files.iter().chain(&["tmp_objdir-incoming-x"]) {
        assert!(!objects.join(name).exists(), "{name}");
    }
    assert!(stage.repository.object_bytes().unwrap() < bytes);
    assert_sound(stage.repository.directory());
}

#[test]
fn a_damaged_repository_loses_nothing_more() {
    let stage = Stage::new();
    let gone = stage.abandon("gone").to_string();
    keep_house(&stage.repository, day(0));
    fs::write(stage.repository.directory().join("refs/heads/broken"), format!("{}\n", "1".repeat(40)))
        .unwrap();
    let task = Housekeeping { grace: GRACE, now: day(20), stop: &|| false };
    let error = stage.repository.keep_house(&task).unwrap_err();
    assert!(matches!(error, Error::Program { command: "rev-list", .. }), "{error}");
    assert!(stage.has(&gone));
    // It is not tried without end, but again.
    assert!(!stage.is_due(day(20)) && stage.is_due(day(21)));
}
