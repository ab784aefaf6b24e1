//! Tests of the store as a whole, against the real `git` where it can judge.

mod commits;
mod comparisons;
mod crashes;
mod fsck;
mod histories;
mod history;
mod housekeeping;
mod housekeeping_races;
mod incoming;
mod lifecycle;
mod merges;
mod packs;
mod probe;
mod room;
mod stage;
mod transfer;
