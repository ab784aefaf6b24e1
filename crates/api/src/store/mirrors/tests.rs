//! Which mirror is due, and who may record what came of it.

use jiff::{SignedDuration, ToSpan};
use workstead_core::name::WorkspaceName;

use super::*;
use crate::store::now;
use crate::store::workspaces::Indexed;

struct Bench {
    database: Database,
    now: Timestamp,
    _directory: tempfile::TempDir,
}

impl Bench {
    /// Makes a workspace `w` at the commit `one`, with a mirror.
    async fn start(direction: Direction) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let database = Database::open(&directory.path().join("x.db")).await.unwrap();
        let (now, name) = (now(), WorkspaceName::parse("shop").unwrap());
        assert!(database.begin_workspace("w", &name, "a@b.c", now).await.unwrap());
        let bench = Self { database, now, _directory: directory };
        let indexed = Indexed { revision: "one".to_owned(), ..Indexed::default() };
        bench.database.finish_workspace("w", &indexed).await.unwrap();
        assert!(bench.put(direction, None).await);
        bench
    }

    async fn put(&self, direction: Direction, version: Option<i64>) -> bool {
        let new = NewMirror {
            workspace_id: "w",
            direction,
            url: "https://example.com/x.git",
            branch: "main",
            username: None,
            sealed_password: None,
            sealed_hook_secret: None,
            interval_minutes: 15,
            role: Role::ReadWrite,
            set_by: "a@b.c",
            revision: None,
            now: self.now,
        };
        self.database.put_mirror(&new, version).await.unwrap()
    }

    async fn take(&self, owner: &str, after: SignedDuration) -> Option<MirrorRow> {
        let now = self.now + after;
        self.database.take_mirror(owner, now, now + 1.minute()).await.unwrap()
    }

    async fn finish(&self, owner: &str, heeds_commits: bool, attempted: &str) -> bool {
        let end = MirrorEnd {
            state: if heeds_commits { MirrorState::Idle } else { MirrorState::Failing },
            due_at: self.now + 15.minutes(),
            heeds_commits,
            failures: u32::from(!heeds_commits),
            attempted_revision: Some(attempted.to_owned()),
            revision: heeds_commits.then(|| attempted.to_owned()),
            error: (!heeds_commits).then(|| ("unreachable".to_owned(), "it is away".to_owned())),
        };
        self.database.finish_mirror("w", owner, &end, None, self.now).await.unwrap()
    }

    async fn commit(&self, revision: &str) {
        let indexed = Indexed { revision: revision.to_owned(), ..Indexed::default() };
        self.database.index_workspace("w", &indexed, false, None, self.now).await.unwrap();
    }
}

const NOW: SignedDuration = SignedDuration::ZERO;
const SOON: SignedDuration = SignedDuration::from_secs(61);
const LATER: SignedDuration = SignedDuration::from_mins(16);

#[tokio::test]
async fn a_push_is_due_when_it_was_set_with_each_commit_and_in_its_interval() {
    let bench = Bench::start(Direction::Push).await;
    assert_eq!(bench.take("a", NOW).await.unwrap().state, MirrorState::Pending);
    assert!(bench.take("b", NOW).await.is_none(), "somebody is at it");
    assert!(bench.finish("a", true, "one").await);
    assert!(bench.take("a", SOON).await.is_none());
    bench.commit("two").await;
    let row = bench.take("a", NOW).await.unwrap();
    assert_eq!((row.state, row.revision.as_deref()), (MirrorState::Idle, Some("one")));
    // A commit that comes meanwhile is not slept over.
    bench.commit("three").await;
    assert!(bench.finish("a", true, "two").await);
    assert!(bench.take("a", NOW).await.is_some());
    assert!(bench.finish("a", true, "three").await);
    assert!(bench.take("a", NOW).await.is_none());
    assert!(bench.take("a", LATER).await.is_some());
}

#[tokio::test]
async fn what_is_away_is_not_asked_for_each_commit_but_at_once_when_somebody_asks() {
    let bench = Bench::start(Direction::Push).await;
    bench.take("a", NOW).await.unwrap();
    assert!(bench.finish("a", false, "one").await);
    bench.commit("two").await;
    assert!(bench.take("a", NOW).await.is_none());
    assert!(bench.database.ask_mirror("w", bench.now).await.unwrap());
    let row = bench.take("a", NOW).await.unwrap();
    assert_eq!((row.failures, row.error.unwrap().0.as_str()), (1, "unreachable"));
    // Asked once more while somebody is at it: once more afterwards.
    bench.database.ask_mirror("w", bench.now).await.unwrap();
    assert!(bench.finish("a", true, "two").await);
    assert!(bench.take("a", NOW).await.is_some());
    assert!(!bench.database.ask_mirror("other", bench.now).await.unwrap());
}

#[tokio::test]
async fn who_lost_the_lease_records_nothing() {
    let bench = Bench::start(Direction::Pull).await;
    bench.take("dead", NOW).await.unwrap();
    assert!(bench.take("b", SignedDuration::from_secs(59)).await.is_none());
    assert!(bench.take("b", SOON).await.is_some());
    assert!(!bench.finish("dead", true, "one").await);
    let until = bench.now + 1.hour();
    assert!(!bench.database.renew_mirror_lease("w", "dead", until).await.unwrap());
    assert!(bench.database.renew_mirror_lease("w", "b", until).await.unwrap());
    // Set anew, it is nobody's; by an old version it is not set.
    assert!(bench.put(Direction::Push, Some(1)).await && !bench.put(Direction::Pull, Some(1)).await);
    assert!(!bench.put(Direction::Pull, None).await);
    assert!(!bench.finish("b", true, "one").await);
    let row = bench.database.find_mirror("w").await.unwrap().unwrap();
    assert_eq!((row.direction, row.state, row.version), (Direction::Push, MirrorState::Pending, 2));
    assert_eq!(bench.database.followed_upstream("w").await.unwrap(), None);
    assert!(bench.take("c", NOW).await.is_some());
    bench.database.release_mirror("w", "c").await.unwrap();
    assert!(bench.take("d", NOW).await.is_some());
    // A workspace that is going takes its mirror along.
    bench.database.begin_deletion("w", bench.now).await.unwrap();
    assert!(bench.take("e", LATER).await.is_none());
    bench.database.clear_workspace("w").await.unwrap();
    assert!(bench.database.find_mirror("w").await.unwrap().is_none());
}
