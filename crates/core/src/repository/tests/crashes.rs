//! Killed in the middle of commits, and traced for what makes them durable.
//!
//! The test binary runs itself: with [`CHILD`] set, one test is the program under test.

use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use super::stage::{assert_sound, commit, edits, first_commit, id};
use crate::name::BranchName;
use crate::repository::{Outcome, RecordName, RecordUpdate, RepositoryStore};
use crate::tree::FileTree;

/// Where the child finds its store.
const CHILD: &str = "WORKSTEAD_TEST_STORE";
/// How many commits the child makes; without it, it goes on until it is killed.
const COMMITS: &str = "WORKSTEAD_TEST_COMMITS";

/// Prepares this test binary to run [`the_child`] alone.
fn child(store: &Path, program: Command) -> Command {
    let mut command = program;
    command
        .args(["--exact", "repository::tests::crashes::the_child", "--nocapture", "--test-threads=1"])
        .env(CHILD, store)
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// The program under test: commits and says so, again and again.
#[test]
fn the_child() {
    let Some(root) = std::env::var_os(CHILD) else { return };
    let store = RepositoryStore::open(Path::new(&root)).unwrap();
    let repository = store.get(&id("ws")).or_else(|_| store.create(&id("ws"), first_commit())).unwrap();
    let limit = std::env::var(COMMITS).map_or(usize::MAX, |text| text.parse().unwrap());
    let head = repository.head(&BranchName::main()).unwrap().unwrap();
    let done = repository.snapshot(head).unwrap().files().len();
    for number in (done..).take(limit) {
        let base = repository.head(&BranchName::main()).unwrap();
        let change = edits(&[(&format!("d{}/f{number}", number % 7), Some(&number.to_string()))]);
        let record = RecordUpdate { name: RecordName::for_location("l"), edits: change.clone() };
        let outcome = commit(&repository, base, &change, &[record]).unwrap();
        assert!(matches!(outcome, Outcome::Committed(_)), "{outcome:?}");
        // One write, so that half a line is never seen; a test runner may have begun the line.
        std::io::stdout().write_all(format!("\ndone {number}\n").as_bytes()).unwrap();
    }
}

#[test]
fn killed_at_any_moment_everything_acknowledged_is_there() {
    let root = tempfile::tempdir().unwrap();
    let this = std::env::current_exe().unwrap();
    let mut acknowledged = 0;
    for round in 0_usize..12 {
        let mut running = child(root.path(), Command::new(&this)).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(running.stdout.take().unwrap()).lines();
        // After some answers, one more each time, at whatever it is doing then.
        let mut wanted = round + 1;
        while wanted > 0 {
            let line = lines.next().expect("the child ended by itself").unwrap();
            if let Some(number) = line.strip_prefix("done ") {
                acknowledged = number.parse().unwrap();
                wanted -= 1;
            }
        }
        // Into the commit that is going on: a busy wait of a length that differs by round.
        let begun = std::time::Instant::now();
        while begun.elapsed() < std::time::Duration::from_micros(300 * round as u64) {
            std::hint::spin_loop();
        }
        running.kill().unwrap();
        running.wait().unwrap();
        for line in lines.map_while(Result::ok) {
            if let Some(number) = line.strip_prefix("done ").and_then(|number| number.parse().ok()) {
                acknowledged = number;
            }
        }
        assert_sound(&root.path().join("ws.git"));
        let store = RepositoryStore::open(root.path()).unwrap();
        let repository = store.get(&id("ws")).unwrap();
        let head = repository.head(&BranchName::main()).unwrap().unwrap();
        let files = repository.snapshot(head).unwrap();
        for number in 1..=acknowledged {
            let path = format!("d{}/f{number}", number % 7);
            assert!(files.files().contains_key(path.as_str()), "{path} after round {round}");
        }
        // At most the one commit that was going on is there beyond the answers.
        assert!(files.files().len() <= acknowledged + 2, "{} of {acknowledged}", files.files().len());
        let record = repository.record(&RecordName::for_location("l")).unwrap();
        assert!(record.files().len() + 1 >= files.files().len(), "the record may be ahead, never behind");
    }
    assert!(acknowledged > 50);
}

#[test]
fn a_commit_is_made_durable_in_the_right_order() {
    if !Command::new("strace")
        .args(["-f", "-o", "/dev/null", "true"])
        .status()
        .is_ok_and(|status| status.success())
    {
        println!(
            "SKIPPED: strace is not installed or may not trace, so the order of system calls was not looked at"
        );
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let store = root.path().join("store");
    let trace = root.path().join("trace");
    let this = std::env::current_exe().unwrap();
    // The repository is made first, so that the trace holds one commit and nothing else.
    assert!(
        child(&store, Command::new(&this))
            .env(COMMITS, "0")
            .stdout(Stdio::null())
            .status()
            .unwrap()
            .success()
    );
    let mut strace = Command::new("strace");
    strace
        .args(["-f", "-y", "-e", "trace=fsync,fdatasync,rename,renameat,renameat2,link,linkat,write", "-o"])
        .arg(&trace)
        .arg(&this);
    assert!(child(&store, strace).env(COMMITS, "1").stdout(Stdio::null()).status().unwrap().success());
    let text = fs_err::read_to_string(&trace).unwrap();
    // libgit2 gives a new reference its name by link(2), an old one by rename(2).
    insta::assert_snapshot!(steps(&text), @r"
    sync /objects/TEMPORARY/pack
    sync /objects/TEMPORARY/idx
    name /objects/TEMPORARY/pack as /objects/pack/pack
    name /objects/TEMPORARY/idx as /objects/pack/idx
    sync /objects/pack
    sync /refs/workstead/uploads/l.lock
    name /refs/workstead/uploads/l.lock as /refs/workstead/uploads/l
    sync /refs/workstead/uploads
    sync /refs/workstead
    sync /refs
    sync /refs/heads/main.lock
    name /refs/heads/main.lock as /refs/heads/main
    sync /refs/heads
    answer
    ");
}

/// Reduces a trace to what happens to the repository, without what differs from run to run.
fn steps(trace: &str) -> String {
    let name = |text: &str| {
        let path = text.split_once("ws.git").map_or("", |(_, path)| path);
        let path: String = path.split(['"', '>']).next().unwrap_or_default().to_owned();
        let parts = path.split('/').map(|part| match part {
            part if part.starts_with("tmp_objdir-") => "TEMPORARY".to_owned(),
            part if part.starts_with("pack-") => {
                part.rsplit_once('.').map_or("pack", |(_, end)| end).to_owned()
            }
            part => part.to_owned(),
        });
        parts.collect::<Vec<_>>().join("/")
    };
    let mut steps = Vec::new();
    for line in trace.lines() {
        if line.contains("\\ndone ") {
            steps.push("answer".to_owned());
        }
        if !line.contains("ws.git") || line.contains("EEXIST") {
            continue;
        }
        if line.contains("sync(") {
            steps.push(format!("sync {}", name(line)));
        } else if line.contains("rename") || line.contains("link") {
            let mut quoted = line.split('"').filter(|part| part.contains("ws.git"));
            let (from, to) = (quoted.next().unwrap_or_default(), quoted.next().unwrap_or_default());
            let (from, to) = (name(from), name(to));
            // What happens inside the temporary directory is the indexer's affair.
            if !to.contains("TEMPORARY") {
                steps.push(format!("name {from} as {to}"));
            }
        }
    }
    steps.join("\n")
}
