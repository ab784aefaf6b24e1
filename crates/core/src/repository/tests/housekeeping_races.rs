//! Housekeeping beside readers, writers, pushes, clones and crashes.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use fs_err as fs;

use super::housekeeping::{GRACE, branch, day, keep_house};
use super::stage::{Stage, assert_sound, commit, edits, first_commit, git, git_command, id};
use crate::name::BranchName;
use crate::repository::{
    Error, Housekeeping, Outcome, RecordName, RecordUpdate, RepositoryStore, StoreOptions,
};
use crate::tree::FileTree;

impl Stage {
    /// Makes a store whose `git` is a script; `$GIT` in it is the real one, `$HERE` the directory of the script.
    fn with_git(script: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        let program = root.path().join("git");
        let here = root.path().display();
        fs::write(&program, format!("#!/bin/sh\nGIT=git\nHERE='{here}'\n{script}\n")).unwrap();
        fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
        let options = StoreOptions { git: program, ..StoreOptions::default() };
        let store = RepositoryStore::open_with(&root.path().join("repositories"), options).unwrap();
        let repository = store.create(&id("ws"), first_commit()).unwrap();
        Self { store, repository, root }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits to be let on before packs are replaced, and again before they are removed.
const HELD_UP: &str =
    "case \"$*\" in *repack*) touch $HERE/begun; until [ -e $HERE/go ]; do sleep 0.01; done;; esac
exec $GIT \"$@\"";

#[test]
fn writers_do_not_wait_for_a_consolidation() {
    let stage = Stage::with_git(HELD_UP);
    for number in 0..5 {
        stage.commit(&edits(&[("a", Some(&number.to_string()))]), &[]);
    }
    let unreachable = stage.abandon("unreachable").to_string();
    std::thread::scope(|scope| {
        let repository = stage.repository.clone();
        let consolidating = scope.spawn(move || repository.consolidate());
        wait_until("git has begun", || stage.path("begun").exists());
        for number in 5..10 {
            stage.commit(&edits(&[("a", Some(&number.to_string()))]), &[]);
        }
        stage.repository.refresh().unwrap();
        assert!(!consolidating.is_finished(), "it was held up all the time");
        fs::write(stage.path("go"), "").unwrap();
        consolidating.join().unwrap().unwrap();
    });
    assert_eq!(stage.repository.snapshot(stage.head()).unwrap().read_path("a").unwrap().unwrap(), "9");
    assert!(stage.has(&unreachable), "joining drops nothing");
    assert_sound(stage.repository.directory());
}

#[test]
fn a_removal_ends_housekeeping_and_nothing_comes_back() {
    let stage = Stage::with_git(HELD_UP);
    let directory = stage.repository.directory().to_owned();
    std::thread::scope(|scope| {
        let repository = stage.repository.clone();
        let consolidating = scope.spawn(move || repository.consolidate());
        wait_until("git has begun", || stage.path("begun").exists());
        stage.store.remove(&id("ws")).unwrap();
        assert!(matches!(consolidating.join().unwrap(), Err(Error::Stopped)));
    });
    assert!(!directory.exists());
    assert!(matches!(stage.repository.consolidate(), Err(Error::NotFound(_))));
    assert!(!directory.exists());
}

#[test]
fn it_stops_when_it_is_told_to_and_is_due_again() {
    let stage = Stage::with_git(HELD_UP);
    stage.abandon("gone");
    let begun = stage.path("begun");
    let task = Housekeeping { grace: GRACE, now: day(2), stop: &|| begun.exists() };
    let error = stage.repository.keep_house(&task).unwrap_err();
    assert!(matches!(error, Error::Stopped), "{error}");
    let hour = Duration::from_hours(1);
    assert!(stage.store.needs_housekeeping(&id("ws"), hour, GRACE, day(2)).unwrap());
    // What was half done is found, and begins anew.
    fs::write(stage.path("go"), "").unwrap();
    assert_sound(stage.repository.directory());
    keep_house(&stage.repository, day(3));
    assert_eq!(keep_house(&stage.repository, day(4)).set_aside, 3);
    assert_eq!(keep_house(&stage.repository, day(18)).dropped, 3);
    assert_sound(stage.repository.directory());
}

/// Moves a reference to what is just about to be dropped, right after all were followed.
const RESCUED: &str = "$GIT \"$@\"; s=$?
case \"$*\" in *rev-list*) if [ -e $HERE/commit ]; then
  git --git-dir $HERE/repositories/ws.git update-ref refs/heads/rescued $(cat $HERE/commit) && rm $HERE/commit
fi;; esac
exit $s";

#[test]
fn a_reference_that_moves_at_the_last_moment_is_seen() {
    let stage = Stage::with_git(RESCUED);
    // Records are trees, which are followed, and left out, like commits.
    let record = RecordUpdate { name: RecordName::for_location("l"), edits: edits(&[("r", Some("1"))]) };
    stage.commit(&edits(&[("a", Some("1"))]), &[record]);
    let commit = stage.abandon("rescued").to_string();
    keep_house(&stage.repository, day(0));
    fs::write(stage.path("commit"), &commit).unwrap();
    let kept = keep_house(&stage.repository, day(20));
    assert!(!stage.path("commit").exists(), "it was moved");
    assert_eq!(kept.dropped, 0);
    assert!(stage.has(&commit));
    assert_sound(stage.repository.directory());
}

#[test]
fn nothing_is_dropped_while_a_push_is_under_way() {
    let stage = Stage::new();
    let commit = stage.abandon("needed").to_string();
    keep_house(&stage.repository, day(0));
    let hold = stage.repository.hold();
    let kept = keep_house(&stage.repository, day(20));
    assert!(kept.dropped == 0 && kept.postponed, "{kept:?}");
    // What the push refers to was there when it was looked for, and is there when its reference moves.
    git(stage.repository.directory(), &["update-ref", "refs/heads/pushed", &commit]);
    stage.repository.refresh().unwrap();
    drop(hold);
    assert_eq!(keep_house(&stage.repository, day(21)).dropped, 0);
    assert_sound(stage.repository.directory());
}

#[test]
fn what_an_earlier_process_left_running_is_not_run_into() {
    let stage = Stage::new();
    let path = stage.repository.directory().join("housekeeping.lock");
    let lock = fs::File::create(path).unwrap();
    lock.file().lock().unwrap();
    assert!(matches!(stage.repository.consolidate(), Err(Error::Housekeeping)));
    // A child holds it that outlives its parent.
    let mut child = std::process::Command::new("cat")
        .stdin(std::process::Stdio::piped())
        .stdout(lock.into_parts().0)
        .spawn()
        .unwrap();
    assert!(matches!(stage.repository.consolidate(), Err(Error::Housekeeping)));
    drop(child.stdin.take());
    child.wait().unwrap();
    stage.repository.consolidate().unwrap();
}

/// Kills git after as many milliseconds as the file says.
const KILLED: &str = "case \"$*\" in *repack*|*pack-objects*) if [ -e $HERE/after ]; then
  setsid $GIT \"$@\" & pid=$!; sleep $(cat $HERE/after); kill -9 -$pid 2>/dev/null || kill -9 $pid; wait $pid; exit 9
fi;; esac
exec $GIT \"$@\"";

#[test]
fn killed_at_any_moment_it_leaves_a_sound_repository() {
    let stage = Stage::with_git(KILLED);
    for round in 0..12_u32 {
        let files: Vec<(String, String)> = (0..200)
            .map(|file| (format!("d{round}/{file}"), format!("{round} {file} {}", "x".repeat(500))))
            .collect();
        let change: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), Some(text.as_str()))).collect();
        stage.commit(&edits(&change), &[]);
        stage.abandon(&round.to_string());
        fs::write(stage.path("after"), format!("0.{:03}", round * 3)).unwrap();
        let now = day(i64::from(round) * 5);
        // It fails, or was faster.
        let _ = stage.repository.keep_house(&Housekeeping { grace: GRACE, now, stop: &|| false });
        let _ = stage.repository.consolidate();
        assert_sound(stage.repository.directory());
        assert_eq!(
            stage.repository.snapshot(stage.head()).unwrap().read_path("d0/7").unwrap().unwrap(),
            files_of_first_round()
        );
        fs::remove_file(stage.path("after")).unwrap();
        if round % 3 == 2 {
            stage.repository.consolidate().unwrap();
            keep_house(&stage.repository, now);
            assert_sound(stage.repository.directory());
        }
    }
    assert_eq!(stage.repository.log(stage.head(), 0, 100).unwrap().len(), 13);
}

