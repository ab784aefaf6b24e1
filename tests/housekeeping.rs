//! Repositories that are looked after while people clone, push and upload.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use serde_json::json;

use crate::support::{Git, ServerOptions, TestServer, workspace_files};

const WORKSPACE: &str = "shop";
const OBJECT: &str = "/api/v3/workspaces/shop";
const DAY: Duration = Duration::from_hours(24);

#[track_caller]
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Returns a figure of `git count-objects`.
fn counted(bare: &Git, figure: &str) -> usize {
    let said = bare.ok(&["count-objects", "-v"]);
    said.lines().find_map(|line| line.strip_prefix(figure)?.strip_prefix(": ")).unwrap().parse().unwrap()
}

/// Ends what goes on until it is told to, also when the test fails.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

#[test]
fn clones_and_writes_through_all_doors_go_on_while_packs_are_joined() {
    let server = TestServer::start();
    server.create(WORKSPACE);
    let names: Vec<String> = (0..60).map(|number| format!("slx-{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    server.upload(WORKSPACE, &workspace_files(WORKSPACE, &names), &json!({})).expect(200);
    let (acknowledged, done) = (Mutex::new(Vec::new()), AtomicBool::new(false));
    let clone = server.clone_workspace(WORKSPACE, "pusher");
    std::thread::scope(|scope| {
        let end = End(&done);
        let writers: Vec<_> = (0..2)
            .map(|writer| {
                let (server, acknowledged) = (&server, &acknowledged);
                scope.spawn(move || {
                    for turn in 0..60 {
                        let body = json!({"displayName": format!("writer {writer} turn {turn}")});
                        let answer = server.patch(OBJECT, &body).expect(200);
                        acknowledged.lock().unwrap().push(answer.field("revision").to_owned());
                    }
                })
            })
            .collect();
        let pusher = scope.spawn(|| {
            for turn in 0..10 {
                clone.ok(&["fetch", "--quiet", "origin", "main"]);
                clone.ok(&["checkout", "--quiet", "-B", "side", "FETCH_HEAD"]);
                clone.write("notes.md", &turn.to_string());
                clone.commit("notes");
                clone.ok(&["push", "--quiet", "--force", "origin", "side"]);
            }
        });
        let cloner = scope.spawn(|| {
            let mut clones = 0;
            while !done.load(Ordering::Acquire) || clones < 5 {
                server.clone_workspace(WORKSPACE, &format!("clone-{clones}")).fsck();
                clones += 1;
            }
        });
        for writer in writers {
            writer.join().unwrap();
        }
        pusher.join().unwrap();
        drop(end);
        cloner.join().unwrap();
    });
    let bare = server.git(&server.repository());
    // 130 writes of a pack each, and nobody asked for anything.
    wait_until("the packs are few", || counted(&bare, "packs") <= 20);
    bare.fsck();
    assert_eq!(counted(&bare, "garbage"), 0);
    let history = bare.ok(&["rev-list", "refs/heads/main"]);
    for commit in acknowledged.lock().unwrap().iter() {
        assert!(history.contains(commit.as_str()), "{commit} is lost");
    }
    assert!(!server.log().contains("could not be joined"), "{}", server.log());
}

/// Makes the only repository one that was last looked after days ago.
fn long_ago(repository: &Path) {
    let file = fs_err::File::open(repository.join("config")).unwrap().into_parts().0;
    file.set_modified(SystemTime::now() - 3 * DAY).unwrap();
    let _ = fs_err::remove_file(repository.join("housekeeping.state"));
}

/// Returns the marks of packs that were set aside.
fn marks(repository: &Path) -> Vec<PathBuf> {
    let files = fs_err::read_dir(repository.join("objects/pack")).unwrap();
    let files = files.map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "keep")).collect()
}

