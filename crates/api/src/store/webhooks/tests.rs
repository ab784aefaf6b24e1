//! Deliveries: who gets which, when, and what becomes of those that fail.

use jiff::SignedDuration;
use serde_json::json;
use workstead_core::name::WorkspaceName;

use super::*;
use crate::store::events::NewEvent;
use crate::store::webhook_deliveries::Due;
use crate::store::webhook_log::DeliveryFilter;
use crate::store::webhook_outcomes::{Attempted, Failed, Next};
use crate::store::workspaces::Indexed;

struct Kept {
    database: Database,
    _directory: tempfile::TempDir,
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

impl Kept {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let database = Database::open(&directory.path().join("x.db")).await.unwrap();
        let name = WorkspaceName::parse("abc").unwrap();
        assert!(database.begin_workspace("w", &name, "a@b", at(0)).await.unwrap());
        database.finish_workspace("w", &Indexed::default()).await.unwrap();
        Self { database, _directory: directory }
    }

    async fn add(&self, id: &str, kinds: &[EventKind]) {
        let new = NewWebhook {
            id,
            workspace_id: "w",
            shown_url: "https://example.com/",
            sealed_url: "u",
            sealed_secret: "s",
            kinds,
            description: "",
            is_active: true,
            created_by: "a@b",
            now: at(0),
        };
        assert_eq!(self.database.add_webhook(&new, 20).await.unwrap(), Added::Done);
    }

    async fn happens(&self, kind: EventKind, now: Timestamp) {
        let event = NewEvent { workspace_id: "w".to_owned(), kind, actor: None, data: json!({}) };
        self.database.record_event(&event, now).await.unwrap();
    }

    async fn take(&self, owner: &str, now: Timestamp) -> Option<Due> {
        self.database.take_delivery(owner, now, now + SignedDuration::from_secs(60)).await.unwrap()
    }

    async fn settle(&self, due: &Due, owner: &str, next: Next, now: Timestamp) -> bool {
        let failed = || Failed { code: "refused", detail: "the receiver answered 500".to_owned() };
        let attempted = Attempted {
            duration_ms: 7,
            status: Some(500),
            error: (next != Next::Delivered).then(failed),
            shown_url: "https://example.com/".to_owned(),
            headers_json: "{}".to_owned(),
            answer: None,
        };
        self.database.settle_delivery(due, owner, &attempted, next, now).await.unwrap()
    }

    async fn states(&self, webhook_id: &str) -> Vec<String> {
        let rows = self.database.list_deliveries(webhook_id, &DeliveryFilter::default(), 0, 100).await;
        rows.unwrap().into_iter().map(|row| format!("{} {}", row.kind, row.state)).rev().collect()
    }

    async fn find(&self, id: &str) -> WebhookRow {
        self.database.find_webhook("w", id).await.unwrap().unwrap()
    }
}

#[tokio::test]
async fn an_event_goes_to_the_active_webhooks_that_want_it() {
    let kept = Kept::new().await;
    kept.add("all", &EventKind::ALL).await;
    kept.add("pushes", &[EventKind::Push]).await;
    kept.add("off", &EventKind::ALL).await;
    let off = WebhookChange { is_active: Some(false), ..WebhookChange::default() };
    assert!(kept.database.change_webhook("w", "off", &off, at(0)).await.unwrap().is_some());
    kept.happens(EventKind::Commit, at(1)).await;
    kept.happens(EventKind::Push, at(2)).await;
    assert_eq!(kept.states("all").await, ["commit pending", "push pending"]);
    assert_eq!(kept.states("pushes").await, ["push pending"]);
    assert!(kept.states("off").await.is_empty());
    // Another workspace's webhook is none of this one's.
    assert!(kept.database.find_webhook("v", "all").await.unwrap().is_none());
    assert!(kept.database.change_webhook("v", "all", &off, at(0)).await.unwrap().is_none());
    assert!(!kept.database.remove_webhook("v", "all").await.unwrap());
}