fn files_of_first_round() -> String {
    format!("0 7 {}", "x".repeat(500))
}

/// Ends what goes on until it is told to, also when the test fails.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Clones with the real `git`, and returns the commit that is checked out.
fn clone(stage: &Stage) -> String {
    let work = tempfile::tempdir_in(stage.root.path()).unwrap();
    let url = format!("file://{}", stage.repository.directory().display());
    git(work.path(), &["clone", "-q", &url, "."]);
    git(work.path(), &["fsck", "--strict", "--full", "--no-progress"]);
    git(work.path(), &["rev-parse", "HEAD"]).trim().to_owned()
}

/// Commits on a branch of its own in a clone and pushes it by force, as the server has it done: held.
fn push(stage: &Stage, work: &Path, number: usize) {
    git(work, &["fetch", "-q", "origin", "main"]);
    git(work, &["checkout", "-q", "-B", "side", "FETCH_HEAD"]);
    fs::write(work.join("pushed"), number.to_string()).unwrap();
    git(work, &["add", "-A"]);
    git(work, &["commit", "-q", "--allow-empty", "-m", &format!("push {number}")]);
    let hold = stage.repository.hold();
    let settings = ["-c", "receive.unpackLimit=1", "-c", "receive.autogc=false"];
    let receive = format!("git {} receive-pack", settings.join(" "));
    git(work, &["push", "-q", "--force", &format!("--receive-pack={receive}"), "origin", "side"]);
    stage.repository.refresh().unwrap();
    drop(hold);
}