#[test]
fn what_a_forced_push_left_goes_when_its_time_is_over() {
    let mut server = TestServer::start();
    server.create(WORKSPACE);
    let clone = server.clone_workspace(WORKSPACE, "clone");
    clone.write("secret.md", "left behind");
    let gone = clone.commit("a mistake");
    clone.ok(&["push", "--quiet", "origin", "HEAD:refs/heads/side"]);
    clone.ok(&["reset", "--quiet", "--hard", "HEAD~1"]);
    clone.write("notes.md", "better");
    let kept = clone.commit("no mistake");
    clone.ok(&["push", "--quiet", "--force", "origin", "HEAD:refs/heads/side"]);
    server.stop();
    let repository = server.repository();
    long_ago(&repository);
    server.run(&ServerOptions::default());
    wait_until("it is set aside", || repository.join("housekeeping.state").exists());
    let bare = server.git(&repository);
    bare.ok(&["cat-file", "-e", &gone]);
    server.stop();
    // Fifteen days later.
    let [mark] = &marks(&repository)[..] else { panic!("not one pack is set aside") };
    let then = SystemTime::now() - 15 * DAY;
    let seconds = then.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let text = fs_err::read_to_string(mark).unwrap();
    let (words, _) = text.trim_end().rsplit_once(' ').unwrap();
    fs_err::write(mark, format!("{words} {seconds}\n")).unwrap();
    long_ago(&repository);
    server.run(&ServerOptions::default());
    wait_until("it is dropped", || !bare.run(&["cat-file", "-e", &gone]).status.success());
    wait_until("all of it is gone", || marks(&repository).is_empty());
    bare.fsck();
    let log = server.log();
    assert!(log.contains("a repository was looked after") && log.contains(r#""dropped":3"#), "{log}");
    let clone = server.clone_workspace(WORKSPACE, "after");
    clone.fsck();
    assert_eq!(clone.ok(&["rev-parse", "origin/side"]), kept);
}

#[test]
fn a_kill_in_the_middle_of_housekeeping_leaves_a_whole_repository() {
    let mut server = TestServer::start();
    server.create(WORKSPACE);
    let names: Vec<String> = (0..150).map(|number| format!("slx-{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    server.upload(WORKSPACE, &workspace_files(WORKSPACE, &names), &json!({})).expect(200);
    let repository = server.repository();
    let clone = server.clone_workspace(WORKSPACE, "clone");
    for round in 0..5_u64 {
        clone.write("notes.md", &round.to_string());
        clone.commit("notes");
        clone.ok(&["push", "--quiet", "--force", "origin", "HEAD:refs/heads/side"]);
        clone.ok(&["reset", "--quiet", "--hard", "origin/main"]);
        server.stop();
        long_ago(&repository);
        for mark in marks(&repository) {
            fs_err::remove_file(mark).unwrap();
        }
        server.run(&ServerOptions::default());
        // Each round hits another moment of the work that begins with the start.
        std::thread::sleep(Duration::from_millis(6 * round));
        server.signal("KILL");
        server.wait();
        // A `git` that it ran goes on until it is done.
        let lock = fs_err::File::create(repository.join("housekeeping.lock")).unwrap();
        wait_until("git has ended", || lock.file().try_lock().is_ok());
        drop(lock);
        server.git(&repository).fsck();
        server.run(&ServerOptions::default());
        server.patch(OBJECT, &json!({"displayName": format!("round {round}")})).expect(200);
        server.clone_workspace(WORKSPACE, &format!("clone-{round}")).fsck();
        // Its port is another one.
        clone.ok(&["remote", "set-url", "origin", &server.git_url(WORKSPACE)]);
        clone.ok(&["fetch", "--quiet", "origin"]);
    }
}

#[test]
fn a_push_into_a_full_repository_is_refused_in_words() {
    let mut server = TestServer::start();
    server.create(WORKSPACE);
    let clone = server.clone_workspace(WORKSPACE, "clone");
    clone.ok(&["push", "--quiet", "origin", "HEAD:refs/heads/side"]);
    server.stop();
    server.run(&ServerOptions {
        environment: vec![("WORKSTEAD_REPOSITORY_MAX_BYTES", "20KiB".to_owned())],
        ..ServerOptions::default()
    });
    clone.ok(&["remote", "set-url", "origin", &server.git_url(WORKSPACE)]);
    let noise: String = (0..8000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_string()).collect();
    clone.write("noise.md", &noise);
    clone.commit("too much");
    let refused = clone.refused(&["push", "origin", "HEAD"]);
    assert!(
        refused.contains("remote: the repository of workspace shop has ")
            && refused.contains(" more, which exceeds the limit of 20480 [repository_too_large]")
            && refused.contains("remote:   hint: delete branches")
            && refused.contains("WORKSTEAD_REPOSITORY_MAX_BYTES raised"),
        "{refused}"
    );
    let left = fs_err::read_dir(server.repository().join("objects")).unwrap();
    assert_eq!(left.count(), 2, "nothing of it is kept");
    // What needs no room works, and what fits.
    clone.ok(&["reset", "--quiet", "--hard", "HEAD~1"]);
    clone.ok(&["push", "--quiet", "origin", "HEAD:refs/heads/other"]);
    clone.ok(&["push", "--quiet", "origin", ":refs/heads/side"]);
    clone.write("small.md", "fits");
    clone.commit("fits");
    clone.ok(&["push", "--quiet", "origin", "HEAD:main"]);
    server.clone_workspace(WORKSPACE, "again").fsck();
}
