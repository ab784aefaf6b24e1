//! Right of way for pushes that other writes keep overtaking.
//!
//! A developer whose push was too late fetches, rebases and pushes again, which takes longer than a change over HTTP. Where
//! clients write to the same workspace all the time he would never be in time. So when somebody who was late fetches again,
//! the other doors of that workspace wait until the push is there, for a moment at most; then they go first for as long.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// How long other writes wait at most.
const HELD: Duration = Duration::from_secs(2);
/// How long somebody counts as late after a push was asked for.
const MEMORY: Duration = Duration::from_secs(30);
/// Workspaces beyond which those without anybody are forgotten.
const MANY: usize = 256;

/// Who waits for whom, by workspace.
#[derive(Debug, Default)]
pub(crate) struct RightOfWay {
    lanes: Mutex<HashMap<String, Lane>>,
    released: Notify,
}

/// One workspace.
#[derive(Debug, Default)]
struct Lane {
    /// When each token asked for a push that was not accepted yet.
    late: HashMap<String, Instant>,
    /// Since when and until when other writes wait.
    held: Option<(Instant, Instant)>,
    /// Until when they go first.
    rests_until: Option<Instant>,
}

impl RightOfWay {
    /// Notes that a push was asked for: its client compares what it has with what is here, and may give up.
    pub(crate) fn push_asked(&self, workspace: &str, token: &str, now: Instant) {
        self.with(workspace, now, |lane| {
            lane.late.insert(token.to_owned(), now);
        });
    }

    /// Notes that somebody fetches: whoever was late with a push prepares the next one.
    pub(crate) fn fetch_begun(&self, workspace: &str, token: &str, now: Instant) {
        self.with(workspace, now, |lane| {
            let may = lane.held.is_none() && lane.rests_until.is_none_or(|until| now >= until);
            if may && lane.late.contains_key(token) {
                lane.held = Some((now, now + HELD));
            }
        });
    }

    /// Notes that a push was accepted.
    pub(crate) fn push_accepted(&self, workspace: &str, token: &str, now: Instant) {
        self.with(workspace, now, |lane| {
            lane.late.remove(token);
            lane.release(now);
        });
        self.released.notify_waiters();
    }

    /// Waits while a push of this workspace has the right of way.
    pub(crate) async fn give_way(&self, workspace: &str) {
        loop {
            let released = self.released.notified();
            let now = Instant::now();
            let Some(until) = self.held_until(workspace, now) else { return };
            // An error means that the time is over, which is asked again.
            let _ = tokio::time::timeout(until.saturating_duration_since(now), released).await;
        }
    }

    fn held_until(&self, workspace: &str, now: Instant) -> Option<Instant> {
        self.with(workspace, now, |lane| lane.held.map(|(_, until)| until))
    }

    fn with<T>(&self, workspace: &str, now: Instant, act: impl FnOnce(&mut Lane) -> T) -> T {
        // A poisoned lock only means that somebody panicked; the map is whole.
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if lanes.len() >= MANY {
            lanes.retain(|_, lane| !lane.is_empty(now));
        }
        let lane = lanes.entry(workspace.to_owned()).or_default();
        lane.pass(now);
        act(lane)
    }
}

impl Lane {
    /// Forgets what is over.
    fn pass(&mut self, now: Instant) {
        self.late.retain(|_, asked| now.saturating_duration_since(*asked) < MEMORY);
        if self.held.is_some_and(|(_, until)| now >= until) {
            self.release(now);
        }
        self.rests_until = self.rests_until.filter(|until| now < *until);
    }

    fn release(&mut self, now: Instant) {
        let Some((since, until)) = self.held.take() else { return };
        let ended = now.min(until);
        self.rests_until = Some(ended + ended.saturating_duration_since(since));
    }

    fn is_empty(&mut self, now: Instant) -> bool {
        self.pass(now);
        self.late.is_empty() && self.held.is_none() && self.rests_until.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: Duration = Duration::from_millis(300);

    #[test]
    fn only_who_was_late_holds_the_others_up_and_only_for_a_moment() {
        let (way, begin) = (RightOfWay::default(), Instant::now());
        way.fetch_begun("w", "reader", begin);
        assert_eq!(way.held_until("w", begin), None);
        way.push_asked("w", "late", begin);
        way.fetch_begun("w", "reader", begin);
        assert_eq!(way.held_until("w", begin), None);
        way.fetch_begun("w", "late", begin + MOMENT);
        assert_eq!(way.held_until("w", begin + MOMENT), Some(begin + MOMENT + HELD));
        assert_eq!(way.held_until("other", begin + MOMENT), None);
        // No push came: the others go first for as long as they waited.
        let over = begin + MOMENT + HELD;
        assert_eq!(way.held_until("w", over), None);
        way.fetch_begun("w", "late", over + MOMENT);
        assert_eq!(way.held_until("w", over + MOMENT), None);
        way.fetch_begun("w", "late", over + HELD);
        assert_eq!(way.held_until("w", over + HELD), Some(over + HELD + HELD));
    }

    #[test]
    fn an_accepted_push_lets_the_others_go_at_once() {
        let (way, begin) = (RightOfWay::default(), Instant::now());
        way.push_asked("w", "one", begin);
        way.fetch_begun("w", "one", begin);
        way.push_accepted("w", "one", begin + MOMENT);
        assert_eq!(way.held_until("w", begin + MOMENT), None);
        // Who was in time is not late any more.
        way.fetch_begun("w", "one", begin + HELD);
        assert_eq!(way.held_until("w", begin + HELD), None);
    }

    #[test]
    fn what_is_long_past_is_forgotten() {
        let (way, begin) = (RightOfWay::default(), Instant::now());
        way.push_asked("w", "one", begin);
        way.fetch_begun("w", "one", begin + MEMORY);
        assert_eq!(way.held_until("w", begin + MEMORY), None);
        for number in 0..1000 {
            way.push_asked(&number.to_string(), "one", begin + MEMORY * number);
        }
        assert!(way.lanes.lock().unwrap().len() <= MANY);
    }

    #[tokio::test]
    async fn who_waits_goes_on_when_the_push_is_in() {
        let way = RightOfWay::default();
        way.push_asked("w", "one", Instant::now());
        way.fetch_begun("w", "one", Instant::now());
        let waiting = way.give_way("w");
        let push = async {
            tokio::task::yield_now().await;
            way.push_accepted("w", "one", Instant::now());
        };
        let begun = Instant::now();
        futures_util::future::join(waiting, push).await;
        assert!(begun.elapsed() < HELD);
    }
}
