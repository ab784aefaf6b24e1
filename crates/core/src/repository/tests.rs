//! Tests of the store as a whole, against the real `git` where it can judge.

mod commits;
mod comparisons;
mod crashes;
mod histories;
mod history;
mod incoming;
mod lifecycle;
mod merges;
mod packs;
mod probe;
mod stage;
mod transfer;