#[tokio::test]
async fn a_webhook_gets_one_at_a_time_in_order() {
    let kept = Kept::new().await;
    kept.add("a", &EventKind::ALL).await;
    kept.happens(EventKind::Commit, at(1)).await;
    kept.happens(EventKind::Push, at(1)).await;
    assert!(kept.take("x", at(0)).await.is_none(), "it is not due yet");
    let first = kept.take("x", at(1)).await.unwrap();
    assert_eq!(
        (first.content.kind(), first.tries, first.attempt, first.workspace.as_str()),
        ("commit", 1, 1, "abc")
    );
    assert!(kept.take("y", at(1)).await.is_none());
    assert!(kept.settle(&first, "x", Next::Delivered, at(2)).await);
    assert!(!kept.settle(&first, "x", Next::Delivered, at(2)).await, "it is settled once");
    let second = kept.take("y", at(2)).await.unwrap();
    assert!(kept.settle(&second, "y", Next::Again(at(20)), at(3)).await);
    assert_eq!(kept.states("a").await, ["commit delivered", "push pending"]);
    assert_eq!(kept.database.next_delivery(at(3)).await.unwrap(), Some(at(20)));
    assert!(kept.take("x", at(19)).await.is_none());
    let again = kept.take("x", at(20)).await.unwrap();
    assert_eq!((again.id, again.tries), (second.id, 2));
}

#[tokio::test]
async fn the_order_is_that_of_events_also_where_their_times_differ() {
    let kept = Kept::new().await;
    kept.add("a", &EventKind::ALL).await;
    // Two writers at once: who took the time first wrote last.
    kept.happens(EventKind::Commit, at(5)).await;
    kept.happens(EventKind::Push, at(4)).await;
    assert!(kept.take("x", at(4)).await.is_none());
    let first = kept.take("x", at(5)).await.unwrap();
    assert_eq!(first.content.kind(), "commit");
    kept.settle(&first, "x", Next::Again(at(6)), at(5)).await;
    // What is tried again holds nothing up.
    assert_eq!(kept.take("x", at(5)).await.unwrap().content.kind(), "push");
}

#[tokio::test]
async fn a_sender_that_died_is_replaced_and_heard_no_more() {
    let kept = Kept::new().await;
    kept.add("a", &EventKind::ALL).await;
    kept.happens(EventKind::Commit, at(1)).await;
    let dead = kept.take("dead", at(1)).await.unwrap();
    assert_eq!(kept.database.next_delivery(at(2)).await.unwrap(), Some(at(61)));
    assert!(kept.take("x", at(60)).await.is_none());
    let due = kept.take("x", at(61)).await.unwrap();
    assert_eq!((&due.id, due.tries), (&dead.id, 2));
    assert!(!kept.settle(&dead, "dead", Next::Delivered, at(62)).await);
    assert!(kept.settle(&due, "x", Next::Delivered, at(63)).await);
    let attempts = kept.database.list_attempts(&due.id).await.unwrap();
    // What the dead one did is not known.
    assert_eq!(attempts.iter().map(|row| row.duration_ms).collect::<Vec<_>>(), [None, Some(7)]);
}

#[tokio::test]
async fn receivers_that_are_away_keep_no_others_waiting() {
    let kept = Kept::new().await;
    for id in ["a", "b", "c", "d", "e"] {
        kept.add(id, &EventKind::ALL).await;
    }
    kept.happens(EventKind::Commit, at(1)).await;
    for owner in ["1", "2", "3", "4"] {
        assert!(kept.take(owner, at(1)).await.is_some());
    }
    assert!(kept.take("5", at(1)).await.is_none(), "four of one workspace are sent at once");
    let kept = Kept::new().await;
    kept.add("away", &[EventKind::Commit]).await;
    kept.add("well", &[EventKind::Push]).await;
    kept.happens(EventKind::Commit, at(1)).await;
    let due = kept.take("x", at(1)).await.unwrap();
    kept.settle(&due, "x", Next::Again(at(5)), at(2)).await;
    kept.happens(EventKind::Push, at(6)).await;
    assert_eq!(kept.take("x", at(6)).await.unwrap().webhook.id, "well");
}

