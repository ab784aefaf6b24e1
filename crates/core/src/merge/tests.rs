//! The rules of the merge, one test for each sentence.

pub(crate) mod bundle;
pub(crate) mod corpus;
mod planned;
mod properties;
mod rules_bases;
mod rules_files;
mod rules_groups;
mod rules_manifest;
mod rules_prune;
mod rules_slxs;
mod rules_threeway;
mod steps;
pub(crate) mod world;
