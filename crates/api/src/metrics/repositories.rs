//! Packs and loose objects of all repositories, looked at a few at a time in the background.
//!
//! A look is two listings of directories. A round of all repositories takes as many steps as it needs, and is told when
//! it is whole, so that ten thousand repositories cost no scrape anything.

use std::collections::VecDeque;
use std::time::Duration;

use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::watch;
use workstead_core::repository::{Census, RepositoryId};

use super::gauge;
use super::registrar::{Registrar, about};
use crate::app::AppState;
use crate::error::ApiError;

/// Repositories of one step.
const STEP: usize = 200;
/// How long it rests between steps.
const PAUSE: Duration = Duration::from_secs(30);

/// What the last whole round found.
#[derive(Debug)]
pub(super) struct RepositoryGauges {
    count: Gauge,
    packs: Gauge,
    most_packs: Gauge,
    loose: Gauge,
    most_loose: Gauge,
}

/// What a round has found so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Round {
    count: u64,
    packs: u64,
    most_packs: u64,
    loose: u64,
    most_loose: u64,
}

impl Round {
    fn add(&mut self, census: Census) {
        self.count += 1;
        self.packs += census.packs;
        self.most_packs = self.most_packs.max(census.packs);
        self.loose += census.loose_objects;
        self.most_loose = self.most_loose.max(census.loose_objects);
    }
}

impl RepositoryGauges {
    pub(super) fn register(r: &mut Registrar) -> Self {
        let mut gauge = |name, help| r.gauge(&about(name, &[], help));
        Self {
            count: gauge(
                "workstead_repositories",
                "Repositories that the last round in the background found",
            ),
            packs: gauge("workstead_repository_packs", "Packs of all repositories"),
            most_packs: gauge("workstead_repository_packs_max", "Packs of the repository that has most"),
            loose: gauge(
                "workstead_repository_loose_objects",
                "Loose objects of all repositories, estimated as `git gc` does",
            ),
            most_loose: gauge(
                "workstead_repository_loose_objects_max",
                "Loose objects of the repository that has most",
            ),
        }
    }

    fn tell(&self, round: Round) {
        self.count.set(gauge(round.count));
        self.packs.set(gauge(round.packs));
        self.most_packs.set(gauge(round.most_packs));
        self.loose.set(gauge(round.loose));
        self.most_loose.set(gauge(round.most_loose));
    }
}

/// Looks at the repositories, round after round, until the server stops.
pub(crate) async fn sample_forever(app: AppState, mut stopped: watch::Receiver<bool>) {
    let (mut round, mut left) = (Round::default(), VecDeque::new());
    loop {
        match step(&app, &mut round, &mut left).await {
            Ok(()) if left.is_empty() => app.metrics.repositories.tell(std::mem::take(&mut round)),
            Ok(()) => {}
            Err(error) => {
                let cause = error.cause().map(ToString::to_string);
                tracing::warn!(cause, "the repositories could not be counted; it is tried again");
            }
        }
        if tokio::time::timeout(PAUSE, stopped.wait_for(|stopped| *stopped)).await.is_ok() {
            return;
        }
    }
}

/// Looks at the next of those that are left; when none are, a new round begins.
async fn step(app: &AppState, round: &mut Round, left: &mut VecDeque<RepositoryId>) -> Result<(), ApiError> {
    let (state, so_far, ids) = (app.clone(), *round, std::mem::take(left));
    let looked = app.work.blocking(move || {
        let mut round = so_far;
        let mut ids = if ids.is_empty() { state.repositories.ids()?.into() } else { ids };
        for id in ids.drain(..ids.len().min(STEP)) {
            // One that is gone by now, or can't be read, is not this one's to report.
            if let Ok(census) = state.repositories.census(&id) {
                round.add(census);
            }
        }
        Ok::<_, ApiError>((round, ids))
    });
    (*round, *left) = looked.await??;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_sums_and_keeps_the_most() {
        let mut round = Round::default();
        for (packs, loose_objects) in [(2, 256), (20, 0)] {
            round.add(Census { packs, loose_objects });
        }
        let expected = Round { count: 2, packs: 22, most_packs: 20, loose: 256, most_loose: 256 };
        assert_eq!(round, expected);
    }
}