#[test]
fn clones_commits_and_pushes_go_on_while_packs_are_replaced_and_objects_dropped() {
    let stage = Stage::new();
    let files: Vec<(String, String)> =
        (0..300).map(|file| (format!("f/{file}"), format!("{file}"))).collect();
    let change: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), Some(text.as_str()))).collect();
    stage.commit(&edits(&change), &[]);
    let work = stage.path("work");
    let url = format!("file://{}", stage.repository.directory().display());
    git(stage.root.path(), &["clone", "-q", &url, "work"]);
    let (done, today, dropped) = (AtomicBool::new(false), AtomicI64::new(0), AtomicI64::new(0));
    let mut acknowledged = Vec::new();
    std::thread::scope(|scope| {
        let end = End(&done);
        let writer = scope.spawn(|| {
            let mut commits = Vec::new();
            for number in 0..120 {
                let change = edits(&[("counter", Some(&number.to_string()))]);
                let Outcome::Committed(commit) = stage.commit(&change, &[]) else { panic!("no commit") };
                commits.push(commit);
                if number % 4 == 0 {
                    stage.abandon(&format!("{number}"));
                }
                // Paths that no cache knows.
                let snapshot = stage.repository.snapshot(commit).unwrap();
                assert_eq!(snapshot.read_path(&format!("f/{number}")).unwrap().unwrap(), format!("{number}"));
            }
            commits
        });
        let cloner = scope.spawn(|| {
            let mut clones = 0;
            while !done.load(Ordering::Acquire) || clones < 5 {
                clone(&stage);
                clones += 1;
            }
            clones
        });
        let pusher = scope.spawn(|| (0..12).for_each(|number| push(&stage, &work, number)));
        let housekeeper = scope.spawn(|| {
            let mut rounds = 0;
            while !done.load(Ordering::Acquire) || rounds < 10 {
                stage.repository.consolidate().unwrap();
                let kept = keep_house(&stage.repository, day(today.fetch_add(8, Ordering::AcqRel)));
                dropped.fetch_add(i64::try_from(kept.dropped).unwrap(), Ordering::AcqRel);
                rounds += 1;
            }
            rounds
        });
        acknowledged = writer.join().unwrap();
        pusher.join().unwrap();
        drop(end);
        assert!(cloner.join().unwrap() >= 5 && housekeeper.join().unwrap() >= 10);
    });
    assert!(dropped.load(Ordering::Acquire) > 0, "something was dropped meanwhile");
    assert_sound(stage.repository.directory());
    let reachable = git(stage.repository.directory(), &["rev-list", "main"]);
    for commit in acknowledged {
        assert!(reachable.contains(&commit.to_string()), "{commit}");
    }
    assert_eq!(clone(&stage), stage.head().to_string());
    assert!(stage.repository.head(&branch("side")).unwrap().is_some());
    let counted = git_command(stage.repository.directory()).args(["count-objects", "-v"]).output().unwrap();
    assert!(String::from_utf8_lossy(&counted.stdout).contains("garbage: 0\n"));
    assert!(
        commit(
            &stage.repository,
            stage.repository.head(&BranchName::main()).unwrap(),
            &edits(&[("z", Some("1"))]),
            &[]
        )
        .is_ok()
    );
}