#[tokio::test]
async fn a_webhook_that_fails_for_days_is_switched_off_and_can_be_switched_on() {
    let kept = Kept::new().await;
    kept.add("a", &EventKind::ALL).await;
    for second in 1..=4 {
        kept.happens(EventKind::Commit, at(second)).await;
    }
    let failing = async |next, now| {
        let due = kept.take("x", now).await.unwrap();
        assert!(kept.settle(&due, "x", next, now).await);
        kept.find("a").await
    };
    let row = failing(Next::Failed { switch_off: at(3) }, at(10)).await;
    assert_eq!((row.is_active, row.failing_since), (true, Some(at(10))));
    assert!(kept.database.troubled_webhooks("w", at(9)).await.unwrap().is_empty());
    assert_eq!(kept.database.troubled_webhooks("w", at(10)).await.unwrap().len(), 1);
    // One more that did not fail for good decides nothing.
    let row = failing(Next::Again(at(99)), at(20)).await;
    assert!(row.is_active);
    let row = failing(Next::Failed { switch_off: at(10) }, at(30)).await;
    assert_eq!(row.inactive, Some((at(30), "the receiver answered 500".to_owned())));
    assert_eq!(kept.states("a").await, ["commit failed"; 4]);
    kept.happens(EventKind::Commit, at(40)).await;
    assert!(kept.take("x", at(99)).await.is_none());
    assert_eq!(kept.database.troubled_webhooks("w", at(0)).await.unwrap().len(), 1);
    let on = WebhookChange { is_active: Some(true), ..WebhookChange::default() };
    let row = kept.database.change_webhook("w", "a", &on, at(50)).await.unwrap().unwrap();
    assert_eq!((row.inactive, row.failing_since, row.last_error), (None, None, None));
    let failed =
        kept.database.list_deliveries("a", &DeliveryFilter::default(), 0, 1).await.unwrap().remove(0);
    assert_eq!(failed.last_error["code"], "webhook_inactive");
    assert!(kept.database.redeliver(&failed.id, at(51)).await.unwrap());
    let due = kept.take("x", at(51)).await.unwrap();
    assert!(!kept.database.redeliver(&failed.id, at(52)).await.unwrap(), "it is being sent");
    kept.settle(&due, "x", Next::Delivered, at(52)).await;
    assert_eq!(kept.find("a").await.failing_since, None);
}

#[tokio::test]
async fn what_is_switched_off_while_it_is_sent_is_not_tried_again() {
    let kept = Kept::new().await;
    kept.add("a", &EventKind::ALL).await;
    kept.happens(EventKind::Commit, at(1)).await;
    let due = kept.take("x", at(1)).await.unwrap();
    let off = WebhookChange { is_active: Some(false), ..WebhookChange::default() };
    kept.database.change_webhook("w", "a", &off, at(2)).await.unwrap();
    assert_eq!(kept.states("a").await, ["commit pending"]);
    kept.settle(&due, "x", Next::Again(at(9)), at(3)).await;
    assert_eq!(kept.states("a").await, ["commit failed"]);
}

#[tokio::test]
async fn a_ping_needs_no_event_counts_for_nothing_and_is_one_at_a_time() {
    let kept = Kept::new().await;
    kept.add("a", &EventKind::ALL).await;
    let off = WebhookChange { is_active: Some(false), ..WebhookChange::default() };
    kept.database.change_webhook("w", "a", &off, at(0)).await.unwrap();
    let ping = kept.database.add_ping("a", "{}", at(1)).await.unwrap().unwrap();
    assert_eq!(kept.database.add_ping("a", "{}", at(1)).await.unwrap(), None);
    let due = kept.take("x", at(1)).await.unwrap();
    assert_eq!((&due.id, due.content.kind()), (&ping, "ping"));
    kept.settle(&due, "x", Next::Failed { switch_off: at(9) }, at(2)).await;
    assert_eq!(kept.find("a").await.failing_since, None);
    assert!(kept.database.add_ping("a", "{}", at(3)).await.unwrap().is_some());
    assert_eq!(kept.database.add_ping("gone", "{}", at(3)).await.unwrap(), None);
}

#[tokio::test]
async fn deliveries_go_with_their_events_their_webhook_and_their_workspace() {
    let kept = Kept::new().await;
    kept.add("a", &EventKind::ALL).await;
    kept.add("b", &EventKind::ALL).await;
    kept.happens(EventKind::Commit, at(1)).await;
    kept.happens(EventKind::Push, at(5)).await;
    assert!(kept.take("x", at(5)).await.is_some());
    assert_eq!(kept.database.forget_events(at(5)).await.unwrap(), 1);
    assert_eq!(
        (kept.states("a").await, kept.states("b").await),
        (vec!["push pending".to_owned()], vec!["push pending".to_owned()])
    );
    assert!(kept.database.remove_webhook("w", "a").await.unwrap());
    assert!(kept.states("a").await.is_empty());
    // What is taken whose event is gone is dropped, and the next is taken.
    sqlx::query("DELETE FROM events").execute(&kept.database.pool).await.unwrap();
    kept.happens(EventKind::Upload, at(6)).await;
    assert_eq!(kept.take("y", at(6)).await.unwrap().content.kind(), "upload");
    kept.database.clear_workspace("w").await.unwrap();
    assert!(kept.states("b").await.is_empty());
    assert_eq!(kept.database.count_webhooks("w").await.unwrap(), 0);
}
